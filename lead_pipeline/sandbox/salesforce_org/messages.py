"""Requests and answers inside the org's own dispatcher, free of the web framework.

Belongs here: their shape, JSON reading and writing, and how refusals become answers. Which handler answers: routing.py.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any, Final

from lead_pipeline.sandbox.control_plane import FiredFault
from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.org import Caller, Org
from lead_pipeline.sandbox.salesforce_org.saving import Refused, SaveContext
from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema
from lead_pipeline.sandbox.salesforce_org.values import UnreadableValueError, format_moment

JSON_TYPE: Final = "application/json;charset=UTF-8"
NOBODY: Final = Caller("", "")
_DUPLICATE_HEADER: Final = "sforce-duplicate-rule-header"
_MAYBE_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_MANY: Final = 300


@dataclass(frozen=True)
class Call:
    """One request, of a client or of a composite.

    Attributes:
        org: the org it goes to.
        method: HTTP method.
        path: decoded path.
        query: query-string parameters.
        headers: lower-case names.
        body: raw body.
        base_url: how the client reaches the org.
        caller: the acting user.
        version: API version of the path.
        parts: variable parts of the path by name.
        faults: record faults due for this request.
    """

    org: Org
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = ""
    caller: Caller = NOBODY
    version: float = 0.0
    parts: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[FiredFault, ...] = ()

    @property
    def root(self) -> str:
        """The path of the API version, head of every record URL."""
        return f"/services/data/v{self.version:.1f}"

    def find_object(self, name: str) -> ObjectSchema | None:
        """The schema of an object named in any case; None when there is none, or the caller may not read any of it."""
        schema = self.org.schema(name)
        return schema if schema is not None and self.sees(schema) else None

    def sees(self, schema: ObjectSchema) -> bool:
        """Whether the caller may read records of an object at all."""
        return "read" not in schema.access_of(self.caller.key).denied

    def json(self) -> Any:  # noqa: ANN401 - any JSON document
        """The body as JSON.

        Raises:
            SalesforceFault: JSON_PARSER_ERROR.
        """
        try:
            document = json.loads(self.body, parse_constant=_refuse_constant)
            if _MAYBE_SURROGATE.search(self.body):
                json.dumps(document, ensure_ascii=False).encode()
        except (UnicodeDecodeError, UnicodeEncodeError):
            raise fault("JSON_PARSER_ERROR", text="Invalid UTF-8 in the request body at [line:1, column:1]") from None
        except json.JSONDecodeError as error:
            text = f"{error.msg} at [line:{error.lineno}, column:{error.colno}]"
            raise fault("JSON_PARSER_ERROR", text=text) from None
        except RecursionError:
            raise fault("JSON_PARSER_ERROR", text="The document is nested too deeply at [line:1, column:1]") from None
        return document

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            SalesforceFault: JSON_PARSER_ERROR.
        """
        document = self.json()
        if not isinstance(document, dict):
            raise fault(
                "JSON_PARSER_ERROR", text="The HTTP entity body is required to be a JSON object at [line:1, column:1]"
            )
        return document

    def save_context(self) -> SaveContext:
        """How the request's headers ask records to be saved.

        Raises:
            SalesforceFault: an unreadable If-Unmodified-Since.
        """
        options = _header_options(self.headers.get(_DUPLICATE_HEADER, ""))
        return SaveContext(
            caller=self.caller,
            version=self.version,
            allow_duplicates=options.get("allowsave") == "true",
            show_duplicates=options.get("includerecorddetails") == "true",
            auto_assign=self.headers.get("sforce-auto-assign", "TRUE").upper() != "FALSE",
            unmodified_since=self.moment_header("if-unmodified-since"),
        )

    def moment_header(self, name: str) -> str | None:
        """A date header in stored form, or None.

        Raises:
            SalesforceFault: the header is not an HTTP date.
        """
        text = self.headers.get(name)
        if text is None:
            return None
        try:
            return format_moment(parsedate_to_datetime(text))
        except ValueError:
            raise fault("BAD_REQUEST", text=f"Unable to parse the header {name}") from None


@dataclass(frozen=True)
class Answer:
    """One answer: `body` is a JSON document, raw bytes, or None for an empty answer."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON_TYPE

    def with_headers(self, more: Mapping[str, str]) -> "Answer":
        """The answer with further headers."""
        return replace(self, headers={**self.headers, **more})

    def encoded(self, *, pretty: bool = False) -> bytes:
        """The body as bytes."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        text = json.dumps(
            self.body, ensure_ascii=False, indent=2 if pretty else None, separators=None if pretty else (",", ":")
        )
        return text.encode("utf-8", "replace")

    @property
    def is_refusal(self) -> bool:
        """Whether the request as a whole failed."""
        return self.status >= _MANY


def refusal(faults: Iterable[SalesforceFault]) -> Answer:
    """The error array of a single-record or query request."""
    items = tuple(faults)
    return Answer(items[0].status, [item.as_rest() for item in items])


def refusal_of(error: SalesforceFault | Refused | UnreadableValueError, call: Call) -> Answer:
    """The answer to a request that a rule, a value or a name stopped."""
    if isinstance(error, Refused):
        return refusal(map(call.org.switches.settle, error.faults))
    if isinstance(error, UnreadableValueError):
        return refusal([error.as_json_error(*_position(call.body, error.field.name))])
    return refusal([call.org.switches.settle(error)])


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise fault("JSON_PARSER_ERROR", text=f"Non-standard token '{name}' at [line:1, column:1]")


def _position(body: bytes, name: str) -> tuple[int, int]:
    """Line and column just behind a member's value start, roughly where the platform's parser stops."""
    place = max(body.find(b'"' + name.encode() + b'"'), 0)
    line_start = body.rfind(b"\n", 0, place) + 1
    return body.count(b"\n", 0, place) + 1, place - line_start + 1


def _header_options(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs}

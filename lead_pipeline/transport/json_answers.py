"""What a JSON answer of a paid call is worth: an object, or an error that says what to do next. Pure functions of text.

How the answer travelled is `json_calls`; where in the object the rows stand is known to the adapter.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lead_pipeline.errors import (
    ConfigurationError,
    CredentialsRefusedError,
    LeadPipelineError,
    OutOfCreditsError,
    RequestRefusedError,
    ServiceUnavailableError,
    TransportFaultError,
    UnreadablePageError,
)

OK, PAYMENT_REQUIRED, NOT_FOUND, TOO_MANY_REQUESTS, FIRST_SERVER_ERROR = 200, 402, 404, 429, 500
REFUSED_CREDENTIALS = frozenset({401, 403})
MAX_DEPTH = 32  # levels of a row; what lies deeper is no lead's value, and is kept in the page's own text
MAX_DIGITS = 1_000  # of a whole number; Python reads no more than 4,300, and no value of a lead has more than 20
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WORD = re.compile(r"\w+")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # Postgres keeps neither NUL nor half a surrogate pair


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidService:
    """A system whose calls cost credits, and where its access is configured; for messages."""

    name: str  # "Dievio"
    address_variable: str
    key_variable: str
    document: str  # the configuration file that holds its paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Which call was answered, for messages."""

    name: str  # "search" or "lookup"
    path: str
    segment: str = ""
    keys: frozenset[str] = frozenset()  # of the request's body


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, media type, text and headers of an answer, and how long it asks us to wait."""

    status: int
    media_type: str
    text: str
    wait_seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case


def read_answer(answer: Answer, *, call: Call, service: PaidService) -> Mapping[str, Any]:
    """Return the object that a successful answer holds.

    Raises:
        LeadPipelineError: The answer is an error; its type says what to do next.
    """
    if answer.status != OK:
        raise _classify(answer, call, service)
    return _parse(answer, call, service)


def refused(answer: Answer, *, call: Call, service: PaidService) -> RequestRefusedError:
    """Return the refusal with those keys of our request that it talks about.

    Its own words are left out: they may quote the values of a filter, and no mask knows a person's name.
    """
    code, message = read_error(answer.text)
    named = sorted(call.keys.intersection(_WORD.findall(message)))
    reason = f"about {', '.join(named)}" if named else ""
    return RequestRefusedError(service.name, call.name, code=f"{answer.status} {code}".strip(), reason=reason)


def unreadable(answer: Answer, what: str, *, call: Call, service: PaidService) -> UnreadablePageError:
    """Return the error of a paid answer that is none; it keeps the text."""
    return UnreadablePageError(service.name, call.name, what=what, body=storable_text(answer.text))


def read_error(text: str) -> tuple[str, str]:
    """Return code and message of an error body of any shape; blank where it has none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return "", "" if text.lstrip().startswith("<") else text
    texts = list(_error_texts(document))
    code = next((item for item in texts if _CODE.fullmatch(item)), "")
    return code, next((item for item in texts if item != code), "")


def storable_text(text: str) -> str:
    """Return a text that the database can keep."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def storable(value: object, depth: int = MAX_DEPTH) -> object:
    """Return a JSON value that the database can keep: no NUL, half surrogates, NaN, infinity or endless nesting."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | dict) and depth == 0:
        return None
    if isinstance(value, list):
        return [storable(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {storable_text(key): storable(item, depth - 1) for key, item in value.items()}
    return value


def read_count(value: object) -> int | None:
    """Read a count; numbers in quotes are accepted, nonsense counts as absent."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _classify(answer: Answer, call: Call, service: PaidService) -> LeadPipelineError:
    code, _ = read_error(answer.text)
    said = f"{answer.status} {code}".strip()
    if answer.status in REFUSED_CREDENTIALS:
        settings = f"{service.key_variable} and {service.address_variable}"
        return CredentialsRefusedError(service.name, code=said, settings=settings)
    if answer.status == PAYMENT_REQUIRED:
        return OutOfCreditsError(call.segment or call.name, system=service.name)
    if answer.status == NOT_FOUND:
        what = f"has nothing at {call.path} ({said})"
        repair = f"Check {service.address_variable} and the paths in {service.document}"
        return ConfigurationError(service.name, what=what, repair=repair)
    if answer.status == TOO_MANY_REQUESTS or answer.status >= FIRST_SERVER_ERROR:
        return ServiceUnavailableError(
            service.name, call.name, status=answer.status, code=code, retry_after_seconds=answer.wait_seconds
        )
    if answer.status < PAYMENT_REQUIRED and answer.status // 100 in {1, 2, 3}:
        return unreadable(answer, f"{answer.status} instead of a page", call=call, service=service)
    return refused(answer, call=call, service=service)


def _parse(answer: Answer, call: Call, service: PaidService) -> Mapping[str, Any]:
    try:
        document = json.loads(answer.text, parse_int=_read_whole_number)
    except RecursionError as error:
        # complete, so that asking again would only be paid for again
        raise unreadable(answer, "JSON nested too deeply to be read", call=call, service=service) from error
    except ValueError as error:
        if answer.text.lstrip().startswith("{"):
            # It began as a page: the rest was lost on the way, and the rows may have been billed.
            raise TransportFaultError(service.name, call.name, cause="truncated JSON", is_sent=True) from error
        what = f"text of the type {answer.media_type or 'unknown'} instead of JSON"
        raise unreadable(answer, what, call=call, service=service) from error
    if not isinstance(document, dict):
        raise unreadable(answer, "JSON that is no object", call=call, service=service)
    return document


def _read_whole_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= MAX_DIGITS else None


def _error_texts(document: object) -> Iterator[str]:
    """Yield the texts of an error body: `error` (text or object), `message`, `detail`, `errors[]`."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        for item in document:
            yield from _error_texts(item)
    elif isinstance(document, Mapping):
        for key in ("error", "type", "code", "id", "message", "msg", "detail", "details", "errors"):
            yield from _error_texts(document.get(key))

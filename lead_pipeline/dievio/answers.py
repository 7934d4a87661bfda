"""What an answer of Dievio means: a page, or an error that says what to do next. Pure functions of status and text.

How the answer travelled, and what happens when none arrives, is `client`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lead_pipeline.dievio.options import AnswerKeys
from lead_pipeline.domain.searches import SearchPage
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

SYSTEM = "Dievio"
OK, PAYMENT_REQUIRED, NOT_FOUND, TOO_MANY_REQUESTS, FIRST_SERVER_ERROR = 200, 402, 404, 429, 500
REFUSED_CREDENTIALS = frozenset({401, 403})
MAX_DEPTH = 32  # levels of a row; what lies deeper is no lead's value, and is kept in the page's own text
MAX_DIGITS = 1_000  # of a whole number; Python reads no more than 4,300, and no value of a lead has more than 20
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WORD = re.compile(r"\w+")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # Postgres keeps neither NUL nor half a surrogate pair
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Which call was answered, for messages."""

    name: str  # "search" or "lookup"
    path: str
    segment: str = ""
    keys: frozenset[str] = frozenset()  # of the request's body


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, media type and text of an answer, and how long it asks us to wait."""

    status: int
    media_type: str
    text: str
    wait_seconds: float | None = None


def read_page(answer: Answer, *, call: Call, keys: AnswerKeys) -> SearchPage:
    """Return the page that an answer holds.

    Raises:
        LeadPipelineError: The answer is an error; its type says what to do next.
    """
    if answer.status != OK:
        raise _classify(answer, call)
    document = _parse(answer, call)
    rows = _find(document, keys.rows)
    if document.get("success") is False:
        raise _refused(answer, call)
    if not isinstance(rows, list):
        raise UnreadablePageError(SYSTEM, call.name, what="200 without rows", body=storable_text(answer.text))
    next_page = _count(_find(document, keys.next_page))
    has_more = _find(document, keys.has_more)
    return SearchPage(
        body=storable_text(answer.text),
        rows=tuple(storable(row) for row in rows),
        has_more=next_page is not None and has_more is not False,
        next_page=next_page,
        total_count=_count(_find(document, keys.total_count)),
        is_total_exact=not _find(document, keys.counting, absent=False),
        per_page=_count(_find(document, keys.per_page)) or None,
    )


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


def _classify(answer: Answer, call: Call) -> LeadPipelineError:
    code, _ = read_error(answer.text)
    said = f"{answer.status} {code}".strip()
    if answer.status in REFUSED_CREDENTIALS:
        return CredentialsRefusedError(SYSTEM, code=said, settings="DIEVIO_API_KEY and DIEVIO_BASE_URL")
    if answer.status == PAYMENT_REQUIRED:
        return OutOfCreditsError(call.segment or call.name)
    if answer.status == NOT_FOUND:
        what = f"has nothing at {call.path} ({said})"
        return ConfigurationError(SYSTEM, what=what, repair="Check DIEVIO_BASE_URL and the paths in dievio.yaml")
    if answer.status == TOO_MANY_REQUESTS or answer.status >= FIRST_SERVER_ERROR:
        return ServiceUnavailableError(
            SYSTEM, call.name, status=answer.status, code=code, retry_after_seconds=answer.wait_seconds
        )
    if answer.status < PAYMENT_REQUIRED and answer.status // 100 in {1, 2, 3}:
        what = f"{answer.status} instead of a page"
        return UnreadablePageError(SYSTEM, call.name, what=what, body=storable_text(answer.text))
    return _refused(answer, call)


def _refused(answer: Answer, call: Call) -> RequestRefusedError:
    """Return the refusal with those keys of our request that it talks about.

    Its own words are left out: they may quote the values of a filter, and no mask knows a person's name.
    """
    code, message = read_error(answer.text)
    named = sorted(call.keys.intersection(_WORD.findall(message)))
    reason = f"about {', '.join(named)}" if named else ""
    return RequestRefusedError(SYSTEM, call.name, code=f"{answer.status} {code}".strip(), reason=reason)


def _parse(answer: Answer, call: Call) -> Mapping[str, Any]:
    try:
        document = json.loads(answer.text, parse_int=_read_whole_number)
    except RecursionError as error:
        what = "JSON nested too deeply to be read"  # complete, so that asking again would only be paid for again
        raise UnreadablePageError(SYSTEM, call.name, what=what, body=storable_text(answer.text)) from error
    except ValueError as error:
        if answer.text.lstrip().startswith("{"):
            # It began as a page: the rest was lost on the way, and the rows may have been billed.
            raise TransportFaultError(SYSTEM, call.name, cause="truncated JSON", is_sent=True) from error
        what = f"text of the type {answer.media_type or 'unknown'} instead of JSON"
        raise UnreadablePageError(SYSTEM, call.name, what=what, body=storable_text(answer.text)) from error
    if not isinstance(document, dict):
        what = "JSON that is no object"
        raise UnreadablePageError(SYSTEM, call.name, what=what, body=storable_text(answer.text))
    return document


def _read_whole_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= MAX_DIGITS else None


def _find(document: Mapping[str, Any], paths: tuple[str, ...], *, absent: object = None) -> Any:  # noqa: ANN401  # any JSON value
    for path in paths:
        value: Any = document
        for key in path.split("."):
            value = value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if value is not _ABSENT:
            return value
    return absent


def _count(value: object) -> int | None:
    """Read a count; numbers in quotes are accepted, nonsense counts as absent."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


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

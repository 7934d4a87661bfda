"""Builds SOQL: the only place where values become part of a query.

A template holds `{name}` for a value and `{name:like}` for text inside a quoted LIKE pattern; nothing else. Names of
fields and objects go in as `Names`, which only lets through what an allow-list holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from string import Formatter
from urllib.parse import quote

from lead_pipeline.errors import ConfigurationError, UnsendableValueError

MAX_LITERAL_CHARS = 4_000  # Salesforce limit of one string in a WHERE clause
MAX_IN_VALUES = 200  # well below the URI limit for ids, and one page of a collection
MAX_URI_CHARS = 16_000  # Salesforce answers 414 above 16,384 bytes of URI; the rest is for host and path

_ESCAPES = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}
_LIKE_ESCAPES = {**_ESCAPES, "%": "\\%", "_": "\\_"}
_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*){0,4}")
_SURROGATES = range(0xD800, 0xE000)

SoqlValue = str | bool | int | float | Decimal | date | datetime | None


@dataclass(frozen=True, slots=True)
class Names:
    """Field or object names that may stand in a query as they are. Made by `allowed_names` only."""

    names: tuple[str, ...]


def allowed_names(names: Sequence[str], *, allowed: Collection[str]) -> Names:
    """Let through names that are on the allow-list, usually the fields of a describe.

    Raises:
        ConfigurationError: A name is not on it.
    """
    for name in names:
        if name not in allowed or not _API_NAME.fullmatch(name):
            raise ConfigurationError(
                "mapping",
                what=f"names {name[:80]!r}, which the org does not have or hides from our user",
                repair="Correct the name, or grant the integration user access to the field",
            )
    return Names(tuple(names))


def soql(template: str, **values: SoqlValue | Names | Sequence[SoqlValue]) -> str:
    """Return the query with every value escaped as its type demands.

    Args:
        template: Text of our own with `{name}` and `{name:like}`.
        values: One per name; a list becomes `(a, b)` and must not be empty.

    Raises:
        UnsendableValueError: A value that no literal can hold.
        ValueError: The template or a list is wrong; this is a mistake in our code.
    """
    parts: list[str] = []
    for text, name, spec, conversion in Formatter().parse(template):
        parts.append(text)
        if name is None:
            continue
        if conversion or spec not in {"", "like"} or not name.isidentifier():
            raise ValueError("a query template knows {name} and {name:like} only")
        parts.append(_like(name, values[name]) if spec else _render(name, values[name]))
    return "".join(parts)


def soql_in_chunks(template: str, *, name: str, members: Sequence[str], **values: SoqlValue | Names) -> Iterator[str]:
    """Yield queries that together cover a list: each with few enough members for the URI. No members, no query.

    Args:
        template: As for `soql`; `{<name>}` takes the list.
        name: The name of the list in the template.
        members: Its values.
        values: The other values.
    """
    # Room is measured on the encoded query, because one umlaut takes six characters of the URI.
    free_chars = MAX_URI_CHARS - uri_chars(soql(template, **{name: ""}, **values))
    chunk: list[str] = []
    used_chars = 0
    for member in members:
        needed = uri_chars(_render(name, member) + ",")
        if chunk and (len(chunk) == MAX_IN_VALUES or used_chars + needed > free_chars):
            yield soql(template, **{name: chunk}, **values)
            chunk, used_chars = [], 0
        chunk.append(member)
        used_chars += needed
    if chunk:
        yield soql(template, **{name: chunk}, **values)


def uri_chars(query: str) -> int:
    """Return how many characters a query takes in a URI."""
    return len(quote(query, safe=""))


def soql_time(moment: datetime) -> str:
    """Return a moment as SOQL writes it: unquoted, UTC, milliseconds.

    Raises:
        ValueError: The moment has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment in a query needs a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _render(name: str, value: object) -> str:
    if isinstance(value, Names):
        return ", ".join(value.names)
    if isinstance(value, (list, tuple)):
        if not value:
            raise ValueError(f"the list {name} is empty: ask no query")
        return "(" + ",".join(_scalar(name, member) for member in value) + ")"
    return _scalar(name, value)


def _scalar(name: str, value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{_escape(name, value, _ESCAPES)}'"
    if isinstance(value, datetime):
        return soql_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float, Decimal)) and math.isfinite(value):
        return format(Decimal(str(value)), "f")
    raise UnsendableValueError(name, what=f"a {type(value).__name__} that SOQL cannot express")


def _like(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise UnsendableValueError(name, what=f"a {type(value).__name__} where a LIKE pattern needs text")
    return _escape(name, value, _LIKE_ESCAPES)


def _escape(name: str, text: str, escapes: dict[str, str]) -> str:
    if "\0" in text or any(ord(letter) in _SURROGATES for letter in text):
        raise UnsendableValueError(name, what="a NUL or half a character")
    if len(text) > MAX_LITERAL_CHARS:
        raise UnsendableValueError(name, what=f"more than {MAX_LITERAL_CHARS} characters")
    return "".join(escapes.get(letter, letter) for letter in text)

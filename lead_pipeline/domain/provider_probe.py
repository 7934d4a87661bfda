"""What a first call of a provider tells: the shape of its rows without a single value, and a mapping drafted from them.

Asking is `services/probing`; reading a row by a mapping is `extraction`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lead_pipeline.domain.extraction import SourceMapping, extract_fields

MAX_DEPTH = 6  # levels of a row that are shown
DRAFT_VERSION = "draft"
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")  # a key of any other form may be somebody's name or address
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("e-mail", re.compile(r"[^@\s]+@[^@\s]+")),
    ("link", re.compile(r"(https?://)?[\w.-]+\.[a-z]{2,}(/\S*)?", re.IGNORECASE)),
    ("time", re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")),
    ("number as text", re.compile(r"[+\d][\d ().-]*")),
    ("blank text", re.compile(r"\s*")),
)


def outline(value: object) -> dict[str, str]:
    """Return path -> kind of everything in a JSON value; keys and kinds only, never a value."""
    return dict(_walk(value, "", depth=0))


def _walk(value: object, path: str, *, depth: int) -> Iterator[tuple[str, str]]:
    if depth >= MAX_DEPTH:
        yield path, "deeper than is shown"
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            name = key if _KEY.fullmatch(key) else "(a key of another form)"
            yield from _walk(entry, f"{path}.{name}" if path else name, depth=depth + 1)
    elif isinstance(value, list):
        yield path, f"list of {len(value)}"
        for entry in value[:1]:
            yield from _walk(entry, f"{path}[0]", depth=depth + 1)
    else:
        yield path, _kind(value)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    return next((name for name, form in _FORMS if form.fullmatch(str(value))), "text")


def draft_mapping(document: Mapping[str, Any], mapping: SourceMapping, rows: Sequence[object]) -> dict[str, Any]:
    """Return a mapping document whose candidates begin with the paths that carried a value in these rows.

    Args:
        document: The mapping document in use.
        mapping: The same, read.
        rows: Rows as delivered; what is no object is passed over.
    """
    winners = find_winners(mapping, rows)
    fields = {name: _reorder(entries, winners.get(name)) for name, entries in document["fields"].items()}
    expected = [name for name in document.get("expected", ()) if name in winners]
    return {**document, "version": DRAFT_VERSION, "expected": expected, "fields": fields}


def find_winners(mapping: SourceMapping, rows: Sequence[object]) -> dict[str, str]:
    """Return field -> the first path that carried a value in any row, without the provider's object before it."""
    winners: dict[str, str] = {}
    for row in rows:
        if isinstance(row, Mapping):
            for name, path in extract_fields(row, mapping).source_paths.items():
                winners.setdefault(name, _within(path, mapping))
    return winners


def find_unknown_keys(mapping: SourceMapping, rows: Sequence[object]) -> tuple[str, ...]:
    """Return the keys of rows that the mapping neither uses nor ignores on purpose."""
    keys = (key for row in rows if isinstance(row, Mapping) for key in extract_fields(row, mapping).unknown_keys)
    return tuple(dict.fromkeys(key for key in keys if _KEY.fullmatch(key)))


def _within(path: str, mapping: SourceMapping) -> str:
    scope, dot, rest = path.partition(".")
    return rest if dot and scope in mapping.raw_objects else path


def _reorder(entries: Sequence[Any], winner: str | None) -> list[Any]:
    first = [entry for entry in entries if (entry["path"] if isinstance(entry, Mapping) else entry) == winner]
    return [*first, *(entry for entry in entries if entry not in first)]

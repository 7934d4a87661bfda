"""Which cell of a delivered row holds which value: the source mapping, and reading a row by it.

The mapping is configuration, one file per source. What a value means once it is found is `normalize/`; what the keys
of a whole batch tell about the source is `drift`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lead_pipeline.domain.confidence import ConfidencePolicy, parse_confidence_policy
from lead_pipeline.domain.normalize.linkedin import profile_url
from lead_pipeline.domain.normalize.text import clean_value
from lead_pipeline.errors import ConfigurationError


class Conversion(StrEnum):
    """How a cell is written, where the reader of its field cannot see that by itself."""

    LINKEDIN_USERNAME = "linkedin_username"
    EPOCH_SECONDS = "epoch_seconds"
    EPOCH_MILLISECONDS = "epoch_milliseconds"


#: The raw values that a mapping may name; the reader of a lead knows each of them.
SOURCE_FIELDS = frozenset(
    {
        "first_name", "last_name", "full_name", "email", "personal_email", "email_status", "phone", "title",
        "seniority", "department", "company_name", "company_domain", "website", "linkedin_url", "industry",
        "employee_count", "street", "postal_code", "city", "state", "country", "location", "provider",
        "last_enriched_at", "company_revenue", "technologies",
    }
)  # fmt: skip

_STEP = re.compile(r"(?P<key>[A-Za-z_]\w*)(?:\[(?:(?P<index>\d+)|(?P<name>[A-Za-z_]\w*)=(?P<value>[^\]]+))\])?")
_CONFIDENCE_SUFFIX = "_confidence"
_CONFIDENCE_OBJECT = "confidence"

_Step = str | int | tuple[str, str]


@dataclass(frozen=True, slots=True)
class CellPath:
    """Where a cell lies in a row, e.g. `emails[type=current_professional].address`.

    `steps` are keys, list positions, and (key, value) pairs that pick the first list entry holding the value.
    """

    text: str
    steps: tuple[_Step, ...]
    conversion: Conversion | None = None

    @property
    def root(self) -> str:
        """The key of the row that the path starts with."""
        return str(self.steps[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMapping:
    """How the rows of one source are read."""

    source: str
    version: str
    label: str
    enrichment_source: str
    fields: Mapping[str, tuple[CellPath, ...]]  # raw value -> candidates, first non-blank wins
    id_paths: tuple[CellPath, ...]
    raw_objects: tuple[str, ...]
    expected: frozenset[str]
    known_keys: frozenset[str]  # keys of a row that the mapping uses or ignores on purpose
    confidence: ConfidencePolicy
    full_name_as_last_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedRow:
    """The raw values of one row, texts cleaned; a value that is blank everywhere is absent."""

    values: Mapping[str, object]
    source_paths: Mapping[str, str]  # raw value -> path that won
    conversions: Mapping[str, Conversion]
    explicit_confidences: Mapping[str, object]
    unknown_keys: tuple[str, ...]
    record_id: str | None = None


def parse_source_mapping(document: Mapping[str, Any]) -> SourceMapping:
    """Return the mapping that a validated configuration document describes.

    Raises:
        ConfigurationError: A path or a field is none.
    """
    source = str(document["source"])
    fields = {name: _parse_candidates(source, name, entries) for name, entries in document["fields"].items()}
    id_paths = tuple(_parse_path(source, "id_paths", text) for text in document.get("id_paths", ()))
    raw_objects = tuple(document.get("raw_objects", ()))
    roots = {path.root for paths in (*fields.values(), id_paths) for path in paths}
    return SourceMapping(
        source=source,
        version=str(document["version"]),
        label=str(document["label"]),
        enrichment_source=str(document.get("enrichment_source") or document["label"]),
        fields=fields,
        id_paths=id_paths,
        raw_objects=raw_objects,
        expected=frozenset(document.get("expected", ())),
        known_keys=frozenset(roots | {*raw_objects, *document.get("ignored", ()), _CONFIDENCE_OBJECT}),
        confidence=parse_confidence_policy(document.get("confidence") or {}),
        full_name_as_last_name=bool(document.get("full_name_as_last_name", False)),
    )


def extract_fields(payload: Mapping[str, Any], mapping: SourceMapping) -> ExtractedRow:
    """Return the raw values of a row: the row itself first, then the provider's object inside it."""
    scopes = [("", payload)]
    scopes += [(f"{key}.", payload[key]) for key in mapping.raw_objects if isinstance(payload.get(key), Mapping)]
    values: dict[str, object] = {}
    paths: dict[str, str] = {}
    conversions: dict[str, Conversion] = {}
    for name, candidates in mapping.fields.items():
        found = _find_first(scopes, candidates)
        if found is None:
            continue
        path, values[name], candidate = found
        paths[name] = path
        if candidate.conversion is not None:
            conversions[name] = candidate.conversion
    identified = _find_first(scopes, mapping.id_paths)
    return ExtractedRow(
        values=values,
        source_paths=paths,
        conversions=conversions,
        explicit_confidences=dict(_explicit_confidences(payload, paths)),
        unknown_keys=tuple(key for key in payload if is_unknown_key(key, mapping)),
        record_id=clean_value(identified[1]) if identified else None,
    )


def is_unknown_key(key: str, mapping: SourceMapping) -> bool:
    """Tell whether a key of a row is new to the mapping."""
    return key not in mapping.known_keys and key.removesuffix(_CONFIDENCE_SUFFIX) not in mapping.known_keys


def _find_first(
    scopes: list[tuple[str, Mapping[str, Any]]], candidates: tuple[CellPath, ...]
) -> tuple[str, object, CellPath] | None:
    for prefix, scope in scopes:
        for path in candidates:
            value = scope.get(path.root) if len(path.steps) == 1 else _follow(scope, path.steps)
            # Objects and lists are no cells, and a placeholder gives the next candidate its turn.
            text = None if value is None else clean_value(value)
            if text is not None:
                return prefix + path.text, _convert(text if isinstance(value, str) else value, path.conversion), path
    return None


def _follow(scope: object, steps: tuple[_Step, ...]) -> object:
    value: Any = scope
    for step in steps:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        elif not isinstance(value, list):
            return None
        elif isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            key, wanted = step
            value = next((entry for entry in value if isinstance(entry, Mapping) and entry.get(key) == wanted), None)
        if value is None:
            return None
    return value


def _convert(value: object, conversion: Conversion | None) -> object:
    return profile_url(str(value)) if conversion is Conversion.LINKEDIN_USERNAME else value


def _explicit_confidences(payload: Mapping[str, Any], paths: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    """Yield the numbers a row gives for its values, by the value's own name or by the key it came from."""
    listed = payload.get(_CONFIDENCE_OBJECT)
    numbers = listed if isinstance(listed, Mapping) else {}
    for name, path in paths.items():
        for key in (name, path):
            number = payload.get(key + _CONFIDENCE_SUFFIX, numbers.get(key))
            if number is not None:
                yield name, number
                break


def _parse_candidates(source: str, name: str, entries: object) -> tuple[CellPath, ...]:
    if name not in SOURCE_FIELDS:
        raise ConfigurationError(
            f"sources/{source}: fields.{name}", what="this field is unknown", repair=f"Use one of {_list_fields()}"
        )
    if not isinstance(entries, list):
        raise ConfigurationError(f"sources/{source}: fields.{name}", what="is no list", repair="Write a list of paths")
    return tuple(_parse_candidate(source, name, entry) for entry in entries)


def _parse_candidate(source: str, name: str, entry: object) -> CellPath:
    if isinstance(entry, Mapping):
        return _parse_path(source, f"fields.{name}", str(entry["path"]), conversion=Conversion(str(entry["convert"])))
    return _parse_path(source, f"fields.{name}", str(entry))


def _parse_path(source: str, place: str, text: str, *, conversion: Conversion | None = None) -> CellPath:
    steps: list[_Step] = []
    for part in re.split(r"\.(?![^\[]*\])", text):
        match = _STEP.fullmatch(part)
        if match is None:
            raise ConfigurationError(
                f"sources/{source}: {place}",
                what=f"`{text}` is no path",
                repair="Write it as key, key.key, key[0] or key[name=value].key",
            )
        steps.append(match["key"])
        if match["index"] is not None:
            steps.append(int(match["index"]))
        elif match["name"] is not None:
            steps.append((match["name"], match["value"]))
    return CellPath(text=text, steps=tuple(steps), conversion=conversion)


def _list_fields() -> str:
    return ", ".join(sorted(SOURCE_FIELDS))

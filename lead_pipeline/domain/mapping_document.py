"""Reads a mapping document and refuses what cannot be meant: each contradiction with its code, key and repair.

What a mapping is stands in `mapping`; whether a document has the right keys and words is its schema; whether it fits an
org is `preflight`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from lead_pipeline.domain.leads import CANONICAL_FIELDS, CANONICAL_KINDS, ValueKind
from lead_pipeline.domain.mapping import (
    IDENTITY_SOURCE,
    LARGE_CHANGE_VALUES,
    NOTES_SOURCE,
    Bucket,
    DeclaredType,
    Direction,
    FieldMapping,
    ObjectMapping,
    OnConflict,
    OnInvalid,
    OnUnmapped,
    PersonalData,
    SourceOfTruth,
    WritePolicy,
)
from lead_pipeline.domain.org_schema import NUMBER_TYPES, TEXT_TYPES
from lead_pipeline.domain.preflight import TRIMMABLE_TYPES
from lead_pipeline.errors import InvalidDocumentError
from lead_pipeline.problems import ConfigurationProblem

PICKLIST_TYPES = frozenset({"picklist", "multipicklist"})
REQUIRED_AT_CREATION: Mapping[str, tuple[str, ...]] = {"Lead": ("LastName", "Company"), "Contact": ()}

#: Kind of a canonical value -> types of fields that can hold it. A value map may turn it into anything.
_FITTING_TYPES: Mapping[ValueKind, frozenset[str]] = {
    ValueKind.TEXT: TEXT_TYPES,
    ValueKind.NUMBER: NUMBER_TYPES | {"int", "string"},
    ValueKind.MOMENT: frozenset({"datetime", "date", "string"}),
}
_TYPE = re.compile(r"(?P<name>[a-z]+)(?:\((?P<length>\d+)(?:,(?P<scale>\d+))?\))?")


def parse_mapping(document: Mapping[str, object]) -> ObjectMapping:
    """Turn a mapping document, which obeys its schema, into a mapping.

    Raises:
        InvalidDocumentError: The document contradicts itself; every contradiction is named.
    """
    mapping = ObjectMapping(
        object_name=str(document["object"]),
        version=str(document["version"]),
        placeholders=frozenset(text.strip().lower() for text in cast("Sequence[str]", document["placeholders"])),
        fields=tuple(_parse_row(row) for row in cast("Sequence[Mapping[str, Any]]", document["fields"])),
        ask_from_replaced_values=cast("int", document.get("ask_from_replaced_values", LARGE_CHANGE_VALUES)),
    )
    problems = (
        *_find_row_problems(mapping.object_name, tuple(enumerate(mapping.fields))),
        *_find_gaps(mapping),
    )
    if problems:
        raise InvalidDocumentError(problems)
    return mapping


def check_sound_rows(
    document: Mapping[str, object], broken: Collection[tuple[str | int, ...]]
) -> Iterator[ConfigurationProblem]:
    """Yield the contradictions of those rows that obey the schema, in a document where others do not.

    Args:
        document: The whole document.
        broken: Key paths at which it breaks its schema.
    """
    rows = document.get("fields")
    if not isinstance(rows, list) or any(path in {(), ("fields",)} for path in broken):
        return
    places = {path[1] for path in broken if path[0] == "fields"}
    sound = tuple((number, _parse_row(row)) for number, row in enumerate(rows) if number not in places)
    yield from _find_row_problems(str(document.get("object")), sound)


def _parse_row(row: Mapping[str, Any]) -> FieldMapping:
    value_map = row.get("value_map")
    return FieldMapping(
        to=row["to"],
        source=row.get("from"),
        label=row["label"],
        owner=SourceOfTruth(row["owner"]),
        write=WritePolicy(row["write"]),
        bucket=Bucket(row["bucket"]),
        reason=row["reason"],
        on_conflict=OnConflict(row.get("on_conflict", OnConflict.KEEP)),
        min_confidence=row.get("min_confidence", 0.0),
        on_invalid=OnInvalid(row.get("on_invalid", OnInvalid.SKIP)),
        direction=Direction(row.get("direction", Direction.TO_CRM)),
        trim=row.get("trim", False),
        is_stamp=row.get("is_stamp", False),
        pii=PersonalData(row.get("pii", PersonalData.NONE)),
        value_map=None if value_map is None else dict(value_map),
        type=_parse_type(row.get("type")),
        values=tuple(row.get("values", ())),
        on_unmapped=OnUnmapped(row.get("on_unmapped", OnUnmapped.CREATE_FIELD)),
        confirm_overwrite=row.get("confirm_overwrite", False),
    )


def _parse_type(text: str | None) -> DeclaredType | None:
    match = _TYPE.fullmatch(text) if text else None
    if match is None:
        return None
    length, scale = match["length"], match["scale"]
    return DeclaredType(
        name=match["name"],
        length=None if length is None else int(length),
        scale=None if scale is None else int(scale),
    )


@dataclass(frozen=True, slots=True)
class _Contradiction:
    """A combination that cannot be meant: its code, the key to change, the test, what is wrong and the repair."""

    code: str
    key: str
    applies: Callable[[FieldMapping], bool]
    what: str
    repair: str


_NOTES_POLICIES = frozenset({WritePolicy.FILL_BLANK, WritePolicy.WRITE_ONCE})


def _type_name(row: FieldMapping) -> str:
    return row.type.name if row.type else ""


def _cannot_hold(row: FieldMapping) -> bool:
    if row.type is None or row.value_map is not None or row.source is None or row.source not in CANONICAL_FIELDS:
        return False
    return row.type.name not in _FITTING_TYPES[CANONICAL_KINDS.get(row.source, ValueKind.TEXT)]


_CONTRADICTIONS = (
    _Contradiction(
        "rep_field_overwritten",
        "write",
        lambda row: row.owner is SourceOfTruth.REP and row.write in {WritePolicy.ALWAYS, WritePolicy.TRACKED},
        "a field that belongs to reps would be overwritten",
        "Use fill_blank or never, or name another owner",
    ),
    _Contradiction(
        "salesforce_field_written",
        "write",
        lambda row: (
            row.owner is SourceOfTruth.SALESFORCE and row.write not in {WritePolicy.NEVER, WritePolicy.WRITE_ONCE}
        ),
        "a field that belongs to Salesforce would be written on existing records",
        "Use never or write_once, or name another owner",
    ),
    _Contradiction(
        "bucket_and_write",
        "bucket",
        lambda row: (row.bucket is Bucket.DO_NOT_WRITE) is not (row.write is WritePolicy.NEVER),
        "bucket do_not_write and write never go together",
        "Set both or neither",
    ),
    _Contradiction(
        "never_with_source",
        "from",
        lambda row: row.write is WritePolicy.NEVER and row.source is not None,
        "a field that is never written has a source",
        "Remove from, or choose another write policy",
    ),
    _Contradiction(
        "no_source",
        "write",
        lambda row: row.write is not WritePolicy.NEVER and row.source is None,
        "a field that is written has no source",
        "Add from, or set write to never and bucket to do_not_write",
    ),
    _Contradiction(
        "from_crm_written",
        "direction",
        lambda row: row.direction is Direction.FROM_CRM and row.write is not WritePolicy.NEVER,
        "a field that only comes from the CRM would be written to it",
        "Use direction to_crm or both, or set write to never",
    ),
    _Contradiction(
        "conflict_cannot_be",
        "on_conflict",
        lambda row: (
            row.on_conflict is not OnConflict.KEEP and row.write not in {WritePolicy.FILL_BLANK, WritePolicy.TRACKED}
        ),
        "on_conflict has no meaning with this write policy",
        "Remove it, or use fill_blank or tracked",
    ),
    _Contradiction(
        "stamp_not_always",
        "is_stamp",
        lambda row: row.is_stamp and row.write is not WritePolicy.ALWAYS,
        "a stamp has to be written with every change",
        "Use write always, or remove is_stamp",
    ),
    _Contradiction(
        "id_moves",
        "write",
        lambda row: row.source == IDENTITY_SOURCE and row.write is not WritePolicy.FILL_BLANK,
        "our id is given once and never moves",
        "Use write fill_blank",
    ),
    _Contradiction(
        "standard_field_always",
        "write",
        lambda row: (
            row.write is WritePolicy.ALWAYS
            and row.owner in {SourceOfTruth.DIEVIO, SourceOfTruth.INTEGRATION}
            and not (row.is_custom or row.confirm_overwrite)
        ),
        "a standard field would be overwritten every night, whoever filled it",
        "Use tracked or fill_blank, or add confirm_overwrite: true to say that this is meant",
    ),
    _Contradiction(
        "boolean_never_blank",
        "write",
        lambda row: _type_name(row) == "boolean" and row.write in {WritePolicy.FILL_BLANK, WritePolicy.TRACKED},
        "a field that is true or false is never blank, so this policy never applies",
        "Use always, write_once or never",
    ),
    _Contradiction(
        "type_mismatch",
        "type",
        _cannot_hold,
        "a field of this type cannot hold the value that comes from there",
        "Name another field or source, or add a value_map",
    ),
    _Contradiction(
        "unsafe_trim",
        "trim",
        lambda row: row.trim and row.type is not None and row.type.name not in TRIMMABLE_TYPES,
        "a value of this type that is cut short is a wrong one",
        "Remove trim; a value that is too long is then left out or reviewed, as on_invalid says",
    ),
    _Contradiction(
        "values_without_picklist",
        "values",
        lambda row: bool(row.values) and _type_name(row) not in PICKLIST_TYPES,
        "only a picklist has values to choose from",
        "Remove values, or set type to picklist",
    ),
    _Contradiction(
        "picklist_without_values",
        "type",
        lambda row: row.is_custom and _type_name(row) in PICKLIST_TYPES and not row.values,
        "a picklist that has to be made needs its values",
        "Add values",
    ),
    _Contradiction(
        "value_not_listed",
        "value_map",
        lambda row: bool(row.values) and not {*(row.value_map or {}).values()} <= {*row.values},
        "the value map leads to a value that the picklist does not have",
        "Add it to values, or correct the map",
    ),
    _Contradiction(
        "notes_replace_text",
        "write",
        lambda row: (
            row.source == NOTES_SOURCE
            and row.write is not WritePolicy.NEVER
            and (row.write not in _NOTES_POLICIES or row.on_conflict is not OnConflict.KEEP)
        ),
        "notes never replace what stands there, nor is anybody asked about it",
        "Use write fill_blank or write_once, and leave on_conflict out",
    ),
    _Contradiction(
        "notes_need_lines",
        "type",
        lambda row: row.source == NOTES_SOURCE and row.type is not None and row.type.name != "textarea",
        "notes have several lines, which only a text area holds",
        "Name a field of type textarea",
    ),
    _Contradiction(
        "not_for_notes",
        "on_unmapped",
        lambda row: (
            row.on_unmapped is OnUnmapped.NOTES
            and (not row.is_custom or row.is_stamp or row.source in {None, IDENTITY_SOURCE, NOTES_SOURCE})
        ),
        "only values with a custom field of their own may go into notes, and no stamps",
        "Use create_field or drop",
    ),
    _Contradiction(
        "confidence_unused",
        "min_confidence",
        lambda row: row.write is WritePolicy.NEVER and row.min_confidence > 0,
        "a field that is never written has a confidence to reach",
        "Remove min_confidence",
    ),
)


def _find_row_problems(object_name: str, rows: Sequence[tuple[int, FieldMapping]]) -> Iterator[ConfigurationProblem]:
    first_of: dict[str, int] = {}
    for number, row in rows:
        place = f"mapping of {object_name}: fields[{number}] (to: {row.to})"
        for rule in _CONTRADICTIONS:
            if rule.applies(row):
                path = ("fields", number, rule.key)
                yield ConfigurationProblem(place, what=rule.what, repair=rule.repair, code=rule.code, path=path)
        if row.source is not None and row.source not in CANONICAL_FIELDS:
            yield ConfigurationProblem(
                place,
                what=f"there is no canonical field {row.source}",
                repair=_suggest_source(row.source),
                code="unknown_source",
                path=("fields", number, "from"),
            )
        first = first_of.setdefault(row.to.lower(), number)
        if first != number:
            yield ConfigurationProblem(
                place,
                what=f"this field has two rows, the first is fields[{first}]",
                repair="Keep one of them",
                code="duplicate_target",
                path=("fields", number, "to"),
            )


def _find_gaps(mapping: ObjectMapping) -> Iterator[ConfigurationProblem]:
    """Yield what the document as a whole lacks."""
    place = f"mapping of {mapping.object_name}"
    if Counter(row.source for row in mapping.fields)[IDENTITY_SOURCE] != 1:
        yield ConfigurationProblem(
            place,
            what=f"not exactly one row writes {IDENTITY_SOURCE}; a lost answer could not be told from a refusal",
            repair=f"Map one field from {IDENTITY_SOURCE}",
            code="no_identity",
            path=("fields",),
        )
    has_notes = any(row.source == NOTES_SOURCE for row in mapping.fields)
    for number, row in enumerate(mapping.fields):
        if row.on_unmapped is OnUnmapped.NOTES and not has_notes:
            yield ConfigurationProblem(
                f"{place}: fields[{number}] (to: {row.to})",
                what="its value is to go into notes, and no row has them",
                repair=f"Add a row for a text area with from: {NOTES_SOURCE}, or use create_field or drop",
                code="no_notes",
                path=("fields", number, "on_unmapped"),
            )
    filled = {row.to for row in mapping.written_fields}
    for name in REQUIRED_AT_CREATION[mapping.object_name]:
        if name not in filled:
            yield ConfigurationProblem(
                place,
                what=f"no row fills {name}, without which Salesforce refuses every new {mapping.object_name}",
                repair=f"Add a row with to: {name}",
                code="required_without_source",
                path=("fields",),
            )


def _suggest_source(name: str) -> str:
    nearest = get_close_matches(name, CANONICAL_FIELDS, n=1)
    return f"Did you mean {nearest[0]}? (from:)" if nearest else f"Use one of: {', '.join(CANONICAL_FIELDS)}"

"""What a lead may be written to, made out once per run: which rows of the mapping work on an object of this org.

Which of them change a record is `survivorship`; where mapping and org do not fit is reported by `preflight`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lead_pipeline.domain.mapping import NOTES_SOURCE, FieldMapping, ObjectMapping, OnUnmapped
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema, check_writable
from lead_pipeline.domain.preflight import is_of_declared_kind


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePlace:
    """An object of the org, as a new record or an existing one.

    Attributes:
        mapping: The object's mapping.
        fields: Each row of it that our user may write here, with its field.
        required_fields: API names without which Salesforce refuses the record.
        noted_rows: Rows whose value goes into the notes, because the org lacks their field.
        note_characters: What the field of the notes takes; 0 where there is none.
    """

    mapping: ObjectMapping
    fields: tuple[tuple[FieldMapping, FieldSchema], ...]
    required_fields: tuple[str, ...]
    noted_rows: tuple[FieldMapping, ...] = ()
    note_characters: int = 0


def survey_place(
    mapping: ObjectMapping, schema: ObjectSchema, *, is_creation: bool, shrunk: Collection[str] = frozenset()
) -> WritePlace:
    """Return what a mapping may write; missing, locked and changed fields are switched off for every lead alike.

    Args:
        mapping: The object's mapping.
        schema: The object as the org describes it.
        is_creation: Whether the record is new.
        shrunk: Fields that take less than they did. One that a new record needs is kept: what does not fit it is
            asked about lead by lead, instead of every lead.
    """
    required = schema.required_at_creation if is_creation else ()
    off = frozenset(shrunk) - frozenset(required)
    present = (
        (row, schema.fields[row.to]) for row in mapping.written_fields if row.to in schema.fields and row.to not in off
    )
    fields = tuple(
        (row, field)
        for row, field in present
        if check_writable(field, is_creation=is_creation) is None and is_of_declared_kind(row, field)
    )
    note_characters = next((field.length for row, field in fields if row.source == NOTES_SOURCE), 0)
    return WritePlace(
        mapping=mapping,
        fields=fields,
        required_fields=required,
        noted_rows=tuple(_noted_rows(mapping, schema)) if note_characters else (),
        note_characters=note_characters,
    )


def _noted_rows(mapping: ObjectMapping, schema: ObjectSchema) -> Iterator[FieldMapping]:
    for row in mapping.written_fields:
        if row.on_unmapped is OnUnmapped.NOTES and row.to not in schema.fields:
            yield row

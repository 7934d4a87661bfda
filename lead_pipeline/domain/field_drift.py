"""Fields that an admin made smaller than they were: narrower, or a picklist without values that the mapping counts on.

Such a field is switched off until it is as large again or the mapping says what is meant: a value cut short, or a
question about every lead, would be worse than a blank. Fields that are gone, locked or of another type are
`write_places`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lead_pipeline.domain.mapping import IDENTITY_SOURCE, FieldMapping, ObjectMapping
from lead_pipeline.domain.org_schema import NUMBER_TYPES, FieldSchema, ObjectSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPast:
    """What a field was at its largest, over every describe that was kept.

    Attributes:
        size: Characters, or digits of a number.
        picklist_values: Every value it ever listed.
        was_open: Whether it once took any value.
    """

    size: int = 0
    picklist_values: frozenset[str] = frozenset()
    was_open: bool = False


FieldPasts = Mapping[str, FieldPast]
"""API name -> what the field once was; without an entry it was never seen."""


def size_of(field: FieldSchema) -> int:
    """Return how many characters or digits a field takes; 0 where its type has no limit of its own."""
    return field.precision if field.type in NUMBER_TYPES else field.length


def is_narrow(row: FieldMapping, field: FieldSchema) -> bool:
    """Tell whether a field takes less than its row was written for."""
    declared = row.type.length if row.type is not None else None
    return declared is not None and 0 < size_of(field) < declared


def absent_values(row: FieldMapping, field: FieldSchema) -> tuple[str, ...]:
    """Return the values of a row that a restricted picklist does not list."""
    if not field.is_restricted_picklist:
        return ()
    return tuple(value for value in row.values if value not in field.picklist_values)


def has_shrunk(row: FieldMapping, field: FieldSchema, past: FieldPast | None) -> bool:
    """Tell whether a field has lost, since it was first seen, something that its row was written for.

    Args:
        row: The row of the mapping; what it does not declare cannot be missed.
        field: The field as the org describes it now.
        past: What it once was.
    """
    if past is None or row.source == IDENTITY_SOURCE:  # without our id nothing is written at all
        return False
    if is_narrow(row, field) and past.size > size_of(field):
        return True
    absent = absent_values(row, field)
    return bool(absent) and (past.was_open or not past.picklist_values.isdisjoint(absent))


def find_shrunk_fields(mapping: ObjectMapping, schema: ObjectSchema, pasts: FieldPasts) -> frozenset[str]:
    """Return the API names of the fields of an object that are switched off because they have shrunk."""
    return frozenset(
        row.to
        for row in mapping.written_fields
        if row.to in schema.fields and has_shrunk(row, schema.fields[row.to], pasts.get(row.to))
    )

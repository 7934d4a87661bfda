"""What two versions of a mapping do differently, key by key. Reading them is `mapping_document`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from lead_pipeline.domain.mapping import FieldMapping, ObjectMapping

NAMES_IN_FILES = {"source": "from"}  # attribute -> key, where they differ


class ChangeKind(StrEnum):
    """What happened to a row."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingChange:
    """One difference; `key`, `before` and `after` are empty where a whole row came or went."""

    object_name: str
    field: str
    kind: ChangeKind
    key: str = ""
    before: str = ""
    after: str = ""


def diff_mappings(before: ObjectMapping, after: ObjectMapping) -> tuple[MappingChange, ...]:
    """Return every difference: rows in the order of the newer mapping, those that are gone, what holds for all."""
    return tuple(_find_changes(before, after))


def _find_changes(before: ObjectMapping, after: ObjectMapping) -> Iterator[MappingChange]:
    name = after.object_name
    old, new = {row.to: row for row in before.fields}, {row.to: row for row in after.fields}
    for field, row in new.items():
        if field not in old:
            yield MappingChange(object_name=name, field=field, kind=ChangeKind.ADDED)
            continue
        for key, (was, is_now) in _changed_keys(old[field], row).items():
            yield MappingChange(
                object_name=name, field=field, kind=ChangeKind.CHANGED, key=key, before=was, after=is_now
            )
    for field in old.keys() - new.keys():
        yield MappingChange(object_name=name, field=field, kind=ChangeKind.REMOVED)
    whole: tuple[tuple[str, object, object], ...] = (
        ("placeholders", sorted(before.placeholders), sorted(after.placeholders)),
        ("ask_from_replaced_values", before.ask_from_replaced_values, after.ask_from_replaced_values),
    )
    for key, held, holds in whole:
        if held != holds:
            yield MappingChange(
                object_name=name,
                field="(all fields)",
                kind=ChangeKind.CHANGED,
                key=key,
                before=_show(held),
                after=_show(holds),
            )


def _changed_keys(before: FieldMapping, after: FieldMapping) -> dict[str, tuple[str, str]]:
    values = {field.name: (getattr(before, field.name), getattr(after, field.name)) for field in fields(FieldMapping)}
    return {
        NAMES_IN_FILES.get(name, name): (_show(was), _show(is_now))
        for name, (was, is_now) in values.items()
        if was != is_now
    }


def _show(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {entry}" for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(str(entry) for entry in value)
    return str(value)

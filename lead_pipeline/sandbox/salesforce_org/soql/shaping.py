"""How a result row becomes a JSON record.

Belongs here: the record's form (attributes, parents, compound addresses). Which columns it has: compiler.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class ValueShape:
    """A scalar member."""

    key: str
    column: int
    type: str


@dataclass(frozen=True)
class AddressShape:
    """A compound address; null when all its parts are empty."""

    key: str
    parts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ParentShape:
    """A parent record; null when the reference is empty."""

    key: str
    id_column: int
    object_name: str
    tree: dict[str, Any] = field(compare=False)
    members: "tuple[Shape, ...]" = ()


Shape = ValueShape | AddressShape | ParentShape
_POLYMORPHIC = {"005": "User", "00G": "Group"}


@dataclass(frozen=True)
class RecordShape:
    """A whole record: its type for `attributes`, the column of its id (None for aggregates), its members."""

    type: str
    id_column: int | None
    members: tuple[Shape, ...]

    def record(self, row: Sequence[Any], base_url: str) -> Record:
        """Build the record of a row."""
        attributes: Record = {"type": self.type}
        if self.id_column is not None:
            attributes["url"] = f"{base_url}/sobjects/{self.type}/{row[self.id_column]}"
        record: Record = {"attributes": attributes}
        _fill(record, self.members, row=row, base_url=base_url)
        return record


def address(parts: Sequence[tuple[str, Any]]) -> Record | None:
    """A compound address from its members."""
    body = dict(parts)
    return body if any(value is not None for value in body.values()) else None


def _fill(record: Record, members: tuple[Shape, ...], *, row: Sequence[Any], base_url: str) -> None:
    for member in members:
        if isinstance(member, ValueShape):
            value = row[member.column]
            record[member.key] = bool(value) if member.type == "boolean" and value is not None else value
        elif isinstance(member, AddressShape):
            record[member.key] = address([(name, row[column]) for name, column in member.parts])
        else:
            record[member.key] = _parent(member, row, base_url=base_url)


def _parent(member: ParentShape, row: Sequence[Any], *, base_url: str) -> Record | None:
    parent_id = row[member.id_column]
    if parent_id is None:
        return None
    path_type = (
        _POLYMORPHIC.get(parent_id[:3], member.object_name) if member.object_name == "Name" else member.object_name
    )
    parent: Record = {"attributes": {"type": member.object_name, "url": f"{base_url}/sobjects/{path_type}/{parent_id}"}}
    _fill(parent, member.members, row=row, base_url=base_url)
    return parent

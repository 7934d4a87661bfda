"""The tree of a parsed SOQL query.

Belongs here: shapes only. Building them: parser.py; their meaning: compiler.py.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FieldRef:
    """A field, perhaps of a parent: the parts of its dotted path as written."""

    path: tuple[str, ...]
    place: int


@dataclass(frozen=True)
class Aggregate:
    """An aggregate function; `field` is None for COUNT()."""

    function: str
    field: FieldRef | None
    place: int


@dataclass(frozen=True)
class FieldGroup:
    """FIELDS(ALL), FIELDS(STANDARD) or FIELDS(CUSTOM)."""

    kind: str
    place: int


@dataclass(frozen=True)
class SelectItem:
    """A member of the select list with its alias, if any."""

    value: FieldRef | Aggregate | FieldGroup
    alias: str | None = None


@dataclass(frozen=True)
class Literal:
    """A value: `kind` is string, number, boolean, null, date, datetime or period (TODAY, LAST_N_DAYS:3)."""

    kind: str
    value: Any
    place: int
    pattern: str = ""


@dataclass(frozen=True)
class Comparison:
    """A condition on one field; `right` is a literal, a list of literals, or a query (semi-join)."""

    left: FieldRef | Aggregate
    operator: str
    right: "Literal | tuple[Literal, ...] | Query"
    place: int


@dataclass(frozen=True)
class Logic:
    """AND or OR over its parts, or NOT over one."""

    operator: str
    parts: "tuple[Condition, ...]"


Condition = Comparison | Logic


@dataclass(frozen=True)
class Ordering:
    """One sort key; empty values come first unless asked otherwise, whatever the direction."""

    value: FieldRef | Aggregate
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """A whole query."""

    select: tuple[SelectItem, ...]
    object_name: str
    object_place: int
    alias: str | None
    where: Condition | None
    group_by: tuple[FieldRef, ...]
    having: Condition | None
    order_by: tuple[Ordering, ...]
    limit: int | None
    offset: int | None

"""What the names in a query mean: objects, fields, parents.

Belongs here: resolution against the schema and the joins it takes. Clauses and the select list: compiler.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.polymorphic import NAME_SCHEMA
from lead_pipeline.sandbox.salesforce_org.schema import Field, ObjectSchema
from lead_pipeline.sandbox.salesforce_org.soql.syntax import FieldRef, Query
from lead_pipeline.sandbox.salesforce_org.soql.tokens import framed, malformed
from lead_pipeline.sandbox.salesforce_org.store import quoted

_MAX_PARENT_DEPTH: Final = 5
_CUSTOM_HINT: Final = "Please reference your WSDL or the describe call for the appropriate names."


@dataclass(frozen=True)
class World:
    """What a query may see: objects by any-case name, the caller's restrictions, and the moment."""

    find_object: Callable[[str], ObjectSchema | None]
    user_key: str
    now: datetime
    include_deleted: bool = False


@dataclass(frozen=True)
class Column:
    """A resolved field: its SQL expression and its schema."""

    sql: str
    field: Field


class Names:
    """The names of one query.

    Args:
        text: the query, for error frames.
        query: its tree.
        world: what it may see.
        prefix: SQL alias of the object of FROM; semi-joins have longer ones.

    Raises:
        SalesforceFault: INVALID_TYPE, the object of FROM does not exist.
    """

    def __init__(self, text: str, query: Query, *, world: World, prefix: str) -> None:
        self._text = text
        self._query = query
        self._world = world
        self._joins: dict[tuple[str, ...], tuple[ObjectSchema, str]] = {}
        self._join_sql: list[str] = []
        self.prefix = prefix
        self.schema = self._find_object()

    def _find_object(self) -> ObjectSchema:
        schema = self._world.find_object(self._query.object_name)
        if schema is None:
            message = (
                f"sObject type '{self._query.object_name}' is not supported. If you are attempting to use a custom "
                f"object, be sure to append the '__c' after the entity name. {_CUSTOM_HINT}"
            )
            raise fault("INVALID_TYPE", text=framed(self._text, self._query.object_place, message=message))
        return schema

    def join_sql(self) -> str:
        """The joins that the names resolved so far need."""
        return " ".join(self._join_sql)

    def resolve(self, reference: FieldRef) -> Column:
        """Find the column of a field path, joining parents on the way.

        Raises:
            SalesforceFault: INVALID_FIELD for an unknown field or relationship.
        """
        path = self.without_alias(reference.path)
        schema, table = self.walk(path[:-1], reference)
        item = schema.find(path[-1])
        if item is None or item.name in schema.access_of(self._world.user_key).not_readable:
            raise self._no_such(path[-1], schema, reference=reference)
        return Column(f"{table}.{quoted(item.name)}", item)

    def without_alias(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """A path without the alias or name of the FROM object at its head."""
        head = path[0].lower()
        names = {self._query.object_name.lower(), (self._query.alias or self._query.object_name).lower()}
        return path[1:] if len(path) > 1 and head in names and head not in self.schema.parents else path

    def walk(self, parents: tuple[str, ...], reference: FieldRef) -> tuple[ObjectSchema, str]:
        """Follow relationships to a parent; its schema and SQL alias.

        Raises:
            SalesforceFault: an unknown relationship, or too many.
        """
        schema, table = self.schema, self.prefix
        if len(parents) > _MAX_PARENT_DEPTH:
            raise malformed(
                self._text, reference.place, message="SOQL relationship queries may climb five levels at most"
            )
        for depth, name in enumerate(parents, 1):
            item = schema.parents.get(name.lower())
            if item is None:
                message = (
                    f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom "
                    f"relationship, be sure to append the '__r' after the custom relationship name. {_CUSTOM_HINT}"
                )
                raise fault("INVALID_FIELD.query", text=framed(self._text, reference.place, message=message))
            key = tuple(part.lower() for part in parents[:depth])
            if key not in self._joins:
                self._joins[key] = self._join(item, schema=schema, table=table)
            schema, table = self._joins[key]
        return schema, table

    def _join(self, item: Field, *, schema: ObjectSchema, table: str) -> tuple[ObjectSchema, str]:
        target = NAME_SCHEMA if len(item.reference_to) > 1 else self._world.find_object(item.reference_to[0])
        if target is None:
            message = f"relationship {item.relationship} of {schema.name} is not available here"
            raise malformed(self._text, self._query.object_place, message=message)
        alias = f"{self.prefix}p{len(self._joins) + 1}"
        join = f"LEFT JOIN {quoted(target.name)} {alias} ON {alias}.Id = {table}.{quoted(item.name)}"
        self._join_sql.append(join)
        return target, alias

    def _no_such(self, name: str, schema: ObjectSchema, *, reference: FieldRef) -> SalesforceFault:
        message = (
            f"No such column '{name}' on entity '{schema.name}'. If you are attempting to use a custom field, be sure "
            f"to append the '__c' after the custom field name. {_CUSTOM_HINT}"
        )
        return fault("INVALID_FIELD.query", text=framed(self._text, reference.place, message=message))

"""Keeps what the org says about its objects: asked again when old, kept once per content.

Which values fit a field is `domain/org_schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from lead_pipeline.domain.org_schema import ObjectSchema
from lead_pipeline.errors import UnexpectedAnswerError
from lead_pipeline.salesforce.describe import ObjectDescribe
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import KnownSchema, find_org_schema, keep_org_schema

# A run takes minutes, admins change fields now and then: one describe per object and run, none when run again at once.
MAX_SCHEMA_AGE = timedelta(hours=1)


class SchemaSource(Protocol):
    """The part of the Salesforce client that describes objects."""

    def describe(self, object_name: str, *, if_modified_since: str | None = None) -> ObjectDescribe | None:
        """Return what the org says about an object, None when nothing changed since."""


def refresh_org_schemas(
    database: Database,
    salesforce: SchemaSource,
    *,
    objects: Sequence[str],
    now: Callable[[], datetime],
    max_age: timedelta = MAX_SCHEMA_AGE,
) -> dict[str, ObjectSchema]:
    """Return the schema of each object, asking the org for those older than `max_age`: one call each."""
    return {name: _refresh_one(database, salesforce, object_name=name, now=now(), max_age=max_age) for name in objects}


def _refresh_one(
    database: Database, salesforce: SchemaSource, *, object_name: str, now: datetime, max_age: timedelta
) -> ObjectSchema:
    with database.connect() as connection:
        known = find_org_schema(connection, object_name)
    if known is not None and now - known.last_seen_at < max_age:
        return known.schema
    answer = salesforce.describe(object_name, if_modified_since=known.last_modified_header if known else None)
    fresh = _known_now(object_name, known=known, answer=answer, now=now)
    with database.transaction() as connection:
        keep_org_schema(connection, fresh)
    return fresh.schema


def _known_now(
    object_name: str, *, known: KnownSchema | None, answer: ObjectDescribe | None, now: datetime
) -> KnownSchema:
    if answer is not None:
        return KnownSchema(schema=answer.schema, last_modified_header=answer.last_modified, last_seen_at=now)
    if known is None:
        raise UnexpectedAnswerError("Salesforce", f"describe {object_name}", what="'not modified' to a first question")
    return KnownSchema(schema=known.schema, last_modified_header=known.last_modified_header, last_seen_at=now)

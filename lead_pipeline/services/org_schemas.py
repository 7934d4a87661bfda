"""Keeps what the org says about its objects: asked again when old, kept once per content.

Which values fit a field is `domain/org_schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from lead_pipeline.domain.org_schema import ObjectSchema
from lead_pipeline.errors import UnexpectedAnswerError
from lead_pipeline.salesforce.describe import ObjectDescribe
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import KnownSchema, find_org_schema, keep_org_schema

# A run takes minutes, admins change fields now and then: one question per run, none when run again at once.
MAX_SCHEMA_AGE = timedelta(hours=1)


class SchemaSource(Protocol):
    """The part of the Salesforce client that describes objects."""

    def describe_objects(self, last_modified: Mapping[str, str | None]) -> dict[str, ObjectDescribe | None]:
        """Return what the org says about some objects, in one call; None for those unchanged since then."""


def refresh_org_schemas(
    database: Database,
    salesforce: SchemaSource,
    *,
    objects: Sequence[str],
    now: Callable[[], datetime],
    max_age: timedelta = MAX_SCHEMA_AGE,
) -> dict[str, ObjectSchema]:
    """Return the schema of each object; the org is asked for all that are older than `max_age` in one call."""
    asked_at = now()
    with database.connect() as connection:
        known = {name: found for name in objects if (found := find_org_schema(connection, name)) is not None}
    old = [name for name in objects if name not in known or asked_at - known[name].last_seen_at >= max_age]
    answers = salesforce.describe_objects(
        {name: known[name].last_modified_header if name in known else None for name in old}
    )
    fresh = {name: _known_now(name, known=known.get(name), answer=answers[name], now=asked_at) for name in old}
    with database.transaction() as connection:
        for entry in fresh.values():
            keep_org_schema(connection, entry)
    return {name: (fresh.get(name) or known[name]).schema for name in objects}


def _known_now(
    object_name: str, *, known: KnownSchema | None, answer: ObjectDescribe | None, now: datetime
) -> KnownSchema:
    if answer is not None:
        return KnownSchema(schema=answer.schema, last_modified_header=answer.last_modified, last_seen_at=now)
    if known is None:
        raise UnexpectedAnswerError("Salesforce", f"describe {object_name}", what="'not modified' to a first question")
    return KnownSchema(schema=known.schema, last_modified_header=known.last_modified_header, last_seen_at=now)

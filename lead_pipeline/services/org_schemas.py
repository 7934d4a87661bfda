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
    is_doubted: bool = False,
) -> dict[str, ObjectSchema]:
    """Return the schema of each object; the org is asked for all that are old, in one call.

    Args:
        database: Keeps what the org says.
        salesforce: The org.
        objects: The objects.
        now: Clock.
        is_doubted: Whether what is known is wrong: everything is asked anew, whatever the org says has not changed.
    """
    asked_at = now()
    known = _read_known(database, objects)
    old = [
        name
        for name in objects
        if is_doubted or name not in known or asked_at - known[name].last_seen_at >= MAX_SCHEMA_AGE
    ]
    answers = salesforce.describe_objects(_conditions(old, {} if is_doubted else known))
    fresh = _keep(database, known, answers, at=asked_at)
    return {name: (fresh.get(name) or known[name]).schema for name in objects}


class SchemaWatch:
    """Asks about some objects along with other questions: what it has to ask, and what follows from the answers."""

    def __init__(self, database: Database, objects: Sequence[str], *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._asked_at = now()
        self._known = _read_known(database, objects)
        self.conditions = _conditions(objects, self._known)

    def keep(self, answers: Mapping[str, ObjectDescribe | None]) -> None:
        """Keep what the org says now."""
        _keep(self._database, self._known, answers, at=self._asked_at)


def _read_known(database: Database, objects: Sequence[str]) -> dict[str, KnownSchema]:
    with database.connect() as connection:
        return {name: found for name in objects if (found := find_org_schema(connection, name)) is not None}


def _conditions(objects: Sequence[str], known: Mapping[str, KnownSchema]) -> dict[str, str | None]:
    """Return object -> since when a change is news; None asks for everything."""
    return {name: known[name].last_modified_header if name in known else None for name in objects}


def _keep(
    database: Database, known: Mapping[str, KnownSchema], answers: Mapping[str, ObjectDescribe | None], *, at: datetime
) -> dict[str, KnownSchema]:
    fresh = {name: _known_now(name, known=known.get(name), answer=answer, now=at) for name, answer in answers.items()}
    with database.transaction() as connection:
        for entry in fresh.values():
            keep_org_schema(connection, entry)
    return fresh


def _known_now(
    object_name: str, *, known: KnownSchema | None, answer: ObjectDescribe | None, now: datetime
) -> KnownSchema:
    if answer is not None:
        return KnownSchema(schema=answer.schema, last_modified_header=answer.last_modified, last_seen_at=now)
    if known is None:
        raise UnexpectedAnswerError("Salesforce", f"describe {object_name}", what="'not modified' to a first question")
    return KnownSchema(schema=known.schema, last_modified_header=known.last_modified_header, last_seen_at=now)

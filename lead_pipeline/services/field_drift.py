"""Notices fields of the org that changed after a batch was planned: kept for gates, fatal where our id is hit.

What a fresh read brought is looked at; no call is made here. Which changes matter is `domain/field_findings`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from lead_pipeline.domain.field_findings import FieldExamination, examine_fields, find_drift
from lead_pipeline.domain.findings import Finding, Severity
from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.org_schema import ObjectSchema
from lead_pipeline.errors import OrgNotReadyError
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import find_org_schema
from lead_pipeline.store.field_drift import (
    find_planned_at,
    find_schema_until,
    keep_field_drift,
    read_batch_fields,
    read_field_pasts,
)
from lead_pipeline.store.plans import read_written_fields

WRITTEN_OBJECTS = ("Lead", "Contact")


def note_drift(database: Database, mappings: MappingSet, *, batch_id: str, at: datetime) -> bool:
    """Keep which fields a batch has to go on without, and tell whether its plans rest on fields as they no longer are.

    Args:
        database: The product's database, the org described a moment ago.
        mappings: What is written.
        batch_id: The batch.
        at: The present moment, aware UTC.

    Raises:
        OrgNotReadyError: What no write can do without was changed; nothing may be written before it is mended.
    """
    with database.transaction() as connection:
        changed = _read_changed(connection, batch_id)
        found = [entry for before in changed for entry in _find_drift(connection, mappings, before)]
        keep_field_drift(connection, batch_id, found, at=at)
    errors = [(entry.subject, entry.what, entry.repair) for entry in found if entry.severity is Severity.ERROR]
    if errors:
        raise OrgNotReadyError(errors)
    return bool(changed)


def note_lost_fields(database: Database, mappings: MappingSet, *, batch_id: str, at: datetime) -> None:
    """Keep which fields that a batch has written are no longer there: nobody can read them back.

    Args:
        database: The product's database, the org described a moment ago.
        mappings: What is written.
        batch_id: The batch.
        at: The present moment, aware UTC.
    """
    with database.transaction() as connection:
        for name in WRITTEN_OBJECTS:
            known, mapping = find_org_schema(connection, name), mappings.for_object(name)
            absent = [row.to for row in mapping.written_fields if known and row.to not in known.schema.fields]
            written = read_batch_fields(connection, batch_id, name, absent) if absent else frozenset()
            if known is None or not written:
                continue
            examination = FieldExamination(mapping=mapping, schema=known.schema, written_before=written)
            lost = [entry for entry in examine_fields(examination) if entry.code == "field_gone"]
            keep_field_drift(connection, batch_id, lost, at=at)


def _read_changed(connection: psycopg.Connection[Any], batch_id: str) -> list[ObjectSchema]:
    """Return what the org said, when a batch was planned, about each object of which it says something else now."""
    planned_at = find_planned_at(connection, batch_id)
    if planned_at is None:
        return []
    before = [find_schema_until(connection, name, planned_at) for name in WRITTEN_OBJECTS]
    return [schema for schema in before if schema is not None]


def _find_drift(connection: psycopg.Connection[Any], mappings: MappingSet, before: ObjectSchema) -> tuple[Finding, ...]:
    known = find_org_schema(connection, before.object_name)
    if known is None:
        return ()
    examination = FieldExamination(
        mapping=mappings.for_object(before.object_name),
        schema=known.schema,
        written_before=read_written_fields(connection, list(before.fields)),
        pasts=read_field_pasts(connection, before.object_name),
    )
    return find_drift(examination, before=before)

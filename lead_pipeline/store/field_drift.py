"""What fields of the org once were, and what became wrong with them while a batch was carried out.

What follows from it is `domain/field_drift` and `domain/field_findings`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from lead_pipeline.domain.field_drift import FieldPast
from lead_pipeline.domain.findings import Finding
from lead_pipeline.domain.org_schema import ObjectSchema, schema_from_json
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedField:
    """A field that became wrong during a batch. `subject` as in findings, e.g. Lead.Title."""

    subject: str
    code: str
    what: str
    repair: str


def read_field_pasts(connection: _Connection, object_name: str) -> dict[str, FieldPast]:
    """Return what each field of an object was at its largest, over every describe that was kept."""
    rows = load_queries("field_drift").list_field_pasts(connection, object_name=object_name)
    return {
        row["name"]: FieldPast(
            size=row["size"], picklist_values=frozenset(row["picklist_values"]), was_open=row["was_open"]
        )
        for row in rows
    }


def find_planned_at(connection: _Connection, batch_id: str) -> datetime | None:
    """Return when the oldest plan of a batch that is still to be carried out was made; None when there is none."""
    moment: datetime | None = load_queries("field_drift").find_planned_at(connection, batch_id=batch_id)
    return moment


def find_schema_until(connection: _Connection, object_name: str, moment: datetime) -> ObjectSchema | None:
    """Return what the org said about an object at a moment; None when it says the same still."""
    row = load_queries("field_drift").find_schema_until(connection, object_name=object_name, moment=moment)
    return schema_from_json(row["describe"]) if row else None


def keep_field_drift(connection: _Connection, batch_id: str, findings: Iterable[Finding], *, at: datetime) -> None:
    """Keep what became wrong with fields while a batch was carried out."""
    for finding in findings:
        load_queries("field_drift").keep_field_drift(
            connection,
            batch_id=batch_id,
            subject=finding.subject,
            code=finding.code,
            what=finding.what,
            repair=finding.repair,
            found_at=at,
        )


def read_field_drift(connection: _Connection, batch_id: str) -> tuple[DriftedField, ...]:
    """Return what became wrong with fields while a batch was carried out, in the order in which it was found."""
    rows = load_queries("field_drift").list_field_drift(connection, batch_id=batch_id)
    return tuple(DriftedField(**row) for row in rows)


def read_batch_fields(
    connection: _Connection, batch_id: str, object_name: str, names: Collection[str]
) -> frozenset[str]:
    """Return those of some fields that a batch wrote to records of an object."""
    rows = load_queries("field_drift").list_batch_fields(
        connection, batch_id=batch_id, object_name=object_name, names=list(names)
    )
    return frozenset(row["name"] for row in rows)


def read_drifted_subjects(connection: _Connection, batch_id: str) -> frozenset[str]:
    """Return the fields that became wrong while a batch was carried out, e.g. Lead.Title."""
    return frozenset(entry.subject for entry in read_field_drift(connection, batch_id))

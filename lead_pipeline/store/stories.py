"""Reads what is known of one lead, one record or one field. What it means in words is `domain/stories`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from lead_pipeline.domain.identity import AliasKind
from lead_pipeline.domain.stories import Event, MirroredRecord, Step, WrittenValue
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]

MOST_BATCHES = 30  # deliveries of one lead that a story goes back to


def find_leads_of_email(connection: _Connection, address: str) -> tuple[str, ...]:
    """Return the ids of leads known by an address, the records of the org with that key included."""
    queries = load_queries("stories")
    rows = [
        *queries.list_leads_of_alias(connection, alias_kind=AliasKind.EMAIL, alias=address),
        *queries.list_records_by_email(connection, em=address),
    ]
    return tuple(dict.fromkeys(row["dievio_lead_id"] for row in rows if row["dievio_lead_id"]))


def find_records_of_email(connection: _Connection, address: str) -> tuple[str, ...]:
    """Return the ids of the org's records with an e-mail key."""
    return tuple(row["salesforce_id"] for row in load_queries("stories").list_records_by_email(connection, em=address))


def find_leads_of_record(connection: _Connection, salesforce_id: str) -> tuple[str, ...]:
    """Return the leads that are written to a record."""
    rows = load_queries("stories").list_leads_of_record(connection, salesforce_id=salesforce_id)
    return tuple(row["dievio_lead_id"] for row in rows)


def has_lead(connection: _Connection, dievio_lead_id: str) -> bool:
    """Tell whether an id of ours was ever given."""
    return bool(load_queries("stories").has_lead(connection, dievio_lead_id=dievio_lead_id))


def find_record_of_lead(connection: _Connection, dievio_lead_id: str) -> str | None:
    """Return the id of the record that a lead is written to."""
    row = load_queries("stories").find_link(connection, dievio_lead_id=dievio_lead_id)
    return row["salesforce_id"] if row else None


def find_record(connection: _Connection, salesforce_id: str) -> MirroredRecord | None:
    """Return a record as the mirror holds it."""
    row = load_queries("stories").find_record(connection, salesforce_id=salesforce_id)
    if row is None:
        return None
    return MirroredRecord(
        object_name=row["object_name"],
        salesforce_id=row["salesforce_id"],
        fields=row["fields"],
        is_deleted=row["is_deleted"],
        is_converted=row["is_converted"],
        last_modified_by_id=row["last_modified_by_id"],
        last_modified_at=row["last_modified_at"],
    )


def read_batches_of_lead(connection: _Connection, dievio_lead_id: str) -> list[str]:
    """Return the newest batches that delivered a lead."""
    rows = load_queries("stories").list_batches_of_lead(connection, dievio_lead_id=dievio_lead_id, most=MOST_BATCHES)
    return [row["batch_id"] for row in rows]


def read_events(connection: _Connection, dievio_lead_id: str, *, batch_ids: Sequence[str]) -> list[Event]:
    """Return what happened to a lead beside its writes."""
    rows = load_queries("stories").list_events(connection, dievio_lead_id=dievio_lead_id, batch_ids=list(batch_ids))
    return [Event(**{**row, "step": Step(row["step"])}) for row in rows]


def read_written_values(connection: _Connection, salesforce_id: str) -> Mapping[str, WrittenValue]:
    """Return field -> what we wrote there last."""
    rows = load_queries("stories").list_field_values(connection, salesforce_id=salesforce_id)
    return {
        row["field"]: WrittenValue(value=row["value"], written_at=row["written_at"], op_id=str(row["op_id"]))
        for row in rows
    }


def find_field_decision(
    connection: _Connection, dievio_lead_id: str, *, batch_ids: Sequence[str], field: str
) -> Mapping[str, Any] | None:
    """Return what the newest plan said about a field: policy, verdict, reason, planned_at."""
    row: Mapping[str, Any] | None = load_queries("stories").find_field_decision(
        connection, dievio_lead_id=dievio_lead_id, batch_ids=list(batch_ids), field=field
    )
    return row

"""Which records of the org are looked up again, and the rows they make. Transactions are opened by the services."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.enrichment.selection import LASTING_REASONS
from lead_pipeline.store.bulk import copy_rows
from lead_pipeline.store.queries import load_queries


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordToRefresh:
    """A record as the mirror holds it."""

    object_name: str
    salesforce_id: str
    fields: Mapping[str, object]
    dievio_lead_id: str | None


def list_stale_records(
    connection: psycopg.Connection[Any], *, stale_before: datetime, left_alone_after: datetime, most: int
) -> list[RecordToRefresh]:
    """Return the records that were last looked up at or before a moment, the oldest first.

    Args:
        connection: The database.
        stale_before: Whoever was looked up later is not stale.
        left_alone_after: Whoever was left alone later for a reason that stays is not offered again yet.
        most: How many.
    """
    rows = load_queries("refreshes").list_stale_records(
        connection,
        stale_before=stale_before,
        left_alone_after=left_alone_after,
        left_alone_reasons=sorted(LASTING_REASONS),
        record_limit=most,
    )
    return [RecordToRefresh(**row) for row in rows]


def list_records_of(connection: psycopg.Connection[Any], dievio_lead_ids: Collection[str]) -> list[RecordToRefresh]:
    """Return the records of some people."""
    rows = load_queries("refreshes").list_records_of(connection, dievio_lead_ids=list(dievio_lead_ids))
    return [RecordToRefresh(**row) for row in rows]


def list_records_by_profile(connection: psycopg.Connection[Any], slug: str) -> list[RecordToRefresh]:
    """Return the records that carry a profile."""
    rows = load_queries("refreshes").list_records_by_profile(connection, slug=slug)
    return [RecordToRefresh(**row) for row in rows]


def list_due_retries(connection: psycopg.Connection[Any], *, at: datetime, most: int) -> list[str]:
    """Return our ids of people who wait for a provider and whose time has come."""
    rows = load_queries("refreshes").list_due_retries(connection, at=at, person_limit=most)
    return [row["dievio_lead_id"] for row in rows]


def list_unfinished(
    connection: psycopg.Connection[Any], sources: Collection[str], *, begun_before: datetime
) -> dict[str, str]:
    """Return batch id -> source of batches that something other than a gate ended early, the oldest first."""
    rows = load_queries("refreshes").list_unfinished(connection, sources=sorted(sources), begun_before=begun_before)
    return {row["batch_id"]: row["source"] for row in rows}


def count_rows(connection: psycopg.Connection[Any], batch_id: str) -> int:
    """Return how many rows a batch already has."""
    return int(load_queries("refreshes").count_rows(connection, batch_id=batch_id))


def add_rows(
    connection: psycopg.Connection[Any],
    rows: Sequence[Mapping[str, object]],
    *,
    batch_id: str,
    segment: str,
    at: datetime,
) -> None:
    """Put rows into a batch as if they had been delivered."""
    columns = ("batch_id", "segment", "page_number", "row_number", "payload", "request_email_status", "fetched_at")
    copy_rows(
        connection,
        "raw_lead",
        columns=columns,
        rows=((batch_id, segment, 1, number, Jsonb(dict(row)), None, at) for number, row in enumerate(rows)),
    )

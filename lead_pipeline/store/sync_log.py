"""The log of operations: its days and the search in it. Entries are written with what they tell, in `writes`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg

from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]

PAGE_ENTRIES = 5_000  # in memory at a time, however many fit


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """What entries are looked for; None fits all. `until` is the last moment that counts."""

    dievio_lead_ids: tuple[str, ...] | None = None
    salesforce_id: str | None = None
    operation: str | None = None
    run_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One operation: what was sent, to which record, for whom, and what came back."""

    sync_log_id: int
    logged_at: datetime
    batch_id: str
    run_id: str
    dievio_lead_id: str | None
    operation: str
    object_name: str | None
    salesforce_id: str | None
    op_id: UUID | None
    payload_sha256: str
    mapping_version: str
    fields_changed: list[dict[str, object]]  # field, before, after
    actor: str
    request_id: str | None
    outcome: str
    error_code: str | None


def create_days(connection: _Connection, *, first_on: date, last_on: date) -> int:
    """Make the partitions of some days, both ends included; return how many were missing."""
    made: int = load_queries("sync_log").create_days(connection, first_on=first_on, last_on=last_on)
    return made


def drop_days(connection: _Connection, *, before_on: date) -> int:
    """Drop the partitions of all days before one; return how many went."""
    dropped: int = load_queries("sync_log").drop_days(connection, before_on=before_on)
    return dropped


def search_log(connection: _Connection, wanted: LogFilter, *, most: int | None = None) -> Iterator[LogEntry]:
    """Yield the entries that fit, newest first, at most so many."""
    before_id: int | None = None
    while most is None or most > 0:
        size = PAGE_ENTRIES if most is None else min(most, PAGE_ENTRIES)
        page = _search_page(connection, wanted, before_id=before_id, most=size)
        yield from page
        if len(page) < size:
            return
        most = None if most is None else most - size
        wanted, before_id = replace(wanted, until=page[-1].logged_at), page[-1].sync_log_id


def _search_page(connection: _Connection, wanted: LogFilter, *, before_id: int | None, most: int) -> list[LogEntry]:
    rows = load_queries("sync_log").search(
        connection,
        dievio_lead_ids=None if wanted.dievio_lead_ids is None else list(wanted.dievio_lead_ids),
        salesforce_id=wanted.salesforce_id,
        operation=wanted.operation,
        run_id=wanted.run_id,
        since=wanted.since,
        until=wanted.until,
        before_id=before_id,
        most=most,
    )
    return [LogEntry(**row) for row in rows]

"""Batches, paid pages, delivered rows and the credit ledger. Transactions are opened by the services."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.pulling import CallState, PullState, SegmentPull
from lead_pipeline.domain.searches import SearchPage
from lead_pipeline.store.bulk import copy_rows
from lead_pipeline.store.queries import load_queries

_RAW_LEAD_COLUMNS = (
    "batch_id", "segment", "page_number", "row_number", "payload", "request_email_status", "fetched_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBooking:
    """A paid call before it is made."""

    call_id: UUID
    batch_id: str
    segment: str
    endpoint: str
    page_number: int | None
    credits: int
    budget: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReceipt:
    """A page with everything that is kept beside it."""

    page: SearchPage
    request: Mapping[str, object]
    email_status: str
    requested_at: datetime
    received_at: datetime


def add_batch(connection: psycopg.Connection[Any], batch_id: str, *, source: str, at: datetime) -> None:
    """Begin a batch; one that exists stays as it is."""
    load_queries("pulls").add_batch(connection, batch_id=batch_id, source=source, created_at=at)


def get_pull(connection: psycopg.Connection[Any], *, batch_id: str, segment: str) -> SegmentPull | None:
    """Return how far a saved search has come within a batch."""
    return _as_pull(load_queries("pulls").get_pull(connection, batch_id=batch_id, segment=segment))


def get_previous_pull(
    connection: psycopg.Connection[Any], *, batch_id: str, segment: str, filters_sha256: str
) -> SegmentPull | None:
    """Return the newest pull of the same question in another batch."""
    row = load_queries("pulls").get_previous_pull(
        connection, batch_id=batch_id, segment=segment, filters_sha256=filters_sha256
    )
    return _as_pull(row)


def get_later_pull(
    connection: psycopg.Connection[Any], *, batch_id: str, segment: str, filters_sha256: str
) -> SegmentPull | None:
    """Return the first pull of the same question that another batch began after this batch's own."""
    row = load_queries("pulls").get_later_pull(
        connection, batch_id=batch_id, segment=segment, filters_sha256=filters_sha256
    )
    return _as_pull(row)


def save_pull(connection: psycopg.Connection[Any], pull: SegmentPull, *, at: datetime) -> None:
    """Keep how far a saved search has come."""
    load_queries("pulls").save_pull(connection, **asdict(pull), at=at)


def add_page(connection: psycopg.Connection[Any], receipt: PageReceipt, *, pull: SegmentPull) -> None:
    """Keep a paid page verbatim, and each of its rows.

    Args:
        connection: Inside the transaction that also settles the call and advances the pull.
        receipt: The page.
        pull: The pull after this page.
    """
    page = receipt.page
    load_queries("pulls").add_page(
        connection,
        batch_id=pull.batch_id,
        segment=pull.segment,
        page_number=pull.pages_received,
        request=Jsonb(dict(receipt.request)),
        response_body=page.body,
        sha256=hashlib.sha256(page.body.encode()).hexdigest(),
        row_count=len(page.rows),
        credits=page.credits,
        requested_at=receipt.requested_at,
        received_at=receipt.received_at,
    )
    place = (pull.batch_id, pull.segment, pull.pages_received)
    rows = (
        (*place, number, Jsonb(row), receipt.email_status, receipt.received_at)
        for number, row in enumerate(page.rows, start=1)
    )
    copy_rows(connection, "raw_lead", columns=_RAW_LEAD_COLUMNS, rows=rows)


def add_unreadable_page(
    connection: psycopg.Connection[Any], body: str, *, booking: CallBooking, request: Mapping[str, object], at: datetime
) -> None:
    """Keep an answer that is no page."""
    load_queries("pulls").add_unreadable_page(
        connection,
        call_id=booking.call_id,
        batch_id=booking.batch_id,
        segment=booking.segment,
        request=Jsonb(dict(request)),
        response_body=body,
        received_at=at,
    )


def reserve_credits(connection: psycopg.Connection[Any], booking: CallBooking, *, at: datetime) -> bool:
    """Book a call before it is made; False when it could exceed the budget."""
    return bool(load_queries("pulls").reserve_credits(connection, **asdict(booking), at=at))


def sum_booked_credits(connection: psycopg.Connection[Any], *, batch_id: str, segment: str) -> int:
    """Return the credits spent or reserved since the pull began."""
    return int(load_queries("pulls").sum_booked_credits(connection, batch_id=batch_id, segment=segment))


def close_call(
    connection: psycopg.Connection[Any], call_id: UUID, *, state: CallState, credits_spent: int | None, at: datetime
) -> None:
    """Say what became of a booked call."""
    load_queries("pulls").close_call(connection, call_id=call_id, state=state.value, credits=credits_spent, at=at)


def mark_lost_calls(connection: psycopg.Connection[Any], batch_id: str, *, at: datetime) -> int:
    """Mark the searches whose process died before the answer was kept, and return how many."""
    return int(load_queries("pulls").mark_lost_calls(connection, batch_id=batch_id, at=at))


def count_acted_on(connection: psycopg.Connection[Any], batch_id: str) -> int:
    """Return how many leads of a batch have an outcome or an intent."""
    return int(load_queries("pulls").count_acted_on(connection, batch_id=batch_id))


def discard_pages(connection: psycopg.Connection[Any], batch_id: str, *, at: datetime) -> None:
    """Put the pages of a batch aside and begin each of its searches again."""
    queries = load_queries("pulls")
    queries.supersede_pages(connection, batch_id=batch_id, at=at)
    queries.delete_quarantine(connection, batch_id=batch_id)
    queries.delete_leads(connection, batch_id=batch_id)
    queries.delete_raw_leads(connection, batch_id=batch_id)
    queries.delete_pages(connection, batch_id=batch_id)
    queries.restart_pulls(connection, batch_id=batch_id, at=at)


def _as_pull(row: Mapping[str, Any] | None) -> SegmentPull | None:
    return None if row is None else SegmentPull(**{**row, "state": PullState(row["state"])})

"""Paid calls of enrichment: what they may cost, whom they claim, and what became of them. See `credit_ledger`.

Transactions are opened by the services. A booking and its claims are one transaction, as are an answer and its price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.enrichment.questions import AnswerState, ProviderAnswer
from lead_pipeline.domain.pulling import CallState
from lead_pipeline.store.bulk import copy_rows
from lead_pipeline.store.queries import load_queries

IN_FLIGHT_TIME = timedelta(minutes=15)  # a call that is under way longer than that has lost its process


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAccount:
    """Enrichment credits of one UTC day."""

    used_by_segment: dict[str, int]
    known_credits: int  # told nothing new
    uncertain_credits: int  # answers lost


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentBooking:
    """A paid call before it is made."""

    call_id: UUID
    batch_id: str
    segment: str
    provider: str
    endpoint: str
    reason: str


def read_day(connection: psycopg.Connection[Any], at: datetime) -> DayAccount:
    """Return what enrichment has spent or reserved on the UTC day of a moment."""
    since = datetime.combine(at.astimezone(UTC).date(), time(), UTC)
    rows = list(load_queries("enrichment").sum_booked(connection, since=since, until=since + timedelta(days=1)))
    return DayAccount(
        used_by_segment={row["segment"]: row["credits"] for row in rows},
        known_credits=sum(row["known_credits"] for row in rows),
        uncertain_credits=sum(row["uncertain_credits"] for row in rows),
    )


def list_days(connection: psycopg.Connection[Any], batch_id: str) -> list[datetime]:
    """Return midnight, aware UTC, of the days on which a batch asked."""
    days = load_queries("enrichment").list_days(connection, batch_id=batch_id)
    return [datetime.combine(row["day"], time(), UTC) for row in days]


def lock_budget(connection: psycopg.Connection[Any]) -> None:
    """Let nobody else book until the transaction ends."""
    load_queries("enrichment").lock_budget(connection)


def claim_lookups(
    connection: psycopg.Connection[Any],
    people: Mapping[str, datetime | None],
    *,
    booking: EnrichmentBooking,
    most_lost_tries: int,
    at: datetime,
) -> frozenset[str]:
    """Claim people for one call and return whom; others are asked about elsewhere or were lost too often.

    Args:
        connection: The database.
        people: Our id -> when this provider last answered about the person as far as the caller knows.
        booking: The call.
        most_lost_tries: So many lost answers end the asking.
        at: Now.
    """
    rows = load_queries("enrichment").claim_lookups(
        connection,
        dievio_lead_ids=list(people),
        seen_at=list(people.values()),
        provider=booking.provider,
        batch_id=booking.batch_id,
        call_id=booking.call_id,
        most_lost_tries=most_lost_tries,
        in_flight_since=at - IN_FLIGHT_TIME,
        at=at,
    )
    return frozenset(row["dievio_lead_id"] for row in rows)


def book_call(
    connection: psycopg.Connection[Any],
    booking: EnrichmentBooking,
    *,
    credit_count: int,
    daily_credits: int,
    at: datetime,
) -> None:
    """Reserve the most that a call can cost, and keep the day's limit that it was seen to fit."""
    load_queries("enrichment").book_call(
        connection,
        call_id=booking.call_id,
        batch_id=booking.batch_id,
        segment=booking.segment,
        provider=booking.provider,
        endpoint=booking.endpoint,
        reason=booking.reason,
        credits=credit_count,
        budget=daily_credits,
        at=at,
    )


def close_call(connection: psycopg.Connection[Any], call_id: UUID, *, state: CallState, at: datetime) -> None:
    """Say what became of a call without an answer. Where nothing was done, its people are free again."""
    queries = load_queries("enrichment")
    queries.close_call(connection, call_id=call_id, state=state.value, at=at)
    if state is CallState.RELEASED:
        queries.release_lookups(connection, call_id=call_id)


def settle_call(
    connection: psycopg.Connection[Any],
    answer: ProviderAnswer,
    *,
    booking: EnrichmentBooking,
    known_credits: int,
    at: datetime,
) -> None:
    """Keep an answer, what it cost, and what it says about each person: all of it or nothing."""
    queries = load_queries("enrichment")
    queries.settle_call(connection, call_id=booking.call_id, credits=answer.credits, known_credits=known_credits, at=at)
    queries.add_answer(
        connection,
        call_id=booking.call_id,
        batch_id=booking.batch_id,
        provider=booking.provider,
        response_body=answer.body,
        at=at,
    )
    lines = [
        {
            "dievio_lead_id": one.dievio_lead_id,
            "state": one.state.value,
            "observed_at": one.observed_at.isoformat() if one.observed_at else None,
        }
        for one in answer.answers
    ]
    queries.settle_lookups(connection, answers=Jsonb(lines), call_id=booking.call_id, provider=booking.provider, at=at)
    _replace_findings(connection, answer, provider=booking.provider, at=at)


def refresh_statistics(connection: psycopg.Connection[Any]) -> None:
    """Tell the database's planner how large the tables of answers have become."""
    load_queries("enrichment").refresh_statistics(connection)


def mark_lost_calls(connection: psycopg.Connection[Any], batch_id: str, *, at: datetime) -> int:
    """Mark the calls of a batch whose process died before the answer was kept, and return how many."""
    return int(load_queries("enrichment").mark_lost_calls(connection, batch_id=batch_id, at=at))


def _replace_findings(
    connection: psycopg.Connection[Any], answer: ProviderAnswer, *, provider: str, at: datetime
) -> None:
    found = [one for one in answer.answers if one.state is AnswerState.FOUND]
    load_queries("enrichment").delete_findings(
        connection, dievio_lead_ids=[one.dievio_lead_id for one in found], provider=provider
    )
    rows = (
        (
            one.dievio_lead_id,
            provider,
            name,
            Jsonb(finding.value),
            finding.confidence.share,
            finding.confidence.origin.value,
            at,
        )
        for one in found
        for name, finding in one.findings.items()
    )
    columns = ("dievio_lead_id", "provider", "field", "value", "share", "origin", "answered_at")
    copy_rows(connection, "enrichment_finding", columns=columns, rows=rows)

"""Reads our books of one batch as the checker of invariants wants them. What the org did comes from the org."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.evidence import (
    DeadLetterRow,
    DeliveredRow,
    IntentRow,
    KeptAnswer,
    LinkRow,
    LiveRecord,
    LogRow,
    OutcomeRow,
    PaidCall,
    PastWrite,
)
from lead_pipeline.domain.pulling import CallState
from lead_pipeline.domain.write_protocol import IntentState, WriteKind, WritePurpose
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedWrite:
    """A write of the batch, with the record it went to."""

    row: IntentRow
    object_name: str
    salesforce_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Everything our tables say about one batch."""

    delivered: tuple[DeliveredRow, ...]
    outcomes: tuple[OutcomeRow, ...]
    writes: tuple[BookedWrite, ...]  # in the order in which they ended
    log: tuple[LogRow, ...]
    links: tuple[LinkRow, ...]
    records: tuple[LiveRecord, ...]
    dead_letters: tuple[DeadLetterRow, ...]
    history: tuple[PastWrite, ...]  # of every batch, for the records that this one wrote
    paid_calls: tuple[PaidCall, ...]  # of its searches, and of the days on which it enriched
    kept_answers: tuple[KeptAnswer, ...]
    is_complete: bool
    waiting: tuple[DeliveredRow, ...] = ()  # rows that nobody let through yet


def read_batches(connection: _Connection, *, since: datetime) -> tuple[str, ...]:
    """Return the batches that began after a moment."""
    return tuple(row["batch_id"] for row in load_queries("audits").list_batches(connection, since=since))


def has_batch(connection: _Connection, batch_id: str) -> bool:
    """Tell whether a batch was ever begun."""
    return bool(load_queries("audits").has_batch(connection, batch_id=batch_id))


def read_books(connection: _Connection, batch_id: str) -> Books:
    """Return what our tables say about a batch."""
    queries = load_queries("audits")
    return Books(
        delivered=tuple(DeliveredRow(**row) for row in queries.list_delivered(connection, batch_id=batch_id)),
        outcomes=tuple(map(outcome_row, queries.list_outcomes(connection, batch_id=batch_id))),
        writes=tuple(map(_write, queries.list_intents(connection, batch_id=batch_id))),
        log=tuple(map(log_row, queries.list_log(connection, batch_id=batch_id))),
        links=tuple(LinkRow(**row) for row in queries.list_links(connection, batch_id=batch_id)),
        records=tuple(LiveRecord(**row) for row in queries.list_live_records(connection, batch_id=batch_id)),
        dead_letters=tuple(map(dead_letter_row, queries.list_dead_letters(connection, batch_id=batch_id))),
        history=tuple(map(past_write, queries.list_history(connection, batch_id=batch_id))),
        paid_calls=tuple(
            PaidCall(**{**row, "state": CallState(row["state"])})
            for row in queries.list_paid_calls(connection, batch_id=batch_id)
        ),
        kept_answers=tuple(KeptAnswer(**row) for row in queries.list_kept_answers(connection, batch_id=batch_id)),
        is_complete=queries.is_complete(connection, batch_id=batch_id),
        waiting=tuple(DeliveredRow(**row) for row in queries.list_waiting(connection, batch_id=batch_id)),
    )


def read_known_ops(connection: _Connection, op_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return which of some receipts are writes of ours."""
    rows = load_queries("audits").list_known_ops(connection, op_ids=list(op_ids))
    return frozenset(row["op_id"] for row in rows)


# --- rows of our tables as the checker wants them ---------------------------------------------------------------------


def outcome_row(row: Mapping[str, Any]) -> OutcomeRow:
    """Return a row of `lead_outcome`."""
    return OutcomeRow(
        batch_id=row["batch_id"],
        raw_lead_id=row["raw_lead_id"],
        dievio_lead_id=row["dievio_lead_id"],
        outcome=Outcome(row["outcome"]),
        op_id=row["op_id"],
    )


def intent_row(row: Mapping[str, Any]) -> IntentRow:
    """Return a row of `write_intent`."""
    return IntentRow(
        op_id=row["op_id"],
        dievio_lead_id=row["dievio_lead_id"],
        person_key=row["person_key"],
        purpose=WritePurpose(row["purpose"]),
        kind=WriteKind(row["kind"]),
        state=IntentState(row["state"]),
    )


def log_row(row: Mapping[str, Any]) -> LogRow:
    """Return a row of `sync_log`."""
    return LogRow(
        op_id=row["op_id"],
        salesforce_id=row["salesforce_id"],
        before={change["field"]: change.get("before") for change in row["fields_changed"]},
        after={change["field"]: change.get("after") for change in row["fields_changed"]},
    )


def past_write(row: Mapping[str, Any]) -> PastWrite:
    """Return a row of `sync_log` with what is known about its write."""
    changes = row["fields_changed"]
    purpose = WritePurpose(row["purpose"])
    return PastWrite(
        op_id=row["op_id"],
        salesforce_id=row["salesforce_id"],
        purpose=purpose,
        kind=WriteKind(row["kind"]),
        source_at=None if purpose is WritePurpose.REVERT else row["source_at"],
        is_answered=row["is_answered"],
        before={change["field"]: change.get("before") for change in changes},
        after={change["field"]: change.get("after") for change in changes},
    )


def dead_letter_row(row: Mapping[str, Any]) -> DeadLetterRow:
    """Return a row of `dead_letter`."""
    return DeadLetterRow(
        dievio_lead_id=row["dievio_lead_id"],
        stage=row["stage"],
        error_code=row["error_code"],
        cause=row["cause"],
        owner=row["owner"],
        attempts=row["attempts"],
        payload=row["payload"],
        payload_sha256=row["payload_sha256"],
    )


def _write(row: Mapping[str, Any]) -> BookedWrite:
    return BookedWrite(row=intent_row(row), object_name=row["object_name"], salesforce_id=row["salesforce_id"])

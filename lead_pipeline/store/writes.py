"""Write intents and everything that ends with them: outcomes, log, links, written values, questions, dead letters.

One call of `record_settlements` is one step of the protocol and belongs into one transaction. What a settlement says
is decided in `domain/settlements`; hand-over rows and read-backs have modules of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.decisions import Decision, FieldDecision, FieldVerdict, Outcome, SyncDecision
from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.record_answers import RecordAnswer
from lead_pipeline.domain.refusals import SALES_OPS
from lead_pipeline.domain.settlements import HandOverState, Settlement
from lead_pipeline.domain.write_protocol import IntentState, WriteIntent, WriteKind, WritePurpose, hash_payload
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]

_WORK_KEYS = ("em", "li", "dm", "fn", "ln", "co", "ph", "pe", "st")  # those by which two leads may be one person
_CREATION_LOCK = "create_records"
FIRST_ID = UUID(int=0)  # smaller than every operation id: where paging begins


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A lead that waits for its write; only what choosing the next ones needs."""

    dievio_lead_id: str
    decision: Decision
    object_name: str | None
    salesforce_id: str | None
    base_last_modified_at: datetime | None
    keys: MatchKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class UnseenSince:
    """Since when other writes count as unseen by a plan.

    Attributes:
        seen_at: Our clock when the reading of the org began on which the plan rests.
        given_up_since: Writes sent since then and given up without an answer may still land.
    """

    seen_at: datetime
    given_up_since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWrite:
    """A whole decision with what the write needs beside it."""

    decision: SyncDecision
    record_lead_id: str | None  # external id on the target now
    refusal_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCounts:
    """Where a batch stands."""

    unknown: int  # open writes
    unsettled: int  # delivered rows without an outcome
    created: int  # by this run
    updated: int  # by this run
    waiting: int = 0  # rows that nobody let through yet


def insert_intents(
    connection: _Connection, intents: Sequence[WriteIntent], *, sent_at: datetime, unseen: UnseenSince
) -> frozenset[UUID]:
    """Commit writes as sent and return the ids of those that are now ours to send.

    Left out are leads and persons that already have an open write, and creations of somebody whom another lead may be
    creating, has created since the org was read, or may still create because its end was never answered. An update in a
    job, which carries no condition, is left out where the same holds for another write to its record.
    """
    queries = load_queries("writes")
    rows = [_intent_row(intent) for intent in intents]
    held: Iterable[Mapping[str, Any]] = ()
    if any(intent.kind is WriteKind.INSERT for intent in intents):
        queries.lock_creations(connection, name=_CREATION_LOCK)
        held = queries.list_twins(
            connection, intents=Jsonb(rows), seen_at=unseen.seen_at, given_up_since=unseen.given_up_since
        )
    elif any(intent.bulk_job_id for intent in intents):
        held = queries.list_overtaken(
            connection, intents=Jsonb(rows), seen_at=unseen.seen_at, given_up_since=unseen.given_up_since
        )
    waiting = {str(row["op_id"]) for row in held}
    rows = [row for row in rows if row["op_id"] not in waiting]
    added = queries.insert_intents(connection, intents=Jsonb(rows), sent_at=sent_at)
    return frozenset(row["op_id"] for row in added)


def read_open_intents(
    connection: _Connection, batch_id: str, *, at: datetime, after: UUID, most: int
) -> tuple[WriteIntent, ...]:
    """Return open writes of the batch, and of batches that nobody works on, in the order of their ids."""
    rows = load_queries("writes").list_open_intents(connection, batch_id=batch_id, at=at, after=after, most=most)
    return tuple(_intent(row) for row in rows)


def read_late_landings(connection: _Connection, *, since: datetime) -> tuple[WriteIntent, ...]:
    """Return writes held for void whose receipt a record of the mirror carries; `salesforce_id` names that record."""
    return tuple(_intent(row) for row in load_queries("writes").list_late_landings(connection, since=since))


def read_void_intents(
    connection: _Connection, batch_id: str, *, dievio_lead_ids: Collection[str], purpose: WritePurpose
) -> tuple[WriteIntent, ...]:
    """Return writes of some leads of a batch that were held for void."""
    rows = load_queries("writes").list_void_intents(
        connection, batch_id=batch_id, dievio_lead_ids=list(dievio_lead_ids), purpose=purpose
    )
    return tuple(_intent(row) for row in rows)


def read_void_receipts(connection: _Connection, op_ids: Collection[UUID]) -> tuple[WriteIntent, ...]:
    """Return which of some receipts belong to writes that were held for void."""
    return tuple(map(_intent, load_queries("writes").list_void_receipts(connection, op_ids=list(op_ids))))


def record_settlements(connection: _Connection, settlements: Sequence[Settlement], *, actor: str, at: datetime) -> None:
    """Record what became of writes, everywhere it has to stand."""
    if not settlements:
        return
    queries = load_queries("writes")
    rows = Jsonb([_settlement_row(settlement) for settlement in settlements])
    queries.settle_intents(connection, settlements=rows, at=at)
    queries.insert_log_entries(connection, settlements=rows, actor=actor, at=at)
    queries.insert_outcomes(connection, settlements=rows, at=at)
    queries.insert_links(connection, settlements=rows, at=at)
    queries.upsert_field_values(connection, settlements=rows, at=at)
    queries.insert_review_items(connection, settlements=rows, at=at)
    queries.insert_dead_letters(connection, settlements=rows, at=at)
    queries.settle_hand_overs(connection, settlements=rows, at=at)


def settle_rows_without_plan(connection: _Connection, batch_id: str, *, at: datetime) -> None:
    """Give further copies of a person and quarantined rows their outcome."""
    queries = load_queries("writes")
    queries.settle_duplicates(connection, batch_id=batch_id, at=at)
    queries.settle_quarantine(connection, batch_id=batch_id, at=at)


def settle_plans_without_write(
    connection: _Connection, batch_id: str, *, run_id: str, actor: str, at: datetime
) -> tuple[int, int]:
    """Give skipped leads and questions their outcome, with log entry and review item; return (skipped, review)."""
    row = load_queries("writes").settle_plans_without_write(
        connection,
        batch_id=batch_id,
        run_id=run_id,
        actor=actor,
        payload_sha256=hash_payload({}),
        owner=SALES_OPS,
        at=at,
    )
    return row["skipped"], row["review"]


def open_escalations(connection: _Connection, batch_id: str, *, at: datetime) -> int:
    """Open a question for each written lead with a field that a person is to settle; return how many."""
    opened: int = load_queries("writes").insert_escalations(connection, batch_id=batch_id, owner=SALES_OPS, at=at)
    return opened


def read_work(connection: _Connection, batch_id: str) -> list[WorkItem]:
    """Return the leads of a batch that wait for their write."""
    return [
        WorkItem(
            dievio_lead_id=row["dievio_lead_id"],
            decision=Decision(row["decision"]),
            object_name=row["object_name"],
            salesforce_id=row["salesforce_id"],
            base_last_modified_at=row["base_last_modified_at"],
            keys=MatchKeys(**{name: row[name] for name in _WORK_KEYS}),
        )
        for row in load_queries("writes").list_work(connection, batch_id=batch_id)
    ]


def read_planned_writes(
    connection: _Connection, batch_id: str, *, dievio_lead_ids: Collection[str]
) -> list[PlannedWrite]:
    """Return the whole decisions of some leads."""
    rows = load_queries("writes").list_decisions(connection, batch_id=batch_id, dievio_lead_ids=list(dievio_lead_ids))
    return [
        PlannedWrite(decision=_decision(row), record_lead_id=row["record_lead_id"], refusal_count=row["refusal_count"])
        for row in rows
    ]


def read_stale_leads(connection: _Connection, batch_id: str) -> tuple[str, ...]:
    """Return the leads whose plan rests on records that changed or appeared since."""
    return tuple(
        row["dievio_lead_id"] for row in load_queries("writes").list_stale_leads(connection, batch_id=batch_id)
    )


def has_open_plans(connection: _Connection, batch_id: str) -> bool:
    """Tell whether any lead of a batch has a plan and no outcome."""
    return bool(load_queries("writes").has_open_plans(connection, batch_id=batch_id))


def refresh_statistics(connection: _Connection) -> None:
    """Tell the database's planner how large the tables of the batch have become."""
    load_queries("writes").refresh_statistics(connection)


def count_batch(connection: _Connection, batch_id: str, *, run_id: str) -> BatchCounts:
    """Count where a batch stands."""
    return BatchCounts(**load_queries("writes").count_batch(connection, batch_id=batch_id, run_id=run_id))


def count_outcomes(connection: _Connection, batch_id: str) -> Counter[Outcome]:
    """Count the rows of a batch by outcome."""
    rows = load_queries("writes").list_outcome_counts(connection, batch_id=batch_id)
    return Counter({Outcome(row["outcome"]): row["leads"] for row in rows})


def read_holding_owner(connection: _Connection, developer_name: str) -> str | None:
    """Return the id of the queue that owns new leads before hand-over; None when the org has no such queue."""
    owner: str | None = load_queries("writes").get_holding_owner(connection, developer_name=developer_name)
    return owner


def _intent_row(intent: WriteIntent) -> Mapping[str, object]:
    base = intent.base_last_modified_at
    return {
        "op_id": str(intent.op_id),
        "batch_id": intent.batch_id,
        "run_id": intent.run_id,
        "dievio_lead_id": intent.dievio_lead_id,
        "raw_lead_id": intent.raw_lead_id,
        "person_key": intent.person_key,
        "purpose": intent.purpose,
        "kind": intent.kind,
        "object_name": intent.object_name,
        "salesforce_id": intent.salesforce_id,
        "payload": intent.payload,
        "payload_sha256": intent.payload_sha256,
        "before": intent.before,
        "base_last_modified_at": base.isoformat() if base is not None else None,
        "mapping_version": intent.mapping_version,
        "reason_code": intent.reason_code,
        "attempt": intent.attempt,
        "bulk_job_id": intent.bulk_job_id,
    }


def _intent(row: Mapping[str, Any]) -> WriteIntent:
    return WriteIntent(
        **{
            **row,
            "purpose": WritePurpose(row["purpose"]),
            "kind": WriteKind(row["kind"]),
            "state": IntentState(row["state"]),
        }
    )


def _decision(row: Mapping[str, Any]) -> SyncDecision:
    return SyncDecision(
        batch_id=row["batch_id"],
        dievio_lead_id=row["dievio_lead_id"],
        raw_lead_id=row["raw_lead_id"],
        decision=Decision(row["decision"]),
        object_name=row["object_name"],
        salesforce_id=row["salesforce_id"],
        reason_code=row["reason_code"],
        reason=row["reason"],
        fields=tuple(FieldDecision(**{**field, "verdict": FieldVerdict(field["verdict"])}) for field in row["fields"]),
        mapping_version=row["mapping_version"],
        base_last_modified_at=row["base_last_modified_at"],
    )


def _settlement_row(settlement: Settlement) -> dict[str, object]:
    refusal = settlement.refusal
    row: dict[str, object] = {
        "op_id": str(settlement.op_id),
        "state": settlement.state,
        "operation": settlement.operation,
        "outcome": settlement.outcome,
        "hand_over_state": settlement.hand_over_state,
        "salesforce_id": settlement.salesforce_id,
        "error_code": settlement.error_code,
        "answer": _answer_row(settlement.answer),
        "candidates": list(settlement.candidates),
        "is_dead_letter": settlement.outcome is Outcome.DEAD_LETTER
        or settlement.hand_over_state is HandOverState.REFUSED,
    }
    if refusal is None:
        return row
    return row | {
        "error_code": settlement.error_code or refusal.code,
        "reason_code": refusal.review_reason if settlement.outcome is Outcome.REVIEW else refusal.code or None,
        "question": f"{refusal.cause}. {refusal.repair}.",
        "error_class": refusal.error_class,
        "cause": refusal.cause,
        "repair": refusal.repair,
        "owner": refusal.owner,
    }


def _answer_row(answer: RecordAnswer | None) -> dict[str, object] | None:
    if answer is None:
        return None
    return {
        "kind": answer.kind,
        "error_code": answer.error_code,
        "message": answer.message,
        "fields": list(answer.fields),
        "request_id": answer.request_id,
    }

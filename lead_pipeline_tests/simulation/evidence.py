"""Gathers what the checker of invariants judges: our books from the tables, the truth from the org's history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.invariants import (
    Commit,
    DeadLetterRow,
    DeliveredRow,
    Evidence,
    IntentRow,
    LinkRow,
    LiveRecord,
    LogRow,
    OutcomeRow,
)
from lead_pipeline.domain.write_protocol import (
    EXTERNAL_ID_FIELD,
    RECEIPT_FIELD,
    IntentState,
    WriteKind,
    WritePurpose,
)
from lead_pipeline_tests.simulation.memory_tables import MemoryTables, Row
from lead_pipeline_tests.simulation.org import Change, ChangeKind, Org
from lead_pipeline_tests.simulation.plans import POLICIES
from lead_pipeline_tests.simulation.scenarios import person_of


@dataclass
class Books:
    """Our tables, and what is noted about them while a story is played."""

    tables: MemoryTables
    links: list[LinkRow] = field(default_factory=list)
    stops: Counter[str] = field(default_factory=Counter)

    def note_links(self) -> None:
        """Keep the links as they are now."""
        for row in self.tables.salesforce_link.rows():
            link = LinkRow(dievio_lead_id=row["dievio_lead_id"], salesforce_id=row["salesforce_id"])
            if link not in self.links:
                self.links.append(link)

    def note_stop(self, error: str) -> None:
        """Keep why a run ended early."""
        self.stops[error] += 1


def read_evidence(
    books: Books, org: Org, *, since: int, complete_batches: Collection[str], repeated_writes: int
) -> Evidence:
    """Return what the checker judges; `since` is the length of the org's history before the story."""
    tables = books.tables
    return Evidence(
        delivered=[
            DeliveredRow(batch_id=row["batch_id"], raw_lead_id=row["raw_lead_id"]) for row in tables.raw_lead.rows()
        ],
        outcomes=[_outcome(row) for row in tables.lead_outcome.rows()],
        intents=[_intent(row) for row in tables.write_intent.rows()],
        log=[_log(row) for row in tables.sync_log.rows() if row["outcome"] == "applied"],
        commits=[_commit(change) for change in org.history[since:] if change.user == "integration"],
        links=books.links,
        records=[
            LiveRecord(
                salesforce_id=record.salesforce_id,
                object_name=record.object_name,
                dievio_lead_id=record.fields[EXTERNAL_ID_FIELD],
            )
            for record in org.live()
        ],
        dead_letters=[_dead_letter(row) for row in tables.dead_letter.rows()],
        policies=POLICIES,
        complete_batches=complete_batches,
        repeated_writes=repeated_writes,
    )


def _outcome(row: Row) -> OutcomeRow:
    return OutcomeRow(
        batch_id=row["batch_id"],
        raw_lead_id=row["raw_lead_id"],
        dievio_lead_id=row["dievio_lead_id"],
        outcome=Outcome(row["outcome"]),
        op_id=row["op_id"],
    )


def _intent(row: Row) -> IntentRow:
    """Take a write over, but not whom our books take its person for: an engine that mixes people up must not judge."""
    return IntentRow(
        op_id=row["op_id"],
        dievio_lead_id=row["dievio_lead_id"],
        person_key=person_of(row["dievio_lead_id"]),
        purpose=WritePurpose(row["purpose"]),
        kind=WriteKind(row["kind"]),
        state=IntentState(row["state"]),
    )


def _log(row: Row) -> LogRow:
    return LogRow(
        op_id=row["op_id"],
        salesforce_id=row["salesforce_id"],
        before={entry["field"]: entry["before"] for entry in row["fields_changed"]},
        after={entry["field"]: entry["after"] for entry in row["fields_changed"]},
    )


def _commit(change: Change) -> Commit:
    receipt = change.after.get(RECEIPT_FIELD)
    return Commit(
        op_id=UUID(receipt) if receipt else None,
        salesforce_id=change.salesforce_id,
        is_insert=change.kind is ChangeKind.INSERT,
        before=change.before,
        after=change.after,
    )


def _dead_letter(row: Row) -> DeadLetterRow:
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

"""Gathers what the checker of invariants judges: our books from the tables, the truth from the org's history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from uuid import UUID

from lead_pipeline.domain.evidence import (
    Commit,
    DeliveredRow,
    Evidence,
    IntentRow,
    LinkRow,
    LiveRecord,
    PastWrite,
    field_rules,
)
from lead_pipeline.domain.write_protocol import EXTERNAL_ID_FIELD, RECEIPT_FIELD
from lead_pipeline.store.audits import dead_letter_row, intent_row, log_row, outcome_row, past_write
from lead_pipeline_tests.simulation.memory_tables import MemoryTables, Row
from lead_pipeline_tests.simulation.org import Change, ChangeKind, Org
from lead_pipeline_tests.simulation.plans import MAPPINGS
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
        fields=field_rules(MAPPINGS),
        delivered=[
            DeliveredRow(batch_id=row["batch_id"], raw_lead_id=row["raw_lead_id"]) for row in tables.raw_lead.rows()
        ],
        outcomes=[outcome_row(row) for row in tables.lead_outcome.rows()],
        intents=[_intent(row) for row in tables.write_intent.rows()],
        log=[log_row(row) for row in tables.sync_log.rows() if row["outcome"] == "applied"],
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
        history=[
            _past_write(row, intent, tables=tables)
            for row in tables.sync_log.rows()
            # rival designs keep no books of their writes beside the log: what their rows were fetched from is not known
            if row["outcome"] == "applied" and (intent := tables.write_intent.get(row["op_id"])) is not None
        ],
        dead_letters=[dead_letter_row(row) for row in tables.dead_letter.rows()],
        complete_batches=complete_batches,
        repeated_writes=repeated_writes,
    )


def _intent(row: Row) -> IntentRow:
    """Take a write over, but not whom our books take its person for: an engine that mixes people up must not judge."""
    return replace(intent_row(row), person_key=person_of(row["dievio_lead_id"]))


def _past_write(row: Row, intent: Row, *, tables: MemoryTables) -> PastWrite:
    lead = tables.lead.get((intent["batch_id"], intent["raw_lead_id"])) or {}
    known = {"purpose": intent["purpose"], "kind": intent["kind"], "source_at": lead.get("fetched_at")}
    return past_write({**row, **known, "is_answered": False})  # nobody answers a question here


def _commit(change: Change) -> Commit:
    receipt = change.after.get(RECEIPT_FIELD)
    return Commit(
        op_id=UUID(receipt) if receipt else None,
        salesforce_id=change.salesforce_id,
        is_insert=change.kind is ChangeKind.INSERT,
        before=change.before,
        after=change.after,
    )

"""What the named queries of `writes.sql` do that keep writes apart, on tables in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from lead_pipeline_tests.simulation.likeness import is_alike
from lead_pipeline_tests.simulation.memory_tables import MemoryTables, Row

OPEN = ("sent", "unknown")


class FenceQueries:
    """The queries that say which writes may not leave now, for the database that inherits them."""

    tables: MemoryTables

    def lock_creations(self, *, name: str) -> list[Row]:
        """Do nothing: a transaction in memory is alone until it ends."""
        del name
        return [{"pg_advisory_xact_lock": ""}]

    def list_twins(
        self, *, intents: Sequence[Mapping[str, Any]], seen_at: datetime, given_up_since: datetime
    ) -> list[Row]:
        going = [
            (row, self.lead_of(row))
            for row in self.tables.write_intent.rows()
            if row["kind"] == "insert" and _may_be_unseen(row, seen_at=seen_at, given_up_since=given_up_since)
        ]
        return [
            {"op_id": UUID(intent["op_id"])}
            for intent in intents
            if intent["kind"] == "insert"
            and any(
                other["dievio_lead_id"] != intent["dievio_lead_id"] and is_alike(self.lead_of(intent), lead)
                for other, lead in going
            )
        ]

    def list_overtaken(
        self, *, intents: Sequence[Mapping[str, Any]], seen_at: datetime, given_up_since: datetime
    ) -> list[Row]:
        unseen = {
            row["salesforce_id"]
            for row in self.tables.write_intent.rows()
            if _may_be_unseen(row, seen_at=seen_at, given_up_since=given_up_since)
            and not (row["state"] == "void" and row["bulk_job_id"] is not None)
        }
        return [{"op_id": UUID(intent["op_id"])} for intent in intents if intent["salesforce_id"] in unseen - {None}]

    def is_fenced(self, intent: Mapping[str, Any]) -> bool:
        """Whether one of the two unique indexes of open writes refuses another one."""
        return any(
            intent["dievio_lead_id"] == other["dievio_lead_id"] or intent["person_key"] == other["person_key"]
            for other in self.open_intents()
        )

    def open_intents(self) -> Iterator[Row]:
        """Yield the writes whose end nobody knows."""
        return (row for row in self.tables.write_intent.rows() if row["state"] in OPEN)

    def lead_of(self, row: Mapping[str, Any]) -> Row:
        """Return the delivered row that a write carries out."""
        lead = self.tables.lead.get((row["batch_id"], row["raw_lead_id"]))
        if lead is None:
            raise KeyError(row["raw_lead_id"])
        return lead


def _may_be_unseen(row: Mapping[str, Any], *, seen_at: datetime, given_up_since: datetime) -> bool:
    """Whether a plan that rests on a reading of then cannot know what a write has done, does or may still do."""
    if row["state"] == "applied":
        return bool(row["resolved_at"] >= seen_at)
    return row["state"] in OPEN or (row["state"] == "void" and row["sent_at"] >= given_up_since)

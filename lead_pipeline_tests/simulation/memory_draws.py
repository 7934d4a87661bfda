"""Writes and their answers by chance, from a handful of values each, so that they collide in every world."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from lead_pipeline_tests.simulation.clock import BEGINNING

Row = dict[str, Any]

BATCHES = ("2026-05-04", "2026-05-05")
LEADS = tuple(f"lead-{number}" for number in range(1, 6))
RECORDS = tuple(f"00Q00000000000{number}AAA" for number in range(1, 5))
FIELDS = ("Email", "Phone", "Title")
VALUES = (None, "one", "two", 3)
STATES = ("sent", "unknown", "applied", "applied", "refused", "void", "void")
OPEN = frozenset({"sent", "unknown"})
PURPOSES = ("sync", "hand_over", "hand_over", "hand_over", "hand_over", "review", "replay", "revert")
OUTCOMES = ("created", "updated", "skipped", "review", "dead_letter")
DECISIONS = ("create", "update", "skip", "review")
VERDICTS = ("set_at_creation", "filled_blank", "updated", "kept_equal", "escalated", "doubted")
REASONS = ("low_confidence", "field_conflict", "no_change")
RECEIPT = "Dievio_Last_Op__c"
HAND_OVER_STATES = ("planned", "planned", "done", "kept", "refused")
OWNERS = ("00G0", "00G1", "005")


def moment(random: Random) -> datetime:
    """Draw one of a few moments, so that equal ones occur."""
    return BEGINNING + timedelta(minutes=random.randrange(6))


class WriteDraws:
    """Draws writes, what became of them and the answers to them, for the world that inherits it."""

    random: Random
    tables: dict[str, list[Row]]

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def choose(self, values: tuple[Any, ...]) -> Any:
        return self.random.choice(values)

    def new_id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def add(self, table: str, **row: Any) -> Row:
        self.tables[table].append(row)
        return row

    def draw_write(self, batch_id: str, lead_id: str, number: int) -> Row:
        """Return a write that has not been committed, as `insert_intents` takes it."""
        op_id, kind = self.new_id(), self.choose(("insert", "update"))
        payload = {name: self.choose(VALUES[1:]) for name in FIELDS if self.chance(0.6)}
        if self.chance(0.5):
            payload["OwnerId"] = self.choose(OWNERS)
        return {
            "op_id": op_id,
            "batch_id": batch_id,
            "run_id": self.choose(("run-1", "run-2")),
            "dievio_lead_id": lead_id,
            "raw_lead_id": number,
            "person_key": self.choose((f"id:{lead_id}", "em:shared")),
            "purpose": "sync" if kind == "insert" else self.choose(PURPOSES),
            "kind": kind,
            "object_name": "Lead",
            "salesforce_id": self.choose(RECORDS) if kind == "update" else None,
            "payload": {**payload, RECEIPT: str(op_id)},
            "payload_sha256": "sha",
            "before": {name: self.choose(VALUES) for name in payload},
            "base_last_modified_at": moment(self.random) if kind == "update" else None,
            "mapping_version": "1",
            "reason_code": "why",
            "attempt": self.random.randrange(1, 4),
            "bulk_job_id": None,
        }

    def _draw_intent(self, batch_id: str, lead_id: str, number: int) -> None:
        write = self.draw_write(batch_id, lead_id, number)
        state = self.choose(STATES)
        fenced = {
            key
            for row in self.tables["write_intent"]
            if row["state"] in OPEN
            for key in (row["dievio_lead_id"], row["person_key"])
        }
        if state in OPEN and fenced & {write["dievio_lead_id"], write["person_key"]}:
            state = "void"
        if state == "applied" and write["salesforce_id"] is None:
            write["salesforce_id"] = self.choose(RECORDS)
        self.add(
            "write_intent",
            **write,
            state=state,
            sent_at=moment(self.random),
            resolved_at=None if state in OPEN else moment(self.random),
            error_code="",
            result=None,
        )
        if state == "void" and self.chance(0.5):  # it landed after all
            record = self.random.choice(self.tables["directory_record"])
            record["fields"] = {**record["fields"], RECEIPT: str(write["op_id"])}
            record["dievio_lead_id"] = lead_id

    def _draw_outcome(self, batch_id: str, lead_id: str, number: int) -> None:
        ended = [
            row["op_id"]
            for row in self.tables["write_intent"]
            if (row["batch_id"], row["dievio_lead_id"]) == (batch_id, lead_id) and row["state"] not in OPEN
        ]
        self.add(
            "lead_outcome",
            batch_id=batch_id,
            raw_lead_id=number,
            dievio_lead_id=lead_id,
            outcome="created" if ended and self.chance(0.6) else self.choose(OUTCOMES),
            reason_code="before",
            object_name="Lead",
            salesforce_id=self.choose(RECORDS),
            op_id=self.choose((None, *ended, *ended)),
            settled_at=BEGINNING,
            reopened_at=self.choose((None, moment(self.random))),
        )
        if self.chance(0.7):
            self._draw_readback(batch_id, lead_id)

    def _draw_readback(self, batch_id: str, lead_id: str) -> None:
        owned = {"OwnerId": self.choose(OWNERS), RECEIPT: self.choose((None, "x"))}
        stands = {**owned, "LastModifiedDate": moment(self.random).isoformat()}
        self.add(
            "readback",
            batch_id=batch_id,
            dievio_lead_id=lead_id,
            object_name="Lead",
            salesforce_id=self.choose(RECORDS),
            fields=stands if self.chance(0.8) else {},
            is_missing=self.chance(0.2),
            read_at=BEGINNING,
            server_read_at=self.choose((None, moment(self.random))),
        )

    def _draw_hand_over(self, batch_id: str, lead_id: str) -> None:
        self.add("handover", batch_id=batch_id, op_id=None, handed_over_at=None, **self._draw_assignment(lead_id))

    def _draw_assignment(self, lead_id: str) -> Row:
        return {
            "dievio_lead_id": lead_id,
            "salesforce_id": self.choose(RECORDS),
            "rule": self.choose(("r", "s")),
            "from_owner_id": self.choose((None, *OWNERS)),
            "to_owner_id": self.choose(OWNERS),
            "state": self.choose(HAND_OVER_STATES),
            "reason": "routed",
        }

    def draw_hand_overs(self) -> list[Row]:
        """Return assignments as `upsert_handovers` takes them, for leads with one and without."""
        return [self._draw_assignment(lead_id) for lead_id in LEADS if self.chance(0.5)]

    def draw_settlements(self) -> list[Row]:
        """Return ends of writes, as the product states them: at most one per lead and per record."""
        taken: set[str] = set()
        settlements = []
        for intent in self.tables["write_intent"]:
            touched = {intent["dievio_lead_id"], str(intent["salesforce_id"])}
            if not self.chance(0.7) or taken & touched:
                continue
            end = dict(self._draw_end(intent))
            touched.add(str(end.get("salesforce_id")))
            if not taken & touched:
                taken |= touched - {"None"}
                settlements.append(end)
        return settlements

    def _draw_end(self, intent: Row) -> Iterator[tuple[str, Any]]:
        state = self.choose(("applied", "refused", "void", "unknown"))
        is_hand_over = intent["purpose"] == "hand_over"
        is_settling = intent["purpose"] in {"sync", "review", "replay"}
        done = "created" if intent["kind"] == "insert" else "updated"
        outcome = (
            {"applied": done, "refused": self.choose(("review", "dead_letter"))}.get(state) if is_settling else None
        )
        moved = {"applied": "done", "refused": self.choose(("refused", "kept"))}.get(state) if is_hand_over else None
        yield "op_id", str(intent["op_id"])
        yield "state", state
        yield "operation", "fail" if state != "applied" else "create" if intent["kind"] == "insert" else "update"
        yield "outcome", outcome
        yield "hand_over_state", moved
        yield "salesforce_id", self.choose(RECORDS) if state == "applied" and not intent["salesforce_id"] else None
        yield "answer", None
        yield "candidates", [{"salesforce_id": RECORDS[0]}]
        yield "is_dead_letter", outcome == "dead_letter" or moved == "refused"
        yield "error_code", "CODE" if state == "refused" else ""
        if state == "refused":
            yield "reason_code", self.choose((None, *REASONS)) if outcome != "review" else self.choose(REASONS)
            yield "question", "Why?"
            yield "error_class", "dead_letter"
            yield "cause", "because"
            yield "repair", "do this"
            yield "owner", "sales_ops"

"""Whole databases by chance, small and full of collisions: what the contract of the memory is tried on.

Keys, records and moments are drawn from a handful of values each, so that leads share keys, plans meet moved records
and writes meet open ones in every world.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
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


class MemoryWorld:
    """Rows of every table that the write path reads or writes, with all their columns."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311  # seeded randomness is the point
        self.tables: dict[str, list[Row]] = defaultdict(list)
        self._numbers = itertools.count(1_000_000)  # far from those that the databases give
        self._draw_org()
        for batch_id in BATCHES:
            for lead_id in LEADS:
                if self.chance(0.85):
                    self._draw_lead(batch_id, lead_id)
        self._draw_cases()

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def choose(self, values: tuple[Any, ...]) -> Any:
        return self.random.choice(values)

    def new_id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def add(self, table: str, **row: Any) -> Row:
        self.tables[table].append(row)
        return row

    # --- the org as we saw it -------------------------------------------------------------------------------------

    def _draw_org(self) -> None:
        for salesforce_id in RECORDS:
            self.add(
                "directory_record",
                object_name="Lead",
                salesforce_id=salesforce_id,
                fields={name: self.choose(VALUES) for name in FIELDS if self.chance(0.8)},
                dievio_lead_id=self.choose((None, *LEADS)),
                owner_id=None,
                last_modified_by_id=None,
                is_deleted=self.chance(0.15),
                master_record_id=None,
                is_converted=self.chance(0.15),
                converted_contact_id=None,
                last_modified_at=moment(self.random),
                system_modstamp=moment(self.random),
                key_version=1,
                **self._draw_keys(),
            )
        for number, kind in enumerate(("queue", "queue", "user")):
            self.add(
                "roster",
                salesforce_id=f"00G{number}",
                kind=kind,
                name="",
                developer_name=self.choose(("Holding", "Other")),
                is_active=self.chance(0.7),
                fields={"Department": "Sales", "UserType": "Standard"} if kind == "user" else {},
                system_modstamp=BEGINNING,
            )

    def _draw_keys(self) -> Row:
        return {
            name: self.choose((None, f"{name}-1", f"{name}-2"))
            for name in ("em", "li", "dm", "fn", "ln", "co", "ti", "ph", "pe", "st")
        }

    # --- a delivered row ------------------------------------------------------------------------------------------

    def _draw_lead(self, batch_id: str, lead_id: str) -> None:
        number = self._deliver(batch_id)
        if self.chance(0.15):
            reasons = [{"code": "last_name_missing", "field": "last_name", "message": ""}] if self.chance(0.7) else []
            self.add(
                "quarantine",
                batch_id=batch_id,
                raw_lead_id=number,
                segment="s",
                reasons=reasons,
                owner="ops",
                quarantined_at=BEGINNING,
            )
            return
        self._add_lead(batch_id, lead_id, number, copy_of=None)
        if self.chance(0.2):
            self._add_lead(batch_id, lead_id, self._deliver(batch_id), copy_of=number)
        if self.chance(0.85):
            self._draw_decision(batch_id, lead_id, number)
        for _ in range(self.random.randrange(4)):
            self._draw_intent(batch_id, lead_id, number)
        if self.chance(0.5):
            self._draw_outcome(batch_id, lead_id, number)
        if self.chance(0.8):
            self._draw_hand_over(batch_id, lead_id)

    def _deliver(self, batch_id: str) -> int:
        number = next(self._numbers)
        self.add(
            "raw_lead",
            raw_lead_id=number,
            batch_id=batch_id,
            segment="s",
            page_number=1,
            row_number=number,
            payload={},
            request_email_status=None,
            fetched_at=BEGINNING,
        )
        return number

    def _add_lead(self, batch_id: str, lead_id: str, number: int, *, copy_of: int | None) -> None:
        self.add(
            "lead",
            batch_id=batch_id,
            raw_lead_id=number,
            segment="s",
            dievio_lead_id=lead_id,
            is_weak_id=False,
            duplicate_of_raw_lead_id=copy_of,
            field_values={"country": "DE", "employee_count": 12, "seniority": "vp"} if self.chance(0.5) else {},
            confidences={},
            source_paths={},
            flags=[],
            key_version=1,
            fetched_at=BEGINNING,
            normalized_at=BEGINNING,
            **self._draw_keys(),
        )

    def _draw_decision(self, batch_id: str, lead_id: str, number: int) -> None:
        record = self.choose((None, *self.tables["directory_record"]))
        self.add(
            "sync_decision",
            batch_id=batch_id,
            dievio_lead_id=lead_id,
            raw_lead_id=number,
            decision=self.choose(DECISIONS),
            object_name="Lead" if record else None,
            salesforce_id=record["salesforce_id"] if record else None,
            reason_code=self.choose(REASONS),
            reason="why",
            fields=[
                {
                    "field": name,
                    "before": record["fields"].get(name) if record and self.chance(0.9) else self.choose(VALUES),
                    "after": self.choose(VALUES[1:]),
                    "verdict": self.choose(VERDICTS),
                }
                for name in FIELDS
                if self.chance(0.7)
            ],
            mapping_version="1",
            base_last_modified_at=self.choose((None, record["last_modified_at"], moment(self.random)))
            if record
            else None,
            planned_at=moment(self.random),
        )
        for salesforce_id in RECORDS:
            if self.chance(0.5):
                self.add(
                    "match_candidate",
                    batch_id=batch_id,
                    dievio_lead_id=lead_id,
                    rule=self.choose(("email", "name")),
                    object_name="Lead",
                    salesforce_id=salesforce_id,
                    grade="possible",
                    score=self.choose((None, 0.9)),
                    evidence={},
                )

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

    # --- writes ---------------------------------------------------------------------------------------------------

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

    # --- what is open for people ----------------------------------------------------------------------------------

    def _draw_cases(self) -> None:
        for lead_id in LEADS:
            for row in [row for row in self.tables["lead"] if row["dievio_lead_id"] == lead_id][:1]:
                self._draw_question(row)
                self._draw_letter(row)
            self._draw_memory(lead_id)
        for salesforce_id, name in itertools.product(RECORDS, FIELDS):
            if self.chance(0.2):
                self.add(
                    "field_value",
                    salesforce_id=salesforce_id,
                    field=name,
                    value=self.choose(VALUES[1:]),
                    op_id=self.new_id(),
                    written_at=self.choose((BEGINNING - timedelta(days=1), moment(self.random))),
                )
        for subject in ("ambiguous_match", "sales_ops", "CODE"):
            if self.chance(0.5):
                self.add("owner_rule", subject=subject, owner=f"owner of {subject}")
        for batch_id in BATCHES:
            if self.chance(0.6):
                self._draw_lease(batch_id)
        if self.chance(0.5):
            self.add("org_fact", name="update_guard:Lead", value=self.chance(0.5), seen_at=BEGINNING)

    def _draw_memory(self, lead_id: str) -> None:
        if self.chance(0.5):
            self.add(
                "pair_memory",
                dievio_lead_id=lead_id,
                salesforce_id=self.choose(RECORDS),
                answer=self.choose(("same", "not_same")),
                decided_by="x",
                decided_at=BEGINNING,
            )
        if self.chance(0.4):
            self.add(
                "salesforce_link",
                dievio_lead_id=lead_id,
                object_name="Lead",
                salesforce_id=self.choose(RECORDS),
                op_id=None,
                linked_at=BEGINNING,
            )

    def _draw_lease(self, batch_id: str) -> None:
        beat = moment(self.random)
        self.add(
            "lease",
            name=f"batch:{batch_id}",
            holder=self.choose(("run-1", "run-2")),
            acquired_at=BEGINNING,
            heartbeat_at=beat,
            expires_at=beat + timedelta(minutes=1),
        )

    def _draw_question(self, lead: Mapping[str, Any]) -> None:
        if not self.chance(0.4):
            return
        state = self.choose(("open", "decided"))
        self.add(
            "review_item",
            review_item_id=next(self._numbers),
            **{name: lead[name] for name in ("batch_id", "dievio_lead_id", "raw_lead_id")},
            reason=self.choose(REASONS),
            question="?",
            candidates=[],
            proposal={},
            owner="ops",
            state=state,
            decision=None,
            decided_by=None,
            opened_at=BEGINNING,
            decided_at=None,
        )

    def _draw_letter(self, lead: Mapping[str, Any]) -> None:
        if not self.chance(0.5):
            return
        self.add(
            "dead_letter",
            dead_letter_id=next(self._numbers),
            **{name: lead[name] for name in ("batch_id", "dievio_lead_id", "raw_lead_id")},
            stage=self.choose(("sync", "hand_over")),
            error_class="dead_letter",
            error_code="OLD",
            cause="c",
            suggested_repair="r",
            payload={},
            payload_sha256="sha",
            attempts=2,
            owner="ops",
            state=self.choose(("open", "open", "discarded")),
            first_failed_at=BEGINNING,
            last_failed_at=BEGINNING,
            resolved_at=None,
            resolved_by=None,
            resolution=None,
        )

    # --- answers --------------------------------------------------------------------------------------------------

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

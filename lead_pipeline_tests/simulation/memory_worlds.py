"""Whole databases by chance, small and full of collisions: what the contract of the memory is tried on.

Keys, records and moments are drawn from a handful of values each, so that leads share keys, plans meet moved records
and writes meet open ones in every world.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any

from lead_pipeline_tests.simulation.clock import BEGINNING
from lead_pipeline_tests.simulation.memory_draws import (
    BATCHES,
    DECISIONS,
    FIELDS,
    LEADS,
    REASONS,
    RECORDS,
    VALUES,
    VERDICTS,
    Row,
    WriteDraws,
    moment,
)


class MemoryWorld(WriteDraws):
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

    # --- the org as we saw it ---------------------------------------------------------------------------------------

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

    # --- a delivered row --------------------------------------------------------------------------------------------

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
        self._draw_candidates(batch_id, lead_id)

    def _draw_candidates(self, batch_id: str, lead_id: str) -> None:
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

    # --- cases ------------------------------------------------------------------------------------------------------

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

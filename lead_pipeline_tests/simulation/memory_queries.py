"""What the named queries of `writes.sql` do, on tables in memory; `memory_fences` and its like hold others.

One function per query, under its name, with its parameters. `services/writing` plays the same protocol on Postgres.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from lead_pipeline.domain.write_protocol import OWNER_FIELD, RECEIPT_FIELD
from lead_pipeline_tests.simulation.memory_facts import FactQueries
from lead_pipeline_tests.simulation.memory_fences import OPEN
from lead_pipeline_tests.simulation.memory_handovers import HandOverQueries
from lead_pipeline_tests.simulation.memory_leases import LeaseQueries
from lead_pipeline_tests.simulation.memory_plans import SETTLING, PlanQueries
from lead_pipeline_tests.simulation.memory_tables import INTENT_COLUMNS, Row

Settlements = Sequence[Mapping[str, Any]]


class MemoryQueries(FactQueries, PlanQueries, HandOverQueries):
    """The queries of one database, shared by its sessions; `leases` are those that each session has of its own."""

    leases = LeaseQueries

    # --- intents --------------------------------------------------------------------------------------------------

    def insert_intents(self, *, intents: Settlements, sent_at: datetime) -> list[Row]:
        added = []
        for intent in intents:
            op_id = UUID(intent["op_id"])
            if op_id in self.tables.write_intent or self.is_fenced(intent):
                continue
            base = intent["base_last_modified_at"]
            row = {
                **intent,
                "op_id": op_id,
                "base_last_modified_at": datetime.fromisoformat(base) if base else None,
                "state": "sent",
                "sent_at": sent_at,
                "resolved_at": None,
                "error_code": "",
                "result": None,
            }
            self.tables.write_intent.put(op_id, row)
            added.append({"op_id": op_id})
        return added

    def list_open_intents(self, *, batch_id: str, at: datetime, after: UUID, most: int) -> list[Row]:
        live = {row["name"] for row in self.tables.lease.rows() if row["expires_at"] > at}
        found = [
            row
            for row in self.open_intents()
            if row["op_id"] > after and (row["batch_id"] == batch_id or f"batch:{row['batch_id']}" not in live)
        ]
        return [_intent(row) for row in sorted(found, key=lambda row: row["op_id"])[:most]]

    def list_late_landings(self, *, since: datetime) -> list[Row]:
        landed = []
        for row in self.tables.write_intent.rows():
            if row["state"] != "void" or row["sent_at"] < since:
                continue
            for record in self.tables.directory_record.rows():
                place = (record["dievio_lead_id"], record["object_name"])
                is_ours = record["fields"].get(RECEIPT_FIELD) == str(row["op_id"])
                if is_ours and place == (row["dievio_lead_id"], row["object_name"]):
                    landed += [_intent({**row, "salesforce_id": record["salesforce_id"]})]
        return landed

    # --- settling -------------------------------------------------------------------------------------------------

    def settle_intents(self, *, settlements: Settlements, at: datetime) -> int:
        count = 0
        for settlement, intent in self._joined(settlements):
            state = settlement["state"]
            if intent["state"] not in OPEN and not (intent["state"] == "void" and state == "applied"):
                continue
            self.tables.write_intent.change(
                intent["op_id"],
                state=str(state),
                salesforce_id=settlement.get("salesforce_id") or intent["salesforce_id"],
                resolved_at=None if state == "unknown" else at,
                error_code=settlement["error_code"],
                result=settlement["answer"],
            )
            count += 1
        return count

    def insert_log_entries(self, *, settlements: Settlements, actor: str, at: datetime) -> int:
        logged = {(row["op_id"], row["outcome"], row["logged_at"]) for row in self.tables.sync_log.rows()}
        count = 0
        for settlement, intent in self._joined(settlements):
            state = settlement["state"]
            has_ended_now = intent["state"] == state and intent["resolved_at"] == at
            if not has_ended_now or (intent["op_id"], state, at) in logged:
                continue
            changed = [
                {"field": name, "before": intent["before"].get(name), "after": value}
                for name, value in sorted(intent["payload"].items())
                if name != RECEIPT_FIELD
            ]
            self._log(
                intent,
                operation=str(settlement["operation"]),
                fields_changed=changed,
                op_id=intent["op_id"],
                actor=actor,
                outcome=str(state),
                error_code=settlement["error_code"] or None,
                logged_at=at,
            )
            count += 1
        return count

    def insert_outcomes(self, *, settlements: Settlements, at: datetime) -> int:
        count = 0
        for settlement, intent in self._joined(settlements):
            if settlement["outcome"] is None or intent["raw_lead_id"] is None:
                continue
            count += self._end_row(
                intent,
                outcome=settlement["outcome"],
                reason_code=settlement.get("reason_code") or intent["reason_code"],
                op_id=intent["op_id"],
                at=at,
            )
        return count

    def insert_links(self, *, settlements: Settlements, at: datetime) -> int:
        count = 0
        for _, intent in self._applied(settlements):
            if intent["dievio_lead_id"] not in self.tables.salesforce_link:
                row = {name: intent[name] for name in ("dievio_lead_id", "object_name", "salesforce_id", "op_id")}
                self.tables.salesforce_link.put(intent["dievio_lead_id"], {**row, "linked_at": at})
                count += 1
        return count

    def upsert_field_values(self, *, settlements: Settlements, at: datetime) -> int:
        count = 0
        for _, intent in self._applied(settlements):
            for name, value in intent["payload"].items():
                key = (intent["salesforce_id"], name)
                if name != RECEIPT_FIELD and not self._is_ours(intent, name, value):
                    self.tables.field_value.delete(key)
                elif name != RECEIPT_FIELD:
                    row = {"salesforce_id": key[0], "field": name, "value": value, "op_id": intent["op_id"]}
                    self.tables.field_value.put(key, {**row, "written_at": at})
                    count += 1
        return count

    def insert_review_items(self, *, settlements: Settlements, at: datetime) -> int:
        count = 0
        for settlement, intent in self._joined(settlements):
            if settlement["outcome"] == "review":
                proposal = {name: value for name, value in intent["payload"].items() if name != RECEIPT_FIELD}
                count += self._ask(
                    intent,
                    reason=str(settlement["reason_code"]),
                    question=settlement["question"],
                    candidates=settlement["candidates"],
                    proposal=proposal,
                    owner=self._owner_of(settlement["reason_code"], settlement["owner"]),
                    opened_at=at,
                )
        return count

    def insert_dead_letters(self, *, settlements: Settlements, at: datetime) -> int:
        count = 0
        for settlement, intent in self._joined(settlements):
            stage = "sync" if intent["purpose"] in SETTLING else intent["purpose"]
            ended_as = settlement["outcome"] or settlement["hand_over_state"]
            if settlement["is_dead_letter"]:
                self._give_up(settlement, intent, stage=stage, at=at)
                count += 1
            elif ended_as is not None:
                self._close_letter(intent, stage=stage, run_id=intent["run_id"], resolution=str(ended_as), at=at)
        return count

    def settle_hand_overs(self, *, settlements: Settlements, at: datetime) -> int:
        count = 0
        for settlement, intent in self._joined(settlements):
            key = (intent["batch_id"], intent["dievio_lead_id"])
            state, old = settlement["hand_over_state"], self.tables.handover.get(key)
            if state is not None and old is not None and (old["state"] != "done" or state == "done"):
                kept = "a person chose an owner first"
                reason = kept if state == "kept" else settlement.get("cause") or old["reason"]
                done_at = at if state == "done" else None
                owner = intent["payload"].get(OWNER_FIELD) if state == "done" else old["to_owner_id"]
                end = {"state": str(state), "op_id": intent["op_id"], "reason": reason, "handed_over_at": done_at}
                self.tables.handover.change(key, to_owner_id=owner, **end)
                count += 1
        return count

    # --- counts ---------------------------------------------------------------------------------------------------

    def count_batch(self, *, batch_id: str, run_id: str) -> list[Row]:
        intents = [row for row in self.tables.write_intent.rows() if row["batch_id"] == batch_id]
        applied = Counter(
            row["kind"]
            for row in intents
            if row["run_id"] == run_id and row["state"] == "applied" and row["purpose"] in SETTLING
        )
        unsettled = sum(
            row["batch_id"] == batch_id and (batch_id, row["raw_lead_id"]) not in self.tables.lead_outcome
            for row in self.tables.raw_lead.rows()
        )
        unknown = sum(row["state"] in OPEN for row in intents)
        return [
            {
                "unknown": unknown,
                "unsettled": unsettled,
                "waiting": 0,  # every batch here may be written as a whole
                "created": applied["insert"],
                "updated": applied["update"],
            }
        ]

    def list_outcome_counts(self, *, batch_id: str) -> list[Row]:
        counts = Counter(row["outcome"] for row in self.tables.lead_outcome.rows() if row["batch_id"] == batch_id)
        return [{"outcome": outcome, "leads": count} for outcome, count in counts.items()]

    def get_holding_owner(self, *, developer_name: str) -> list[Row]:
        ids = [
            row["salesforce_id"]
            for row in self.tables.roster.rows()
            if row["kind"] == "queue" and row["developer_name"] == developer_name and row["is_active"]
        ]
        return [{"salesforce_id": min(ids)}] if ids else []

    def refresh_statistics(self) -> int:
        """Do nothing: tables in memory have no planner."""
        return 0

    # --- within ---------------------------------------------------------------------------------------------------

    def _joined(self, settlements: Settlements) -> Iterator[tuple[Mapping[str, Any], Row]]:
        for settlement in settlements:
            intent = self.tables.write_intent.get(UUID(settlement["op_id"]))
            if intent is not None:
                yield settlement, intent

    def _applied(self, settlements: Settlements) -> Iterator[tuple[Mapping[str, Any], Row]]:
        for settlement, intent in self._joined(settlements):
            if settlement["state"] == "applied" and intent["salesforce_id"] is not None:
                yield settlement, intent

    def _is_ours(self, intent: Row, name: str, value: object) -> bool:
        """Whether we had written a value before a revert put it back."""
        return intent["purpose"] != "revert" or any(
            earlier["dievio_lead_id"] == intent["dievio_lead_id"]
            and earlier["salesforce_id"] == intent["salesforce_id"]
            and earlier["state"] == "applied"
            and earlier["purpose"] != "revert"
            and earlier["payload"].get(name) == value
            for earlier in self.tables.write_intent.rows()
        )


def _intent(row: Row) -> Row:
    return {name: row[name] for name in INTENT_COLUMNS}

"""What the named queries of `writes.sql` do with plans: which wait, which are stale, which end without a write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime

from lead_pipeline_tests.simulation.likeness import shares_key
from lead_pipeline_tests.simulation.memory_ends import RowEnds
from lead_pipeline_tests.simulation.memory_fences import FenceQueries
from lead_pipeline_tests.simulation.memory_tables import Row

SETTLING = ("sync", "review", "replay")
WORK_KEYS = ("em", "li", "fn", "ln", "dm", "co", "ph", "pe", "st")


class PlanQueries(FenceQueries, RowEnds):
    """The queries about plans, on tables in memory."""

    def list_work(self, *, batch_id: str) -> list[Row]:
        fenced = {row["dievio_lead_id"] for row in self.open_intents()}
        return [
            {
                **{name: decision[name] for name in ("dievio_lead_id", "decision", "object_name", "salesforce_id")},
                "base_last_modified_at": decision["base_last_modified_at"],
                **{name: lead[name] for name in WORK_KEYS},
            }
            for decision, lead in self._open_plans(batch_id)
            if decision["decision"] in {"create", "update"}
            and decision["dievio_lead_id"] not in fenced
            and not self.was_written_since(decision)
        ]

    def list_decisions(self, *, batch_id: str, dievio_lead_ids: Collection[str]) -> list[Row]:
        wanted = set(dievio_lead_ids)
        rows = []
        for decision in self._decisions(batch_id):
            if decision["dievio_lead_id"] not in wanted:
                continue
            record = self.tables.directory_record.get((decision["object_name"], decision["salesforce_id"]))
            end = self.tables.lead_outcome.get((batch_id, decision["raw_lead_id"]))
            reopened_at = end["reopened_at"] if end else None
            refused = sum(
                intent["dievio_lead_id"] == decision["dievio_lead_id"]
                and intent["batch_id"] == batch_id
                and intent["purpose"] in SETTLING
                and intent["state"] == "refused"
                and (reopened_at is None or intent["sent_at"] >= reopened_at)
                for intent in self.tables.write_intent.rows()
            )
            known = {name: value for name, value in decision.items() if name != "planned_at"}
            rows.append(
                {**known, "record_lead_id": record["dievio_lead_id"] if record else None, "refusal_count": refused}
            )
        return rows

    def list_stale_leads(self, *, batch_id: str) -> list[Row]:
        stale = {
            decision["dievio_lead_id"]
            for decision, lead in self._open_plans(batch_id)
            if self._has_moved(decision) or self._has_new_candidate(decision, lead)
        }
        return [{"dievio_lead_id": lead_id} for lead_id in sorted(stale)]

    def has_open_plans(self, *, batch_id: str) -> list[Row]:
        return [{"exists": any(True for _ in self._open_plans(batch_id))}]

    # --- rows without a write -------------------------------------------------------------------------------------

    def settle_duplicates(self, *, batch_id: str, at: datetime) -> int:
        return sum(
            self._settle_row(_without_target(lead), outcome="skipped", reason_code="duplicate_in_batch", at=at)
            for lead in self.tables.lead.rows()
            if lead["batch_id"] == batch_id and lead["duplicate_of_raw_lead_id"] is not None
        )

    def settle_quarantine(self, *, batch_id: str, at: datetime) -> int:
        return sum(
            self._settle_row(
                _without_target({**row, "dievio_lead_id": None}),
                outcome="quarantine",
                reason_code=row["reasons"][0]["code"] if row["reasons"] else "contract",
                at=at,
            )
            for row in self.tables.quarantine.rows()
            if row["batch_id"] == batch_id
        )

    def settle_plans_without_write(
        self, *, batch_id: str, run_id: str, actor: str, payload_sha256: str, owner: str, at: datetime
    ) -> list[Row]:
        counts = Counter[str]()
        for decision in self._decisions(batch_id):
            if decision["decision"] not in {"skip", "review"}:
                continue
            outcome = "skipped" if decision["decision"] == "skip" else "review"
            end = self.tables.lead_outcome.get((batch_id, decision["raw_lead_id"]))
            if end is not None and end["reopened_at"] is None:
                continue
            if self._end_row(decision, outcome=outcome, reason_code=decision["reason_code"], at=at):
                counts[outcome] += 1
                self._close_letter(decision, stage="sync", run_id=run_id, resolution=outcome, at=at)
            self._log(
                {**decision, "run_id": run_id, "payload_sha256": payload_sha256},
                operation=decision["decision"],
                fields_changed=[],
                op_id=None,
                actor=actor,
                outcome=outcome,
                error_code=None,
                logged_at=at,
            )
            if outcome == "review":
                self._ask_about_plan(decision, owner=owner, at=at)
        return [{"skipped": counts["skipped"], "review": counts["review"]}]

    def insert_escalations(self, *, batch_id: str, owner: str, at: datetime) -> int:
        count = 0
        for decision in self._decisions(batch_id):
            end = self.tables.lead_outcome.get((batch_id, decision["raw_lead_id"]))
            asked = [entry for entry in decision["fields"] if entry["verdict"] in {"escalated", "doubted"}]
            conflicts = {entry["field"]: entry["after"] for entry in asked}
            if end is None or end["outcome"] not in {"created", "updated", "skipped"} or not conflicts:
                continue
            if self._has_value_question(decision):
                continue
            candidate = {name: end[name] for name in ("object_name", "salesforce_id")}
            is_conflict = any(entry["verdict"] == "escalated" for entry in asked)
            reason = "field_conflict" if is_conflict else "low_confidence"
            count += self._ask(
                decision,
                reason=reason,
                question=f"Which value is right for {', '.join(sorted(conflicts))}?",
                candidates=[{**candidate, "rule": "written_record", "score": None}],
                proposal=conflicts,
                owner=self._owner_of(reason, owner),
                opened_at=at,
            )
        return count

    def _has_value_question(self, decision: Row) -> bool:
        return any(
            item["dievio_lead_id"] == decision["dievio_lead_id"]
            and item["reason"] in {"field_conflict", "low_confidence"}
            and (item["batch_id"] == decision["batch_id"] or item["state"] == "open")
            for item in self.tables.review_item.rows()
        )

    # --- within ---------------------------------------------------------------------------------------------------

    def _decisions(self, batch_id: str) -> list[Row]:
        rows = [row for row in self.tables.sync_decision.rows() if row["batch_id"] == batch_id]
        return sorted(rows, key=lambda row: row["raw_lead_id"])

    def _open_plans(self, batch_id: str) -> Iterator[tuple[Row, Row]]:
        for decision in self._decisions(batch_id):
            key = (batch_id, decision["raw_lead_id"])
            lead, end = self.tables.lead.get(key), self.tables.lead_outcome.get(key)
            if lead is not None and (end is None or end["reopened_at"] is not None):
                yield decision, lead

    def _has_moved(self, decision: Row) -> bool:
        record = self.tables.directory_record.get((decision["object_name"], decision["salesforce_id"]))
        if record is None:
            return False
        base = decision["base_last_modified_at"]
        is_gone = record["is_deleted"] or record["is_converted"]
        return (
            (base is not None and record["last_modified_at"] != base)
            or (decision["decision"] == "update" and is_gone)
            or self.was_written_since(decision)
            or self.has_other_values(decision, record)
        )

    def was_written_since(self, decision: Row) -> bool:
        """Whether we wrote to a record since a plan for it was made."""
        return any(
            row["salesforce_id"] == decision["salesforce_id"] and row["written_at"] >= decision["planned_at"]
            for row in self.tables.field_value.rows()
        )

    def has_other_values(self, decision: Row, record: Row) -> bool:
        """Whether a record holds other values than those a plan was made with."""
        return any(entry["before"] != record["fields"].get(entry["field"]) for entry in decision["fields"])

    def _has_new_candidate(self, decision: Row, lead: Row) -> bool:
        lead_id, batch_id = decision["dievio_lead_id"], decision["batch_id"]
        seen = {
            row["salesforce_id"]
            for row in self.tables.match_candidate.rows()
            if row["batch_id"] == batch_id and row["dievio_lead_id"] == lead_id
        }
        denied = {
            row["salesforce_id"]
            for row in self.tables.pair_memory.rows()
            if row["dievio_lead_id"] == lead_id and row["answer"] == "not_same"
        }
        known = seen | denied | {decision["salesforce_id"]}
        return any(
            record["salesforce_id"] not in known and shares_key(lead, record)
            for record in self.tables.directory_record.rows()
        )

    def _ask_about_plan(self, decision: Row, *, owner: str, at: datetime) -> None:
        candidates = [
            {name: row[name] for name in ("object_name", "salesforce_id", "rule", "score")}
            for row in self.tables.match_candidate.rows()
            if row["batch_id"] == decision["batch_id"] and row["dievio_lead_id"] == decision["dievio_lead_id"]
        ]
        self._ask(
            decision,
            reason=decision["reason_code"],
            question=decision["reason"],
            candidates=sorted(candidates, key=lambda row: (row["salesforce_id"], row["rule"])),
            proposal={
                entry["field"]: entry["after"]
                for entry in decision["fields"]
                if entry["verdict"] in {"set_at_creation", "filled_blank", "updated"}
            },
            owner=self._owner_of(decision["reason_code"], owner),
            opened_at=at,
        )


def _without_target(row: Row) -> Row:
    return {**row, "object_name": None, "salesforce_id": None}

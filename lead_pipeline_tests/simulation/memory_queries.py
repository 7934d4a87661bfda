"""What the named queries of `writes.sql` do, on tables in memory; `memory_fences` and its like hold others.

One function per query, under its name, with its parameters. `services/writing` plays the same protocol on Postgres.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from lead_pipeline.domain.write_protocol import OWNER_FIELD, RECEIPT_FIELD
from lead_pipeline_tests.simulation.likeness import shares_key
from lead_pipeline_tests.simulation.memory_facts import FactQueries
from lead_pipeline_tests.simulation.memory_fences import OPEN, FenceQueries
from lead_pipeline_tests.simulation.memory_handovers import HandOverQueries
from lead_pipeline_tests.simulation.memory_leases import LeaseQueries
from lead_pipeline_tests.simulation.memory_tables import INTENT_COLUMNS, Row

SETTLING = ("sync", "review", "replay")
WRITTEN = ("created", "updated")
WORK_KEYS = ("em", "li", "fn", "ln", "dm", "co", "ph", "pe", "st")
Settlements = Sequence[Mapping[str, Any]]


class MemoryQueries(FactQueries, FenceQueries, HandOverQueries):
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

    # --- what waits -----------------------------------------------------------------------------------------------

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

    def _settle_row(self, row: Row, *, outcome: str, reason_code: str, at: datetime, op_id: UUID | None = None) -> bool:
        """Give a row its end, unless it has one."""
        key = (row["batch_id"], row["raw_lead_id"])
        if key in self.tables.lead_outcome:
            return False
        names = ("batch_id", "raw_lead_id", "dievio_lead_id", "object_name", "salesforce_id")
        end = {**{name: row[name] for name in names}, "outcome": str(outcome), "reason_code": str(reason_code)}
        self.tables.lead_outcome.put(key, {**end, "op_id": op_id, "settled_at": at, "reopened_at": None})
        return True

    def _end_row(self, row: Row, *, outcome: str, reason_code: str, at: datetime, op_id: UUID | None = None) -> bool:
        """Give a row its end; one that is worked on again keeps the write it has to show."""
        key = (row["batch_id"], row["raw_lead_id"])
        old = self.tables.lead_outcome.get(key)
        if old is not None and old["reopened_at"] is None:
            return False
        if old is not None and old["outcome"] in WRITTEN and outcome not in WRITTEN:
            self.tables.lead_outcome.change(key, reopened_at=None)
            return False
        if old is not None:
            self.tables.lead_outcome.delete(key)
        return self._settle_row(row, outcome=outcome, reason_code=reason_code, at=at, op_id=op_id)

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

    def _owner_of(self, subject: str, role: str) -> str:
        for name in (subject, role):
            rule = self.tables.owner_rule.get(name)
            if rule is not None:
                return str(rule["owner"])
        return role

    def _find_open_letter(self, lead_id: str, stage: str) -> Row | None:
        letters = self.tables.dead_letter.rows()
        wanted = (lead_id, stage, "open")
        return next((row for row in letters if (row["dievio_lead_id"], row["stage"], row["state"]) == wanted), None)

    def _give_up(self, settlement: Mapping[str, Any], intent: Row, *, stage: str, at: datetime) -> None:
        old = self._find_open_letter(intent["dievio_lead_id"], stage)
        number = old["dead_letter_id"] if old else self.tables.next_number()
        names = ("batch_id", "dievio_lead_id", "raw_lead_id", "payload", "payload_sha256")
        row = {
            **{name: intent[name] for name in names},
            "dead_letter_id": number,
            "stage": str(stage),
            "error_class": str(settlement["error_class"]),
            "error_code": settlement["error_code"],
            "cause": settlement["cause"],
            "suggested_repair": settlement["repair"],
            "attempts": intent["attempt"] + (old["attempts"] if old else 0),
            "owner": self._owner_of(settlement["error_code"], settlement["owner"]),
            "state": "open",
            "first_failed_at": old["first_failed_at"] if old else intent["sent_at"],
            "last_failed_at": at,
            "resolution": None,
        }
        self.tables.dead_letter.put(number, row)

    def _close_letter(self, row: Row, *, stage: str, run_id: str, resolution: str, at: datetime) -> None:
        letter = self._find_open_letter(row["dievio_lead_id"], stage)
        if letter is not None and letter["raw_lead_id"] == row["raw_lead_id"]:
            number = letter["dead_letter_id"]
            end = {"state": "replayed", "resolved_at": at, "resolved_by": run_id, "resolution": resolution}
            self.tables.dead_letter.change(number, **end)

    def _log(self, row: Row, **values: Any) -> None:
        names = ("batch_id", "run_id", "dievio_lead_id", "object_name", "salesforce_id", "payload_sha256")
        kept = {name: row[name] for name in names}
        self.tables.sync_log.put(
            self.tables.next_number(), {**kept, "mapping_version": row["mapping_version"], **values}
        )

    def _ask(self, row: Row, **values: Any) -> bool:
        is_open = any(
            item["dievio_lead_id"] == row["dievio_lead_id"]
            and item["reason"] == values["reason"]
            and item["state"] == "open"
            for item in self.tables.review_item.rows()
        )
        if is_open:
            return False
        kept = {name: row[name] for name in ("batch_id", "dievio_lead_id", "raw_lead_id")}
        self.tables.review_item.put(self.tables.next_number(), {**kept, "state": "open", **values})
        return True

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


def _intent(row: Row) -> Row:
    return {name: row[name] for name in INTENT_COLUMNS}


def _without_target(row: Row) -> Row:
    return {**row, "object_name": None, "salesforce_id": None}

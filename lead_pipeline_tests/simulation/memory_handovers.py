"""What the named queries of `handovers.sql` do, and what of `writes.sql` only hand-overs ask, on tables in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from lead_pipeline.domain.write_protocol import OWNER_FIELD, RECEIPT_FIELD
from lead_pipeline_tests.simulation.memory_fences import OPEN
from lead_pipeline_tests.simulation.memory_tables import INTENT_COLUMNS, MemoryTables, Row

_KEPT_COLUMNS = ("dievio_lead_id", "salesforce_id", "rule", "from_owner_id", "to_owner_id", "reason")
_ROSTER_FIELDS = {"department": "Department", "title": "Title", "country": "Country", "user_type": "UserType"}


class HandOverQueries:
    """The queries of hand-overs, for the database that inherits them."""

    tables: MemoryTables

    def list_waiting(self, *, batch_id: str, run_id: str) -> list[Row]:
        fenced = {row["dievio_lead_id"] for row in self.tables.write_intent.rows() if row["state"] in OPEN}
        waiting = []
        for end in self.tables.lead_outcome.rows():
            is_new = end["batch_id"] == batch_id and end["outcome"] == "created" and end["object_name"] == "Lead"
            if not is_new or end["dievio_lead_id"] in fenced:
                continue
            assigned = self.tables.handover.get((batch_id, end["dievio_lead_id"]))
            lead = self.tables.lead.get((batch_id, end["raw_lead_id"]))
            made = self.tables.write_intent.get(end["op_id"])
            if lead is not None and made is not None and self._may_be_assigned(assigned, run_id=run_id):
                waiting.append(self._waiting(end, lead, made, assigned))
        return sorted(waiting, key=lambda row: row["raw_lead_id"])

    def upsert_handovers(self, *, batch_id: str, handovers: Sequence[Mapping[str, Any]]) -> int:
        for entry in handovers:
            key, state = (batch_id, entry["dievio_lead_id"]), str(entry["state"])
            if key in self.tables.handover:
                names = ("reason", "rule", "to_owner_id")
                self.tables.handover.change(key, state=state, op_id=None, **{name: entry[name] for name in names})
            else:
                row = {name: entry[name] for name in _KEPT_COLUMNS}
                end = {"state": state, "op_id": None, "handed_over_at": None}
                self.tables.handover.put(key, {"batch_id": batch_id, **row, **end})
        return len(handovers)

    def count_assigned_by_rule(self) -> list[Row]:
        counts = Counter(row["rule"] for row in self.tables.handover.rows() if row["state"] in {"planned", "done"})
        return [{"rule": rule, "leads": count} for rule, count in counts.items()]

    def list_roster(self) -> list[Row]:
        return [
            {
                **{name: row[name] for name in ("salesforce_id", "name", "developer_name", "is_active")},
                "is_queue": row["kind"] == "queue",
                **{name: row["fields"].get(field) for name, field in _ROSTER_FIELDS.items()},
            }
            for row in self.tables.roster.rows()
        ]

    def list_states(self, *, batch_id: str) -> list[Row]:
        counts = Counter(row["state"] for row in self._assigned(batch_id))
        return [{"state": state, "leads": count} for state, count in counts.items()]

    def list_void_intents(self, *, batch_id: str, dievio_lead_ids: Collection[str], purpose: str) -> list[Row]:
        wanted = set(dievio_lead_ids)
        void = [
            {name: row[name] for name in INTENT_COLUMNS}
            for row in self.tables.write_intent.rows()
            if (row["batch_id"], row["purpose"], row["state"]) == (batch_id, purpose, "void")
            and row["dievio_lead_id"] in wanted
        ]
        return sorted(void, key=lambda row: row["op_id"])

    def list_void_receipts(self, *, op_ids: Collection[UUID]) -> list[Row]:
        found = [self.tables.write_intent.get(op_id) for op_id in set(op_ids)]
        void = [row for row in found if row is not None and row["state"] == "void"]
        rows = [{name: row[name] for name in INTENT_COLUMNS} for row in void]
        return sorted(rows, key=lambda row: row["op_id"])

    # --- within ---------------------------------------------------------------------------------------------------

    def _assigned(self, batch_id: str) -> list[Row]:
        return [row for row in self.tables.handover.rows() if row["batch_id"] == batch_id]

    def _may_be_assigned(self, assigned: Row | None, *, run_id: str) -> bool:
        if assigned is None or assigned["state"] == "planned":
            return True
        refused = self.tables.write_intent.get(assigned["op_id"])
        return assigned["state"] == "refused" and (refused is None or refused["run_id"] != run_id)

    def _waiting(self, end: Row, lead: Row, made: Row, assigned: Row | None) -> Row:
        batch_id, values = end["batch_id"], lead["field_values"]
        held = self.tables.readback.get((batch_id, end["dievio_lead_id"]))
        fields = held["fields"] if held is not None else {}
        employees, modified = values.get("employee_count"), fields.get("LastModifiedDate")
        refused = sum(
            intent["batch_id"] == batch_id
            and intent["dievio_lead_id"] == end["dievio_lead_id"]
            and intent["purpose"] == "hand_over"
            and intent["state"] == "refused"
            for intent in self.tables.write_intent.rows()
        )
        return {
            **{name: end[name] for name in ("dievio_lead_id", "raw_lead_id", "salesforce_id")},
            **{name: lead[name] for name in ("segment", "em", "li", "fn", "ln", "dm")},
            "country": values.get("country"),
            "employee_count": None if employees is None else int(employees),
            "seniority": values.get("seniority"),
            "holding_owner_id": made["payload"].get(OWNER_FIELD),
            "mapping_version": made["mapping_version"],
            "owner_id": fields.get(OWNER_FIELD),
            "last_modified_at": None if modified is None else datetime.fromisoformat(modified),
            "receipt": fields.get(RECEIPT_FIELD),
            "read_at": held["server_read_at"] if held is not None else None,
            "is_missing": True if held is None else held["is_missing"],
            "rule": assigned["rule"] if assigned else None,
            "to_owner_id": assigned["to_owner_id"] if assigned and assigned["state"] == "planned" else None,
            "refusal_count": refused,
        }

"""What several queries of the write path do with one row, on tables in memory: give it an end, log it, ask, give up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from lead_pipeline_tests.simulation.memory_tables import MemoryTables, Row

WRITTEN = ("created", "updated")


class RowEnds:
    """How rows end, for the queries that inherit it."""

    tables: MemoryTables

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

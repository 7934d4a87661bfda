"""Tables in memory with transactions, for one thread at a time. What the named queries do with them is beside."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator
from typing import Any

Row = dict[str, Any]

#: The columns of a write that the queries give.
INTENT_COLUMNS = (
    "op_id",
    "batch_id",
    "run_id",
    "dievio_lead_id",
    "raw_lead_id",
    "person_key",
    "purpose",
    "kind",
    "object_name",
    "salesforce_id",
    "payload",
    "before",
    "base_last_modified_at",
    "mapping_version",
    "reason_code",
    "attempt",
    "state",
    "bulk_job_id",
    "error_code",
)


class MemoryTable:
    """Rows by key. A row is replaced, never changed in place, so that a rollback can put the old one back."""

    def __init__(self, undo: list[Callable[[], None]]) -> None:
        self._rows: dict[Hashable, Row] = {}
        self._undo = undo

    def get(self, key: Hashable) -> Row | None:
        return self._rows.get(key)

    def put(self, key: Hashable, row: Row) -> None:
        old = self._rows.get(key)
        self._rows[key] = row
        self._undo.append(lambda: self._restore(key, old))

    def change(self, key: Hashable, **values: Any) -> None:
        self.put(key, {**self._rows[key], **values})

    def delete(self, key: Hashable) -> None:
        old = self._rows.pop(key, None)
        if old is not None:
            self._undo.append(lambda: self._restore(key, old))

    def rows(self) -> list[Row]:
        return list(self._rows.values())

    def __contains__(self, key: Hashable) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def _restore(self, key: Hashable, old: Row | None) -> None:
        if old is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = old


class MemoryTables:
    """The tables that the write path reads and writes, and the advisory locks of its sessions."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._numbers: Iterator[int] = itertools.count(1)
        self.locks: dict[str, object] = {}  # name -> the session that holds it
        self.raw_lead = self._table()
        self.lead = self._table()
        self.quarantine = self._table()
        self.sync_decision = self._table()
        self.write_intent = self._table()
        self.lead_outcome = self._table()
        self.sync_log = self._table()
        self.salesforce_link = self._table()
        self.field_value = self._table()
        self.review_item = self._table()
        self.dead_letter = self._table()
        self.lease = self._table()
        self.directory_record = self._table()
        self.match_candidate = self._table()
        self.pair_memory = self._table()
        self.roster = self._table()
        self.owner_rule = self._table()
        self.handover = self._table()
        self.org_fact = self._table()
        self.readback = self._table()

    def next_number(self) -> int:
        return next(self._numbers)

    def begin(self) -> None:
        self._undo.clear()

    def rollback(self) -> None:
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()

    def _table(self) -> MemoryTable:
        return MemoryTable(self._undo)

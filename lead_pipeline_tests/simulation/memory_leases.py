"""What the named queries of `leases.sql` do, on tables in memory."""

from __future__ import annotations

from datetime import datetime

import psycopg

from lead_pipeline_tests.simulation.memory_tables import MemoryTables, Row


class LeaseQueries:
    """The queries of `leases.sql` for one session."""

    def __init__(self, tables: MemoryTables, session: object) -> None:
        self.tables = tables
        self._session = session

    def try_lock(self, *, name: str) -> list[Row]:
        is_free = self.tables.locks.setdefault(name, self._session) is self._session
        return [{"locked": is_free}]

    def wait_for_lock(self, *, name: str, patience: str) -> list[Row]:
        """Nobody goes while one waits: here one process moves at a time."""
        del patience
        if not self.try_lock(name=name)[0]["locked"]:
            raise psycopg.errors.LockNotAvailable
        return [{"waited": ""}]

    def unlock(self, *, name: str) -> list[Row]:
        is_held = self.tables.locks.get(name) is self._session
        if is_held:
            del self.tables.locks[name]
        return [{"unlocked": is_held}]

    def write_lease(self, *, name: str, holder: str, at: datetime, expires_at: datetime) -> int:
        row = {"name": name, "holder": holder, "acquired_at": at, "heartbeat_at": at, "expires_at": expires_at}
        self.tables.lease.put(name, row)
        return 1

    def beat_lease(self, *, name: str, holder: str, at: datetime, expires_at: datetime) -> int:
        if not self._is_held(name, holder):
            return 0
        self.tables.lease.change(name, heartbeat_at=at, expires_at=expires_at)
        return 1

    def delete_lease(self, *, name: str, holder: str) -> int:
        if not self._is_held(name, holder):
            return 0
        self.tables.lease.delete(name)
        return 1

    def get_lease_holder(self, *, name: str) -> list[Row]:
        row = self.tables.lease.get(name)
        return [{"holder": row["holder"]}] if row else []

    def list_silent_leases(self, *, before: datetime) -> list[Row]:
        silent = [row for row in self.tables.lease.rows() if row["heartbeat_at"] < before]
        return [{"name": row["name"], "holder": row["holder"]} for row in sorted(silent, key=lambda row: row["name"])]

    def _is_held(self, name: str, holder: str) -> bool:
        row = self.tables.lease.get(name)
        return row is not None and row["holder"] == holder

"""How many requests an emulated system received, by route, and how many bytes went each way.

What the requests changed is not counted here; each system keeps its own journal of commits.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
create table if not exists request_count (
    route text primary key,
    calls integer not null,
    bytes_in integer not null,
    bytes_out integer not null
)
"""
_ADD = """
insert into request_count values (?, 1, ?, ?)
on conflict (route) do update set
    calls = calls + 1, bytes_in = bytes_in + excluded.bytes_in, bytes_out = bytes_out + excluded.bytes_out
"""


@dataclass(frozen=True)
class LedgerTotals:
    """The state of the ledger at one moment; bytes count bodies, not headers."""

    calls: dict[str, int]
    bytes_in: int
    bytes_out: int

    def to_json(self) -> dict[str, object]:
        """Return the form in which `/_sandbox/ledger` answers."""
        return {
            "total": sum(self.calls.values()),
            "calls": self.calls,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
        }


class RequestLedger:
    """Thread-safe counts by "METHOD route-template"; kept in a file of its own when a path is given."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        # The counts have to outlive the process, not the machine: waiting for the disk at each request would be waste.
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = off")
        self._connection.execute(_SCHEMA)

    def add(self, route: str, *, bytes_in: int, bytes_out: int) -> None:
        """Count one request.

        Args:
            route: Method and template, such as "POST /api/public/search".
            bytes_in: Size of the request body.
            bytes_out: Size of the response body that was sent.
        """
        with self._lock:
            self._connection.execute(_ADD, (route, bytes_in, bytes_out))

    def totals(self) -> LedgerTotals:
        """Return what was counted since the last clear."""
        with self._lock:
            rows = self._connection.execute("select * from request_count order by route").fetchall()
        return LedgerTotals(
            calls={route: calls for route, calls, _, _ in rows},
            bytes_in=sum(row[2] for row in rows),
            bytes_out=sum(row[3] for row in rows),
        )

    def clear(self) -> None:
        """Start again at zero."""
        with self._lock:
            self._connection.execute("delete from request_count")

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._connection.close()

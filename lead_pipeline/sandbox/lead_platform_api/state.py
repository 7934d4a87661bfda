"""What the lead platform keeps in SQLite: leads, agents, answers by idempotency key, and the journal of commits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

_SCHEMA = """
create table if not exists lead (lead_id text primary key, version integer not null, document text not null);
create table if not exists agent (agent_id text primary key, document text not null);
create table if not exists kept_answer (key text primary key, request text not null, status integer not null,
                                        body text not null);
create table if not exists journal (seq integer primary key autoincrement, at text not null, op text not null,
                                    object text not null, id text not null, before text, after text,
                                    origin text not null, key text not null);
"""

Document = dict[str, Any]


class PlatformState:
    """The platform's tables; every change is a transaction with its journal entry."""

    def __init__(self, path: Path | None) -> None:
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = off")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all changes of the block, or none."""
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            for table in ("lead", "agent", "kept_answer", "journal"):
                self._connection.execute(f"delete from {table}")

    def put_leads(self, leads: Sequence[Document]) -> None:
        """Replace all leads, without a trace in the journal."""
        with self.transaction():
            self._connection.execute("delete from lead")
            rows = [(str(lead["id"]), json.dumps(lead)) for lead in leads]
            self._connection.executemany("insert into lead values (?, 1, ?)", rows)

    def get_lead(self, lead_id: str) -> tuple[Document, int] | None:
        """Return a lead and its version."""
        row = self._connection.execute("select document, version from lead where lead_id = ?", (lead_id,)).fetchone()
        return None if row is None else (json.loads(row[0]), row[1])

    def list_leads(self, *, offset: int, limit: int) -> tuple[list[Document], int]:
        """Return a page of leads in the order of their ids, and how many there are."""
        rows = self._connection.execute(
            "select document from lead order by lead_id limit ? offset ?", (limit, offset)
        ).fetchall()
        (total,) = self._connection.execute("select count(*) from lead").fetchone()
        return [json.loads(document) for (document,) in rows], total

    def save_lead(self, lead_id: str, lead: Document) -> int:
        """Overwrite a lead and return its new version."""
        self._connection.execute(
            "update lead set document = ?, version = version + 1 where lead_id = ?", (json.dumps(lead), lead_id)
        )
        (version,) = self._connection.execute("select version from lead where lead_id = ?", (lead_id,)).fetchone()
        return int(version)

    def list_agents(self) -> list[Document]:
        """Return the roster in the order of the agents' ids."""
        return [
            json.loads(document)
            for (document,) in self._connection.execute("select document from agent order by agent_id")
        ]

    def replace_agents(self, agents: Sequence[Document]) -> None:
        """Replace the whole roster."""
        self._connection.execute("delete from agent")
        rows = [(str(agent["id"]), json.dumps(agent)) for agent in agents]
        self._connection.executemany("insert into agent values (?, ?)", rows)

    def find_answer(self, key: str) -> tuple[str, int, Document] | None:
        """Return the request that first came with a key, and how it was answered."""
        row = self._connection.execute("select request, status, body from kept_answer where key = ?", (key,)).fetchone()
        return None if row is None else (row[0], row[1], json.loads(row[2]))

    def keep_answer(self, key: str, *, request: str, status: int, body: Document) -> None:
        """Remember an answer for the next time its key comes."""
        self._connection.execute(
            "insert into kept_answer values (?, ?, ?, ?)", (key, request, status, json.dumps(body))
        )

    def record(
        self,
        op: str,
        record_id: str,
        *,
        object_name: str,
        at: datetime,
        change: tuple[object, object],
        origin: str,
        key: str,
    ) -> None:
        """Add a commit to the journal; `change` is what was there before and what is there now."""
        before, after = map(json.dumps, change)
        self._connection.execute(
            "insert into journal (at, op, object, id, before, after, origin, key) values (?, ?, ?, ?, ?, ?, ?, ?)",
            (at.isoformat(), op, object_name, record_id, before, after, origin, key),
        )

    def journal(self) -> list[Mapping[str, Any]]:
        """Return every commit since the last reset, oldest first."""
        cursor = self._connection.execute("select * from journal order by seq")
        names = [column[0] for column in cursor.description]
        entries = [dict(zip(names, row, strict=True)) for row in cursor]
        return [
            {**entry, "before": json.loads(entry["before"]), "after": json.loads(entry["after"])} for entry in entries
        ]

"""The product's database in memory: a connection that answers our named queries without a server.

The functions of `store` run as they are; only the server below them is replaced, found by the text of each query. It
is thousands of times quicker and dies with the worker that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from psycopg.types.json import Jsonb

from lead_pipeline.store.database import Database
from lead_pipeline.store.queries import load_queries
from lead_pipeline_tests.simulation.memory_leases import LeaseQueries
from lead_pipeline_tests.simulation.memory_queries import MemoryQueries
from lead_pipeline_tests.simulation.memory_tables import MemoryTables, Row

FAMILIES = ("writes", "leases", "handovers", "org_facts")
LEASE_NAMES = frozenset(vars(LeaseQueries))
CURSOR_TWIN = "_cursor"  # the adapter offers each query a second time, as a cursor


@cache
def names_by_text() -> Mapping[str, str]:
    """Return query text -> name of every query that the memory knows."""
    families = [load_queries(family) for family in FAMILIES]
    return {
        getattr(family, name).sql: name
        for family in families
        for name in family.available_queries
        if not name.endswith(CURSOR_TWIN)
    }


class MemoryCursor:
    """As much of a psycopg cursor as the query adapter uses."""

    def __init__(self, connection: MemoryConnection) -> None:
        self._connection = connection
        self._rows: Iterator[Row] = iter(())
        self.rowcount = -1

    def execute(self, text: str, parameters: Mapping[str, Any] | None = None) -> None:
        answer = self._connection.answer(names_by_text()[text], parameters or {})
        if isinstance(answer, int):
            self.rowcount = answer
        else:
            self._rows = iter(answer)

    def fetchone(self) -> Row | None:
        return next(self._rows, None)

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def close(self) -> None:
        self._rows = iter(())


class MemoryConnection:
    """One session; its advisory locks go with it."""

    def __init__(self, queries: MemoryQueries) -> None:
        self._queries = queries
        self._leases = queries.leases(queries.tables, self)
        self.closed = False

    def cursor(self, **_options: object) -> MemoryCursor:
        return MemoryCursor(self)

    def answer(self, name: str, parameters: Mapping[str, Any]) -> int | list[Row]:
        home = self._leases if name in LEASE_NAMES else self._queries
        values = {key: value.obj if type(value) is Jsonb else value for key, value in parameters.items()}
        answer: int | list[Row] = getattr(home, name)(**values)
        return answer

    def close(self) -> None:
        self.closed = True
        locks = self._queries.tables.locks
        for name in [name for name, session in locks.items() if session is self]:
            del locks[name]


def commit(_before: Callable[[], None]) -> None:
    """Let every transaction commit: what a database does that nothing happens to."""
    _before()


class MemoryDatabase(Database):
    """The database as one process sees it.

    Args:
        queries: What the queries do, on tables shared by all processes.
        at_commit: Told when a transaction is about to be committed, with the commit itself; may fail before or after.
    """

    def __init__(self, queries: MemoryQueries, *, at_commit: Callable[[Callable[[], None]], None] = commit) -> None:
        # The base class would read an address; there is none, and nothing of what it keeps is used here.
        self._queries = queries
        self._at_commit = at_commit
        self.sessions: list[MemoryConnection] = []

    @property
    def tables(self) -> MemoryTables:
        return self._queries.tables

    @contextmanager
    def connect(self) -> Iterator[Any]:
        session = MemoryConnection(self._queries)
        self.sessions.append(session)
        try:
            yield session
        finally:
            session.close()
            self.sessions.remove(session)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        session = MemoryConnection(self._queries)
        self.tables.begin()
        is_committed = False

        def end() -> None:
            nonlocal is_committed
            is_committed = True

        try:
            yield session
            self._at_commit(end)
        except BaseException:
            if not is_committed:
                self.tables.rollback()
            raise

    def close_sessions(self) -> None:
        """End every session, as the death of the process or of the network does."""
        for session in self.sessions:
            session.close()

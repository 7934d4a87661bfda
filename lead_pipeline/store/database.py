"""Connections to the product's database. Queries live in `sql/queries`, functions over tables in the modules beside."""

from __future__ import annotations

import os
import select
import time
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from lead_pipeline.errors import ConfigurationError, DatabaseUnavailableError

APPLICATION_NAME = "lead_pipeline"
MAX_IDLE_CONNECTIONS = 4  # per process: the nightly run uses one, the intake server a few at a time
MAX_IDLE_SECONDS = 300.0  # a connection that nobody used for so long is worth less than the slot it holds

CONNECT_DEFAULTS: Mapping[str, str | int] = MappingProxyType(
    {
        "application_name": APPLICATION_NAME,
        "connect_timeout": 10,
        # A silent network death would otherwise keep a session, and the locks it holds, for hours.
        "keepalives": 1,
        "keepalives_idle": 30,  # seconds
        "keepalives_interval": 10,  # seconds
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,  # milliseconds
    }
)
SESSION_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "timezone": "UTC",
        "statement_timeout": "15min",  # the largest set-based statement of a 100,000-lead batch takes well under one
        "lock_timeout": "60s",  # longer waits mean that another run works on the same rows
        "idle_in_transaction_session_timeout": "5min",  # a hung process must not hold its locks for ever
        "synchronous_commit": "on",  # a write intent has to be on disk before the write leaves
    }
)
_APPLY_SETTINGS = "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS setting (name, value)"


class Database:
    """The way to the product's database; safe to share between threads.

    Connections commit each statement by itself unless they are inside `transaction()`, and give rows as dicts. Idle
    ones are kept for the next caller, the last used first.

    Args:
        dsn: A libpq address or connection string; what it says wins over the defaults of this module.

    Raises:
        ConfigurationError: `dsn` is not an address.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._parameters = _read_dsn(dsn)
        self._idle: deque[_IdleConnection] = deque()
        self._process_id = os.getpid()
        weakref.finalize(self, _close_all, self._idle)

    @property
    def address(self) -> str:
        """Host, port and name of the database; neither user nor password."""
        named = self._parameters
        return f"{named.get('host') or 'localhost'}:{named.get('port') or 5432}/{named.get('dbname') or ''}"

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend a connection for as long as the context lasts.

        Raises:
            DatabaseUnavailableError: The database does not answer, or went away while the connection was in use.
        """
        connection = self._take_idle() or self._open()
        try:
            yield connection
        except psycopg.OperationalError as error:
            if connection.broken or connection.closed:
                raise self._unavailable(error) from error
            raise
        finally:
            self._give_back(connection)

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend a connection within one transaction: committed at the end, rolled back on any error.

        Raises:
            DatabaseUnavailableError: As `connect`.
        """
        with self.connect() as connection, connection.transaction():
            yield connection

    def close(self) -> None:
        """Close the idle connections; the database stays usable."""
        _close_all(self._idle)

    def _open(self) -> psycopg.Connection[Any]:
        defaults = {name: value for name, value in CONNECT_DEFAULTS.items() if name not in self._parameters}
        try:
            connection = psycopg.connect(self._dsn, autocommit=True, row_factory=dict_row, **defaults)  # type: ignore[arg-type]  # one mapping for parameters of several types
            connection.execute(_APPLY_SETTINGS, [list(SESSION_SETTINGS), list(SESSION_SETTINGS.values())])
        except psycopg.OperationalError as error:
            raise self._unavailable(error) from error
        return connection

    def _take_idle(self) -> psycopg.Connection[Any] | None:
        """Return a kept connection that still lives."""
        if self._process_id != os.getpid():
            # Inherited by a fork: the sockets belong to the parent, so they are forgotten without a goodbye.
            self._process_id = os.getpid()
            self._idle.clear()
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                return None
            if idle.is_usable():
                return idle.connection
            idle.connection.close()

    def _give_back(self, connection: psycopg.Connection[Any]) -> None:
        is_clean = not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if is_clean and len(self._idle) < MAX_IDLE_CONNECTIONS:
            self._idle.append(_IdleConnection(connection))
        else:
            connection.close()

    def _unavailable(self, error: psycopg.Error) -> DatabaseUnavailableError:
        # libpq's first line names the failed step; it never repeats the password.
        lines = str(error).strip().splitlines()
        return DatabaseUnavailableError(address=self.address, cause=lines[0] if lines else type(error).__name__)


class _IdleConnection:
    """A connection that waits for its next use."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._since = time.monotonic()

    def is_usable(self) -> bool:
        """Whether the server has not hung up meanwhile; costs no round trip."""
        if self.connection.closed or time.monotonic() - self._since > MAX_IDLE_SECONDS:
            return False
        # Nobody asked anything, so whatever the server sent is its farewell.
        farewell = select.poll()
        farewell.register(self.connection.fileno(), select.POLLIN)
        return not farewell.poll(0)


def _close_all(idle: deque[_IdleConnection]) -> None:
    while idle:
        idle.pop().connection.close()


def _read_dsn(dsn: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # The driver's message repeats the text, and with it the password.
        raise ConfigurationError(
            "LEAD_PIPELINE_DATABASE_URL",
            what="is not a Postgres address",
            repair="Write it as postgresql://user:password@host:5432/database",
        ) from None

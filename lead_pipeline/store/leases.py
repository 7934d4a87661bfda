"""Time-limited claims on a piece of work: one batch is written by one process at a time.

A claim has two halves. The session's lock decides who may work, because Postgres frees it the moment a process dies.
The row says who that is, and fences: a holder that lost its session finds another name in the row and stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import psycopg

from lead_pipeline.errors import LeaseHeldError, LeaseLostError
from lead_pipeline.store.database import Database
from lead_pipeline.store.queries import load_queries

LEASE_TIME = timedelta(minutes=2)  # a dead holder's open writes may be settled by others after this
# Postgres ends the session of a killed process within milliseconds, on a busy machine a little later: whoever starts
# a run right after one died shall not be told that a dead one works there.
PATIENCE = "1s"


class Lease:
    """A claim that is held. `beat` inside the transaction of every step that others must not repeat."""

    def __init__(self, name: str, *, holder: str, now: Callable[[], datetime]) -> None:
        self.name = name
        self.holder = holder
        self._now = now

    def beat(self, connection: psycopg.Connection[Any]) -> None:
        """Prolong the claim.

        Raises:
            LeaseLostError: Somebody else holds it now; nothing of this transaction may stay.
        """
        at = self._now()
        beaten = load_queries("leases").beat_lease(
            connection, name=self.name, holder=self.holder, at=at, expires_at=at + LEASE_TIME
        )
        if not beaten:
            raise LeaseLostError(self.name)


@contextmanager
def hold_lease(database: Database, name: str, *, holder: str, now: Callable[[], datetime]) -> Iterator[Lease]:
    """Hold the claim on a piece of work for as long as the context lasts.

    Args:
        database: The product's database; one connection stays in use for the lock.
        name: The piece of work, e.g. `batch:2026-05-04`.
        holder: Who works on it, for the message to the other one: a run id.
        now: The clock, aware UTC.

    Raises:
        LeaseHeldError: A living process works on it; told after a moment's wait, for it may just be going.
    """
    queries = load_queries("leases")
    with database.connect() as session:
        if not _take_lock(session, name=name):
            raise LeaseHeldError(name, holder=queries.get_lease_holder(session, name=name) or "another process")
        try:
            at = now()
            queries.write_lease(session, name=name, holder=holder, at=at, expires_at=at + LEASE_TIME)
            yield Lease(name, holder=holder, now=now)
        finally:
            if not session.closed:
                queries.delete_lease(session, name=name, holder=holder)
                queries.unlock(session, name=name)


def take_turn(connection: psycopg.Connection[Any], batch_id: str) -> None:
    """Wait until no other run replaces the same stage of a batch, and hold that turn until the transaction ends.

    Two runs that both delete and add the rows of a stage would meet in its primary key; one after the other, the second
    replaces what the first one found.
    """
    load_queries("leases").take_turn(connection, batch_id=batch_id)


def free_orphaned_leases(database: Database, *, silent_since: datetime) -> tuple[str, ...]:
    """End the claims of dead holders and return their names.

    A holder is dead when it was silent for long and its session's lock is free. One that merely lost its session finds
    its claim gone at its next step and stops there.

    Args:
        database: The product's database.
        silent_since: Claims prolonged after this moment are left alone.
    """
    queries = load_queries("leases")
    freed: list[str] = []
    with database.connect() as session:
        for row in queries.list_silent_leases(session, before=silent_since):
            if queries.try_lock(session, name=row["name"]):
                queries.delete_lease(session, name=row["name"], holder=row["holder"])
                queries.unlock(session, name=row["name"])
                freed.append(row["name"])
    return tuple(freed)


def _take_lock(session: psycopg.Connection[Any], *, name: str) -> bool:
    """Take the session's lock, waiting a moment for a holder that is going; False when it stays."""
    queries = load_queries("leases")
    if queries.try_lock(session, name=name):
        return True
    with suppress(psycopg.errors.LockNotAvailable):
        queries.wait_for_lock(session, name=name, patience=PATIENCE)
        return True
    return False

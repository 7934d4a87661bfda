"""Clears up after processes that died: frees their claims, settles their open writes by reading, tells dead runs.

Nothing is sent again here: a write that turns out not to have taken place is planned anew by the next run of its batch.
Ending a dead run in Dagster is `defs/recovery`.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from lead_pipeline.errors import LeadPipelineError, LeaseHeldError, WritesRefusedError
from lead_pipeline.services.write import open_session
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.services.writing.ports import Clock, CrmWriter, WriteTools
from lead_pipeline.services.writing.settling import settle_open_writes
from lead_pipeline.store import recoveries
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import free_orphaned_leases

HEARTBEAT_SECONDS = 10.0
# Six beats missed: a process that is only busy, or waits for a restarting database, is not taken for dead.
SILENT_TIME = timedelta(seconds=60)
UNHEARD_TIME = timedelta(minutes=2)  # from the start of a run to its first sign of life, resources included
KEPT_TIME = timedelta(days=1)  # signs of life of ended runs
ACTOR = "recovery"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySummary:
    """What was cleared up."""

    leases_freed: tuple[str, ...]
    writes_settled: int
    writes_open: int  # left to the run that holds their batch, or to the next try

    @property
    def did_anything(self) -> bool:
        """Whether there was something to clear up."""
        return bool(self.leases_freed or self.writes_settled)

    def __str__(self) -> str:
        """Return the sentence for logs."""
        leases = len(self.leases_freed)
        return f"{leases} leases freed, {self.writes_settled} writes settled, {self.writes_open} still open"


def recover(
    database: Database, salesforce: Callable[[], CrmWriter], tools: WriteTools, *, run_id: str
) -> RecoverySummary:
    """Free the claims of dead processes and settle the writes they left open. Safe to repeat, also in parallel.

    Args:
        database: The product's database.
        salesforce: Makes the way to the org; not called when no write is open.
        tools: Clock, waiting and ids.
        run_id: This recovery, for log and lease.
    """
    freed = free_orphaned_leases(database, silent_since=tools.now() - SILENT_TIME)
    with database.transaction() as connection:
        before = recoveries.count_open_writes(connection)
    for batch_id in before:
        _settle_batch(database, salesforce, tools, batch_id=batch_id, run_id=run_id)
    with database.transaction() as connection:
        after = recoveries.count_open_writes(connection)
        recoveries.forget_heartbeats(connection, before=tools.now() - KEPT_TIME)
    settled = sum(max(count - after.get(batch_id, 0), 0) for batch_id, count in before.items())
    return RecoverySummary(leases_freed=freed, writes_settled=settled, writes_open=sum(after.values()))


def find_dead_runs(database: Database, started: Mapping[str, datetime], *, at: datetime) -> tuple[str, ...]:
    """Return which of the runs that count as running have no process any more.

    Args:
        database: The product's database.
        started: Run id -> when it began.
        at: Now.
    """
    with database.transaction() as connection:
        heard = recoveries.read_heartbeats(connection, started)
    return tuple(run_id for run_id, started_at in started.items() if _is_dead(heard.get(run_id), started_at, at))


@contextmanager
def beating(database: Database, run_id: str, *, now: Clock, every_seconds: float = HEARTBEAT_SECONDS) -> Iterator[None]:
    """Give signs of life for a run as long as the context lasts; they end with the process.

    Raises:
        DatabaseUnavailableError: The first sign could not be given.
    """
    process = f"{socket.gethostname()} {os.getpid()}"
    is_over = threading.Event()

    def beat() -> None:
        with database.transaction() as connection:
            recoveries.beat_run(connection, run_id, process=process, at=now())

    def keep_beating() -> None:
        while not is_over.wait(every_seconds):
            try:
                beat()
            except (LeadPipelineError, psycopg.Error) as error:
                # A restarting database must not end the run that waits for it; the next beat may come through.
                logger.warning("no sign of life for run %s: %s", run_id, type(error).__name__)

    beat()
    thread = threading.Thread(target=keep_beating, name=f"heartbeat {run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _is_dead(heard_at: datetime | None, started_at: datetime, at: datetime) -> bool:
    if heard_at is None:
        return at - started_at > UNHEARD_TIME
    return at - heard_at > SILENT_TIME


def _settle_batch(
    database: Database, salesforce: Callable[[], CrmWriter], tools: WriteTools, *, batch_id: str, run_id: str
) -> None:
    # A Bulk job that still runs is looked at once and left to the next try: this is no place to wait half an hour.
    limits = WriteLimits(max_job_wait_seconds=0.0)
    try:
        with open_session(
            database, salesforce(), tools, limits, batch_id=batch_id, run_id=run_id, actor=ACTOR
        ) as session:
            settle_open_writes(session)
    except LeaseHeldError:
        return  # a living run settles its own
    except WritesRefusedError as error:
        logger.warning("batch %s: %s", batch_id, error)  # recorded already; the next run of the batch stops on it too

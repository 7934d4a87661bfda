"""Signs of life of runs, and what dead ones left behind. What is done about it is `services/recover`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import psycopg

from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


def beat_run(connection: _Connection, run_id: str, *, process: str, at: datetime) -> None:
    """Say that a process works for a run."""
    load_queries("recoveries").beat_run(connection, run_id=run_id, process=process, at=at)


def read_heartbeats(connection: _Connection, run_ids: Collection[str]) -> Mapping[str, datetime]:
    """Return run id -> when it was last heard of; runs that were never heard of are absent."""
    rows = load_queries("recoveries").list_heartbeats(connection, run_ids=list(run_ids))
    return {row["run_id"]: row["heartbeat_at"] for row in rows}


def forget_heartbeats(connection: _Connection, *, before: datetime) -> None:
    """Forget runs that ended long ago."""
    load_queries("recoveries").forget_heartbeats(connection, before=before)


def count_open_writes(connection: _Connection) -> Mapping[str, int]:
    """Return batch -> writes whose end nobody knows."""
    rows = load_queries("recoveries").list_batches_with_open_writes(connection)
    return {row["batch_id"]: row["writes"] for row in rows}

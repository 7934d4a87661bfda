"""What a run wrote, for undoing it. Which of it is put back is `domain/reverting`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import psycopg

from lead_pipeline.domain.reverting import RunWrite
from lead_pipeline.domain.write_protocol import IntentState, WriteKind
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


def read_writes_of_run(connection: _Connection, run_id: str, *, batch_id: str, after: str, most: int) -> list[RunWrite]:
    """Return the applied writes of a run in a batch to the next records behind one, by record, then by time."""
    rows = load_queries("reverts").list_writes_of_run(
        connection, run_id=run_id, batch_id=batch_id, after=after, most=most
    )
    return [RunWrite(**{**row, "kind": WriteKind(row["kind"])}) for row in rows]


def read_batches_of_run(connection: _Connection, run_id: str) -> tuple[str, ...]:
    """Return the batches that a run wrote to."""
    rows = load_queries("reverts").list_batches_of_run(connection, run_id=run_id)
    return tuple(row["batch_id"] for row in rows)


def read_ends(connection: _Connection, op_ids: Collection[UUID]) -> Mapping[UUID, tuple[IntentState, str]]:
    """Return how writes ended: state and the code of the refusal."""
    rows = load_queries("reverts").list_ends(connection, op_ids=list(op_ids))
    return {row["op_id"]: (IntentState(row["state"]), row["error_code"]) for row in rows}

"""The count of calls to outside systems, by run and stage. Adding them up for people belongs to `store/reports`."""

from __future__ import annotations

from typing import Any

import psycopg

from lead_pipeline.store.queries import load_queries


def record_calls(
    connection: psycopg.Connection[Any],
    *,
    batch_id: str,
    run_id: str,
    system: str,
    stage: str,
    calls: int,
) -> None:
    """Add calls of one stage of a run to an outside system (`salesforce`, `dievio`)."""
    load_queries("calls").add_calls(
        connection,
        batch_id=batch_id,
        run_id=run_id,
        system=system,
        stage=stage,
        calls=calls,
    )

"""The leads that were let through first, with both sides of each. How they compare is `domain/sync_comparison`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from lead_pipeline.domain.decisions import FieldDecision, FieldVerdict
from lead_pipeline.domain.sync_comparison import ComparedLead
from lead_pipeline.store.org_facts import find_integration_user
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]

PAGE_LEADS = 2_000  # leads in memory at a time, with plan and record


def count_chosen(connection: _Connection, batch_id: str) -> dict[str, int]:
    """Count the leads that were let through by where they ended; `open` are those without an outcome."""
    rows = load_queries("comparisons").count_chosen(connection, batch_id=batch_id)
    return {row["ended"]: row["leads"] for row in rows}


def read_compared_leads(connection: _Connection, batch_id: str) -> Iterator[ComparedLead]:
    """Yield the leads that were let through and have a record, by id."""
    after, writer_id = "", find_integration_user(connection)
    while True:
        rows = list(
            load_queries("comparisons").list_compared(
                connection, batch_id=batch_id, writer_id=writer_id, after=after, most=PAGE_LEADS
            )
        )
        if not rows:
            return
        after = rows[-1]["dievio_lead_id"]
        yield from (_compared(row) for row in rows)


def _compared(row: dict[str, Any]) -> ComparedLead:
    return ComparedLead(
        dievio_lead_id=row["dievio_lead_id"],
        object_name=row["object_name"],
        salesforce_id=row["salesforce_id"],
        source=row["field_values"],
        decisions=tuple(
            FieldDecision(**{**entry, "verdict": FieldVerdict(entry["verdict"])}) for entry in row["fields"]
        ),
        held=row["held"],
        is_changed_since=row["is_changed_since"],
        carriers=row["carriers"],
        written_before=row["written_before"],
    )

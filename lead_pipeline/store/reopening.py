"""Rows whose outcome is open to change: asked about, given up, and now worked on again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.write_protocol import WritePurpose
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenedLeads:
    """The leads of one batch that wait to be worked on again, for one purpose."""

    batch_id: str
    purpose: WritePurpose
    dievio_lead_ids: frozenset[str]


def reopen_asked(connection: _Connection, dievio_lead_id: str, *, reason: str, at: datetime) -> None:
    """Have every row of a lead worked on again that waits for the answer to one question."""
    load_queries("reopening").reopen_asked(connection, dievio_lead_id=dievio_lead_id, reason=reason, at=at)


def reopen_row(connection: _Connection, *, batch_id: str, raw_lead_id: int, at: datetime) -> None:
    """Have one row worked on again, unless it created its record."""
    load_queries("reopening").reopen_row(connection, batch_id=batch_id, raw_lead_id=raw_lead_id, at=at)


def reopen_given_up(connection: _Connection, dievio_lead_ids: Collection[str], *, at: datetime) -> None:
    """Have the dead letters of some leads worked on again."""
    load_queries("reopening").reopen_given_up(connection, dievio_lead_ids=list(dievio_lead_ids), at=at)


def read_reopened(connection: _Connection) -> tuple[ReopenedLeads, ...]:
    """Return what waits to be worked on again, by batch and purpose, the newest batch first."""
    leads: dict[tuple[str, WritePurpose], set[str]] = defaultdict(set)
    for row in load_queries("reopening").list_reopened(connection):
        purpose = WritePurpose.REPLAY if row["is_replay"] else WritePurpose.REVIEW
        leads[row["batch_id"], purpose].add(row["dievio_lead_id"])
    return tuple(
        ReopenedLeads(batch_id=batch_id, purpose=purpose, dievio_lead_ids=frozenset(ids))
        for (batch_id, purpose), ids in leads.items()
    )


def count_ends(connection: _Connection, leads: ReopenedLeads) -> Counter[Outcome]:
    """Count where the leads ended that do not wait any more."""
    rows = load_queries("reopening").list_outcomes(
        connection, batch_id=leads.batch_id, dievio_lead_ids=list(leads.dievio_lead_ids)
    )
    return Counter({Outcome(row["outcome"]): row["leads"] for row in rows})

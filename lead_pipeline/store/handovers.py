"""Assignments of new leads to owners. Choosing the owner is `domain/routing`.

The end of an assignment is recorded together with its write, in `writes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.routing import LeadFacts, RosterMember
from lead_pipeline.domain.settlements import HandOverState
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingLead:
    """A new lead that waits for its owner."""

    facts: LeadFacts
    raw_lead_id: int
    salesforce_id: str
    keys: MatchKeys
    mapping_version: str
    holding_owner_id: str | None  # whom it was created for; None: the integration user
    owner_id: str | None  # as read back
    last_modified_at: datetime | None  # as read back
    receipt: str | None  # as read back
    read_at: datetime | None  # by the org's clock, no later than the reading; None: not known
    is_missing: bool
    to_owner_id: str | None  # assigned by an earlier run that did not finish
    refusal_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """An assignment to be kept."""

    dievio_lead_id: str
    salesforce_id: str
    rule: str
    from_owner_id: str | None
    to_owner_id: str
    state: HandOverState
    reason: str


def read_waiting(connection: _Connection, batch_id: str, *, run_id: str) -> list[WaitingLead]:
    """Return the new leads of a batch that wait for their owner; whom this run was refused waits for another one."""
    rows = load_queries("handovers").list_waiting(connection, batch_id=batch_id, run_id=run_id)
    return [_waiting(row) for row in rows]


def save_handovers(connection: _Connection, batch_id: str, handovers: Iterable[HandOver]) -> None:
    """Keep assignments; one that exists takes the new state and owner."""
    rows = Jsonb([asdict(entry) for entry in handovers])
    load_queries("handovers").upsert_handovers(connection, batch_id=batch_id, handovers=rows)


def count_assigned_by_rule(connection: _Connection) -> Mapping[str, int]:
    """Return rule -> leads it has placed so far, in all batches."""
    return {row["rule"]: row["leads"] for row in load_queries("handovers").count_assigned_by_rule(connection)}


def read_roster(connection: _Connection) -> list[RosterMember]:
    """Return users and queues, inactive ones too."""
    return [RosterMember(**row) for row in load_queries("handovers").list_roster(connection)]


def count_states(connection: _Connection, batch_id: str) -> Counter[HandOverState]:
    """Return how many assignments of a batch ended how."""
    rows = load_queries("handovers").list_states(connection, batch_id=batch_id)
    return Counter({HandOverState(row["state"]): row["leads"] for row in rows})


def _waiting(row: Mapping[str, Any]) -> WaitingLead:
    return WaitingLead(
        facts=LeadFacts(
            dievio_lead_id=row["dievio_lead_id"],
            segment=row["segment"],
            country=row["country"],
            employee_count=row["employee_count"],
            seniority=row["seniority"],
        ),
        raw_lead_id=row["raw_lead_id"],
        salesforce_id=row["salesforce_id"],
        keys=MatchKeys(em=row["em"], li=row["li"], fn=row["fn"], ln=row["ln"], dm=row["dm"]),
        mapping_version=row["mapping_version"],
        holding_owner_id=row["holding_owner_id"],
        owner_id=row["owner_id"],
        last_modified_at=row["last_modified_at"],
        receipt=row["receipt"],
        read_at=row["read_at"],
        is_missing=row["is_missing"],
        to_owner_id=row["to_owner_id"],
        refusal_count=row["refusal_count"],
    )

"""Memberships of a batch in Campaigns. Who joins which, and what an answer means, is `domain/campaigns`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.campaigns import CampaignRules, Membership, MembershipEnd, MembershipState
from lead_pipeline.domain.write_protocol import hash_payload
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


def plan_memberships(connection: _Connection, batch_id: str, rules: CampaignRules, *, at: datetime) -> None:
    """Note who is to become a member by the rules of now; what was sent or has ended stays as it is."""
    queries = load_queries("campaigns")
    queries.delete_unsent(connection, batch_id=batch_id)
    queries.insert_planned(connection, batch_id=batch_id, rules=_rules(rules), at=at)


def read_open(connection: _Connection, batch_id: str) -> list[Membership]:
    """Return the memberships without an end, by Campaign and kind of person."""
    rows = load_queries("campaigns").list_open(connection, batch_id=batch_id)
    return [Membership(**{**row, "state": MembershipState(row["state"])}) for row in rows]


def note_sent(
    connection: _Connection, batch_id: str, members: Iterable[Membership], *, run_id: str, at: datetime
) -> None:
    """Commit to sending memberships, before any call leaves."""
    load_queries("campaigns").update_sent(
        connection, batch_id=batch_id, run_id=run_id, members=Jsonb([asdict(member) for member in members]), at=at
    )


def settle_memberships(
    connection: _Connection, batch_id: str, ends: Iterable[MembershipEnd], *, run_id: str, actor: str, at: datetime
) -> None:
    """Keep what became of memberships, each end with its entry in the log."""
    rows = [
        {
            "dievio_lead_id": end.membership.dievio_lead_id,
            "campaign_id": end.membership.campaign_id,
            "state": end.state,
            "member_id": end.member_id,
            "error_code": end.error_code,
            "request_id": end.request_id,
            "payload": end.membership.payload,
            "payload_sha256": hash_payload(end.membership.payload),
        }
        for end in ends
    ]
    load_queries("campaigns").settle(connection, batch_id=batch_id, run_id=run_id, actor=actor, ends=Jsonb(rows), at=at)


def count_states(connection: _Connection, batch_id: str) -> Counter[MembershipState]:
    """Count the memberships of a batch by where they stand."""
    rows = load_queries("campaigns").count_states(connection, batch_id=batch_id)
    return Counter({MembershipState(row["state"]): row["members"] for row in rows})


def count_added(connection: _Connection, batch_id: str, *, run_id: str) -> int:
    """Count the memberships that a run made in a batch."""
    added: int = load_queries("campaigns").count_added_by_run(connection, batch_id=batch_id, run_id=run_id)
    return added


def read_added(connection: _Connection, run_id: str) -> tuple[str, ...]:
    """Return the ids of the members that a run made."""
    rows = load_queries("campaigns").list_added_by_run(connection, run_id=run_id)
    return tuple(row["member_id"] for row in rows)


def count_expected(connection: _Connection, batch_id: str, rules: CampaignRules) -> dict[str, int]:
    """Return Campaign -> people whom a run would look up there and add unless they are members."""
    if not rules.is_on:
        return {}
    rows = load_queries("campaigns").count_expected(connection, batch_id=batch_id, rules=_rules(rules))
    return {row["campaign_id"]: row["people"] for row in rows}


def _rules(rules: CampaignRules) -> Jsonb:
    return Jsonb([asdict(rule) for rule in rules.rules])

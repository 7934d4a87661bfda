"""Which leads of a batch are let through so far. Who is chosen is decided in `domain/sampling`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.decisions import Decision, FieldVerdict
from lead_pipeline.domain.sampling import Candidate, Choice, ScopeKind
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The newest step of a batch that is let through step by step; `size` is in leads."""

    kind: ScopeKind
    size: int
    narrowed_at: datetime


def find_scope(connection: _Connection, batch_id: str) -> Scope | None:
    """Return how far a batch is let through; None when all of it is."""
    row = load_queries("scopes").get_scope(connection, batch_id=batch_id)
    return None if row is None else Scope(**{**row, "kind": ScopeKind(row["kind"])})


def narrow_scope(
    connection: _Connection, batch_id: str, *, kind: ScopeKind, size: int, run_id: str, at: datetime
) -> None:
    """Let only chosen leads of a batch through from now on."""
    load_queries("scopes").upsert_scope(connection, batch_id=batch_id, kind=kind, size=size, run_id=run_id, at=at)


def lift_scope(connection: _Connection, batch_id: str) -> None:
    """Let every lead of a batch through from now on."""
    load_queries("scopes").delete_scope(connection, batch_id=batch_id)


def let_through(
    connection: _Connection, batch_id: str, choices: Sequence[Choice], *, kind: ScopeKind, run_id: str, at: datetime
) -> None:
    """Add leads to those that a batch lets through."""
    chosen = Jsonb([asdict(choice) for choice in choices])
    load_queries("scopes").insert_chosen(connection, batch_id=batch_id, chosen=chosen, kind=kind, run_id=run_id, at=at)


def count_waiting(connection: _Connection, batch_id: str) -> int:
    """Count the leads that wait to be let through."""
    return int(load_queries("scopes").count_waiting(connection, batch_id=batch_id))


def read_candidates(connection: _Connection, batch_id: str) -> list[Candidate]:
    """Return every planned lead of a batch in the order of delivery, with what choosing looks at."""
    return [_candidate(row) for row in load_queries("scopes").list_plans_to_choose_from(connection, batch_id=batch_id)]


def _candidate(row: dict[str, Any]) -> Candidate:
    return Candidate(
        dievio_lead_id=row["dievio_lead_id"],
        segment=row["segment"],
        decision=Decision(row["decision"]),
        reason_code=row["reason_code"],
        object_name=row["object_name"],
        values=row["field_values"],
        flags=tuple(row["flags"]),
        verdicts=frozenset(FieldVerdict(verdict) for verdict in row["verdicts"]),
        candidate_count=row["candidate_count"],
        is_trimmed=row["is_trimmed"],
        has_namesake=row["has_namesake"],
        is_settled=row["is_settled"],
        chosen_for=ScopeKind(row["chosen_for"]) if row["chosen_for"] else None,
    )

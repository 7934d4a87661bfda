"""Lets a batch through step by step: a sample of its leads, then so many more, then everything.

Whoever is not let through stays planned and without an outcome; the write, its gates and the report know that and say
so. Whom a step takes is decided in `domain/sampling`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lead_pipeline.domain.sampling import ScopeKind, choose_next, choose_sample
from lead_pipeline.store import scopes
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import take_turn


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeStep:
    """How far a run lets its batch through; `size` counts leads, 0 for everything."""

    kind: ScopeKind
    size: int = 0


EVERYTHING = ScopeStep(kind=ScopeKind.EVERYTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeSummary:
    """What a step did."""

    kind: ScopeKind
    chosen: int  # by this step
    waiting: int

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster."""
        return {"lets_through": self.kind.value, "leads_chosen": self.chosen, "leads_waiting": self.waiting}


def choose_leads(
    database: Database, step: ScopeStep, *, batch_id: str, run_id: str, now: Callable[[], datetime]
) -> ScopeSummary:
    """Let the leads of one step through.

    Repeating it is safe: the same sample chooses nobody new, and so many more first brings those to their end that were
    chosen before.

    Args:
        database: The product's database, the leads planned.
        step: A sample, so many more, or everything.
        batch_id: The batch.
        run_id: The run that asks.
        now: The clock, aware UTC.
    """
    with database.transaction() as connection:
        take_turn(connection, batch_id)
        if step.kind is ScopeKind.EVERYTHING:
            scopes.lift_scope(connection, batch_id)
            return ScopeSummary(kind=step.kind, chosen=0, waiting=0)
        at = now()
        scopes.narrow_scope(connection, batch_id, kind=step.kind, size=step.size, run_id=run_id, at=at)
        choose = choose_sample if step.kind is ScopeKind.SAMPLE else choose_next
        choices = choose(scopes.read_candidates(connection, batch_id), step.size)
        scopes.let_through(connection, batch_id, choices, kind=step.kind, run_id=run_id, at=at)
        return ScopeSummary(kind=step.kind, chosen=len(choices), waiting=scopes.count_waiting(connection, batch_id))

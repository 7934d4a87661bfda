"""What enrichment would ask and cost, and where its budget stands. Asks no provider and changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lead_pipeline.domain.enrichment.budgets import BudgetLine, judge_budgets
from lead_pipeline.domain.enrichment.policy import RECORD, EnrichmentPolicy
from lead_pipeline.domain.enrichment.questions import ProviderCapabilities, plan_calls
from lead_pipeline.domain.enrichment.selection import Choice, Selection, ask_about, select
from lead_pipeline.store import enrichment as store
from lead_pipeline.store.database import Database
from lead_pipeline.store.enrichment_calls import read_day
from lead_pipeline.store.refreshes import list_stale_records


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Who of a batch would be looked up, why, and what that can cost at most with the first provider.

    Attributes:
        batch_id: The batch.
        reasons: (choice, reason, detail) -> people.
        calls: Calls of the first provider.
        credits_at_most: What they can cost; misses are free.
        people: Our id -> reason and wanted fields, of those who would be asked about.
        decided: What the last run decided about leads that have their outcome: as `reasons`, with how far they came.
    """

    batch_id: str
    reasons: Mapping[tuple[str, str, str], int]
    calls: int
    credits_at_most: int
    people: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    decided: Mapping[tuple[str, str, str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReport:
    """Where the budget of a day stands.

    Attributes:
        lines: All segments first, then each.
        known_credits: Credits of the day for answers that told nothing new.
        uncertain_credits: Credits of the day for answers that were lost.
        stale_records: Records of the org that a refresh would take up: at most so many credits more.
    """

    lines: tuple[BudgetLine, ...]
    known_credits: int
    uncertain_credits: int
    stale_records: int

    @property
    def forecast_credits(self) -> int:
        """Credits of the day once the stale records are looked up too; never above the limit."""
        total = self.lines[0]
        expected = total.used + self.stale_records
        return expected if total.limit is None else min(expected, total.limit)


def preview_enrichment(
    database: Database,
    policy: EnrichmentPolicy,
    capabilities: ProviderCapabilities,
    *,
    batch_id: str,
    now: Callable[[], datetime],
) -> Preview:
    """Return what enriching a normalized batch would ask.

    Args:
        database: The product's database.
        policy: Who is asked about.
        capabilities: Of the first provider.
        batch_id: The batch.
        now: The clock, aware UTC.
    """
    at = now()
    selections: list[Selection] = []
    with database.connect() as connection:
        for page in store.read_open_leads(connection, batch_id):
            selections += [select(lead.candidate, policy, now=at) for lead in page]
        decided = [] if selections else store.count_requests(connection, batch_id)
    asking = [one for one in selections if one.choice is Choice.ASK]
    calls = list(plan_calls((ask_about(one.candidate, one.wanted) for one in asking), capabilities))
    return Preview(
        batch_id=batch_id,
        reasons=Counter((one.choice.value, one.why.value, one.detail) for one in selections),
        calls=len(calls),
        credits_at_most=sum(call.credits_at_most for call in calls),
        people={one.candidate.dievio_lead_id: (one.why.value, tuple(sorted(one.wanted))) for one in asking},
        decided={(row["choice"], row["reason"], row["detail"], row["state"]): row["people"] for row in decided},
    )


def report_budget(database: Database, policy: EnrichmentPolicy, *, now: Callable[[], datetime]) -> BudgetReport:
    """Return where today's budget stands."""
    at = now()
    with database.connect() as connection:
        account = read_day(connection, at)
        stale = list_stale_records(
            connection,
            stale_before=at - policy.max_age[RECORD],
            left_alone_after=at - policy.recheck_age,
            most=policy.refresh_records,
        )
    return BudgetReport(
        lines=judge_budgets(account.used_by_segment, policy.budget),
        known_credits=account.known_credits,
        uncertain_credits=account.uncertain_credits,
        stale_records=len(stale),
    )

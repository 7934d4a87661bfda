"""Use case: look up the open leads of a batch that lack something, and take over what is sure enough.

The one path of the nightly run, of refreshes, intake and single look-ups. Running it again buys nothing: whoever was
answered about is merged from the stored answer. A provider that is down, or a budget that is spent, ends no run.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lead_pipeline.domain.enrichment.budgets import BudgetState, judge_budgets
from lead_pipeline.domain.enrichment.policy import EnrichmentPolicy
from lead_pipeline.domain.enrichment.selection import TAKING_REASONS, Choice, Selection, select
from lead_pipeline.errors import ConfigurationError
from lead_pipeline.services.enriching.buying import Buyer, Order, Tools
from lead_pipeline.services.enriching.merging import merge_batch
from lead_pipeline.services.enriching.ports import EnrichmentProvider
from lead_pipeline.services.enriching.waterfall import AlertKind, Waterfall, WaterfallLog
from lead_pipeline.store import enrichment as store
from lead_pipeline.store.database import Database
from lead_pipeline.store.enrichment_calls import mark_lost_calls, read_day
from lead_pipeline.store.leases import hold_lease
from lead_pipeline.transport.retries import BATCH_RETRIES, REALTIME_RETRIES, Retries, RetryPolicy

NIGHTLY, ON_DEMAND = "nightly", "on_demand"
#: Batches whose rows are records of the org: what the record says itself must not be written back to it.
OF_RECORDS = frozenset({"crm_refresh", "retry", ON_DEMAND})


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichSummary:
    """What enrichment did with a batch. Counts only; credits are those of this run."""

    leads: int
    asked: int
    found: int
    paused: int
    parked: int
    calls: int
    credits: int
    known_credits: int
    uncertain_credits: int
    alerts: tuple[str, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)
    verdicts: Mapping[str, int] = field(default_factory=dict)

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts under flat names, for plots."""
        return {
            "leads": self.leads,
            "asked": self.asked,
            "found": self.found,
            "paused": self.paused,
            "parked": self.parked,
            "calls": self.calls,
            "credits": self.credits,
            "credits_for_known": self.known_credits,
            "uncertain_credits": self.uncertain_credits,
            **{f"reason_{name}": count for name, count in sorted(self.reasons.items())},
            **{f"findings_{name}": count for name, count in sorted(self.verdicts.items())},
            "alerts": " · ".join(self.alerts),
        }


def enrich_batch(
    database: Database,
    providers: Mapping[str, EnrichmentProvider],
    policy: EnrichmentPolicy,
    *,
    batch_id: str,
    now: Callable[[], datetime],
    reason: str = NIGHTLY,
    retries: Retries | None = None,
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
) -> EnrichSummary:
    """Enrich every lead of a batch that has no outcome.

    Args:
        database: The product's database, the batch normalized.
        providers: Name -> provider; those that the policy names have to be there.
        policy: Who is asked about, what it may cost, how sure an answer has to be.
        batch_id: The batch.
        now: The clock, aware UTC.
        reason: Why, for the ledger; `on_demand` asks about every person whatever audience and age say.
        retries: How often a call is tried; as `retry_policy` says unless given.
        new_id: Makes the ids of calls.

    Raises:
        ConfigurationError: The policy names a provider that there is not.
        LeaseHeldError: Another process enriches this batch.
    """
    require_providers(policy, providers)
    tools = Tools(retries=retries or Retries(retry_policy(reason)), now=now, new_id=new_id)
    with hold_lease(database, f"enrich:{batch_id}", holder=f"another enrichment of batch {batch_id}", now=now):
        selections = _select(database, policy, batch_id=batch_id, at=now(), is_demanded=reason == ON_DEMAND)
        order = Order(
            batch_id=batch_id,
            reason=reason,
            budget=policy.budget,
            seen={one.candidate.dievio_lead_id: one.candidate.memory for one in selections},
            known={one.candidate.dievio_lead_id: one.candidate.values for one in selections},
        )
        asking = [selection for selection in selections if selection.choice is Choice.ASK]
        buyer = Buyer(database, order, tools=tools)
        waterfall = Waterfall(database, providers, policy, buyer=buyer, tools=tools)
        log = waterfall.ask(asking)
        _record(database, policy, log, asking=asking, waterfall=waterfall, order=order, at=now())
        verdicts = merge_batch(
            database,
            providers,
            policy,
            batch_id=batch_id,
            selections=_mergeable(selections),
            tools=tools,
            is_own_record=reason in OF_RECORDS,
        )
    return _summarize(selections, log, buyer, verdicts=verdicts)


def retry_policy(reason: str) -> RetryPolicy:
    """Return how patiently calls are repeated: a night has time, somebody who asks about one person waits for it."""
    return REALTIME_RETRIES if reason == ON_DEMAND else BATCH_RETRIES


def require_providers(policy: EnrichmentPolicy, providers: Mapping[str, EnrichmentProvider]) -> None:
    """Refuse a policy that names a provider which there is not.

    Raises:
        ConfigurationError: It does.
    """
    unknown = [name for name in policy.providers if name not in providers]
    if unknown:
        raise ConfigurationError(
            "enrichment.yaml: providers",
            what=f"there is no provider {', '.join(unknown)}",
            repair="Use dievio or contact_api",
        )


def _summarize(
    selections: Sequence[Selection], log: WaterfallLog, buyer: Buyer, *, verdicts: Mapping[str, int]
) -> EnrichSummary:
    asking = [selection for selection in selections if selection.choice is Choice.ASK]
    return EnrichSummary(
        leads=len(selections),
        asked=len(asking),
        found=sum(log.answered.values()),
        paused=sum(log.state_of(one.candidate.dievio_lead_id) == "paused" for one in asking),
        parked=sum(len(people) for people in log.parked.values()),
        calls=log.calls,
        credits=buyer.credits,
        known_credits=buyer.known_credits,
        uncertain_credits=buyer.uncertain_credits,
        alerts=tuple(log.alerts.values()),
        reasons=Counter(selection.why.value for selection in selections),
        verdicts=verdicts,
    )


def _select(
    database: Database, policy: EnrichmentPolicy, *, batch_id: str, at: datetime, is_demanded: bool
) -> list[Selection]:
    """Decide about every open lead of the batch, and keep why."""
    selections: list[Selection] = []
    with database.transaction() as connection:
        mark_lost_calls(connection, batch_id, at=at)
        needs = store.read_needs(connection, batch_id)
        store.delete_open_requests(connection, batch_id)
        for page in store.read_open_leads(connection, batch_id):
            people = [lead.candidate for lead in page]
            part = [
                select(one, policy, now=at, is_demanded=is_demanded, first_need=needs.get(one.dievio_lead_id))
                for one in people
            ]
            store.replace_requests(connection, part, batch_id=batch_id, decided_at=at)
            selections.extend(part)
    return selections


def _mergeable(selections: Sequence[Selection]) -> dict[str, Selection]:
    """Return our id -> selection of the people who may take over what providers said, now or earlier."""
    return {
        selection.candidate.dievio_lead_id: selection for selection in selections if selection.why in TAKING_REASONS
    }


def _record(
    database: Database,
    policy: EnrichmentPolicy,
    log: WaterfallLog,
    *,
    asking: Sequence[Selection],
    waterfall: Waterfall,
    order: Order,
    at: datetime,
) -> None:
    """Keep how far everybody has come, who waits for which provider, and what operations should hear."""
    wanted = waterfall.find_wanted(asking)
    segments = {one.candidate.dievio_lead_id: one.candidate.segment for one in asking}
    with database.transaction() as connection:
        states = {dievio_lead_id: log.state_of(dievio_lead_id) for dievio_lead_id in segments}
        store.set_request_states(connection, states, batch_id=order.batch_id)
        for provider in policy.providers:
            parked = log.parked.get(provider, {})
            by_cause: dict[str, dict[str, str]] = {}
            for dievio_lead_id, cause in parked.items():
                if wanted[dievio_lead_id]:  # another provider may have had it all
                    by_cause.setdefault(cause, {})[dievio_lead_id] = segments[dievio_lead_id]
            store.unpark(connection, log.answered.keys() - parked.keys(), provider=provider)
            for cause, people in by_cause.items():
                store.park(
                    connection,
                    people,
                    provider=provider,
                    batch_id=order.batch_id,
                    cause=cause,
                    rules=policy.retry,
                    at=at,
                )
        if asking:
            _note_budgets(log, policy, used=read_day(connection, at).used_by_segment)
        store.replace_alerts(connection, log.alerts, batch_id=order.batch_id, at=at)


def _note_budgets(log: WaterfallLog, policy: EnrichmentPolicy, *, used: Mapping[str, int]) -> None:
    kinds = {BudgetState.NEARLY_SPENT: AlertKind.BUDGET_NEARLY_SPENT, BudgetState.SPENT: AlertKind.BUDGET_SPENT}
    for line in judge_budgets(used, policy.budget):
        if line.state in kinds:
            log.alerts.setdefault((kinds[line.state], line.subject), line.advice)

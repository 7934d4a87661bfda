"""Works on rows again that a decision or a replay has reopened, and ends their batches anew; there is one write path.

What reopens a row is `resolve_review` and `replay`. Nothing of the first try is sent again: every lead is read, matched
and planned afresh. A row keeps its old outcome until the new one is true, so ending half-way loses nothing; whatever is
left is taken up by the next call.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import uuid4

from lead_pipeline.domain.campaigns import NO_CAMPAIGNS, CampaignRules
from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.gate_settings import GateSettings
from lead_pipeline.domain.routing import RoutingRules
from lead_pipeline.errors import GateClosedError, LeaseHeldError, OrgAwayError
from lead_pipeline.services.gates import GATES, evaluate_gate, require_gates
from lead_pipeline.services.hand_over import HandOverCrm, hand_over
from lead_pipeline.services.join_campaigns import join_campaigns
from lead_pipeline.services.read_back import ReadBackSource, read_back
from lead_pipeline.services.report import build_report
from lead_pipeline.services.write import Crm, DirectoryPlans, WriteRules, name_owners, open_session, write_session
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.services.writing.org_guard import OrgGuard
from lead_pipeline.services.writing.ports import Clock, WriteOrder, WriteTools
from lead_pipeline.store.database import Database
from lead_pipeline.store.reopening import ReopenedLeads, count_ends, read_reopened


class ReworkCrm(Crm, HandOverCrm, ReadBackSource, Protocol):
    """Salesforce for the whole way of a row: reading, writing, reading back, handing over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReworkRules:
    """What the whole way of a row needs to know."""

    write: WriteRules
    routing: RoutingRules
    gates: GateSettings
    campaigns: CampaignRules = NO_CAMPAIGNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rework:
    """Who works on rows again, with what.

    Attributes:
        database: The product's database.
        salesforce: The org.
        rules: How to plan, write, judge and route.
        actor: Who asked for it, for the log.
        now: The clock, aware UTC.
        wait: Pauses for so many seconds.
        run_id: Stands on every write and log row of it.
    """

    database: Database
    salesforce: ReworkCrm
    rules: ReworkRules
    actor: str
    now: Clock
    wait: Callable[[float], None] = time.sleep
    run_id: str = field(default_factory=lambda: f"rework-{uuid4().hex[:12]}")

    def within(self, limits: WriteLimits) -> Rework:
        """Return the same work under other limits of writing."""
        return replace(self, rules=replace(self.rules, write=replace(self.rules.write, limits=limits)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReworkSummary:
    """Where the rows ended that were worked on again."""

    outcomes: Mapping[Outcome, int]
    left: int  # rows that still wait
    held_up: tuple[str, ...] = ()  # why, one sentence a batch

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for people and machines."""
        return {
            **{outcome.value: self.outcomes.get(outcome, 0) for outcome in Outcome if outcome in self.outcomes},
            "left": self.left,
            "held_up": "; ".join(self.held_up),
        }


def rework_rows(rework: Rework, *, also_end: Sequence[str] = ()) -> ReworkSummary:
    """Work on every reopened row, then judge its batch anew and hand its new leads over.

    A batch that another run works on, or whose gates are closed, is left for the next call and named.

    Args:
        rework: Who works, with what.
        also_end: Further batches to be judged and handed over again.

    Raises:
        WritesRefusedError: Salesforce refuses every write until somebody mends the org or the mapping.
    """
    name_owners(rework.database, rework.rules.write)
    with rework.database.transaction() as connection:
        reopened = read_reopened(connection)
    outcomes: Counter[Outcome] = Counter()
    held_up: list[str] = []
    for leads in reopened:
        try:
            ends, stopped_reason = _work_again(rework, leads)
            outcomes += ends
            held_up += [stopped_reason] if stopped_reason else []
        except (LeaseHeldError, GateClosedError, OrgAwayError) as error:
            held_up.append(str(error))
    for batch_id in dict.fromkeys([*(leads.batch_id for leads in reopened), *also_end]):
        try:
            _end_batch(rework, batch_id)
        except (LeaseHeldError, GateClosedError, OrgAwayError) as error:
            held_up.append(str(error))
    with rework.database.transaction() as connection:
        left = sum(len(leads.dievio_lead_ids) for leads in read_reopened(connection))
    return ReworkSummary(outcomes=outcomes, left=left, held_up=tuple(dict.fromkeys(held_up)))


def _work_again(rework: Rework, leads: ReopenedLeads) -> tuple[Counter[Outcome], str]:
    """Read, match, plan and write the leads of one batch; return where they ended, and why some have to wait."""
    require_gates(rework.database, batch_id=leads.batch_id, stage="writes")
    rules = rework.rules.write
    plans = DirectoryPlans(rework.database, rework.salesforce, rules, batch_id=leads.batch_id, now=rework.now)
    with open_session(
        rework.database,
        rework.salesforce,
        WriteTools(now=rework.now, wait=rework.wait),
        rules.limits,
        batch_id=leads.batch_id,
        run_id=rework.run_id,
        actor=rework.actor,
        order=WriteOrder(purpose=leads.purpose, scope=leads.dievio_lead_ids),
    ) as session:
        plans.refresh()
        plans.replan(leads.dievio_lead_ids)
        guarded = replace(session, guard=OrgGuard(rework.database, rework.salesforce, rules.mappings), fields=plans)
        written = write_session(guarded, plans, holding_queue=rules.holding_queue)
    with rework.database.transaction() as connection:
        return count_ends(connection, leads), written.stopped_reason


def _end_batch(rework: Rework, batch_id: str) -> None:
    """Read back what was written, look through every gate behind the write, hand over and make the report anew."""
    started_at = rework.now()
    _look(rework, batch_id, stage="writes")
    read_back(
        rework.database,
        rework.salesforce,
        rework.rules.write,
        batch_id=batch_id,
        now=rework.now,
        wait=rework.wait,
        only_new=True,
    )
    _look(rework, batch_id, stage="readback")
    hand_over(
        rework.database,
        rework.salesforce,
        rework.rules.routing,
        batch_id=batch_id,
        run_id=rework.run_id,
        actor=rework.actor,
        now=rework.now,
    )
    join_campaigns(
        rework.database,
        rework.salesforce,
        rework.rules.campaigns,
        batch_id=batch_id,
        run_id=rework.run_id,
        actor=rework.actor,
        now=rework.now,
    )
    _look(rework, batch_id, stage="handover")
    build_report(
        rework.database,
        batch_id=batch_id,
        run_id=rework.run_id,
        started_at=started_at,
        now=rework.now,
        read_mappings=lambda: rework.rules.write.mappings,
    )


def _look(rework: Rework, batch_id: str, *, stage: str) -> None:
    for name, gate in GATES.items():
        if gate.stage == stage:
            evaluate_gate(
                rework.database,
                name,
                batch_id=batch_id,
                run_id=rework.run_id,
                now=rework.now,
                config=rework.rules.gates,
            )

"""Carries out a batch's plan pass by pass: settle, read, plan anew what changed, write, until nothing is left.

A refusal that a new plan may cure needs no path of its own: its lead is simply still without an outcome, the next pass
reads what is there now, and the plan follows. How one write leaves is `delivery`, how open ones are settled `settling`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from lead_pipeline.domain.decisions import Decision, SyncDecision
from lead_pipeline.domain.match_keys import shared_keys
from lead_pipeline.domain.matching import LeadToMatch
from lead_pipeline.domain.write_protocol import (
    WriteBasis,
    WriteIntent,
    WritePurpose,
    build_sync_intent,
    is_quiet,
    person_key,
)
from lead_pipeline.errors import PlanOutdatedError
from lead_pipeline.services.writing.bulk_delivery import deliver_in_bulk
from lead_pipeline.services.writing.delivery import deliver
from lead_pipeline.services.writing.ports import CrashPoint, FreshPlans, WriteSession
from lead_pipeline.services.writing.settling import settle_late_landings, settle_open_writes
from lead_pipeline.store import writes
from lead_pipeline.store.writes import WorkItem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """When the org was read: our clock at the beginning, the server's no later than the first record."""

    began_at: datetime
    server_time: datetime


def carry_out_plan(session: WriteSession, plans: FreshPlans, *, holding_owner_id: str | None) -> None:
    """Write every lead of the batch that is planned and not settled.

    Leads that cannot be settled now stay planned or open; nothing is lost by ending here.

    Raises:
        ApiBudgetReachedError: The product's share of calls is spent; the rest stays planned.
        WritesRefusedError: Salesforce refuses every write of this kind.
        LeaseLostError: Another run took the batch over.
    """
    was_held_up, sent_count = False, 0
    for _ in range(session.limits.max_passes):
        _settle_what_is_open(session)
        if not _has_open_plans(session):
            # A hand-over may have landed after it was given up: nothing but its receipt in the mirror would ever tell.
            settle_late_landings(session)
            return
        reading = _read_afresh(session, plans, sent_count=sent_count)
        _settle_without_write(session)
        work, loud_count = _choose(session, plans, reading.server_time)
        try:
            sent_count = _write(session, work, holding_owner_id, seen_at=reading.began_at)
        except PlanOutdatedError:
            # The next reading finds every plan older than what the org says about its fields.
            sent_count = 0
            continue
        if loud_count and not sent_count:
            session.tools.wait(session.limits.quiet_wait_seconds)
        elif not sent_count and (was_held_up or not work):
            break
        # Leads that another batch came before are understood at the next reading, unless that batch is still at it.
        was_held_up = not sent_count and not loud_count
    _settle_what_is_open(session)


def _settle_what_is_open(session: WriteSession) -> None:
    """Settle open writes; those whose fields changed meanwhile are planned anew by the pass that follows."""
    with suppress(PlanOutdatedError):
        settle_open_writes(session)


def _has_open_plans(session: WriteSession) -> bool:
    with session.database.transaction() as connection:
        return writes.has_open_plans(connection, session.batch_id)


def _read_afresh(session: WriteSession, plans: FreshPlans, *, sent_count: int) -> _Reading:
    """Bring mirror and plans up to date.

    Args:
        session: The run's hold on the batch.
        plans: The way to both.
        sent_count: Records that the pass before has written or tried to: they would all come back.
    """
    began_at = session.tools.now()
    targets = _find_cheaper_targets(session, sent_count)
    if targets:
        plans.refresh_targets(targets)
    else:
        plans.refresh()
    # The server's last stamp lies at the end of the reading; taking the whole duration off puts it before its start.
    server_time = (session.salesforce.server_time or session.tools.now()) - (session.tools.now() - began_at)
    settle_late_landings(session)
    with session.database.transaction() as connection:
        stale = writes.read_stale_leads(connection, session.batch_id)
    if stale:
        plans.replan(stale)
    session.tools.reach(CrashPoint.AFTER_FRESH_READ)
    return _Reading(began_at=began_at, server_time=server_time)


def _find_cheaper_targets(session: WriteSession, sent_count: int) -> Mapping[str, Collection[str]]:
    """Return object -> ids of the records that are left, where reading just them takes fewer calls; else nothing.

    Only what is left to be updated can do with that: who is to be created may have come into the org meanwhile.
    """
    limits = session.limits
    with session.database.transaction() as connection:
        waiting = writes.read_work(connection, session.batch_id) if sent_count > limits.query_page_records else []
    targets: dict[str, list[str]] = defaultdict(list)
    for item in waiting:
        if item.decision is not Decision.UPDATE or item.salesforce_id is None:
            return {}
        targets[item.object_name or "Lead"].append(item.salesforce_id)
    calls = sum(ceil(len(ids) / limits.target_read_records) for ids in targets.values())
    return targets if calls < ceil(sent_count / limits.query_page_records) else {}


def _settle_without_write(session: WriteSession) -> None:
    with session.database.transaction() as connection:
        session.lease.beat(connection)
        writes.settle_plans_without_write(
            connection, session.batch_id, run_id=session.run_id, actor=session.actor, at=session.tools.now()
        )


def _choose(session: WriteSession, plans: FreshPlans, read_at: datetime) -> tuple[list[WorkItem], int]:
    """Return the leads to write in this pass, and how many wait because an edit may hide in their last second.

    One person and one record at a time: what may be the second lead of a new person waits until the org can be asked,
    be it for a shared key or for a similar name at the same company.
    """
    with session.database.transaction() as connection:
        waiting = [
            item for item in writes.read_work(connection, session.batch_id) if session.order.covers(item.dievio_lead_id)
        ]
    chosen: list[WorkItem] = []
    taken: set[str] = set()
    loud_count = 0
    for item in waiting:
        if not is_quiet(item.base_last_modified_at, read_at=read_at):
            loud_count += 1
            continue
        claims = _claims(item)
        if claims.isdisjoint(taken):
            taken |= claims
            chosen.append(item)
    twins = plans.find_near_twins(
        [
            LeadToMatch(dievio_lead_id=item.dievio_lead_id, keys=item.keys)
            for item in chosen
            if item.decision is Decision.CREATE
        ]
    )
    return [item for item in chosen if item.dievio_lead_id not in twins], loud_count


def _claims(item: WorkItem) -> set[str]:
    person = person_key(item.keys, item.dievio_lead_id)
    if item.salesforce_id is not None:
        return {person, item.salesforce_id}
    return {person, *shared_keys(item.keys)}


def _write(session: WriteSession, work: Sequence[WorkItem], holding_owner_id: str | None, *, seen_at: datetime) -> int:
    groups: dict[tuple[Decision, str], list[WorkItem]] = defaultdict(list)
    for item in work:
        groups[item.decision, item.object_name or "Lead"].append(item)
    done = sent_count = 0
    for (decision, object_name), items in sorted(groups.items()):
        is_bulk = _may_use_job(session, decision, object_name, len(items))
        send = deliver_in_bulk if is_bulk else deliver
        for page in _pages(items, session.limits.bulk_job_rows if is_bulk else session.limits.plan_page_leads):
            if intents := _build(session, page, holding_owner_id):
                sent_count += send(session, intents, seen_at=seen_at)
            done += len(page)
            session.tools.on_progress("write", done, len(work))
    return sent_count


def _may_use_job(session: WriteSession, decision: Decision, object_name: str, lead_count: int) -> bool:
    """Tell whether a job is worth it and safe: inserts always are, updates only where the org itself guards values.

    A person's decision passes the guard, so it stays conditional.
    """
    if decision is Decision.CREATE:
        return lead_count > session.limits.bulk_threshold
    is_worth_it = lead_count > session.limits.update_bulk_threshold
    is_ours = session.order.purpose is not WritePurpose.REVIEW
    return is_worth_it and is_ours and session.guard.covers(object_name, at=session.tools.now())


def _build(session: WriteSession, items: Sequence[WorkItem], holding_owner_id: str | None) -> list[WriteIntent]:
    keys = {item.dievio_lead_id: person_key(item.keys, item.dievio_lead_id) for item in items}
    chosen = {item.dievio_lead_id: _basis_of(item) for item in items}
    with session.database.transaction() as connection:
        planned = writes.read_planned_writes(connection, session.batch_id, dievio_lead_ids=keys)
    return [
        build_sync_intent(
            entry.decision,
            WriteBasis(
                person_key=keys[entry.decision.dievio_lead_id],
                refusal_count=entry.refusal_count,
                holding_owner_id=holding_owner_id,
                record_lead_id=entry.record_lead_id,
                org_fields=session.guard.changeable_fields(entry.decision.object_name or "Lead"),
            ),
            op_id=session.tools.new_id(),
            run_id=session.run_id,
            purpose=session.order.purpose,
        )
        for entry in planned
        # A run that lost its lease without noticing may have planned anew since: the next pass reads and chooses again.
        if _basis_of(entry.decision) == chosen[entry.decision.dievio_lead_id]
    ]


def _basis_of(plan: WorkItem | SyncDecision) -> tuple[object, ...]:
    """Return what a plan was chosen by: what it does, to which record, as of when."""
    return plan.decision, plan.object_name, plan.salesforce_id, plan.base_last_modified_at


def _pages(items: Sequence[WorkItem], size: int) -> Iterator[Sequence[WorkItem]]:
    return (items[start : start + size] for start in range(0, len(items), size))

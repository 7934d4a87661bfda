"""Hands the new leads of a passed batch to their owners, through the same protocol as every other write.

Who gets which lead is `domain/routing`. A lead that a person took meanwhile stays with that person: updates are
conditional on what was read back, and a Bulk job is used only where the org itself refuses such rows.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from lead_pipeline.domain.directory_fields import read_moment
from lead_pipeline.domain.org_guard import OWNER_RULE
from lead_pipeline.domain.routing import Assignment, RoutingRules, route_leads
from lead_pipeline.domain.settlements import HandOverState
from lead_pipeline.domain.write_protocol import (
    OWNER_FIELD,
    RECEIPT_FIELD,
    WriteIntent,
    WriteKind,
    WritePurpose,
    is_quiet,
    person_key,
)
from lead_pipeline.errors import ApiBudgetReachedError
from lead_pipeline.salesforce.soql import soql_in_chunks
from lead_pipeline.services.gates import require_gates
from lead_pipeline.services.write import open_session
from lead_pipeline.services.writing.bulk_delivery import deliver_in_bulk
from lead_pipeline.services.writing.delivery import deliver
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.services.writing.ports import Clock, CrmWriter, Progress, WriteSession, WriteTools, say_nothing
from lead_pipeline.services.writing.settling import credit_receipts, credit_void_writes, settle_open_writes
from lead_pipeline.store import handovers
from lead_pipeline.store.database import Database
from lead_pipeline.store.handovers import HandOver, WaitingLead
from lead_pipeline.store.org_facts import keep_owner_guard

OBJECT_NAME = "Lead"
OWNER_QUERY = (
    "SELECT Id, OwnerId, LastModifiedDate, IsDeleted, IsConverted, Dievio_Last_Op__c FROM Lead WHERE Id IN {ids}"
)


class HandOverCrm(CrmWriter, Protocol):
    """The part of the Salesforce client that hand-overs need."""

    def active_validation_rules(self, object_name: str) -> Collection[str]:
        """Return the names of an object's active validation rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverSummary:
    """How the assignments of a batch ended, over all its runs."""

    done: int
    kept: int  # a person had taken the lead
    refused: int
    waiting: int  # assigned, not carried out yet
    without_owner: int  # neither a rule nor the fallback queue had anybody
    stopped_reason: str = ""

    @property
    def leads(self) -> int:
        """New leads in all."""
        return self.done + self.kept + self.refused + self.waiting + self.without_owner

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster."""
        return {
            "done": self.done,
            "kept": self.kept,
            "refused": self.refused,
            "waiting": self.waiting,
            "without_owner": self.without_owner,
            "stopped_reason": self.stopped_reason,
        }


def hand_over(
    database: Database,
    salesforce: HandOverCrm,
    routing: RoutingRules,
    *,
    batch_id: str,
    run_id: str,
    actor: str,
    now: Clock,
    on_progress: Progress = say_nothing,
) -> HandOverSummary:
    """Give every new lead of a batch to its owner; repeating it goes on with what is left.

    Args:
        database: The product's database.
        salesforce: The org.
        routing: The routing rules.
        batch_id: The batch.
        run_id: The run, for log and lease.
        actor: Who started it, for the log.
        now: The clock, aware UTC.
        on_progress: Told the stage, the leads done and the leads in all.

    Raises:
        GateClosedError: A blocking gate before the hand-over failed, never ran, or looked before the last write.
        LeaseHeldError: Another run works on this batch.
        WritesRefusedError: Salesforce refuses every such write until somebody mends the org.
    """
    require_gates(database, batch_id=batch_id, stage="handover")
    tools = WriteTools(now=now, wait=time.sleep, on_progress=on_progress)
    with open_session(
        database, salesforce, tools, WriteLimits(), batch_id=batch_id, run_id=run_id, actor=actor
    ) as session:
        return hand_over_session(session, salesforce, routing)


def hand_over_session(session: WriteSession, salesforce: HandOverCrm, routing: RoutingRules) -> HandOverSummary:
    """Hand over the new leads of a held batch; the part that a simulation drives with ports of its own."""
    with session.database.transaction() as connection:
        session.lease.beat(connection)
    stopped_reason = ""
    try:
        _carry_out(session, salesforce, routing)
    except ApiBudgetReachedError as error:
        stopped_reason = str(error)
    with session.database.transaction() as connection:
        states = handovers.count_states(connection, session.batch_id)
        waiting = handovers.read_waiting(connection, session.batch_id, run_id=session.run_id)
    return HandOverSummary(
        done=states[HandOverState.DONE],
        kept=states[HandOverState.KEPT],
        refused=states[HandOverState.REFUSED],
        waiting=states[HandOverState.PLANNED],
        without_owner=sum(lead.to_owner_id is None for lead in waiting),
        stopped_reason=stopped_reason,
    )


def _carry_out(session: WriteSession, salesforce: HandOverCrm, routing: RoutingRules) -> None:
    for turn in range(session.limits.max_passes):
        settle_open_writes(session)
        waiting = _read_waiting(session)
        if not waiting:
            return
        quiet = _find_quiet(session, waiting, is_first=not turn)
        left = _keep_taken(session, _credit_landed(session, quiet))
        intents = [_intent(session, lead) for lead in _assign(session, routing, left)]
        if intents:
            _send(session, intents, is_bulk=_may_use_bulk(session, salesforce, len(intents)))
        elif len(quiet) == len(waiting):
            return  # nobody is left whom a rule could place


def _may_use_bulk(session: WriteSession, salesforce: HandOverCrm, lead_count: int) -> bool:
    """Tell whether a job is worth it and the org itself refuses rows whose owner a person chose."""
    if lead_count <= session.limits.hand_over_bulk_threshold:
        return False
    is_guarded = OWNER_RULE in salesforce.active_validation_rules(OBJECT_NAME)
    with session.database.transaction() as connection:
        keep_owner_guard(connection, is_active=is_guarded, at=session.tools.now())
    return is_guarded


def _send(session: WriteSession, intents: Sequence[WriteIntent], *, is_bulk: bool) -> None:
    size = session.limits.bulk_job_rows if is_bulk else session.limits.plan_page_leads
    send = deliver_in_bulk if is_bulk else deliver
    for start in range(0, len(intents), size):
        page = intents[start : start + size]
        send(session, page)
        session.tools.on_progress("hand_over", start + len(page), len(intents))


def _read_waiting(session: WriteSession) -> list[WaitingLead]:
    with session.database.transaction() as connection:
        return handovers.read_waiting(connection, session.batch_id, run_id=session.run_id)


def _find_quiet(session: WriteSession, waiting: Sequence[WaitingLead], *, is_first: bool) -> list[WaitingLead]:
    """Return the leads in whose last second no edit can hide.

    What was read back serves the first turn, but for leads that somebody changed within the second of that reading: a
    rep who edits a lead and then takes it within that second leaves its LastModifiedDate as it was.
    """
    quiet = [lead for lead in waiting if is_first and _was_quiet(lead)]
    known = {lead.facts.dievio_lead_id for lead in quiet}
    loud = [lead for lead in waiting if lead.facts.dievio_lead_id not in known]
    return [*quiet, *_read_again(session, loud)] if loud else quiet


def _was_quiet(lead: WaitingLead) -> bool:
    if lead.last_modified_at is None:
        return True  # gone, which nobody undoes unseen
    return lead.read_at is not None and is_quiet(lead.last_modified_at, read_at=lead.read_at)


def _read_again(session: WriteSession, waiting: Sequence[WaitingLead]) -> list[WaitingLead]:
    """Read leads whose first try did not count as they are now; one whose last second is not over yet waits for it."""
    queries = list(soql_in_chunks(OWNER_QUERY, name="ids", members=[lead.salesforce_id for lead in waiting]))
    session.tools.wait(session.limits.quiet_wait_seconds)
    began_at = session.tools.now()
    rows = [row for page in session.salesforce.query_many(queries, include_deleted=True) for row in page]
    read_at = (session.salesforce.server_time or began_at) - (session.tools.now() - began_at)
    found = {str(row["Id"]): row for row in rows}
    fresh = [_refreshed(lead, found.get(lead.salesforce_id)) for lead in waiting]
    return [lead for lead in fresh if is_quiet(lead.last_modified_at, read_at=read_at)]


def _refreshed(lead: WaitingLead, row: Mapping[str, object] | None) -> WaitingLead:
    if row is None or row.get("IsDeleted") is True or row.get("IsConverted") is True:
        return replace(lead, is_missing=True)
    return replace(
        lead,
        owner_id=str(row[OWNER_FIELD]),
        last_modified_at=read_moment(row["LastModifiedDate"]),
        receipt=str(row[RECEIPT_FIELD]) if row.get(RECEIPT_FIELD) else None,
        is_missing=False,
    )


def _credit_landed(session: WriteSession, leads: Sequence[WaitingLead]) -> list[WaitingLead]:
    """Credit what the reading shows to have landed after it was given up, and return the leads that still wait.

    It may also be an update by another batch, whose receipt a hand-over would take away before anybody had seen it.
    """
    landed = credit_receipts(session, _receipts(leads))
    done = {intent.dievio_lead_id for intent in landed if intent.purpose is WritePurpose.HAND_OVER}
    return [lead for lead in leads if lead.facts.dievio_lead_id not in done]


def _receipts(leads: Sequence[WaitingLead]) -> dict[str, str]:
    """Return receipt -> record of those leads that carry one of ours."""
    receipts: dict[str, str] = {}
    for lead in leads:
        with suppress(ValueError):  # the field may hold what a person typed
            receipts[str(UUID(lead.receipt or ""))] = lead.salesforce_id
    return receipts


def _keep_taken(session: WriteSession, leads: Sequence[WaitingLead]) -> list[WaitingLead]:
    """Note leads that a person took, converted or deleted, and return the others.

    An owner other than expected may also be our own choice, landed after it was given up: that is credited instead.
    """
    taken = {lead.facts.dievio_lead_id: lead for lead in leads if _is_taken(lead)}
    ours = credit_void_writes(session, taken, purpose=WritePurpose.HAND_OVER) if taken else frozenset()
    kept = [_kept(lead) for lead_id, lead in taken.items() if lead_id not in ours]
    with session.database.transaction() as connection:
        session.lease.beat(connection)
        handovers.save_handovers(connection, session.batch_id, kept)
    return [lead for lead in leads if lead.facts.dievio_lead_id not in taken]


def _is_taken(lead: WaitingLead) -> bool:
    is_owned_by_other = lead.holding_owner_id is not None and lead.owner_id != lead.holding_owner_id
    return lead.is_missing or is_owned_by_other or lead.last_modified_at is None


def _kept(lead: WaitingLead) -> HandOver:
    return HandOver(
        dievio_lead_id=lead.facts.dievio_lead_id,
        salesforce_id=lead.salesforce_id,
        rule="kept",
        from_owner_id=lead.holding_owner_id,
        to_owner_id=lead.owner_id or "",
        state=HandOverState.KEPT,
        reason="the record is gone or converted" if lead.is_missing else "a person chose an owner first",
    )


def _assign(session: WriteSession, routing: RoutingRules, leads: Sequence[WaitingLead]) -> list[WaitingLead]:
    """Return the leads with their owners; new assignments are committed before anything is sent."""
    with session.database.transaction() as connection:
        session.lease.beat(connection)
        assignments = route_leads(
            [lead.facts for lead in leads if lead.to_owner_id is None],
            routing,
            handovers.read_roster(connection),
            assigned_before=handovers.count_assigned_by_rule(connection),
        )
        by_lead = {assignment.dievio_lead_id: assignment for assignment in assignments}
        new = [
            _planned(lead, by_lead[lead.facts.dievio_lead_id]) for lead in leads if lead.facts.dievio_lead_id in by_lead
        ]
        handovers.save_handovers(connection, session.batch_id, new)
    owners = {entry.dievio_lead_id: entry.to_owner_id for entry in new}
    assigned = [replace(lead, to_owner_id=owners.get(lead.facts.dievio_lead_id, lead.to_owner_id)) for lead in leads]
    return [lead for lead in assigned if lead.to_owner_id is not None]


def _planned(lead: WaitingLead, assignment: Assignment) -> HandOver:
    return HandOver(
        dievio_lead_id=lead.facts.dievio_lead_id,
        salesforce_id=lead.salesforce_id,
        rule=assignment.rule,
        from_owner_id=lead.owner_id,
        to_owner_id=assignment.owner_id,
        state=HandOverState.PLANNED,
        reason=f"rule {assignment.rule}",
    )


def _intent(session: WriteSession, lead: WaitingLead) -> WriteIntent:
    op_id = session.tools.new_id()
    return WriteIntent(
        op_id=op_id,
        batch_id=session.batch_id,
        run_id=session.run_id,
        dievio_lead_id=lead.facts.dievio_lead_id,
        raw_lead_id=lead.raw_lead_id,
        person_key=person_key(lead.keys, lead.facts.dievio_lead_id),
        purpose=WritePurpose.HAND_OVER,
        kind=WriteKind.UPDATE,
        object_name=OBJECT_NAME,
        salesforce_id=lead.salesforce_id,
        payload={OWNER_FIELD: lead.to_owner_id, RECEIPT_FIELD: str(op_id)},
        before={OWNER_FIELD: lead.owner_id},
        base_last_modified_at=lead.last_modified_at,
        mapping_version=lead.mapping_version,
        reason_code="hand_over",
        attempt=lead.refusal_count + 1,
    )

"""Adds the leads of a passed batch to their Campaigns, after they were handed over. Nobody is taken out or changed.

A membership has no receipt and needs none: Campaign and person together are its identity, which the org holds at most
once. So each send follows a reading of who is a member, and whatever has no clear answer is read, not repeated.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from lead_pipeline.domain.campaigns import (
    MEMBER_OBJECT,
    PERSON_FIELDS,
    SHORT_ID_CHARS,
    CampaignRules,
    Membership,
    MembershipEnd,
    MembershipState,
    end_of_answer,
    end_of_reading,
)
from lead_pipeline.domain.record_answers import RecordAnswer
from lead_pipeline.errors import ApiBudgetReachedError, HandOverUnfinishedError, StopError
from lead_pipeline.salesforce.soql import allowed_names, soql_in_chunks
from lead_pipeline.services.gates import require_gates
from lead_pipeline.services.hand_over import HandOverSummary
from lead_pipeline.services.write import open_session
from lead_pipeline.services.writing.delivery import pause_if_asked, retry_wait
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.services.writing.ports import Clock, CrmWriter, Progress, WriteSession, WriteTools, say_nothing
from lead_pipeline.store import campaigns
from lead_pipeline.store.database import Database

MEMBER_QUERY = "SELECT Id, {person} FROM CampaignMember WHERE CampaignId = {campaign_id} AND {person} IN {ids}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary:
    """How the memberships of a batch stand, over all its runs."""

    added_by_run: int = 0
    added: int = 0
    present: int = 0  # members before us
    refused: int = 0
    unknown: int = 0  # sent, and not found so far: the next run reads again
    waiting: int = 0
    stopped_reason: str = ""

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster; none where no Campaign is configured."""
        if self == CampaignSummary():
            return {}
        return {
            "campaign_members_added": self.added,
            "campaign_members_present": self.present,
            "campaign_members_refused": self.refused,
            "campaign_members_unknown": self.unknown,
            "campaign_members_waiting": self.waiting,
            "campaigns_stopped_reason": self.stopped_reason,
        }


def join_campaigns(
    database: Database,
    salesforce: CrmWriter,
    rules: CampaignRules,
    *,
    batch_id: str,
    run_id: str,
    actor: str,
    now: Clock,
    on_progress: Progress = say_nothing,
) -> CampaignSummary:
    """Add the leads of a batch to their Campaigns; repeating it adds nobody twice and asks nothing when all is done.

    Args:
        database: The product's database.
        salesforce: The org.
        rules: Which Campaign a saved search has; without any, nothing is asked and nothing is done.
        batch_id: The batch.
        run_id: The run, for log and lease.
        actor: Who started it, for the log.
        now: The clock, aware UTC.
        on_progress: Told the stage, the people done and the people in all.

    Raises:
        GateClosedError: A blocking gate before the hand-over failed or never ran.
        LeaseHeldError: Another run works on this batch.
        StopError: Salesforce refuses every membership until somebody mends the org.
    """
    if not rules.is_on:
        return CampaignSummary()
    require_gates(database, batch_id=batch_id, stage="handover")
    tools = WriteTools(now=now, wait=time.sleep, on_progress=on_progress)
    with open_session(
        database, salesforce, tools, WriteLimits(), batch_id=batch_id, run_id=run_id, actor=actor
    ) as session:
        return join_campaigns_session(session, rules)


def join_campaigns_session(session: WriteSession, rules: CampaignRules) -> CampaignSummary:
    """Add the leads of a held batch to their Campaigns; the part that a test drives with ports of its own."""
    with session.database.transaction() as connection:
        session.lease.beat(connection)
        campaigns.plan_memberships(connection, session.batch_id, rules, at=session.tools.now())
    stopped_reason = ""
    try:
        _carry_out(session)
    except ApiBudgetReachedError as error:
        stopped_reason = str(error)
    with session.database.transaction() as connection:
        states = campaigns.count_states(connection, session.batch_id)
        added_by_run = campaigns.count_added(connection, session.batch_id, run_id=session.run_id)
    return CampaignSummary(
        added_by_run=added_by_run,
        added=states[MembershipState.ADDED],
        present=states[MembershipState.PRESENT],
        refused=states[MembershipState.REFUSED],
        unknown=states[MembershipState.SENT],
        waiting=states[MembershipState.PLANNED],
        stopped_reason=stopped_reason,
    )


def require_finished(batch_id: str, handed_over: HandOverSummary, members: CampaignSummary) -> None:
    """Let nobody wait in silence: a run that left something for later has not ended well.

    Raises:
        HandOverUnfinishedError: The share of calls was spent, or people are not known to be in their Campaign.
    """
    reasons = list(dict.fromkeys(reason for reason in (handed_over.stopped_reason, members.stopped_reason) if reason))
    left = members.waiting + members.unknown
    if left and not members.stopped_reason:
        reasons.append(
            f"{left:,} of the Campaign members got no clear answer, or the org turned them away for the time being"
        )
    if reasons:
        raise HandOverUnfinishedError(batch_id, reasons=reasons)


def _carry_out(session: WriteSession) -> None:
    """Read, send and read again until everybody has an end; the last turn only reads."""
    for turn in range(session.limits.retries.attempts + 1):
        with session.database.transaction() as connection:
            session.lease.beat(connection)
            waiting = campaigns.read_open(connection, session.batch_id)
        if not waiting:
            return
        if turn:
            session.tools.wait(retry_wait(session, turn))
        done = 0
        for page in _pages(waiting, session.limits.target_read_records):
            absent = _read_members(session, page)
            if turn < session.limits.retries.attempts:
                _send(session, absent)
            done += len(page)
            session.tools.on_progress("join_campaigns", done, len(waiting))


def _pages(waiting: Sequence[Membership], size: int) -> Iterator[list[Membership]]:
    """Yield people of one Campaign and one kind, at most so many at a time."""
    for _, group in groupby(waiting, key=lambda member: (member.campaign_id, member.object_name)):
        members = list(group)
        yield from (members[start : start + size] for start in range(0, len(members), size))


def _read_members(session: WriteSession, page: Sequence[Membership]) -> list[Membership]:
    """Settle those who are members, and return the others."""
    person = PERSON_FIELDS[page[0].object_name]
    queries = list(
        soql_in_chunks(
            MEMBER_QUERY,
            name="ids",
            members=[member.salesforce_id for member in page],
            person=allowed_names([person], allowed=PERSON_FIELDS.values()),
            campaign_id=page[0].campaign_id,
        )
    )
    rows = [row for answer in session.salesforce.query_many(queries) for row in answer]
    found = {str(row[person])[:SHORT_ID_CHARS]: str(row["Id"]) for row in rows}
    _settle(
        session,
        [
            end_of_reading(member, found[member.salesforce_id[:SHORT_ID_CHARS]])
            for member in page
            if member.salesforce_id[:SHORT_ID_CHARS] in found
        ],
    )
    return [member for member in page if member.salesforce_id[:SHORT_ID_CHARS] not in found]


def _send(session: WriteSession, members: Sequence[Membership]) -> None:
    size = session.limits.collection_records
    for start in range(0, len(members), size):
        chunk = members[start : start + size]
        session.require_budget()
        with session.database.transaction() as connection:
            session.lease.beat(connection)
            campaigns.note_sent(connection, session.batch_id, chunk, run_id=session.run_id, at=session.tools.now())
        answers = _insert(session, chunk)
        _settle(session, [end_of_answer(member, answer) for member, answer in zip(chunk, answers, strict=True)])
        pause_if_asked(session, answers)


def _insert(session: WriteSession, chunk: Sequence[Membership]) -> list[RecordAnswer]:
    try:
        return session.salesforce.insert_records(MEMBER_OBJECT, [member.payload for member in chunk])
    except StopError:
        # The client raises only for calls that were not executed: all of these stand as before.
        _settle(session, [MembershipEnd(membership=member, state=member.state) for member in chunk])
        raise


def _settle(session: WriteSession, ends: Iterable[MembershipEnd]) -> None:
    kept = list(ends)
    if not kept:
        return
    with session.database.transaction() as connection:
        session.lease.beat(connection)
        campaigns.settle_memberships(
            connection,
            session.batch_id,
            kept,
            run_id=session.run_id,
            actor=session.actor,
            at=session.tools.now(),
        )

"""The two commits around every write, one transaction each: its intent before it leaves, its end after the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer
from lead_pipeline.domain.refusals import CODES_OF_DRIFT
from lead_pipeline.domain.settlements import LogOperation, Settlement, settle_answer
from lead_pipeline.domain.write_protocol import IntentState, NextStep, WriteIntent, decide_next_step
from lead_pipeline.errors import PlanOutdatedError, WritesRefusedError
from lead_pipeline.services.writing.ports import CrashPoint, WriteSession
from lead_pipeline.store import writes
from lead_pipeline.store.writes import UnseenSince


def commit_intents(
    session: WriteSession, intents: Sequence[WriteIntent], *, seen_at: datetime | None = None
) -> list[WriteIntent]:
    """Commit writes before they leave and return those that are ours to send.

    A person with an open write elsewhere, or with a record that our reading cannot have seen, is left out; that lead
    waits for the next pass or run. So is a record that we wrote since, where a job is to write it without a condition.

    Args:
        session: The run's hold on the batch.
        intents: The writes.
        seen_at: Our clock when the reading began that their plans rest on; now, where nobody says.
    """
    sent_at = session.tools.now()
    late = timedelta(seconds=session.limits.late_commit_seconds)
    unseen = UnseenSince(seen_at=seen_at or sent_at, given_up_since=sent_at - late)
    session.tools.reach(CrashPoint.BEFORE_INTENT_COMMIT)
    with session.database.transaction() as connection:
        session.lease.beat(connection)
        ours = writes.insert_intents(connection, intents, sent_at=session.tools.now(), unseen=unseen)
    session.tools.reach(CrashPoint.AFTER_INTENT_COMMIT)
    return [intent for intent in intents if intent.op_id in ours]


def record_answers(session: WriteSession, intents: Sequence[WriteIntent], answers: Mapping[UUID, RecordAnswer]) -> None:
    """Record what the answers make of writes; one without an answer is unknown.

    Raises:
        PlanOutdatedError: Fields changed since these writes were planned: those they were refused for are planned anew.
        WritesRefusedError: An answer says that every further write would fail the same way.
    """
    session.tools.reach(CrashPoint.AFTER_ANSWER)
    judged = [(intent, answers[intent.op_id]) for intent in intents if intent.op_id in answers]
    steps = [(intent, answer, _judge(session, intent, answer)) for intent, answer in judged]
    is_outdated = any(_may_be_drift(entry) for entry in steps) and session.fields.have_fields_changed()
    if is_outdated:
        steps = [(*entry[:2], NextStep.REPLAN) if _may_be_drift(entry) else entry for entry in steps]
    settlements = [settle_answer(intent, answer, step) for intent, answer, step in steps]
    settlements += [leave_unknown(intent) for intent in intents if intent.op_id not in answers]
    record(session, settlements)
    if is_outdated:
        raise PlanOutdatedError
    stops = [settlement for settlement, (_, _, step) in zip(settlements, steps, strict=False) if step is NextStep.STOP]
    if stops and (refusal := stops[0].refusal) is not None:
        fields = stops[0].answer.fields if stops[0].answer is not None else ()
        raise WritesRefusedError(cause=refusal.cause, fields=fields, repair=refusal.repair)


def record(session: WriteSession, settlements: Sequence[Settlement]) -> None:
    """Record ends of writes in one transaction, if the batch is still ours."""
    with session.database.transaction() as connection:
        session.lease.beat(connection)
        writes.record_settlements(connection, settlements, actor=session.actor, at=session.tools.now())
    session.tools.reach(CrashPoint.AFTER_RESULT_COMMIT)


def void_unsent(session: WriteSession, intents: Sequence[WriteIntent]) -> None:
    """Record that writes never left, because the call before them ended the sending."""
    record(session, [_void(intent) for intent in intents])


def leave_unknown(intent: WriteIntent) -> Settlement:
    """Return the note that nobody knows yet what became of a write."""
    return Settlement(op_id=intent.op_id, state=IntentState.UNKNOWN, operation=LogOperation.FAIL)


def _void(intent: WriteIntent) -> Settlement:
    return Settlement(
        op_id=intent.op_id, state=IntentState.VOID, operation=LogOperation.FAIL, salesforce_id=intent.salesforce_id
    )


def _may_be_drift(entry: tuple[WriteIntent, RecordAnswer, NextStep]) -> bool:
    """Tell whether a refusal may come from a field that was changed after the write was planned."""
    _, answer, step = entry
    return step in {NextStep.STOP, NextStep.DEAD_LETTER} and answer.error_code in CODES_OF_DRIFT


def _judge(session: WriteSession, intent: WriteIntent, answer: RecordAnswer) -> NextStep:
    step = decide_next_step(intent, answer)
    is_bulk = intent.bulk_job_id is not None and answer.kind is AnswerKind.NOT_DONE
    if step is NextStep.RETRY and is_bulk and intent.attempt < session.limits.retries.attempts:
        return NextStep.REPLAN  # the rows of a job cannot be sent again one by one; the next pass takes them up
    return step

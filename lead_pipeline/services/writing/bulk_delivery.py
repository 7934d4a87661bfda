"""Sends many writes as one Bulk job and accounts for every row of its results.

The job's id is committed with the intents before a row is uploaded, so that any later process can ask what became of
them. Calls of a few records are `delivery`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from lead_pipeline.domain.call_costs import INSERT_JOB_CALLS, REFUSED_ROWS_CALLS, UPDATE_JOB_CALLS
from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer, Remedy
from lead_pipeline.domain.write_protocol import RECEIPT_FIELD, WriteIntent, WriteKind
from lead_pipeline.errors import LeadPipelineError, PlanOutdatedError, RetryableError, WritesRefusedError
from lead_pipeline.services.writing.delivery import deliver
from lead_pipeline.services.writing.ports import CrashPoint, JobProgress, WriteSession
from lead_pipeline.services.writing.recording import commit_intents, leave_unknown, record, record_answers, void_unsent

_ResultKind = Literal["successful", "failed", "unprocessed"]

JOB_CALLS = max(INSERT_JOB_CALLS, UPDATE_JOB_CALLS + REFUSED_ROWS_CALLS)
OPEN_JOB = "open"  # not closed: no row of it was touched
ABORTED_JOB = "aborted"
FAILED_JOB = "failed"
COMPLETE_JOB = "job_complete"


def deliver_in_bulk(session: WriteSession, intents: Sequence[WriteIntent], *, seen_at: datetime | None = None) -> int:
    """Commit, send and record writes of one kind to one object as a job; return how many were sent.

    Args:
        session: The run's hold on the batch.
        intents: The writes.
        seen_at: Our clock when the reading began that the plans rest on.

    Raises:
        ApiBudgetReachedError: The product's share of calls is spent; nothing was sent.
        PlanOutdatedError: Fields of the org changed since the writes were planned.
        WritesRefusedError: Salesforce refuses every write of this kind.
    """
    session.require_budget(JOB_CALLS)
    object_name = intents[0].object_name
    job_id = session.salesforce.create_bulk_job(object_name, _operation(intents[0]))
    session.tools.reach(CrashPoint.AFTER_JOB_CREATION)
    ours = commit_intents(session, [replace(intent, bulk_job_id=job_id) for intent in intents], seen_at=seen_at)
    if not ours:
        _give_up_job(session, job_id)
    elif _start_job(session, job_id, ours):
        pause = _expected_seconds(session, len(ours))
        _pause(session, pause)
        settle_job(session, job_id, ours, pause=pause)
    return len(ours) + _deliver_the_rest(session, intents, ours)


def _deliver_the_rest(session: WriteSession, intents: Sequence[WriteIntent], ours: Sequence[WriteIntent]) -> int:
    """Send the updates that a job may not carry with their condition, which tells whether their plan is outdated."""
    carried = {intent.op_id for intent in ours}
    rest = [intent for intent in intents if intent.op_id not in carried and intent.kind is WriteKind.UPDATE]
    return deliver(session, rest) if rest else 0


def settle_job(
    session: WriteSession, job_id: str, intents: Sequence[WriteIntent], *, pause: float | None = None
) -> None:
    """Wait for a job's end and record every row; a job that was never closed, or failed at once, has touched nothing.

    Rows without an answer of their own stay unknown, and so does everything when the job cannot be read.

    Args:
        session: The run's hold on the batch.
        job_id: The job.
        intents: Its rows.
        pause: Seconds waited since the job began; None where nobody knows.
    """
    try:
        job = _wait_for_job(session, job_id, pause=pause, row_count=len(intents))
        if job.state == OPEN_JOB:
            # From now on not even the process that opened it can close it, should it be alive after all.
            session.salesforce.abort_bulk_job(job_id)
            job = session.salesforce.read_bulk_job(job_id)
        is_untouched = job.state in {ABORTED_JOB, FAILED_JOB} and not job.processed_count
        answers = _read_answers(session, job_id, job, intents) if job.is_final and not is_untouched else {}
    except RetryableError:
        record(session, [leave_unknown(intent) for intent in intents])
        return
    if is_untouched:
        void_unsent(session, intents)
    else:
        record_answers(session, intents, answers)
    if is_untouched and job.state == FAILED_JOB:
        # A job that dies before its first row meets a fault of the set-up: the next one would die the same way.
        if session.fields.have_fields_changed():
            raise PlanOutdatedError
        raise WritesRefusedError(
            cause=f"a Bulk job failed before its first row: {job.message}",
            fields=(),
            repair="Mend the mapping or the org, then run again",
        )


def _operation(intent: WriteIntent) -> Literal["insert", "update"]:
    return "insert" if intent.kind is WriteKind.INSERT else "update"


def _start_job(session: WriteSession, job_id: str, intents: Sequence[WriteIntent]) -> bool:
    """Upload and close; False when nothing can have begun, so that nothing has to be waited for."""
    try:
        session.salesforce.upload_bulk_rows(job_id, [_row(intent) for intent in intents])
    except LeadPipelineError as error:
        void_unsent(session, intents)  # an upload alone writes nothing: only closing lets the org begin
        _give_up_job(session, job_id)
        if isinstance(error, RetryableError):
            return False
        raise
    session.tools.reach(CrashPoint.AFTER_JOB_UPLOAD)
    # Whether it was closed is what the next reading of the job tells.
    with suppress(LeadPipelineError):
        session.salesforce.close_bulk_job(job_id)
    session.tools.reach(CrashPoint.AFTER_JOB_CLOSE)
    return True


def _give_up_job(session: WriteSession, job_id: str) -> None:
    """Abort a job that nobody will close: left open, it would count against the org's limit for a week."""
    with suppress(LeadPipelineError):
        session.salesforce.abort_bulk_job(job_id)


def _row(intent: WriteIntent) -> dict[str, object]:
    target = {"Id": intent.salesforce_id} if intent.salesforce_id is not None else {}
    return {**target, **intent.payload, **intent.guard_values}


def _expected_seconds(session: WriteSession, row_count: int) -> float:
    """Return how long the org needs for so many rows: each look before costs a call and tells nothing."""
    return _within_bounds(session, row_count / session.limits.job_rows_per_second)


def _wait_for_job(session: WriteSession, job_id: str, *, pause: float | None, row_count: int) -> JobProgress:
    """Look at a job until it ends, as seldom as its pace allows: each look is a call."""
    limits = session.limits
    seen = 0 if pause is not None else row_count  # rows done at the last look; without one there is no pace yet
    pause, waited = pause or limits.job_poll_seconds, 0.0
    growth = 1.0
    while True:
        job = session.salesforce.read_bulk_job(job_id)
        if job.is_final or job.state == OPEN_JOB or waited >= limits.max_job_wait_seconds:
            return job
        done, left = job.processed_count - seen, row_count - job.processed_count
        has_pace = done > 0 and left > 0
        wanted = pause * left / done * limits.job_pace_margin if has_pace else pause * growth
        pause, growth, seen = _within_bounds(session, wanted), limits.job_poll_growth, job.processed_count
        _pause(session, pause)
        waited += pause


def _within_bounds(session: WriteSession, seconds: float) -> float:
    return min(max(seconds, session.limits.job_poll_seconds), session.limits.max_job_poll_seconds)


def _pause(session: WriteSession, seconds: float) -> None:
    session.tools.wait(seconds)
    with session.database.transaction() as connection:
        session.lease.beat(connection)


def _read_answers(
    session: WriteSession, job_id: str, job: JobProgress, intents: Sequence[WriteIntent]
) -> dict[UUID, RecordAnswer]:
    """Return the answer of every row, keyed by the receipt it carries; read only where the job does not tell them.

    Of updates that a job carried out to the end, only refused rows have anything to tell: the others are done, and
    their records known.
    """
    answers: dict[UUID, RecordAnswer] = {}
    is_carried_out = job.state == COMPLETE_JOB and job.processed_count >= len(intents)
    if is_carried_out and all(intent.kind is WriteKind.UPDATE for intent in intents):
        refused = _read_results(session, job_id, "failed") if job.failed_count else {}
        if len(refused) == job.failed_count:
            return {**{intent.op_id: _done(intent) for intent in intents}, **refused}
    for kind in _result_kinds(job, len(intents)):
        answers |= _read_results(session, job_id, kind)
    return answers


def _read_results(session: WriteSession, job_id: str, kind: _ResultKind) -> dict[UUID, RecordAnswer]:
    return {
        UUID(receipt): result.answer
        for result in session.salesforce.read_bulk_results(job_id, kind)
        if (receipt := result.row.get(RECEIPT_FIELD, ""))
    }


def _done(intent: WriteIntent) -> RecordAnswer:
    return RecordAnswer(kind=AnswerKind.DONE, remedy=Remedy.NONE, salesforce_id=intent.salesforce_id)


def _result_kinds(job: JobProgress, sent_count: int) -> Iterator[_ResultKind]:
    yield "successful"
    if job.failed_count:
        yield "failed"
    if job.processed_count < sent_count:
        yield "unprocessed"

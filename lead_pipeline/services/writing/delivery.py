"""Sends writes in calls of a few records and records every answer. Jobs of many rows are `bulk_delivery`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from lead_pipeline.domain.record_answers import AnswerKind, ConditionalUpdate, RecordAnswer, Remedy
from lead_pipeline.domain.write_protocol import WriteIntent, WriteKind
from lead_pipeline.errors import (
    ConfigurationError,
    CredentialsRefusedError,
    DeadLetterError,
    OrgAwayError,
    PlanOutdatedError,
    StopError,
)
from lead_pipeline.services.writing.ports import WriteSession
from lead_pipeline.services.writing.recording import commit_intents, record_answers, void_unsent

UNSENDABLE_CODE = "UNSENDABLE_VALUE"  # our own word: no call can carry the value


def deliver(session: WriteSession, intents: Sequence[WriteIntent], *, seen_at: datetime | None = None) -> int:
    """Commit, send and record writes of one kind to one object; return how many were sent.

    Args:
        session: The run's hold on the batch.
        intents: The writes.
        seen_at: Our clock when the reading began that creations rest on; updates carry a condition instead.

    Raises:
        ApiBudgetReachedError: The product's share of calls is spent; the rest was not sent.
        OrgAwayError: The org turned writes away on every try; they were not done, the rest was not sent.
        PlanOutdatedError: Fields of the org changed since the writes were planned; the rest was not sent.
        WritesRefusedError: Salesforce refuses every write of this kind.
        StopError: Credentials, permission or limits; the rest was not sent.
    """
    sent_count = 0
    for chunk in _chunks(intents, _call_size(session, intents)):
        session.require_budget()
        ours = commit_intents(session, chunk, seen_at=seen_at)
        if ours:
            _record(session, ours, _send(session, ours))
            sent_count += len(ours)
    return sent_count


def _record(session: WriteSession, intents: Sequence[WriteIntent], answers: Mapping[UUID, RecordAnswer]) -> None:
    """Record what was answered; what the org as a whole turned away stays planned, and ends the sending.

    A dead letter for each would ask people to replay what an hour mends by itself.
    """
    turned_away = [intent for intent in intents if _is_org_wide(answers[intent.op_id])]
    if turned_away:
        void_unsent(session, turned_away)
    record_answers(session, [intent for intent in intents if not _is_org_wide(answers[intent.op_id])], answers)
    if turned_away:
        raise OrgAwayError(answers[turned_away[0].op_id].error_code)


def _call_size(session: WriteSession, intents: Sequence[WriteIntent]) -> int:
    is_insert = bool(intents) and intents[0].kind is WriteKind.INSERT
    return session.limits.collection_records if is_insert else session.limits.composite_records


def _send(session: WriteSession, intents: Sequence[WriteIntent]) -> dict[UUID, RecordAnswer]:
    """Send writes; those refused for the time being are sent again, in smaller calls, until their tries are used up.

    Sending again is safe only because such a refusal means that nothing was done; an unknown answer never repeats.
    Smaller calls help rows that contend for a lock; an org that turns everything away is spared them.
    """
    answers: dict[UUID, RecordAnswer] = {}
    pending = list(intents)
    size = max(len(pending), 1)
    for turn in range(session.limits.retries.attempts):
        if turn:
            session.tools.wait(retry_wait(session, turn))
            if not all(_is_org_wide(answers[intent.op_id]) for intent in pending):
                size = max(size // session.limits.shrink_factor, 1)
        for chunk in _chunks(pending, size):
            latest = _send_or_void(session, chunk, unanswered=[i for i in intents if i.op_id not in answers])
            answers |= latest
            pause_if_asked(session, latest.values())
        pending = [intent for intent in pending if _may_retry(answers[intent.op_id])]
        if not pending:
            break
    return answers


def _send_or_void(
    session: WriteSession, chunk: Sequence[WriteIntent], *, unanswered: Sequence[WriteIntent]
) -> dict[UUID, RecordAnswer]:
    try:
        answers = _call(session, chunk)
    except DeadLetterError as error:
        return _send_one_by_one(session, chunk, error, unanswered=unanswered)
    except StopError as error:
        # The client raises only for calls that were not executed; nothing of what has no answer has left.
        void_unsent(session, unanswered)
        is_refusal = isinstance(error, ConfigurationError) and not isinstance(error, CredentialsRefusedError)
        if is_refusal and session.fields.have_fields_changed():
            raise PlanOutdatedError from error
        raise
    return {intent.op_id: answer for intent, answer in zip(chunk, answers, strict=True)}


def _send_one_by_one(
    session: WriteSession, chunk: Sequence[WriteIntent], error: DeadLetterError, *, unanswered: Sequence[WriteIntent]
) -> dict[UUID, RecordAnswer]:
    """Keep one value that cannot be sent from holding up the others; such a call never left this machine."""
    if len(chunk) == 1:
        refused = RecordAnswer(
            kind=AnswerKind.NOT_DONE, remedy=Remedy.DEAD_LETTER, error_code=UNSENDABLE_CODE, message=str(error)
        )
        return {chunk[0].op_id: refused}
    answers: dict[UUID, RecordAnswer] = {}
    for intent in chunk:
        rest = [other for other in unanswered if other.op_id not in answers]
        answers |= _send_or_void(session, [intent], unanswered=rest)
    return answers


def _call(session: WriteSession, chunk: Sequence[WriteIntent]) -> list[RecordAnswer]:
    object_name = chunk[0].object_name
    if chunk[0].kind is WriteKind.INSERT:
        return session.salesforce.insert_records(object_name, [intent.payload for intent in chunk])
    return session.salesforce.update_conditionally(object_name, [_conditional(intent) for intent in chunk])


def _conditional(intent: WriteIntent) -> ConditionalUpdate:
    if intent.salesforce_id is None or intent.base_last_modified_at is None:
        raise ValueError(f"update {intent.op_id} names no record or no condition")
    return ConditionalUpdate(
        salesforce_id=intent.salesforce_id,
        fields={**intent.payload, **intent.guard_values},
        unmodified_since=intent.base_last_modified_at,
    )


def _is_org_wide(answer: RecordAnswer) -> bool:
    return _may_retry(answer) and answer.is_org_wide


def _may_retry(answer: RecordAnswer) -> bool:
    return answer.kind is AnswerKind.NOT_DONE and answer.is_transient


def retry_wait(session: WriteSession, turn: int) -> float:
    """Return the seconds to wait before a try is repeated; `turn` counts the repetitions from 1.

    Part of them is drawn by chance: processes that were refused over one lock must not come back together. A pause that
    the org asks for is waited before, by `pause_if_asked`, and not shortened.
    """
    return session.limits.retries.wait_seconds(turn, chance=session.tools.chance())


def pause_if_asked(session: WriteSession, answers: Iterable[RecordAnswer]) -> None:
    """Wait where the org asks for it at once: it means the next call, whether a retry or other records."""
    asked = max((answer.retry_after_seconds or 0.0 for answer in answers), default=0.0)
    if asked:
        session.tools.wait(min(asked, session.limits.max_asked_wait_seconds))


def _chunks(intents: Sequence[WriteIntent], size: int) -> Iterator[list[WriteIntent]]:
    return (list(intents[start : start + size]) for start in range(0, len(intents), size))

"""What became of one write: the value that the log, the outcome, the review queue and the dead letters are made from.

How an answer is judged is `write_protocol`; how a settlement is recorded, in one transaction, is `store/writes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.record_answers import RecordAnswer
from lead_pipeline.domain.refusals import Refusal
from lead_pipeline.domain.write_protocol import (
    SETTLING_PURPOSES,
    FoundRecord,
    IntentState,
    NextStep,
    WriteIntent,
    WriteKind,
    WritePurpose,
    explain,
)


class LogOperation(StrEnum):
    """What an entry of the log says was tried."""

    CREATE = "create"
    UPDATE = "update"
    SKIP = "skip"
    REVIEW = "review"
    FAIL = "fail"
    HAND_OVER = "hand_over"
    REVERT = "revert"
    JOIN_CAMPAIGN = "join_campaign"


class HandOverState(StrEnum):
    """Where the assignment of an owner stands."""

    PLANNED = "planned"
    DONE = "done"
    KEPT = "kept"  # a person chose an owner first
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The end of one write, or the note that its end is not known yet."""

    op_id: UUID
    state: IntentState
    operation: LogOperation
    outcome: Outcome | None = None  # None: the lead has not ended yet, or ended before (hand-over)
    hand_over_state: HandOverState | None = None
    salesforce_id: str | None = None
    refusal: Refusal | None = None
    answer: RecordAnswer | None = None
    candidates: tuple[Mapping[str, object], ...] = field(default_factory=tuple)

    @property
    def is_unknown(self) -> bool:
        """Whether only a reading can tell what became of it."""
        return self.state is IntentState.UNKNOWN

    @property
    def error_code(self) -> str:
        """The code of the refusal, empty for a success."""
        return self.answer.error_code if self.answer is not None else ""


_OPERATIONS: Mapping[WriteKind, LogOperation] = {
    WriteKind.INSERT: LogOperation.CREATE,
    WriteKind.UPDATE: LogOperation.UPDATE,
}
_OPERATIONS_BY_PURPOSE: Mapping[WritePurpose, LogOperation] = {
    WritePurpose.HAND_OVER: LogOperation.HAND_OVER,
    WritePurpose.REVERT: LogOperation.REVERT,
}
_STATES: Mapping[NextStep, IntentState] = {
    NextStep.APPLY: IntentState.APPLIED,
    NextStep.READ: IntentState.UNKNOWN,
}
_OUTCOMES: Mapping[NextStep, Outcome] = {
    NextStep.RETRY: Outcome.DEAD_LETTER,  # a transient refusal that used up its tries
    NextStep.DEAD_LETTER: Outcome.DEAD_LETTER,
    NextStep.REVIEW: Outcome.REVIEW,
}
_HAND_OVER_STATES: Mapping[NextStep, HandOverState] = {
    NextStep.APPLY: HandOverState.DONE,
    NextStep.REVIEW: HandOverState.KEPT,
    NextStep.RETRY: HandOverState.REFUSED,
    NextStep.DEAD_LETTER: HandOverState.REFUSED,
}


def settle_answer(intent: WriteIntent, answer: RecordAnswer, step: NextStep) -> Settlement:
    """Return what an answer makes of a write."""
    is_done = step is NextStep.APPLY
    is_refused = step not in _STATES
    return Settlement(
        op_id=intent.op_id,
        state=_STATES.get(step, IntentState.REFUSED),
        operation=LogOperation.FAIL if is_refused else _operation(intent),
        outcome=_outcome(intent, step),
        hand_over_state=_hand_over_state(intent, step),
        salesforce_id=answer.salesforce_id or intent.salesforce_id if is_done else intent.salesforce_id,
        refusal=explain(intent, answer) if is_refused else None,
        answer=answer,
        candidates=tuple(
            {"object_name": object_name, "salesforce_id": salesforce_id, "rule": "duplicate_rule", "score": None}
            for object_name, salesforce_id in answer.duplicate_candidates
        ),
    )


def settle_reading(
    intent: WriteIntent, found: FoundRecord | None, step: NextStep, *, refusal: Refusal | None
) -> Settlement:
    """Return what the reading of its record makes of an open write."""
    if step is NextStep.APPLY:
        return Settlement(
            op_id=intent.op_id,
            state=IntentState.APPLIED,
            operation=_operation(intent),
            outcome=_outcome(intent, step),
            hand_over_state=_hand_over_state(intent, step),
            salesforce_id=found.salesforce_id if found is not None else intent.salesforce_id,
        )
    return Settlement(
        op_id=intent.op_id,
        state=IntentState.VOID if refusal is None else IntentState.REFUSED,
        operation=LogOperation.FAIL,
        outcome=_outcome(intent, step),
        hand_over_state=_hand_over_state(intent, step),
        salesforce_id=intent.salesforce_id,
        refusal=refusal,
    )


def _operation(intent: WriteIntent) -> LogOperation:
    return _OPERATIONS_BY_PURPOSE.get(intent.purpose) or _OPERATIONS[intent.kind]


def _outcome(intent: WriteIntent, step: NextStep) -> Outcome | None:
    if intent.purpose not in SETTLING_PURPOSES:
        return None
    if step is NextStep.APPLY:
        return Outcome.CREATED if intent.kind is WriteKind.INSERT else Outcome.UPDATED
    return _OUTCOMES.get(step)


def _hand_over_state(intent: WriteIntent, step: NextStep) -> HandOverState | None:
    return _HAND_OVER_STATES.get(step) if intent.purpose is WritePurpose.HAND_OVER else None

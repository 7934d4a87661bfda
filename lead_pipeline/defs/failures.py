"""Why a run failed, in words: the product's own error behind each failed step, or behind a run that no step began.

Dagster wraps what a step raises in errors of its own; people get the sentence that the product wrote. A failed gate is
no error: its words are in the gate's own answer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import dagster as dg
from dagster._core.events import RunFailureReason
from dagster_shared.error import SerializableErrorInfo

from lead_pipeline import errors

FAILED_CHECK = "DagsterAssetCheckFailedError"
PASSING_ERRORS = (
    errors.RetryableError,
    errors.SystemUnreachableError,
    errors.DatabaseUnavailableError,
    errors.ApiBudgetReachedError,
    errors.PullFailedError,
    errors.LeaseHeldError,
    errors.LeaseLostError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailure:
    """One step that ended with an error. `message` holds what, where and how to mend it, and nothing personal.

    `is_passing` says that time alone may mend it: an outage, a spent share of API calls, another run's claim.
    """

    step: str
    message: str
    exit_code: int
    is_passing: bool = False


def explain_failures(events: Iterable[dg.DagsterEvent]) -> list[StepFailure]:
    """Return the errors of a run; steps that failed for the same reason are told once, gates not at all."""
    told: dict[str, StepFailure] = {}
    for event in events:
        step, error = _raised(event)
        failure = _explain(step, error)
        if failure is not None:
            told.setdefault(failure.message, failure)
    return list(told.values())


def _raised(event: dg.DagsterEvent) -> tuple[str, SerializableErrorInfo | None]:
    """Return the step of an event and what it raised, or nothing."""
    if event.is_step_failure:
        return event.step_key or "", event.step_failure_data.error
    if event.event_type is dg.DagsterEventType.RUN_FAILURE:
        data = event.job_failure_data
        # a run that a failed step ended repeats what the step said
        if data.failure_reason is not RunFailureReason.STEP_FAILURE:
            return "start of the run", data.error
    return "", None


def _explain(step: str, error: SerializableErrorInfo | None) -> StepFailure | None:
    chain = list(_causes(error))
    if not chain or any(link.cls_name == FAILED_CHECK for link in chain):
        return None
    # the outermost error of ours is the translated one; what lies behind it speaks the language of a library
    for link in chain:
        kind = getattr(errors, link.cls_name or "", None)
        if isinstance(kind, type) and issubclass(kind, errors.LeadPipelineError):
            return StepFailure(
                step=step,
                message=_plain_message(link.message),
                exit_code=kind.exit_code,
                is_passing=issubclass(kind, PASSING_ERRORS),
            )
    # the text of an unforeseen error may quote a row, so only its kind is told
    kind_name = chain[-1].cls_name or "an error without a name"
    return StepFailure(
        step=step,
        message=f"{step} stopped with {kind_name}, a fault of lead_pipeline. Report it with its trace in Dagit",
        exit_code=errors.LeadPipelineError.exit_code,
    )


def _causes(error: SerializableErrorInfo | None) -> Iterator[SerializableErrorInfo]:
    """Yield an error and what stands behind it, the outermost first."""
    while error is not None:
        yield error
        error = error.cause


def _plain_message(message: str) -> str:
    """Return an error's own sentence without the class path that the serialized form puts before it."""
    first, _, rest = message.strip().partition(": ")
    return rest if rest and " " not in first else message.strip()

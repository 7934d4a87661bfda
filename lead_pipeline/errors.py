"""Every error of the product, grouped by what to do next: retry, dead-letter, review or stop.

An adapter translates what an outside system says into one of these at its border, so that services decide by type and
never by text. Each class takes the facts as arguments and builds its own message: the culprit first, then the repair.
Messages hold ids, field names and counts; never names, addresses, phone numbers, tokens or raw response bodies.

How an answer of one outside system is classified belongs to that system's package, not here.
"""

from __future__ import annotations

from collections.abc import Sequence

from lead_pipeline.problems import ConfigurationProblem

MAX_SHOWN_PROBLEMS = 10  # of one refused deployment; the rest is counted


class LeadPipelineError(Exception):
    """Base of everything this product raises on purpose."""

    exit_code = 1


# --- Retry: the same call may succeed a moment later -----------------------------------------------------------------


class RetryableError(LeadPipelineError):
    """A temporary fault; safe to repeat within the retry policy of the caller."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TransportFaultError(RetryableError):
    """No complete answer arrived. `is_sent` tells whether the request may have reached the other side."""

    def __init__(self, system: str, call: str, *, cause: str, is_sent: bool) -> None:
        reached = "may have reached it" if is_sent else "did not reach it"
        super().__init__(f"{system}: {call} got no complete answer ({cause}); the request {reached}")
        self.is_sent = is_sent


class ServiceUnavailableError(RetryableError):
    """The other side answered that it cannot serve now (429, 5xx, lock contention)."""

    def __init__(
        self, system: str, call: str, *, status: int, code: str = "", retry_after_seconds: float | None = None
    ) -> None:
        detail = f"{status} {code}".strip()
        super().__init__(f"{system}: {call} is unavailable for now ({detail})", retry_after_seconds=retry_after_seconds)
        self.status = status
        self.code = code


class OrgAwayError(RetryableError):
    """Every try of a write was turned away for a reason that is the org's and not the record's; nothing was done."""

    def __init__(self, code: str) -> None:
        super().__init__(
            f"Salesforce turns every write away for the time being ({code}). What is left stays planned: "
            "run again once it has recovered"
        )


class HandOverUnfinishedError(RetryableError):
    """New leads wait for their owner, or people for their Campaign, and only time is needed to go on."""

    def __init__(self, batch_id: str, *, reasons: Sequence[str]) -> None:
        super().__init__(
            f"The hand-over of {batch_id} is not finished: {'; '.join(reasons)}. Run the batch again: it goes on with "
            "what is left"
        )


class PlanOutdatedError(RetryableError):
    """Fields of the org changed since the writes were planned; nothing of what is left was sent."""

    def __init__(self) -> None:
        super().__init__("Salesforce: fields changed since the writes were planned. Plan anew from what is there now")


# --- Dead-letter: this item can never be processed as it stands, the others can ---------------------------------------


class DeadLetterError(LeadPipelineError):
    """One item is unusable for good; it is set aside with its cause and the rest goes on."""


class InvalidIdentifierError(DeadLetterError):
    """An id that may not become part of a request. The id itself stays out of the text: it came from outside."""

    def __init__(self, kind: str, *, what: str) -> None:
        super().__init__(f"{kind} {what}; refused before any request was built")


class UnsendableValueError(DeadLetterError):
    """A value that the transport would turn into something else than what it says."""

    def __init__(self, field: str, *, what: str) -> None:
        super().__init__(f"{field} holds {what}, which must not be sent")
        self.field = field


# --- Stop: nothing sensible can follow in this run until somebody mends the cause -------------------------------------


class StopError(LeadPipelineError):
    """The run has to end here; what was done so far stays and the next run resumes."""


class ConfigurationError(StopError):
    """The configuration is wrong; the message names the place and the repair."""

    exit_code = 4

    def __init__(self, place: str, *, what: str, repair: str) -> None:
        super().__init__(f"{place}: {what}. {repair}")
        self.place = place
        self.what = what
        self.repair = repair


class InvalidDocumentError(ConfigurationError):
    """A configuration file or the environment has flaws; the message names all of them, one a line."""

    def __init__(self, problems: Sequence[ConfigurationProblem]) -> None:
        first = problems[0]
        super().__init__(first.place, what=first.what, repair=first.repair)
        self.args = ("\n".join(str(problem) for problem in problems),)
        self.problems = tuple(problems)


class CredentialsRefusedError(ConfigurationError):
    """A system refused our credentials; never retried, because repeated failures lock the account."""

    def __init__(self, system: str, *, code: str, settings: str) -> None:
        super().__init__(system, what=f"credentials refused ({code})", repair=f"Check {settings}")


class UntrustedConnectionError(ConfigurationError):
    """An address is reached, but no trusted encrypted connection comes about; nothing was sent."""

    def __init__(self, setting: str, *, flaw: str) -> None:
        repair = "Check its port, and the proxy or the certificate authorities of this machine"
        super().__init__(setting, what=flaw, repair=repair)


class SystemUnreachableError(StopError):
    """A system does not answer at its address."""

    def __init__(self, system: str, *, address: str, setting: str) -> None:
        super().__init__(f"{system} does not answer at {address}. Check {setting} and that the server is up")


class UnexpectedAnswerError(StopError):
    """A system answered in a form that its contract does not know."""

    def __init__(self, system: str, call: str, *, what: str) -> None:
        super().__init__(
            f"{system}: {call} answered {what}. Check that the address is the API and not a web page or proxy"
        )


class UnreadablePageError(UnexpectedAnswerError):
    """A paid call was answered with something that is no page; `body` keeps it, because it may have been billed."""

    def __init__(self, system: str, call: str, *, what: str, body: str) -> None:
        super().__init__(system, call, what=what)
        self.body = body


class RequestRefusedError(ConfigurationError):
    """A system refused what one request asks for; others may be fine. `reason` is masked by the caller."""

    def __init__(self, system: str, call: str, *, code: str, reason: str) -> None:
        said = f"{code}: {reason}" if reason else code
        super().__init__(f"{system} {call}", what=f"request refused ({said})", repair="Check the filters of the search")


class DatabaseUnavailableError(StopError):
    """The product's own database does not answer."""

    def __init__(self, *, address: str, cause: str) -> None:
        super().__init__(f"The database at {address} does not answer ({cause}). Check LEAD_PIPELINE_DATABASE_URL")


class MigrationChangedError(StopError):
    """An applied migration file no longer has the text it was applied with."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Migration {name} was changed after it was applied. Restore the file and add a new migration")


class OrgNotReadyError(ConfigurationError):
    """Org or database lack what no run can do without; the message names all of it, a single thing with its repair."""

    def __init__(self, findings: Sequence[tuple[str, str, str]]) -> None:
        """Take subject, flaw and repair of each."""
        subject, what, repair = findings[0]
        if len(findings) > 1:
            subject, what = "Org", f"not ready for a run: {', '.join(subject for subject, _, _ in findings)}"
            repair = "`lead-pipeline doctor` says what is wrong with each, and names the repair"
        super().__init__(subject, what=what, repair=repair)


class GateClosedError(StopError):
    """A stage was asked to go on although a gate before it failed or never ran."""

    exit_code = 3

    def __init__(self, batch_id: str, gates: tuple[str, ...], *, next_step: str = "See `lead-pipeline gates`") -> None:
        super().__init__(f"Batch {batch_id} may not go on: gate {', '.join(gates)} has not passed. {next_step}")
        self.gates = gates


class LeaseHeldError(StopError):
    """Another run works on the same batch."""

    def __init__(self, name: str, *, holder: str) -> None:
        super().__init__(f"{name} is being worked on by {holder}. Wait for it to end, then run again")


class LeaseLostError(StopError):
    """Another run took the work over, so that this one may record nothing more."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was taken over by another run while this one lost its database session. Run again")


class WritesRefusedError(StopError):
    """Salesforce refuses every write of this kind until somebody mends the org or the mapping."""

    def __init__(self, *, cause: str, fields: tuple[str, ...], repair: str) -> None:
        named = f" ({', '.join(fields)})" if fields else ""
        super().__init__(f"Salesforce: {cause}{named}. {repair}")
        self.fields = fields


class ApiBudgetReachedError(StopError):
    """The share of the daily Salesforce calls that this product may use is spent."""

    def __init__(self, *, used: int, allowed: int) -> None:
        super().__init__(
            f"Salesforce API budget reached: {used} of {allowed} calls. The rest stays planned; run again tomorrow"
        )


class OutOfCreditsError(StopError):
    """A paid system answered 402: the segment pauses, what arrived is kept."""

    def __init__(self, segment: str, *, system: str = "Dievio") -> None:
        super().__init__(f"Segment {segment} paused: the {system} balance is empty. Top up, then run again")
        self.segment = segment


class StageMissingError(StopError):
    """A stage was asked to work on rows that the stage before it has not made."""

    def __init__(self, batch_id: str, *, stage: str, count: int) -> None:
        super().__init__(f"Batch {batch_id} has {count} leads that the stage {stage} has not seen. Run {stage} first")
        self.stage = stage


class SchemaUnknownError(StopError):
    """Values cannot be checked, because the org was never asked about its fields."""

    def __init__(self, object_name: str) -> None:
        super().__init__(f"The fields of {object_name} are not known. Refresh the directory first")


class UnknownBatchError(StopError):
    """Somebody asked for a batch that does not exist."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(
            f"There is no batch {batch_id}. See `lead-pipeline status`, or run it with `lead-pipeline run --date`"
        )


class UnknownReportError(StopError):
    """Somebody asked for the report of a run that made none."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"Run {run_id} made no report. Give the whole id; `lead-pipeline report --date D` names those of a day"
        )


class UnknownRunError(StopError):
    """Somebody asked for a run that wrote nothing."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"Run {run_id} wrote nothing that could be undone. Give the whole id that `lead-pipeline log search` shows"
        )


class UnknownSubjectError(StopError):
    """Nobody is known by the id or address that somebody asked for; the address stays out of the text."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"Nobody is known by this {kind}. Check it, or look with `lead-pipeline log search`")


class LocalServerError(StopError):
    """A server of this machine (embedded database, sandbox) does not start or stop; the message is its own."""


class CreditBudgetReachedError(StopError):
    """The next call could spend more credits than a segment may; what arrived is kept."""

    def __init__(self, segment: str, *, spent: int, budget: int) -> None:
        super().__init__(
            f"Segment {segment} paused: {spent} of {budget} credits are spent or reserved. Raise its credit_budget"
        )


class EnrichmentBudgetReachedError(StopError):
    """Not one more look-up fits the day's credits; the rest of the run goes on without."""

    def __init__(self, subject: str, *, spent: int, budget: int, setting: str) -> None:
        super().__init__(
            f"Enrichment paused for {subject}: {spent:,} of {budget:,} credits of the day are spent or reserved. "
            f"Raise {setting} in enrichment.yaml"
        )
        self.subject = subject


class RepullRefusedError(StopError):
    """A batch was to be bought again although its leads have already been acted on."""

    def __init__(self, batch_id: str, *, settled: int) -> None:
        super().__init__(
            f"Batch {batch_id} cannot be pulled again: {settled} of its leads are already written or decided. "
            "Run another day, which goes on where this one ended"
        )


class PullFailedError(StopError):
    """Not one saved search of a batch could be pulled."""

    def __init__(self, batch_id: str, reasons: Sequence[str]) -> None:
        super().__init__(f"Batch {batch_id}: no segment could be pulled. {' · '.join(reasons)}")


class OrgSetupError(StopError):
    """Salesforce refuses the setup package; a refused deployment leaves the org as it was."""

    def __init__(self, problems: Sequence[str]) -> None:
        shown = " · ".join(problems[:MAX_SHOWN_PROBLEMS])
        more = len(problems) - MAX_SHOWN_PROBLEMS
        rest = f" · and {more} more" if more > 0 else ""
        super().__init__(
            f"The org refuses the setup: {shown}{rest}. Mend the mapping or the org, then run "
            "`lead-pipeline org apply` again"
        )


# --- Answers of people: the question or letter is not what they thought -----------------------------------------------


class UnknownCaseError(LeadPipelineError):
    """Somebody named a question or dead letter that does not exist."""

    def __init__(self, kind: str, number: int, *, command: str) -> None:
        super().__init__(f"There is no {kind} {number}. See `{command}`")


class ReviewItemClosedError(LeadPipelineError):
    """A question was answered while somebody else was still thinking about it; the first answer stands."""

    def __init__(self, review_item_id: int, *, decided_by: str, decided_at: str) -> None:
        super().__init__(
            f"Review item {review_item_id} was decided by {decided_by} at {decided_at}; nothing was changed"
        )


class DecisionRefusedError(LeadPipelineError):
    """A question does not take this answer."""

    def __init__(self, review_item_id: int, *, objection: str) -> None:
        super().__init__(f"Review item {review_item_id}: {objection}")


class NoLettersError(LeadPipelineError):
    """No open dead letter fits what somebody asked for."""

    def __init__(self) -> None:
        super().__init__("No open dead letter fits. See `lead-pipeline dlq list`")

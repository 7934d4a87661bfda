"""Asks the providers in their order, the next one only for what is still missing, and survives each of them.

A call is made and paid for in `buying`. What the answers do to the leads is decided afterwards, from what was stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lead_pipeline.domain.enrichment.budgets import ALL_SEGMENTS
from lead_pipeline.domain.enrichment.merging import ProviderFindings, fresh_findings, still_wanted
from lead_pipeline.domain.enrichment.policy import EnrichmentPolicy
from lead_pipeline.domain.enrichment.questions import AnswerState, PlannedCall, Question, plan_calls
from lead_pipeline.domain.enrichment.selection import Selection, ask_about
from lead_pipeline.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    EnrichmentBudgetReachedError,
    LeadPipelineError,
    OutOfCreditsError,
    TransportFaultError,
)
from lead_pipeline.services.enriching.buying import Buyer, Tools
from lead_pipeline.services.enriching.ports import EnrichmentProvider
from lead_pipeline.store.database import Database
from lead_pipeline.store.enrichment import read_findings
from lead_pipeline.store.enrichment_calls import refresh_statistics

MAX_FAILED_CALLS = 2  # in a row, retries included each time: then the provider counts as down for this run
PAGE_PEOPLE = 500  # people whose stored answers are in memory at a time: about thirty values each
FIRST_STATISTICS_CALLS = 25  # about the 500 rows from which on it pays elsewhere
CUT_SHORT, ELSEWHERE = "answer was cut short", "asked elsewhere, or its answer was lost twice"


class AlertKind(StrEnum):
    """What operations should hear."""

    BUDGET_NEARLY_SPENT = "budget_nearly_spent"
    BUDGET_SPENT = "budget_spent"
    OUT_OF_CREDITS = "out_of_credits"
    PROVIDER_DOWN = "provider_down"


@dataclass(slots=True)
class WaterfallLog:
    """What happened while providers were asked.

    Attributes:
        answered: Our id -> whether any provider knew the person, of those who were answered about.
        paused: Our ids whom budget or balance did not reach.
        parked: Provider -> our id -> why it has no answer.
        alerts: (kind, subject) -> words for operations.
        calls: Paid calls that were answered.
    """

    answered: dict[str, bool] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    parked: dict[str, dict[str, str]] = field(default_factory=dict)
    alerts: dict[tuple[str, str], str] = field(default_factory=dict)
    calls: int = 0

    def state_of(self, dievio_lead_id: str) -> str:
        """Return how far a person has come."""
        if dievio_lead_id in self.answered:
            return "answered"
        return "paused" if dievio_lead_id in self.paused else "parked"


class Waterfall:
    """One run over the providers.

    Args:
        database: Knows what was answered.
        providers: Name -> provider.
        policy: Order, thresholds and ages.
        buyer: Makes the calls.
        tools: The clock.
    """

    def __init__(
        self,
        database: Database,
        providers: Mapping[str, EnrichmentProvider],
        policy: EnrichmentPolicy,
        *,
        buyer: Buyer,
        tools: Tools,
    ) -> None:
        self._database = database
        self._providers = providers
        self._policy = policy
        self._buyer = buyer
        self._tools = tools
        self._stopped_segments: set[str] = set()
        self._statistics_at = FIRST_STATISTICS_CALLS
        self.log = WaterfallLog()

    def ask(self, selections: Sequence[Selection]) -> WaterfallLog:
        """Ask every provider about the people it is due for."""
        for name in self._policy.providers:
            due = [selection for selection in selections if name in selection.providers]
            wanted = self.find_wanted(due)
            questions = [
                ask_about(selection.candidate, wanted[selection.candidate.dievio_lead_id])
                for selection in due
                if wanted[selection.candidate.dievio_lead_id]
            ]
            self._ask_provider(self._providers[name], questions)
        return self.log

    def find_wanted(self, selections: Sequence[Selection]) -> dict[str, frozenset[str]]:
        """Return our id -> fields that no stored answer holds freshly and surely enough."""
        pages = (selections[start : start + PAGE_PEOPLE] for start in range(0, len(selections), PAGE_PEOPLE))
        return {name: fields for page in pages for name, fields in self._find_wanted_of(page).items()}

    def _find_wanted_of(self, selections: Sequence[Selection]) -> dict[str, frozenset[str]]:
        ids = [selection.candidate.dievio_lead_id for selection in selections]
        labels = {name: provider.capabilities.label for name, provider in self._providers.items()}
        with self._database.connect() as connection:
            found = read_findings(connection, ids, labels=labels)
        return {
            selection.candidate.dievio_lead_id: still_wanted(
                selection.wanted,
                in_order(found.get(selection.candidate.dievio_lead_id, {}), self._policy, tools=self._tools),
                self._policy.confidence,
            )
            for selection in selections
        }

    def _ask_provider(self, provider: EnrichmentProvider, questions: Sequence[Question]) -> None:
        asking = _Asking(provider=provider)
        for call in plan_calls(questions, provider.capabilities):
            self._make(asking, call)
        # A page that was cut short is followed up once: what it left out may still be there.
        unanswered, asking.unanswered = asking.unanswered, []
        for call in plan_calls(unanswered, provider.capabilities):
            self._make(asking, call)
        self._park(asking, asking.unanswered, cause=CUT_SHORT)

    def _make(self, asking: _Asking, call: PlannedCall) -> None:
        if asking.stop_cause:
            self._leave(asking, call.questions)
            return
        if {ALL_SEGMENTS, call.segment} & self._stopped_segments:
            self._pause(call.questions)
            return
        try:
            bought = self._buyer.buy(asking.provider, call)
        except DatabaseUnavailableError:
            raise
        except LeadPipelineError as fault:
            self._note_fault(asking, call, fault)
            return
        asking.failed_calls = 0
        self.log.calls += bool(bought.asked)
        self._refresh_statistics()
        self._pause(bought.unaffordable)
        self._park(asking, bought.unclaimed, cause=ELSEWHERE)
        by_id = {question.dievio_lead_id: question for question in bought.asked}
        for answer in bought.answers:
            if answer.state is AnswerState.UNANSWERED:
                asking.unanswered.append(by_id[answer.dievio_lead_id])
            else:
                was_found = answer.state is AnswerState.FOUND
                self.log.answered[answer.dievio_lead_id] = (
                    self.log.answered.get(answer.dievio_lead_id, False) or was_found
                )

    def _refresh_statistics(self) -> None:
        """Let the planner look again each time the answers have doubled."""
        if self.log.calls < self._statistics_at:
            return
        self._statistics_at *= 2
        with self._database.connect() as connection:
            refresh_statistics(connection)

    def _note_fault(self, asking: _Asking, call: PlannedCall, fault: LeadPipelineError) -> None:
        """Pause what costs money that is not there, park what got no answer, and leave a dead provider alone."""
        name = asking.provider.capabilities.name
        if isinstance(fault, EnrichmentBudgetReachedError):
            self._stopped_segments.add(fault.subject)
            self.log.alerts[AlertKind.BUDGET_SPENT, fault.subject] = str(fault)
            self._pause(call.questions)
            return
        if isinstance(fault, OutOfCreditsError):
            asking.stop_cause, asking.is_out_of_credits = "balance is empty", True
            self.log.alerts[AlertKind.OUT_OF_CREDITS, name] = (
                f"The balance at {asking.provider.capabilities.label} is empty: enrichment pauses. Top it up"
            )
            self._pause(call.questions)
            return
        asking.failed_calls += 1
        never_left = isinstance(fault, TransportFaultError) and not fault.is_sent
        self._park(asking, call.questions, cause=type(fault).__name__)
        if asking.failed_calls >= MAX_FAILED_CALLS or never_left or isinstance(fault, ConfigurationError):
            asking.stop_cause = type(fault).__name__
        self.log.alerts[AlertKind.PROVIDER_DOWN, name] = (
            f"{asking.provider.capabilities.label} did not answer ({fault}). Its people wait in the retry queue"
        )

    def _leave(self, asking: _Asking, questions: Sequence[Question]) -> None:
        if asking.is_out_of_credits:
            self._pause(questions)
        else:
            self._park(asking, questions, cause=asking.stop_cause)

    def _pause(self, questions: Sequence[Question]) -> None:
        self.log.paused |= {question.dievio_lead_id for question in questions}

    def _park(self, asking: _Asking, questions: Sequence[Question], *, cause: str) -> None:
        parked = self.log.parked.setdefault(asking.provider.capabilities.name, {})
        parked |= {question.dievio_lead_id: cause for question in questions}


@dataclass(slots=True)
class _Asking:
    """How one provider behaves in this run."""

    provider: EnrichmentProvider
    failed_calls: int = 0
    stop_cause: str = ""
    is_out_of_credits: bool = False
    unanswered: list[Question] = field(default_factory=list)


def in_order(
    found: Mapping[str, ProviderFindings], policy: EnrichmentPolicy, *, tools: Tools
) -> list[ProviderFindings]:
    """Return what providers said about one person in the order in which they are asked, without what is stale."""
    now = tools.now()
    return [fresh_findings(found[name], policy.max_age, now=now) for name in policy.providers if name in found]

"""Who is looked up, and why or why not: one answer with one reason for every person.

Nothing is asked here and no money is looked at: what a look-up may cost is `budgets`. A person who may be asked about
is one whose row passed normalization; malformed input never reaches a provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from lead_pipeline.domain.enrichment.policy import RECORD, EnrichmentPolicy
from lead_pipeline.domain.enrichment.questions import Question, QuestionKey
from lead_pipeline.domain.normalize.linkedin import read_linkedin

#: Remarks of normalization and identity that make a paid answer worthless: it could be about somebody else.
_DOUBTFUL_FLAGS = ("identity_conflict", "name_split_low_confidence")


class Choice(StrEnum):
    """Whether a person is looked up."""

    ASK = "ask"
    SKIP = "skip"


class Why(StrEnum):
    """Why a person is, or is not, looked up."""

    MISSING = "missing_fields"
    STALE = "stale_fields"
    ON_DEMAND = "on_demand"
    SUPPRESSED = "suppressed"
    DOUBTFUL = "doubtful_identity"
    NO_IDENTIFIER = "no_identifier"
    OFF_TARGET = "outside_audience"
    LOW_INTENT = "low_intent"
    COMPLETE = "complete_and_fresh"
    ASKED_BEFORE = "asked_before"  # every provider has answered, and nothing it said is old enough


#: Reasons after which a person takes over what providers said, now or earlier.
TAKING_REASONS = frozenset({Why.MISSING, Why.STALE, Why.ON_DEMAND, Why.ASKED_BEFORE})

#: Reasons to leave a person alone that a night alone does not change.
LASTING_REASONS = frozenset({Why.SUPPRESSED, Why.DOUBTFUL, Why.NO_IDENTIFIER, Why.OFF_TARGET, Why.LOW_INTENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """When a provider last answered about a person, and whether it knew anything."""

    answered_at: datetime
    was_found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person who may be looked up.

    Attributes:
        dievio_lead_id: Our id.
        segment: Who pays.
        values: Canonical field -> value; `lead_status` is the status in the org.
        observed_at: When the source last looked at the row as a whole, aware UTC; None where nobody knows.
        field_observed_at: Canonical field -> when a provider last said something about it, where that is known.
        flags: Remarks of normalization.
        is_weak_id: Whether only name and company tell who this is.
        is_suppressed: Whether the person is on the suppression list.
        memory: Provider -> its last answer.
    """

    dievio_lead_id: str
    segment: str
    values: Mapping[str, object]
    observed_at: datetime | None
    field_observed_at: Mapping[str, datetime] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    is_weak_id: bool = False
    is_suppressed: bool = False
    memory: Mapping[str, Memory] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a batch wanted of a person when it first looked."""

    missing: frozenset[str]
    stale: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Whether a person is looked up, why, and what for.

    Attributes:
        candidate: The person.
        choice: Ask or skip.
        why: The reason, counted and stored.
        detail: Which filter or rule it was; no personal data.
        missing: Fields that a lead must have and this one lacks.
        stale: Fields whose value is older than it may be.
        providers: Who is to be asked, in order.
    """

    candidate: Candidate
    choice: Choice
    why: Why
    detail: str = ""
    missing: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()
    providers: tuple[str, ...] = ()

    @property
    def wanted(self) -> frozenset[str]:
        """Fields that an answer is wanted for."""
        return (self.missing | self.stale) - {RECORD}


def select(
    candidate: Candidate,
    policy: EnrichmentPolicy,
    *,
    now: datetime,
    is_demanded: bool = False,
    first_need: Need | None = None,
) -> Selection:
    """Decide whether a person is looked up.

    Args:
        candidate: The person.
        policy: Who is worth it, and what is stale.
        now: The present moment, aware UTC.
        is_demanded: Somebody asked for this very person: audience, intent and age are no matter then.
        first_need: What the batch wanted when it first looked. It stands: what was answered for the batch since makes
            the person look fresh, and repeating the batch would leave those very answers out.
    """
    need = first_need or Need(
        missing=frozenset(name for name in policy.complete_when if candidate.values.get(name) in (None, "")),
        stale=find_stale(candidate, policy, now=now),
    )
    case = _Case(
        candidate=candidate,
        policy=policy,
        now=now,
        is_demanded=is_demanded,
        missing=need.missing,
        stale=need.stale,
    )
    return next(answer for step in _STEPS if (answer := step(case)) is not None)


def find_stale(candidate: Candidate, policy: EnrichmentPolicy, *, now: datetime) -> frozenset[str]:
    """Return the fields whose value has reached its age; a missing value is not stale, one of unknown age is.

    When the person as a whole has not been looked at for too long, RECORD and every value that can age are.
    """
    present = [name for name in policy.max_age if candidate.values.get(name) not in (None, "")]
    if _is_record_stale(candidate, policy, now=now):
        return frozenset({*present, RECORD})
    return frozenset(name for name in present if _is_old(candidate, name, policy.max_age[name], now=now))


def ask_about(candidate: Candidate, wanted: frozenset[str]) -> Question:
    """Return the question about a person."""
    values = candidate.values
    url = _text(values, "linkedin_url")
    return Question(
        dievio_lead_id=candidate.dievio_lead_id,
        segment=candidate.segment,
        wanted=wanted,
        linkedin_url=url if url and read_linkedin(url).slug else None,
        first_name=_text(values, "first_name"),
        last_name=_text(values, "last_name"),
        company_domain=_text(values, "company_domain"),
    )


def _is_old(candidate: Candidate, name: str, max_age: timedelta, *, now: datetime) -> bool:
    observed = candidate.field_observed_at.get(name) or candidate.observed_at
    return observed is None or now - observed >= max_age


def _is_record_stale(candidate: Candidate, policy: EnrichmentPolicy, *, now: datetime) -> bool:
    looks = [candidate.observed_at, *(memory.answered_at for memory in candidate.memory.values())]
    newest = max((moment for moment in looks if moment is not None), default=None)
    return newest is None or now - newest >= policy.max_age[RECORD]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    candidate: Candidate
    policy: EnrichmentPolicy
    now: datetime
    is_demanded: bool
    missing: frozenset[str]
    stale: frozenset[str]

    def skip(self, why: Why, detail: str = "") -> Selection:
        return Selection(
            candidate=self.candidate,
            choice=Choice.SKIP,
            why=why,
            detail=detail,
            missing=self.missing,
            stale=self.stale,
        )


def _obey_suppression(case: _Case) -> Selection | None:
    return case.skip(Why.SUPPRESSED) if case.candidate.is_suppressed else None


def _refuse_doubtful(case: _Case) -> Selection | None:
    if case.candidate.is_weak_id:
        return case.skip(Why.DOUBTFUL, "weak_identity")
    doubt = next((flag for flag in _DOUBTFUL_FLAGS if flag in case.candidate.flags), None)
    return case.skip(Why.DOUBTFUL, doubt) if doubt else None


def _require_identifier(case: _Case) -> Selection | None:
    question = ask_about(case.candidate, frozenset())
    is_known = any(question.can_be_found_by(key) for key in QuestionKey)
    return None if is_known else case.skip(Why.NO_IDENTIFIER)


def _require_audience(case: _Case) -> Selection | None:
    audience = case.policy.audience
    if case.is_demanded:
        return None
    for name, wanted in audience.wanted.items():
        value = _text(case.candidate.values, name)
        is_inside = audience.unknown_passes if value is None else value.casefold() in wanted
        if wanted and not is_inside:
            return case.skip(Why.OFF_TARGET, name)
    return None


def _require_intent(case: _Case) -> Selection | None:
    if case.is_demanded:
        return None
    for rule in case.policy.low_intent:
        if (_text(case.candidate.values, rule.field) or "").casefold() in rule.values:
            return case.skip(Why.LOW_INTENT, rule.name)
    return None


def _require_need(case: _Case) -> Selection | None:
    is_needed = case.missing or case.stale or case.is_demanded
    return None if is_needed else case.skip(Why.COMPLETE)


def _ask(case: _Case) -> Selection:
    due = tuple(name for name in case.policy.providers if _is_due(case, name))
    if not due:
        return case.skip(Why.ASKED_BEFORE)
    why = Why.ON_DEMAND if case.is_demanded else Why.MISSING if case.missing else Why.STALE
    is_wanted_whole = not (case.missing | case.stale) - {RECORD}
    return Selection(
        candidate=case.candidate,
        choice=Choice.ASK,
        why=why,
        missing=frozenset(case.policy.complete_when) if is_wanted_whole else case.missing,
        stale=case.stale,
        providers=due,
    )


def _is_due(case: _Case, provider: str) -> bool:
    """Tell whether a provider may know more than it said last time: what keeps a person from being bought twice.

    Whatever was missing in its last answer is asked for again only when that answer as a whole has become old.
    """
    memory = case.candidate.memory.get(provider)
    if memory is None:
        return True
    age = case.now - memory.answered_at
    if not memory.was_found:
        return age >= case.policy.miss_age
    limits = [case.policy.max_age[name] for name in case.stale] + [case.policy.max_age[RECORD]]
    return age >= min(limits)


#: In order of rank; the last always answers.
_STEPS: tuple[Callable[[_Case], Selection | None], ...] = (
    _obey_suppression,
    _refuse_doubtful,
    _require_identifier,
    _require_audience,
    _require_intent,
    _require_need,
    _ask,
)


def _text(values: Mapping[str, object], name: str) -> str | None:
    value = values.get(name)
    return str(value) if value not in (None, "") else None

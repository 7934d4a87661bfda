"""What is asked of an enrichment provider and what it answers, whoever the provider is.

A question is about one person. Which questions are asked is decided in `selection`; what a row of a provider says is
read in `reading`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from lead_pipeline.domain.leads import Confidence

#: Values that an answer may bring into a lead, by canonical name.
ENRICHABLE_FIELDS = frozenset(
    {
        "email", "email_status", "phone", "title", "seniority", "department", "company_name", "company_domain",
        "website", "linkedin_url", "industry", "employee_count", "employee_band", "street", "postal_code", "city",
        "state", "country", "country_name",
    }
)  # fmt: skip

#: Values that are kept beside the lead for people and reports, and never become a value of it: their accuracy is known
#: to be low, and no record has a field that they may fill.
CONTEXT_FIELDS = frozenset({"company_revenue", "technologies"})


class QuestionKey(StrEnum):
    """By what a provider finds a person."""

    LINKEDIN_URL = "linkedin_url"
    NAME_AND_DOMAIN = "name_and_domain"  # given name, family name and the employer's domain


class AnswerState(StrEnum):
    """What an answer says about one person."""

    FOUND = "found"
    MISS = "miss"  # the provider does not know the person, or knows several; costs what the rows cost
    UNANSWERED = "unanswered"  # the answer was cut short before this person: to be asked again


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One person to be looked up. Values are normalized; None where we do not know them."""

    dievio_lead_id: str
    segment: str
    wanted: frozenset[str]  # canonical fields that are missing or stale
    linkedin_url: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company_domain: str | None = None

    def can_be_found_by(self, key: QuestionKey) -> bool:
        """Tell whether we know what a provider needs to find the person this way."""
        if key is QuestionKey.LINKEDIN_URL:
            return self.linkedin_url is not None
        return None not in (self.first_name, self.last_name, self.company_domain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One value of an answer, normalized, and how sure the provider is of it."""

    value: object = field(repr=False)
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswer:
    """What a provider answered about one person.

    Attributes:
        dievio_lead_id: Whom the question was about.
        state: Found, miss or unanswered.
        findings: Canonical field -> finding; of ENRICHABLE_FIELDS and CONTEXT_FIELDS only.
        observed_at: When the provider last looked, aware UTC; None where it does not say.
    """

    dievio_lead_id: str
    state: AnswerState
    findings: Mapping[str, Finding] = field(default_factory=dict)
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAnswer:
    """The answer to one paid call: exactly one entry for each question, in their order.

    Attributes:
        answers: One for each question.
        credits: What the call cost, in the provider's unit.
        body: The answer verbatim, to be kept before anything else is done with it.
    """

    answers: tuple[QuestionAnswer, ...]
    credits: int
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTerms:
    """How one kind of call is sold: questions a call, and most credits that one question can cost."""

    batch_size: int
    credits_at_most: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCapabilities:
    """What a provider can be asked.

    Attributes:
        name: Stable name, as configuration, ledger and tables call it; a-z, 0-9 and underscore.
        label: For people and for the record's source field.
        fields: Canonical fields that its answers may hold.
        terms: By what it finds people -> how that is sold, the preferred way first.
        cost_unit: What its credits are called on its bill.
    """

    name: str
    label: str
    fields: frozenset[str]
    terms: Mapping[QuestionKey, CallTerms]
    cost_unit: str = "credit"

    def key_for(self, question: Question) -> QuestionKey | None:
        """Return how this provider would find a person; None when it cannot, or has nothing that is wanted."""
        if not question.wanted & self.fields:
            return None
        return next((key for key in self.terms if question.can_be_found_by(key)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One paid call before it is made; all its questions have one segment and are found in one way."""

    provider: str
    key: QuestionKey
    segment: str
    questions: tuple[Question, ...]
    credits_at_most: int


def plan_calls(questions: Iterable[Question], capabilities: ProviderCapabilities) -> Iterator[PlannedCall]:
    """Divide questions into the fewest calls of a provider; those it cannot answer are left out.

    A call belongs to one segment, because each segment pays for itself.
    """
    keyed = [(question.segment, key, question) for question in questions if (key := capabilities.key_for(question))]
    places = {key: place for place, key in enumerate(capabilities.terms)}
    keyed.sort(key=lambda entry: (entry[0], places[entry[1]]))
    for (segment, key), group in groupby(keyed, key=lambda entry: entry[:2]):
        terms, members = capabilities.terms[key], [entry[2] for entry in group]
        for start in range(0, len(members), terms.batch_size):
            chunk = tuple(members[start : start + terms.batch_size])
            yield PlannedCall(
                provider=capabilities.name,
                key=key,
                segment=segment,
                questions=chunk,
                credits_at_most=len(chunk) * terms.credits_at_most,
            )


def pair_answers(
    questions: Sequence[Question], found: Mapping[str, QuestionAnswer], *, absent: AnswerState
) -> tuple[QuestionAnswer, ...]:
    """Return one answer for each question: the one found, else that the person is absent.

    Args:
        questions: What was asked, in order.
        found: Our id -> answer.
        absent: What it means that the answer has nothing about a person.
    """
    return tuple(
        found.get(question.dievio_lead_id) or QuestionAnswer(dievio_lead_id=question.dievio_lead_id, state=absent)
        for question in questions
    )

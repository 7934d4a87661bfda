"""What a person decides about a question, whether the question takes that answer, and what follows from it.

Which answers a reason takes is `review_reasons`; carrying a decision out is `services/resolve_review`. A decision is
never a payload: it says who the lead is or which value is right, and the plan is made anew from that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lead_pipeline.domain.matching import PairAnswer, RuleName
from lead_pipeline.domain.plan_subjects import PlanReason, Standing
from lead_pipeline.domain.refusals import ReviewReason
from lead_pipeline.domain.review_reasons import ReviewChoice, guide_of
from lead_pipeline.domain.survivorship import AnswerChoice

#: Rules that found a record by our own id: that it carries the id is a fact, which "not the same" cannot undo.
_ID_RULES = frozenset({RuleName.EXTERNAL_ID, RuleName.LINK})
#: Doubts about the lead itself, or about all that it would change, which naming its record settles for good.
_DOUBTS_ABOUT_LEAD = frozenset(
    {PlanReason.WEAK_IDENTITY, PlanReason.UNCERTAIN_NAME, PlanReason.MIXED_IDENTITY, PlanReason.LARGE_CHANGE}
)
_NAMING_CHOICES = frozenset({ReviewChoice.SAME, ReviewChoice.NOT_SAME})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCandidate:
    """A record that may be the person of the lead, and the rule that found it."""

    object_name: str
    salesforce_id: str
    rule: str
    score: float | None = None  # 0 to 1, near names only


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """A question for a person. `proposal` holds API name -> value that would be written or is asked about."""

    review_item_id: int
    batch_id: str
    dievio_lead_id: str
    raw_lead_id: int
    reason: str
    question: str
    candidates: tuple[ReviewCandidate, ...]
    proposal: Mapping[str, object]
    owner: str
    state: str  # open or decided
    opened_at: datetime
    decision: Mapping[str, object] | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered yet."""
        return self.state == "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDecision:
    """A person's answer.

    Attributes:
        choice: What was decided.
        by: Who decided.
        reason: Why, in that person's words.
        salesforce_ids: The records it names: one for `same`, one or more for `not_same`.
        fields: API name -> which value is right; with `same`, what follows from it beyond the mapping's policies.
    """

    choice: ReviewChoice
    by: str
    reason: str
    salesforce_ids: tuple[str, ...] = ()
    fields: Mapping[str, AnswerChoice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRecord:
    """What the mirror says about a record that a decision names."""

    salesforce_id: str
    object_name: str
    is_live: bool  # neither deleted nor converted
    holder_lead_id: str | None  # the lead it belongs to already, by its external id or by our link


def find_objection(
    item: ReviewItem,
    decision: ReviewDecision,
    records: Mapping[str, NamedRecord],
    offers: Mapping[str, object] | None = None,
) -> str | None:
    """Return why a question does not take an answer, in words for the person who gave it; None when it does.

    Args:
        item: The question.
        decision: The answer.
        records: Salesforce id -> what is known about the records that the answer names; unknown ones are absent.
        offers: API name -> value of the lead that may be taken for the one record that is the same person.
    """
    choices = guide_of(item.reason).choices
    if decision.choice not in choices:
        return f"the reason {item.reason} takes only {', '.join(choices)}"
    if decision.choice is ReviewChoice.FIELDS:
        return _object_to_fields(item, decision.fields)
    if decision.choice in _NAMING_CHOICES and not decision.salesforce_ids:
        return "name the record it is about"
    if decision.choice is ReviewChoice.SAME:
        objection = _object_to_same(item, decision.salesforce_ids, records)
        return objection or _object_to_offers(decision.fields, offers or {})
    if decision.choice is ReviewChoice.NOT_SAME:
        return _object_to_not_same(item, decision.salesforce_ids)
    return None


def pair_answers(item: ReviewItem, decision: ReviewDecision) -> dict[str, PairAnswer]:
    """Return Salesforce id -> what is to be remembered about it and the lead."""
    if decision.choice is ReviewChoice.SAME:
        # Two records of one person are merged in Salesforce, and our link follows; remembered before, the answer would
        # lead the next night past the record that carries our id.
        is_kept = item.reason != ReviewReason.TWIN_CREATED
        return dict.fromkeys(decision.salesforce_ids, PairAnswer.SAME) if is_kept else {}
    if decision.choice is ReviewChoice.NOT_SAME:
        return dict.fromkeys(decision.salesforce_ids, PairAnswer.NOT_SAME)
    if decision.choice is ReviewChoice.CREATE:
        return dict.fromkeys(_deniable_ids(item), PairAnswer.NOT_SAME)
    return {}


def standing_of(reason: str, choice: str) -> Standing | None:
    """Return what an earlier answer to a question means when the plan meets the same question again."""
    if choice == ReviewChoice.SKIP:
        return Standing.SKIPPED
    is_settled = choice == ReviewChoice.CREATE or (choice == ReviewChoice.SAME and reason in _DOUBTS_ABOUT_LEAD)
    return Standing.AFFIRMED if is_settled else None


def needs_work(decision: ReviewDecision) -> bool:
    """Tell whether anything is to be planned anew: keeping every value of a record leaves it as it is."""
    return decision.choice is not ReviewChoice.FIELDS or AnswerChoice.TAKE in decision.fields.values()


def field_answers(decision: ReviewDecision, values: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return API name -> choice and the value of the lead that it was made about, as planning reads it."""
    return {name: {"choice": str(choice), "value": values[name]} for name, choice in sorted(decision.fields.items())}


def _object_to_fields(item: ReviewItem, fields: Mapping[str, AnswerChoice]) -> str | None:
    asked, answered = set(item.proposal), set(fields)
    if answered - asked:
        return f"{', '.join(sorted(answered - asked))} is not asked about; asked is {', '.join(sorted(asked))}"
    if asked - answered:
        return f"say take or keep for {', '.join(sorted(asked - answered))} as well"
    return None


def _object_to_same(item: ReviewItem, named: Sequence[str], records: Mapping[str, NamedRecord]) -> str | None:
    if len(named) != 1:
        return "a lead is the person of one record: merge the records in Salesforce first"
    record = records.get(named[0])
    if record is None:
        return f"{named[0]} is no Lead or Contact of the org"
    if not record.is_live:
        return f"{named[0]} was deleted or converted: name the record it became"
    if record.holder_lead_id not in {None, item.dievio_lead_id}:
        return f"{named[0]} belongs to lead {record.holder_lead_id}, and links never move"
    return None


def _object_to_offers(fields: Mapping[str, AnswerChoice], offers: Mapping[str, object]) -> str | None:
    unknown = sorted(set(fields) - set(offers))
    if not unknown:
        return None
    offered = f"it brings {', '.join(sorted(offers))}" if offers else "it brings none at all"
    return f"the lead brings no other value for {', '.join(unknown)} of that record; {offered}"


def _object_to_not_same(item: ReviewItem, named: Sequence[str]) -> str | None:
    candidates = {candidate.salesforce_id for candidate in item.candidates}
    strangers = sorted(set(named) - candidates)
    if strangers:
        return f"{', '.join(strangers)} is no candidate of this question"
    denied = sorted(set(named) - set(_deniable_ids(item)))
    if denied:
        return f"{', '.join(denied)} carries our id: clear it there, then plan the lead again"
    return None


def _deniable_ids(item: ReviewItem) -> list[str]:
    """Return the candidates that may be called somebody else, in their order."""
    by_id = {candidate.salesforce_id for candidate in item.candidates if candidate.rule in _ID_RULES}
    return list(
        dict.fromkeys(candidate.salesforce_id for candidate in item.candidates if candidate.salesforce_id not in by_id)
    )

"""What the plan of one lead is made from, and the words in which it is answered.

The order of the questions about a lead is `planning`, what its fields mean for it `field_judges`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lead_pipeline.domain.decisions import Decision, FieldDecision, MatchResult
from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.leads import NormalizedLead
from lead_pipeline.domain.mapping import ObjectMapping
from lead_pipeline.domain.survivorship import FieldAnswer, WrittenValue
from lead_pipeline.domain.write_places import WritePlace

Fields = tuple[FieldDecision, ...]


class Standing(StrEnum):
    """What a person's earlier answer to a question means for the lead whenever the same question comes up."""

    AFFIRMED = "affirmed"  # the doubt was looked at: go on
    SKIPPED = "skipped"  # the lead is left alone


class PlanReason(StrEnum):
    """Why a lead got its decision, where the match alone does not tell."""

    NEW_PERSON = "new_person"
    FIELDS_CHANGED = "fields_changed"
    NO_CHANGE = "no_change"
    WEAK_IDENTITY = "weak_identity"
    RECORD_GONE = "record_gone"
    CONVERTED_LEAD = "converted_lead"
    LINK_CONFLICT = "link_conflict"
    MISSING_REQUIRED = "missing_required"
    INVALID_VALUE = "invalid_value"
    REJECTED_VALUE = "rejected_value"
    UNCERTAIN_NAME = "name_split_low_confidence"
    MIXED_IDENTITY = "identity_conflict"
    LARGE_CHANGE = "large_change"
    FIELD_CONFLICT = "field_conflict"
    LOW_CONFIDENCE = "low_confidence"
    SKIPPED_BY_PERSON = "skipped_by_person"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTarget:
    """The record a lead was matched with.

    Attributes:
        record: As the mirror holds it.
        linked_lead_id: The lead that we wrote to this record before; None when there is none.
        written: API name -> the last value we wrote there.
    """

    record: DirectoryRecord
    linked_lead_id: str | None = None
    written: Mapping[str, WrittenValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision and its reason, before it becomes a row of the plan."""

    decision: Decision
    reason_code: str
    reason: str
    fields: tuple[FieldDecision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One lead with everything its decision may depend on."""

    lead: NormalizedLead
    match: MatchResult
    target: PlanTarget | None
    place: WritePlace
    answers: Mapping[str, FieldAnswer]
    standing: Mapping[str, Standing]

    @property
    def is_creation(self) -> bool:
        """Whether there is no record yet."""
        return self.target is None

    @property
    def mapping(self) -> ObjectMapping:
        """How the lead's values come into records of the object."""
        return self.place.mapping

    def is_affirmed(self, reason_code: str) -> bool:
        """Tell whether a person looked at this doubt and said: go on."""
        return self.standing.get(reason_code) is Standing.AFFIRMED


def review(reason_code: str, reason: str, *, fields: Fields = ()) -> Verdict:
    """Return the verdict that a person is to be asked."""
    return Verdict(decision=Decision.REVIEW, reason_code=reason_code, reason=reason, fields=fields)

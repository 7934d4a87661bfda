"""What was decided about a lead, and what became of it: the words that plan, write, gates and report share.

Which record it is about is decided in `matching`, which value wins in `survivorship`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MatchGrade(StrEnum):
    """How sure a match is."""

    CERTAIN = "certain"
    POSSIBLE = "possible"
    NONE = "none"


class Decision(StrEnum):
    """What the plan wants to happen with a lead."""

    CREATE = "create"
    UPDATE = "update"
    SKIP = "skip"
    REVIEW = "review"


class Outcome(StrEnum):
    """Where a lead ended. Every delivered row ends in exactly one."""

    CREATED = "created"
    UPDATED = "updated"
    SKIPPED = "skipped"
    REVIEW = "review"
    QUARANTINE = "quarantine"
    DEAD_LETTER = "dead_letter"


class FieldVerdict(StrEnum):
    """What happens to one field of one record."""

    SET_AT_CREATION = "set_at_creation"
    FILLED_BLANK = "filled_blank"
    UPDATED = "updated"
    KEPT_EQUAL = "kept_equal"
    KEPT_REP_VALUE = "kept_rep_value"
    KEPT_BY_POLICY = "kept_by_policy"
    NO_SOURCE_VALUE = "no_source_value"
    REFUSED_CONFIDENCE = "refused_confidence"
    REFUSED_INVALID = "refused_invalid"
    ESCALATED = "escalated"  # a person's value differs, and the mapping wants somebody asked
    DOUBTED = "doubted"  # enrichment is unsure of the value, and somebody is asked


WRITING_VERDICTS = frozenset({FieldVerdict.SET_AT_CREATION, FieldVerdict.FILLED_BLANK, FieldVerdict.UPDATED})
ASKING_VERDICTS = frozenset({FieldVerdict.ESCALATED, FieldVerdict.DOUBTED})  # written only on the word of a person


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDecision:
    """One field of one record: before, after, the policy that decided and the reason in words."""

    field: str  # Salesforce API name
    before: object
    after: object  # equals `before` unless the verdict writes or asks: then the value a person is asked about
    policy: str
    verdict: FieldVerdict
    reason: str
    trimmed_from: str | None = None  # the whole value where a declared trim shortened it


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchCandidate:
    """Evidence that a record may be the person of a lead: one row per lead, candidate and rule."""

    dievio_lead_id: str
    rule: str  # a MatchRule value of `matching`
    object_name: str
    salesforce_id: str
    grade: MatchGrade
    evidence: dict[str, object]  # key names and comparisons, never the values of personal data
    score: float | None = None  # 0 to 1, near-name rule only


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """The answer of the match ladder for one lead."""

    dievio_lead_id: str
    grade: MatchGrade
    rule: str | None
    object_name: str | None
    salesforce_id: str | None
    reason_code: str  # e.g. no_candidate, certain_match, several_candidates, names_conflict
    reason: str
    candidate_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncDecision:
    """What the plan wants for one lead, with the field diff; `object_name` and `salesforce_id` name the target."""

    batch_id: str
    dievio_lead_id: str
    raw_lead_id: int
    decision: Decision
    object_name: str | None
    salesforce_id: str | None
    reason_code: str
    reason: str
    fields: tuple[FieldDecision, ...]
    mapping_version: str
    base_last_modified_at: datetime | None  # LastModifiedDate of the target as read; the condition of an update

    def changes(self) -> dict[str, object]:
        """Return API name -> new value of every field this decision writes."""
        return {entry.field: entry.after for entry in self.fields if entry.verdict in WRITING_VERDICTS}

"""Which value wins, for one field of one record: the truth table of write policies.

The steps stand in order of rank; the first that has something to say decides. Nothing here knows a field by name. What
follows for the whole lead is `planning`; whether a value fits its field is `preflight`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from lead_pipeline.domain.decisions import ASKING_VERDICTS, WRITING_VERDICTS, FieldDecision, FieldVerdict
from lead_pipeline.domain.mapping import FieldMapping, OnConflict, WritePolicy
from lead_pipeline.domain.preflight import PreparedValue
from lead_pipeline.domain.value_equality import are_equal, is_blank


class TargetState(StrEnum):
    """What there is to write to."""

    CREATE = "create"  # no record yet
    UPDATE = "update"  # a live record
    CONVERTED = "converted"  # a converted Lead: its Contact is the person now, and Salesforce refuses changes


class AnswerChoice(StrEnum):
    """What a person decided about one value of one field."""

    TAKE = "take"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldAnswer:
    """A person's decision. It holds for the value it was made about, not for whatever comes later."""

    choice: AnswerChoice
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenValue:
    """The last value we wrote into a field of a record.

    Attributes:
        value: As it was sent.
        source_at: When the source that it came from was fetched; None when nobody knows any more.
    """

    value: object
    source_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCase:
    """Everything that the decision about one field may depend on.

    Attributes:
        before: What the record holds; None when blank, or when there is no record.
        prepared: The lead's value in Salesforce's form, or why there is none.
        field_type: Salesforce's word for the field's type.
        target: What there is to write to.
        confidence: Share from 0 to 1; None where none is known.
        source_at: When the lead was fetched.
        modified_at: When the record was last changed; None when there is no record.
        written: The last value we wrote there; None when we never did.
        answer: What a person decided about this field of this lead.
        placeholders: Texts, in lower case, that count as blank.
        is_unverified: Whether enrichment found the value and is not sure of it: it is never written, and asked about.
        objection: Why the value may not replace the one that stands there, in words; None when it may.
    """

    before: object
    prepared: PreparedValue
    field_type: str
    target: TargetState
    source_at: datetime
    confidence: float | None = None
    modified_at: datetime | None = None
    written: WrittenValue | None = None
    answer: FieldAnswer | None = None
    placeholders: frozenset[str] = frozenset()
    is_unverified: bool = False
    objection: str | None = None

    @property
    def is_before_blank(self) -> bool:
        """Whether the record holds nothing worth keeping."""
        return is_blank(self.before, self.placeholders)

    @property
    def is_ours(self) -> bool:
        """Whether the record still holds what we wrote last."""
        return self.written is not None and are_equal(self.before, self.written.value, field_type=self.field_type)

    @property
    def is_removed(self) -> bool:
        """Whether somebody removed from the record the very value that the lead brings again."""
        return (
            self.is_before_blank
            and self.written is not None
            and are_equal(self.written.value, self.prepared.value, field_type=self.field_type)
        )

    @property
    def is_stale(self) -> bool:
        """Whether what we wrote last came from a later fetch than this lead, as when an old day is run again."""
        return (
            self.written is not None and self.written.source_at is not None and self.source_at < self.written.source_at
        )


@dataclass(frozen=True, slots=True)
class _Ruling:
    verdict: FieldVerdict
    reason: str


def decide_field(row: FieldMapping, case: FieldCase) -> FieldDecision:
    """Decide what happens to one field.

    Args:
        row: The field's row in the mapping.
        case: The values and circumstances.
    """
    ruling = _rule(row, case)
    is_proposed = ruling.verdict in WRITING_VERDICTS or ruling.verdict in ASKING_VERDICTS
    return FieldDecision(
        field=row.to,
        before=case.before,
        after=case.prepared.value if is_proposed else case.before,
        policy=row.write,
        verdict=ruling.verdict,
        reason=ruling.reason,
        trimmed_from=case.prepared.trimmed_from if is_proposed else None,
    )


def _rule(row: FieldMapping, case: FieldCase) -> _Ruling:
    for step in _STEPS:
        ruling = step(row, case)
        if ruling is not None:
            return ruling
    return _apply_policy(row, case)


def _guard_converted(_row: FieldMapping, case: FieldCase) -> _Ruling | None:
    if case.target is not TargetState.CONVERTED:
        return None
    return _Ruling(FieldVerdict.KEPT_BY_POLICY, "a converted lead is never changed")


def _guard_never(row: FieldMapping, _case: FieldCase) -> _Ruling | None:
    if row.write is not WritePolicy.NEVER:
        return None
    return _Ruling(FieldVerdict.KEPT_BY_POLICY, "the field is never written")


def _refuse_invalid(_row: FieldMapping, case: FieldCase) -> _Ruling | None:
    if case.prepared.problem is None:
        return None
    return _Ruling(FieldVerdict.REFUSED_INVALID, case.prepared.problem)


def _require_source(_row: FieldMapping, case: FieldCase) -> _Ruling | None:
    if not is_blank(case.prepared.value, case.placeholders):
        return None
    return _Ruling(FieldVerdict.NO_SOURCE_VALUE, "the lead brings no value, and nothing never replaces something")


def _keep_equal(_row: FieldMapping, case: FieldCase) -> _Ruling | None:
    if case.before is None or not are_equal(case.before, case.prepared.value, field_type=case.field_type):
        return None
    return _Ruling(FieldVerdict.KEPT_EQUAL, "the record holds this value already")


def _obey_answer(_row: FieldMapping, case: FieldCase) -> _Ruling | None:
    answer = case.answer
    if answer is None or not are_equal(answer.value, case.prepared.value, field_type=case.field_type):
        return None
    if answer.choice is AnswerChoice.KEEP:
        return _Ruling(FieldVerdict.KEPT_REP_VALUE, "a person decided to keep the record's value")
    return _Ruling(_writing_verdict(case), "a person decided to take this value")


def _ask_about_unverified(row: FieldMapping, case: FieldCase) -> _Ruling | None:
    """Keep an uncertain answer of enrichment out of the record; a person is asked where it would have been written."""
    if not case.is_unverified:
        return None
    if _apply_policy(row, case).verdict in WRITING_VERDICTS:
        return _Ruling(FieldVerdict.DOUBTED, "unverified: not sure enough to be written, so a person is asked")
    return _Ruling(FieldVerdict.REFUSED_CONFIDENCE, "unverified: not sure enough to be written")


def _refuse_low_confidence(row: FieldMapping, case: FieldCase) -> _Ruling | None:
    if case.confidence is None or case.confidence >= row.min_confidence:
        return None
    return _Ruling(
        FieldVerdict.REFUSED_CONFIDENCE,
        f"confidence {case.confidence:.0%} is below the required {row.min_confidence:.0%}: unverified, not written",
    )


def _obey_objection(_row: FieldMapping, case: FieldCase) -> _Ruling | None:
    if case.objection is None or case.is_before_blank or case.target is TargetState.CREATE:
        return None
    return _Ruling(FieldVerdict.KEPT_BY_POLICY, case.objection)


def _apply_policy(row: FieldMapping, case: FieldCase) -> _Ruling:
    if case.target is TargetState.CREATE:
        return _Ruling(FieldVerdict.SET_AT_CREATION, "the record is new")
    return _POLICIES[row.write](row, case)


#: In order of rank, before the policy.
_STEPS: tuple[Callable[[FieldMapping, FieldCase], _Ruling | None], ...] = (
    _guard_converted,
    _guard_never,
    _refuse_invalid,
    _require_source,
    _keep_equal,
    _obey_answer,
    _ask_about_unverified,
    _refuse_low_confidence,
    _obey_objection,
)


def _write_once(_row: FieldMapping, _case: FieldCase) -> _Ruling:
    return _Ruling(FieldVerdict.KEPT_BY_POLICY, "the field is written only when the record is created")


def _fill_blank(row: FieldMapping, case: FieldCase) -> _Ruling:
    if case.is_before_blank:
        return _fill(case)
    return _resolve_conflict(row, case)


def _tracked(row: FieldMapping, case: FieldCase) -> _Ruling:
    if case.is_before_blank:
        return _fill(case)
    if not case.is_ours:
        return _resolve_conflict(row, case)
    return _keep_fresher(case) or _Ruling(FieldVerdict.UPDATED, "the field still held what we wrote last")


def _always(_row: FieldMapping, case: FieldCase) -> _Ruling:
    return _keep_fresher(case) or _Ruling(_writing_verdict(case), "the field belongs to the integration")


_POLICIES: Mapping[WritePolicy, Callable[[FieldMapping, FieldCase], _Ruling]] = MappingProxyType(
    {
        WritePolicy.WRITE_ONCE: _write_once,
        WritePolicy.FILL_BLANK: _fill_blank,
        WritePolicy.TRACKED: _tracked,
        WritePolicy.ALWAYS: _always,
    }
)


def _fill(case: FieldCase) -> _Ruling:
    """Fill a blank, unless it is a correction: a wrong number that a rep removed must not come back each night."""
    if case.is_removed:
        return _Ruling(FieldVerdict.KEPT_REP_VALUE, "a person removed this very value")
    return _Ruling(FieldVerdict.FILLED_BLANK, "the field was blank")


def _keep_fresher(case: FieldCase) -> _Ruling | None:
    if not case.is_stale:
        return None
    return _Ruling(FieldVerdict.KEPT_BY_POLICY, "the record holds a value from a later fetch")


def _resolve_conflict(row: FieldMapping, case: FieldCase) -> _Ruling:
    if row.on_conflict is OnConflict.ESCALATE:
        return _Ruling(FieldVerdict.ESCALATED, "a person's value differs: the record keeps it and a person is asked")
    is_newer = case.modified_at is not None and case.source_at > case.modified_at
    if row.on_conflict is OnConflict.NEWEST and is_newer:
        return _Ruling(FieldVerdict.UPDATED, "the lead is newer than the last change of the record")
    return _Ruling(FieldVerdict.KEPT_REP_VALUE, "a person's value stands there")


def _writing_verdict(case: FieldCase) -> FieldVerdict:
    if case.target is TargetState.CREATE:
        return FieldVerdict.SET_AT_CREATION
    return FieldVerdict.FILLED_BLANK if case.is_before_blank else FieldVerdict.UPDATED

"""The sync decision for one lead: create, update, skip or review, with the field diff and the reasons.

Which record it is about is decided in `matching`, each field in `survivorship`, the fit of values in `preflight`; here
their answers become one decision. Nothing is written and nothing is settled by it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from lead_pipeline.domain.decisions import (
    WRITING_VERDICTS,
    Decision,
    FieldDecision,
    FieldVerdict,
    MatchGrade,
    MatchResult,
    SyncDecision,
)
from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.enrichment.mailboxes import object_to_lead_address
from lead_pipeline.domain.enrichment.merging import UNVERIFIED_FLAG
from lead_pipeline.domain.leads import NormalizedLead
from lead_pipeline.domain.mapping import FieldMapping, MappingSet, ObjectMapping, OnInvalid
from lead_pipeline.domain.matching import MatchReason, RuleName
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema
from lead_pipeline.domain.preflight import prepare_value
from lead_pipeline.domain.refusals import ReviewReason
from lead_pipeline.domain.survivorship import FieldAnswer, FieldCase, TargetState, WrittenValue, decide_field
from lead_pipeline.domain.unmapped_notes import with_note
from lead_pipeline.domain.write_places import WritePlace, survey_place

SYSTEM_NAME = "lead_pipeline"  # stamped on records, so that our own changes are known when they come back
NAME_SOURCES = frozenset({"first_name", "last_name", "full_name"})
UNCERTAIN_NAME_FLAG = "name_split_low_confidence"
MIXED_IDENTITY_FLAG = "identity_conflict"


class Standing(StrEnum):
    """What a person's earlier answer to a question means for the lead whenever the same question comes up."""

    AFFIRMED = "affirmed"  # the doubt was looked at: go on
    SKIPPED = "skipped"  # the lead is left alone


#: Questions that only a refused write raises: an answer "skip" to them keeps the write from being tried again. A record
#: that was merely being edited is none of them: the next night finds it at rest.
_REFUSED_WRITES = (
    ReviewReason.DUPLICATE_RULE,
    ReviewReason.LINK_CONFLICT,
    ReviewReason.CONVERTED_OR_DELETED,
    ReviewReason.POLICY_CONFLICT,
)


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
    FIELD_CONFLICT = "field_conflict"
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


@dataclass(frozen=True, kw_only=True)
class PlanRules:
    """What holds for every lead of a run: the mappings and the org's schemas by object name."""

    mappings: MappingSet
    schemas: Mapping[str, ObjectSchema]
    shrunk: Mapping[str, Collection[str]] = field(default_factory=dict)  # fields that take less than they did

    @cached_property
    def _places(self) -> Mapping[tuple[str, bool], WritePlace]:
        return {
            (name, is_creation): survey_place(
                self.mappings.for_object(name), schema, is_creation=is_creation, shrunk=self.shrunk.get(name, ())
            )
            for name, schema in self.schemas.items()
            for is_creation in (True, False)
        }

    def place(self, object_name: str, *, is_creation: bool) -> WritePlace:
        """Return what may be written to records of an object, made out once for all leads."""
        return self._places[object_name, is_creation]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """A decision and its reason, before it becomes a row of the plan."""

    decision: Decision
    reason_code: str
    reason: str
    fields: tuple[FieldDecision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """One lead with everything its decision may depend on."""

    lead: NormalizedLead
    match: MatchResult
    target: PlanTarget | None
    place: WritePlace
    answers: Mapping[str, FieldAnswer]
    standing: Mapping[str, Standing]

    @property
    def is_creation(self) -> bool:
        return self.target is None

    @property
    def mapping(self) -> ObjectMapping:
        return self.place.mapping

    def is_affirmed(self, reason_code: str) -> bool:
        return self.standing.get(reason_code) is Standing.AFFIRMED


def plan_lead(
    lead: NormalizedLead,
    match: MatchResult,
    *,
    target: PlanTarget | None,
    rules: PlanRules,
    answers: Mapping[str, FieldAnswer] | None = None,
    standing: Mapping[str, Standing] | None = None,
) -> SyncDecision:
    """Decide what is to happen with one lead.

    Args:
        lead: The normalized lead.
        match: What the ladder answered.
        target: The matched record; None when the ladder found none, or when the mirror lost it.
        rules: Mappings and schemas.
        answers: API name -> what a person decided about that field of this lead.
        standing: Review reason -> what a person's answer to that question about this lead means.
    """
    object_name = target.record.object_name if target else "Lead"
    place = rules.place(object_name, is_creation=target is None)
    subject = _Subject(
        lead=with_note(_with_stamps(lead, match), place),
        match=match,
        target=target,
        place=place,
        answers=answers or {},
        standing=standing or {},
    )
    verdict = _obey_skip(subject, next(found for step in _STEPS if (found := step(subject)) is not None))
    has_place = target is not None or verdict.decision is Decision.CREATE
    return SyncDecision(
        batch_id=lead.batch_id,
        dievio_lead_id=lead.dievio_lead_id,
        raw_lead_id=lead.raw_lead_id,
        decision=verdict.decision,
        object_name=object_name if has_place else None,
        salesforce_id=target.record.salesforce_id if target else None,
        reason_code=verdict.reason_code,
        reason=verdict.reason,
        fields=verdict.fields,
        mapping_version=rules.mappings.mapping_version,
        base_last_modified_at=target.record.last_modified_at if target else None,
    )


def _with_stamps(lead: NormalizedLead, match: MatchResult) -> NormalizedLead:
    """Add what only the plan knows: why the record is touched, and by whom."""
    origin = f"matched by {match.rule}" if match.rule else f"new from {lead.segment}"
    enriched = lead.values.get("enrichment_reason")
    reason = f"{origin}; {enriched}" if enriched else origin
    return replace(lead, values={**lead.values, "update_reason": reason, "updated_by_system": SYSTEM_NAME})


def _obey_skip(subject: _Subject, verdict: _Verdict) -> _Verdict:
    """Leave a lead alone whose question a person answered with "skip"."""
    if verdict.decision is Decision.SKIP:
        return verdict
    questions = (verdict.reason_code,) if verdict.decision is Decision.REVIEW else _REFUSED_WRITES
    if not any(subject.standing.get(code) is Standing.SKIPPED for code in questions):
        return verdict
    return _Verdict(
        decision=Decision.SKIP,
        reason_code=PlanReason.SKIPPED_BY_PERSON,
        reason="a person decided to leave this lead alone",
    )


def _obey_rule_outcome(subject: _Subject) -> _Verdict | None:
    if subject.match.reason_code != MatchReason.RULE_SET_TO_SKIP:
        return None
    return _Verdict(decision=Decision.SKIP, reason_code=subject.match.reason_code, reason=subject.match.reason)


def _ask_about_match(subject: _Subject) -> _Verdict | None:
    if subject.match.grade is not MatchGrade.POSSIBLE or subject.is_affirmed(subject.match.reason_code):
        return None
    return _review(subject.match.reason_code, subject.match.reason)


def _ask_about_weak_identity(subject: _Subject) -> _Verdict | None:
    is_answered = subject.match.rule == RuleName.REMEMBERED_ANSWER or subject.is_affirmed(PlanReason.WEAK_IDENTITY)
    if not subject.lead.is_weak_id or is_answered:
        return None
    return _review(
        PlanReason.WEAK_IDENTITY, "only a name and a company identify this lead; namesakes would share its id"
    )


def _ask_about_target(subject: _Subject) -> _Verdict | None:
    if subject.match.grade is not MatchGrade.CERTAIN:
        return None
    if subject.target is None or subject.target.record.is_deleted:
        return _review(PlanReason.RECORD_GONE, "the matched record is no longer in the org")
    if subject.target.record.is_converted:
        return _review(PlanReason.CONVERTED_LEAD, "the matched lead was converted and its contact is unknown")
    holders = {subject.target.record.dievio_lead_id, subject.target.linked_lead_id} - {None}
    if holders - {subject.lead.dievio_lead_id}:
        return _review(PlanReason.LINK_CONFLICT, "the record belongs to another lead id, and links never move")
    return None


def _decide_by_fields(subject: _Subject) -> _Verdict:
    fields = tuple(_decide_fields(subject))
    return next(verdict for judge in _FIELD_JUDGES if (verdict := judge(subject, fields)) is not None)


#: In order of rank; the last always answers.
_STEPS: tuple[Callable[[_Subject], _Verdict | None], ...] = (
    _obey_rule_outcome,
    _ask_about_match,
    _ask_about_weak_identity,
    _ask_about_target,
    _decide_by_fields,
)


def _decide_fields(subject: _Subject) -> Iterator[FieldDecision]:
    record = subject.target.record if subject.target else None
    for row, schema in subject.place.fields:
        yield decide_field(row, _build_case(subject, row, schema=schema, record=record))


def _build_case(
    subject: _Subject, row: FieldMapping, *, schema: FieldSchema, record: DirectoryRecord | None
) -> FieldCase:
    source = row.source or ""
    confidence = subject.lead.confidences.get(source)
    before = record.fields.get(row.to) if record else None
    return FieldCase(
        before=before,
        prepared=prepare_value(row, subject.lead.values.get(source), schema=schema),
        field_type=schema.type,
        target=TargetState.UPDATE if record else TargetState.CREATE,
        confidence=confidence.share if confidence else None,
        source_at=subject.lead.fetched_at,
        modified_at=record.last_modified_at if record else None,
        written=subject.target.written.get(row.to) if subject.target else None,
        answer=subject.answers.get(row.to),
        placeholders=subject.mapping.placeholders,
        is_unverified=UNVERIFIED_FLAG + source in subject.lead.flags,
        objection=object_to_lead_address(subject.lead, before) if source == "email" else None,
    )


_Fields = tuple[FieldDecision, ...]


def _refuse_invalid(subject: _Subject, fields: _Fields) -> _Verdict | None:
    """Let the strictest `on_invalid` among the refused values decide."""
    refused = [entry for entry in fields if entry.verdict is FieldVerdict.REFUSED_INVALID]
    demands = {row.to: row.on_invalid for row in subject.mapping.written_fields} if refused else {}
    for demand, decision, code in (
        (OnInvalid.REJECT, Decision.SKIP, PlanReason.REJECTED_VALUE),
        (OnInvalid.REVIEW, Decision.REVIEW, PlanReason.INVALID_VALUE),
    ):
        culprits = [entry for entry in refused if demands[entry.field] is demand]
        if culprits:
            reasons = "; ".join(entry.reason for entry in culprits)
            return _Verdict(decision=decision, reason_code=code, reason=reasons, fields=fields)
    return None


def _require_fields(subject: _Subject, fields: _Fields) -> _Verdict | None:
    present = {entry.field for entry in fields if entry.verdict in WRITING_VERDICTS}
    missing = [name for name in subject.place.required_fields if name not in present]
    if not missing:
        return None
    return _review(PlanReason.MISSING_REQUIRED, f"a new record needs {', '.join(missing)}", fields=fields)


def _doubt_name(subject: _Subject, fields: _Fields) -> _Verdict | None:
    if UNCERTAIN_NAME_FLAG not in subject.lead.flags or subject.is_affirmed(PlanReason.UNCERTAIN_NAME):
        return None
    names = {row.to for row in subject.mapping.written_fields if row.source in NAME_SOURCES}
    if not any(entry.field in names and entry.verdict in WRITING_VERDICTS for entry in fields):
        return None
    return _review(PlanReason.UNCERTAIN_NAME, "given and family name had to be guessed from one text", fields=fields)


def _doubt_identity(subject: _Subject, fields: _Fields) -> _Verdict | None:
    is_answered = subject.match.rule == RuleName.REMEMBERED_ANSWER or subject.is_affirmed(PlanReason.MIXED_IDENTITY)
    if MIXED_IDENTITY_FLAG not in subject.lead.flags or is_answered or not _find_changes(subject, fields):
        return None
    return _review(
        PlanReason.MIXED_IDENTITY,
        "the lead carries the profile of one known person and the address of another",
        fields=fields,
    )


def _write_changes(subject: _Subject, fields: _Fields) -> _Verdict | None:
    changed = _find_changes(subject, fields)
    if not changed:
        return None
    if subject.is_creation:
        return _Verdict(
            decision=Decision.CREATE, reason_code=PlanReason.NEW_PERSON, reason=subject.match.reason, fields=fields
        )
    return _Verdict(
        decision=Decision.UPDATE,
        reason_code=PlanReason.FIELDS_CHANGED,
        reason=f"fields that change: {', '.join(changed)}",
        fields=fields,
    )


def _skip(subject: _Subject, fields: _Fields) -> _Verdict:
    escalated = [entry.field for entry in fields if entry.verdict is FieldVerdict.ESCALATED]
    if escalated:
        code, reason = PlanReason.FIELD_CONFLICT, f"a person is asked which value is right: {', '.join(escalated)}"
    else:
        code, reason = PlanReason.NO_CHANGE, "the record holds everything this lead may write"
    return _Verdict(decision=Decision.SKIP, reason_code=code, reason=reason, fields=_drop_stamps(subject, fields))


#: In order of rank; the last always answers.
_FIELD_JUDGES: tuple[Callable[[_Subject, _Fields], _Verdict | None], ...] = (
    _refuse_invalid,
    _require_fields,
    _doubt_name,
    _doubt_identity,
    _write_changes,
    _skip,
)


def _find_changes(subject: _Subject, fields: _Fields) -> list[str]:
    """Return the fields that are a reason to write: all that change but the stamps."""
    stamps = subject.mapping.stamp_fields
    return [entry.field for entry in fields if entry.verdict in WRITING_VERDICTS and entry.field not in stamps]


def _drop_stamps(subject: _Subject, fields: _Fields) -> _Fields:
    """Keep stamps as they are where nothing else changes: a date alone is no reason to touch a record."""
    stamps = subject.mapping.stamp_fields
    return tuple(
        replace(
            entry,
            after=entry.before,
            verdict=FieldVerdict.KEPT_BY_POLICY,
            reason="a stamp goes along with other changes only",
        )
        if entry.field in stamps and entry.verdict in WRITING_VERDICTS
        else entry
        for entry in fields
    )


def _review(reason_code: str, reason: str, *, fields: _Fields = ()) -> _Verdict:
    return _Verdict(decision=Decision.REVIEW, reason_code=reason_code, reason=reason, fields=fields)

"""The sync decision for one lead: create, update, skip or review, with the field diff and the reasons.

Which record it is about is decided in `matching`, each field in `survivorship`, the fit of values in `preflight`, what
fields mean for the lead in `field_judges`; here their answers become one decision. Nothing is written or settled by it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from lead_pipeline.domain.decisions import Decision, FieldDecision, MatchGrade, MatchResult, SyncDecision
from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.enrichment.mailboxes import object_to_lead_address
from lead_pipeline.domain.enrichment.merging import UNVERIFIED_FLAG
from lead_pipeline.domain.field_judges import judge_fields
from lead_pipeline.domain.leads import NormalizedLead
from lead_pipeline.domain.mapping import FieldMapping, MappingSet
from lead_pipeline.domain.matching import MatchReason, RuleName, rule_in_words
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema
from lead_pipeline.domain.plan_subjects import PlanReason, PlanTarget, Standing, Subject, Verdict, review
from lead_pipeline.domain.preflight import prepare_value
from lead_pipeline.domain.refusals import ReviewReason
from lead_pipeline.domain.survivorship import FieldAnswer, FieldCase, TargetState, decide_field
from lead_pipeline.domain.unmapped_notes import with_note
from lead_pipeline.domain.write_places import WritePlace, survey_place

SYSTEM_NAME = "lead_pipeline"  # stamped on records, so that our own changes are known when they come back

#: Questions that only a refused write raises: an answer "skip" to them keeps the write from being tried again. A record
#: that was merely being edited is none of them: the next night finds it at rest.
_REFUSED_WRITES = (
    ReviewReason.DUPLICATE_RULE,
    ReviewReason.LINK_CONFLICT,
    ReviewReason.CONVERTED_OR_DELETED,
    ReviewReason.POLICY_CONFLICT,
)


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
    subject = Subject(
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
    origin = f"matched by {rule_in_words(match.rule)}" if match.rule else f"new from {lead.segment}"
    enriched = lead.values.get("enrichment_reason")
    reason = f"{origin}; {enriched}" if enriched else origin
    return replace(lead, values={**lead.values, "update_reason": reason, "updated_by_system": SYSTEM_NAME})


def _obey_skip(subject: Subject, verdict: Verdict) -> Verdict:
    """Leave a lead alone whose question a person answered with "skip"."""
    if verdict.decision is Decision.SKIP:
        return verdict
    questions = (verdict.reason_code,) if verdict.decision is Decision.REVIEW else _REFUSED_WRITES
    if not any(subject.standing.get(code) is Standing.SKIPPED for code in questions):
        return verdict
    return Verdict(
        decision=Decision.SKIP,
        reason_code=PlanReason.SKIPPED_BY_PERSON,
        reason="a person decided to leave this lead alone",
    )


def _obey_rule_outcome(subject: Subject) -> Verdict | None:
    if subject.match.reason_code != MatchReason.RULE_SET_TO_SKIP:
        return None
    return Verdict(decision=Decision.SKIP, reason_code=subject.match.reason_code, reason=subject.match.reason)


def _ask_about_match(subject: Subject) -> Verdict | None:
    if subject.match.grade is not MatchGrade.POSSIBLE or subject.is_affirmed(subject.match.reason_code):
        return None
    return review(subject.match.reason_code, subject.match.reason)


def _ask_about_weak_identity(subject: Subject) -> Verdict | None:
    is_answered = subject.match.rule == RuleName.REMEMBERED_ANSWER or subject.is_affirmed(PlanReason.WEAK_IDENTITY)
    if not subject.lead.is_weak_id or is_answered:
        return None
    return review(
        PlanReason.WEAK_IDENTITY, "only a name and a company identify this lead; namesakes would share its id"
    )


def _ask_about_target(subject: Subject) -> Verdict | None:
    if subject.match.grade is not MatchGrade.CERTAIN:
        return None
    if subject.target is None or subject.target.record.is_deleted:
        return review(PlanReason.RECORD_GONE, "the matched record is no longer in the org")
    if subject.target.record.is_converted:
        return review(PlanReason.CONVERTED_LEAD, "the matched lead was converted and its contact is unknown")
    holders = {subject.target.record.dievio_lead_id, subject.target.linked_lead_id} - {None}
    if holders - {subject.lead.dievio_lead_id}:
        return review(PlanReason.LINK_CONFLICT, "the record belongs to another lead id, and links never move")
    return None


def _decide_by_fields(subject: Subject) -> Verdict:
    return judge_fields(subject, tuple(_decide_fields(subject)))


#: In order of rank; the last always answers.
_STEPS: tuple[Callable[[Subject], Verdict | None], ...] = (
    _obey_rule_outcome,
    _ask_about_match,
    _ask_about_weak_identity,
    _ask_about_target,
    _decide_by_fields,
)


def _decide_fields(subject: Subject) -> Iterator[FieldDecision]:
    record = subject.target.record if subject.target else None
    for row, schema in subject.place.fields:
        yield decide_field(row, _build_case(subject, row, schema=schema, record=record))


def _build_case(
    subject: Subject, row: FieldMapping, *, schema: FieldSchema, record: DirectoryRecord | None
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

"""A lead beside the records it may be: field by field what each holds, and which value would win.

The values that would win come from the plan itself, so that a reviewer sees what a decision would write. What is shown
is personal data: it goes to the person who asked for this question, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lead_pipeline.domain.decisions import (
    ASKING_VERDICTS,
    WRITING_VERDICTS,
    FieldDecision,
    FieldVerdict,
    MatchGrade,
    MatchResult,
)
from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.leads import NormalizedLead
from lead_pipeline.domain.mapping import FieldMapping
from lead_pipeline.domain.matching import MatchReason, RuleName
from lead_pipeline.domain.plan_subjects import PlanReason, PlanTarget, Standing
from lead_pipeline.domain.planning import PlanRules, plan_lead
from lead_pipeline.domain.preflight import prepare_value
from lead_pipeline.domain.survivorship import AnswerChoice, FieldAnswer, FieldCase, TargetState, decide_field
from lead_pipeline.domain.value_equality import are_equal, is_blank

#: Doubts that would end the plan before it comes to the fields; a reviewer wants to see the fields.
_NO_DOUBTS: Mapping[str, Standing] = dict.fromkeys(
    (PlanReason.WEAK_IDENTITY, PlanReason.UNCERTAIN_NAME, PlanReason.MIXED_IDENTITY), Standing.AFFIRMED
)


class Winner(StrEnum):
    """Whose value the record would hold after the decision "same"."""

    LEAD = "lead"
    RECORD = "record"
    ASKED = "asked"  # the mapping wants a person to choose
    NOBODY = "nobody"  # the record cannot be written: deleted, converted, or another lead's


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One field of one record."""

    value: object
    winner: Winner
    reason: str
    is_different: bool  # both have a value, and not the same one


#: Canonical fields by which a reviewer sees who is meant, whether they differ or not.
_NAMING = frozenset({"first_name", "last_name", "company_name"})

#: Field of a Lead -> where a Contact holds the same, though it is never written there.
_HELD_BY_CONTACTS: Mapping[str, str] = {"Company": "Account.Name", "Website": "Account.Website"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedField:
    """One field of the lead beside the same field of each record."""

    label: str
    lead_value: object
    cells: tuple[Cell, ...]
    names_the_person: bool = False

    @property
    def is_telling(self) -> bool:
        """Whether the line says anything: some record differs from the lead or would change."""
        return any(cell.is_different or cell.winner in {Winner.LEAD, Winner.ASKED} for cell in self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """A lead and the records beside it, in their order."""

    records: tuple[PlanTarget, ...]
    fields: tuple[ComparedField, ...]


def compare_with_records(lead: NormalizedLead, records: Sequence[PlanTarget], rules: PlanRules) -> SideBySide:
    """Put a lead beside records of the org.

    Args:
        lead: The lead.
        records: The records, as the mirror holds them.
        rules: Mappings and schemas, which decide whose value wins.
    """
    created = plan_lead(lead, _match(lead, None), target=None, rules=rules, standing=_NO_DOUBTS)
    values = {entry.field: entry.after for entry in created.fields}
    columns = [(record.record, _column(lead, record, rules)) for record in records]
    fields = [
        ComparedField(
            label=row.label,
            lead_value=values.get(row.to),
            cells=tuple(
                column.get(row.source or "") or _unmapped_cell(row, record, values.get(row.to), rules)
                for record, column in columns
            ),
            names_the_person=row.source in _NAMING,
        )
        for row in rules.mappings.lead.written_fields
        if not row.is_stamp
    ]
    return SideBySide(records=tuple(records), fields=tuple(field for field in fields if not _is_empty(field)))


def list_offers(lead: NormalizedLead, target: PlanTarget, rules: PlanRules) -> dict[str, object]:
    """Return API name -> value that a person may take for a record: what the lead brings and the record has not.

    Args:
        lead: The lead.
        target: A live record.
        rules: Mappings and schemas.
    """
    place = rules.place(target.record.object_name, is_creation=False)
    offers: dict[str, object] = {}
    for row, schema in place.fields:
        prepared = prepare_value(row, lead.values.get(row.source or ""), schema=schema)
        case = FieldCase(
            before=target.record.fields.get(row.to),
            prepared=prepared,
            field_type=schema.type,
            target=TargetState.UPDATE,
            source_at=lead.fetched_at,
            answer=FieldAnswer(choice=AnswerChoice.TAKE, value=prepared.value),
            placeholders=place.mapping.placeholders,
        )
        if not row.is_stamp and decide_field(row, case).verdict in WRITING_VERDICTS:
            offers[row.to] = prepared.value
    return offers


def _column(lead: NormalizedLead, target: PlanTarget, rules: PlanRules) -> Mapping[str, Cell]:
    """Return canonical field -> what the record holds there, and who would win."""
    record = target.record
    plan = plan_lead(lead, _match(lead, target), target=target, rules=rules, standing=_NO_DOUBTS)
    decided = {entry.field: entry for entry in plan.fields}
    mapping = rules.mappings.for_object(record.object_name)
    return {
        row.source or "": _cell(row, decided.get(row.to), held=record.fields.get(row.to), reason=plan.reason)
        for row in mapping.written_fields
    }


def _cell(row: FieldMapping, decided: FieldDecision | None, *, held: object, reason: str) -> Cell:
    if decided is None:
        return Cell(value=held, winner=Winner.NOBODY, reason=reason, is_different=False)
    is_written = decided.verdict in WRITING_VERDICTS
    winner = Winner.LEAD if is_written else Winner.RECORD
    if decided.verdict in ASKING_VERDICTS:
        winner = Winner.ASKED
    unequal = decided.verdict not in {FieldVerdict.KEPT_EQUAL, FieldVerdict.NO_SOURCE_VALUE}
    return Cell(
        value=held,
        winner=winner,
        reason=f"{row.write}: {decided.reason}",
        is_different=unequal and not is_blank(held),
    )


def _unmapped_cell(row: FieldMapping, record: DirectoryRecord, lead_value: object, rules: PlanRules) -> Cell:
    """Return what a record of another kind holds in place of a Lead's field: a reviewer has to see the names."""
    held = record.fields.get(_HELD_BY_CONTACTS.get(row.to, row.to))
    schema = rules.schemas["Lead"].fields.get(row.to)
    is_equal = are_equal(lead_value, held, field_type="string" if schema is None else schema.type)
    return Cell(
        value=held,
        winner=Winner.RECORD,
        reason=f"not mapped for a {record.object_name}: it stays as it is",
        is_different=not (is_equal or is_blank(lead_value) or is_blank(held)),
    )


def _is_empty(field: ComparedField) -> bool:
    return is_blank(field.lead_value) and all(is_blank(cell.value) for cell in field.cells)


def _match(lead: NormalizedLead, target: PlanTarget | None) -> MatchResult:
    """Return the match that a person's answer would make."""
    is_named = target is not None
    return MatchResult(
        dievio_lead_id=lead.dievio_lead_id,
        grade=MatchGrade.CERTAIN if is_named else MatchGrade.NONE,
        rule=RuleName.REMEMBERED_ANSWER if is_named else None,
        object_name=target.record.object_name if target else None,
        salesforce_id=target.record.salesforce_id if target else None,
        reason_code=MatchReason.CERTAIN_MATCH if is_named else MatchReason.NO_CANDIDATE,
        reason="a person named this record" if is_named else "no record",
        candidate_count=int(is_named),
    )

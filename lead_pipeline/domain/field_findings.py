"""Where a mapping does not fit the fields of an org, all of it at once, with the exact repair for each.

What values fit a field is `org_schema`; what a single gap means for a plan is `preflight`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from lead_pipeline.domain.field_drift import FieldPasts, absent_values, has_shrunk, is_narrow, size_of
from lead_pipeline.domain.findings import Finding, Severity
from lead_pipeline.domain.mapping import IDENTITY_SOURCE, FieldMapping, ObjectMapping, OnUnmapped, WritePolicy
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema
from lead_pipeline.domain.preflight import GapCode, check_mapping, is_of_declared_kind
from lead_pipeline.domain.write_protocol import RECEIPT_FIELD

SIMILAR_NAME = 0.7  # share of equal characters: LinkedInUrl__c for LinkedIn_URL__c, not one Dievio field for another
RECEIPT_LENGTH = 36  # characters of a UUID
#: Written by the hand-over after the gates, although the mapping never writes it.
HANDED_OVER = frozenset({"OwnerId"})
#: Codes of findings that keep values of single fields from being written.
FIELD_CODES = frozenset({"field_gone", "field_locked", "field_narrow", "type_differs", "picklist_values_missing"})
SWITCHED_OFF = "it took more before: the field is switched off, and leads go on without its value"
WRITES_EXISTING = frozenset({WritePolicy.FILL_BLANK, WritePolicy.TRACKED, WritePolicy.ALWAYS})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldExamination:
    """What is held against each other: one object's mapping, its fields, those we wrote before, and what they were."""

    mapping: ObjectMapping
    schema: ObjectSchema
    written_before: Collection[str] = frozenset()
    pasts: FieldPasts = field(default_factory=dict)

    def subject(self, name: str) -> str:
        """Return how a field is called in findings."""
        return f"{self.mapping.object_name}.{name}"


def examine_fields(examination: FieldExamination) -> Iterator[Finding]:
    """Yield every place where a mapping does not fit its object."""
    for row in examination.mapping.written_fields:
        field = examination.schema.fields.get(row.to)
        if field is None:
            yield _missing(examination, row)
            continue
        yield from _examine_access(examination, row, field)
        yield from _examine_form(examination, row, field)
    yield from _examine_gaps(examination)
    yield from _examine_identity(examination)
    yield from _examine_receipt(examination)
    yield from _examine_protected(examination)


def find_drift(examination: FieldExamination, *, before: ObjectSchema) -> tuple[Finding, ...]:
    """Return what became wrong with an object's fields since it was described before; errors among it stop a run.

    Args:
        examination: The object as it is now.
        before: The object as it was.
    """
    then = replace(examination, schema=before)
    since = replace(examination, written_before={*examination.written_before, *before.fields})
    known = {(finding.code, finding.subject) for finding in examine_fields(then)}
    return tuple(
        finding
        for finding in examine_fields(since)
        if (finding.code in FIELD_CODES or finding.severity is Severity.ERROR)
        and (finding.code, finding.subject) not in known
    )


def _missing(examination: FieldExamination, row: FieldMapping) -> Finding:
    """Return the finding about a field that is not there: to be made, gone since, or to be done without."""
    subject = examination.subject(row.to)
    if row.to in examination.written_before and row.source != IDENTITY_SOURCE:
        return Finding(
            code="field_gone",
            severity=Severity.WARNING,
            subject=subject,
            what="the field that we wrote before is no longer there, or no longer visible to the integration user",
            why="leads go on without its value",
            repair="Make it again or give the integration user access; else take its row out of the mapping",
        )
    if row.on_unmapped is OnUnmapped.DROP:
        return Finding(
            code="field_dropped",
            severity=Severity.WARNING,
            subject=subject,
            what="the field is not there, or not visible to the integration user",
            why="the mapping says to go on without it (on_unmapped: drop), so its value is lost",
            repair=_make(row),
        )
    if row.on_unmapped is OnUnmapped.NOTES:
        return Finding(
            code="field_noted",
            severity=Severity.NOTE,
            subject=subject,
            what="the field is not there, or not visible to the integration user",
            why="the mapping says to put its value into the notes (on_unmapped: notes)",
            repair=f"Nothing to do; for a field of its own: {_make(row)}",
        )
    taken = {entry.to for entry in examination.mapping.fields} | {RECEIPT_FIELD}
    free = [name for name in examination.schema.fields if name not in taken]
    nearest = get_close_matches(row.to, free, n=1, cutoff=SIMILAR_NAME)
    return Finding(
        code="field_missing",
        severity=Severity.ERROR,
        subject=subject,
        what="the field is not there, or not visible to the integration user",
        why="nothing is written before the fields of the mapping are there, so that no value is lost silently",
        repair=f"Did you mean {nearest[0]}? Otherwise: {_make(row)}" if nearest else _make(row),
    )


def _make(row: FieldMapping) -> str:
    if not row.is_custom:
        return "Give the integration user read and edit access to it"
    kind = f" of type {row.type}" if row.type else ""
    return f"Create {row.to}{kind}, label {row.label}, and give the integration user read and edit access"


def _examine_access(examination: FieldExamination, row: FieldMapping, field: FieldSchema) -> Iterator[Finding]:
    creates = examination.mapping.object_name == "Lead"
    lacks = [
        words
        for words, is_needed, is_given in (
            ("at creation", creates, field.is_createable),
            ("on existing records", row.write in WRITES_EXISTING, field.is_updateable),
        )
        if is_needed and not is_given
    ]
    if lacks:
        yield Finding(
            code="field_locked",
            severity=Severity.WARNING,
            subject=examination.subject(row.to),
            what=f"the integration user may not write the field {' and '.join(lacks)}",
            why="leads go on without its value there",
            repair="Give edit access in the permission set of the integration user, or set write to never",
        )


def _examine_form(examination: FieldExamination, row: FieldMapping, field: FieldSchema) -> Iterator[Finding]:
    """Yield where the field is of another kind, shorter, or lacks values that the mapping counts on."""
    subject = examination.subject(row.to)
    if not is_of_declared_kind(row, field):
        is_drift = row.to in examination.written_before and row.source != IDENTITY_SOURCE
        yield Finding(
            code="type_differs",
            severity=Severity.WARNING if is_drift else Severity.ERROR,
            subject=subject,
            what=f"the field is of type {field.type}, the mapping was written for {row.type}",
            why="leads go on without its value" if is_drift else "every value would be refused or mean something else",
            repair=f"Make a field of type {row.type}, or map a field that has it",
        )
        return
    is_off = has_shrunk(row, field, examination.pasts.get(row.to))
    if row.type is not None and is_narrow(row, field):
        is_id = row.source == IDENTITY_SOURCE
        yield Finding(
            code="id_narrow" if is_id else "field_narrow",
            severity=Severity.ERROR if is_id else Severity.WARNING,
            subject=subject,
            what=f"the field takes {size_of(field)} characters or digits, the mapping was written for {row.type}",
            why=_why_narrow(row, is_off=is_off),
            repair=f"Widen the field to {row.type.length}, or set type in the mapping to what is meant",
        )
    if absent := absent_values(row, field):
        yield Finding(
            code="picklist_values_missing",
            severity=Severity.WARNING,
            subject=subject,
            what=f"the restricted picklist lacks {', '.join(absent)}",
            why=SWITCHED_OFF if is_off else "leads that bring one of them go on without it",
            repair="Add the values, or set values in the mapping to those that are meant",
        )


def _why_narrow(row: FieldMapping, *, is_off: bool) -> str:
    if row.source == IDENTITY_SOURCE:
        return "longer ids would be refused, and nobody could find these leads again"
    if is_off:
        return SWITCHED_OFF
    return "longer values are cut and recorded" if row.trim else "longer values are not written"


#: Gap of the mapping -> why it matters and what to do, for those that only the org can tell.
_GAPS: Mapping[GapCode, tuple[str, str]] = {
    GapCode.BOOLEAN_NEVER_BLANK: (
        "the policy would never apply",
        "Use always, write_once or never for it",
    ),
    GapCode.UNSAFE_TRIM: ("half of such a value is a wrong one", "Remove trim from its row"),
    GapCode.REQUIRED_WITHOUT_SOURCE: (
        "Salesforce refuses every new record without it",
        "Map it, give it a default in Salesforce, or make it optional there",
    ),
}


def _examine_gaps(examination: FieldExamination) -> Iterator[Finding]:
    for gap in check_mapping(examination.mapping, examination.schema):
        if gap.code in _GAPS:
            why, repair = _GAPS[gap.code]
            yield Finding(
                code=gap.code.value,
                severity=Severity.ERROR,
                subject=examination.subject(gap.field),
                what=gap.message,
                why=why,
                repair=repair,
            )


def _examine_identity(examination: FieldExamination) -> Iterator[Finding]:
    name = examination.mapping.identity_field
    field = examination.schema.fields.get(name)
    if field is None:
        return
    for code, is_met, severity, lack, why in (
        ("id_not_external", field.is_external_id, Severity.ERROR, "no External ID", "records are not found by it"),
        ("id_not_unique", field.is_unique, Severity.ERROR, "not Unique", "one person could get two records"),
        (
            "id_ignores_case",
            field.is_case_sensitive,
            Severity.WARNING,
            "not case-sensitive",
            "two ids that differ in case alone would be one",
        ),
    ):
        if not is_met:
            yield Finding(
                code=code,
                severity=severity,
                subject=examination.subject(name),
                what=f"the field of our id is {lack}",
                why=why,
                repair="In its definition tick External ID and Unique, and choose to treat ABC and abc as different",
            )


def _examine_receipt(examination: FieldExamination) -> Iterator[Finding]:
    field = examination.schema.fields.get(RECEIPT_FIELD)
    if field is not None and field.is_updateable and size_of(field) >= RECEIPT_LENGTH:
        return
    yield Finding(
        code="receipt_missing",
        severity=Severity.ERROR,
        subject=examination.subject(RECEIPT_FIELD),
        what="the field that carries our receipt is missing, locked or too short",
        why="a write whose answer got lost could not be told from one that never happened",
        repair=f"Create {RECEIPT_FIELD} of type string({RECEIPT_LENGTH}) and give the integration user edit access",
    )


def _examine_protected(examination: FieldExamination) -> Iterator[Finding]:
    fields = examination.schema.fields
    editable = [
        row.to
        for row in examination.mapping.fields
        if row.write is WritePolicy.NEVER and row.to not in HANDED_OVER and row.to in fields
        if fields[row.to].is_updateable and fields[row.to].is_nillable  # access to required fields cannot be taken away
    ]
    if editable:
        yield Finding(
            code="protected_fields_editable",
            severity=Severity.WARNING,
            subject=examination.mapping.object_name,
            what=f"the integration user may edit fields that the mapping never writes: {', '.join(editable)}",
            why="the org itself should refuse what the mapping forbids",
            repair="Take edit access to these fields out of the permission set of the integration user",
        )

"""Values without a field: which of them go into notes, in what words, and what the notes may replace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lead_pipeline.domain.decisions import Decision, FieldVerdict
from lead_pipeline.domain.field_findings import FieldExamination, examine_fields
from lead_pipeline.domain.findings import Severity
from lead_pipeline.domain.mapping import (
    NOTES_SOURCE,
    FieldMapping,
    MappingSet,
    OnConflict,
    OnUnmapped,
    WritePolicy,
    build_mapping_set,
)
from lead_pipeline.domain.org_guard import guard_rules, is_guarded
from lead_pipeline.domain.planning import plan_lead
from lead_pipeline.domain.unmapped_notes import MAX_NOTE_CHARACTERS, MAX_VALUE_CHARACTERS, build_note
from lead_pipeline_tests.domain.plan_builders import field, lead, mapping_set, match, no_match, plan_rules, target

PLAIN = mapping_set()
NOTED = ("Employee_Band__c", "Department__c", "Seniority__c")
LEAD = lead(employee_band="201-500", department="Sales")
TEXT = "From Dievio:\nEmployee Band: 201-500\nSeniority: vp\nDepartment: Sales"


def noting(write: WritePolicy = WritePolicy.FILL_BLANK, **changes: object) -> MappingSet:
    """Return the packaged mapping with some values sent into the Description."""

    def change(row: FieldMapping) -> FieldMapping:
        if row.to in NOTED:
            return replace(row, on_unmapped=OnUnmapped.NOTES, **changes)  # type: ignore[arg-type]
        return replace(row, source=NOTES_SOURCE, write=write) if row.to == "Description" else row

    rows = tuple(change(row) for row in PLAIN.lead.fields)
    return build_mapping_set(replace(PLAIN.lead, fields=rows), PLAIN.contact)


DESCRIPTION = field("Description", "textarea", 32_000)
LACKING = dict.fromkeys(NOTED)
RULES = plan_rules(noting(), Description=DESCRIPTION, **LACKING)


def rows_of(mappings: MappingSet) -> list[FieldMapping]:
    return [row for row in mappings.lead.written_fields if row.on_unmapped is OnUnmapped.NOTES]


def note(mappings: MappingSet | None = None, *, most_characters: int = 32_000, **of: object) -> str | None:
    values = {"employee_band": "201-500", "department": "Sales", **of}
    return build_note(
        rows_of(mappings or noting()),
        lead(**values),  # type: ignore[arg-type]
        placeholders=PLAIN.lead.placeholders,
        most_characters=most_characters,
    )


def test_values_without_a_field_go_into_the_notes_of_a_new_record() -> None:
    decision = plan_lead(LEAD, no_match(), target=None, rules=RULES)
    assert decision.changes()["Description"] == TEXT


def test_notes_fill_a_blank_description_and_the_next_night_changes_nothing() -> None:
    first = plan_lead(LEAD, match(), target=target(Description=None), rules=RULES)
    assert first.changes()["Description"] == TEXT
    kept: dict[str, Any] = {"Description": TEXT.replace("\n", "\r\n")}  # as the org gives it back
    second = plan_lead(LEAD, match(), target=target(written={"Description": TEXT}, **kept), rules=RULES)
    assert (second.decision, second.changes()) == (Decision.SKIP, {})


def test_what_a_person_wrote_there_stands_even_when_the_notes_differ() -> None:
    for text in ("Met at the fair", f"{TEXT}\nCalled, no answer"):
        decision = plan_lead(LEAD, match(), target=target(written={"Description": TEXT}, Description=text), rules=RULES)
        assert decision.changes() == {}
        (entry,) = (entry for entry in decision.fields if entry.field == "Description")
        assert entry.verdict is FieldVerdict.KEPT_REP_VALUE


def test_notes_that_somebody_removed_do_not_come_back() -> None:
    decision = plan_lead(LEAD, match(), target=target(written={"Description": TEXT}, Description=None), rules=RULES)
    assert "Description" not in decision.changes()


def test_a_value_goes_into_its_field_as_soon_as_the_org_has_one() -> None:
    decision = plan_lead(
        LEAD, no_match(), target=None, rules=plan_rules(noting(), Description=DESCRIPTION, Employee_Band__c=None)
    )
    assert decision.changes()["Description"] == "From Dievio:\nEmployee Band: 201-500"
    assert decision.changes()["Department__c"] == "Sales"


def test_a_lead_without_such_values_gets_no_notes() -> None:
    bare = lead(employee_band=None, department=None, seniority=None)
    assert "Description" not in plan_lead(bare, no_match(), target=None, rules=RULES).changes()


def test_an_org_without_a_field_for_notes_takes_the_lead_without_them() -> None:
    decision = plan_lead(LEAD, no_match(), target=None, rules=plan_rules(noting(), **LACKING))
    assert decision.decision is Decision.CREATE
    assert NOTES_SOURCE not in str(decision.changes())


def test_the_notes_are_the_same_whatever_the_night() -> None:
    assert note() == note() == TEXT


def test_values_of_which_nobody_is_sure_and_placeholders_stay_out() -> None:
    demanding = noting(min_confidence=0.7)
    assert note(demanding, shares={"department": 0.4, "employee_band": 0.8}) == TEXT.replace("\nDepartment: Sales", "")
    assert note(flags=("unverified_department",)) == TEXT.replace("\nDepartment: Sales", "")
    assert note(department="N/A") == TEXT.replace("\nDepartment: Sales", "")


def test_values_are_put_into_the_words_of_their_value_map() -> None:
    mapped = noting(value_map={"Sales": "Vertrieb"})
    assert note(mapped) == "From Dievio:\nDepartment: Vertrieb"


def test_notes_are_bounded_line_by_line() -> None:
    assert note(most_characters=len(TEXT) - 1) == TEXT.replace("\nDepartment: Sales", "")
    assert note(most_characters=10) is None
    long = note(department="word " * 100) or ""
    assert long.endswith("word…")
    assert all(len(line) < MAX_VALUE_CHARACTERS + 20 for line in long.splitlines())
    assert "\nx" not in (note(department="a\nx") or "")
    many = [replace(row, label=f"{number} {'x' * 90}") for number in range(90) for row in rows_of(noting())]
    assert len(build_note(many, LEAD, placeholders=frozenset(), most_characters=32_000) or "") <= MAX_NOTE_CHARACTERS


def test_a_doctor_says_where_the_value_goes_and_holds_nothing_up() -> None:
    findings = examine_fields(FieldExamination(mapping=noting().lead, schema=RULES.schemas["Lead"]))
    noted = [finding for finding in findings if finding.code == "field_noted"]
    assert [finding.subject for finding in noted] == [f"Lead.{row.to}" for row in rows_of(noting())]
    assert {finding.severity for finding in noted} == {Severity.NOTE}


@pytest.mark.parametrize(("write", "expected"), [(WritePolicy.FILL_BLANK, False), (WritePolicy.WRITE_ONCE, True)])
def test_notes_on_existing_records_are_beyond_the_guard(write: WritePolicy, *, expected: bool) -> None:
    mapping = noting(write, on_conflict=OnConflict.KEEP).lead
    rules = {rule.name for rule in guard_rules(mapping)}
    assert not any("Description" in name for name in rules)
    assert is_guarded(mapping, rules) is expected

from __future__ import annotations

from dataclasses import replace

import pytest

from lead_pipeline.domain.mapping import DeclaredType, FieldMapping, OnConflict, WritePolicy
from lead_pipeline.domain.org_guard import (
    DECISION_FIELD,
    INTEGRATION_PERMISSION,
    OWNER_RULE,
    compared_rows,
    guard_rules,
    guard_values,
    is_guard_field,
    is_guarded,
    owner_rule,
    seen_field,
)
from lead_pipeline.sandbox.salesforce_org.formula import Change, compile_formula
from lead_pipeline_tests.domain.org_package.builders import mapping_of, row

LONG_NAME = "A_Field_With_A_Name_As_Long_As_It_May_Be__c"


def formula(name: str, source: str, write: WritePolicy, *, on_conflict: OnConflict = OnConflict.KEEP) -> str:
    _, rule = guard_rules(mapping_of("Lead", row(name, source, write, on_conflict=on_conflict)))
    return rule.formula


def test_our_id_never_moves_not_even_by_decision() -> None:
    (rule,) = guard_rules(mapping_of("Lead"))
    assert rule.name == "Dievio_Never_Moves_Dievio_Lead_ID_c"
    assert DECISION_FIELD not in rule.formula
    assert "NOT(ISBLANK(PRIORVALUE(Dievio_Lead_ID__c)))" in rule.formula


def test_a_filled_field_may_change_only_from_blank_or_placeholder() -> None:
    text = formula("Phone", "phone", WritePolicy.FILL_BLANK)
    assert 'OR(ISBLANK(PRIORVALUE(Phone)), CONTAINS("|-|n/a|", "|" & LOWER(TRIM(PRIORVALUE(Phone))) & "|"))' in text
    assert f"NOT(ISCHANGED({DECISION_FIELD}))" in text


def test_a_number_has_no_placeholders() -> None:
    assert "CONTAINS" not in formula("NumberOfEmployees", "employee_count", WritePolicy.FILL_BLANK)


def test_a_picklist_is_compared_as_text() -> None:
    assert "TEXT(PRIORVALUE(Industry))" in formula("Industry", "industry", WritePolicy.FILL_BLANK)
    assert "TEXT(PRIORVALUE(Seniority__c))" in formula("Seniority__c", "seniority", WritePolicy.FILL_BLANK)


@pytest.mark.parametrize("write", [WritePolicy.TRACKED, WritePolicy.ALWAYS])
@pytest.mark.parametrize(
    ("seen", "held", "is_refused"),
    [
        ("Head", "Head", False),
        ("Head", "Chief", True),
        ("Head", None, True),  # cleared by a person
        (None, "Chief", True),
        (None, None, False),
        (None, "#n/a", False),  # a job can't say this text: both sides take it for a blank
        ("Head", " #N/A ", True),
    ],
)
def test_a_value_is_replaced_only_while_it_is_what_the_update_was_planned_with(
    write: WritePolicy, seen: str | None, held: str | None, *, is_refused: bool
) -> None:
    shadow = seen_field("Title")
    old = {"Title": held, shadow: "what an earlier update saw"}
    shown = guard_values({"Title": seen}, org_fields={shadow}, decision_id=None)
    save = Change(new={**old, "Title": "New", **shown}, old=old, permissions=frozenset({INTEGRATION_PERMISSION}))
    assert compile_formula(formula("Title", "title", write))(save) is is_refused


def test_numbers_are_compared_as_numbers() -> None:
    text = formula("Employee_Count__c", "employee_count", WritePolicy.ALWAYS)
    shadow = seen_field("Employee_Count__c")
    assert "TRIM" not in text
    for held, is_refused in ((250, False), (251, True), (None, True)):
        old = {"Employee_Count__c": held, shadow: None}
        new = {"Employee_Count__c": 300, shadow: 250}
        save = Change(new=new, old=old, permissions=frozenset({INTEGRATION_PERMISSION}))
        assert compile_formula(text)(save) is is_refused


def test_a_field_where_the_newest_value_wins_is_compared_too() -> None:
    text = formula("Title", "title", WritePolicy.FILL_BLANK, on_conflict=OnConflict.NEWEST)
    assert "PRIORVALUE(Title) <> Dievio_Seen_Title__c" in text


def test_a_field_written_once_never_changes_again() -> None:
    assert formula("Original_Source__c", "source", WritePolicy.WRITE_ONCE).endswith(
        "ISCHANGED(Original_Source__c), TRUE)"
    )


def test_stamps_need_no_rule_as_nobody_else_writes_them() -> None:
    stamp = replace(row("Dievio_Last_Synced_At__c", "synced_at", WritePolicy.ALWAYS), is_stamp=True)
    assert len(guard_rules(mapping_of("Lead", stamp))) == 1
    assert compared_rows(mapping_of("Lead", stamp)) == ()


@pytest.mark.parametrize(
    "long_text",
    [
        row("Description", "title", WritePolicy.TRACKED),
        replace(row("Story__c", "title", WritePolicy.ALWAYS), type=DeclaredType(name="textarea", length=2_000)),
    ],
)
def test_long_texts_are_beyond_rules_so_their_updates_stay_conditional(long_text: FieldMapping) -> None:
    mapping = mapping_of("Lead", long_text)
    assert len(guard_rules(mapping)) == 1
    assert compared_rows(mapping) == ()
    assert not is_guarded(mapping, {rule.name for rule in guard_rules(mapping)})


def test_a_reference_is_compared_by_its_long_id_as_the_api_tells_it() -> None:
    account = replace(row("Company__c", "account_id", WritePolicy.ALWAYS), type=DeclaredType(name="reference"))
    _, rule = guard_rules(mapping_of("Lead", account))
    assert "CASESAFEID(PRIORVALUE(Company__c)) <> Dievio_Seen_Company__c" in rule.formula


def test_what_a_row_declares_says_how_its_field_is_compared() -> None:
    listed = replace(row("Department__c", "department", WritePolicy.ALWAYS), type=DeclaredType(name="picklist"))
    number = replace(row("Size__c", "title", WritePolicy.FILL_BLANK), type=DeclaredType(name="double", length=18))
    _, of_listed, of_number = guard_rules(mapping_of("Lead", listed, number))
    assert "TEXT(PRIORVALUE(Department__c)) <> Dievio_Seen_Department__c" in of_listed.formula
    assert "NOT(ISBLANK(PRIORVALUE(Size__c)))" in of_number.formula


def test_without_placeholders_only_blank_counts_as_blank() -> None:
    mapping = mapping_of("Lead", row("Phone", "phone", WritePolicy.FILL_BLANK), placeholders=frozenset())
    assert "CONTAINS" not in guard_rules(mapping)[1].formula


def test_an_org_is_guarded_only_with_every_rule_of_this_mapping() -> None:
    mapping = mapping_of("Lead", row("Phone", "phone", WritePolicy.FILL_BLANK))
    names = {rule.name for rule in guard_rules(mapping)}
    assert is_guarded(mapping, {*names, "Another_Rule"})
    assert not is_guarded(mapping, names - {"Dievio_Fill_Blank_Phone"})


def test_names_fit_into_forty_characters() -> None:
    (_, rule) = guard_rules(mapping_of("Lead", row(LONG_NAME, "title", WritePolicy.TRACKED)))
    assert len(rule.name) <= 40
    assert len(seen_field(LONG_NAME).removesuffix("__c")) <= 40


def test_an_update_names_the_values_it_was_planned_with() -> None:
    before = {"Title": "Head of Sales", "Email": None, "Phone": "+1"}
    org_fields = {"Dievio_Seen_Title__c", "Dievio_Seen_Email__c", DECISION_FIELD}
    assert guard_values(before, org_fields=org_fields, decision_id=None) == {
        "Dievio_Seen_Title__c": "Head of Sales",
        "Dievio_Seen_Email__c": None,
    }


def test_a_decision_of_a_person_shows_its_id_where_the_org_has_a_field_for_it() -> None:
    assert guard_values({}, org_fields={DECISION_FIELD}, decision_id="op") == {DECISION_FIELD: "op"}
    assert guard_values({}, org_fields=set(), decision_id="op") == {}


def test_fields_of_the_guard_are_told_from_fields_of_the_person() -> None:
    assert is_guard_field(seen_field("Title"))
    assert is_guard_field(DECISION_FIELD)
    assert not is_guard_field("Dievio_Confidence__c")


def test_our_user_moves_a_lead_only_out_of_the_holding_queue() -> None:
    assert owner_rule().name == OWNER_RULE
    assert (
        "PRIORVALUE(OwnerId) <> $CustomMetadata.Dievio_Setting__mdt.Default.Holding_Queue_Id__c" in owner_rule().formula
    )


def test_a_blank_and_the_mark_for_null_clear_the_shadow_of_an_earlier_update() -> None:
    before = {"Title": "", "Email": "#N/A"}
    seen = guard_values(before, org_fields={seen_field("Title"), seen_field("Email")}, decision_id=None)
    assert seen == {seen_field("Title"): None, seen_field("Email"): None}

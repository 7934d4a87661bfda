"""A reviewer sees what the plan would write, field by field, before deciding."""

from __future__ import annotations

from typing import Any

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.mapping import ObjectMapping, build_mapping_set
from lead_pipeline.domain.mapping_document import parse_mapping
from lead_pipeline.domain.side_by_side import Cell, SideBySide, Winner, compare_with_records, list_offers
from lead_pipeline_tests.domain.plan_builders import lead, mapping_set, plan_rules, target

MAPPINGS = mapping_set()
RULES = plan_rules(MAPPINGS)


def label_of(name: str, mapping: ObjectMapping = MAPPINGS.lead) -> str:
    return next(row.label for row in mapping.fields if row.to == name)


def cells(comparison: SideBySide, name: str) -> tuple[Cell, ...]:
    return next(field.cells for field in comparison.fields if field.label == label_of(name))


def test_a_blank_is_filled_and_a_reps_value_is_kept() -> None:
    record = target(dievio_lead_id=None, Phone=None, FirstName="Erica")

    comparison = compare_with_records(lead(), [record], RULES)

    (phone,), (name,) = cells(comparison, "Phone"), cells(comparison, "FirstName")
    assert (phone.value, phone.winner, phone.is_different) == (None, Winner.LEAD, False)
    assert (name.value, name.winner, name.is_different) == ("Erica", Winner.RECORD, True)
    assert "fill_blank" in name.reason


def test_equal_fields_say_nothing() -> None:
    comparison = compare_with_records(lead(), [target()], RULES)

    (email,) = [field for field in comparison.fields if field.label == label_of("Email")]
    assert email.lead_value == "erika@acme.example"
    assert not email.is_telling


def test_each_record_has_its_column_and_a_contact_its_own_fields() -> None:
    comparison = compare_with_records(lead(), [target(), target(object_name="Contact", Title="Boss")], RULES)

    assert [cell.value for cell in cells(comparison, "Title")] == ["VP Sales", "Boss"]
    assert {len(field.cells) for field in comparison.fields} == {2}


def test_names_of_a_contact_are_shown_though_they_are_never_written_there() -> None:
    account: dict[str, Any] = {"Account.Name": "Acme GmbH"}
    contact = target(object_name="Contact", LastName="Beispeil", **account)

    comparison = compare_with_records(lead(), [contact], RULES)

    (name,), (company,) = cells(comparison, "LastName"), cells(comparison, "Company")
    assert (name.value, name.winner, name.is_different) == ("Beispeil", Winner.RECORD, True)
    assert (company.value, company.winner, company.is_different) == ("Acme GmbH", Winner.RECORD, False)
    assert "stays as it is" in name.reason


def test_a_person_may_take_what_the_lead_brings_and_the_record_has_not() -> None:
    record = target(dievio_lead_id=None, Title="Rep's title", Phone=None)

    offers = list_offers(lead(), record, RULES)

    assert (offers["Title"], offers["Phone"]) == ("VP Sales", "+4930123456")
    assert "FirstName" not in offers  # equal
    assert not {"Status", "OwnerId", "Dievio_Update_Reason__c"} & offers.keys()  # never written, or a stamp


def test_a_record_that_cannot_be_written_shows_its_values_and_no_winner() -> None:
    for record in (target(dievio_lead_id="lead-2"), target(is_deleted=True), target(is_converted=True)):
        (title,) = cells(compare_with_records(lead(), [record], RULES), "Title")

        assert (title.value, title.winner) == ("VP Sales", Winner.NOBODY)


def test_a_doubtful_lead_without_candidates_still_shows_its_values() -> None:
    comparison = compare_with_records(lead(is_weak_id=True), [], RULES)

    assert {field.label: field.lead_value for field in comparison.fields}[label_of("Company")] == "Acme GmbH"


def test_a_field_that_a_person_is_asked_about_has_no_winner_yet() -> None:
    document: Any = load_document("mapping/lead")
    next(row for row in document["fields"] if row["to"] == "Title")["on_conflict"] = "escalate"
    asking = build_mapping_set(parse_mapping(document), parse_mapping(load_document("mapping/contact")))

    (title,) = cells(compare_with_records(lead(), [target(Title="Rep's title")], plan_rules(asking)), "Title")

    assert (title.value, title.winner, title.is_different) == ("Rep's title", Winner.ASKED, True)

"""What of a mapping works on an object of the org, as a new record or an existing one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lead_pipeline.domain.write_places import WritePlace, survey_place
from lead_pipeline_tests.domain.plan_builders import field, mapping_set, org_schema

CHANGED: dict[str, Any] = {
    "Title": None,
    "Original_Source__c": field("Original_Source__c", length=255, is_updateable=False),
    "Phone": field("Phone", "phone", 40, is_createable=False),
}


def names(place: WritePlace) -> set[str]:
    return {row.to for row, _ in place.fields}


def place(*, is_creation: bool) -> WritePlace:
    return survey_place(mapping_set().lead, org_schema(**CHANGED), is_creation=is_creation)


def test_a_field_the_org_lacks_is_written_nowhere() -> None:
    assert "Title" not in names(place(is_creation=True)) | names(place(is_creation=False))


def test_a_field_locked_after_creation_is_written_to_new_records_only() -> None:
    assert "Original_Source__c" in names(place(is_creation=True)) - names(place(is_creation=False))


def test_a_field_locked_at_creation_is_written_to_existing_records_only() -> None:
    assert "Phone" in names(place(is_creation=False)) - names(place(is_creation=True))


def test_a_field_that_became_another_kind_is_switched_off_and_one_of_undeclared_kind_is_not() -> None:
    rows = tuple(replace(row, type=None) if row.to == "Title" else row for row in mapping_set().lead.fields)
    changed = org_schema(Department__c=field("Department__c", "boolean"), Title=field("Title", "boolean"))

    survey = survey_place(replace(mapping_set().lead, fields=rows), changed, is_creation=False)

    assert "Department__c" not in names(survey)
    assert "Title" in names(survey)


def test_a_field_that_shrank_is_switched_off_unless_a_new_record_needs_it() -> None:
    shrunk = {"Title", "Company"}
    new, known = (
        survey_place(mapping_set().lead, org_schema(), is_creation=is_creation, shrunk=shrunk)
        for is_creation in (True, False)
    )
    assert names(new) & shrunk == {"Company"}
    assert names(known) & shrunk == set()


def test_only_a_new_record_has_required_fields() -> None:
    assert set(place(is_creation=True).required_fields) == {"LastName", "Company"}
    assert place(is_creation=False).required_fields == ()

"""When a field counts as smaller than it was: the table is the specification."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lead_pipeline.domain.field_drift import FieldPast, find_shrunk_fields, has_shrunk
from lead_pipeline.domain.mapping import FieldMapping
from lead_pipeline.domain.org_schema import FieldSchema
from lead_pipeline_tests.domain.plan_builders import field, mapping_set, org_schema

ROWS = {row.to: row for row in mapping_set().lead.fields}
TEXT = ROWS["Title"]  # string(128)
NUMBER = ROWS["Employee_Count__c"]  # double(18,0)
LISTED = ROWS["Seniority__c"]
OURS = ROWS["Dievio_Lead_ID__c"]
VALUES = frozenset(LISTED.values)


def listed(*values: str, is_restricted: bool = True) -> FieldSchema:
    return field("Seniority__c", "picklist", 255, is_restricted_picklist=is_restricted, picklist_values=values)


CASES: dict[str, tuple[FieldMapping, FieldSchema, FieldPast | None, bool]] = {
    "never seen before": (TEXT, field("Title", length=40), None, False),
    "narrow from the beginning": (TEXT, field("Title", length=40), FieldPast(size=40), False),
    "narrower than it was": (TEXT, field("Title", length=40), FieldPast(size=128), True),
    "narrower, and as wide as the mapping says": (TEXT, field("Title", length=128), FieldPast(size=255), False),
    "narrower, and the mapping says nothing": (
        replace(TEXT, type=None),
        field("Title", length=40),
        FieldPast(size=128),
        False,
    ),
    "fewer digits": (NUMBER, field("Employee_Count__c", "double", precision=4), FieldPast(size=18), True),
    "without a value it had": (LISTED, listed("vp"), FieldPast(size=255, picklist_values=VALUES), True),
    "without a value it never had": (
        LISTED,
        listed("vp"),
        FieldPast(picklist_values=frozenset({"vp"})),
        False,
    ),
    "restricted since": (LISTED, listed("vp"), FieldPast(size=255, was_open=True), True),
    "with all values": (LISTED, listed(*LISTED.values), FieldPast(size=255, was_open=True), False),
    "not restricted": (LISTED, listed("vp", is_restricted=False), FieldPast(size=255, picklist_values=VALUES), False),
    "the field of our id": (OURS, field("Dievio_Lead_ID__c", length=20), FieldPast(size=64), False),
}


@pytest.mark.parametrize("name", CASES)
def test_a_field_has_shrunk_only_if_it_lost_what_its_row_counts_on(name: str) -> None:
    row, schema, past, expected = CASES[name]
    assert has_shrunk(row, schema, past) is expected


def test_fields_that_shrank_are_named_and_missing_ones_are_none_of_them() -> None:
    schema = org_schema(Title=field("Title", length=40), Phone=None)
    pasts = {"Title": FieldPast(size=128), "Phone": FieldPast(size=40)}
    assert find_shrunk_fields(mapping_set().lead, schema, pasts) == {"Title"}

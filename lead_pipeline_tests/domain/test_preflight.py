"""Values in the form their fields take, and mappings that fit the org."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lead_pipeline.domain.field_drift import FieldPast
from lead_pipeline.domain.mapping import Bucket, DeclaredType, FieldMapping, ObjectMapping, SourceOfTruth, WritePolicy
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema
from lead_pipeline.domain.preflight import GapCode, MappingGap, check_mapping, prepare_value
from lead_pipeline_tests.domain.plan_builders import field, mapping_set, org_schema

ROW = FieldMapping(
    to="Field__c",
    source="title",
    label="Field",
    owner=SourceOfTruth.DIEVIO,
    write=WritePolicy.FILL_BLANK,
    bucket=Bucket.CORE,
    reason="a test",
)
TEXT_80 = DeclaredType(name="string", length=80)
PICKLIST = field("Field__c", "picklist", 40, is_restricted_picklist=True, picklist_values=("VP", "Director"))

FORMS = [
    (field("Field__c", length=10), "  a  b\u2028c ", "a b c"),
    (field("Field__c", length=10), "a\r\nb", "a b"),
    (field("Field__c", "textarea", 20), "a\r\nb", "a \nb"),
    (field("Field__c", length=10), 250, "250"),
    (field("Field__c", length=10), 250.0, "250"),
    (field("Field__c", length=10), 2.5, "2.5"),
    (field("Field__c", length=10), "\x00\x07", None),
    (field("Field__c", "int"), "250", 250),
    (field("Field__c", "double", precision=18), "2.5", 2.5),
    (field("Field__c", "double", precision=18), 3, 3),
    (field("Field__c", "datetime"), "2026-05-04T10:15:30.5+02:00", "2026-05-04T08:15:30.000+0000"),
    (field("Field__c", "datetime"), datetime(2026, 5, 4, 8, 15, tzinfo=UTC), "2026-05-04T08:15:00.000+0000"),
    (field("Field__c", "boolean"), True, True),
    (field("Field__c", "date"), "2026-05-04", "2026-05-04"),
    (PICKLIST, "vp", "VP"),
    (field("Field__c"), None, None),
]


@pytest.mark.parametrize(("schema", "value", "expected"), FORMS)
def test_a_value_takes_the_form_of_its_field(schema: FieldSchema, value: object, expected: object) -> None:
    prepared = prepare_value(ROW, value, schema=schema)
    assert (prepared.value, prepared.problem, prepared.trimmed_from) == (expected, None, None)


REFUSED = [
    (field("Field__c", length=3), "four", "Field__c takes 3 characters, the value has 4"),
    (field("Field__c", "int"), "many", "Field__c needs a number"),
    (field("Field__c", "datetime"), "soon", "Field__c needs an ISO 8601 datetime"),
    (field("Field__c", "datetime"), "2026-05-04T08:15:00", "Field__c needs a time with its zone"),
    (field("Field__c", "email", 80), "nobody", "Field__c needs an e-mail address in the form Salesforce accepts"),
    (PICKLIST, "emperor", "Field__c takes one of its 2 picklist values only"),
    (field("Field__c", length=10), "#n/a", "Field__c: the text #N/A would clear the field"),
]


@pytest.mark.parametrize(("schema", "value", "problem"), REFUSED)
def test_a_value_that_salesforce_would_refuse_is_not_prepared(schema: FieldSchema, value: object, problem: str) -> None:
    prepared = prepare_value(ROW, value, schema=schema)
    assert (prepared.value, prepared.problem) == (None, problem)


def test_a_text_is_cut_only_where_that_is_declared_and_the_whole_is_kept() -> None:
    prepared = prepare_value(replace(ROW, trim=True), "Head of sales", schema=field("Field__c", length=8))
    assert (prepared.value, prepared.trimmed_from, prepared.problem) == ("Head of", "Head of sales", None)


def test_a_text_that_fits_is_not_cut() -> None:
    assert prepare_value(replace(ROW, trim=True), "Head", schema=field("Field__c", length=4)).trimmed_from is None


def test_a_value_map_translates_what_it_knows_and_refuses_the_rest() -> None:
    row = replace(ROW, value_map={"Dievio search": "Purchased List"})
    schema = field("Field__c", length=40)
    assert prepare_value(row, "Dievio search", schema=schema).value == "Purchased List"
    assert prepare_value(row, "fair", schema=schema).problem == "Field__c: the value is not in the value map of title"


def mapping(*rows: FieldMapping, object_name: str = "Lead") -> ObjectMapping:
    return ObjectMapping(object_name=object_name, version="1", fields=rows)


def schema_of(*fields: FieldSchema) -> ObjectSchema:
    return ObjectSchema(object_name="Lead", fields={entry.name: entry for entry in fields})


GAPS = {
    "missing": (ROW, schema_of(), GapCode.FIELD_MISSING, True),
    "not writable": (
        ROW,
        schema_of(field("Field__c", is_createable=False, is_updateable=False)),
        GapCode.NOT_WRITABLE,
        True,
    ),
    "boolean": (ROW, schema_of(field("Field__c", "boolean")), GapCode.BOOLEAN_NEVER_BLANK, False),
    "trim": (replace(ROW, trim=True), schema_of(field("Field__c", "phone")), GapCode.UNSAFE_TRIM, False),
    "required": (
        ROW,
        schema_of(field("Field__c"), field("Region__c", is_nillable=False)),
        GapCode.REQUIRED_WITHOUT_SOURCE,
        False,
    ),
}


@pytest.mark.parametrize(("row", "schema", "code", "is_left_out"), GAPS.values(), ids=GAPS)
def test_a_mapping_that_does_not_fit_the_org_is_reported(
    row: FieldMapping,
    schema: ObjectSchema,
    code: GapCode,
    is_left_out: bool,  # noqa: FBT001  # the case
) -> None:
    (gap,) = check_mapping(mapping(row), schema)
    assert (gap.code, gap.is_left_out) == (code, is_left_out)


@pytest.mark.parametrize("code", GapCode)
def test_a_gap_is_either_left_out_or_to_be_mended(code: GapCode) -> None:
    gap = MappingGap(object_name="Lead", field="Field__c", code=code, message="")
    assert not (gap.is_left_out and gap.is_contradiction)


def test_a_field_that_shrank_is_a_gap_that_leads_go_on_without() -> None:
    row = replace(ROW, type=TEXT_80)
    (gap,) = check_mapping(mapping(row), schema_of(field("Field__c", length=20)), {"Field__c": FieldPast(size=80)})
    assert (gap.code, gap.is_left_out) == (GapCode.SHRUNK, True)


def test_a_field_of_another_kind_is_a_gap_whatever_else_is_wrong_with_it() -> None:
    row = replace(ROW, type=TEXT_80, trim=True, write=WritePolicy.TRACKED)
    (gap,) = check_mapping(mapping(row), schema_of(field("Field__c", "boolean")))
    assert (gap.code, gap.is_left_out) == (GapCode.OF_OTHER_KIND, True)


def test_a_text_that_became_a_phone_is_no_contradiction_of_its_trim() -> None:
    row = replace(ROW, type=TEXT_80, trim=True)
    assert check_mapping(mapping(row), schema_of(field("Field__c", "phone", 80))) == ()


def test_half_a_phone_number_is_never_written() -> None:
    prepared = prepare_value(replace(ROW, trim=True), "+4930123456", schema=field("Field__c", "phone", 5))
    assert (prepared.value, prepared.trimmed_from) == (None, None)


def test_a_boolean_that_belongs_to_the_machine_is_fine() -> None:
    assert check_mapping(mapping(replace(ROW, write=WritePolicy.ALWAYS)), schema_of(field("Field__c", "boolean"))) == ()


def test_contacts_are_never_created_so_nothing_is_required_of_them() -> None:
    required = schema_of(field("Field__c"), field("LastName", is_nillable=False))
    assert check_mapping(mapping(ROW, object_name="Contact"), required) == ()


@pytest.mark.parametrize("object_name", ["Lead", "Contact"])
def test_the_packaged_mapping_fits_an_org_with_its_fields(object_name: str) -> None:
    assert check_mapping(mapping_set().for_object(object_name), org_schema(object_name)) == ()

import math
from typing import Any

import pytest

from lead_pipeline.domain.org_schema import (
    FieldSchema,
    ObjectSchema,
    ProblemCode,
    check_value,
    check_writable,
    schema_as_json,
    schema_from_json,
    typed_value,
)


def field(type_: str = "string", **more: object) -> FieldSchema:
    return FieldSchema(name="F__c", label="F", type=type_, **more)  # type: ignore[arg-type]


LEVELS = {"is_restricted_picklist": True, "picklist_values": ("senior", "vp")}
P = ProblemCode

CASES = (
    (field(), "x", None),
    (field(), None, None),
    (field(), "", None),
    (field(is_nillable=False), None, P.REQUIRED),
    (field(is_nillable=False), "", P.REQUIRED),
    (field(length=3), "abc", None),
    (field(length=3), "abcd", P.TOO_LONG),
    (field(), 5, P.WRONG_TYPE),
    (field(), "#N/A", P.UNSENDABLE),
    (field(), " #N/A ", P.UNSENDABLE),
    (field(), "a\0b", P.UNSENDABLE),
    (field("email"), "anna.sample@example.com", None),
    (field("email"), "a..b@example.com", None),
    (field("email"), ".a@example.com", P.NOT_AN_EMAIL),
    (field("email"), "a@example", P.NOT_AN_EMAIL),
    (field("email"), "ä@example.com", P.NOT_AN_EMAIL),
    (field("email"), "a b@example.com", P.NOT_AN_EMAIL),
    (field("picklist", **LEVELS), "vp", None),
    (field("picklist", **LEVELS), "VP", P.NOT_IN_PICKLIST),
    (field("picklist", picklist_values=("vp",)), "anything", None),
    (field("multipicklist", **LEVELS), "vp;senior", None),
    (field("multipicklist", **LEVELS), "vp;boss", P.NOT_IN_PICKLIST),
    (field("reference"), "0055e0000000003", None),
    (field("reference"), "0055e0000000003AAA", None),
    (field("reference"), "somebody", P.WRONG_TYPE),
    (field("reference"), 5, P.WRONG_TYPE),
    (field("boolean"), True, None),
    (field("boolean"), "true", P.WRONG_TYPE),
    (field("int"), 5, None),
    (field("int"), 5.0, None),
    (field("int"), 5.5, P.OUT_OF_RANGE),
    (field("int"), 2**31, P.OUT_OF_RANGE),
    (field("int"), True, P.WRONG_TYPE),
    (field("int"), "5", P.WRONG_TYPE),
    (field("double"), math.nan, P.WRONG_TYPE),
    (field("double", precision=4, scale=2), 99.99, None),
    (field("double", precision=4, scale=2), -100, P.OUT_OF_RANGE),
    (field("double"), 1e12, None),
    (field("date"), "2026-05-04", None),
    (field("date"), "04.05.2026", P.WRONG_TYPE),
    (field("datetime"), "2026-05-04T08:15:00.000+0000", None),
    (field("datetime"), "2026-05-04T08:15:00Z", None),
    (field("datetime"), "2026-05-04T08:15:00", P.WRONG_TYPE),
    (field("datetime"), "yesterday", P.WRONG_TYPE),
    (field("datetime"), 1777882500, P.WRONG_TYPE),
    (field("address"), "x", P.NOT_WRITABLE),
)


@pytest.mark.parametrize(("schema", "value", "code"), CASES)
def test_a_value_is_checked_as_salesforce_would(schema: FieldSchema, value: object, code: ProblemCode | None) -> None:
    problem = check_value(schema, value)
    assert (problem.code if problem else None) == code


def test_a_problem_names_the_field_and_not_the_value() -> None:
    problem = check_value(field("email"), "anna.sample@@example.com")
    assert problem is not None
    assert problem.field == "F__c"
    assert "anna" not in problem.message


@pytest.mark.parametrize(("is_creation", "may"), [(True, True), (False, False)])
def test_a_field_may_be_writable_at_creation_only(is_creation: bool, may: bool) -> None:  # noqa: FBT001 - a table row
    problem = check_writable(field(is_createable=True, is_updateable=False), is_creation=is_creation)
    assert (problem is None) == may


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("string", "", None),
        ("string", "x", "x"),
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("int", "7", 7),
        ("int", "7.0", 7),
        ("double", "0.5", 0.5),
        ("datetime", "2026-05-04T08:15:00.000Z", "2026-05-04T08:15:00.000+0000"),
        ("datetime", "2026-05-04T08:15:00.000+0000", "2026-05-04T08:15:00.000+0000"),
    ],
)
def test_a_csv_cell_becomes_what_rest_gives(type_: str, text: str, value: object) -> None:
    assert typed_value(field(type_), text) == value


def test_a_stored_schema_comes_back_equal() -> None:
    schema = ObjectSchema(object_name="Lead", fields={"F__c": field("picklist", **LEVELS)})
    again = schema_from_json(schema_as_json(schema))
    assert again == schema
    assert again.sha256 == schema.sha256


def test_what_is_no_stored_schema_is_refused() -> None:
    with pytest.raises(TypeError):
        schema_from_json({"object_name": "Lead", "fields": None})


def test_required_at_creation_leaves_out_defaults_and_booleans() -> None:
    required: dict[str, Any] = {"is_nillable": False}
    fields = {
        "LastName": field(**required),
        "Status": field("picklist", is_defaulted=True, **required),
        "IsUnreadByOwner": field("boolean", **required),
        "Id": field("id", is_createable=False, **required),
        "Title": field(),
    }
    assert ObjectSchema(object_name="Lead", fields=fields).required_at_creation == ("LastName",)

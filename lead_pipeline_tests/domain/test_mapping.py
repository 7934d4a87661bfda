"""The mapping: what the packaged files promise, and which contradictions are refused."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.gate_settings import find_gate_contradictions
from lead_pipeline.domain.leads import CANONICAL_FIELDS
from lead_pipeline.domain.mapping import (
    Bucket,
    MappingSet,
    OnConflict,
    SourceOfTruth,
    WritePolicy,
    build_mapping_set,
)
from lead_pipeline.domain.mapping_document import check_sound_rows, parse_mapping
from lead_pipeline.errors import InvalidDocumentError
from lead_pipeline_tests.domain.plan_builders import mapping_set

NEVER, ONCE, FILL, TRACKED, ALWAYS = (
    WritePolicy.NEVER,
    WritePolicy.WRITE_ONCE,
    WritePolicy.FILL_BLANK,
    WritePolicy.TRACKED,
    WritePolicy.ALWAYS,
)

DEFAULT_POLICIES = {
    "Email": (SourceOfTruth.DIEVIO, TRACKED),
    "Title": (SourceOfTruth.DIEVIO, TRACKED),
    "Company": (SourceOfTruth.DIEVIO, TRACKED),
    "Phone": (SourceOfTruth.REP, FILL),
    "LinkedIn_URL__c": (SourceOfTruth.DIEVIO, FILL),
    "Company_Domain__c": (SourceOfTruth.DIEVIO, FILL),
    "Employee_Count__c": (SourceOfTruth.DIEVIO, ALWAYS),
    "Seniority__c": (SourceOfTruth.DIEVIO, ALWAYS),
    "Original_Source__c": (SourceOfTruth.INTEGRATION, ONCE),
    "Last_Enriched_At__c": (SourceOfTruth.INTEGRATION, ALWAYS),
    "Dievio_Lead_ID__c": (SourceOfTruth.INTEGRATION, FILL),
    "LeadSource": (SourceOfTruth.SALESFORCE, NEVER),
    "Status": (SourceOfTruth.SALESFORCE, NEVER),
    "OwnerId": (SourceOfTruth.SALESFORCE, NEVER),
    "Qualification_Notes__c": (SourceOfTruth.REP, NEVER),
    "Owner_Notes__c": (SourceOfTruth.REP, NEVER),
}


@pytest.fixture(scope="module")
def mappings() -> MappingSet:
    return mapping_set()


@pytest.mark.parametrize(("name", "expected"), DEFAULT_POLICIES.items())
def test_the_packaged_mapping_protects_a_field_as_promised(
    mappings: MappingSet, name: str, expected: tuple[SourceOfTruth, WritePolicy]
) -> None:
    row = next(row for row in mappings.lead.fields if row.to == name)
    assert (row.owner, row.write) == expected


def test_the_packaged_mapping_is_complete_and_says_why(mappings: MappingSet) -> None:
    assert len(mappings.lead.fields) >= 25
    assert {row.bucket for row in mappings.lead.fields} == set(Bucket)
    assert all(row.reason for row in (*mappings.lead.fields, *mappings.contact.fields))


def test_a_customers_name_owner_and_account_are_never_written(mappings: MappingSet) -> None:
    never = {row.to for row in mappings.contact.fields if row.write is NEVER}
    assert {"LastName", "OwnerId", "AccountId"} <= never


def test_an_email_below_the_confidence_threshold_is_not_written(mappings: MappingSet) -> None:
    assert next(row.min_confidence for row in mappings.lead.fields if row.to == "Email") == 0.7


def test_the_mapping_is_found_by_object(mappings: MappingSet) -> None:
    assert mappings.for_object("Lead") is mappings.lead
    assert mappings.for_object("Contact") is mappings.contact
    assert mappings.lead.identity_field == "Dievio_Lead_ID__c"


def lead_document() -> dict[str, Any]:
    return deepcopy(dict(load_document("mapping/lead")))


def row_of(document: dict[str, Any], to: str) -> dict[str, Any]:
    row: dict[str, Any] = next(row for row in document["fields"] if row["to"] == to)
    return row


def version_with(change: Callable[[dict[str, Any]], object]) -> str:
    document = lead_document()
    change(document)
    return build_mapping_set(parse_mapping(document), mapping_set().contact).mapping_version


def test_the_version_is_the_declared_one_and_a_hash(mappings: MappingSet) -> None:
    declared, _, digest = mappings.mapping_version.partition("-")
    assert (declared, len(digest)) == ("1", 12)
    assert version_with(lambda document: document) == mappings.mapping_version


@pytest.mark.parametrize(
    "change",
    [
        lambda document: row_of(document, "Phone").update(write="tracked", owner="dievio"),
        lambda document: row_of(document, "Phone").update(min_confidence=0.71),
        lambda document: document["placeholders"].append("?"),
        lambda document: document["fields"].pop(),
    ],
    ids=["policy", "threshold", "placeholder", "row"],
)
def test_every_change_of_content_changes_the_version(
    change: Callable[[dict[str, Any]], object], mappings: MappingSet
) -> None:
    assert version_with(change) != mappings.mapping_version


def test_two_declared_versions_are_both_named() -> None:
    assert version_with(lambda document: document.update(version="2")).startswith("2+1-")


def test_options_are_read_from_the_row() -> None:
    document = lead_document()
    row_of(document, "Title").update(on_conflict="escalate", on_invalid="reject", value_map={"VP": "Vice President"})
    row = next(row for row in parse_mapping(document).fields if row.to == "Title")
    assert (row.on_conflict, row.on_invalid, row.value_map) == (OnConflict.ESCALATE, "reject", {"VP": "Vice President"})


CONTRADICTIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a rep's field always": ("Phone", {"write": "always"}, "belongs to reps would be overwritten"),
    "a rep's field tracked": ("Phone", {"write": "tracked"}, "belongs to reps would be overwritten"),
    "Salesforce's field filled": (
        "LeadSource",
        {"write": "fill_blank", "from": "source", "bucket": "core"},
        "belongs to Salesforce",
    ),
    "never outside its bucket": ("Rating", {"bucket": "core"}, "bucket do_not_write and write never go together"),
    "its bucket but written": ("Phone", {"bucket": "do_not_write"}, "bucket do_not_write and write never go together"),
    "never with a source": ("Rating", {"from": "title"}, "a field that is never written has a source"),
    "written without a source": ("Phone", {"from": None}, "a field that is written has no source"),
    "from the CRM but written": ("Phone", {"direction": "from_crm"}, "only comes from the CRM"),
    "a conflict that cannot be": ("Employee_Count__c", {"on_conflict": "escalate"}, "on_conflict has no meaning"),
    "a stamp that is not always written": ("Phone", {"is_stamp": True}, "a stamp has to be written"),
    "an id that moves": ("Dievio_Lead_ID__c", {"write": "always"}, "our id is given once"),
    "an unknown source": ("Title", {"from": "titel"}, "there is no canonical field titel"),
    "two rows for one field": ("Website", {"to": "phone"}, "this field has two rows, the first is fields[6]"),
    "a standard field every night": ("Website", {"owner": "dievio", "write": "always"}, "a standard field would be"),
    "a boolean to be filled": ("Website", {"type": "boolean"}, "is never blank, so this policy never applies"),
    "a time in a number": ("Last_Enriched_At__c", {"type": "double(18,0)"}, "cannot hold the value that comes"),
    "a text in a number": ("Website", {"type": "int"}, "cannot hold the value that comes"),
    "half an address": ("Email", {"trim": True}, "cut short is a wrong one"),
    "values of a text": ("Website", {"values": ["a"]}, "only a picklist has values"),
    "a picklist to be made without values": ("Department__c", {"type": "picklist"}, "has to be made needs its values"),
    "a map beside the list": ("Seniority__c", {"value_map": {"vp": "Vice"}}, "leads to a value that the picklist"),
    "notes over what people wrote": (
        "Description",
        {"from": "unmapped_values", "write": "tracked", "bucket": "core"},
        "notes never replace",
    ),
    "notes that somebody is asked about": (
        "Description",
        {"from": "unmapped_values", "write": "fill_blank", "bucket": "core", "on_conflict": "escalate"},
        "notes never replace",
    ),
    "notes on one line": ("Website", {"from": "unmapped_values"}, "notes have several lines"),
    "a standard field in notes": ("Phone", {"on_unmapped": "notes"}, "may go into notes, and no stamps"),
    "a stamp in notes": ("Dievio_Confidence__c", {"on_unmapped": "notes"}, "may go into notes, and no stamps"),
    "our id in notes": ("Dievio_Lead_ID__c", {"on_unmapped": "notes"}, "may go into notes, and no stamps"),
    "notes that no row has": ("Department__c", {"on_unmapped": "notes"}, "and no row has them"),
    "a confidence for nothing": ("Rating", {"min_confidence": 0.5}, "has a confidence to reach"),
    "no family name": ("LastName", {"to": "Nickname__c"}, "no row fills LastName"),
    "no id at all": ("Dievio_Lead_ID__c", {"from": "title", "write": "always"}, "not exactly one row writes"),
}


@pytest.mark.parametrize(("to", "change", "what"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_refused_with_its_place(to: str, change: dict[str, Any], what: str) -> None:
    document = lead_document()
    row_of(document, to).update(change)
    with pytest.raises(InvalidDocumentError) as caught:
        parse_mapping(document)
    problem = next(problem for problem in caught.value.problems if what in problem.what)
    assert problem.place.startswith("mapping of Lead")
    assert problem.repair


def test_what_is_meant_can_be_confirmed() -> None:
    document = lead_document()
    row_of(document, "Website").update(owner="dievio", write="always", confirm_overwrite=True)
    row_of(document, "Phone").pop("type")

    rows = {row.to: row for row in parse_mapping(document).fields}

    assert rows["Website"].confirm_overwrite
    assert rows["Phone"].type is None


@pytest.mark.parametrize(
    ("source", "text"), [("source", "string(80)"), ("employee_count", "double(18,0)"), ("synced_at", "datetime")]
)
def test_a_type_is_written_as_it_was_read(source: str, text: str) -> None:
    document = lead_document()
    row_of(document, "Employee_Count__c").update({"type": text, "from": source})

    row = next(row for row in parse_mapping(document).fields if row.to == "Employee_Count__c")

    assert str(row.type) == text


def test_a_type_that_is_none_is_left_to_the_schema() -> None:
    document = lead_document()
    row_of(document, "Phone")["type"] = "Text 40"
    assert next(row.type for row in parse_mapping(document).fields if row.to == "Phone") is None


def test_sound_rows_are_checked_although_others_break_the_schema() -> None:
    document = lead_document()
    row_of(document, "FirstName")["owner"] = "nobody"
    row_of(document, "Phone")["write"] = "always"
    broken = ("fields", document["fields"].index(row_of(document, "FirstName")), "owner")

    found = list(check_sound_rows(document, [broken, ("version",)]))

    assert {problem.place.rpartition("(")[2] for problem in found} == {"to: Phone)"}


@pytest.mark.parametrize("broken", [(), ("fields",)])
def test_rows_that_are_no_rows_are_not_checked(broken: tuple[str, ...]) -> None:
    assert list(check_sound_rows(lead_document(), [broken])) == []
    assert list(check_sound_rows({"fields": "none"}, [])) == []


def test_all_contradictions_are_named_at_once() -> None:
    document = lead_document()
    row_of(document, "Phone").update(write="always")
    row_of(document, "Rating").update({"from": "title"})
    with pytest.raises(InvalidDocumentError) as caught:
        parse_mapping(document)
    assert [problem.place.rpartition("(")[2] for problem in caught.value.problems] == ["to: Phone)", "to: Rating)"]


@pytest.mark.parametrize(("name", "repair"), [("titel", "Did you mean title? (from:)"), ("qqqqqq", "Use one of: ")])
def test_a_wrong_source_is_answered_with_the_nearest_or_all(name: str, repair: str) -> None:
    document = lead_document()
    row_of(document, "Title")["from"] = name
    with pytest.raises(InvalidDocumentError) as caught:
        parse_mapping(document)
    assert caught.value.repair.startswith(repair)


def test_every_source_of_the_packaged_mappings_is_a_canonical_field(mappings: MappingSet) -> None:
    sources = {row.source for row in (*mappings.lead.written_fields, *mappings.contact.written_fields)}
    assert sources <= set(CANONICAL_FIELDS)


def test_a_contradiction_between_gates_and_mapping_is_found(mappings: MappingSet) -> None:
    document = {
        "risk_box": {"protected_fields": ["OwnerId", "Title", "Unmapped__c", "Original_Source__c"]},
        "source_fields": ["Original_Source__c", "Qqq"],
        "freshness_fields": ["Last_Enriched__c"],
    }

    found = list(find_gate_contradictions(document, [mappings.lead, mappings.contact]))

    assert [(problem.code, problem.path[-1], problem.nearest) for problem in found] == [
        ("protected_field_written", 1, ""),
        ("gate_without_field", 1, ""),
        ("gate_without_field", 0, "Last_Enriched_At__c"),
    ]

"""The mapping in words: every field, who is right about it, when it is written, and what no field takes."""

from __future__ import annotations

from dataclasses import replace

from lead_pipeline.domain.leads import CANONICAL_FIELDS
from lead_pipeline.domain.mapping import FieldMapping, MappingSet, ObjectMapping
from lead_pipeline.domain.mapping_diff import ChangeKind, MappingChange, diff_mappings
from lead_pipeline.domain.mapping_docs import DocumentedField, document_mapping, draw_markdown
from lead_pipeline_tests.domain.plan_builders import mapping_set
from lead_pipeline_tests.lead_builders import load_mapping

MAPPINGS = mapping_set()


def documented(mappings: MappingSet = MAPPINGS) -> dict[str, DocumentedField]:
    document = document_mapping(mappings, load_mapping())
    return {row.api_name: row for bucket in document.objects[0].buckets for row in bucket.fields}


def with_row(mapping: ObjectMapping, name: str, **changes: object) -> ObjectMapping:
    def change(row: FieldMapping) -> FieldMapping:
        return replace(row, **changes) if row.to == name else row  # type: ignore[arg-type]

    return replace(mapping, fields=tuple(change(row) for row in mapping.fields))


def test_every_row_of_both_objects_stands_in_the_document_once() -> None:
    document = document_mapping(MAPPINGS, load_mapping())

    for part, mapping in zip(document.objects, (MAPPINGS.lead, MAPPINGS.contact), strict=True):
        names = [row.api_name for bucket in part.buckets for row in bucket.fields]
        assert sorted(names) == sorted(row.to for row in mapping.fields)
        assert part.written + part.untouched == len(names)
        taken = {row.source for row in mapping.fields}
        assert {name for name, _ in part.unmapped} == set(CANONICAL_FIELDS) - taken


def test_a_row_says_what_holds_for_it() -> None:
    row = documented()["Email"]

    assert (row.label, row.type, row.owner) == ("Email", "email(80)", "Dievio")
    assert row.policy == "while blank, or still what we wrote"
    assert row.conditions == (
        "conflict: the person's value stays",
        "from a confidence of 70%",
        "does not fit: left out",
    )
    assert row.keys[0] == "email"
    assert (row.direction, row.personal_data) == ("to Salesforce", "contact")


def test_conditions_that_few_rows_have_are_told_too() -> None:
    mappings = replace(
        MAPPINGS, lead=with_row(MAPPINGS.lead, "Department__c", value_map={"eng": "Engineering"}, type=None)
    )

    row, stamp, list_row = (
        documented(mappings)[name] for name in ("Department__c", "Last_Enriched_At__c", "Seniority__c")
    )

    assert row.conditions == (
        "as eng → Engineering", "too long: cut, and recorded", "does not fit: left out",
        "no such field: the value is dropped",
    )  # fmt: skip
    assert row.type == "as the org has it"
    assert "only along with another change" in stamp.conditions
    assert list_row.conditions[0].startswith("one of owner, cxo")


def test_a_field_that_is_never_written_has_no_conditions() -> None:
    row = documented()["OwnerId"]
    assert (row.origin, row.policy, row.conditions, row.direction) == ("", "never", (), "from Salesforce")


def test_the_markdown_holds_every_field_and_a_place_to_sign() -> None:
    text = draw_markdown(document_mapping(MAPPINGS, load_mapping()))

    assert all(f"`{row.to}`" in text for row in (*MAPPINGS.lead.fields, *MAPPINGS.contact.fields))
    assert MAPPINGS.mapping_version in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    assert {line.count(" | ") for line in rows} == {10}
    assert "## Agreed" in text


def test_equal_mappings_do_not_differ() -> None:
    assert diff_mappings(MAPPINGS.lead, MAPPINGS.lead) == ()


def test_a_difference_names_field_key_and_both_values() -> None:
    changed = with_row(
        MAPPINGS.lead, "Title", trim=False, min_confidence=0.8, value_map={"VP": "Vice"}, values=("a", "b")
    )
    changed = with_row(changed, "Phone", source="email", type=None)

    told = {(entry.field, entry.key): (entry.before, entry.after) for entry in diff_mappings(MAPPINGS.lead, changed)}

    assert told == {
        ("Title", "trim"): ("true", "false"),
        ("Title", "min_confidence"): ("0.7", "0.8"),
        ("Title", "value_map"): ("none", "VP: Vice"),
        ("Title", "values"): ("", "a, b"),
        ("Phone", "from"): ("phone", "email"),
        ("Phone", "type"): ("phone(40)", "none"),
    }


def test_rows_that_came_or_went_and_placeholders_are_told() -> None:
    fewer = replace(MAPPINGS.lead, fields=MAPPINGS.lead.fields[1:], placeholders=frozenset({"n/a"}))

    gone, blank = diff_mappings(MAPPINGS.lead, fewer)
    came = diff_mappings(fewer, MAPPINGS.lead)[0]
    bolder = replace(MAPPINGS.lead, ask_from_replaced_values=0)
    (told,) = diff_mappings(MAPPINGS.lead, bolder)

    assert gone == MappingChange(object_name="Lead", field="Dievio_Lead_ID__c", kind=ChangeKind.REMOVED)
    assert (blank.key, blank.after) == ("placeholders", "n/a")
    assert came.kind is ChangeKind.ADDED
    assert (told.key, told.before, told.after) == ("ask_from_replaced_values", "6", "0")
    assert "a person is asked." not in draw_markdown(
        document_mapping(
            replace(MAPPINGS, lead=bolder, contact=replace(MAPPINGS.contact, ask_from_replaced_values=0)),
            load_mapping(),
        )
    )

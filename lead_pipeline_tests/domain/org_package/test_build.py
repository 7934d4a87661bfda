from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lead_pipeline.config.pipeline import load_pipeline_config
from lead_pipeline.domain.mapping import (
    NOTES_SOURCE,
    DeclaredType,
    ObjectMapping,
    OnUnmapped,
    WritePolicy,
    build_mapping_set,
)
from lead_pipeline.domain.org_package.build import build_org_package, deployment_entries
from lead_pipeline.domain.org_package.fields import CustomField, custom_fields, field_elements
from lead_pipeline.domain.org_package.markup import NAMESPACE, PackageFile
from lead_pipeline.domain.org_package.parts import SETTING_FILE, read_setting_values, setting_record
from lead_pipeline.domain.org_package.permissions import WITHOUT_FIELD_SECURITY
from lead_pipeline_tests.domain.org_package.builders import (
    ELEMENTS,
    ID_ROW,
    mapping_of,
    package_files,
    row,
    small_mappings,
)


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - we wrote it ourselves


GOLDEN = Path(__file__).with_name("expected_package.txt")
DEFAULT = load_pipeline_config(None).mappings


def test_the_package_of_a_small_mapping_is_this_to_the_letter() -> None:
    shown = "".join(f"=== {path}\n{text}" for path, text in package_files().items())
    assert shown == GOLDEN.read_text("utf-8")


def test_the_same_mapping_gives_the_same_bytes() -> None:
    assert package_files(DEFAULT) == package_files(load_pipeline_config(None).mappings)


def test_every_file_is_well_formed_and_its_elements_are_known_and_in_order() -> None:
    files = {path: text for path, text in package_files(DEFAULT).items() if path.endswith("-meta.xml")}
    for path, text in files.items():
        root = parsed(text)
        kind = root.tag.removeprefix(f"{{{NAMESPACE}}}")
        order = ["fullName", *ELEMENTS[kind].split()]
        places = [order.index(child.tag.removeprefix(f"{{{NAMESPACE}}}")) for child in root]
        assert places == sorted(places), path


def _permissions() -> dict[str, tuple[str, str]]:
    root = parsed(package_files(DEFAULT)["permissionsets/Dievio_Integration.permissionset-meta.xml"])
    rows = root.findall(f"{{{NAMESPACE}}}fieldPermissions")
    texts = [[child.text or "" for child in row] for row in rows]
    return {field: (editable, readable) for editable, field, readable in texts}


def test_our_user_edits_exactly_what_the_mapping_writes() -> None:
    compounds = {"Street", "City", "State", "PostalCode", "Country"}
    serving = ("Dievio_Seen_", "Dievio_Decision__c", "Dievio_Last_Op__c")  # ours, whatever the mapping says
    for mapping in (DEFAULT.lead, DEFAULT.contact):
        name = mapping.object_name
        written = {
            "MailingAddress" if row.to.startswith("Mailing") else "Address" if row.to in compounds else row.to
            for row in mapping.written_fields
        } - WITHOUT_FIELD_SECURITY[name]
        editable = {
            field.partition(".")[2]
            for field, (is_editable, _) in _permissions().items()
            if field.startswith(f"{name}.") and is_editable == "true"
        }
        assert {field for field in editable if not field.startswith(serving)} == written


def test_fields_that_have_no_field_security_are_not_named() -> None:
    named = set(_permissions())
    assert not named & {f"{name}.{field}" for name, fields in WITHOUT_FIELD_SECURITY.items() for field in fields}


def test_fields_that_belong_to_people_are_neither_made_nor_opened() -> None:
    files = package_files()
    assert "objects/Lead/fields/Owner_Notes__c.field-meta.xml" not in files
    assert "Owner_Notes__c" not in files["permissionsets/Dievio_Integration.permissionset-meta.xml"]


def test_a_mapping_without_an_enrichment_date_has_no_list_of_stale_leads() -> None:
    rows = tuple(row for row in DEFAULT.lead.fields if row.source != "last_enriched_at")
    lean = replace(DEFAULT, lead=replace(DEFAULT.lead, fields=rows))
    views = [path for path in package_files(lean) if "listViews" in path]
    assert views == ["objects/Lead/listViews/Dievio_Needs_Review.listView-meta.xml"]
    assert "objects/Lead/listViews/Dievio_Stale.listView-meta.xml" in package_files(DEFAULT)


def test_a_standard_field_that_follows_its_source_gets_a_shadow_of_its_length() -> None:
    text = package_files()["objects/Lead/fields/Dievio_Seen_Title__c.field-meta.xml"]
    assert "<length>128</length>" in text


def test_no_rule_guards_what_belongs_to_the_machine() -> None:
    guarded = {path.rpartition("/")[2] for path in package_files(DEFAULT) if "validationRules" in path}
    machine = {row.to for row in DEFAULT.lead.written_fields if row.write is WritePolicy.ALWAYS}
    assert not [name for name in guarded for field in machine if name.endswith(f"_{field.replace('__c', '_c')}.")]


def test_what_is_deployed_holds_every_component_once() -> None:
    entries = deployment_entries(build_org_package(small_mappings(), queues=["Dievio_Holding"]))
    lead = parsed(entries["objects/Lead.object"])
    names = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in lead]
    assert names == sorted(names)
    assert names.count("fields") == len([path for path in package_files() if path.startswith("objects/Lead/fields/")])
    assert {"package.xml", "queues/Dievio_Holding.queue", "customMetadata/Dievio_Setting.Default.md"} <= set(entries)
    assert "<members>Lead.Phone" not in entries["package.xml"]


def test_an_object_of_our_own_keeps_its_elements_before_its_fields() -> None:
    entries = deployment_entries(build_org_package(small_mappings(), queues=["Dievio_Holding"]))
    agent = entries["objects/Dievio_Agent__c.object"]
    assert agent.index("<sharingModel>Read</sharingModel>") < agent.index("<fields>")


def test_a_file_that_is_no_metadata_is_not_deployed() -> None:
    with pytest.raises(ValueError, match="is no metadata file"):
        deployment_entries([PackageFile("force-app/main/default/objects/Lead/fields/X__c.field-meta.xml", "<torn")])


def test_the_settings_of_an_org_name_its_queue_with_fifteen_characters() -> None:
    record = setting_record(holding_queue_id="00G5e0000000001EAA")
    assert record.path == SETTING_FILE
    assert '<value xsi:type="xsd:string">00G5e0000000001</value>' in record.text


def test_the_settings_of_an_org_are_read_as_they_were_written() -> None:
    values: dict[str, str | bool | None] = {
        "Intake_Endpoint__c": "https://intake.example/a?b=1&c=<2>",
        "Is_Outbound_Active__c": True,
    }
    record = setting_record(holding_queue_id="00G5e0000000001EAA", values=values)
    assert read_setting_values(record) == {
        **values,
        "Holding_Queue_Id__c": "00G5e0000000001",
        "Is_Inbound_Active__c": False,
    }
    assert read_setting_values(setting_record(holding_queue_id=None))["Intake_Endpoint__c"] is None


def test_a_value_that_goes_into_notes_gets_no_field_and_the_notes_get_theirs() -> None:
    rows = tuple(
        replace(row, on_unmapped=OnUnmapped.NOTES)
        if row.to == "Department__c"
        else replace(row, to="Dievio_Notes__c", source=NOTES_SOURCE, write=WritePolicy.FILL_BLANK)
        if row.to == "Description"
        else row
        for row in DEFAULT.lead.fields
    )
    files = package_files(replace(DEFAULT, lead=replace(DEFAULT.lead, fields=rows)))
    assert not [path for path, text in files.items() if "Lead.Department__c" in path + text]
    assert "objects/Lead/fields/Department__c.field-meta.xml" not in files
    notes = files["objects/Lead/fields/Dievio_Notes__c.field-meta.xml"]
    assert "<type>LongTextArea</type>" in notes
    assert "required" not in notes
    assert not any("Dievio_Notes_c" in path for path in files)  # no rule looks at it


#: What a row declares -> the elements that its field is deployed with.
DECLARED = {
    DeclaredType(name="string", length=18): {"type": "Text", "length": "18"},
    DeclaredType(name="string"): {"type": "Text", "length": "255"},
    DeclaredType(name="textarea", length=100): {"type": "LongTextArea", "length": "256"},
    DeclaredType(name="double", length=12, scale=2): {"type": "Number", "precision": "12", "scale": "2"},
    DeclaredType(name="double"): {"type": "Number", "precision": "18", "scale": "0"},
    DeclaredType(name="date"): {"type": "Date"},
    DeclaredType(name="boolean"): {"type": "Checkbox", "defaultValue": "false"},
    DeclaredType(name="picklist"): {"type": "Picklist"},
    DeclaredType(name="int"): {"type": "Number", "precision": "18", "scale": "0"},
    DeclaredType(name="currency", length=16, scale=2): {"type": "Currency", "precision": "16", "scale": "2"},
    DeclaredType(name="percent", length=5, scale=2): {"type": "Percent", "precision": "5", "scale": "2"},
}


def made_of(mapping: ObjectMapping, name: str) -> CustomField:
    return {field.name: field for field in custom_fields(mapping)}[name]


@pytest.mark.parametrize("declared", DECLARED, ids=str)
def test_a_field_is_made_as_its_row_declares_it(declared: DeclaredType) -> None:
    any_row = replace(row("Any__c", "title", WritePolicy.FILL_BLANK), type=declared, values=("a", "b"))

    elements = {each.name: each.content for each in field_elements(made_of(mapping_of("Lead", any_row), "Any__c"))}

    assert DECLARED[declared].items() <= elements.items()
    assert ("valueSet" in elements) is (declared.name == "picklist")


@pytest.mark.parametrize("name", ["reference", "multipicklist"])
def test_what_a_mapping_cannot_describe_is_left_to_an_admin(name: str) -> None:
    by_hand = replace(row("Any__c", "title", WritePolicy.FILL_BLANK), type=DeclaredType(name=name))
    mappings = build_mapping_set(mapping_of("Lead", by_hand), mapping_of("Contact"))
    assert "Any__c" not in {field.name for field in custom_fields(mappings.lead)}
    named = [path for path, text in package_files(mappings).items() if "Any__c" in text]
    assert named == ["objects/Lead/validationRules/Dievio_Fill_Blank_Any_c.validationRule-meta.xml"]


def test_the_field_of_our_id_is_what_it_has_to_be_whatever_its_row_says() -> None:
    short = replace(ID_ROW, type=DeclaredType(name="string", length=9))

    shape = made_of(replace(mapping_of("Lead"), fields=(short,)), ID_ROW.to).shape

    assert (shape.length, shape.is_unique_id) == (64, True)

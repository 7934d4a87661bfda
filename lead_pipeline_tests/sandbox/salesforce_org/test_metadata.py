"""Deployments of metadata to the org, and how it behaves afterwards."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from lead_pipeline.sandbox.salesforce_org import Org, create_app
from lead_pipeline.sandbox.salesforce_org.lifecycle import Lifecycle
from lead_pipeline.sandbox.salesforce_org.page_parts import list_view_query
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline_tests.sandbox.salesforce_org.conftest import RunningOrg

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
SPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
FIELD = (
    "<fields><fullName>Extra__c</fullName><label>Extra</label><length>20</length><type>Text</type>"
    "<unique>true</unique></fields>"
)
RULE = (
    "<validationRules><fullName>Phone_Stays</fullName><active>true</active><errorConditionFormula>"
    "AND($Permission.Machine, NOT(ISNEW()), ISCHANGED(Phone), NOT(ISBLANK(PRIORVALUE(Phone))), "
    'NOT(CONTAINS("|n/a|", "|" &amp; LOWER(TRIM(PRIORVALUE(Phone))) &amp; "|")))'
    "</errorConditionFormula><errorMessage>Phone stays</errorMessage></validationRules>"
)
SET = (
    "<customPermissions><enabled>true</enabled><name>Machine</name></customPermissions>"
    "<fieldPermissions><editable>true</editable><field>Lead.Extra__c</field><readable>true</readable></fieldPermissions>"
    "<fieldPermissions><editable>true</editable><field>Lead.Phone</field><readable>true</readable></fieldPermissions>"
    "<fieldPermissions><editable>true</editable><field>Lead.Address</field><readable>true</readable></fieldPermissions>"
    "<fieldPermissions><editable>false</editable><field>Lead.Rating</field><readable>true</readable></fieldPermissions>"
    "<label>Machine</label>"
    "<objectPermissions><allowCreate>true</allowCreate><allowDelete>false</allowDelete><allowEdit>true</allowEdit>"
    "<allowRead>true</allowRead><modifyAllRecords>false</modifyAllRecords><object>Lead</object>"
    "<viewAllRecords>true</viewAllRecords></objectPermissions>"
)


def document(kind: str, inner: str) -> str:
    return f"{HEAD}<{kind} {SPACE}>{inner}</{kind}>"


def manifest(**members: str) -> str:
    types = "".join(
        "<types>" + "".join(f"<members>{name}</members>" for name in names.split()) + f"<name>{kind}</name></types>"
        for kind, names in members.items()
    )
    return document("Package", f"{types}<version>66.0</version>")


LEAD_FILES = {
    "package.xml": manifest(CustomField="Lead.Extra__c", ValidationRule="Lead.Phone_Stays", PermissionSet="Machine"),
    "objects/Lead.object": document("CustomObject", FIELD + RULE),
    "permissionsets/Machine.permissionset": document("PermissionSet", SET),
}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[ServerThread, Org]]:
    app = create_app(org="stock")
    with ServerThread(app) as running:
        yield running, app.state.org


def deploy(org: RunningOrg, files: Mapping[str, str], *, check_only: bool = False) -> httpx.Response:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    options = json.dumps({"deployOptions": {"checkOnly": check_only}})
    parts: Any = {
        "entity_content": (None, options, "application/json"),
        "file": ("package.zip", buffer.getvalue(), "application/zip"),
    }
    return org.call("POST", "/metadata/deployRequest", files=parts)


def result(org: RunningOrg, files: Mapping[str, str], *, check_only: bool = False) -> Any:
    started = deploy(org, files, check_only=check_only)
    assert started.status_code == 201, started.text
    path = f"/metadata/deployRequest/{started.json()['id']}"
    return org.call("GET", path, params={"includeDetails": "true"}).json()["deployResult"]


def problems(org: RunningOrg, files: Mapping[str, str]) -> list[str]:
    failed = result(org, files)
    assert not failed["success"]
    return [row["problem"] for row in failed["details"]["componentFailures"]]


def assign(admin: RunningOrg, user: str = "integration@sandbox.example") -> str:
    user_id = admin.query(f"SELECT Id FROM User WHERE Username = '{user}'")["records"][0]["Id"]
    set_id = admin.query("SELECT Id FROM PermissionSet WHERE Name = 'Machine'")["records"][0]["Id"]
    return admin.create("PermissionSetAssignment", AssigneeId=user_id, PermissionSetId=set_id)


def test_a_check_says_what_would_be_made_and_makes_nothing(admin: RunningOrg) -> None:
    checked = result(admin, LEAD_FILES, check_only=True)
    assert checked["success"]
    assert {(row["fullName"], row["created"]) for row in checked["details"]["componentSuccesses"]} == {
        ("Lead.Extra__c", True),
        ("Lead.Phone_Stays", True),
        ("Machine", True),
    }
    assert "Extra__c" not in admin.org.schemas["Lead"].fields
    assert admin.query("SELECT Id FROM PermissionSet")["totalSize"] == 0
    admin.create(LastName="After", Phone="1")  # the table is as it was


def test_a_second_deployment_finds_everything_as_it_should_be(admin: RunningOrg) -> None:
    result(admin, LEAD_FILES)
    rows = result(admin, LEAD_FILES, check_only=True)["details"]["componentSuccesses"]
    assert not any(row["created"] or row["changed"] for row in rows)


def test_only_an_admin_deploys(integration: RunningOrg) -> None:
    assert deploy(integration, LEAD_FILES).json()[0]["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"


def test_a_new_field_is_hidden_until_a_permission_set_shows_it(admin: RunningOrg, integration: RunningOrg) -> None:
    result(admin, LEAD_FILES)
    record_id = admin.create(Extra__c="a")
    assert "Extra__c" not in integration.record(record_id)
    assign(admin)
    assert integration.record(record_id)["Extra__c"] == "a"


def test_a_user_with_a_set_edits_what_it_names_and_nothing_else(admin: RunningOrg, integration: RunningOrg) -> None:
    result(admin, LEAD_FILES)
    record_id = admin.create(Rating="Hot")
    assign(admin)
    assert integration.call("PATCH", f"/sobjects/Lead/{record_id}", json={"City": "Bern"}).status_code == 204
    refused = integration.call("PATCH", f"/sobjects/Lead/{record_id}", json={"Rating": "Cold"})
    assert refused.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert integration.record(record_id)["Rating"] == "Hot"
    assert integration.call("DELETE", f"/sobjects/Lead/{record_id}").status_code == 400


def test_a_set_taken_away_takes_what_it_gave(admin: RunningOrg, integration: RunningOrg) -> None:
    result(admin, LEAD_FILES)
    assignment_id = assign(admin)
    admin.call("DELETE", f"/sobjects/PermissionSetAssignment/{assignment_id}")
    assert "Extra__c" not in integration.record(admin.create())


def test_a_rule_guards_against_the_holder_of_the_permission_alone(admin: RunningOrg, integration: RunningOrg) -> None:
    result(admin, LEAD_FILES)
    assign(admin)
    record_id, noted_id = admin.create(Phone="1"), admin.create(Phone=" N/A ")
    refused = integration.call("PATCH", f"/sobjects/Lead/{record_id}", json={"Phone": "2"})
    assert refused.json()[0]["message"] == "Phone stays"
    assert integration.call("PATCH", f"/sobjects/Lead/{noted_id}", json={"Phone": "2"}).status_code == 204
    assert admin.call("PATCH", f"/sobjects/Lead/{record_id}", json={"Phone": "3"}).status_code == 204


def test_a_rule_reads_custom_metadata_as_it_is_now(admin: RunningOrg) -> None:
    rule = RULE.replace('"|n/a|"', "$CustomMetadata.Cfg__mdt.Default.Words__c").replace("$Permission.Machine", "TRUE")
    field = "<fields><fullName>Words__c</fullName><label>Words</label><length>80</length><type>Text</type></fields>"
    files = {
        "package.xml": manifest(
            CustomObject="Cfg__mdt",
            CustomField="Cfg__mdt.Words__c",
            CustomMetadata="Cfg.Default",
            ValidationRule="Lead.Phone_Stays",
        ),
        "objects/Cfg__mdt.object": document(
            "CustomObject", f"{field}<label>Cfg</label><pluralLabel>Cfgs</pluralLabel><visibility>Public</visibility>"
        ),
        "objects/Lead.object": document("CustomObject", rule),
        "customMetadata/Cfg.Default.md": record("|none|"),
    }
    assert result(admin, files)["success"]
    record_id = admin.create(Phone="later")
    path = f"/sobjects/Lead/{record_id}"
    assert admin.call("PATCH", path, json={"Phone": "2"}).status_code == 400
    change = {"package.xml": manifest(CustomMetadata="Cfg.Default"), "customMetadata/Cfg.Default.md": record("|later|")}
    assert result(admin, change)["success"]
    assert admin.call("PATCH", path, json={"Phone": "2"}).status_code == 204


def record(words: str) -> str:
    return document("CustomMetadata", f"<label>D</label><values><field>Words__c</field><value>{words}</value></values>")


def test_a_queue_is_made_for_leads(admin: RunningOrg) -> None:
    inner = "<name>Held</name><queueSobject><sobjectType>Lead</sobjectType></queueSobject>"
    files = {"package.xml": manifest(Queue="Held"), "queues/Held.queue": document("Queue", inner)}
    result(admin, files)
    queue_id = admin.query("SELECT Id FROM Group WHERE Type = 'Queue' AND DeveloperName = 'Held'")["records"][0]["Id"]
    assert admin.record(admin.create(OwnerId=queue_id))["OwnerId"] == queue_id


def test_what_was_deployed_is_gone_after_a_reset(admin: RunningOrg) -> None:
    result(admin, LEAD_FILES)
    assign(admin)
    admin.org.reset()
    assert "Extra__c" not in admin.org.schemas["Lead"].fields
    assert not admin.org.find_user("integration").permissions  # type: ignore[union-attr]  # it exists


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"package.xml": manifest(PermissionSet="Machine")}, "is not in package.xml"),
        ({"package.xml": manifest(CustomField="Lead.None__c")}, "was named in package.xml, but was not found"),
        (
            {"objects/Lead.object": document("CustomObject", FIELD.replace("length", "size"))},
            "invalid at this location",
        ),
        ({"objects/Lead.object": document("CustomObject", FIELD + RULE + FIELD)}, "is duplicated at this location"),
        ({"objects/Lead.object": "<torn"}, "Error parsing file"),
        ({"objects/Lead.object": document("Queue", "")}, "CustomObject expected"),
        ({"objects/Lead.object": document("CustomObject", FIELD.replace("Text", "Hologram") + RULE)}, "Hologram"),
        (
            {"objects/Lead.object": document("CustomObject", FIELD + RULE.replace("LEN", "X").replace("TRIM", "CUT"))},
            "CUT",
        ),
        ({"permissionsets/Machine.permissionset": document("PermissionSet", SET.replace("Extra", "No"))}, "No__c"),
        ({"pages/Lead.page": document("ApexPage", "")}, "Unknown folder"),
    ],
)
def test_a_flawed_package_is_refused_whole(admin: RunningOrg, changes: dict[str, str], problem: str) -> None:
    found = problems(admin, {**LEAD_FILES, **changes})
    assert any(problem in text for text in found), found
    assert "Extra__c" not in admin.org.schemas["Lead"].fields


def layout(*items: str, style: str = "OneColumn", behavior: str = "Edit") -> dict[str, str]:
    inner = "".join(
        f"<layoutItems><behavior>{behavior}</behavior><field>{name}</field></layoutItems>" for name in items
    )
    section = f"<label>Lead</label><layoutColumns>{inner}</layoutColumns><layoutColumns></layoutColumns>"
    text = document("Layout", f"<layoutSections>{section}<style>{style}</style></layoutSections>")
    return {"package.xml": manifest(Layout="Lead-Page"), "layouts/Lead-Page.layout": text}


def list_view(column: str, field: str, operation: str, value: str) -> dict[str, str]:
    inner = (
        f"<listViews><fullName>Some</fullName><columns>{column}</columns><filterScope>Everything</filterScope>"
        f"<filters><field>{field}</field><operation>{operation}</operation><value>{value}</value></filters>"
        "<label>Some</label></listViews>"
    )
    return {
        "package.xml": manifest(ListView="Lead.Some"),
        "objects/Lead.object": document("CustomObject", inner),
    }


NAMES = ("Name", "Company", "Status")


def test_pages_and_lists_of_known_fields_are_taken(admin: RunningOrg) -> None:
    assert result(admin, layout(*NAMES, "Address", "OwnerId"))["success"]
    assert result(admin, list_view("LEAD.COMPANY", "LEAD.STATUS", "notEqual", "Won't do"))["success"]
    query = list_view_query(
        admin.org.schemas["Lead"], {"filters": [{"field": "LEAD.CITY", "operation": "equals", "value": "Bern"}]}
    )
    record_id = admin.create(City="Bern")
    assert [row["Id"] for row in admin.query(query)["records"]] == [record_id]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (layout(*NAMES, "Nothing__c"), "no CustomField named Lead.Nothing__c"),
        (layout("Name", "Status"), "required layout field: Company"),
        (layout(*NAMES, "Company"), "Duplicate field in layout: Company"),
        (layout(*NAMES, style="Round"), "LayoutSectionStyle"),
        (layout(*NAMES, behavior="Hidden"), "UiBehavior"),
        (list_view("LEAD.SHOE", "LEAD.STATUS", "equals", "x"), "column: LEAD.SHOE"),
        (list_view("FULL_NAME", "None__c", "equals", "x"), "column: None__c"),
        (list_view("FULL_NAME", "LEAD.STATUS", "resembles", "x"), "filter: LEAD.STATUS resembles"),
    ],
)
def test_pages_and_lists_that_name_what_is_not_there_are_refused(
    admin: RunningOrg, files: dict[str, str], problem: str
) -> None:
    found = problems(admin, files)
    assert any(problem in text for text in found), found


def test_a_conversion_carries_deployed_fields_where_the_settings_say(admin: RunningOrg) -> None:
    fields = {f"objects/{name}.object": document("CustomObject", FIELD) for name in ("Lead", "Contact")}
    files = {"package.xml": manifest(CustomField="Lead.Extra__c Contact.Extra__c"), **fields}
    assert result(admin, files)["success"]
    assert converted_extra(admin, "one") is None
    mapping = (
        "<objectMapping><inputObject>Lead</inputObject><mappingFields><inputField>Extra__c</inputField>"
        "<outputField>Extra__c</outputField></mappingFields><outputObject>Contact</outputObject></objectMapping>"
    )
    settings = {
        "package.xml": manifest(LeadConvertSettings="LeadConvertSettings"),
        "LeadConvertSettings/LeadConvertSettings.LeadConvertSetting": document("LeadConvertSettings", mapping),
    }
    assert result(admin, settings)["success"]
    assert converted_extra(admin, "two") == "two"


def converted_extra(admin: RunningOrg, value: str) -> object:
    lead_id = admin.create(Extra__c=value)
    user = admin.org.find_user("admin")
    assert user is not None
    made = Lifecycle(admin.org, admin.org.caller(user.user_id)).convert(lead_id, {"without_opportunity": True})
    return admin.record(made.contact_id, "Contact")["Extra__c"]


APEX_META = document("ApexClass", "<apiVersion>66.0</apiVersion><status>Active</status>")
APEX = {
    "package.xml": manifest(ApexClass="Some"),
    "classes/Some.cls": "public class Some { }",
    "classes/Some.cls-meta.xml": APEX_META,
}


def test_apex_is_kept_beside_its_metadata(admin: RunningOrg) -> None:
    assert result(admin, APEX)["success"]
    access = "<classAccesses><apexClass>Some</apexClass><enabled>true</enabled></classAccesses><label>S</label>"
    files = {
        "package.xml": manifest(PermissionSet="Users"),
        "permissionsets/Users.permissionset": document("PermissionSet", access),
    }
    assert result(admin, files)["success"]
    other = {**files, "permissionsets/Users.permissionset": document("PermissionSet", access.replace("Some", "None"))}
    assert any("no ApexClass named None" in text for text in problems(admin, other))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"classes/Some.cls": "public class Other { }"}, "does not match the class's name"),
        ({"classes/Some.cls-meta.xml": "<torn"}, "missing or torn"),
        ({"classes/Some.cls-meta.xml": document("ApexClass", "<status>Active</status>")}, "missing or torn"),
        ({"classes/Lone.cls-meta.xml": APEX_META}, "A source file is missing"),
    ],
)
def test_apex_without_its_other_half_is_refused(admin: RunningOrg, changes: dict[str, str], problem: str) -> None:
    found = problems(admin, {**APEX, **changes})
    assert any(problem in text for text in found), found

"""The other parts of the package: guard rules, queue, agent object, settings, list views, lead conversion."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from xml.sax.saxutils import unescape

from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.org_guard import SETTING_TYPE, GuardRule, guard_rules, owner_rule
from lead_pipeline.domain.org_package.fields import (
    REVIEW_STATUS_FIELD,
    CustomField,
    Shape,
    field_file,
    text_shape,
)
from lead_pipeline.domain.org_package.markup import (
    SOURCE_ROOT,
    Element,
    PackageFile,
    render_document,
    text_element,
    text_elements,
)
from lead_pipeline.domain.org_package.permissions import AGENT_OBJECT

SETTING_FILE = f"{SOURCE_ROOT}/customMetadata/Dievio_Setting.Default.md-meta.xml"
ENRICHMENT_DATE_FIELD = "Last_Enriched_At__c"
STALE_DAYS = 90  # after so many days without enrichment a value counts as stale
QUEUE_SETTING = "Holding_Queue_Id__c"
_SWITCH = Shape(type="Checkbox", default="false")
_SETTINGS = (
    (QUEUE_SETTING, "Holding Queue ID", text_shape(255), "Id of the holding queue, 15 characters; the guard reads it."),
    ("Intake_Endpoint__c", "Intake Endpoint", text_shape(255), "Where news about leads go; callout:Name works, too."),
    ("Is_Inbound_Active__c", "Inbound Active", _SWITCH, "Whether the Apex resource for leads from outside takes any."),
    ("Is_Outbound_Active__c", "Outbound Active", _SWITCH, "Whether changes of leads are told to the intake endpoint."),
)
_SETTING_VALUE = re.compile(r"<field>(?P<field>\w+)</field>\s*<value[^>]*?(?:/>|>(?P<value>[^<]*)</value>)")
_MAX_MESSAGE_CHARACTERS = 255  # of a validation rule, Salesforce limit
_FORMULA_ID_CHARACTERS = 15  # formulas see ids without their checksum
_XSI = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
_LIST_COLUMNS = ("FULL_NAME", "LEAD.COMPANY", "LEAD.EMAIL", "LEAD.STATUS", "CORE.USERS.ALIAS")


def rule_files(mappings: MappingSet) -> Iterator[PackageFile]:
    """Yield the validation rules of the guard."""
    yield _rule_file("Lead", owner_rule())
    for mapping in (mappings.lead, mappings.contact):
        for rule in guard_rules(mapping):
            yield _rule_file(mapping.object_name, rule)


def queue_file(developer_name: str) -> PackageFile:
    """Return a queue for leads, without members: an admin gives it to people."""
    children = (
        *text_elements(doesSendEmailToMembers=False, name=developer_name.replace("_", " ")),
        Element("queueSobject", text_elements(sobjectType="Lead")),
    )
    return PackageFile(queue_path(developer_name), render_document("Queue", children))


def queue_path(developer_name: str) -> str:
    """Return where a queue stands in the package."""
    return f"{SOURCE_ROOT}/queues/{developer_name}.queue-meta.xml"


def agent_files() -> Iterator[PackageFile]:
    """Yield the object of the people who take leads, with its fields."""
    children = (
        *text_elements(
            deploymentStatus="Deployed",
            description="People who take leads; Salesforce is the source of truth for who is eligible.",
            enableReports=True,
            label="Agent",
        ),
        Element("nameField", text_elements(label="Agent Name", type="Text")),
        *text_elements(pluralLabel="People", sharingModel="Read"),
    )
    yield _object_file(AGENT_OBJECT, children)
    for field in agent_fields():
        yield field_file(field)


def agent_fields() -> tuple[CustomField, ...]:
    """Return the fields of the agent object."""
    rows = (
        ("Agent_Id__c", "Agent ID", Shape(type="Text", length=64, is_unique_id=True), "Id of the person outside."),
        ("Department__c", "Department", text_shape(80), "Department that routing rules ask for."),
        ("Email__c", "Email", Shape(type="Email"), "Work address."),
        ("Home_Market__c", "Home Market", text_shape(80), "Country whose leads go to this person first."),
        ("Is_Eligible__c", "Eligible", Shape(type="Checkbox", default="false"), "Whether the person takes leads."),
        (
            "Last_Updated_By_System__c",
            "Last Updated By System",
            text_shape(40),
            "System that changed the record last; tells our own changes when they come back.",
        ),
    )
    return tuple(
        CustomField(
            object_name=AGENT_OBJECT,
            name=name,
            label=label,
            shape=shape,
            description=description,
            help_text=description,
        )
        for name, label, shape, description in rows
    )


def setting_files() -> Iterator[PackageFile]:
    """Yield the custom metadata type for endpoints and ids, and its one record."""
    children = text_elements(
        description="Settings of lead_pipeline inside the org.",
        label="Dievio Setting",
        pluralLabel="Dievio Settings",
        visibility="Public",
    )
    yield _object_file(SETTING_TYPE, children)
    for name, label, shape, description in _SETTINGS:
        yield field_file(
            CustomField(
                object_name=SETTING_TYPE,
                name=name,
                label=label,
                shape=shape,
                description=description,
                manageability="DeveloperControlled",
            )
        )
    yield setting_record(holding_queue_id=None)


def setting_record(
    *, holding_queue_id: str | None, values: Mapping[str, str | bool | None] = MappingProxyType({})
) -> PackageFile:
    """Return the settings of an org.

    Args:
        holding_queue_id: Without it the owner guard lets our user move no lead at all.
        values: Field -> value of the other settings; those that are not given are blank, and switches off.
    """
    short_id = holding_queue_id[:_FORMULA_ID_CHARACTERS] if holding_queue_id else None
    known: dict[str, str | bool | None] = {
        name: values.get(name) if shape.type != "Checkbox" else values.get(name) is True
        for name, _, shape, _ in _SETTINGS
    }
    children = (
        *text_elements(label="Default", protected=False),
        *(
            Element("values", (text_element("field", name), _value(value)))
            for name, value in {**known, QUEUE_SETTING: short_id}.items()
        ),
    )
    return PackageFile(SETTING_FILE, render_document("CustomMetadata", children, attributes=_XSI))


def read_setting_values(file: PackageFile) -> dict[str, str | bool | None]:
    """Return field -> value of a record of settings, as somebody may have edited it."""
    found = {match["field"]: unescape(match["value"] or "") or None for match in _SETTING_VALUE.finditer(file.text)}
    switches = {name for name, _, shape, _ in _SETTINGS if shape.type == "Checkbox"}
    return {name: value == "true" if name in switches else value for name, value in found.items()}


def list_view_files(lead_fields: Collection[str]) -> Iterator[PackageFile]:
    """Yield the list views of leads for people, as far as the leads have the fields to filter by."""
    views = (
        ("Dievio_Needs_Review", "Needs review", (REVIEW_STATUS_FIELD, "equals", "Needs review")),
        ("Dievio_Stale", "Stale", (ENRICHMENT_DATE_FIELD, "lessThan", f"LAST_N_DAYS:{STALE_DAYS}")),
    )
    for name, label, criterion in views:
        if criterion[0] in lead_fields:
            yield _list_view(name, label=label, criterion=criterion)


def conversion_file(mappings: MappingSet) -> PackageFile:
    """Return the settings that carry our fields along when a lead is converted."""
    targets = {row.source: row.to for row in mappings.contact.written_fields}
    pairs = sorted(
        (row.to, target)
        for row in mappings.lead.written_fields
        if (target := targets.get(row.source)) and row.to.endswith("__c") and target.endswith("__c")
    )
    mapped = tuple(
        Element("mappingFields", text_elements(inputField=source, outputField=target))
        for source, target in [*pairs, (REVIEW_STATUS_FIELD, REVIEW_STATUS_FIELD)]
    )
    children = (
        Element(
            "objectMapping", (text_element("inputObject", "Lead"), *mapped, text_element("outputObject", "Contact"))
        ),
    )
    path = f"{SOURCE_ROOT}/LeadConvertSettings/LeadConvertSettings.LeadConvertSetting-meta.xml"
    return PackageFile(path, render_document("LeadConvertSettings", children))


def _rule_file(object_name: str, rule: GuardRule) -> PackageFile:
    children = text_elements(
        fullName=rule.name,
        active=True,
        errorConditionFormula=rule.formula,
        errorDisplayField=rule.field,
        errorMessage=rule.message[:_MAX_MESSAGE_CHARACTERS],
    )
    path = f"{SOURCE_ROOT}/objects/{object_name}/validationRules/{rule.name}.validationRule-meta.xml"
    return PackageFile(path, render_document("ValidationRule", children))


def _object_file(name: str, children: Iterable[Element]) -> PackageFile:
    return PackageFile(
        f"{SOURCE_ROOT}/objects/{name}/{name}.object-meta.xml", render_document("CustomObject", children)
    )


def _list_view(name: str, *, label: str, criterion: tuple[str, str, str]) -> PackageFile:
    field, operation, value = criterion
    children = (
        text_element("fullName", name),
        *(text_element("columns", column) for column in (*_LIST_COLUMNS, field)),
        text_element("filterScope", "Everything"),
        Element("filters", text_elements(field=field, operation=operation, value=value)),
        text_element("label", label),
    )
    path = f"{SOURCE_ROOT}/objects/Lead/listViews/{name}.listView-meta.xml"
    return PackageFile(path, render_document("ListView", children))


def _value(value: str | bool | None) -> Element:  # noqa: FBT001 - a value, not a switch of this function
    if value is None:
        return Element("value", "", attributes=' xsi:nil="true"')
    if isinstance(value, bool):
        return Element("value", str(value).lower(), attributes=' xsi:type="xsd:boolean"')
    return Element("value", value, attributes=' xsi:type="xsd:string"')

"""Permission sets: what our user may do, equal to the write policy, and what people may see of our fields.

Only fields that the package creates and standard fields are named; a custom field of the org's own is its admin's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lead_pipeline.domain.directory_fields import BASE_FIELDS
from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.org_guard import INTEGRATION_PERMISSION, is_guard_field
from lead_pipeline.domain.org_package.fields import REVIEW_STATUS_FIELD, CustomField
from lead_pipeline.domain.org_package.markup import (
    SOURCE_ROOT,
    Element,
    PackageFile,
    render_document,
    text_element,
    text_elements,
)

INTEGRATION_SET = "Dievio_Integration"
READER_SET = "Dievio_Reader"
AGENT_OBJECT = "Dievio_Agent__c"

#: Required and system fields have no field-level security: naming one makes the deployment fail.
WITHOUT_FIELD_SECURITY: Mapping[str, frozenset[str]] = {
    "Lead": frozenset({"FirstName", "LastName", "Company", "Status", "OwnerId", "IsConverted"}),
    "Contact": frozenset({"FirstName", "LastName", "OwnerId"}),
    "Account": frozenset({"Name", "OwnerId"}),
}
_SYSTEM_FIELDS = frozenset(
    {
        *("Id", "Name", "IsDeleted", "MasterRecordId", "LastModifiedById", "CreatedDate", "LastModifiedDate"),
        *("SystemModstamp", "ConvertedContactId", "ConvertedAccountId", "LastActivityDate"),
    }
)
_PLACE_PARTS = ("Street", "City", "State", "PostalCode", "Country")
#: Parts of an address share the security of the compound field.
COMPOUNDS: Mapping[str, Mapping[str, str]] = {
    "Lead": dict.fromkeys(_PLACE_PARTS, "Address"),
    "Contact": {f"Mailing{part}": "MailingAddress" for part in _PLACE_PARTS},
    "Account": {f"Billing{part}": "BillingAddress" for part in _PLACE_PARTS},
}


def integration_set(
    mappings: MappingSet, fields: Iterable[CustomField], *, apex_classes: Iterable[str] = ()
) -> PackageFile:
    """Return the permission set of our user: edits what the mapping writes, reads what it compares, deletes nothing."""
    own = list(fields)
    editable = {f"{field.object_name}.{field.name}" for field in own if field.name != REVIEW_STATUS_FIELD}
    readable = {f"{field.object_name}.{field.name}" for field in own}
    for object_name, names in BASE_FIELDS.items():
        readable |= _secured(object_name, names)
    for mapping in (mappings.lead, mappings.contact):
        readable |= _secured(mapping.object_name, (row.to for row in mapping.fields))
        editable |= _secured(mapping.object_name, (row.to for row in mapping.written_fields))
    children = (
        *(Element("classAccesses", text_elements(apexClass=name, enabled=True)) for name in apex_classes),
        Element("customPermissions", text_elements(enabled=True, name=INTEGRATION_PERMISSION)),
        *text_elements(description="lead_pipeline: edits exactly the fields that its mapping writes, deletes nothing."),
        *(_field_permission(name, is_editable=name in editable) for name in sorted(editable | readable)),
        *text_elements(hasActivationRequired=False, label="Dievio Integration"),
        _object_permission("Account", may_create=False, may_edit=False),
        _object_permission("Contact", may_create=False, may_edit=True),
        _object_permission(AGENT_OBJECT, may_create=False, may_edit=False),
        _object_permission("Lead", may_create=True, may_edit=True),
        # Handing a lead over needs the second, asking for active validation rules the third.
        *(_user_permission(name) for name in ("ApiEnabled", "TransferAnyLead", "ViewSetup")),
    )
    return _file(INTEGRATION_SET, children)


def reader_set(fields: Iterable[CustomField]) -> PackageFile:
    """Return the permission set of people: they see our fields, and write down what a review found out."""
    shown = sorted(f"{field.object_name}.{field.name}" for field in fields if not is_guard_field(field.name))
    children = (
        *text_elements(description="Shows the fields of lead_pipeline; the review status may be edited."),
        *(_field_permission(name, is_editable=name.endswith(f".{REVIEW_STATUS_FIELD}")) for name in shown),
        *text_elements(hasActivationRequired=False, label="Dievio Reader"),
    )
    return _file(READER_SET, children)


def custom_permission() -> PackageFile:
    """Return the custom permission that the rules of the guard look for."""
    children = text_elements(
        description="Marks the user of lead_pipeline; the guard's validation rules apply to it alone.",
        isLicensed=False,
        label="Dievio Integration",
    )
    path = f"{SOURCE_ROOT}/customPermissions/{INTEGRATION_PERMISSION}.customPermission-meta.xml"
    return PackageFile(path, render_document("CustomPermission", children))


def _secured(object_name: str, names: Iterable[str]) -> set[str]:
    return {f"{object_name}.{name}" for name in _standard_names(object_name, names)}


def _standard_names(object_name: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        is_ours = name.endswith("__c") or "." in name
        if not is_ours and name not in _SYSTEM_FIELDS | WITHOUT_FIELD_SECURITY[object_name]:
            yield COMPOUNDS[object_name].get(name, name)


def _field_permission(name: str, *, is_editable: bool) -> Element:
    return Element("fieldPermissions", text_elements(editable=is_editable, field=name, readable=True))


def _object_permission(name: str, *, may_create: bool, may_edit: bool) -> Element:
    return Element(
        "objectPermissions",
        text_elements(
            allowCreate=may_create,
            allowDelete=False,
            allowEdit=may_edit,
            allowRead=True,
            modifyAllRecords=False,
            object=name,
            viewAllRecords=True,
        ),
    )


def _user_permission(name: str) -> Element:
    return Element("userPermissions", (text_element("enabled", value=True), text_element("name", name)))


def _file(name: str, children: Iterable[Element]) -> PackageFile:
    path = f"{SOURCE_ROOT}/permissionsets/{name}.permissionset-meta.xml"
    return PackageFile(path, render_document("PermissionSet", children))

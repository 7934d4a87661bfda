"""What people see of an object: layouts and list views, accepted only when everything they name is there.

Belongs here: the checks of a deployment. This org draws no pages; it keeps the parts, and a list view can be asked for
its records by the SOQL of `list_view_query`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.metadata_files import Component
from lead_pipeline.sandbox.salesforce_org.org import Org, SchemaChangeError
from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema

#: Columns that list views know standard fields of a Lead by.
_COLUMNS: Final[Mapping[str, str]] = {
    "FULL_NAME": "Name",
    "LEAD.COMPANY": "Company",
    "LEAD.EMAIL": "Email",
    "LEAD.PHONE": "Phone",
    "LEAD.TITLE": "Title",
    "LEAD.STATUS": "Status",
    "LEAD.CITY": "City",
    "LEAD.STATE": "State",
    "CORE.USERS.ALIAS": "OwnerId",
}
_OPERATIONS: Final = {"equals": "=", "notEqual": "!=", "lessThan": "<", "greaterThan": ">"}
_BEHAVIORS: Final = frozenset({"Edit", "Readonly", "Required"})
_STYLES: Final = frozenset({"OneColumn", "TwoColumnsTopToBottom", "TwoColumnsLeftToRight", "CustomLinks"})
#: Fields without which a layout is refused, where its object requires them; a name has no field of its own there.
_OWN_NAMES: Final = {"LastName": "Name"}


def check_layout(org: Org, component: Component) -> None:
    """Refuse a layout that names what is not there or lacks what is required."""
    schema = _schema_of(org, component.name.partition("-")[0])
    shown = set()
    for section in component.document.get("layoutSections", ()):
        if section["style"] not in _STYLES:
            raise SchemaChangeError(f"'{section['style']}' is not a valid value for the enum 'LayoutSectionStyle'")
        for item in _items(section):
            if item["behavior"] not in _BEHAVIORS:
                raise SchemaChangeError(f"'{item['behavior']}' is not a valid value for the enum 'UiBehavior'")
            _require_field(schema, item["field"])
            if item["field"] in shown:
                raise SchemaChangeError(f"Duplicate field in layout: {item['field']}")
            shown.add(item["field"])
    for name in (item.name for item in schema.fields.values() if item.required):
        if _OWN_NAMES.get(name, name) not in shown:
            raise SchemaChangeError(f"Layout must contain an item for required layout field: {name}")


def check_list_view(org: Org, component: Component) -> None:
    """Refuse a list view whose columns or filters name what is not there."""
    schema = _schema_of(org, component.name.partition(".")[0])
    for column in component.document.get("columns", ()):
        _column_field(schema, column)
    list_view_query(schema, component.document)


def list_view_query(schema: ObjectSchema, document: Mapping[str, Any]) -> str:
    """Return the SOQL that finds the records of a list view."""
    conditions = []
    for row in document.get("filters", ()):
        field = schema.find(_column_field(schema, row["field"]))
        if field is None or row["operation"] not in _OPERATIONS:
            raise SchemaChangeError(f"Could not resolve list view filter: {row['field']} {row['operation']}")
        is_bare = field.type in {"datetime", "date", "double", "int", "boolean"}
        value = row["value"].replace("\\", "\\\\").replace("'", "\\'")
        conditions.append(f"{field.name} {_OPERATIONS[row['operation']]} " + (value if is_bare else f"'{value}'"))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT Id FROM {schema.name}{where}"


def _items(section: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for column in section.get("layoutColumns", ()):
        yield from column.get("layoutItems", ()) if isinstance(column, Mapping) else ()


def _schema_of(org: Org, object_name: str) -> ObjectSchema:
    schema = org.schema(object_name)
    if schema is None:
        raise SchemaChangeError(f"Entity Enumeration Or ID: bad value for restricted picklist field: {object_name}")
    return schema


def _column_field(schema: ObjectSchema, column: str) -> str:
    name = _COLUMNS.get(column, column if column.endswith("__c") else "")
    if schema.find(name) is None:
        raise SchemaChangeError(f"Could not resolve list view column: {column}")
    return name


def _require_field(schema: ObjectSchema, name: str) -> None:
    if schema.find(name) is None:
        raise SchemaChangeError(f"In field: field - no CustomField named {schema.name}.{name} found")

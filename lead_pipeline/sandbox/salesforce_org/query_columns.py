"""What a query's columns are, for clients that ask `columns=true` before they show a table.

Belongs here: that one body. Running queries: queries.py.
"""

from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.schema import NUMBER_TYPES, TEXT_TYPES
from lead_pipeline.sandbox.salesforce_org.soql.compiler import Statement
from lead_pipeline.sandbox.salesforce_org.soql.shaping import ParentShape, Shape, ValueShape

_APEX_TYPES: Final = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "date": "Date",
    "datetime": "Datetime",
    "address": "Address",
    **dict.fromkeys(NUMBER_TYPES, "Double"),
}
_NUMBERS: Final = NUMBER_TYPES | {"int"}


def describe_columns(statement: Statement) -> dict[str, Any]:
    """The body of a columns=true answer."""
    members = () if statement.shape is None else statement.shape.members
    return {
        "columnMetadata": [_column(member, is_aggregate=statement.is_aggregate) for member in members],
        "entityName": statement.schema.name,
        "groupBy": statement.is_aggregate,
        "idSelected": any(member.key == "Id" for member in members),
        "keyPrefix": statement.schema.prefix,
    }


def _column(member: Shape, *, is_aggregate: bool) -> dict[str, Any]:
    kind = member.type if isinstance(member, ValueShape) else "address"
    parents = member.members if isinstance(member, ParentShape) else ()
    return {
        "aggregate": is_aggregate and member.key.startswith("expr"),
        "apexType": member.object_name if isinstance(member, ParentShape) else _APEX_TYPES.get(kind, "String"),
        "booleanType": kind == "boolean",
        "columnName": member.key,
        "custom": member.key.endswith("__c"),
        "displayName": member.key,
        "foreignKeyName": None,
        "insertable": not is_aggregate,
        "joinColumns": [_column(parent, is_aggregate=False) for parent in parents],
        "numberType": kind in _NUMBERS,
        "textType": kind in TEXT_TYPES,
        "updatable": not is_aggregate,
    }

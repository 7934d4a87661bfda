"""The setup of an org as the objects that clients may query: rules, and fields whose history is tracked.

Belongs here: reading them off the schemas. Keeping them as rows: org.py. A real org lists every field of every object;
this one lists those whose history is tracked.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema

Row = dict[str, Any]


def build_setup_rows(schemas: Mapping[str, ObjectSchema]) -> dict[str, list[Row]]:
    """Setup object -> its rows, without ids."""
    builders = {
        "ValidationRule": _validation_rules,
        "DuplicateRule": _duplicate_rules,
        "AssignmentRule": _assignment_rules,
        "FieldDefinition": _tracked_fields,
    }
    return {name: [row for schema in schemas.values() for row in build(schema)] for name, build in builders.items()}


def _validation_rules(schema: ObjectSchema) -> Iterator[Row]:
    for rule in schema.validation_rules:
        yield {
            "ValidationName": rule.name,
            "Active": rule.active,
            "EntityDefinitionId": schema.name,
            "ErrorMessage": rule.message,
            "ErrorDisplayField": rule.field,
        }


def _duplicate_rules(schema: ObjectSchema) -> Iterator[Row]:
    for rule in schema.duplicate_rules:
        yield {
            "SobjectType": schema.name,
            "DeveloperName": rule.name,
            "MasterLabel": rule.name.replace("_", " "),
            "IsActive": rule.active,
        }


def _assignment_rules(schema: ObjectSchema) -> Iterator[Row]:
    for rule in schema.assignment_rules:
        yield {"Name": rule.name, "SobjectType": schema.name, "Active": rule.active}


def _tracked_fields(schema: ObjectSchema) -> Iterator[Row]:
    for item in schema.fields.values():
        if item.tracked:
            yield {"EntityDefinitionId": schema.name, "QualifiedApiName": item.name, "IsFieldHistoryTracked": True}

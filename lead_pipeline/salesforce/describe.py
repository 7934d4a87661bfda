"""Reads a describe into the schema the domain checks values against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lead_pipeline.domain.org_findings import ObjectAccess
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDescribe:
    """What the org says about one object now. `last_modified` goes back as If-Modified-Since the next time."""

    schema: ObjectSchema
    last_modified: str | None
    access: ObjectAccess


def read_describe(body: Mapping[str, Any], *, object_name: str) -> ObjectSchema:
    """Return the schema of an sObject describe.

    Raises:
        KeyError: It is no describe.
        TypeError: As above.
    """
    fields = [_read_field(field) for field in body["fields"]]
    return ObjectSchema(object_name=object_name, fields={field.name: field for field in fields})


def read_access(body: Mapping[str, Any]) -> ObjectAccess:
    """Return what an sObject describe says our user may do with records."""
    return ObjectAccess(
        may_create=bool(body.get("createable")),
        may_update=bool(body.get("updateable")),
        may_delete=bool(body.get("deletable")),
    )


def _read_field(field: Mapping[str, Any]) -> FieldSchema:
    return FieldSchema(
        name=str(field["name"]),
        label=str(field.get("label") or field["name"]),
        type=str(field["type"]),
        length=int(field.get("length") or 0),
        precision=int(field.get("precision") or 0),
        scale=int(field.get("scale") or 0),
        is_createable=bool(field.get("createable")),
        is_updateable=bool(field.get("updateable")),
        is_nillable=bool(field.get("nillable")),
        is_defaulted=bool(field.get("defaultedOnCreate")),
        is_restricted_picklist=bool(field.get("restrictedPicklist")),
        picklist_values=tuple(
            str(entry["value"]) for entry in field.get("picklistValues") or () if entry.get("active", True)
        ),
        is_external_id=bool(field.get("externalId")),
        is_unique=bool(field.get("unique")),
        is_case_sensitive=bool(field.get("caseSensitive")),
    )

"""Which fields of the org the mirror holds, and how a record as read becomes one of the mirror.

How records are fetched is `services/refresh_directory`; which keys bring records together is `match_keys`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.leads import KEY_VERSION, MatchKeys
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema

MIRRORED_OBJECTS = ("Lead", "Contact", "Account")
USER_FIELDS = (
    "Id",
    "Name",
    "IsActive",
    "UserType",
    "Department",
    "Division",
    "Title",
    "Country",
    "ManagerId",
    "ProfileId",
    "SystemModstamp",
)
QUEUE_FIELDS = ("Id", "Name", "DeveloperName", "SystemModstamp")

_RECORD_FIELDS = ("Id", "IsDeleted", "OwnerId", "LastModifiedById", "CreatedDate", "LastModifiedDate", "SystemModstamp")
_OUR_FIELDS = ("Dievio_Lead_ID__c", "Dievio_Last_Op__c", "LinkedIn_URL__c", "Company_Domain__c")

#: Object -> what is always read: what the record is, whether it still lives, and what match keys are made of.
BASE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Lead": (
        *_RECORD_FIELDS,
        *_OUR_FIELDS,
        *("MasterRecordId", "IsConverted", "ConvertedContactId", "ConvertedAccountId", "Status"),
        "LastActivityDate",  # for the measures; a task alone stamps no record: read with the next change
        *("FirstName", "LastName", "Email", "Phone", "MobilePhone", "Title", "Company", "Website"),
        *("Street", "PostalCode", "City", "Country"),
    ),
    "Contact": (
        *_RECORD_FIELDS,
        *_OUR_FIELDS,
        *("MasterRecordId", "AccountId", "Account.Name", "Account.Website"),
        *("FirstName", "LastName", "Email", "Phone", "MobilePhone", "Title"),
        *("MailingStreet", "MailingPostalCode", "MailingCity", "MailingCountry"),
    ),
    "Account": (
        *_RECORD_FIELDS,
        *_OUR_FIELDS,
        *("MasterRecordId", "Name", "Website", "Phone", "BillingCountry"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSelection:
    """The fields to read of one object, and those the org does not have or hides from our user."""

    object_name: str
    fields: Mapping[str, FieldSchema]  # in the order of the query; parent fields under dotted names
    unknown: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Hash of what is read and of the key rules: rows read under another one lack something."""
        text = json.dumps([KEY_VERSION, *sorted(self.fields)])
        return hashlib.sha256(text.encode()).hexdigest()


def select_fields(object_name: str, wanted: Collection[str], *, schemas: Mapping[str, ObjectSchema]) -> FieldSelection:
    """Choose what to read: the base fields and the mapping's, as far as the org has them.

    Args:
        object_name: Lead, Contact or Account.
        wanted: Fields of the mapping.
        schemas: What the org says about each mirrored object.
    """
    found: dict[str, FieldSchema] = {}
    unknown: list[str] = []
    for name in dict.fromkeys((*BASE_FIELDS[object_name], *sorted(wanted))):
        field = _find_field(object_name, name, schemas)
        if field is not None:
            found[name] = field
        elif name in wanted:
            unknown.append(name)
    return FieldSelection(object_name=object_name, fields=found, unknown=tuple(unknown))


def _find_field(object_name: str, name: str, schemas: Mapping[str, ObjectSchema]) -> FieldSchema | None:
    parent, dot, inner = name.partition(".")
    if not dot:
        return schemas[object_name].fields.get(name)
    if f"{parent}Id" not in schemas[object_name].fields or parent not in schemas:
        return None
    return schemas[parent].fields.get(inner)


def mirror_record(object_name: str, fields: Mapping[str, object], *, keys: MatchKeys) -> DirectoryRecord:
    """Return a record of the mirror from the fields as read.

    Args:
        object_name: Lead, Contact or Account.
        fields: API name -> value; parent fields under dotted names.
        keys: Its match keys.
    """
    return DirectoryRecord(
        object_name=object_name,
        salesforce_id=str(fields["Id"]),
        fields=fields,
        keys=keys,
        last_modified_at=read_moment(fields["LastModifiedDate"]),
        system_modstamp=read_moment(fields["SystemModstamp"]),
        dievio_lead_id=_text(fields.get("Dievio_Lead_ID__c")),
        owner_id=_text(fields.get("OwnerId")),
        last_modified_by_id=_text(fields.get("LastModifiedById")),
        is_deleted=fields.get("IsDeleted") is True,
        master_record_id=_text(fields.get("MasterRecordId")),
        is_converted=fields.get("IsConverted") is True,
        converted_contact_id=_text(fields.get("ConvertedContactId")),
    )


def read_moment(value: object) -> datetime:
    """Read a time as Salesforce writes it, with +0000 or Z."""
    return datetime.fromisoformat(str(value)).astimezone(UTC)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

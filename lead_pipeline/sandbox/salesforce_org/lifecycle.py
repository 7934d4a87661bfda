"""What happens to records beyond saving: merge, conversion, the way back from the recycle bin.

Belongs here: these three, as an admin does them. Create, update, delete: saving.py; SOAP's convertLead: soap.py.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import fault
from lead_pipeline.sandbox.salesforce_org.org import Caller, Org
from lead_pipeline.sandbox.salesforce_org.saving import Refused, SaveContext, Saver, log_commit
from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema
from lead_pipeline.sandbox.salesforce_org.store import Row

_LATEST: Final = 66.0
_CARRIED_TO_CONTACT: Final = (
    "FirstName", "LastName", "Salutation", "Title", "Email", "Phone", "MobilePhone", "Fax", "LeadSource", "Description",
)  # fmt: skip
_CARRIED_TO_ACCOUNT: Final = ("Phone", "Fax", "Website", "Industry", "AnnualRevenue", "NumberOfEmployees", "Rating")
_ADDRESS_PARTS: Final = ("Street", "City", "State", "PostalCode", "Country")
_DEPLOYED_FIELD: Final = "metadata.CustomField."
_DEPLOYED_CONVERSION: Final = "metadata.LeadConvertSettings.LeadConvertSettings"
_DEFAULT_STATUS: Final = "Closed - Converted"


@dataclass(frozen=True)
class Conversion:
    """The records that a converted lead became; `opportunity_id` may be None."""

    lead_id: str
    account_id: str
    contact_id: str
    opportunity_id: str | None


class Lifecycle:
    """Merges, converts and restores records of one org.

    Args:
        org: the org.
        caller: the acting user.
    """

    def __init__(self, org: Org, caller: Caller) -> None:
        self._org = org
        self._caller = caller
        self._saver = Saver(org, SaveContext(caller, _LATEST, allow_duplicates=True, auto_assign=False))

    def merge(self, master_id: str, loser_ids: Sequence[str], *, values: Mapping[str, Any] | None = None) -> None:
        """Merge records into a master: the losers go to the recycle bin and point at it.

        External ids of the losers are not carried over, as on the platform.

        Raises:
            Refused: unknown, deleted or different records.
        """
        schema = self._schema_of(master_id)
        with self._org.store.transaction():
            self._live(schema, master_id)
            for loser_id in loser_ids:
                self._live(schema, loser_id)
                changes = {"IsDeleted": 1, "MasterRecordId": master_id}
                self._write(schema, loser_id, changes=changes, op="merge")
            self._saver.update(schema, master_id, payload=values or {})

    def undelete(self, record_id: str) -> None:
        """Take a record out of the recycle bin.

        Raises:
            Refused: it is not in there, was merged, or its unique value has been taken meanwhile.
        """
        schema = self._schema_of(record_id)
        with self._org.store.transaction():
            row = self._org.store.get(schema, record_id)
            if row is None or not row["IsDeleted"]:
                raise Refused(fault("UNDELETE_FAILED", fields=[]))
            if row.get("MasterRecordId"):
                raise Refused(fault("CANNOT_UNDELETE_MERGED", fields=[]))
            for item in schema.unique_fields:
                others = (
                    []
                    if row[item.name] is None
                    else self._org.store.ids_with(schema, item, value=row[item.name], limit=1)
                )
                if others:
                    raise Refused(fault("DUPLICATE_VALUE", name=item.name, record_id=others[0], fields=[item.name]))
            self._write(schema, record_id, changes={"IsDeleted": 0}, op="undelete")

    def convert(self, lead_id: str, options: Mapping[str, Any]) -> Conversion:
        """Convert a lead into a contact of an account, with an opportunity unless declined.

        Args:
            lead_id: the lead.
            options: `account_id`, `contact_id` (existing ones to use), `status`, `owner_id`, `without_opportunity`,
                `opportunity_name`.

        Raises:
            Refused: the lead is gone or converted already, or the status is no converted one.
        """
        schema = self._org.schemas["Lead"]
        status = str(options.get("status") or _DEFAULT_STATUS)
        if self._org.store.one("SELECT 1 FROM LeadStatus WHERE MasterLabel = ? AND IsConverted = 1", [status]) is None:
            raise Refused(fault("INVALID_STATUS", text=f"invalid convertedStatus: {status}", fields=["Status"]))
        with self._org.store.transaction():
            lead = self._live(schema, lead_id)
            if lead["IsConverted"]:
                raise Refused(fault("CANNOT_UPDATE_CONVERTED_LEAD", fields=[]))
            account_id = options.get("account_id") or self._create("Account", self._account_of(lead))
            contact_id = options.get("contact_id") or self._create("Contact", self._contact_of(lead, account_id))
            opportunity_id = (
                None
                if options.get("without_opportunity")
                else self._create("Opportunity", self._opportunity_of(lead, account_id, options=options))
            )
            changes = {
                "IsConverted": 1,
                "Status": status,
                "ConvertedDate": self._org.clock.now().astimezone(UTC).date().isoformat(),
                "ConvertedAccountId": account_id,
                "ConvertedContactId": contact_id,
                "ConvertedOpportunityId": opportunity_id,
                "IsUnreadByOwner": 0,
            }
            self._write(schema, lead_id, changes=changes, op="convert")
            self._follow_memberships(lead_id, contact_id)
        return Conversion(lead_id, account_id, contact_id, opportunity_id)

    # --- parts ----------------------------------------------------------------------------------------------------

    def _schema_of(self, record_id: str) -> ObjectSchema:
        schema = self._org.object_of(record_id)
        if schema is None:
            raise Refused(fault("MALFORMED_ID.delete", value=record_id, fields=[]))
        return schema

    def _live(self, schema: ObjectSchema, record_id: str) -> Row:
        row = self._org.store.get(schema, record_id)
        if row is None:
            raise Refused(fault("INVALID_CROSS_REFERENCE_KEY", fields=[]))
        if row["IsDeleted"]:
            raise Refused(fault("ENTITY_IS_DELETED", fields=[]))
        return row

    def _write(self, schema: ObjectSchema, record_id: str, *, changes: Row, op: str) -> None:
        old = self._org.store.get(schema, record_id) or {}
        now = self._org.now_text()
        stamps = {"LastModifiedDate": now, "LastModifiedById": self._caller.user_id, "SystemModstamp": now}
        self._org.store.update(schema, record_id, changes={**changes, **stamps})
        changed = {name: value for name, value in changes.items() if old.get(name) != value}
        before = {name: old.get(name) for name in changed}
        log_commit(
            self._org,
            self._caller,
            entry={"op": op, "object": schema.name, "id": record_id, "before": before, "after": changed},
        )

    def _create(self, name: str, values: Row) -> str:
        schema = self._org.schemas[name]
        payload = {key: value for key, value in values.items() if value is not None and key in schema.fields}
        return self._saver.create(schema, payload)

    def _account_of(self, lead: Row) -> Row:
        values = {name: lead.get(name) for name in _CARRIED_TO_ACCOUNT}
        places = {f"Billing{part}": lead.get(part) for part in _ADDRESS_PARTS}
        return {**values, **places, "Name": lead["Company"], "OwnerId": self._user_owner(lead)}

    def _contact_of(self, lead: Row, account_id: str) -> Row:
        """A contact with the lead's values.

        Custom fields that the org came with go to the contact's field of the same name; those that were deployed go
        where deployed conversion settings say, and nowhere without them.
        """
        values = {name: lead.get(name) for name in _CARRIED_TO_CONTACT}
        custom = {
            name: value
            for name, value in lead.items()
            if name.endswith("__c") and self._org.store.setting(f"{_DEPLOYED_FIELD}Lead.{name}") is None
        }
        mapped = {target: lead.get(source) for source, target in self._mapped_to("Contact")}
        places = {f"Mailing{part}": lead.get(part) for part in _ADDRESS_PARTS}
        return {**values, **custom, **mapped, **places, "AccountId": account_id, "OwnerId": self._user_owner(lead)}

    def _mapped_to(self, object_name: str) -> Iterator[tuple[str, str]]:
        kept = self._org.store.setting(_DEPLOYED_CONVERSION)
        for mapping in json.loads(kept).get("objectMapping", ()) if kept else ():
            if mapping["outputObject"] == object_name:
                yield from ((row["inputField"], row["outputField"]) for row in mapping.get("mappingFields", ()))

    def _opportunity_of(self, lead: Row, account_id: str, *, options: Mapping[str, Any]) -> Row:
        return {
            "Name": options.get("opportunity_name") or f"{lead['Company'][:110]}-",
            "AccountId": account_id,
            "StageName": "Prospecting",
            "CloseDate": self._org.clock.now().date().isoformat(),
            "LeadSource": lead.get("LeadSource"),
            "OwnerId": self._user_owner(lead),
        }

    def _user_owner(self, lead: Row) -> str:
        """Queues own no contacts: then the acting user does."""
        owner = str(lead["OwnerId"])
        return owner if owner.startswith("005") else self._caller.user_id

    def _follow_memberships(self, lead_id: str, contact_id: str) -> None:
        schema = self._org.schemas["CampaignMember"]
        for row in self._org.store.all("SELECT Id FROM CampaignMember WHERE LeadId = ? AND IsDeleted = 0", [lead_id]):
            self._write(schema, row[0], changes={"ContactId": contact_id}, op="update")

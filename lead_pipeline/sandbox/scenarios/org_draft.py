"""The org before the first night: users, queues, accounts, contacts and leads with ids, owners and a past.

Who these people are is `population`; which of them Dievio sells is decided by the cases.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from lead_pipeline.sandbox.salesforce_org.ids import add_checksum, make_id
from lead_pipeline.sandbox.salesforce_org.schema import SCHEMA_FOLDER
from lead_pipeline.sandbox.scenarios.dievio_rows import canonical_linkedin_url, size_band
from lead_pipeline.sandbox.scenarios.population import Company, Person
from lead_pipeline.sandbox.scenarios.scenario import EarlierWrite

USER_COUNT: Final = 25
INACTIVE_USER_EVERY: Final = 6  # four of 25 have left the company
PAST_DAYS: Final = 730  # the org's records were made within the last two years
SYNC_DELAY: Final = timedelta(hours=6)  # from the refresh at Dievio to the sync of the following night
REP_EDIT_AGE: Final = timedelta(days=14)  # younger than any earlier sync
TRACKED_FIELDS: Final = ("Email", "Title", "Company")  # fields in which an earlier sync remembers its own value
_PREFIXES: Final = {"User": "005", "Account": "001", "Contact": "003", "Lead": "00Q", "Group": "00G"}
_QUEUES: Final = (("Partner Leads", "Partner_Leads"), ("Nurture", "Nurture"))

Record = dict[str, object]


def salesforce_time(moment: datetime) -> str:
    """Write a UTC moment as Salesforce does."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


class OrgDraft:
    """Collects the org's records; each `add_` method returns the new record's Id."""

    def __init__(self, rng: random.Random, today: datetime) -> None:
        self._rng = rng
        self._today = today
        self._numbers = {name: count(1) for name in _PREFIXES}
        self.records: dict[str, list[Record]] = {name: [] for name in (*_PREFIXES, "QueueSobject")}
        self.earlier_writes: list[EarlierWrite] = []
        home = json.loads((SCHEMA_FOLDER.parent / "org.json").read_text("utf-8"))
        self.integration_id = add_checksum(home["users"]["integration"]["Id"])
        self.admin_id = add_checksum(home["users"]["admin"]["Id"])
        self._rep_ids: list[str] = []
        self._add_queues()

    def add_user(self, person: Person, *, is_active: bool) -> str:
        """Add a member of the sales staff; only active ones own records."""
        initials = (person.given[:1] + person.family[:4]).lower()
        user_id = self._add(
            "User",
            {
                "FirstName": person.given,
                "LastName": person.family,
                "Name": f"{person.given} {person.family}",
                "Email": person.email,
                "Username": f"{person.email}.sandbox",
                "Alias": initials,
                "Title": person.title,
                "Department": "Sales",
                "UserType": "Standard",
                "IsActive": is_active,
                "Country": person.country.code,
            },
            modified_by=self.admin_id,
        )
        if is_active:
            self._rep_ids.append(user_id)
        return user_id

    def add_account(self, company: Company, **overrides: object) -> str:
        """Add a company."""
        values: Record = {
            "Name": company.legal_name,
            "Website": f"https://www.{company.domain}",
            "Industry": company.trade.picklist,
            "NumberOfEmployees": company.employees,
            "BillingStreet": company.street,
            "BillingCity": company.city,
            "BillingState": company.region,
            "BillingPostalCode": company.postal_code,
            "BillingCountry": company.country.name,
            "Type": self._rng.choice(("Prospect", "Customer - Direct", "Other")),
        }
        return self._add("Account", values | overrides)

    def add_contact(self, person: Person, account_id: str, **overrides: object) -> str:
        """Add a contact of an account, as a rep typed it."""
        company = person.company
        values: Record = {
            "AccountId": account_id,
            "FirstName": person.given,
            "LastName": person.family,
            "Email": person.email.lower(),
            "Phone": person.phone,
            "Title": person.title,
            "MailingStreet": company.street,
            "MailingCity": company.city,
            "MailingState": company.region,
            "MailingPostalCode": company.postal_code,
            "MailingCountry": company.country.name,
        }
        return self._add("Contact", values | overrides)

    def add_lead(self, person: Person, **overrides: object) -> str:
        """Add a lead as a rep or a form made it: nothing of ours on it."""
        company = person.company
        values: Record = {
            "FirstName": person.given,
            "LastName": person.family,
            "Company": company.legal_name,
            "Title": person.title,
            "Email": person.email.lower(),
            "Phone": person.phone,
            "Website": f"https://www.{company.domain}",
            "Street": company.street,
            "City": company.city,
            "State": company.region,
            "PostalCode": company.postal_code,
            "Country": company.country.name,
            "Industry": company.trade.picklist,
            "NumberOfEmployees": company.employees,
            "LeadSource": self._rng.choice(("Web", "Phone Inquiry", "Partner Referral", "Other")),
            "Status": self._rng.choice(("Open - Not Contacted", "Working - Contacted")),
            "IsConverted": False,
        }
        return self._add("Lead", values | overrides)

    def add_synced(self, kind: str, person: Person, enriched_at: datetime, **overrides: object) -> str:
        """Add a Lead or Contact that an earlier sync filled, and remember what it wrote.

        Args:
            kind: "Lead", or "Contact" (then `AccountId` must be among the overrides).
            person: whom the record is about.
            enriched_at: when Dievio refreshed the values.
            **overrides: fields that changed since, or are blank.
        """
        synced: Record = _synced_values(person, enriched_at)
        saved = salesforce_time(enriched_at + SYNC_DELAY)
        audit = {"CreatedById": self.integration_id, "LastModifiedById": self.integration_id}
        audit |= dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), saved)
        values = synced | audit | {"Phone": person.phone_e164} | overrides
        if kind == "Lead":
            record_id = self.add_lead(person, **{"LeadSource": None, **values})
        else:
            record_id = self.add_contact(person, str(values["AccountId"]), **values)
        self._remember(kind, record_id, person, enriched_at)
        return record_id

    def touch_by_owner(self, kind: str, record_id: str) -> None:
        """Mark the record just added as edited last by its owner, two weeks ago."""
        record = next(record for record in reversed(self.records[kind]) if record["Id"] == record_id)
        edited = salesforce_time(self._today - REP_EDIT_AGE)
        record.update(LastModifiedById=record["OwnerId"], LastModifiedDate=edited, SystemModstamp=edited)

    def finished_records(self) -> dict[str, list[Record]]:
        """Return all records, blanks left out."""
        return {
            name: [{key: value for key, value in record.items() if value is not None} for record in records]
            for name, records in self.records.items()
        }

    def _remember(self, kind: str, record_id: str, person: Person, enriched_at: datetime) -> None:
        written = {"Email": person.email.lower(), "Title": person.title, "Company": person.company.legal_name}
        for field in TRACKED_FIELDS if kind == "Lead" else TRACKED_FIELDS[:2]:
            self.earlier_writes.append(
                EarlierWrite(
                    object_name=kind,
                    salesforce_id=record_id,
                    field=field,
                    value=written[field],
                    written_at=salesforce_time(enriched_at),
                )
            )

    def _add_queues(self) -> None:
        """Add queues beside those that the sandbox org brings along."""
        for name, developer_name in _QUEUES:
            values: Record = {"Name": name, "DeveloperName": developer_name, "Type": "Queue"}
            queue_id = self._add("Group", values, modified_by=self.admin_id)
            self.records["QueueSobject"].append({"QueueId": queue_id, "SobjectType": "Lead"})

    def _add(self, kind: str, values: Mapping[str, object], *, modified_by: str | None = None) -> str:
        rng = self._rng
        created = self._today - timedelta(seconds=rng.randint(2 * 86_400, PAST_DAYS * 86_400))
        modified = created + (self._today - timedelta(days=1) - created) * rng.random() ** 3
        has_owner = kind in {"Account", "Contact", "Lead"}
        owner_id = rng.choice(self._rep_ids) if has_owner else None
        author = modified_by or owner_id
        record: Record = {
            "Id": make_id(_PREFIXES[kind], next(self._numbers[kind])),
            "OwnerId": owner_id,
            "IsDeleted": False if has_owner else None,
            "CreatedById": author,
            "CreatedDate": salesforce_time(created),
            "LastModifiedById": author,
            "LastModifiedDate": salesforce_time(modified),
            "SystemModstamp": salesforce_time(modified),
            **values,
        }
        self.records[kind].append(record)
        return str(record["Id"])


def _synced_values(person: Person, enriched_at: datetime) -> Record:
    """Values of our own fields after a sync, equal to what the same person's row says today."""
    company = person.company
    return {
        "Dievio_Lead_ID__c": person.external_id,
        "LinkedIn_URL__c": canonical_linkedin_url(person.slug),
        "Company_Domain__c": company.domain,
        "Employee_Count__c": company.employees,
        "Employee_Band__c": size_band(company.employees),
        "Original_Source__c": "Dievio",
        "Enrichment_Source__c": "Dievio",
        "Last_Enriched_At__c": salesforce_time(enriched_at),
        "Dievio_Last_Synced_At__c": salesforce_time(enriched_at),
        "Dievio_Confidence__c": 90,
        "Dievio_Email_Status__c": "verified",
        "Dievio_Update_Reason__c": "created by nightly sync",
        "Last_Updated_By_System__c": "lead_pipeline",
        "Seniority__c": person.seniority,
        "Department__c": person.department,
    }

"""Broken orgs behind a real server: the doctor answers each in the words of the golden file, and writes nothing.

The words themselves, and the cases that no emulated org can show, stand in `domain/test_findings`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from lead_pipeline.config.pipeline import load_pipeline_config
from lead_pipeline.domain.org_guard import OWNER_RULE
from lead_pipeline.errors import OrgNotReadyError
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.sandbox.salesforce_org import Org
from lead_pipeline.services.examine import Examination, examine, require_ready
from lead_pipeline.store.database import Database
from lead_pipeline_tests.domain.test_findings import GOLDEN, SENIORITIES, say
from lead_pipeline_tests.salesforce.clients import EmulatedOrg
from lead_pipeline_tests.services.write_bench import forget_everything

CONFIG = load_pipeline_config(None)
Break = Callable[[Org], object]


def lead(change: Mapping[str, Any]) -> Break:
    return lambda org: org.change_schema("Lead", change)


def field(name: str, **flags: Any) -> Break:
    return lead({"fields": [{"name": name, **flags}]})


def without(name: str) -> Break:
    return lead({"remove": [name]})


def access(object_name: str, kind: str, *, add: Collection[str] = (), take: str = "") -> Break:
    def change(org: Org) -> None:
        schema = org.schema(object_name)
        assert schema is not None
        names = (getattr(schema.access_of("integration"), kind) | {*add}) - {take}
        org.change_schema(object_name, {"access": {"integration": {kind: sorted(names)}}})

    return change


def organization(column: str, value: object) -> Break:
    return lambda org: org.store.run(f'UPDATE "Organization" SET {column} = ?', [value])


def rename_profile_link(org: Org) -> None:
    org.change_schema("Lead", {"remove": ["LinkedIn_URL__c"]})
    link = {"name": "Linkedin_Url_2__c", "type": "url", "label": "LinkedIn URL", "length": 255}
    org.change_schema("Lead", {"fields": [link]})


def require_region(org: Org) -> None:
    org.change_schema("Lead", {"fields": [{"name": "Region__c", "type": "string", "length": 40, "required": True}]})


OURS = "Dievio_Lead_ID__c"
#: Golden words -> how an admin breaks the org.
ORGS: dict[str, Break] = {
    "a field is missing": without("Company_Domain__c"),
    "a field has another name": rename_profile_link,
    "a standard field is hidden": access("Lead", "not_readable", add=["Website"]),
    "a field that may be dropped is missing": without("Employee_Band__c"),
    "the field of our id is gone": without(OURS),
    "the field of our id is no external id": field(OURS, external_id=False),
    "the field of our id is not unique": field(OURS, unique=False),
    "the field of our id ignores case": field(OURS, case_sensitive=False),
    "the field of our id became a number": field(OURS, type="double", precision=18, length=0),
    "the field of our id is narrow": field(OURS, length=20),
    "a field may not be written at all": access("Lead", "not_editable", add=["Phone"]),
    "a field has another type": field("Employee_Count__c", type="date"),
    "a field is narrow": field("Company_Domain__c", length=80),
    "a field that is cut is narrow": field("Department__c", length=20),
    "a number has few digits": field("Employee_Count__c", precision=4),
    "a picklist lacks values": field("Seniority__c", values=list(SENIORITIES[:8])),
    "a required field has no source": require_region,
    "the receipt is missing": without("Dievio_Last_Op__c"),
    "the receipt is too short": field("Dievio_Last_Op__c", length=18),
    "a protected field is open": access(
        "Lead", "not_editable", add=["LeadSource", "Dievio_Review_Status__c"], take="Rating"
    ),
    "the edition has no API": organization("OrganizationType", "Group Edition"),
    "leads may not be created": access("Lead", "denied", add=["create"]),
    "contacts may not be updated": access("Contact", "denied", add=["update"]),
    "leads may be deleted": access("Lead", "denied", take="delete"),
    "no duplicate rule is active": lead({"duplicate_rules": []}),
    "an assignment rule is active": lead(
        {"assignment_rules": [{"name": "Standard Lead Assignment", "entries": [["TRUE", "Dievio_Holding"]]}]}
    ),
    "owners are not guarded": lead({"validation_rules": [{"name": OWNER_RULE, "active": False}]}),
}


@pytest.fixture
def client(written_org: EmulatedOrg, written_database: Database) -> Iterator[SalesforceClient]:
    written_org.org.clock.reset()
    written_org.org.reset()
    written_org.org.settings.daily_calls = 100_000
    forget_everything(written_database)
    token = SecretStr("sandbox-secret")
    opened = connect(
        SalesforceCredentials(instance_url=written_org.base_url, client_id="sandbox-client", client_secret=token)
    )
    yield opened
    opened.close()


def look(database: Database, client: SalesforceClient, *, skew: timedelta = timedelta(0)) -> Examination:
    return examine(
        database,
        client,
        mappings=CONFIG.mappings,
        routing=CONFIG.routing,
        now=lambda: datetime.now(UTC) - skew,
    )


def test_there_are_twenty_five_of_them() -> None:
    assert len(ORGS) >= 25


@pytest.mark.parametrize("name", ORGS)
def test_a_broken_org_is_told_in_these_words_and_nothing_is_written(
    written_org: EmulatedOrg, written_database: Database, client: SalesforceClient, name: str
) -> None:
    ORGS[name](written_org.org)
    commits = len(written_org.org.store.journal())

    examination = look(written_database, client)

    assert set(GOLDEN[name]) <= set(say(list(examination.findings)))
    if any(line.startswith("error") for line in GOLDEN[name]):
        with pytest.raises(OrgNotReadyError):
            require_ready(examination)
    assert len(written_org.org.store.journal()) == commits == 0


def test_an_org_whose_clock_is_elsewhere_and_whose_calls_are_spent_is_told_so(
    written_org: EmulatedOrg, written_database: Database, client: SalesforceClient
) -> None:
    for _ in range(90):
        written_org.org.count_call()
    written_org.org.settings.daily_calls = written_org.org.calls_used() + 10
    codes = {entry.code for entry in look(written_database, client, skew=timedelta(minutes=7)).findings}
    assert {"calls_scarce", "clock_skewed"} <= codes

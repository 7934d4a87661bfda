"""simple-salesforce, unpatched and over TLS, works against the sandbox org."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

from lead_pipeline_tests.clients.conftest import BIG_TABLE_ROWS, Target


@pytest.fixture
def session(certificate: Path) -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False  # a certificate bundle named in the environment would win over ours
        opened.verify = str(certificate)
        opened.headers["Connection"] = "close"  # an idle TLS connection would outlive the server thread
        yield opened


@pytest.fixture
def salesforce(tls_target: Target, session: requests.Session) -> Salesforce:
    host = urlsplit(tls_target.base_url).netloc
    return Salesforce(instance=host, session_id=tls_target.token, session=session, version="66.0")


def test_records_are_created_read_changed_and_deleted(salesforce: Any) -> None:
    created = salesforce.Lead.create({"LastName": "Simple", "Company": "C", "Dievio_Lead_ID__c": "x1"})
    assert salesforce.Lead.update(created["id"], {"Title": "CTO"}) == 204
    assert salesforce.Lead.get(created["id"])["Title"] == "CTO"
    assert salesforce.Lead.get_by_custom_id("Dievio_Lead_ID__c", "x1")["Id"] == created["id"]
    assert salesforce.Lead.delete(created["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        salesforce.Lead.get(created["id"])


def test_upsert_tells_created_updated_and_ambiguous_apart(salesforce: Any) -> None:
    assert salesforce.UpsertTable__c.upsert("ExtId__c/e1", {"Name": "a"}) == 201
    assert salesforce.UpsertTable__c.upsert("ExtId__c/e1", {"Name": "b"}) == 200
    salesforce.UpsertTable__c.create({"Name": "c", "ExtId__c": "e1"})
    with pytest.raises(SalesforceMoreThanOneRecord):
        salesforce.UpsertTable__c.upsert("ExtId__c/e1", {"Name": "d"})


def test_a_query_is_followed_through_all_its_pages(salesforce: Any) -> None:
    answer = salesforce.query_all("SELECT Id, Name FROM BigTable__c ORDER BY Name")

    assert answer["totalSize"] == len(answer["records"]) == BIG_TABLE_ROWS
    assert answer["records"][-1]["Name"] == f"row {BIG_TABLE_ROWS - 1:05}"


def test_refusals_arrive_as_its_own_exceptions(salesforce: Any) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        salesforce.Lead.create({"LastName": "x"})
    content: Any = refused.value.content
    assert content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"


def test_an_unknown_session_is_an_expired_one(tls_target: Target, session: requests.Session) -> None:
    stranger = Salesforce(instance=urlsplit(tls_target.base_url).netloc, session_id="nobody", session=session)

    with pytest.raises(SalesforceExpiredSession):
        stranger.query("SELECT Id FROM Lead")


@pytest.mark.slow  # its waits between two looks at a job cannot be shortened
def test_bulk_2_inserts_upserts_and_queries(salesforce: Any) -> None:
    rows = [{"LastName": f"B{place}", "Company": "Bulk", "Dievio_Lead_ID__c": f"b{place}"} for place in range(250)]
    [inserted] = salesforce.bulk2.Lead.insert(records=rows)
    [upserted] = salesforce.bulk2.Lead.upsert(
        records=[{"Dievio_Lead_ID__c": "b0", "City": "Kiel"}], external_id_field="Dievio_Lead_ID__c"
    )
    [table] = salesforce.bulk2.Lead.query("SELECT Id, City FROM Lead WHERE Company = 'Bulk' AND City = 'Kiel'")

    assert (inserted["numberRecordsProcessed"], inserted["numberRecordsFailed"]) == (250, 0)
    assert upserted["numberRecordsFailed"] == 0
    assert table.count("Kiel") == 1


def test_describe_and_limits_are_read(salesforce: Any) -> None:
    described = salesforce.Lead.describe()
    limits = salesforce.limits()

    assert described is not None
    assert described["name"] == "Lead"
    assert limits["DailyApiRequests"]["Max"] == 100_000
    assert salesforce.api_usage["api-usage"].total == 100_000

"""Records that sharing hides from the integration user: it does not see them, and they still stand in its way."""

from collections.abc import Callable
from typing import Any

import pytest

from lead_pipeline_tests.sandbox.salesforce_org.conftest import NO_ASSIGNMENT, RunningOrg

REP = "0055e0000000003AAA"
KEY = "/sobjects/Lead/Dievio_Lead_ID__c"
WINDOW = {"start": "2026-03-02T11:00:00Z", "end": "2026-03-02T13:00:00Z"}
LEAD = {"LastName": "Test", "Company": "Test GmbH"}
HIDDEN = {"Dievio_Lead_ID__c": "k", "Email": "ann@meyer.example"}


@pytest.fixture
def hidden(admin: RunningOrg) -> str:
    """A lead of the rep, whose records the integration user does not see."""
    record_id = admin.create(OwnerId=REP, **HIDDEN)
    for name in ("Lead", "Account"):
        change = {"access": {"integration": {"hidden_owners": [REP]}}}
        assert admin.call("PUT", f"/_sandbox/schema/{name}", json=change).status_code == 200
    return record_id


READS: dict[str, Callable[[RunningOrg, str], Any]] = {
    "by id": lambda org, record_id: org.call("GET", f"/sobjects/Lead/{record_id}").status_code == 200,
    "by key": lambda org, _: org.call("GET", f"{KEY}/k").status_code == 200,
    "by query": lambda org, _: org.query("SELECT Id FROM Lead")["records"],
    "by count": lambda org, _: org.query("SELECT COUNT() FROM Lead WHERE Email != null")["totalSize"],
    "by queryAll": lambda org, _: org.query("SELECT Id FROM Lead", resource="queryAll")["records"],
    "by getUpdated": lambda org, _: org.call("GET", "/sobjects/Lead/updated", params=WINDOW).json()["ids"],
    "by ids": lambda org, record_id: org.call(
        "GET", "/composite/sobjects/Lead", params={"ids": record_id, "fields": "Id"}
    ).json()[0],
    "by patching it": lambda org, record_id: (
        org.call("PATCH", f"/sobjects/Lead/{record_id}", json={"City": "x"}, headers=NO_ASSIGNMENT).status_code == 204
    ),
}


@pytest.mark.parametrize("way", READS)
def test_a_hidden_record_is_not_found(way: str, admin: RunningOrg, integration: RunningOrg, hidden: str) -> None:
    assert READS[way](admin, hidden)
    assert not READS[way](integration, hidden)


def test_a_hidden_record_keeps_its_unique_value(integration: RunningOrg, hidden: str) -> None:
    inserted = integration.call("POST", "/sobjects/Lead", json={**LEAD, "Dievio_Lead_ID__c": "k"})
    upserted = integration.call("PATCH", f"{KEY}/k", json=LEAD)

    for answer in (inserted, upserted):
        [error] = answer.json()
        assert (answer.status_code, error["errorCode"]) == (400, "DUPLICATE_VALUE")
        assert hidden in error["message"]


def test_a_hidden_record_still_refuses_its_duplicate(integration: RunningOrg, hidden: str) -> None:
    answer = integration.call("POST", "/sobjects/Lead", json={**LEAD, "Email": HIDDEN["Email"]})

    [error] = answer.json()
    [match] = error["duplicateResult"]["matchResults"]
    assert match["matchRecords"][0]["record"]["Id"] == hidden


def test_a_reference_to_a_hidden_record_is_refused(admin: RunningOrg, integration: RunningOrg, hidden: str) -> None:
    account = admin.create("Account", Name="Acme", OwnerId=REP)

    answer = integration.call("POST", "/sobjects/Contact", json={"LastName": "A", "AccountId": account})

    assert hidden
    assert (answer.status_code, answer.json()) == (
        400,
        [{
            "message": f"insufficient access rights on cross-reference id: {account[:15]}",
            "errorCode": "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
            "fields": [],
        }],
    )  # fmt: skip

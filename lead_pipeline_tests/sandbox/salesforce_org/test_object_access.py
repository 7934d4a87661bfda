"""An object that a user may not read does not exist for it, whatever it asks."""

from collections.abc import Callable
from typing import Any

import pytest

from lead_pipeline_tests.sandbox.salesforce_org.conftest import RunningOrg

TYPED = {"attributes": {"type": "Campaign"}, "Name": "Fair"}
NOT_FOUND = (404, "NOT_FOUND")
WAYS: dict[str, tuple[Callable[[RunningOrg], Any], tuple[int, str]]] = {
    "describe": (lambda org: org.call("GET", "/sobjects/Campaign/describe"), NOT_FOUND),
    "create": (lambda org: org.call("POST", "/sobjects/Campaign", json={"Name": "x"}), NOT_FOUND),
    "updated": (lambda org: org.call("GET", "/sobjects/Campaign/updated"), NOT_FOUND),
    "ids": (
        lambda org: org.call("GET", "/composite/sobjects/Campaign", params={"ids": "x", "fields": "Id"}), NOT_FOUND,
    ),
    "a Bulk job": (
        lambda org: org.call("POST", "/jobs/ingest", json={"object": "Campaign", "operation": "insert"}), NOT_FOUND,
    ),
    "a query": (
        lambda org: org.call("GET", "/query", params={"q": "SELECT Id FROM Campaign"}), (400, "INVALID_TYPE"),
    ),
}  # fmt: skip


@pytest.fixture
def barred(admin: RunningOrg, integration: RunningOrg) -> RunningOrg:
    """The integration user, who may not read campaigns."""
    change = {"access": {"integration": {"denied": ["read"]}}}
    assert admin.call("PUT", "/_sandbox/schema/Campaign", json=change).status_code == 200
    return integration


@pytest.mark.parametrize("way", WAYS)
def test_an_unreadable_object_is_none(way: str, admin: RunningOrg, barred: RunningOrg) -> None:
    ask, refusal = WAYS[way]

    answer, seen = ask(barred), ask(admin)

    assert (answer.status_code, answer.json()[0]["errorCode"]) == refusal
    assert (seen.status_code, seen.text) != (answer.status_code, answer.text)


def test_an_unreadable_object_is_missing_from_the_list_and_from_counts(admin: RunningOrg, barred: RunningOrg) -> None:
    listed = [{item["name"] for item in org.call("GET", "/sobjects").json()["sobjects"]} for org in (admin, barred)]
    counted = barred.call("GET", "/limits/recordCount", params={"sObjects": "Campaign,Lead"}).json()["sObjects"]

    assert listed[0] - listed[1] == {"Campaign"}
    assert [item["name"] for item in counted] == ["Lead"]


def test_a_record_of_an_unreadable_object_fails_as_a_row(barred: RunningOrg) -> None:
    [row] = barred.call("POST", "/composite/sobjects", json={"records": [TYPED]}).json()

    assert (row["success"], row["errors"][0]["statusCode"]) == (False, "INVALID_TYPE")

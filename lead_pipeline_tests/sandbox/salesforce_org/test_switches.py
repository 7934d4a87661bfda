"""Each undocumented choice in both its positions, as a client sees it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lead_pipeline.sandbox.control_plane.faults import GENERIC_KINDS
from lead_pipeline.sandbox.salesforce_org.disturbances import OWN_FAULT_KINDS
from lead_pipeline.sandbox.salesforce_org.switches import CHOICES, Switches
from lead_pipeline_tests.sandbox.salesforce_org.conftest import NO_ASSIGNMENT, RunningOrg

MANUAL = Path(__file__).parents[3] / "docs" / "sandbox.md"
LEAD = {"LastName": "Test", "Company": "Test GmbH"}
TYPED = {"attributes": {"type": "Lead"}, **LEAD}
KEY = "/sobjects/Lead/Dievio_Lead_ID__c"
Look = Callable[[RunningOrg], Any]


def access_status(org: RunningOrg) -> int:
    org.call("PUT", "/_sandbox/schema/Lead", json={"access": {"admin": {"denied": ["create"]}}})
    return org.call("POST", "/sobjects/Lead", json=LEAD).status_code


def storage_status(org: RunningOrg) -> int:
    org.call("POST", "/_sandbox/faults", json={"kind": "storage_limit"})
    return org.call("POST", "/sobjects/Lead", json=LEAD).status_code


def duplicate_value_fields(org: RunningOrg) -> Any:
    org.create(Dievio_Lead_ID__c="d")
    return org.call("POST", "/sobjects/Lead", json={**LEAD, "Dievio_Lead_ID__c": "d"}).json()[0]["fields"]


def row_duplicates(org: RunningOrg) -> Any:
    org.create(Email="a@b.example")
    rows = org.call("POST", "/composite/sobjects", json={"records": [{**TYPED, "Email": "a@b.example"}]}).json()
    return "duplicateResult" in rows[0]["errors"][0]


def failed_upsert_rows(org: RunningOrg) -> Any:
    row = {"attributes": {"type": "Lead"}, "Dievio_Lead_ID__c": "k"}
    return (
        org.call("PATCH", "/composite/sobjects/Lead/Dievio_Lead_ID__c", json={"records": [row]})
        .json()[0]
        .get("created")
    )


def update_only_missing(org: RunningOrg) -> int:
    return org.call("PATCH", f"{KEY}/none", params={"updateOnly": "true"}, json=LEAD).status_code


def usage_header(org: RunningOrg) -> str:
    for _ in range(12):
        answer = org.call("GET", "/limits")
    return answer.headers["sforce-limit-info"]


def result_charset(org: RunningOrg) -> str:
    job = org.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()
    return org.call("GET", f"/jobs/ingest/{job['id']}/failedResults").headers["content-type"]


def page_rows(org: RunningOrg) -> int:
    org.org.load("Lead", [LEAD] * 300)
    return len(org.query("SELECT Id FROM Lead")["records"])


CASES: dict[str, tuple[Look, dict[str, Any]]] = {
    "access_status": (access_status, {"400": 400, "403": 403}),
    "storage_status": (storage_status, {"403": 403, "400": 400}),
    "duplicate_value_fields": (duplicate_value_fields, {"named": ["Dievio_Lead_ID__c"], "empty": []}),
    "row_duplicates": (row_duplicates, {"bare": False, "with_result": True}),
    "failed_upsert_rows": (failed_upsert_rows, {"without_created": None, "created_true": True}),
    "update_only_missing": (update_only_missing, {"404": 404, "400": 400}),
    "usage_header": (
        usage_header,
        {
            "exact": "api-usage=12/100000",
            "lagging": "api-usage=10/100000",
            "per_app": "api-usage=12/100000; per-app-api-usage=12/100000(appName=sandbox)",
        },
    ),
    "result_charset": (result_charset, {"named": "text/csv; charset=UTF-8", "absent": "text/csv"}),
    "page_rows": (page_rows, {"2000": 300, "1000": 300, "250": 250}),
}


def test_every_choice_of_the_table_has_a_case_for_each_position() -> None:
    assert {name: set(seen) for name, (_, seen) in CASES.items()} == {
        choice.name: set(choice.positions) for choice in CHOICES
    }


@pytest.mark.parametrize(
    ("name", "position"), [(name, position) for name, (_, seen) in CASES.items() for position in seen]
)
def test_a_switch_does_what_its_position_says(name: str, position: str, admin: RunningOrg) -> None:
    look, seen = CASES[name]
    turned = admin.call("PUT", "/_sandbox/switches", json={name: position}, headers=NO_ASSIGNMENT)

    assert turned.json()[name] == position
    assert look(admin) == seen[position]


@pytest.mark.parametrize("change", [{"nope": "x"}, {"page_rows": "7"}])
def test_an_unknown_switch_or_position_is_refused(admin: RunningOrg, change: dict[str, str]) -> None:
    answer = admin.call("PUT", "/_sandbox/switches", json={"access_status": "403", **change})

    assert (answer.status_code, set(answer.json())) == (400, {"error"})
    assert admin.call("GET", "/_sandbox/switches").json() == Switches().to_json()


def test_the_manual_names_every_switch_and_every_kind_of_fault() -> None:
    manual = MANUAL.read_text("utf-8")

    rows = [f"| `{choice.name}` | {', '.join(f'`{one}`' for one in choice.positions)} |" for choice in CHOICES]
    assert [row for row in rows if row not in manual] == []
    assert [kind for kind in (*GENERIC_KINDS, *OWN_FAULT_KINDS) if f"`{kind}`" not in manual] == []

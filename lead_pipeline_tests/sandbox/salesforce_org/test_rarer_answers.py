"""Refusals and answers that few clients meet, and proof that no refusal of the catalogue goes untested."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lead_pipeline.sandbox.salesforce_org.catalogue import FORMS
from lead_pipeline_tests.sandbox.salesforce_org.conftest import DATA, RunningOrg

LEAD = {"LastName": "Test", "Company": "Test GmbH"}
KEY = "/sobjects/Lead/Dievio_Lead_ID__c"
COLLECTION = "/composite/sobjects"
Ask = Callable[[RunningOrg], Any]


def typed(**fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Lead"}, **fields}


def error(code: str, message: str, *fields: str) -> dict[str, Any]:
    return {"statusCode": code, "message": message, "fields": list(fields)}


def update_twice(org: RunningOrg) -> Any:
    record_id = org.create()
    rows = [typed(Id=record_id, Title="x"), typed(Id=record_id, Title="y")]
    second = org.call("PATCH", COLLECTION, json={"records": rows}).json()[1]
    second["errors"][0]["message"] = second["errors"][0]["message"].replace(record_id, "<id>")
    return second


def in_rows(method: str, path: str, **row: Any) -> Ask:
    return lambda org: org.call(method, path, json={"records": [typed(**row)]}).json()[0]


ROWS: dict[str, tuple[Ask, dict[str, Any]]] = {
    "an id that is none": (
        in_rows("PATCH", COLLECTION, Id="x!", Title="y"),
        error("MALFORMED_ID", "Lead ID: id value of incorrect type: x!", "Id"),
    ),
    "an id given twice": (update_twice, error("DUPLICATE_VALUE", "duplicate id in list: <id>", "Id")),
    "an upsert without its key": (
        in_rows("PATCH", f"{COLLECTION}/Lead/Dievio_Lead_ID__c", **LEAD),
        error("MISSING_ARGUMENT", "Dievio_Lead_ID__c not specified", "Dievio_Lead_ID__c"),
    ),
    "a deletion of what is no id": (
        lambda org: org.call("DELETE", COLLECTION, params={"ids": "x!"}).json()[0],
        error("MALFORMED_ID", "malformed id x!"),
    ),
    "a record of another object than the path": (
        in_rows("PATCH", f"{COLLECTION}/Contact/Dievio_Lead_ID__c", Dievio_Lead_ID__c="k", LastName="x"),
        error("INVALID_TYPE", "the request upserts Contact, the record is of type Lead"),
    ),
    "an owner taken away": (
        lambda org: in_rows("PATCH", COLLECTION, Id=org.create(), OwnerId=None)(org),
        error("INVALID_CROSS_REFERENCE_KEY", "Owner ID: owner cannot be blank", "OwnerId"),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_refused_with_a_code_of_its_own_and_no_id(name: str, admin: RunningOrg) -> None:
    ask, expected = ROWS[name]

    assert ask(admin) == {"success": False, "errors": [expected]}


def job_closed_twice(org: RunningOrg) -> Any:
    job = org.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()
    org.call("PATCH", f"/jobs/ingest/{job['id']}", json={"state": "Aborted"})
    return org.call("PATCH", f"/jobs/ingest/{job['id']}", json={"state": "UploadComplete"})


def composite(*requests: dict[str, Any]) -> Ask:
    return lambda org: org.call("POST", "/composite", json={"compositeRequest": list(requests)})


def sub(**more: Any) -> dict[str, Any]:
    return {"method": "GET", "url": f"{DATA}/sobjects/User", "referenceId": "a", **more}


WHOLE: dict[str, tuple[Ask, str, str]] = {
    "the key in the body of an upsert": (
        lambda org: org.call("PATCH", f"{KEY}/k1", json={**LEAD, "Dievio_Lead_ID__c": "k1"}),
        "INVALID_FIELD", "The Dievio_Lead_ID__c field should not be specified in the sobject data.",
    ),
    "the id in the body of an update": (
        lambda org: org.call("PATCH", f"/sobjects/Lead/{org.create()}", json={"Id": "x"}),
        "INVALID_FIELD", "The Id field should not be specified in the sobject data.",
    ),
    "a locator of nothing": (
        lambda org: org.call("GET", "/query/01g000000000001AAA-2000"), "INVALID_QUERY_LOCATOR", "invalid query locator",
    ),
    "a job that is over": (
        job_closed_twice, "INVALIDJOBSTATE", "InvalidJobState : cannot move job from Aborted to UploadComplete",
    ),
    "a reference given twice": (
        composite(sub(), sub()), "INVALID_INPUT", "Each subrequest needs a referenceId of its own",
    ),
    "a record without its type": (
        lambda org: org.call("POST", COLLECTION, json={"records": [LEAD]}),
        "INVALID_INPUT", "Include an entity type for each record: attributes.type is missing",
    ),
    "a record of what only admins make": (
        lambda org: org.call("POST", "/sobjects/Organization", json={"Name": "x"}),
        "INVALID_TYPE_FOR_OPERATION", "entity type Organization does not support create",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_a_request_is_refused_as_a_whole(name: str, admin: RunningOrg) -> None:
    ask, code, message = WHOLE[name]

    answer = ask(admin)

    [refusal] = answer.json()
    assert (answer.status_code, refusal["errorCode"], refusal["message"]) == (400, code, message)


def undelete_what_lives(org: RunningOrg) -> Any:
    return org.call("POST", "/_sandbox/undelete", json={"id": org.create()})


def undelete_a_merged_one(org: RunningOrg) -> Any:
    master, loser = org.create(), org.create()
    org.call("POST", "/_sandbox/merge", json={"master_id": master, "loser_ids": [loser]})
    return org.call("POST", "/_sandbox/undelete", json={"id": loser})


def convert_to_no_status(org: RunningOrg) -> Any:
    return org.call("POST", "/_sandbox/convert", json={"lead_id": org.create(), "status": "Won"})


BY_ADMINS: dict[str, tuple[Ask, dict[str, Any]]] = {
    "undeleting what lives": (undelete_what_lives, error("UNDELETE_FAILED", "Entity is not in the recycle bin")),
    "undeleting what was merged": (
        undelete_a_merged_one,
        error("CANNOT_UNDELETE_MERGED", "merged records cannot be restored"),
    ),
    "conversion into no status": (
        convert_to_no_status,
        error("INVALID_STATUS", "invalid convertedStatus: Won", "Status"),
    ),
}


@pytest.mark.parametrize("name", BY_ADMINS)
def test_what_an_admin_may_not_do_is_refused(name: str, admin: RunningOrg) -> None:
    ask, expected = BY_ADMINS[name]

    answer = ask(admin)

    assert (answer.status_code, answer.json()) == (400, {"errors": [expected]})


@pytest.mark.parametrize(
    "path", [f"{DATA}/limits", f"{DATA}/composite", f"{DATA}/jobs/ingest", "/services/oauth2/userinfo"]
)
def test_a_composite_takes_records_queries_and_collections_only(path: str, admin: RunningOrg) -> None:
    [part] = composite(sub(url=path))(admin).json()["compositeResponse"]

    assert (part["httpStatusCode"], part["body"][0]["errorCode"]) == (404, "NOT_FOUND")


def test_twenty_six_subrequests_are_too_many(admin: RunningOrg) -> None:
    answer = composite(*(sub(referenceId=f"r{place}") for place in range(26)))(admin)

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "TOO_MANY_SUBREQUESTS")


def test_record_counts_leave_the_deleted_out(admin: RunningOrg) -> None:
    gone = admin.create()
    admin.create()
    admin.call("DELETE", f"/sobjects/Lead/{gone}")

    answer = admin.call("GET", "/limits/recordCount", params={"sObjects": "Lead,Contact"})

    assert answer.json() == {"sObjects": [{"count": 0, "name": "Contact"}, {"count": 1, "name": "Lead"}]}


def test_a_query_tells_its_columns_before_its_rows(admin: RunningOrg) -> None:
    soql = "SELECT Id, AnnualRevenue, Owner.Name FROM Lead"

    answer = admin.call("GET", "/query", params={"q": soql, "columns": "true"}).json()

    columns = answer["columnMetadata"]
    assert (answer["entityName"], answer["keyPrefix"], answer["idSelected"]) == ("Lead", "00Q", True)
    assert [(item["columnName"], item["apexType"]) for item in columns[:2]] == [
        ("Id", "Id"), ("AnnualRevenue", "Double"),
    ]  # fmt: skip
    assert [item["columnName"] for item in columns[2]["joinColumns"]] == ["Name"]


def test_every_refusal_of_the_catalogue_is_named_by_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))

    assert {form.partition(".")[0] for form in FORMS} <= set(re.findall("[A-Z_]{6,}", tests))

"""Scripted faults of the org: what the client sees, and what has or has not happened."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from lead_pipeline_tests.sandbox.salesforce_org.conftest import NOON, RunningOrg

LEAD = {"LastName": "Test", "Company": "Test GmbH"}


def script(org: RunningOrg, kind: str, **details: Any) -> None:
    assert org.call("POST", "/_sandbox/faults", json={"kind": kind, "times": 1, **details}).status_code == 201


def leads(org: RunningOrg) -> int:
    count: int = org.query("SELECT COUNT() FROM Lead")["totalSize"]
    return count


@pytest.mark.parametrize(("kind", "done"), [("reset_before_commit", 0), ("reset_after_commit", 1)])
def test_a_reset_hides_whether_the_commit_happened(admin: RunningOrg, kind: str, done: int) -> None:
    script(admin, kind, route="/sobjects/{object}")

    with pytest.raises(httpx.TransportError):
        admin.call("POST", "/sobjects/Lead", json=LEAD)

    assert leads(admin) == done


def test_a_late_commit_lands_when_the_clock_has_moved_on(admin: RunningOrg) -> None:
    script(admin, "late_commit", route="/sobjects/{object}", delay_seconds=300)
    with pytest.raises(httpx.TransportError):
        admin.call("POST", "/sobjects/Lead", json=LEAD)
    before = leads(admin)

    admin.call("PUT", "/_sandbox/clock", json={"now": (NOON + timedelta(minutes=6)).isoformat(), "frozen": True})

    assert (before, leads(admin)) == (0, 1)


def test_a_locked_row_fails_alone(admin: RunningOrg) -> None:
    script(admin, "row_lock", record_index=1)
    records = [{"attributes": {"type": "Lead"}, **LEAD} for _ in range(3)]

    rows = admin.call("POST", "/composite/sobjects", json={"records": records}).json()

    assert [row["success"] for row in rows] == [True, False, True]
    assert rows[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"


def test_a_locked_row_of_a_composite_fails_alone(admin: RunningOrg) -> None:
    script(admin, "row_lock", record_index=0)
    requests = [
        {"method": "POST", "url": "/services/data/v66.0/sobjects/Lead", "referenceId": name, "body": LEAD}
        for name in ("a", "b")
    ]

    parts = admin.call("POST", "/composite", json={"compositeRequest": requests}).json()["compositeResponse"]

    assert [part["httpStatusCode"] for part in parts] == [400, 201]


def test_an_expired_session_answers_401_and_a_new_token_works(admin: RunningOrg) -> None:
    script(admin, "expire_sessions")

    refused = admin.call("POST", "/sobjects/Lead", json=LEAD)
    again = admin.acting_as("admin").call("POST", "/sobjects/Lead", json=LEAD)

    assert (refused.status_code, again.status_code) == (401, 201)


def test_a_session_ends_after_its_lifetime(admin: RunningOrg) -> None:
    admin.call("PUT", "/_sandbox/limits", json={"session_seconds": 7200})
    short = admin.acting_as("rep")
    admin.call("PUT", "/_sandbox/clock", json={"now": (NOON + timedelta(hours=3)).isoformat()})

    assert short.call("GET", "/limits").status_code == 401


@pytest.mark.parametrize(
    ("kind", "details", "code"),
    [
        ("edit", {"fields": {"Title": "by a rep"}}, 412),
        ("convert", {}, 400),
        ("delete", {}, 404),
        ("merge", {}, 404),
    ],
)
def test_somebody_else_was_quicker(integration: RunningOrg, kind: str, details: dict[str, Any], code: int) -> None:
    record_id, other = (
        integration.org.load("Lead", [{**LEAD, "LastModifiedDate": "2026-03-01T00:00:00Z"}])[0] for _ in range(2)
    )
    if kind == "merge":
        details = {"master_id": other}
    script(integration, kind, route="/sobjects/{object}/{id}", method="PATCH", id=record_id, **details)
    since = {"If-Unmodified-Since": "Sun, 01 Mar 2026 12:00:00 GMT"} if kind == "edit" else {}

    answer = integration.call("PATCH", f"/sobjects/Lead/{record_id}", json={"Title": "ours"}, headers=since)

    assert answer.status_code == code


def test_an_edit_in_the_second_of_the_read_escapes_the_precondition(integration: RunningOrg) -> None:
    [record_id] = integration.org.load("Lead", [{**LEAD, "LastModifiedDate": "2026-03-01T00:00:00Z"}])
    script(
        integration,
        "edit",
        method="PATCH",
        id=record_id,
        fields={"Title": "by a rep"},
        same_second="2026-03-01T00:00:00Z",
    )

    answer = integration.call("PATCH", f"/sobjects/Lead/{record_id}", json={"City": "Bonn"},
                              headers={"If-Unmodified-Since": "Sun, 01 Mar 2026 00:00:00 GMT"})  # fmt: skip

    assert answer.status_code == 204
    assert integration.record(record_id)["Title"] == "by a rep"


def test_records_may_be_chosen_by_a_value_and_one_that_is_gone_is_left_alone(integration: RunningOrg) -> None:
    gone, kept = integration.org.load("Lead", [{**LEAD, "City": "Bonn"}, {**LEAD, "City": "Kiel"}])
    script(integration, "delete", id=gone)
    script(integration, "edit", id=gone, fields={"Title": "too late"})
    script(integration, "edit", field="City", value="Kiel", fields={"Title": "by a rep"})

    answer = integration.call("GET", "/limits")

    rows = integration.query("SELECT Id, Title FROM Lead", resource="queryAll")["records"]
    assert answer.status_code == 200
    assert {row["Id"]: row["Title"] for row in rows} == {gone: None, kept: "by a rep"}


@pytest.mark.parametrize(
    ("kind", "details", "reason"),
    [
        ("edit", {"fields": {"Title": "x"}, "same_second": "soon"}, "soon"),
        ("change_schema", {"object": "Nothing__c", "change": {}}, "needs name, prefix and fields"),
    ],
)
def test_a_script_that_cannot_be_carried_out_is_told_to_the_client(
    admin: RunningOrg, kind: str, details: dict[str, Any], reason: str
) -> None:
    target = {"id": admin.create()} if kind == "edit" else {}
    script(admin, kind, **target, **details)

    answer = admin.call("GET", "/limits")

    assert answer.status_code == 500
    assert f"the scripted fault {kind} cannot be carried out" in answer.text
    assert reason in answer.text


def test_time_may_pass_between_two_requests(admin: RunningOrg) -> None:
    script(admin, "advance_clock", seconds=90)

    assert admin.record(admin.create())["CreatedDate"] == "2026-03-02T12:01:30.000+0000"


SCHEMA_CHANGES = {
    "a removed field": ({"remove": ["Phone"]}, {"Phone": "1"}, "INVALID_FIELD"),
    "a shorter field": ({"fields": [{"name": "Title", "length": 3}]}, {"Title": "four"}, "STRING_TOO_LONG"),
    "a changed picklist": (
        {"fields": [{"name": "Seniority__c", "values": ["owner"]}]}, {"Seniority__c": "cxo"},
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    ),
    "a revoked permission": (
        {"access": {"admin": {"not_editable": ["City"]}}}, {"City": "Bonn"}, "INVALID_FIELD_FOR_INSERT_UPDATE",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMA_CHANGES)
def test_the_schema_may_change_in_the_middle_of_a_run(name: str, admin: RunningOrg) -> None:
    change, fields, code = SCHEMA_CHANGES[name]
    before = admin.call("POST", "/sobjects/Lead", json={**LEAD, **fields})
    script(admin, "change_schema", object="Lead", change=change)

    after = admin.call("POST", "/sobjects/Lead", json={**LEAD, **fields})

    assert (before.status_code, after.status_code, after.json()[0]["errorCode"]) == (201, 400, code)


def test_a_rep_may_create_the_same_person_first(integration: RunningOrg) -> None:
    person = {**LEAD, "Email": "same@person.example"}
    script(integration, "create", object="Lead", fields=person)

    answer = integration.call("POST", "/sobjects/Lead", json=person)

    assert answer.json()[0]["errorCode"] == "DUPLICATES_DETECTED"


def test_a_bulk_job_may_fail_half_way_and_name_the_rows_it_left(admin: RunningOrg) -> None:
    job = admin.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()
    admin.call(
        "PUT", f"/{job['contentUrl']}", content="LastName,Company\na,b\nc,d\n", headers={"Content-Type": "text/csv"}
    )
    script(admin, "job_failed", after_rows=1)

    admin.call("PATCH", f"/jobs/ingest/{job['id']}", json={"state": "UploadComplete"})
    state = wait_for(admin, job["id"])

    assert (state["state"], state["numberRecordsProcessed"]) == ("Failed", 1)
    assert admin.call("GET", f"/jobs/ingest/{job['id']}/unprocessedrecords").text == '"LastName","Company"\n"c","d"\n'


def wait_for(org: RunningOrg, job_id: str) -> Any:
    for _ in range(200):
        job = org.call("GET", f"/jobs/ingest/{job_id}").json()
        if job["state"] in {"JobComplete", "Failed", "Aborted"}:
            return job
    raise AssertionError(job)

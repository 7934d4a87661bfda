"""Every kind of fault at every kind of endpoint: what the client sees, and whether the work was done."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from lead_pipeline.sandbox.control_plane.faults import GENERIC_KINDS
from lead_pipeline.sandbox.salesforce_org.disturbances import OWN_FAULT_KINDS
from lead_pipeline_tests.sandbox.salesforce_org.conftest import DATA, NOON, RunningOrg

LEAD = {"LastName": "Test", "Company": "Test GmbH"}
TYPED = {"attributes": {"type": "Lead"}, **LEAD}
PART = {"method": "POST", "url": f"{DATA}/sobjects/Lead", "referenceId": "a", "body": LEAD}
JOB = {"object": "Lead", "operation": "insert"}
Request = Callable[[RunningOrg], httpx.Response]


@dataclass(frozen=True)
class Endpoint:
    """A write of one kind and what it leaves behind once it is done."""

    request: Request
    done: Callable[[RunningOrg], int]


def count(name: str) -> Callable[[RunningOrg], int]:
    return lambda org: len(org.org.store.all(f'SELECT 1 FROM "{name}"'))


ENDPOINTS = {
    "a single record": Endpoint(lambda org: org.call("POST", "/sobjects/Lead", json=LEAD), count("Lead")),
    "an upsert": Endpoint(
        lambda org: org.call("PATCH", "/sobjects/Lead/Dievio_Lead_ID__c/k", json=LEAD), count("Lead")
    ),
    "a collection": Endpoint(
        lambda org: org.call("POST", "/composite/sobjects", json={"records": [TYPED]}), count("Lead")
    ),
    "a composite": Endpoint(
        lambda org: org.call("POST", "/composite", json={"compositeRequest": [PART]}), count("Lead")
    ),
    "a Bulk job": Endpoint(lambda org: org.call("POST", "/jobs/ingest", json=JOB), count("sandbox_job")),
}


def see_status(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and answer.json()[0]["errorCode"] == "SERVER_UNAVAILABLE"


def see_expired(answer: httpx.Response) -> bool:
    return answer.status_code == 401 and answer.json()[0]["errorCode"] == "INVALID_SESSION_ID"


def see_fine(answer: httpx.Response) -> bool:
    return answer.is_success and isinstance(answer.json(), dict | list)


def see_broken_json(answer: httpx.Response) -> bool:
    try:
        json.loads(answer.content)
    except ValueError:
        return answer.is_success
    return False


def see_page(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and answer.text.startswith("<!DOCTYPE html>")


ANSWERED: dict[str, tuple[dict[str, Any], Callable[[httpx.Response], bool], int]] = {
    "status": ({}, see_status, 0),
    "expired_session": ({}, see_expired, 0),
    "slow": ({"seconds": 0.01}, see_fine, 1),
    "drip": ({"pieces": 3, "pause_seconds": 0.001}, see_fine, 1),
    "truncated_json": ({}, see_broken_json, 1),
    "html_200": ({}, see_page, 0),
}
CUT = {"reset_before_commit": 0, "reset_after_commit": 1, "late_commit": 0}
STOPPED = {
    "daily_limit": (403, "REQUEST_LIMIT_EXCEEDED"),
    "concurrent_limit": (403, "REQUEST_LIMIT_EXCEEDED"),
    "query_timeout": (400, "QUERY_TIMEOUT"),
    "server_unavailable": (503, "SERVER_UNAVAILABLE"),
    "unknown_exception": (500, "UNKNOWN_EXCEPTION"),
    "storage_limit": (403, "STORAGE_LIMIT_EXCEEDED"),
    "api_disabled": (403, "API_CURRENTLY_DISABLED"),
    "session_invalid": (401, "INVALID_SESSION_ID"),
}
DISTURBANCES = {"edit", "create", "delete", "convert", "merge", "change_schema", "expire_sessions", "advance_clock"}
OF_RECORDS = {"row_lock", "partial_failure", "job_failed"}


def script(org: RunningOrg, kind: str, **details: Any) -> None:
    assert org.call("POST", "/_sandbox/faults", json={"kind": kind, "times": 1, **details}).status_code == 201


def test_the_tables_here_name_every_kind_there_is() -> None:
    assert {*ANSWERED, *CUT} == set(GENERIC_KINDS)
    assert {*STOPPED, *DISTURBANCES, *OF_RECORDS} == set(OWN_FAULT_KINDS)


@pytest.mark.parametrize("kind", ANSWERED)
def test_a_fault_of_the_answer_at_every_endpoint(kind: str, admin: RunningOrg) -> None:
    params, is_seen, done = ANSWERED[kind]
    for place, endpoint in ENDPOINTS.items():
        before = endpoint.done(admin)
        script(admin, kind, **params)

        answer = endpoint.request(admin)

        assert is_seen(answer), (place, answer.text)
        assert endpoint.done(admin) - before == done, place
        assert see_fine(endpoint.request(admin)), place


@pytest.mark.parametrize("kind", CUT)
def test_a_fault_of_the_connection_at_every_endpoint(kind: str, admin: RunningOrg) -> None:
    for place, endpoint in ENDPOINTS.items():
        before = endpoint.done(admin)
        script(admin, kind)

        with pytest.raises(httpx.TransportError):
            endpoint.request(admin)

        assert endpoint.done(admin) - before == CUT[kind], place


def test_a_late_commit_at_every_endpoint_lands_once_its_time_has_come(admin: RunningOrg) -> None:
    for endpoint in ENDPOINTS.values():
        script(admin, "late_commit", delay_seconds=600)
        with pytest.raises(httpx.TransportError):
            endpoint.request(admin)

    seen = []
    for minutes in (9, 11):
        moment = (NOON + timedelta(minutes=minutes)).isoformat()
        admin.call("PUT", "/_sandbox/clock", json={"now": moment, "frozen": True})
        seen.append((count("Lead")(admin), count("sandbox_job")(admin)))

    assert seen == [(0, 0), (4, 1)]


@pytest.mark.parametrize("kind", STOPPED)
def test_a_limit_stops_a_request_of_any_endpoint_before_it_does_anything(kind: str, admin: RunningOrg) -> None:
    for place, endpoint in ENDPOINTS.items():
        script(admin, kind)

        answer = endpoint.request(admin)

        assert (answer.status_code, answer.json()[0]["errorCode"]) == STOPPED[kind], place
        assert endpoint.done(admin) == 0, place


@pytest.mark.parametrize("status", [500, 502, 504])
@pytest.mark.parametrize("page", ["", "<html>Bad gateway</html>"])
def test_a_proxy_may_answer_for_the_org(admin: RunningOrg, status: int, page: str) -> None:
    script(admin, "status", status=status, body=page, headers={"Content-Type": "text/html"})

    answer = admin.call("POST", "/sobjects/Lead", json=LEAD)

    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (status, page, "text/html")
    assert count("Lead")(admin) == 0


def test_a_kind_that_does_not_exist_is_refused(admin: RunningOrg) -> None:
    answer = admin.call("POST", "/_sandbox/faults", json={"kind": "earthquake"})

    assert answer.status_code == 400
    assert "row_lock" in answer.text


def test_chance_repeats_with_its_seed(admin: RunningOrg) -> None:
    runs = []
    for _ in range(2):
        admin.call("DELETE", "/_sandbox/faults")
        admin.call("POST", "/_sandbox/faults", json={"kind": "status", "probability": 0.5, "seed": 7})
        runs.append([admin.call("GET", "/limits").status_code for _ in range(12)])

    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}

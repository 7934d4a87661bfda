"""Requests of the org's own control routes that do not fit: refused with what is wrong, never a crash."""

from typing import Any

import pytest

from lead_pipeline_tests.sandbox.salesforce_org.conftest import RunningOrg

NEW = {"prefix": "a77", "fields": []}
MISFITS: list[tuple[str, str, Any, str]] = [
    ("POST", "tokens", [1], "JSON object"),
    ("POST", "tokens", {"user": "nobody"}, "no active user"),
    ("POST", "tokens", {"user": "admin", "lifetime_seconds": "x"}, "wrong shape"),
    ("PUT", "limits", {"nope": 1}, "unknown limits"),
    ("PUT", "limits", {"daily": "many"}, "daily has to be a whole number from 0"),
    ("PUT", "limits", {"daily": None}, "daily has to be"),
    ("PUT", "limits", {"session_seconds": -1}, "session_seconds has to be"),
    ("PUT", "limits", {"api_disabled": "yes", "daily": 7}, "true or false"),
    ("POST", "load", {"Lead": 5}, "wrong shape"),
    ("POST", "load", {"Lead": [5]}, "object of fields"),
    ("POST", "load", {"Lead": [{"City": {"a": 1}}]}, "wrong shape"),
    ("POST", "load", {"Lead": [{"CreatedDate": "yesterday"}]}, "yesterday"),
    ("POST", "merge", {}, "lacks master_id"),
    ("POST", "convert", {}, "lacks lead_id"),
    ("POST", "undelete", {}, "lacks id"),
    ("PUT", "switches", [1], "JSON object"),
    ("PUT", "schema/Bad__c", {**NEW, "duplicate_rules": [{"name": 10**30, "message": "m", "compares": []}]}, "shape"),
    ("PUT", "schema/Bad__c", {**NEW, "fields": [{"name": 5, "type": "string"}]}, "int"),
    ("PUT", "schema/Bad__c", {**NEW, "access": "x"}, "str"),
    ("PUT", "schema/Bad-Name", NEW, "no API name"),
    ("PUT", "schema/Bad__c", {**NEW, "fields": [{"name": "a b", "type": "string"}]}, "no API name"),
    ("PUT", "schema/Bad__c", {**NEW, "prefix": "a"}, "three letters or digits"),
    ("PUT", "schema/Bad__c", {**NEW, "prefix": "00Q"}, "belong to Lead"),
]


@pytest.mark.parametrize(("method", "path", "body", "reason"), MISFITS)
def test_a_control_request_that_does_not_fit_says_why(
    admin: RunningOrg, method: str, path: str, body: Any, reason: str
) -> None:
    answer = admin.call(method, f"/_sandbox/{path}", json=body)

    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert admin.org.settings.daily_calls == 100_000
    assert admin.org.schema("Bad__c") is None
    assert admin.query("SELECT COUNT() FROM Lead")["totalSize"] == 0

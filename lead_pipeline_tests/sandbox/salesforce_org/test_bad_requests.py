"""Whatever a client sends, the answer has the platform's own error form and never is a 500."""

import gzip
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lead_pipeline_tests.sandbox.salesforce_org.conftest import DATA, RunningOrg

JSON = {"Content-Type": "application/json"}
BODIES = {
    "no JSON": b"{",
    "an array": b"[1]",
    "a text": b'"x"',
    "a number": b"7",
    "null": b"null",
    "nothing": b"",
    "broken UTF-8": b'{"LastName": "\xff"}',
    "deep nesting": b"[" * 200_000,
    "a lone surrogate": b'{"LastName": "\\ud800", "Company": "x"}',
    "NaN": b'{"LastName": "x", "Company": "y", "AnnualRevenue": NaN}',
    "a huge number": b'{"LastName": "x", "Company": "y", "NumberOfEmployees": 1e400}',
    "a list as value": b'{"LastName": ["x"], "Company": "y"}',
    "an object as value": b'{"LastName": {"x": 1}, "Company": "y"}',
    "a zero byte": b'{"LastName": "a\\u0000b", "Company": "y"}',
}
PATHS = ["/sobjects/Lead", "/composite/sobjects", "/composite", "/jobs/ingest", "/jobs/query"]


def is_error_array(answer: Any) -> bool:
    body = answer.json()
    return isinstance(body, list) and all({"message", "errorCode"} <= set(item) for item in body)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", BODIES)
def test_a_strange_body_is_refused_in_the_platforms_form(name: str, path: str, admin: RunningOrg) -> None:
    answer = admin.call("POST", path, content=BODIES[name], headers=JSON)

    assert answer.status_code < 500
    assert answer.status_code == 201 or is_error_array(answer)


@pytest.mark.parametrize(
    "path",
    ["/nowhere", f"{DATA}/nowhere", f"{DATA}/search/?q=FIND", f"{DATA}/composite/graph", "/services/data/v99.0/limits",
     "/services/data/vX/limits", f"{DATA}/sobjects/Lead/%00", f"{DATA}/query/x"],
)  # fmt: skip
def test_an_unknown_path_is_not_found(path: str, admin: RunningOrg) -> None:
    answer = admin.http.get(path)

    assert answer.status_code in {400, 404}
    assert is_error_array(answer)


def test_a_body_of_a_hundred_megabytes_is_too_large(admin: RunningOrg) -> None:
    chunk = b" " * 2**20

    answer = admin.call("POST", "/sobjects/Lead", content=(chunk for _ in range(100)), headers=JSON)

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (413, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize(
    ("length", "status", "code"), [(16_384, 414, "URI_TOO_LONG"), (16_000, 431, "HEADERS_TOO_LARGE")]
)
def test_an_address_over_the_limit_is_refused(admin: RunningOrg, length: int, status: int, code: str) -> None:
    answer = admin.call("GET", "/query", params={"q": "x" * length}, headers={"X-Padding": "p" * 400})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)


def test_a_zipped_and_a_chunked_body_are_accepted(admin: RunningOrg) -> None:
    body = json.dumps({"LastName": "x", "Company": "y"}).encode()

    zipped = admin.call(
        "POST", "/sobjects/Lead", content=gzip.compress(body), headers={**JSON, "Content-Encoding": "gzip"}
    )
    chunked = admin.call("POST", "/sobjects/Lead/", content=iter([body[:5], body[5:]]), headers=JSON)

    assert (zipped.status_code, chunked.status_code) == (201, 201)


def test_a_body_that_only_claims_to_be_zipped_is_refused(admin: RunningOrg) -> None:
    answer = admin.call("POST", "/sobjects/Lead", content=b"{}", headers={**JSON, "Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "BAD_REQUEST")


def test_a_slash_at_the_end_and_another_case_of_the_path_change_nothing(admin: RunningOrg) -> None:
    for path in (f"{DATA}/limits/", "/services/DATA/v66.0/Limits", f"{DATA}/sobjects/lead/describe"):
        assert admin.http.get(path).status_code == 200


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["LastName", "Company", "Email", "NumberOfEmployees", "AnnualRevenue", "OwnerId", "IsConverted", "Id",
     "Last_Enriched_At__c", "Seniority__c", "Name", "Address", "attributes", "x"]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), body=st.dictionaries(FIELDS, JSON_VALUES, max_size=5) | JSON_VALUES)
def test_random_documents_never_break_the_server(admin: RunningOrg, path: str, body: Any) -> None:
    wrapped = {"records": [body], "compositeRequest": [body]} if path.startswith("/composite") else body

    assert admin.call("POST", path, json=wrapped).status_code < 500


TYPED = {"attributes": {"type": "Lead"}, "LastName": "a", "Company": "b"}
KEYED = {**TYPED, "Dievio_Lead_ID__c": "k"}
PART = {"method": "POST", "url": f"{DATA}/sobjects/Lead", "referenceId": "a", "body": {"LastName": "@{b.id}"}}
VALID: dict[str, tuple[str, str, Any]] = {
    "a record": ("POST", "/sobjects/Lead", {**TYPED, "NumberOfEmployees": 5, "HasOptedOutOfEmail": True}),
    "a single upsert": ("PATCH", "/sobjects/Lead/Dievio_Lead_ID__c/k", {"LastName": "a"}),
    "a collection": ("POST", "/composite/sobjects", {"allOrNone": False, "records": [TYPED]}),
    "a collection update": ("PATCH", "/composite/sobjects", {"records": [{**TYPED, "Id": "00Q5e00000000G9"}]}),
    "a collection upsert": ("PATCH", "/composite/sobjects/Lead/Dievio_Lead_ID__c", {"records": [KEYED]}),
    "an upsert by id": ("PATCH", "/composite/sobjects/Lead/Id", {"records": [{**TYPED, "Id": "00Q5e00000000G9"}]}),
    "a reading of many": ("POST", "/composite/sobjects/Lead", {"ids": ["00Q5e00000000G9"], "fields": ["Id"]}),
    "a composite": (
        "POST", "/composite", {"allOrNone": True, "compositeRequest": [{**PART, "httpHeaders": {"x": "y"}}]},
    ),
    "a Bulk job": ("POST", "/jobs/ingest", {
        "object": "Lead", "operation": "upsert", "externalIdFieldName": "Dievio_Lead_ID__c", "contentType": "CSV",
        "columnDelimiter": "COMMA", "lineEnding": "LF", "assignmentRuleId": "01Q000000000001",
    }),
    "a Bulk query": ("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id FROM Lead"}),
}  # fmt: skip
ODD_VALUES: tuple[object, ...] = (None, 5, "x", [], [1], {"a": 1}, True, 10**30)


def places_of(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a document."""
    yield at
    members = (
        document.items() if isinstance(document, dict) else enumerate(document if isinstance(document, list) else [])
    )
    for name, member in members:
        yield from places_of(member, (*at, name))


def with_value(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    changed = deepcopy(document)
    holder = changed
    for name in at[:-1]:
        holder = holder[name]
    holder[at[-1]] = value
    return changed


@pytest.mark.parametrize("name", VALID)
def test_one_odd_value_anywhere_in_a_request_never_breaks_the_server(name: str, admin: RunningOrg) -> None:
    method, path, document = VALID[name]

    broken = [
        (at, value)
        for at in places_of(document)
        for value in ODD_VALUES
        if admin.call(method, path, json=with_value(document, at, value)).status_code >= 500
    ]

    assert broken == []

"""What the product relies on when it reads an org. Safe on production: nothing here writes."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.contract

DATA = "/services/data/v66.0"
LENGTHS = {"LastName": 80, "FirstName": 40, "Company": 255, "Title": 128, "Email": 80, "Phone": 40, "City": 40}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000")
REFUSED_QUERIES = {
    "SELECT Id FROM Lead WHERE": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name = 'a' AND Name = 'b' OR Name = 'c'": "MALFORMED_QUERY",
    "SELECT NoSuchField FROM Lead": "INVALID_FIELD",
    "SELECT Id FROM NoSuchObject": "INVALID_TYPE",
    "SELECT Id FROM Lead WHERE Id = 'abc'": "INVALID_QUERY_FILTER_OPERATOR",
    "SELECT Id FROM Lead WHERE Description = 'x'": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE NumberOfEmployees = '5'": "INVALID_FIELD",
}


def query(org: httpx.Client, soql: str) -> httpx.Response:
    return org.get(f"{DATA}/query", params={"q": soql})


def test_the_versions_include_the_pinned_one(org: httpx.Client) -> None:
    versions = org.get("/services/data").json()

    assert {"label", "url", "version"} <= set(versions[0])
    assert "66.0" in [entry["version"] for entry in versions]


def test_the_version_root_lists_the_resources_we_use(org: httpx.Client) -> None:
    assert {"sobjects", "query", "queryAll", "composite", "jobs", "limits"} <= set(org.get(DATA).json())


def test_every_answer_tells_the_usage_and_the_servers_time(org: httpx.Client) -> None:
    answer = org.get(f"{DATA}/limits")

    assert re.match(r"api-usage=\d+/\d+", answer.headers["sforce-limit-info"])
    assert abs(parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)) < timedelta(minutes=10)
    assert {"Max", "Remaining"} <= set(answer.json()["DailyApiRequests"])


def test_lead_has_the_lengths_that_the_mapping_counts_on(org: httpx.Client) -> None:
    fields = {item["name"]: item for item in org.get(f"{DATA}/sobjects/Lead/describe").json()["fields"]}

    assert {name: fields[name]["length"] for name in LENGTHS} == LENGTHS
    assert not fields["LastName"]["nillable"]
    assert not fields["Company"]["nillable"]
    assert fields["Email"]["idLookup"]
    assert not fields["Description"]["filterable"]
    assert set(fields["OwnerId"]["referenceTo"]) == {"User", "Group"}


def test_describe_answers_304_when_nothing_changed(org: httpx.Client) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")

    assert org.get(f"{DATA}/sobjects/Lead/describe", headers={"If-Modified-Since": tomorrow}).status_code == 304


def test_a_query_answers_with_records_and_their_attributes(org: httpx.Client) -> None:
    body: Any = query(org, "SELECT Id, Name, CreatedDate FROM User LIMIT 1").json()

    [record] = body["records"]
    assert (body["totalSize"], body["done"]) == (1, True)
    assert record["attributes"] == {"type": "User", "url": f"{DATA}/sobjects/User/{record['Id']}"}
    assert re.fullmatch("005[0-9A-Za-z]{15}", record["Id"])
    assert MOMENT.fullmatch(record["CreatedDate"])


def test_count_answers_without_records(org: httpx.Client) -> None:
    body = query(org, "SELECT COUNT() FROM Lead").json()

    assert body["records"] == []
    assert body["done"] is True


def test_aggregates_have_their_own_type(org: httpx.Client) -> None:
    [record] = query(org, "SELECT COUNT(Id) FROM User").json()["records"]

    assert record["attributes"] == {"type": "AggregateResult"}
    assert record["expr0"] >= 1


@pytest.mark.parametrize("soql", REFUSED_QUERIES)
def test_a_wrong_query_is_refused_with_its_code(org: httpx.Client, soql: str) -> None:
    answer = query(org, soql)

    [error] = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, REFUSED_QUERIES[soql])
    assert "ERROR at Row:1:Column:" in error["message"]


def test_an_unknown_record_is_not_found(org: httpx.Client) -> None:
    answer = org.get(f"{DATA}/sobjects/Lead/00Q000000000000AAA")

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_a_wrong_token_is_an_invalid_session(org: httpx.Client) -> None:
    answer = org.get(f"{DATA}/limits", headers={"Authorization": "Bearer nobody"})

    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_a_missing_record_of_a_collection_read_is_null(org: httpx.Client) -> None:
    parameters = {"ids": "00Q000000000000AAA", "fields": "LastName"}

    assert org.get(f"{DATA}/composite/sobjects/Lead", params=parameters).json() == [None]


def test_a_composite_answers_reads_side_by_side(org: httpx.Client) -> None:
    requests = [{"method": "GET", "url": f"{DATA}/{path}", "referenceId": name} for name, path in
                (("a", "query?q=SELECT+COUNT()+FROM+Lead"), ("b", "query?q=SELECT+Id+FROM+User+LIMIT+1"))]  # fmt: skip

    parts = org.post(f"{DATA}/composite", json={"compositeRequest": requests}).json()["compositeResponse"]

    assert [(part["httpStatusCode"], part["referenceId"]) for part in parts] == [(200, "a"), (200, "b")]

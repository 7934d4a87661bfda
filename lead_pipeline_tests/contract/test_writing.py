"""What the product relies on when it writes: each test makes a lead and deletes it again."""

import uuid
from collections.abc import Iterator
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.contract

DATA = "/services/data/v66.0"
LEADS = f"{DATA}/sobjects/Lead"
NO_ASSIGNMENT = {"Sforce-Auto-Assign": "FALSE"}


def person() -> dict[str, Any]:
    return {"LastName": f"Contract {uuid.uuid4().hex[:8]}", "Company": "Contract test"}


@pytest.fixture
def lead(writable_org: httpx.Client) -> Iterator[str]:
    """The id of a lead that is gone after the test."""
    created = writable_org.post(LEADS, json=person(), headers=NO_ASSIGNMENT)
    record_id: str = created.json()["id"]
    assert created.headers["location"] == f"{LEADS}/{record_id}"
    yield record_id
    writable_org.delete(f"{LEADS}/{record_id}")


@pytest.fixture
def key(writable_org: httpx.Client) -> str:
    """A fresh value of our external id; orgs without the field are skipped."""
    names = [item["name"] for item in writable_org.get(f"{LEADS}/describe").json()["fields"]]
    if "Dievio_Lead_ID__c" not in names:
        pytest.skip("the org has no Dievio_Lead_ID__c")
    return uuid.uuid4().hex


def test_an_update_answers_204(writable_org: httpx.Client, lead: str) -> None:
    answer = writable_org.patch(f"{LEADS}/{lead}", json={"Title": "CTO"}, headers=NO_ASSIGNMENT)

    assert (answer.status_code, answer.content) == (204, b"")


def test_a_conditional_update_refuses_a_record_that_changed_since(writable_org: httpx.Client, lead: str) -> None:
    long_ago = {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT", **NO_ASSIGNMENT}

    assert writable_org.patch(f"{LEADS}/{lead}", json={"Title": "x"}, headers=long_ago).status_code == 412


def test_a_conditional_update_of_an_unchanged_record_goes_through(writable_org: httpx.Client, lead: str) -> None:
    now = parsedate_to_datetime(writable_org.get(f"{DATA}/limits").headers["date"])
    headers = {"If-Unmodified-Since": format_datetime(now, usegmt=True), **NO_ASSIGNMENT}

    assert writable_org.patch(f"{LEADS}/{lead}", json={"Title": "x"}, headers=headers).status_code == 204


def test_composite_subrequests_carry_their_own_condition(writable_org: httpx.Client, lead: str) -> None:
    request = {
        "method": "PATCH", "url": f"{LEADS}/{lead}", "referenceId": "a", "body": {"Title": "x"},
        "httpHeaders": {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
    }  # fmt: skip

    answer = writable_org.post(f"{DATA}/composite", json={"compositeRequest": [request]}, headers=NO_ASSIGNMENT)

    assert answer.json()["compositeResponse"][0]["httpStatusCode"] == 412


def test_addresses_are_stored_in_lower_case(writable_org: httpx.Client, lead: str) -> None:
    writable_org.patch(f"{LEADS}/{lead}", json={"Email": "MiXed@Case.example"}, headers=NO_ASSIGNMENT)

    assert writable_org.get(f"{LEADS}/{lead}").json()["Email"] == "mixed@case.example"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"LastName": "x"}, "REQUIRED_FIELD_MISSING"),
        ({"LastName": "x", "Company": "y", "City": "c" * 41}, "STRING_TOO_LONG"),
        ({"LastName": "x", "Company": "y", "Email": "no at"}, "INVALID_EMAIL_ADDRESS"),
        ({"LastName": "x", "Company": "y", "NoSuchField": 1}, "INVALID_FIELD"),
        ({"LastName": "x", "Company": "y", "CreatedDate": "2020-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ],
)
def test_a_wrong_lead_is_refused_with_its_code(writable_org: httpx.Client, fields: dict[str, Any], code: str) -> None:
    answer = writable_org.post(LEADS, json=fields, headers=NO_ASSIGNMENT)

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_a_deleted_lead_is_not_found_and_cannot_be_changed(writable_org: httpx.Client, lead: str) -> None:
    assert writable_org.delete(f"{LEADS}/{lead}").status_code == 204

    read, changed = writable_org.get(f"{LEADS}/{lead}"), writable_org.patch(f"{LEADS}/{lead}", json={"Title": "x"})

    assert (read.status_code, read.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    assert (changed.status_code, changed.json()[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")


def test_a_second_insert_with_our_id_is_refused_and_names_the_first(writable_org: httpx.Client, key: str) -> None:
    first = writable_org.post(LEADS, json={**person(), "Dievio_Lead_ID__c": key}, headers=NO_ASSIGNMENT).json()["id"]

    second = writable_org.post(LEADS, json={**person(), "Dievio_Lead_ID__c": key}, headers=NO_ASSIGNMENT)

    writable_org.delete(f"{LEADS}/{first}")
    assert second.json()[0]["errorCode"] == "DUPLICATE_VALUE"
    assert first[:15] in second.json()[0]["message"]


def test_our_id_tells_capitals_from_small_letters(writable_org: httpx.Client, key: str) -> None:
    made = [
        writable_org.post(LEADS, json={**person(), "Dievio_Lead_ID__c": value}, headers=NO_ASSIGNMENT)
        for value in (f"a{key}", f"A{key}")
    ]

    for answer in made:
        writable_org.delete(f"{LEADS}/{answer.json()['id']}")
    assert [answer.status_code for answer in made] == [201, 201]


def test_a_collection_reports_each_row(writable_org: httpx.Client) -> None:
    good = {"attributes": {"type": "Lead"}, **person()}
    records = [good, {"attributes": {"type": "Lead"}, "LastName": "x"}]

    rows = writable_org.post(f"{DATA}/composite/sobjects", json={"records": records}, headers=NO_ASSIGNMENT).json()

    writable_org.delete(f"{LEADS}/{rows[0]['id']}")
    assert [row["success"] for row in rows] == [True, False]
    assert "id" not in rows[1]
    assert rows[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"

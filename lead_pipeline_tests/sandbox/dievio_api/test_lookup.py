"""The documented profile lookup."""

from typing import Any

import pytest

from lead_pipeline_tests.sandbox.dievio_api.conftest import Dievio

ADA = {"linkedin_slug": "ada", "first_name": "Ada", "email": "ada@acme.de", "phone": "+49 1"}
BOB = {"linkedin_slug": "bob", "first_name": "Bob", "personal_emails": ["bob@home.de"]}
EVE = {"linkedin_slug": "eve", "first_name": "Eve"}


@pytest.fixture
def stocked(dievio: Dievio) -> Dievio:
    dievio.sell_people(ADA, BOB, EVE)
    return dievio


def names(answer: Any) -> list[str]:
    return [row["first_name"] for row in answer.json()["data"]]


def test_an_answer_has_the_paging_keys_of_a_search_and_its_rows_in_data(stocked: Dievio) -> None:
    answer = stocked.look_up("https://www.linkedin.com/in/ada").json()

    del answer["data"]
    assert answer == {
        "success": True, "count": 1, "page": 1, "per_page": 100, "total_pages": 1, "total_count": 1,
        "has_more": False, "next_page": None, "max_results": 100_000,
    }  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "https://www.linkedin.com/in/ada",
        "http://linkedin.com/in/ADA/",
        "linkedin.com/in/ada?trk=x",
        "https://de.linkedin.com/in/ada#top",
    ],
)
def test_a_profile_is_found_however_its_address_is_written(stocked: Dievio, address: str) -> None:
    assert names(stocked.look_up(address)) == ["Ada"]


def test_unknown_profiles_are_left_out_and_cost_nothing(stocked: Dievio) -> None:
    answer = stocked.look_up("linkedin.com/in/ada", "linkedin.com/in/nobody", "linkedin.com/in/ada")

    assert (names(answer), stocked.ledger()["rows_charged"]) == (["Ada"], 1)


ONLY_WITH_EMAILS: list[tuple[dict[str, bool], list[str]]] = [
    ({}, ["Ada", "Bob"]),
    ({"onlyWithEmails": False}, ["Ada", "Bob", "Eve"]),
    ({"includePersonalEmails": False}, ["Ada"]),
    ({"includeWorkEmails": False}, ["Bob"]),
]


@pytest.mark.parametrize(("body", "expected"), ONLY_WITH_EMAILS, ids=str)
def test_profiles_without_a_wanted_address_are_left_out_by_default(
    stocked: Dievio, body: dict[str, bool], expected: list[str]
) -> None:
    assert names(stocked.look_up("in/ada", "in/bob", "in/eve", **body)) == expected


def test_phones_come_only_when_they_are_asked_for(stocked: Dievio) -> None:
    without, with_phone = (stocked.look_up("in/ada", includePhones=asked).json()["data"][0] for asked in (False, True))

    assert ("mobile_phone" in without, with_phone["mobile_phone"]) == (False, "+49 1")


def test_a_row_put_in_by_hand_is_found_by_its_address_and_served_verbatim(dievio: Dievio) -> None:
    row = {"linkedin_url": "linkedin.com/in/kim", "email": "kim@acme.de", "whatever": [1]}
    dievio.sell(row, "no object")

    assert dievio.look_up("https://www.linkedin.com/in/kim").json()["data"] == [row]


def test_pages_of_a_lookup_follow_the_order_of_the_addresses(stocked: Dievio) -> None:
    pages = [
        stocked.look_up("in/eve", "in/bob", "in/ada", onlyWithEmails=False, _page=page, _per_page=2) for page in (1, 2)
    ]

    assert [names(page) for page in pages] == [["Eve", "Bob"], ["Ada"]]
    assert [page.json()["next_page"] for page in pages] == [2, None]


@pytest.mark.parametrize("addresses", [None, [], "in/ada", [7], ["in/ada", None]])
def test_addresses_of_a_wrong_kind_are_refused(dievio: Dievio, addresses: Any) -> None:
    answer = dievio.client.post("/api/linkedin/lookup", json={"linkedinUrls": addresses})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_names_of_the_search_mean_nothing_here(stocked: Dievio) -> None:
    row = stocked.look_up("in/ada", include_emails=False).json()["data"][0]

    assert row["work_email"] == "ada@acme.de"

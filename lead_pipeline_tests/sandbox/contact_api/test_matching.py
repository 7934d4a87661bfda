"""How the emulated contact provider matches, charges, limits and goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from lead_pipeline.sandbox.contact_api import DEFAULT_API_KEY, create_app
from lead_pipeline.sandbox.serving import ServerThread

ANNA = {
    "given_name": "Anna",
    "family_name": "Berg",
    "profile": "linkedin.com/in/anna-berg",
    "work_address": "anna.berg@acme.example",
    "direct_line": "+49 30 901820",
    "employer": {"name": "Acme", "domain": "acme.example"},
    "confidence": {"work_address": 97, "direct_line": 84},
}
LI = {"given_name": "Li", "family_name": "Wei", "profile": "https://www.linkedin.com/in/li-wei/", "employer": None}


class Caller:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def match(self, *items: dict[str, Any], key: str = DEFAULT_API_KEY, **extra: Any) -> httpx.Response:
        return self._client.post(
            "/v1/people/match", json={"items": list(items), **extra}, headers={"X-Contact-Key": key}
        )

    def control(self, method: str, what: str, document: Any = None) -> Any:
        answer = self._client.request(method, f"/_sandbox/{what}", json=document)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def charged(self) -> int:
        return int(self.control("GET", "ledger")["matches_charged"])


@contextmanager
def open_client(app: Starlette) -> Iterator[httpx.Client]:
    with ServerThread(app) as server, httpx.Client(base_url=server.base_url, trust_env=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with open_client(create_app(people=[ANNA, LI], balance=10)) as opened:
        yield opened


@pytest.fixture
def caller(client: httpx.Client) -> Caller:
    caller = Caller(client)
    caller.control("POST", "reset")
    return caller


def profile(name: str, reference: str = "r") -> dict[str, Any]:
    return {"reference": reference, "profile": f"https://LinkedIn.com/in/{name}?trk=x"}


def test_matches_come_first_under_their_reference_and_misses_are_free(caller: Caller) -> None:
    document = caller.match(profile("nobody", "a"), profile("li-wei", "b"), profile("anna-berg", "c")).json()

    assert [(one["reference"], one["status"]) for one in document["results"]] == [
        ("b", "matched"),
        ("c", "matched"),
        ("a", "not_found"),
    ]
    assert document["usage"] == {"charged": 2, "balance": 8}
    assert caller.charged() == 2


def test_a_direct_line_is_only_there_when_asked_for(caller: Caller) -> None:
    plain = caller.match(profile("anna-berg")).json()["results"][0]["person"]
    revealed = caller.match(profile("anna-berg"), reveal=["direct_line"]).json()["results"][0]["person"]

    assert plain == {**{key: ANNA[key] for key in plain}, "confidence": {"work_address": 97}}
    assert "direct_line" not in plain
    assert revealed == ANNA


def test_two_people_of_one_name_and_employer_are_ambiguous_and_free(caller: Caller) -> None:
    caller.control("PUT", "people", [ANNA, {**ANNA, "profile": "linkedin.com/in/anna-2"}])
    item = {"reference": "r", "given_name": "anna", "family_name": "BERG", "employer_domain": "www.acme.example"}

    [result] = caller.match(item).json()["results"]

    assert result == {"reference": "r", "status": "ambiguous"}
    assert caller.charged() == 0


def test_a_low_balance_leaves_items_unprocessed_and_an_empty_one_refuses(caller: Caller) -> None:
    caller.control("PUT", "credits", {"balance": 1})

    short = caller.match(profile("anna-berg", "a"), profile("li-wei", "b")).json()["results"]
    refused = caller.match(profile("li-wei"))

    assert [one["status"] for one in short] == ["matched", "not_processed"]
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "insufficient_credits")


@pytest.mark.parametrize(
    "items",
    [
        [],
        [profile("a", str(number)) for number in range(11)],
        [profile("a"), profile("b")],
        [{"reference": "r"}],
        [{"profile": "linkedin.com/in/a"}],
        [{"reference": "r", "profile": ""}],
        [{"reference": "r", "given_name": "Anna", "family_name": "Berg"}],
        ["anna"],
    ],
)
def test_items_that_cannot_be_matched_are_refused_and_free(caller: Caller, items: list[Any]) -> None:
    assert caller.match(*items).status_code == 422
    assert caller.charged() == 0


def test_a_stranger_and_a_body_that_is_no_object_are_refused(caller: Caller) -> None:
    assert caller.match(profile("anna-berg"), key="wrong").status_code == 401
    assert caller.match(profile("anna-berg"), reveal=["salary"]).status_code == 422


def test_a_minute_has_so_many_calls_and_the_headers_say_when_the_next_begins(caller: Caller) -> None:
    caller.control("PUT", "limits", {"calls_per_minute": 1})
    caller.control("PUT", "clock", {"now": "2026-03-02T12:00:50Z", "frozen": True})

    first, second = caller.match(profile("anna-berg")), caller.match(profile("anna-berg"))
    caller.control("PUT", "clock", {"advance_seconds": 10})
    third = caller.match(profile("anna-berg"))

    assert [answer.status_code for answer in (first, second, third)] == [200, 429, 200]
    assert second.headers["X-Minute-Request-Left"] == "0"
    assert second.headers["X-Minute-Request-Reset-Seconds"] == "10"
    assert "Retry-After" not in second.headers


@pytest.mark.parametrize("count", [-1, True, "5", 2**63])
def test_a_number_that_cannot_be_kept_is_refused(caller: Caller, count: Any) -> None:
    for path, name in (("credits", "balance"), ("limits", "calls_per_minute")):
        assert caller._client.put(f"/_sandbox/{path}", json={name: count}).status_code == 400


def test_its_own_faults_do_what_they_say(caller: Caller) -> None:
    two = (profile("anna-berg", "a"), profile("li-wei", "b"))
    seen = {}
    for kind, rule in (("charged_but_lost", {}), ("short_answer", {"items": 1}), ("broken_person", {"value": 7})):
        caller.control("POST", "faults", {"kind": kind, "times": 1, **rule})
        seen[kind] = caller.match(*two)
    caller.control("POST", "faults", {"kind": "wrong_reference", "record_index": 1, "times": 1, "value": "x"})
    mixed_up = caller.match(*two).json()["results"]

    assert seen["charged_but_lost"].status_code == 502
    assert [one["status"] for one in seen["short_answer"].json()["results"]] == ["matched", "not_processed"]
    assert [one["person"] for one in seen["broken_person"].json()["results"]] == [7, LI]
    assert [one["reference"] for one in mixed_up] == ["a", "x"]
    assert caller.charged() == 2 + 1 + 2 + 2


def test_people_and_charges_outlive_the_process_until_a_reset(tmp_path: Path) -> None:
    state = tmp_path / "contact.sqlite"
    with open_client(create_app(state_path=state, people=[ANNA], balance=10)) as first:
        Caller(first).match(profile("anna-berg"))
    with open_client(create_app(state_path=state, people=[ANNA], balance=10)) as second:
        caller = Caller(second)
        again = caller.match(profile("anna-berg")).json()
        caller.control("POST", "reset")

        assert again["usage"]["balance"] == 8
        assert caller.control("GET", "ledger")["balance"] == 10

"""Keys, credits, error forms, rate limits, faults of this API, and the memory of the emulator."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from lead_pipeline.sandbox.dievio_api import DEFAULT_API_KEY, create_app
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline_tests.sandbox.dievio_api.conftest import Dievio

KEYS: list[tuple[dict[str, str], int]] = [
    ({"Authorization": f"Bearer {DEFAULT_API_KEY}"}, 200),
    ({"Authorization": f"bearer {DEFAULT_API_KEY}"}, 200),
    ({"X-API-Key": DEFAULT_API_KEY}, 200),
    ({}, 401),
    ({"Authorization": "Bearer wrong"}, 401),
    ({"Authorization": DEFAULT_API_KEY}, 401),
    ({"X-API-Key": ""}, 401),
]


@pytest.mark.parametrize(("headers", "status"), KEYS, ids=str)
def test_a_key_is_taken_in_either_header(server: ServerThread, headers: dict[str, str], status: int) -> None:
    answer = httpx.post(f"{server.base_url}/api/public/search", json={}, headers=headers)

    assert answer.status_code == status


def test_each_row_costs_a_credit_on_both_endpoints(dievio: Dievio) -> None:
    dievio.sell_people(*({"linkedin_slug": f"p{number}", "email": "x@y.de"} for number in range(3)))
    dievio.set_credits(10)
    dievio.search()
    dievio.look_up("in/p1", "in/p2")

    ledger = dievio.ledger()

    assert (ledger["rows_charged"], ledger["balance"], ledger["total"]) == (5, 5, 2)


def test_a_balance_below_the_page_brings_fewer_rows_and_then_402(dievio: Dievio) -> None:
    dievio.sell_numbers(300)
    dievio.set_credits(130)

    answers = [dievio.search(_page=page, _per_page=100) for page in (1, 2, 3)]

    assert [answer.status_code for answer in answers] == [200, 200, 402]
    assert [answer.json()["count"] for answer in answers[:2]] == [100, 30]
    assert [answer.json()["has_more"] for answer in answers[:2]] == [True, True]
    assert answers[2].json()["error"] == "insufficient_credits"


@pytest.mark.parametrize(("position", "next_page"), [("next", 2), ("same", 1)])
def test_after_a_short_page_the_next_page_is_the_next_or_the_same(
    dievio: Dievio, position: str, next_page: int
) -> None:
    dievio.sell_numbers(50)
    dievio.switch(short_page=position)
    dievio.set_credits(10)

    assert dievio.search().json()["next_page"] == next_page


def test_a_row_sold_before_is_billed_again_or_free(dievio: Dievio) -> None:
    dievio.sell_numbers(5)
    for _ in range(2):
        dievio.search()
    billed = dievio.ledger()["rows_charged"]
    dievio.switch(repeated_rows="free")
    dievio.set_credits(0)

    assert (billed, dievio.search().json()["count"]) == (10, 5)


def test_clearing_the_ledger_keeps_the_balance(dievio: Dievio) -> None:
    dievio.sell_numbers(5)
    dievio.search()
    before = dievio.ledger()["balance"]
    dievio.client.delete("/_sandbox/ledger")

    ledger = dievio.ledger()

    assert (ledger["rows_charged"], ledger["total"], ledger["balance"]) == (0, 0, before)


FORMS: list[tuple[str, Callable[[httpx.Response], object], object]] = [
    ("flat", lambda answer: (answer.json()["success"], answer.json()["error"]), (False, "insufficient_credits")),
    ("nested", lambda answer: answer.json()["error"]["type"], "insufficient_credits"),
    ("text", lambda answer: answer.headers["content-type"].partition(";")[0], "text/plain"),
]


@pytest.mark.parametrize(("form", "read", "expected"), FORMS, ids=[form[0] for form in FORMS])
def test_an_error_comes_in_the_chosen_form(
    dievio: Dievio, form: str, read: Callable[[httpx.Response], object], expected: object
) -> None:
    dievio.sell_numbers(1)
    dievio.set_credits(0)
    dievio.switch(error_body=form)

    assert read(dievio.search()) == expected


def test_every_so_many_calls_one_is_over_the_rate_limit(dievio: Dievio) -> None:
    dievio.switch(rate_limit_every=3, rate_limit_retry_after_seconds=7)

    answers = [dievio.search() for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 200, 200, 429]
    assert answers[2].headers["retry-after"] == "7"


def test_headers_tell_the_balance_when_switched_on(dievio: Dievio) -> None:
    dievio.sell_numbers(4)
    dievio.set_credits(10)
    silent = dievio.search()
    dievio.switch(credit_headers="on")
    told = dievio.search().headers

    assert "x-credits-used" not in silent.headers
    assert (told["x-credits-used"], told["x-credits-remaining"]) == ("4", "2")


def test_rows_can_be_charged_although_the_answer_is_lost(dievio: Dievio) -> None:
    dievio.sell_numbers(4)
    dievio.set_fault(kind="charged_but_lost", nth=1)
    lost = dievio.search()
    dievio.set_fault(kind="reset_after_commit", times=1)
    with pytest.raises(httpx.ReadError):
        dievio.search()

    assert (lost.status_code, dievio.ledger()["rows_charged"]) == (502, 8)


def test_a_search_can_expire_between_pages(dievio: Dievio) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault(kind="cursor_expired")

    assert [dievio.search(_page=page).status_code for page in (1, 2)] == [200, 410]
    assert dievio.ledger()["rows_charged"] == 25


ROW_FAULTS: list[tuple[dict[str, Any], list[Any]]] = [
    ({"kind": "page_shift", "rows": 2}, [{"number": 2}, {"number": 3}]),
    ({"kind": "page_shift", "rows": -2}, [{"number": 0}, {"number": 1}]),
    ({"kind": "short_page", "rows": 1}, [{"number": 0}]),
    ({"kind": "broken_row", "record_index": 1, "value": 7}, [{"number": 0}, 7]),
]


@pytest.mark.parametrize(("rule", "expected"), ROW_FAULTS, ids=str)
def test_a_fault_can_change_which_rows_come(dievio: Dievio, rule: dict[str, Any], expected: list[Any]) -> None:
    dievio.sell_numbers(9)
    dievio.set_fault(**rule)

    assert dievio.found(_per_page=2) == expected


def test_a_fault_that_this_system_does_not_know_is_refused(dievio: Dievio) -> None:
    kinds = dievio.client.get("/_sandbox/faults/kinds").json()

    assert {"status", "page_shift"} < set(kinds)
    assert dievio.client.post("/_sandbox/faults", json={"kind": "row_lock"}).status_code == 400


@pytest.mark.parametrize(
    ("what", "document"),
    [
        ("rows", {"rows": []}),
        ("rows", [{"_person": {"shoe_size": 42}}]),
        ("rows", [{"_person": 7}]),
        ("credits", {"balance": -1}),
        ("credits", {"balance": "5"}),
        ("credits", 5),
    ],
)
def test_a_wrong_control_request_is_refused_and_changes_nothing(dievio: Dievio, what: str, document: Any) -> None:
    dievio.sell_numbers(2)
    before = dievio.ledger()["balance"]

    assert dievio.put(what, document).status_code == 400
    assert (len(dievio.found()), before) == (2, 100_000)


def test_a_number_that_json_does_not_have_is_refused(dievio: Dievio) -> None:
    answer = dievio.client.put("/_sandbox/rows", content='[{"employee_count": NaN}]')

    assert (answer.status_code, dievio.found()) == (400, [])


def test_rows_credits_switches_and_ledger_outlive_the_process(tmp_path: Path) -> None:
    headers = {"X-API-Key": "k"}
    path = tmp_path / "dievio.sqlite"

    def run(work: Callable[[Dievio], Any]) -> Any:
        app = create_app(state_path=path, api_key="k", seed_rows=[{"number": 0}], balance=50)
        with ServerThread(app) as server, httpx.Client(base_url=server.base_url, headers=headers) as client:
            return work(Dievio(client))

    def change(dievio: Dievio) -> None:
        dievio.sell({"number": 8}, {"_person": {"first_name": "Ada"}})
        dievio.switch(search_profile="pdl")
        dievio.search()

    run(change)
    kept = run(lambda dievio: (dievio.ledger(), dievio.found()))
    run(lambda dievio: dievio.client.post("/_sandbox/reset"))
    back = run(lambda dievio: (dievio.ledger()["balance"], dievio.found()))

    assert (kept[0]["balance"], kept[0]["rows_charged"], kept[0]["total"]) == (48, 2, 1)
    assert (kept[1][0], kept[1][1]["first_name"], "job_company_name" in kept[1][1]) == ({"number": 8}, "Ada", True)
    assert back == (50, [{"number": 0}])

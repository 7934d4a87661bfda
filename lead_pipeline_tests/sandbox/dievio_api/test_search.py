"""The documented search: request controls, response keys, paging, and the choices behind switches."""

from typing import Any

import pytest

from lead_pipeline_tests.sandbox.dievio_api.conftest import Dievio

RESPONSE_KEYS = {
    "success", "count", "preview_count", "preview_data", "page", "per_page", "total_pages", "total_count", "has_more",
    "next_page", "max_results",
}  # fmt: skip


def numbers(answer: Any) -> list[int]:
    return [row["number"] for row in answer.json()["preview_data"]]


def test_an_answer_has_every_documented_key_and_the_documented_defaults(dievio: Dievio) -> None:
    dievio.sell_numbers(600)

    answer = dievio.search().json()

    assert answer.keys() == RESPONSE_KEYS
    del answer["preview_data"]
    assert answer == {
        "success": True, "count": 25, "preview_count": 25, "page": 1, "per_page": 25, "total_pages": 20,
        "total_count": 600, "has_more": True, "next_page": 2, "max_results": 500,
    }  # fmt: skip


def test_following_next_page_gives_every_row_once(dievio: Dievio) -> None:
    dievio.sell_numbers(230)
    seen: list[int] = []
    page = 1
    while page:
        answer = dievio.search(_page=page, _per_page=100, max_results=1000)
        seen += numbers(answer)
        page = answer.json()["next_page"]

    assert seen == list(range(230))
    assert answer.json()["has_more"] is False


def test_the_default_of_max_results_truncates_silently(dievio: Dievio) -> None:
    dievio.sell_numbers(620)

    last = dievio.search(_page=5, _per_page=100).json()

    assert (last["count"], last["has_more"], last["total_count"], last["success"]) == (100, False, 620, True)


def test_max_results_caps_the_rows_over_all_pages(dievio: Dievio) -> None:
    dievio.sell_numbers(60)

    pages = [dievio.search(_page=page, _per_page=25, max_results=30) for page in (1, 2, 3)]

    assert [len(numbers(page)) for page in pages] == [25, 5, 0]
    assert [page.json()["has_more"] for page in pages] == [True, False, False]


def test_no_hit_is_an_empty_answer_and_costs_nothing(dievio: Dievio) -> None:
    dievio.set_credits(0)

    answer = dievio.search(first_name="Nobody")

    assert (answer.status_code, answer.json()["preview_data"], answer.json()["total_pages"]) == (200, [], 0)


REFUSED: list[dict[str, Any]] = [
    {"_page": 0},
    {"_page": "2"},
    {"_per_page": -1},
    {"max_results": True},
    {"include_phones": "yes"},
    {"email_status": "guessed"},
]


@pytest.mark.parametrize("body", REFUSED, ids=str)
def test_a_control_of_a_wrong_kind_is_refused_by_name(dievio: Dievio, body: dict[str, Any]) -> None:
    answer = dievio.search(**body)

    assert answer.status_code == 400
    assert next(iter(body)) in answer.json()["message"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '"text"', "\x00", "[" * 100_000],
    ids=["empty", "half", "array", "text", "zero byte", "deep"],
)
def test_a_body_that_is_no_object_is_refused(dievio: Dievio, content: str) -> None:
    assert dievio.client.post("/api/public/search", content=content).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/public/search", 405), ("POST", "/api/public/other", 404), ("POST", "/" + "x" * 16_000, 404)],
)
def test_a_wrong_address_is_answered_in_the_form_of_the_api(
    dievio: Dievio, method: str, path: str, status: int
) -> None:
    answer = dievio.client.request(method, path)

    assert (answer.status_code, answer.json()["success"]) == (status, False)


@pytest.mark.parametrize(("status", "expected"), [("all", 4), ("verified", 2), ("likely", 3)])
def test_email_status_keeps_rows_of_that_quality_and_rows_without_any(
    dievio: Dievio, status: str, expected: int
) -> None:
    dievio.sell({"email_status": "verified"}, {"email_status": "likely"}, {"email_status": "unknown"}, {"email": "x"})

    assert len(dievio.found(email_status=status)) == expected


def test_rows_are_served_verbatim_whatever_they_are(dievio: Dievio) -> None:
    odd: list[Any] = [{"any": {"key": [1]}}, "text", 7, None, [1, 2]]
    dievio.sell(*odd)

    assert dievio.found() == odd


CONTENTS: list[tuple[dict[str, bool], set[str]]] = [
    ({}, {"email", "personal_emails", "emails", "raw", "raw.work_email"}),
    (
        {"include_phones": True},
        {"email", "personal_emails", "emails", "phone", "raw", "raw.work_email", "raw.mobile_phone"},
    ),
    ({"include_emails": False}, {"raw"}),
    ({"_include_raw": False}, {"email", "personal_emails", "emails"}),
]


@pytest.mark.parametrize(("asked", "expected"), CONTENTS, ids=["defaults", "phones", "no e-mails", "no raw"])
def test_a_request_decides_which_contact_data_comes_back(
    dievio: Dievio, asked: dict[str, bool], expected: set[str]
) -> None:
    dievio.sell({
        "email": "a@b.de", "personal_emails": ["x@y.de"], "emails": [{"address": "a@b.de"}], "phone": "+49 1",
        "raw": {"work_email": "a@b.de", "mobile_phone": "+49 1"},
    })  # fmt: skip

    row = dievio.found(**asked)[0]

    assert set(row) | {f"raw.{key}" for key in row.get("raw", ())} == expected


def test_a_page_above_the_cap_is_cut_or_refused(dievio: Dievio) -> None:
    dievio.sell_numbers(150)
    cut = dievio.search(_per_page=500).json()
    dievio.switch(large_page="refuse")

    assert (cut["count"], cut["per_page"], dievio.search(_per_page=500).status_code) == (100, 100, 422)


def test_the_total_counts_every_hit_or_at_most_max_results(dievio: Dievio) -> None:
    dievio.sell_numbers(50)
    every = dievio.search(max_results=10).json()["total_count"]
    dievio.switch(total_count="capped")

    assert (every, dievio.search(max_results=10).json()["total_count"]) == (50, 10)


def test_counting_may_go_on_at_the_first_page(dievio: Dievio) -> None:
    dievio.sell_numbers(50)
    dievio.switch(counting="on")

    first, second = (dievio.search(_page=page).json() for page in (1, 2))

    assert (first["counting"], first["total_count"]) == (True, 26)
    assert ("counting" in second, second["total_count"]) == (False, 50)


@pytest.mark.parametrize(
    ("switch", "body"),
    [("unknown_filter", {"shoe_size": ["42"]}), ("unknown_value", {"job_departments": ["alchemy"]})],
)
def test_what_is_not_documented_is_tolerated_or_refused(dievio: Dievio, switch: str, body: dict[str, Any]) -> None:
    dievio.sell_numbers(1)
    tolerated = dievio.search(**body).status_code
    dievio.switch(**{switch: "refuse"})

    assert (tolerated, dievio.search(**body).status_code) == (200, 422)


def test_a_shifting_order_repeats_some_rows_and_skips_others(dievio: Dievio) -> None:
    dievio.sell_numbers(100)
    dievio.switch(order="shifting")

    seen = [number for page in range(1, 5) for number in numbers(dievio.search(_page=page))]

    assert len(seen) > len(set(seen))
    assert set(seen) < set(range(100))


def test_a_row_that_says_nothing_about_a_filter_passes_or_fails(dievio: Dievio) -> None:
    dievio.sell({"full_name": "A B"}, "no object")
    lenient = len(dievio.found(job_departments=["sales"]))
    dievio.switch(silent_rows="fail")

    assert (lenient, len(dievio.found(job_departments=["sales"]))) == (2, 0)


@pytest.mark.parametrize("document", [{"speed": "high"}, {"order": "random"}, {"rate_limit_every": -1}, []])
def test_a_switch_that_does_not_exist_is_refused(dievio: Dievio, document: Any) -> None:
    assert dievio.put("switches", document).status_code == 400

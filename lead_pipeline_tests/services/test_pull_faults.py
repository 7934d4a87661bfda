"""What a pull does when Dievio fails, refuses, or answers what cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lead_pipeline.domain.pulling import PullState
from lead_pipeline.errors import (
    CredentialsRefusedError,
    LeadPipelineError,
    PullFailedError,
    RequestRefusedError,
    ServiceUnavailableError,
    SystemUnreachableError,
    TransportFaultError,
)
from lead_pipeline_tests.dievio_worlds import DievioWorld
from lead_pipeline_tests.fakes import FakeLeadSource
from lead_pipeline_tests.services.pull_bench import (
    LOST,
    OTHER,
    SEGMENT,
    Nights,
    faults_by_call,
    numbers,
)


def test_a_lost_answer_is_booked_as_uncertain_and_asked_once_more(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault("reset_after_commit", nth=1)

    with dievio.client() as client:
        summary = nights.pull(client)

    assert summary.segments[0].state is PullState.EXHAUSTED
    assert nights.calls_by_state() == {"settled": 1, "uncertain": 1}
    assert summary.uncertain_credits == 100
    assert dievio.rows_charged == 100
    assert nights.credits() <= dievio.rows_charged <= nights.credits() + nights.credits("uncertain")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_after_commit"},
        {"kind": "truncated_json"},
        {"kind": "slow", "seconds": 0.8},
    ],
    ids=lambda fault: fault["kind"],
)
def test_two_lost_answers_fail_the_search_and_the_others_go_on(
    nights: Nights, dievio: DievioWorld, fault: dict[str, Any]
) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault(**fault, body_contains="CTO")

    with dievio.client() as client:
        summary = nights.pull(client, SEGMENT, OTHER)

    assert [segment.state for segment in summary.segments] == [PullState.FAILED, PullState.EXHAUSTED]
    assert "may have reached it" in summary.segments[0].reason
    assert nights.calls_by_state() == {"settled": 1, "uncertain": 2}


def test_a_failed_search_is_taken_up_where_it_stopped(nights: Nights) -> None:
    source = FakeLeadSource(numbers(250), interrupt=faults_by_call({2: LOST, 3: LOST}))
    with pytest.raises(PullFailedError, match="no segment could be pulled"):
        nights.pull(source)

    summary = nights.pull(source)

    assert source.pages_asked == [1, 2, 2, 2, 3]
    assert summary.segments[0].state is PullState.EXHAUSTED
    assert nights.payloads() == numbers(250)


@pytest.mark.parametrize(
    ("status", "booked_as"), [(429, "released"), (503, "released"), (500, "uncertain"), (502, "uncertain")]
)
def test_a_busy_server_is_asked_three_times_more_and_each_try_is_booked(
    nights: Nights, dievio: DievioWorld, status: int, booked_as: str
) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault("status", status=status, times=3)

    with dievio.client() as client:
        summary = nights.pull(client)

    assert (summary.rows, client.calls) == (50, 4)
    assert nights.waits == [1.0, 2.0, 4.0]
    assert nights.calls_by_state() == {booked_as: 3, "settled": 1}


def test_the_wait_that_a_server_asks_for_is_kept(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault("status", status=429, retry_after_seconds=17, times=1)

    with dievio.client() as client:
        nights.pull(client)

    assert nights.waits == [17.0]


def test_a_charge_behind_an_error_never_leads_above_the_budget(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(500)
    dievio.set_fault("charged_but_lost", every=2)

    with dievio.client() as client:
        summary = nights.pull(client, replace(SEGMENT, rows_per_night=500, credit_budget=500))

    assert dievio.rows_charged <= 500
    assert nights.credits() + nights.credits("uncertain") == 500
    assert (summary.segments[0].state, summary.segments[0].reason) == (PullState.PAUSED, "budget")


def test_a_page_that_is_no_json_fails_its_search_and_is_kept_for_diagnosis(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault("html_200", body_contains="CTO")

    with dievio.client() as client:
        summary = nights.pull(client, SEGMENT, OTHER)

    assert [segment.state for segment in summary.segments] == [PullState.FAILED, PullState.EXHAUSTED]
    assert "instead of JSON" in summary.segments[0].reason
    (kept,) = nights.rows("unreadable_page")
    assert "<html" in kept["response_body"].lower()
    assert kept["request"]["_page"] == 1


def test_rows_that_are_no_objects_are_kept_as_they_are(nights: Nights, dievio: DievioWorld) -> None:
    rows = ["text", None, 7, ["list"], {"name": "zero\x00byte"}]
    dievio.sell(*rows)

    with dievio.client() as client:
        nights.pull(client)

    assert nights.payloads() == [*rows[:4], {"name": "zero\N{REPLACEMENT CHARACTER}byte"}]


def test_pages_that_overlap_are_all_kept_and_accounted_for(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(250)
    dievio.switch(order="shifting")

    with dievio.client() as client:
        summary = nights.pull(client)

    assert summary.rows == dievio.rows_charged == len(nights.payloads())
    assert len({row["number"] for row in nights.payloads() if isinstance(row, dict)}) < summary.rows


def test_a_wrong_key_stops_the_pull_with_one_line_and_one_call(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)

    with dievio.client(key="wrong") as client, pytest.raises(CredentialsRefusedError) as caught:
        nights.pull(client, SEGMENT, OTHER)

    assert "\n" not in str(caught.value)
    assert client.calls == 1
    assert nights.calls_by_state() == {"released": 1}
    assert nights.rows("segment_pull")[0]["state"] == "failed"


def test_an_address_where_nobody_listens_stops_the_pull_after_its_tries(nights: Nights) -> None:
    never_left = TransportFaultError("Dievio", "search", cause="ConnectError", is_sent=False)
    source = FakeLeadSource(interrupt=lambda _request: never_left)

    with pytest.raises(SystemUnreachableError, match=r"fake://dievio\. Check DIEVIO_BASE_URL"):
        nights.pull(source, SEGMENT, OTHER)

    assert source.calls == 4
    assert nights.calls_by_state() == {"released": 4}


def test_a_refused_filter_fails_its_own_search_only(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)
    dievio.switch(unknown_value="refuse")
    wrong = replace(SEGMENT, filters={"business_model": ["barter"]})

    with dievio.client() as client:
        summary = nights.pull(client, wrong, OTHER)

    assert [segment.state for segment in summary.segments] == [PullState.FAILED, PullState.EXHAUSTED]
    assert "about business_model" in summary.segments[0].reason


@pytest.mark.parametrize(
    "fault",
    [
        ServiceUnavailableError("Dievio", "search", status=500),
        RequestRefusedError("Dievio", "search", code="410 search_expired", reason="gone"),
        LOST,
    ],
    ids=["unavailable", "refused", "lost"],
)
def test_a_batch_without_any_pulled_search_is_an_error(nights: Nights, fault: LeadPipelineError) -> None:
    source = FakeLeadSource(interrupt=lambda _request: fault)

    with pytest.raises(PullFailedError, match=r"first: .* second: "):
        nights.pull(source, SEGMENT, OTHER)

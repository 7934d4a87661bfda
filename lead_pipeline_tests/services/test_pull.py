"""Pulling saved searches with the real database: every page is kept and paid once, and no budget is passed."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import psycopg
import pytest

from lead_pipeline.domain.pulling import PullState
from lead_pipeline.domain.searches import EmailStatus, SearchRequest
from lead_pipeline_tests.dievio_worlds import DievioWorld
from lead_pipeline_tests.fakes import FakeLeadSource
from lead_pipeline_tests.services.pull_bench import (
    OTHER,
    SEGMENT,
    KilledError,
    Nights,
    delivered_numbers,
    numbers,
)


def test_every_page_is_kept_verbatim_with_its_rows_and_its_cost(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(250)

    with dievio.client() as client:
        summary = nights.pull(client, replace(SEGMENT, email_status=EmailStatus.VERIFIED))

    pages = sorted(nights.rows("raw_page"), key=lambda page: page["page_number"])
    assert [page["row_count"] for page in pages] == [100, 100, 50]
    assert [page["request"]["_page"] for page in pages] == [1, 2, 3]
    assert {page["request"]["max_results"] for page in pages} == {1_000}
    assert [row for page in pages for row in json.loads(page["response_body"])["preview_data"]] == numbers(250)
    assert nights.payloads() == numbers(250)
    assert {row["request_email_status"] for row in nights.rows("raw_lead")} == {"verified"}
    assert nights.credits() == dievio.rows_charged == 250
    assert (summary.rows, summary.pages, summary.credits, client.calls) == (250, 3, 250, 3)
    assert summary.segments[0].state is PullState.EXHAUSTED


def test_a_second_run_buys_nothing_and_changes_nothing(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(250)
    with dievio.client() as client:
        nights.pull(client, SEGMENT, OTHER)
        before = (nights.rows("credit_ledger"), nights.rows("raw_lead"), nights.rows("segment_pull"))
        calls, charged = client.calls, dievio.rows_charged

        summary = nights.pull(client, SEGMENT, OTHER)

    assert (nights.rows("credit_ledger"), nights.rows("raw_lead"), nights.rows("segment_pull")) == before
    assert (client.calls, dievio.rows_charged) == (calls, charged)
    assert (summary.rows, summary.credits) == (500, 0)


@pytest.mark.parametrize("died_at_call", [1, 2, 3])
def test_a_killed_run_resumes_at_the_next_page(nights: Nights, died_at_call: int) -> None:
    source = FakeLeadSource(numbers(250))
    calls = itertools.count(1)

    def kill(_request: SearchRequest) -> None:
        if next(calls) == died_at_call:
            raise KilledError

    source.interrupt = kill
    with pytest.raises(KilledError):
        nights.pull(source)
    assert nights.calls_by_state()["reserved"] == 1
    kept = len(nights.payloads())

    source.interrupt = None
    summary = nights.pull(source)

    assert kept == (died_at_call - 1) * 100
    assert nights.payloads() == numbers(250)
    assert nights.calls_by_state() == {"settled": 3, "uncertain": 1}
    assert source.pages_asked == sorted([1, 2, 3, died_at_call])
    assert summary.credits == 250 - kept


def test_a_page_whose_keeping_fails_leaves_nothing_half(nights: Nights) -> None:
    with nights.database.connect() as connection:
        connection.execute("ALTER TABLE raw_lead ADD CONSTRAINT full_disk CHECK (row_number < 60)")
    source = FakeLeadSource(numbers(100))

    with pytest.raises(psycopg.errors.CheckViolation):
        nights.pull(source)

    assert nights.rows("raw_page") == nights.rows("raw_lead") == []
    assert nights.rows("segment_pull")[0]["rows_received"] == 0
    assert nights.calls_by_state() == {"reserved": 1}


def test_an_empty_balance_pauses_the_search_keeps_what_came_and_goes_on_when_topped_up(
    nights: Nights, dievio: DievioWorld
) -> None:
    dievio.sell_numbers(250)
    dievio.set_credits(130)
    with dievio.client() as client:
        first = nights.pull(client)
        dievio.set_credits(1_000)
        second = nights.pull(client)

    assert (first.segments[0].state, first.segments[0].reason) == (PullState.PAUSED, "out_of_credits")
    assert (first.rows, first.credits) == (130, 130)
    assert (second.segments[0].state, second.rows, second.credits) == (PullState.EXHAUSTED, 280, 150)
    assert delivered_numbers(nights) == set(range(250))
    assert nights.credits() == dievio.rows_charged
    assert nights.waits == []


def test_a_page_cut_short_that_is_named_again_loses_no_row(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(250)
    dievio.switch(short_page="same")
    dievio.set_credits(130)
    with dievio.client() as client:
        nights.pull(client)
        dievio.set_credits(1_000)
        summary = nights.pull(client)

    assert delivered_numbers(nights) == set(range(250))
    assert summary.segments[0].state is PullState.EXHAUSTED
    assert nights.credits() == dievio.rows_charged


def test_a_last_page_cut_short_by_the_balance_is_no_end(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(250)
    dievio.set_credits(230)
    with dievio.client() as client:
        first = nights.pull(client)
        dievio.set_credits(1_000)
        second = nights.pull(client)

    assert (first.segments[0].state, first.segments[0].reason) == (PullState.PAUSED, "out_of_credits")
    assert (second.segments[0].state, second.credits) == (PullState.EXHAUSTED, 50)
    assert delivered_numbers(nights) == set(range(250))
    assert nights.credits() == dievio.rows_charged


def test_an_empty_balance_of_one_search_is_told_for_each_of_them(nights: Nights) -> None:
    summary = nights.pull(FakeLeadSource(numbers(250), balance=250), SEGMENT, OTHER)

    assert [(segment.state, segment.rows) for segment in summary.segments] == [
        (PullState.EXHAUSTED, 250),
        (PullState.PAUSED, 0),
    ]
    assert "second: paused (out_of_credits)" in str(summary.as_metadata()["stopped"])


@pytest.mark.parametrize(("budget", "rows"), [(100, 100), (199, 100), (200, 200), (250, 250)])
def test_the_budget_of_a_search_is_never_exceeded(nights: Nights, dievio: DievioWorld, budget: int, rows: int) -> None:
    dievio.sell_numbers(900)
    segment = replace(SEGMENT, rows_per_night=250, credit_budget=budget)
    with dievio.client() as client:
        summary = nights.pull(client, segment)
        again = nights.pull(client, segment)

    assert summary.rows == rows == dievio.rows_charged <= budget
    assert again.credits == 0
    if rows < 250:
        assert (again.segments[0].state, again.segments[0].reason) == (PullState.PAUSED, "budget")

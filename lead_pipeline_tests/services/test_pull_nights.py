"""How pulls of several nights go on with each other, and what is bought again on demand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from uuid import UUID

import pytest

from lead_pipeline.domain.pulling import PullReason, PullState
from lead_pipeline.domain.searches import SearchPage, SearchRequest
from lead_pipeline.errors import (
    LeaseHeldError,
    PullFailedError,
    RepullRefusedError,
)
from lead_pipeline.services.pull import pull_segments
from lead_pipeline.store.leases import hold_lease
from lead_pipeline_tests.dievio_worlds import DievioWorld
from lead_pipeline_tests.fakes import FakeLeadSource
from lead_pipeline_tests.services.pull_bench import (
    DAY,
    NEXT_DAY,
    OTHER,
    SEGMENT,
    Nights,
    numbers,
)


def test_hits_beyond_the_night_are_recorded_and_the_next_night_goes_on_behind_them(
    nights: Nights, dievio: DievioWorld
) -> None:
    dievio.sell_numbers(450)
    segment = replace(SEGMENT, rows_per_night=200)
    with dievio.client() as client:
        first, second, third = (nights.pull(client, segment, day=f"2026-03-0{day}") for day in (2, 3, 4))

    assert [(night.rows, night.segments[0].is_truncated) for night in (first, second, third)] == [
        (200, True),
        (200, True),
        (50, False),
    ]
    assert [row for day in (2, 3, 4) for row in nights.payloads(f"2026-03-0{day}")] == numbers(450)
    assert dievio.rows_charged == 450
    assert first.segments[0].reason == PullReason.ROWS_PER_NIGHT
    assert first.segments[0].total_count == 450


def test_a_search_read_to_its_end_is_not_bought_again_before_it_is_due(nights: Nights) -> None:
    source = FakeLeadSource(numbers(50))
    segment = replace(SEGMENT, restart_after_days=7)
    summaries = {day: nights.pull(source, segment, day=day) for day in (DAY, NEXT_DAY, "2026-03-09")}

    assert {day: summary.rows for day, summary in summaries.items()} == {DAY: 50, NEXT_DAY: 0, "2026-03-09": 50}
    assert source.calls == 2


def test_an_unfinished_night_that_a_later_one_went_on_with_is_not_bought_twice(nights: Nights) -> None:
    source = FakeLeadSource(numbers(250), balance=100)
    nights.pull(source, day=DAY)
    source.balance = 1_000
    nights.pull(source, day=NEXT_DAY)

    late = nights.pull(source, day=DAY)

    assert (late.credits, late.segments[0].reason) == (0, PullReason.CONTINUED_LATER)
    assert nights.payloads(DAY) + nights.payloads(NEXT_DAY) == numbers(250)
    assert 1_000 - source.balance == 150


def test_changed_filters_never_mix_into_a_batch_that_has_begun(nights: Nights) -> None:
    source = FakeLeadSource(numbers(250), balance=100)
    nights.pull(source, SEGMENT, OTHER)
    changed = replace(SEGMENT, filters={"job_titles": ["CMO"]})
    source.balance = 1_000

    summary = nights.pull(source, changed, OTHER)

    assert [segment.state for segment in summary.segments] == [PullState.FAILED, PullState.EXHAUSTED]
    assert "filters were changed" in summary.segments[0].reason


def test_a_repull_buys_the_pages_again_and_keeps_the_old_ones_aside(nights: Nights) -> None:
    nights.pull(FakeLeadSource(numbers(150)))
    better = FakeLeadSource([{"better": number} for number in range(150)])

    summary = nights.pull(better, is_repull=True)

    assert (summary.rows, summary.credits, better.calls) == (150, 150, 2)
    assert nights.payloads() == better.rows
    assert [page["row_count"] for page in nights.rows("superseded_page")] == [100, 50]
    assert nights.credits() == 300


def test_a_repull_has_a_budget_of_its_own(nights: Nights) -> None:
    segment = replace(SEGMENT, rows_per_night=100, credit_budget=100)
    source = FakeLeadSource(numbers(100))
    nights.pull(source, segment)

    assert nights.pull(source, segment, is_repull=True).credits == 100


def test_a_batch_whose_leads_were_acted_on_is_not_bought_again(nights: Nights) -> None:
    source = FakeLeadSource(numbers(3))
    nights.pull(source)
    (raw_lead_id, *_) = (row["raw_lead_id"] for row in nights.rows("raw_lead"))
    with nights.database.connect() as connection:
        connection.execute(
            "INSERT INTO lead_outcome (batch_id, raw_lead_id, outcome, reason_code, settled_at)"
            " VALUES (%s, %s, 'skipped', 'any', now())",
            [DAY, raw_lead_id],
        )

    with pytest.raises(RepullRefusedError, match=f"Batch {DAY} cannot be pulled again: 1 of its leads"):
        nights.pull(source, is_repull=True)

    assert source.calls == 1
    assert nights.payloads() == numbers(3)


def test_two_processes_never_pull_the_same_batch(nights: Nights) -> None:
    source = FakeLeadSource(numbers(3))

    with (
        hold_lease(nights.database, f"pull:{DAY}", holder="somebody", now=nights.clock),
        pytest.raises(LeaseHeldError),
    ):
        nights.pull(source)

    assert source.calls == 0


def test_a_server_that_goes_in_circles_is_paid_once(nights: Nights) -> None:
    def circle(request: SearchRequest) -> SearchPage:
        rows = tuple(numbers(100))
        return SearchPage(body="{}", rows=rows, has_more=True, next_page=1, per_page=request.per_page)

    source = FakeLeadSource(interrupt=circle)

    with pytest.raises(PullFailedError, match="named a page again"):
        nights.pull(source)

    assert source.calls == 1
    assert len(nights.payloads()) == 100


def test_the_summary_adds_up_and_names_no_person(nights: Nights) -> None:
    source = FakeLeadSource([{"email": "anna.berg@acme.example"}] * 30, balance=30)

    metadata = nights.pull(source, SEGMENT, OTHER).as_metadata()

    assert metadata == {
        "rows": 30,
        "pages": 1,
        "credits": 30,
        "uncertain_credits": 0,
        "segments_open": 0,
        "segments_exhausted": 1,
        "segments_paused": 1,
        "segments_failed": 0,
        "segments_truncated": 0,
        "stopped": "second: paused (out_of_credits)",
    }


def test_ids_of_bookings_can_be_given(nights: Nights) -> None:
    ids = (UUID(int=number) for number in itertools.count(1))

    pull_segments(
        nights.database,
        FakeLeadSource(numbers(150)),
        [SEGMENT],
        batch_id=DAY,
        now=nights.clock,
        new_id=lambda: next(ids),
    )

    assert [row["call_id"].int for row in nights.rows("credit_ledger")] == [1, 2]

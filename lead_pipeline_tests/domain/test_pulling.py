"""Where a saved search begins, goes on and ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lead_pipeline.domain.pulling import (
    PullReason,
    PullState,
    SegmentPull,
    advance_pull,
    open_pull,
    pause_without_credits,
    resume_pull,
    rows_at_most,
)
from lead_pipeline.domain.searches import SearchPage
from lead_pipeline.domain.segments import Segment

SEGMENT = Segment(name="any", filters={"job_titles": ["CTO"]}, rows_per_night=300, credit_budget=600)
FRESH = open_pull(SEGMENT, batch_id="2026-03-02", previous=None)


def _page(
    count: int = 100, *, next_page: int | None = None, total: int | None = None, per_page: int | None = 100
) -> SearchPage:
    rows = tuple({"n": number} for number in range(count))
    has_more = next_page is not None
    return SearchPage(body="", rows=rows, has_more=has_more, next_page=next_page, total_count=total, per_page=per_page)


def _advance(pull: SegmentPull, page: SearchPage) -> SegmentPull:
    return advance_pull(pull, page, rows_per_page=100)


def _earlier(**changes: object) -> SegmentPull:
    pull = replace(FRESH, batch_id="2026-03-01", state=PullState.EXHAUSTED, next_page=None, rows_received=300)
    return replace(pull, **changes)  # type: ignore[arg-type]  # fields of several types


def test_the_first_batch_begins_at_the_first_page() -> None:
    assert (FRESH.first_page, FRESH.next_page, FRESH.max_results, FRESH.state) == (1, 1, 300, PullState.OPEN)


def test_a_page_moves_the_search_to_the_page_that_the_server_names() -> None:
    pull = _advance(FRESH, _page(next_page=2, total=250))

    assert (pull.next_page, pull.rows_received, pull.pages_received, pull.total_count) == (2, 100, 1, 250)
    assert pull.state is PullState.OPEN


@pytest.mark.parametrize(
    ("count", "total", "reason", "is_truncated"),
    [
        (50, 250, PullReason.NONE, False),
        (0, 200, PullReason.NONE, False),
        (100, 1_234, PullReason.ROWS_PER_NIGHT, True),
        (100, 300, PullReason.ROWS_PER_NIGHT, False),
        (100, None, PullReason.ROWS_PER_NIGHT, False),
    ],
)
def test_the_last_page_tells_whether_the_cap_cut_off_hits(
    count: int, total: int | None, reason: PullReason, *, is_truncated: bool
) -> None:
    pull = _advance(replace(FRESH, next_page=3, rows_received=200), _page(count, total=total))

    assert (pull.state, pull.next_page, pull.reason) == (PullState.EXHAUSTED, None, reason)
    assert pull.is_truncated is is_truncated


def test_a_server_that_ignores_the_cap_is_stopped_at_it() -> None:
    pull = _advance(replace(FRESH, next_page=3, rows_received=200), _page(next_page=4, total=900))

    assert (pull.state, pull.reason) == (PullState.EXHAUSTED, PullReason.ROWS_PER_NIGHT)


def test_a_server_that_sends_smaller_pages_is_paged_by_its_own_size() -> None:
    pull = _advance(replace(FRESH, next_page=4), _page(25, next_page=5, per_page=25))

    assert (pull.state, pull.next_page) == (PullState.OPEN, 5)


def test_a_page_cut_short_may_be_named_again() -> None:
    pull = _advance(replace(FRESH, next_page=2), _page(30, next_page=2))

    assert (pull.state, pull.next_page) == (PullState.OPEN, 2)


def test_a_last_page_with_fewer_rows_than_counted_is_asked_for_once_more() -> None:
    short = _advance(replace(FRESH, next_page=2), _page(10, total=126))
    again = _advance(short, _page(10, total=126))

    assert (short.state, short.next_page) == (PullState.OPEN, 2)
    assert again.state is PullState.EXHAUSTED


@pytest.mark.parametrize(
    "page",
    [_page(26, total=126), _page(10), _page(0, total=126), replace(_page(10, total=126), is_total_exact=False)],
    ids=["as counted", "not counted", "empty", "an estimate"],
)
def test_a_last_page_that_contradicts_no_count_ends_the_search(page: SearchPage) -> None:
    assert _advance(replace(FRESH, next_page=2), page).state is PullState.EXHAUSTED


@pytest.mark.parametrize(("count", "next_page"), [(30, 2), (100, 3)])
def test_the_page_that_an_empty_balance_cut_short_is_the_next_one(count: int, next_page: int) -> None:
    paused = pause_without_credits(_advance(replace(FRESH, next_page=2), _page(count, next_page=3, total=280)))

    assert (paused.state, paused.reason) == (PullState.PAUSED, PullReason.OUT_OF_CREDITS)
    assert paused.next_page == next_page


@pytest.mark.parametrize(("count", "next_page"), [(100, 2), (0, 2), (100, 1), (30, 1)])
def test_a_server_that_goes_in_circles_is_not_followed(count: int, next_page: int) -> None:
    pull = _advance(replace(FRESH, next_page=2), _page(count, next_page=next_page))

    assert (pull.state, pull.next_page) == (PullState.FAILED, 3)
    assert pull.rows_received == count


@pytest.mark.parametrize(
    ("previous", "first_page"),
    [
        (_earlier(reason=PullReason.ROWS_PER_NIGHT.value), 4),
        (_earlier(reason=PullReason.ROWS_PER_NIGHT.value, first_page=4), 7),
        (_earlier(reason=PullReason.ROWS_PER_NIGHT.value, rows_received=250), 3),
        (_earlier(), 1),
        (_earlier(state=PullState.PAUSED, reason="out_of_credits", next_page=2, rows_received=100), 2),
        (_earlier(state=PullState.FAILED, reason="any", next_page=1, rows_received=0), 1),
    ],
    ids=["cut off", "cut off again", "last page bought in part", "read to its end", "paused", "failed at once"],
)
def test_a_new_batch_goes_on_behind_what_was_bought(previous: SegmentPull, first_page: int) -> None:
    pull = open_pull(SEGMENT, batch_id="2026-03-02", previous=previous)

    assert (pull.first_page, pull.next_page, pull.state) == (first_page, first_page, PullState.OPEN)
    assert pull.max_results == (first_page - 1) * 100 + 300


@pytest.mark.parametrize(
    ("batch_id", "restart_after_days", "state"),
    [
        ("2026-03-02", 1, PullState.OPEN),
        ("2026-03-02", 7, PullState.EXHAUSTED),
        ("2026-03-07", 7, PullState.EXHAUSTED),
        ("2026-03-08", 7, PullState.OPEN),
        ("2026-02-01", 7, PullState.OPEN),
        ("intake-17", 7, PullState.OPEN),
    ],
)
def test_a_search_read_to_its_end_starts_over_when_it_is_due(
    batch_id: str, restart_after_days: int, state: PullState
) -> None:
    segment = replace(SEGMENT, restart_after_days=restart_after_days)

    pull = open_pull(segment, batch_id=batch_id, previous=_earlier())

    assert pull.state is state
    assert (pull.reason == PullReason.NOT_DUE) is (state is PullState.EXHAUSTED)


def test_a_search_cut_off_goes_on_whenever_a_batch_begins() -> None:
    segment = replace(SEGMENT, restart_after_days=30)

    pull = open_pull(segment, batch_id="2026-03-02", previous=_earlier(reason=PullReason.ROWS_PER_NIGHT.value))

    assert pull.state is PullState.OPEN


@pytest.mark.parametrize("state", [PullState.OPEN, PullState.PAUSED, PullState.FAILED])
def test_an_unfinished_pull_is_taken_up_at_its_next_page(state: PullState) -> None:
    pull = replace(FRESH, state=state, reason="any", next_page=3, rows_received=200)

    resumed = resume_pull(pull, replace(SEGMENT, rows_per_night=900), later=None)

    assert (resumed.state, resumed.reason, resumed.next_page, resumed.max_results) == (PullState.OPEN, "", 3, 900)


def test_a_pull_that_a_later_batch_went_on_with_is_not_bought_twice() -> None:
    pull = replace(FRESH, state=PullState.PAUSED, next_page=3, rows_received=200)
    later = replace(FRESH, batch_id="2026-03-03", first_page=3)

    assert resume_pull(pull, SEGMENT, later=later).reason == PullReason.CONTINUED_LATER
    assert resume_pull(pull, SEGMENT, later=replace(later, first_page=1)).state is PullState.OPEN
    assert resume_pull(replace(pull, rows_received=0), SEGMENT, later=later).state is PullState.OPEN


def test_a_pull_whose_filters_were_changed_is_not_mixed_with_other_rows() -> None:
    changed = replace(SEGMENT, filters={"job_titles": ["CFO"]})

    resumed = resume_pull(replace(FRESH, next_page=3), changed, later=None)

    assert resumed.state is PullState.FAILED
    assert "filters were changed" in resumed.reason


@pytest.mark.parametrize(("rows_received", "expected"), [(0, 100), (200, 100), (250, 50), (300, 1), (900, 1)])
def test_the_last_page_of_a_night_reserves_only_what_is_left(rows_received: int, expected: int) -> None:
    assert rows_at_most(replace(FRESH, rows_received=rows_received), SEGMENT) == expected

"""What a run costs, by the limits of Salesforce and the price of a row."""

from __future__ import annotations

import pytest

from lead_pipeline.domain.call_costs import CallEstimate, SegmentAccount, estimate_calls, estimate_credits


@pytest.mark.parametrize(
    ("creates", "updates", "has_owner_guard", "expected"),
    [
        (0, 0, False, CallEstimate(preparation=5, creates=0, updates=0, read_back=0, hand_over=0)),
        (1, 1, False, CallEstimate(preparation=5, creates=1, updates=1, read_back=1, hand_over=1)),
        (200, 25, False, CallEstimate(preparation=5, creates=1, updates=1, read_back=1, hand_over=8)),
        (201, 26, False, CallEstimate(preparation=5, creates=2, updates=2, read_back=1, hand_over=9)),
        (200, 0, True, CallEstimate(preparation=5, creates=1, updates=0, read_back=1, hand_over=8)),
        (1_000, 0, True, CallEstimate(preparation=5, creates=5, updates=0, read_back=1, hand_over=5)),
        (2_000, 0, True, CallEstimate(preparation=5, creates=10, updates=0, read_back=1, hand_over=5)),
        (10_000, 0, True, CallEstimate(preparation=5, creates=6, updates=0, read_back=5, hand_over=5)),
        (25_000, 0, True, CallEstimate(preparation=5, creates=18, updates=0, read_back=13, hand_over=13)),
        (10_000, 0, False, CallEstimate(preparation=5, creates=6, updates=0, read_back=5, hand_over=400)),
    ],
)
def test_calls_follow_the_write_paths(
    creates: int,
    updates: int,
    has_owner_guard: bool,  # noqa: FBT001  # the case
    expected: CallEstimate,
) -> None:
    assert estimate_calls(creates=creates, updates=updates, has_owner_guard=has_owner_guard) == expected


def test_updates_take_a_job_only_behind_the_guard_of_values() -> None:
    def updates(count: int, *, is_guarded: bool) -> int:
        estimate = estimate_calls(creates=0, updates=count, has_owner_guard=True, has_update_guard=is_guarded)
        return estimate.updates

    assert updates(10_000, is_guarded=False) == 400
    assert updates(10_000, is_guarded=True) == 6
    assert updates(200, is_guarded=True) == 8


def test_ten_thousand_new_leads_cost_less_than_twenty_five_calls() -> None:
    assert estimate_calls(creates=10_000, updates=0, has_owner_guard=True).total <= 25


@pytest.mark.parametrize(
    ("segment", "outstanding"),
    [
        (SegmentAccount(is_exhausted=True, max_results=500, rows_received=100), 0),
        (SegmentAccount(is_exhausted=False, max_results=500, rows_received=100), 400),
        (SegmentAccount(is_exhausted=False, max_results=500, rows_received=100, total_count=130), 30),
        (SegmentAccount(is_exhausted=False, max_results=500, rows_received=600), 0),
    ],
    ids=["exhausted", "no total known", "total below the limit", "more than expected"],
)
def test_credits_are_the_rows_still_to_come(segment: SegmentAccount, outstanding: int) -> None:
    assert estimate_credits([segment]) == outstanding


def test_credits_of_segments_add_up() -> None:
    segment = SegmentAccount(is_exhausted=False, max_results=500, rows_received=100)
    assert estimate_credits([segment, segment]) == 800

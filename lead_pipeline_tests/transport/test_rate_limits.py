"""The token bucket on a clock that only moves when somebody sleeps, and limit headers of all families."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lead_pipeline.transport.rate_limits import LimitHeaders, LimitHints, TokenBucket, read_limit_hints

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class SleepingClock:
    """Seconds that pass while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def _bucket(clock: SleepingClock, *, burst: int = 5) -> TokenBucket:
    return TokenBucket(per_second=1.0, burst=burst, clock=clock, sleep=clock.sleep)


def _times_of_calls(bucket: TokenBucket, clock: SleepingClock, *, count: int) -> list[float]:
    times = []
    for _ in range(count):
        bucket.acquire()
        times.append(clock.seconds)
    return times


def test_a_burst_passes_at_once_and_the_rest_at_the_steady_rate() -> None:
    clock = SleepingClock()

    assert _times_of_calls(_bucket(clock), clock, count=8) == [0, 0, 0, 0, 0, 1, 2, 3]


def test_a_rest_earns_a_burst_but_never_more_than_one() -> None:
    clock = SleepingClock()
    bucket = _bucket(clock, burst=2)
    _times_of_calls(bucket, clock, count=2)
    clock.seconds = 100.0

    assert _times_of_calls(bucket, clock, count=4) == [100, 100, 101, 102]


def test_a_nearly_spent_limit_ends_the_burst_and_waits_for_the_renewal() -> None:
    clock = SleepingClock()
    bucket = _bucket(clock)

    bucket.heed(LimitHints(remaining=1, reset_seconds=20.0))

    assert _times_of_calls(bucket, clock, count=2) == [21, 22]


@pytest.mark.parametrize(
    ("hints", "first_call_at"),
    [
        (LimitHints(), 0.0),
        (LimitHints(remaining=2, reset_seconds=20.0), 0.0),
        (LimitHints(remaining=0), 1.0),
        (LimitHints(remaining=0, reset_seconds=90_000.0), 61.0),
        (LimitHints(remaining=1, retry_after_seconds=3.0, reset_seconds=30.0), 4.0),
    ],
)
def test_only_a_nearly_spent_limit_slows_down_and_never_for_ever(hints: LimitHints, first_call_at: float) -> None:
    clock = SleepingClock()
    bucket = _bucket(clock)

    bucket.heed(hints)

    assert _times_of_calls(bucket, clock, count=1) == [first_call_at]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, LimitHints()),
        ({"Retry-After": "7"}, LimitHints(retry_after_seconds=7.0)),
        ({"Retry-After": " 0.5 "}, LimitHints(retry_after_seconds=0.5)),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}, LimitHints(retry_after_seconds=30.0)),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"}, LimitHints(retry_after_seconds=0.0)),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "12"}, LimitHints(remaining=3, reset_seconds=12.0)),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 25)}, LimitHints(reset_seconds=25.0)),
        ({"X-RateLimit-Reset": "2026-03-01T12:01:00Z"}, LimitHints(reset_seconds=60.0)),
        ({"X-RateLimit-Reset": "2026-03-01 12:01:00"}, LimitHints(reset_seconds=60.0)),
        ({"X-RateLimit-Remaining": '{"minute": 4, "day": 900}'}, LimitHints(remaining=4)),
        ({"X-Rate-Limit-Remaining": "0"}, LimitHints(remaining=0)),
        ({"x-minute-requests-left": "1"}, LimitHints(remaining=1)),
        ({"x-minute-request-left": "1", "x-minute-reset-seconds": "40"}, LimitHints(remaining=1, reset_seconds=40.0)),
        ({"Retry-After": "soon", "X-RateLimit-Remaining": "many"}, LimitHints()),
        ({"Retry-After": "-1", "X-RateLimit-Remaining": "nan", "X-RateLimit-Reset": "inf"}, LimitHints()),
        ({"X-RateLimit-Remaining": "{broken", "Retry-After": ""}, LimitHints()),
        ({"X-RateLimit-Remaining": "{}"}, LimitHints()),
    ],
)
def test_limit_headers_of_every_family_are_read_and_nonsense_is_ignored(
    headers: dict[str, str], expected: LimitHints
) -> None:
    assert read_limit_hints(headers, names=LimitHeaders(), now=NOW) == expected


@pytest.mark.parametrize(
    ("hints", "wait"),
    [
        (LimitHints(), None),
        (LimitHints(reset_seconds=5.0), 5.0),
        (LimitHints(retry_after_seconds=2.0, reset_seconds=5.0), 2.0),
    ],
)
def test_what_was_asked_for_goes_before_the_renewal(hints: LimitHints, wait: float | None) -> None:
    assert hints.wait_seconds == wait

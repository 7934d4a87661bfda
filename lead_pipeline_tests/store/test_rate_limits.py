"""One rate limit for all processes. The rates are so low that the time a test takes does not count."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lead_pipeline.store.database import Database
from lead_pipeline.store.rate_limits import SharedTokenBucket
from lead_pipeline.transport.rate_limits import MAX_PAUSE_SECONDS, LimitHints

SECONDS_A_CALL = 10_000.0
TOLERANCE = SECONDS_A_CALL / 20


def open_bucket(database_dsn: str, waits: list[float], *, burst: int = 2, name: str = "dievio") -> SharedTokenBucket:
    """A bucket over connections of its own, as another process has them."""
    return SharedTokenBucket(
        Database(database_dsn), name, per_second=1 / SECONDS_A_CALL, burst=burst, sleep=waits.append
    )


def test_two_processes_share_one_burst_and_one_rate(database: Database) -> None:
    waits: list[float] = []
    one, other = (open_bucket(database._dsn, waits) for _ in range(2))

    for bucket in (one, other, one, other):
        bucket.acquire()

    assert waits == [pytest.approx(SECONDS_A_CALL, abs=TOLERANCE), pytest.approx(2 * SECONDS_A_CALL, abs=TOLERANCE)]


def test_no_two_callers_at_once_wait_for_the_same_token(database: Database) -> None:
    waits: list[float] = []
    buckets = [open_bucket(database._dsn, waits, burst=1) for _ in range(4)]

    with ThreadPoolExecutor(max_workers=4) as pool:
        for call in [pool.submit(bucket.acquire) for bucket in buckets for _ in range(3)]:
            call.result()

    assert sorted(round(wait / SECONDS_A_CALL) for wait in waits) == list(range(1, 12))


def test_systems_have_buckets_of_their_own(database: Database) -> None:
    waits: list[float] = []

    for name in ("dievio", "other"):
        open_bucket(database._dsn, waits, burst=1, name=name).acquire()

    assert waits == []


def test_what_one_process_hears_slows_all_down(database: Database) -> None:
    waits: list[float] = []
    open_bucket(database._dsn, waits, burst=5).heed(LimitHints(remaining=0, reset_seconds=1e9))

    open_bucket(database._dsn, waits, burst=5).acquire()

    assert waits == [pytest.approx(SECONDS_A_CALL + MAX_PAUSE_SECONDS, abs=TOLERANCE)]


def test_a_limit_that_is_not_nearly_spent_changes_nothing(database: Database) -> None:
    waits: list[float] = []
    bucket = open_bucket(database._dsn, waits, burst=1)
    bucket.heed(LimitHints(remaining=7))

    bucket.acquire()

    assert waits == []

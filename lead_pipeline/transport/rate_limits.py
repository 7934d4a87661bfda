"""Staying below a server's rate limit: our own token bucket, and what limit headers ask for.

What to do after a 429 belongs to `retries`; this module reads how long the server wants us to wait.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

FEW_REMAINING = 1  # slow down before the server has to refuse
MAX_PAUSE_SECONDS = 60.0  # limits are per minute or shorter; a later reset is met again at the next answer
OLDEST_EPOCH_SECONDS = 1_000_000_000  # a larger reset number is a moment (since 2001), a smaller one a duration


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitHeaders:
    """Names of the headers of one or more families, lower case, the first present one wins."""

    retry_after: tuple[str, ...] = ("retry-after",)
    remaining: tuple[str, ...] = (
        "x-ratelimit-remaining",
        "x-rate-limit-remaining",
        "x-minute-requests-left",
        "x-minute-request-left",
    )
    reset: tuple[str, ...] = (
        "x-ratelimit-reset",
        "x-rate-limit-reset",
        "x-minute-reset-seconds",
        "x-minute-request-reset-seconds",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitHints:
    """What an answer says about the limit; None where it says nothing."""

    retry_after_seconds: float | None = None
    remaining: int | None = None
    reset_seconds: float | None = None

    @property
    def wait_seconds(self) -> float | None:
        """How long to wait before the next try: what was asked for, else until the limit is renewed."""
        return self.retry_after_seconds if self.retry_after_seconds is not None else self.reset_seconds

    @property
    def is_nearly_spent(self) -> bool:
        """Whether the next call or the one after may be refused."""
        return self.remaining is not None and self.remaining <= FEW_REMAINING


def read_limit_hints(headers: Mapping[str, str], *, names: LimitHeaders, now: datetime) -> LimitHints:
    """Read the limit headers of an answer; a value that makes no sense counts as absent.

    Args:
        headers: The headers, names in any case.
        names: Which headers to look at.
        now: The present moment, for dates.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    remaining = _first(_read_count(lower[name]) for name in names.remaining if name in lower)
    return LimitHints(
        retry_after_seconds=_first(
            read_wait_seconds(lower[name], now=now) for name in names.retry_after if name in lower
        ),
        remaining=None if remaining is None else int(remaining),
        reset_seconds=_first(read_wait_seconds(lower[name], now=now) for name in names.reset if name in lower),
    )


def read_wait_seconds(value: str, *, now: datetime) -> float | None:
    """Return how many seconds a header asks to wait: a number of seconds, an epoch moment, an HTTP date or ISO 8601."""
    number = _read_number(value)
    if number is None:
        moment = _read_moment(value)
        return None if moment is None else max(0.0, (moment - now).total_seconds())
    if number >= OLDEST_EPOCH_SECONDS:
        return max(0.0, number - now.timestamp())
    return number


class CallLimit(Protocol):
    """What lets calls through one after the other: a bucket of this process, or one that all processes share."""

    def acquire(self) -> None:
        """Wait for one's turn."""

    def heed(self, hints: LimitHints) -> None:
        """Slow down when the server's own count is nearly spent."""


class TokenBucket:
    """Lets the calls of one process through at a steady rate, a few at once after a rest; threads may share it.

    Args:
        per_second: Steady rate.
        burst: Calls that may follow each other at once.
        clock: Seconds that only move forward.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        *,
        per_second: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._tokens = float(burst)
        self._counted_at = clock()

    def acquire(self) -> None:
        """Wait for one's turn."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._per_second)
            self._counted_at = now
            self._tokens -= 1.0
            wait = -self._tokens / self._per_second
        if wait > 0:
            self._sleep(wait)

    def heed(self, hints: LimitHints) -> None:
        """Slow down when the server's own count is nearly spent: no burst, and a pause until its limit is renewed."""
        if not hints.is_nearly_spent:
            return
        pause = min(hints.wait_seconds or 0.0, MAX_PAUSE_SECONDS)
        with self._lock:
            self._tokens = min(self._tokens, 0.0) - pause * self._per_second


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _read_number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _read_count(value: str) -> float | None:
    """Read a count, or the smallest of a JSON object such as `{"minute": 3, "day": 900}`."""
    number = _read_number(value)
    if number is not None or not value.startswith("{"):
        return number
    try:
        counts = json.loads(value).values()
    except ValueError:
        return None
    return min((float(count) for count in counts if isinstance(count, int | float)), default=None)


def _read_moment(value: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(value)
        except (ValueError, IndexError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None

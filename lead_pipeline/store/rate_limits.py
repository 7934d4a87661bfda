"""A rate limit that all processes share: the bucket lies in the database, and the database's clock fills it.

Several workers, a backfill beside the nightly run, a command line: the outside system counts their calls together. What
a limit header says is read in `transport/rate_limits`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from lead_pipeline.store.database import Database
from lead_pipeline.store.queries import load_queries
from lead_pipeline.transport.rate_limits import MAX_PAUSE_SECONDS, LimitHints


class SharedTokenBucket:
    """Lets calls of all processes through at one steady rate, a few at once after a rest.

    Args:
        database: Where the bucket lies.
        name: Which system is spared.
        per_second: Steady rate of all processes together.
        burst: Calls that may follow each other at once.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        per_second: float,
        burst: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._name = name
        self._per_second = per_second
        self._burst = burst
        self._sleep = sleep

    def acquire(self) -> None:
        """Wait for one's turn. The token is taken first, so that no two processes wait for the same one."""
        with self._database.connect() as connection:
            tokens = load_queries("rate_limits").take_token(
                connection, name=self._name, per_second=self._per_second, burst=self._burst
            )
        if tokens < 0:
            self._sleep(-tokens / self._per_second)

    def heed(self, hints: LimitHints) -> None:
        """Slow all processes down when the server's own count is nearly spent."""
        if not hints.is_nearly_spent:
            return
        pause = min(hints.wait_seconds or 0.0, MAX_PAUSE_SECONDS)
        with self._database.connect() as connection:
            load_queries("rate_limits").drain_bucket(connection, name=self._name, owed=pause * self._per_second)

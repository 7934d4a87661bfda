"""Repeating a call that failed for a passing reason: how often, how long between, and never for ever.

What counts as a passing reason is said by the adapter, which raises `RetryableError` for it and something else for the
rest. What a limit header says belongs to `rate_limits`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from lead_pipeline.errors import RetryableError, TransportFaultError

Answer = TypeVar("Answer")
MAX_RETRY_AFTER_SECONDS = 120.0  # a server that asks for more is better met by the next run than by a hung one
draw_chance = random.SystemRandom().random  # 0 to 1; of the machine, so that no seed puts two clients in step


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a call is tried and how long is waited in between.

    Attributes:
        attempts: Tries in all, the first included.
        base_seconds: Wait after the first failure; doubles with each further one.
        ceiling_seconds: Longest wait that we choose ourselves.
        jitter_share: Part of the wait that is drawn by chance, 0 to 1, so that clients do not return in step.
    """

    attempts: int
    base_seconds: float
    ceiling_seconds: float
    jitter_share: float = 0.5

    def wait_seconds(self, failures: int, *, retry_after_seconds: float | None = None, chance: float = 0.0) -> float:
        """Return how long to wait after so many failures.

        Args:
            failures: Failed tries so far, at least 1.
            retry_after_seconds: What the server asked for; it goes before our own rule.
            chance: A number from 0 to 1; the higher, the shorter the wait.
        """
        if retry_after_seconds is not None:
            return min(max(retry_after_seconds, 0.0), MAX_RETRY_AFTER_SECONDS)
        wait: float = min(self.ceiling_seconds, self.base_seconds * 2.0 ** (failures - 1))
        return wait * (1.0 - self.jitter_share * chance)


BATCH_RETRIES = RetryPolicy(attempts=4, base_seconds=1.0, ceiling_seconds=60.0)  # 1 try + 3 retries; a night has time
REALTIME_RETRIES = RetryPolicy(attempts=4, base_seconds=0.2, ceiling_seconds=3.0)  # somebody waits for it


class Retries:
    """Runs calls under a policy.

    Args:
        policy: How often and how long.
        sleep: Waits so many seconds.
        chance: Draws a number from 0 to 1.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = draw_chance,
    ) -> None:
        self.policy = policy
        self._sleep = sleep
        self._chance = chance

    def call(self, work: Callable[[], Answer], *, may_repeat: Callable[[BaseException], bool] | None = None) -> Answer:
        """Do the work, again after a passing fault; the last fault is raised when the tries are used up.

        Args:
            work: The call.
            may_repeat: Tells whether a fault is followed by another try. Unless given, a call that may have reached the
                other side is not repeated: whether that is safe, and what it may cost, only the caller knows.

        Raises:
            RetryableError: The last fault.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.policy.attempts),
            wait=self._wait,
            retry=tenacity.retry_if_exception(may_repeat or is_safe_to_repeat),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(work)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        asked = fault.retry_after_seconds if isinstance(fault, RetryableError) else None
        return self.policy.wait_seconds(state.attempt_number, retry_after_seconds=asked, chance=self._chance())


def is_safe_to_repeat(fault: BaseException) -> bool:
    """Tell whether a fault is passing and the call was certainly not carried out."""
    was_perhaps_done = isinstance(fault, TransportFaultError) and fault.is_sent
    return isinstance(fault, RetryableError) and not was_perhaps_done

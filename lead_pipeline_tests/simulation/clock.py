"""Virtual time and the workers that share it. One of them runs at a time; who is next is drawn from the seed.

A worker stands for a process: it may die at every pause, and from then on nothing it holds does anything any more.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from greenlet import greenlet  # type: ignore[import-untyped]  # it ships no types

BEGINNING = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)


class WorkerDiedError(BaseException):
    """Stands for the death of a process: no handler of the product may catch it."""


class VirtualClock:
    """Seconds since the beginning, and what is to happen at which of them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def now(self, *, skew_seconds: float = 0.0) -> datetime:
        return BEGINNING + timedelta(seconds=self.seconds + skew_seconds)

    def at(self, seconds: float, event: Callable[[], None]) -> None:
        """Let something happen at a moment to come."""
        heapq.heappush(self._due, (seconds, next(self._numbers), event))

    def advance(self, seconds: float) -> None:
        """Let time pass, and what falls due with it."""
        end = self.seconds + seconds
        while self._due and self._due[0][0] <= end:
            due, _, event = heapq.heappop(self._due)
            self.seconds = max(self.seconds, due)
            event()
        self.seconds = end


@dataclass(eq=False)
class Worker:
    """One process. `at_death` ends what the operating system would end with it."""

    name: str
    is_dead: bool = False
    is_done: bool = False
    wake_at: float = 0.0
    failure: BaseException | None = None
    at_death: list[Callable[[], None]] = field(default_factory=list)
    thread: greenlet | None = None  # None: runs alone

    def die(self) -> None:
        self.is_dead = True
        for end in self.at_death:
            end()
        raise WorkerDiedError(self.name)


class Scheduler:
    """Lets workers run one at a time and switches between them at their pauses.

    Args:
        clock: The time they share.
        random: Where turns are drawn from.
        on_pause: The world's chance to act, and the place where a worker may die.
    """

    def __init__(self, clock: VirtualClock, random: Random, on_pause: Callable[[Worker], None]) -> None:
        self._clock = clock
        self._random = random
        self._on_pause = on_pause
        self._workers: list[Worker] = []

    def run(self, jobs: Sequence[tuple[Worker, Callable[[], None]]]) -> None:
        """Run jobs until each has ended or died; one alone needs no thread."""
        self._workers = [worker for worker, _ in jobs]
        if len(jobs) == 1:
            self._carry_out(*jobs[0])
        else:
            for worker, job in jobs:
                worker.thread = greenlet(partial(self._carry_out, worker, job))
            while (chosen := self._next()) is not None:
                if chosen.thread is not None:
                    chosen.thread.switch()
        for worker in self._workers:
            if worker.failure is not None:
                raise worker.failure

    def pause(self, worker: Worker) -> None:
        """Let the world and the other workers act."""
        self._refuse_dead(worker)
        self._on_pause(worker)
        self._switch(worker)

    def wait(self, worker: Worker, seconds: float) -> None:
        """Let a worker sleep."""
        self._refuse_dead(worker)
        worker.wake_at = self._clock.seconds + seconds
        self._switch(worker)
        self._on_pause(worker)

    def _switch(self, worker: Worker) -> None:
        chosen = self._next()
        if chosen is not None and chosen is not worker and chosen.thread is not None:
            chosen.thread.switch()
        self._refuse_dead(worker)

    def _next(self) -> Worker | None:
        waiting = [worker for worker in self._workers if not worker.is_done]
        if not waiting:
            return None
        ready = [worker for worker in waiting if worker.wake_at <= self._clock.seconds]
        if not ready:
            first = min(waiting, key=lambda worker: worker.wake_at)
            self._clock.advance(first.wake_at - self._clock.seconds)
            ready = [first]
        return ready[0] if len(ready) == 1 else self._random.choice(ready)

    @staticmethod
    def _carry_out(worker: Worker, job: Callable[[], None]) -> None:
        try:
            job()
        except WorkerDiedError:
            worker.is_dead = True
        except BaseException as error:  # noqa: BLE001  # outermost loop of a worker's thread: raised again in `run`
            worker.failure = error
        finally:
            worker.is_done = True

    @staticmethod
    def _refuse_dead(worker: Worker) -> None:
        if worker.is_dead:
            raise WorkerDiedError(worker.name)

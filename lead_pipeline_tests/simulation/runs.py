"""One seed from beginning to end: rough days, a quiet one on which all must settle, a repetition, and the judgement.

The strategy under test writes; the harness around it (org, people, faults, deaths, checker) is the same for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lead_pipeline.domain.invariants import Violation, find_violations
from lead_pipeline_tests.simulation.clock import Worker
from lead_pipeline_tests.simulation.evidence import read_evidence
from lead_pipeline_tests.simulation.faults import Marks
from lead_pipeline_tests.simulation.hand_overs import (
    NIGHTS,
    TAKING_SHARE,
    draw_nights,
    fill_sellers,
    judge_end,
    judge_owners,
    list_to_hand_over,
)
from lead_pipeline_tests.simulation.processes import SimulatedProcesses, Strategy
from lead_pipeline_tests.simulation.scenarios import (
    FIRST_DAY,
    INTAKE,
    SECOND_DAY,
    THIRD_DAY,
    deliver,
    draw_intake,
    draw_second_day,
    fill_org,
    fill_roster,
    last_person,
)

MAX_ATTEMPTS = 6  # of a batch on its day
SETTLING_PASSES = 3  # within which everything must settle once faults end
DAY_SECONDS = 86_400.0
WAITING_SHARE = 0.9  # of the starts that choose among batches with something left to do
DIFFERENT_BATCHES_SHARE = 0.5  # of the times that two workers begin together


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResult:
    """What one seed showed."""

    seed: int
    violations: tuple[Violation | str, ...]
    marks: Marks
    faults: int
    crashes: int
    calls: int  # to the org
    unknown_answers: int
    unknown_commits: int
    repeated_writes: int


class Simulation(SimulatedProcesses):
    """One seed under way."""

    def run(self) -> SeedResult:
        """Play the story and judge it."""
        fill_org(self.org, self.scenario, self.random)
        fill_roster(self.tables, self.scenario)
        fill_sellers(self.tables)
        first_size = len(self.org.history)
        self._play_rough_days()
        self._settle()
        repeated_writes = self._repeat()
        evidence = read_evidence(
            self.books,
            self.org,
            since=first_size,
            complete_batches=self.complete,
            repeated_writes=repeated_writes,
        )
        self.findings += find_violations(evidence)
        self.findings += judge_owners(self.tables, self.org)
        if self.world.early_calls:
            self.findings.append(f"patience: {self.world.early_calls} writes before the Retry-After was over")
        marks = self.dice.marks
        return SeedResult(
            seed=self.seed,
            violations=tuple(self.findings),
            marks=marks,
            faults=sum(marks.counts.values()),
            crashes=self.crashes,
            calls=self.world.calls,
            unknown_answers=self.world.unknown_answers,
            unknown_commits=self.world.unknown_commits,
            repeated_writes=repeated_writes,
        )

    def _play_rough_days(self) -> None:
        deliver(self.tables, FIRST_DAY, self.scenario.people, day=0)
        intake = draw_intake(self.scenario, self.random)
        deliver(self.tables, INTAKE, intake, day=0)
        if intake:
            self.batch_ids.insert(1, INTAKE)
        for batch_id in self.batch_ids[:-1]:
            self._prepare(batch_id)
        self._roughen()
        self._write_day(self.batch_ids[:-1])
        self._play_rough_nights(self.batch_ids[:-1])
        self._sleep_until(1)
        deliver(self.tables, SECOND_DAY, draw_second_day(self.scenario, self.random), day=1)
        self._soothe()
        self._prepare(SECOND_DAY)
        self._roughen()
        self._write_day(self.batch_ids)
        self._play_rough_nights(self.batch_ids)

    def _settle(self) -> None:
        """Without faults everything must come to its end; the third day's run sees what landed late on the second."""
        self._soothe()
        self.clock.advance(3_600.0)
        for _ in range(SETTLING_PASSES):
            for batch_id in self.batch_ids:
                self._start([batch_id])
            if self.complete.issuperset(self.batch_ids):
                break
        self.findings += [
            f"liveness: {batch_id} is not complete after {SETTLING_PASSES} passes without faults"
            for batch_id in self.batch_ids
            if batch_id not in self.complete
        ]
        self._play_quiet_nights(self.batch_ids)
        self._sleep_until(2)
        deliver(self.tables, THIRD_DAY, [last_person(self.scenario)], day=2)
        self._prepare(THIRD_DAY)
        self._start([THIRD_DAY])
        self._play_quiet_nights([THIRD_DAY])

    def _repeat(self) -> int:
        """Repeat every batch; return how many write calls that sent."""
        calls = self.world.write_calls
        for batch_id in (*self.batch_ids, THIRD_DAY):
            self._start([batch_id], self._play_night if self.has_hand_overs else None)
        return self.world.write_calls - calls

    # --- nights of hand-overs -------------------------------------------------------------------------------------

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Let everything be drawn from the stream of the hand-overs."""
        told = self.random.getstate()
        self.random.setstate(self._hand_over_state)
        yield
        self._hand_over_state = self.random.getstate()
        self.random.setstate(told)

    def _play_rough_nights(self, batch_ids: Sequence[str]) -> None:
        """Hand over what was written, while calls fail, processes die and reps help themselves."""
        if not self.has_hand_overs:
            return
        with self._apart():
            nights = draw_nights(self.random, self.scenario)
            self._roughen()
            self.crashes_left, self.people.acts_left = nights.crash_count, nights.act_count
            self.people.taking_share = TAKING_SHARE
            for _ in range(NIGHTS):
                waiting = self._waiting_batches(batch_ids)
                if not waiting:
                    break
                self._start(self._choose_batches(waiting), self._play_night)
                self.clock.advance(self.random.choice((1.0, 30.0, 200.0, 1_000.0)))
            self.people.taking_share = 0.0

    def _play_quiet_nights(self, batch_ids: Sequence[str]) -> None:
        """Without faults every new lead must reach its owner."""
        if not self.has_hand_overs:
            return
        with self._apart():
            for _ in range(SETTLING_PASSES):
                for batch_id in self._waiting_batches(batch_ids):
                    self._start([batch_id], self._play_night)
        for batch_id in batch_ids:
            self.findings += judge_end(self.tables, batch_id)

    def _waiting_batches(self, batch_ids: Sequence[str]) -> list[str]:
        return [batch_id for batch_id in batch_ids if list_to_hand_over(self.tables, batch_id)]

    # --- how rough it is ------------------------------------------------------------------------------------------

    def _roughen(self) -> None:
        self.dice.rate = self.scenario.fault_rate
        self.dice.database_rate = self.scenario.database_fault_rate
        self.world.calls_allowed = self.scenario.calls_allowed
        self.crashes_left = self.scenario.crash_count
        self.people.acts_left = self.scenario.act_count

    def _soothe(self) -> None:
        self.dice.end()
        self.world.calls_allowed = None
        self.crashes_left = self.people.acts_left = 0

    def _sleep_until(self, day: int) -> None:
        self.clock.advance(max(day * DAY_SECONDS - self.clock.seconds, 60.0))
        self.world.calls_used = 0

    def _prepare(self, batch_id: str) -> None:
        worker = Worker("preparation")
        database, _, plans = self.ports(worker, batch_id)

        def prepare() -> None:
            plans.refresh()
            plans.plan_all()

        self.scheduler.run([(worker, prepare)])
        self.clock.advance(5.0)
        del database

    def _write_day(self, batch_ids: Sequence[str]) -> None:
        """Start runs until the batches are complete, as often as a day allows."""
        for _ in range(MAX_ATTEMPTS):
            crashes = self.crashes
            waiting = [batch_id for batch_id in batch_ids if batch_id not in self.complete]
            self._start(self._choose_batches(waiting if self.random.random() < WAITING_SHARE else batch_ids))
            if self.crashes > crashes and self.random.random() < 0.5:
                self.people.work_through_the_night(self.random.randint(0, 2))
            if self.complete.issuperset(batch_ids):
                return
            self.clock.advance(self.random.choice((1.0, 30.0, 200.0, 1_000.0)))

    def _choose_batches(self, batch_ids: Sequence[str]) -> Sequence[str]:
        """Return one batch, or two for two workers: mostly different ones, sometimes the same twice."""
        if not self.scenario.has_two_workers:
            return [self.random.choice(batch_ids)]
        if len(batch_ids) > 1 and self.random.random() < DIFFERENT_BATCHES_SHARE:
            return self.random.sample(batch_ids, k=2)
        return self.random.choices(batch_ids, k=2)


def run_seed(seed: int, strategy: Strategy | None = None) -> SeedResult:
    """Play one seed."""
    return Simulation(seed, strategy or Strategy()).run()


def run_seeds(seeds: Sequence[int], strategy: Strategy | None = None) -> Iterator[SeedResult]:
    """Play several."""
    return (run_seed(seed, strategy) for seed in seeds)

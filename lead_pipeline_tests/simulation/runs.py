"""One seed from beginning to end: rough days, a quiet one on which all must settle, a repetition, and the judgement.

The strategy under test writes; the harness around it (org, people, faults, deaths, checker) is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from traceback import extract_tb
from uuid import UUID

from lead_pipeline.domain.invariants import Violation, find_violations
from lead_pipeline.errors import DatabaseUnavailableError, LeadPipelineError
from lead_pipeline.services.hand_over import hand_over_session
from lead_pipeline.services.write import open_session, write_session
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.services.writing.ports import CrashPoint, WriteSession, WriteTools
from lead_pipeline_tests.simulation.clock import Scheduler, VirtualClock, Worker
from lead_pipeline_tests.simulation.crm import SimulatedSalesforce, World
from lead_pipeline_tests.simulation.evidence import Books, read_evidence
from lead_pipeline_tests.simulation.faults import CallKind, Dice, Fault, Marks
from lead_pipeline_tests.simulation.guard import RULES, SimulatedGuard, refuse_forbidden
from lead_pipeline_tests.simulation.hand_overs import (
    NIGHTS,
    ROUTING,
    TAKING_SHARE,
    copy_mirror,
    draw_nights,
    fill_sellers,
    is_gate_open,
    judge_end,
    judge_owners,
    list_to_hand_over,
    seconds_until_readable,
)
from lead_pipeline_tests.simulation.jobs import Jobs
from lead_pipeline_tests.simulation.memory_database import MemoryDatabase
from lead_pipeline_tests.simulation.memory_queries import MemoryQueries
from lead_pipeline_tests.simulation.memory_tables import MemoryTables
from lead_pipeline_tests.simulation.org import Org, refuse_nothing
from lead_pipeline_tests.simulation.people import People
from lead_pipeline_tests.simulation.plans import MAPPINGS, SimulatedPlans
from lead_pipeline_tests.simulation.scenarios import (
    FIRST_DAY,
    HOLDING_QUEUE,
    INTAKE,
    SECOND_DAY,
    THIRD_DAY,
    Paths,
    Scenario,
    deliver,
    draw_intake,
    draw_paths,
    draw_scenario,
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
ACT_CHANCE = 0.06  # of a person acting, at each pause
CRASH_CHANCE = 0.02  # of a death, at each pause, while deaths are left


@dataclass(frozen=True, slots=True)
class Strategy:
    """What is put under test: the engine as it is, or with one part broken on purpose.

    Attributes:
        name: For reports.
        salesforce: The port to the org.
        queries: What the database remembers.
        plans: The way back to reading and planning.
        has_unique_id: Whether the org's external id field is unique.
        write: A design of its own, instead of the engine: carries out one run of a worker on a batch.
    """

    name: str = "engine"
    salesforce: type[SimulatedSalesforce] = SimulatedSalesforce
    queries: type[MemoryQueries] = MemoryQueries
    plans: type[SimulatedPlans] = SimulatedPlans
    has_unique_id: bool = True
    write: Callable[[Simulation, Worker, str], None] | None = None


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


@dataclass
class Simulation:
    """One seed under way; `fault_rate` plays it with that share of failing calls and nothing else amiss."""

    seed: int
    strategy: Strategy = field(default_factory=Strategy)
    fault_rate: float | None = None

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311  # seeded randomness is the point
        # The waits have numbers of their own, so that a wait more or less leaves the rest of a kept story as it was.
        self.waiting_chance = Random(f"waits of {self.seed}")  # noqa: S311  # seeded randomness is the point
        self.scenario: Scenario = draw_scenario(self.random)
        if self.fault_rate is not None:
            self.scenario = replace(
                self.scenario, fault_rate=self.fault_rate, database_fault_rate=0.0, crash_count=0, act_count=0
            )
        self.paths: Paths = draw_paths(self.seed)
        self.clock = VirtualClock()
        self.org = Org(
            self.clock,
            is_external_id_unique=self.strategy.has_unique_id,
            has_duplicate_rule=self.scenario.has_duplicate_rule,
            refuse=refuse_forbidden if self.paths.has_guard else refuse_nothing,
        )
        self.dice = Dice(self.random, rate=0.0)
        self.scheduler = Scheduler(self.clock, self.random, self._on_pause)
        self.people = People(
            self.org, self.random, acts_left=0, acquaintances=[person.record for person in self.scenario.people]
        )
        self.tables = MemoryTables()
        self.queries = self.strategy.queries(self.tables)
        self.world = World(
            clock=self.clock,
            org=self.org,
            dice=self.dice,
            scheduler=self.scheduler,
            jobs=Jobs(self.clock, self.org, self.random, self.dice.marks),
            active_rules=RULES if self.paths.has_guard else frozenset(),
            skew_seconds=self.scenario.skew_seconds,
        )
        self.books = Books(self.tables)
        self.crashes_left = 0
        self.crashes = 0
        self.run_number = 0
        self.batch_ids = [FIRST_DAY, SECOND_DAY]
        self.complete: set[str] = set()
        self.findings: list[Violation | str] = []
        # Hand-overs draw from a stream of their own, so that a story is the same up to the first of them.
        self.has_hand_overs = self.scenario.has_holding_queue and self.strategy.write is None
        self._hand_over_state = Random(f"hand-over {self.seed}").getstate()  # noqa: S311  # as above

    # --- the story ------------------------------------------------------------------------------------------------

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

    def _start(self, batch_ids: Sequence[str], work: Callable[[Worker, str], object] | None = None) -> None:
        """Let one worker per batch run side by side."""
        jobs = []
        for batch_id in batch_ids:
            self.run_number += 1
            worker = Worker(f"run-{self.run_number}")
            jobs.append((worker, self._job(worker, batch_id, work or self._write_as_designed)))
        self.scheduler.run(jobs)
        self.books.note_links()

    # --- a run ----------------------------------------------------------------------------------------------------

    def _job(self, worker: Worker, batch_id: str, work: Callable[[Worker, str], object]) -> Callable[[], None]:
        def carry_out() -> None:
            try:
                work(worker, batch_id)
            except LeadPipelineError as error:
                self.books.note_stop(type(error).__name__)
            except Exception as error:  # noqa: BLE001  # outermost loop of a simulated process: what ends it so is found
                self.findings.append(f"failure: {type(error).__name__} in {_place_of(error)}")

        return carry_out

    def _write_as_designed(self, worker: Worker, batch_id: str) -> None:
        if self.strategy.write is not None:
            self.strategy.write(self, worker, batch_id)
        else:
            self._write(worker, batch_id)

    def _play_night(self, worker: Worker, batch_id: str) -> None:
        """Write what is left, read back, look at the gate on owners, hand over: the steps of a night after planning."""
        if not self._write(worker, batch_id):
            return
        database, salesforce, plans = self.ports(worker, batch_id)
        if list_to_hand_over(self.tables, batch_id):
            self._read_back(worker, batch_id, database, salesforce, plans)
        if is_gate_open(self.tables, batch_id):
            with self._open_session(worker, batch_id, database, salesforce) as session:
                hand_over_session(session, salesforce, ROUTING)

    def _read_back(
        self,
        worker: Worker,
        batch_id: str,
        database: MemoryDatabase,
        salesforce: SimulatedSalesforce,
        plans: SimulatedPlans,
    ) -> None:
        self.scheduler.wait(worker, seconds_until_readable(self.tables, batch_id, at=self.clock.now()))
        began_at = self.clock.now()
        plans.refresh()
        server_time = salesforce.server_time
        with database.transaction():
            server_at = server_time - (self.clock.now() - began_at) if server_time else None
            copy_mirror(self.tables, batch_id, server_at=server_at)

    def _write(self, worker: Worker, batch_id: str) -> bool:
        """Carry out the plan of a batch; tell whether nothing of it is left."""
        database, salesforce, plans = self.ports(worker, batch_id)
        with self._open_session(worker, batch_id, database, salesforce) as session:
            guarded = replace(session, guard=SimulatedGuard(database, salesforce, MAPPINGS))
            summary = write_session(guarded, plans, holding_queue=HOLDING_QUEUE)
        if summary.is_complete:
            self.complete.add(batch_id)
        return summary.is_complete

    def _open_session(
        self, worker: Worker, batch_id: str, database: MemoryDatabase, salesforce: SimulatedSalesforce
    ) -> AbstractContextManager[WriteSession]:
        tools = WriteTools(
            now=self.clock.now,
            wait=lambda seconds: self.scheduler.wait(worker, seconds),
            chance=self.waiting_chance.random,
            new_id=self.new_id,
            reach=lambda point: self._reach(worker, point),
        )
        limits = WriteLimits(
            bulk_threshold=1 if self.scenario.has_bulk else 2_000,
            collection_records=self.scenario.collection_records,
            composite_records=2,
        )
        if self.paths.update_bulk_threshold is not None:
            limits = replace(limits, update_bulk_threshold=self.paths.update_bulk_threshold)
        return open_session(
            database, salesforce, tools, limits, batch_id=batch_id, run_id=worker.name, actor="simulation"
        )

    def ports(self, worker: Worker, batch_id: str) -> tuple[MemoryDatabase, SimulatedSalesforce, SimulatedPlans]:
        database = MemoryDatabase(self.queries, at_commit=lambda commit: self._commit(worker, database, commit))
        worker.at_death.append(database.close_sessions)
        salesforce = self.strategy.salesforce(self.world, worker)
        plans = self.strategy.plans(database, salesforce, batch_id=batch_id, now=self.clock.now)
        return database, salesforce, plans

    def new_id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def _reach(self, worker: Worker, _point: CrashPoint) -> None:
        self.scheduler.pause(worker)

    def _on_pause(self, worker: Worker) -> None:
        self.people.act(ACT_CHANCE)
        if self.crashes_left > 0 and self.random.random() < CRASH_CHANCE:
            self._crash(worker)

    def _crash(self, worker: Worker) -> None:
        self.crashes_left -= 1
        self.crashes += 1
        worker.die()

    def _commit(self, worker: Worker, database: MemoryDatabase, commit: Callable[[], None]) -> None:
        """Commit, unless the process dies or the connection breaks just now; nobody else may act in between."""
        fault = self.dice.draw_commit()
        is_dying = self.crashes_left > 0 and self.random.random() < CRASH_CHANCE
        if fault is not Fault.COMMIT_LOST and not (is_dying and self.dice.coin()):
            commit()
        if is_dying:
            self._crash(worker)
        if fault is Fault.SESSION_LOST:
            database.close_sessions()
        raised = fault in {Fault.COMMIT_LOST, Fault.COMMIT_ANSWER_LOST}
        self.dice.marks.note(fault, CallKind.COMMIT, "raised" if raised else "done")
        if raised:
            raise DatabaseUnavailableError(address="memory", cause=fault)


def _place_of(error: BaseException) -> str:
    """Return the function that raised an error, as a finding names it."""
    frames = extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).stem}.{frames[-1].name}, line {frames[-1].lineno}" if frames else "nowhere"


def run_seed(seed: int, strategy: Strategy | None = None) -> SeedResult:
    """Play one seed."""
    return Simulation(seed, strategy or Strategy()).run()


def run_seeds(seeds: Sequence[int], strategy: Strategy | None = None) -> Iterator[SeedResult]:
    """Play several."""
    return (run_seed(seed, strategy) for seed in seeds)

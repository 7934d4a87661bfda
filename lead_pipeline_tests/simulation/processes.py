"""How the runs of one story work: the processes of a strategy on the simulated org, clock and database.

What happens to them, day by day, is `runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from traceback import extract_tb
from uuid import UUID

from lead_pipeline.domain.invariants import Violation
from lead_pipeline.errors import DatabaseUnavailableError, LeadPipelineError
from lead_pipeline.services.hand_over import hand_over_session
from lead_pipeline.services.write import open_session, write_session
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.services.writing.ports import CrashPoint, WriteSession, WriteTools
from lead_pipeline_tests.simulation.clock import Scheduler, VirtualClock, Worker
from lead_pipeline_tests.simulation.crm import SimulatedSalesforce, World
from lead_pipeline_tests.simulation.evidence import Books
from lead_pipeline_tests.simulation.faults import CallKind, Dice, Fault
from lead_pipeline_tests.simulation.guard import RULES, SimulatedGuard, refuse_forbidden
from lead_pipeline_tests.simulation.hand_overs import (
    ROUTING,
    copy_mirror,
    is_gate_open,
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
    SECOND_DAY,
    Paths,
    Scenario,
    draw_paths,
    draw_scenario,
)

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
    write: Callable[[SimulatedProcesses, Worker, str], None] | None = None


@dataclass
class SimulatedProcesses:
    """The world of one seed and the runs in it; `fault_rate` plays it with that share of failing calls and no more."""

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
        self._open_world()
        self.crashes_left = 0
        self.crashes = 0
        self.run_number = 0
        self.batch_ids = [FIRST_DAY, SECOND_DAY]
        self.complete: set[str] = set()
        self.findings: list[Violation | str] = []
        # Hand-overs draw from a stream of their own, so that a story is the same up to the first of them.
        self.has_hand_overs = self.scenario.has_holding_queue and self.strategy.write is None
        self._hand_over_state = Random(f"hand-over {self.seed}").getstate()  # noqa: S311  # as above

    def _open_world(self) -> None:
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

    def _start(self, batch_ids: Sequence[str], work: Callable[[Worker, str], object] | None = None) -> None:
        """Let one worker per batch run side by side."""
        jobs = []
        for batch_id in batch_ids:
            self.run_number += 1
            worker = Worker(f"run-{self.run_number}")
            jobs.append((worker, self._job(worker, batch_id, work or self._write_as_designed)))
        self.scheduler.run(jobs)
        self.books.note_links()

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

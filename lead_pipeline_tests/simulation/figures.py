"""Plays many seeds, on several processes if asked, and adds up what they showed."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from lead_pipeline.domain.invariants import Violation
from lead_pipeline_tests.simulation.baselines import BASELINES
from lead_pipeline_tests.simulation.faults import Marks
from lead_pipeline_tests.simulation.processes import Strategy
from lead_pipeline_tests.simulation.runs import SeedResult, Simulation, run_seed
from lead_pipeline_tests.simulation.sabotages import SABOTAGES

COUNTS = ("faults", "crashes", "calls", "unknown_answers", "unknown_commits", "repeated_writes")
FAILED_SEEDS_FILE = Path(__file__).with_name("failed_seeds.txt")
CHUNK_SEEDS = 100  # played by one process before it reports
COLLECTION_THRESHOLD = 100_000  # objects; Python's own is 700
MAX_DETECTION_SEEDS = 5_000  # within which a breakage must be seen
SEARCH_STRIDE = 1_000_000  # between the first seeds of two searches, so that they share none
# A release run must meet each fault in each place a hundred times in 200,000 seeds.
SEEDS_PER_MARK = 2_000


@dataclass
class Figures:
    """What a number of seeds showed."""

    seeds: int = 0
    faults: int = 0
    crashes: int = 0
    calls: int = 0
    unknown_answers: int = 0
    unknown_commits: int = 0
    repeated_writes: int = 0
    violations: int = 0
    failed: dict[int, tuple[str, ...]] = field(default_factory=dict)  # seed -> what was broken
    broken: Counter[str] = field(default_factory=Counter)  # invariant -> seeds that broke it
    marks: Marks = field(default_factory=Marks)

    def add(self, result: SeedResult) -> None:
        """Take one seed in."""
        self.seeds += 1
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(result, name))
        self.violations += len(result.violations)
        self.marks.counts.update(result.marks.counts)
        if result.violations:
            self.failed[result.seed] = tuple(map(str, result.violations))
            self.broken.update({name_of(violation) for violation in result.violations})

    def merge(self, other: Figures) -> None:
        """Take the figures of other seeds in."""
        for name in ("seeds", "violations", *COUNTS):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.failed |= other.failed
        self.broken.update(other.broken)
        self.marks.counts.update(other.marks.counts)

    def missing_marks(self) -> tuple[str, ...]:
        """Return the faults that came too seldom for this many seeds; too few seeds make no claim and miss nothing."""
        return self.marks.missing(at_least=self.seeds // SEEDS_PER_MARK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """How soon a breakage was seen: seeds needed in each search, None where it was not."""

    name: str
    seeds_needed: tuple[int | None, ...]
    example: str

    @property
    def is_caught(self) -> bool:
        return None not in self.seeds_needed

    @property
    def median_seeds(self) -> float:
        return median(MAX_DETECTION_SEEDS if needed is None else needed for needed in self.seeds_needed)


def name_of(violation: Violation | str) -> str:
    """Return the promise that was broken."""
    return violation.partition(":")[0] if isinstance(violation, str) else str(violation.invariant)


def replay_command(seed: int) -> str:
    """Return the line that plays one seed again."""
    return f"python -m lead_pipeline_tests.simulation --seed {seed}"


def read_failed_seeds() -> tuple[int, ...]:
    """Return the seeds that once failed."""
    lines = FAILED_SEEDS_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(int(line.split("#")[0]) for line in lines if line.split("#")[0].strip())


def play(seeds: Iterable[int], strategy: Strategy | None = None) -> Figures:
    """Play seeds in this process."""
    figures = Figures()
    with _rare_collection():
        for seed in seeds:
            figures.add(run_seed(seed, strategy))
    return figures


@contextmanager
def _rare_collection() -> Iterator[None]:
    """Look for cycles seldom: a seed makes many objects and few cycles, and a fifth of its time went into it."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECTION_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def play_in_parallel(seeds: Sequence[int], *, workers: int, chunk_seeds: int = CHUNK_SEEDS) -> Iterator[Figures]:
    """Play seeds on several processes; give the figures of each part in turn, the same for any number of processes."""
    chunks = [seeds[start : start + chunk_seeds] for start in range(0, len(seeds), chunk_seeds)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(play, chunks)


def search(strategy: Strategy, *, first_seed: int, most: int = MAX_DETECTION_SEEDS) -> tuple[int | None, str]:
    """Return how many seeds it takes to see that something is broken, and what was seen."""
    with _rare_collection():
        for number, seed in enumerate(range(first_seed, first_seed + most), start=1):
            result = run_seed(seed, strategy)
            if result.violations:
                return number, str(result.violations[0])
    return None, ""


def detect(number: int, *, searches: int) -> Detection:
    """Search several times for one of the breakages."""
    strategy = SABOTAGES[number]
    found = [search(strategy, first_seed=(place + 1) * SEARCH_STRIDE) for place in range(searches)]
    return Detection(name=strategy.name, seeds_needed=tuple(needed for needed, _ in found), example=found[0][1])


def detect_all(*, searches: int, workers: int) -> Iterator[Detection]:
    """Search for every breakage."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(detect, number, searches=searches) for number in range(len(SABOTAGES))]
        yield from (entry.result() for entry in waiting)


def compare_baselines(seeds: Sequence[int]) -> Iterator[tuple[str, Figures]]:
    """Play the common designs."""
    for strategy in BASELINES:
        yield strategy.name, play(seeds, strategy)


def measure_amplification(seeds: Sequence[int], *, fault_rate: float) -> float:
    """Return how many times as many calls the same stories take when a share of the calls fails."""
    smooth = sum(Simulation(seed, fault_rate=0.0).run().calls for seed in seeds)
    rough = sum(Simulation(seed, fault_rate=fault_rate).run().calls for seed in seeds)
    return rough / smooth

"""Kill runs: a night is killed at a named moment, a rep works on, and later nights have to put everything right.

Which moments there are is found out by watching a night that nobody disturbs; nothing here knows the product's steps.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline_tests.reliability.crash_points import Moment
from lead_pipeline_tests.reliability.evidence import find_breaches
from lead_pipeline_tests.reliability.laboratory import Experiment, Laboratory, RepEdit
from lead_pipeline_tests.reliability.night import NightEnd
from lead_pipeline_tests.reliability.worlds import SMALL_CALLS, SMALL_JOBS, World, build_small_world

MAX_PASSES = 3  # nights after the killed one within which everything must be settled
LONGEST_CALL_SECONDS = 660.0  # Salesforce ends a call after ten minutes: what has not landed by then never will
LATE_SECONDS = (0.5, 4.0, 60.0)  # before, during and after the next night's reading
MAX_IDLE_CALLS = 12  # Salesforce calls of a night that finds its batch finished


class Disturbance(StrEnum):
    """What the org does to writes of the killed night, beside the kill itself."""

    NONE = "none"
    RESET_AFTER_COMMIT = "reset_after_commit"
    LATE_COMMIT = "late_commit"


class WritePath(StrEnum):
    """How the batch is written."""

    CALLS = "calls"
    JOBS = "jobs"

    @property
    def limits(self) -> WriteLimits:
        """The sizes that lead the batch there."""
        return SMALL_CALLS if self is WritePath.CALLS else SMALL_JOBS


@dataclass(frozen=True, slots=True, order=True)
class KillRun:
    """One kill: where, on which path, and what the org did besides."""

    path: WritePath
    death: Moment
    disturbance: Disturbance = Disturbance.NONE
    late_seconds: float = LATE_SECONDS[0]
    second_death: Moment | None = None  # at which the night after the killed one is killed, too

    def __str__(self) -> str:
        """Return the form for people and for test ids."""
        deaths = str(self.death) if self.second_death is None else f"{self.death} and {self.second_death}"
        return f"{self.path}, {deaths}, {self.disturbance}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KillResult:
    """How a kill run ended: every broken promise, and how long it took until all was settled."""

    run: KillRun
    was_killed: bool
    passes: int
    recovery_seconds: float
    bought_again: int  # rows that repeating the finished batch had Dievio bill
    breaches: tuple[str, ...]


def play(laboratory: Laboratory, run: KillRun, *, world: World | None = None) -> KillResult:
    """Carry out one kill run."""
    with laboratory.experiment(world or build_small_world(), limits=run.path.limits) as experiment:
        disturb(experiment, run.disturbance, late_seconds=run.late_seconds)
        was_killed = experiment.run(death=run.death) is None
        died_at = time.monotonic()
        edit_at_death(experiment)
        experiment.end_faults()
        if run.second_death is not None:
            was_killed = was_killed and experiment.run(death=run.second_death) is None
        passes, waited, last = settle(experiment)
        recovery_seconds = time.monotonic() - died_at + waited
        experiment.advance(LONGEST_CALL_SECONDS)
        breaches = (
            [f"not settled after {passes} passes: {last.error or last.failed_gates}"] if not last.is_complete else []
        )
        charged = experiment.rows_charged()
        breaches += find_repeated_work(experiment)
        bought_again = experiment.rows_charged() - charged
        breaches += find_breaches(experiment)
    return KillResult(
        run=run,
        was_killed=was_killed,
        passes=passes,
        recovery_seconds=recovery_seconds,
        bought_again=bought_again,
        breaches=tuple(breaches),
    )


def disturb(experiment: Experiment, disturbance: Disturbance, *, late_seconds: float) -> None:
    """Have the org refuse one record for good, and lose every third answer or land every third write late."""
    experiment.fault(
        {
            "kind": "partial_failure",
            "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "method": "POST",
            "route": "composite/sobjects",
            "record_index": 3,
            "nth": 1,
        }
    )
    if disturbance is Disturbance.NONE:
        return
    how = {"kind": disturbance.value}
    if disturbance is Disturbance.LATE_COMMIT:
        how = {**how, "delay_seconds": late_seconds}  # type: ignore[dict-item]  # JSON
    experiment.fault(
        {**how, "method": "POST", "route": "composite/sobjects", "every": 3},
        {**how, "method": "POST", "route": "composite", "body_contains": '"method": "PATCH"', "every": 3},
        {**how, "route": "jobs/ingest", "every": 4},
    )
    experiment.fault_dievio({"kind": Disturbance.RESET_AFTER_COMMIT.value, "nth": 3})


def edit_at_death(experiment: Experiment) -> None:
    """Have a rep type into records that the killed night wanted to write, or had written, or was just writing."""
    created = [entry["id"] for entry in experiment.our_commits() if entry["op"] == "create"]
    touched = [*experiment.world.known_ids[:2], experiment.world.known_ids[-1], *created[:1], *created[-2:]]
    experiment.edit_as_rep(
        [
            RepEdit(record_id, field, value)
            for number, record_id in enumerate(dict.fromkeys(touched))
            for field, value in (("Phone", f"+44 20 7946 {number:04}"), ("Title", f"Typed by a rep {number}"))
        ]
    )


def settle(experiment: Experiment) -> tuple[int, float, NightEnd]:
    """Run nights until one settles everything; return how many it took, what they waited, and how the last ended."""
    passes, waited = 0, 0.0
    while True:
        ended = run_undisturbed(experiment)
        passes, waited = passes + 1, waited + ended.waited_seconds
        if ended.is_complete or passes == MAX_PASSES:
            return passes, waited, ended
        experiment.advance(LATE_SECONDS[-1])


def run_undisturbed(experiment: Experiment) -> NightEnd:
    """Run a night that nobody kills."""
    ended = experiment.run()
    assert ended is not None, "nobody killed this night"
    return ended


def find_repeated_work(experiment: Experiment) -> list[str]:
    """Run the finished batch once more: it must write nothing, buy nothing and ask little."""
    commits_before, charged_before = len(experiment.our_commits()), experiment.rows_charged()
    ended = run_undisturbed(experiment)
    commits, charged = len(experiment.our_commits()) - commits_before, experiment.rows_charged() - charged_before
    breaches = []
    if commits or charged or ended.created or ended.updated:
        breaches.append(f"repeating it wrote {commits} times and bought {charged} rows")
    if ended.salesforce_calls > MAX_IDLE_CALLS:
        breaches.append(f"repeating it took {ended.salesforce_calls} calls")
    return breaches


# --- choosing moments -------------------------------------------------------------------------------------------------


def take_census(laboratory: Laboratory, path: WritePath, disturbance: Disturbance) -> Mapping[str, int]:
    """Run a night to its end and return how often it passes each place."""
    with laboratory.experiment(build_small_world(), limits=path.limits) as experiment:
        disturb(experiment, disturbance, late_seconds=LATE_SECONDS[0])
        ended = experiment.run()
        assert ended is not None, "nobody killed this night"
        return ended.passed


def list_runs(path: WritePath, disturbance: Disturbance, census: Mapping[str, int]) -> list[KillRun]:
    """Return a kill at the first, the middle and the last time of every place."""
    return [
        KillRun(path, Moment(place, nth), disturbance, late_seconds=LATE_SECONDS[number % len(LATE_SECONDS)])
        for number, (place, passed) in enumerate(sorted(census.items()))
        for nth in sorted({1, (passed + 1) // 2, passed})
    ]


def choose_evenly(runs: Sequence[KillRun], count: int) -> list[KillRun]:
    """Return so many runs, spread evenly over all of them."""
    if count >= len(runs):
        return list(runs)
    return [runs[(2 * index + 1) * len(runs) // (2 * count)] for index in range(count)]

"""What was measured, and the arithmetic on it: calls, CPU per lead, duplicates and ratios.

Taking the measurements is `comparison`; judging them is `verdicts`, showing them `tables`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lead_pipeline_tests.bench.contestants import Contestant

MILLISECONDS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMeasurement:
    """One run of one contestant.

    Attributes:
        calls: Requests the org received, by route; signing in included.
        startup_cpu_seconds: Imports, signing in, opening: what leads do not change.
        cpu_seconds: The run itself, in the contestant's process.
        database_cpu_seconds: The Postgres server behind it meanwhile; None where there is none or it cannot be read.
        wall_seconds: The run itself, waiting included.
        credits: Rows that Dievio billed.
        written: Records created or updated, as the run counts them.
        refused: Rows that Salesforce refused.
        problem: Why the run did not end well.
    """

    calls: Mapping[str, int]
    startup_cpu_seconds: float
    cpu_seconds: float
    database_cpu_seconds: float | None
    wall_seconds: float
    credits: int
    written: int
    refused: int
    problem: str | None = None

    @property
    def total_calls(self) -> int:
        """Requests the org received."""
        return sum(self.calls.values())

    def cpu_per_lead_ms(self, leads: int) -> float:
        """CPU of the run for one lead, in milliseconds; start-up and database stand apart."""
        return self.cpu_seconds / leads * MILLISECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondRun:
    """The same rows delivered again, after a rep has corrected some records.

    Attributes:
        run: The run.
        duplicates: Leads in the org beyond one for each person.
        edits: Values that the rep had typed.
        edits_kept: Those of them that the run left alone.
    """

    run: RunMeasurement
    duplicates: int
    edits: int
    edits_kept: int

    @property
    def edits_overwritten(self) -> int:
        """Values of the rep that are gone."""
        return self.edits - self.edits_kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One contestant at one size.

    Attributes:
        leads: New leads that were delivered.
        missing: Leads that the first run did not bring into the org.
        second: The run with the same rows again; None where it was left out.
    """

    contestant: Contestant
    leads: int
    first: RunMeasurement
    missing: int
    second: SecondRun | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong in either run."""
        runs = (self.first, *([self.second.run] if self.second else []))
        return tuple(run.problem for run in runs if run.problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratios:
    """A contestant beside the pipeline at the same size; above 1 it needs more than the pipeline."""

    calls: float
    cpu_per_lead: float
    wall: float


def count_duplicates(live_leads: int, *, persons: int) -> int:
    """Return the leads beyond one for each person; fewer leads than persons are no duplicates."""
    return max(0, live_leads - persons)


def find_result(results: Sequence[Result], contestant: Contestant, *, leads: int) -> Result | None:
    """Return one contestant's result at one size."""
    return next((result for result in results if (result.contestant, result.leads) == (contestant, leads)), None)


def compare(results: Sequence[Result], result: Result) -> Ratios | None:
    """Set a result in relation to the pipeline's at the same size; None when the pipeline did not run to its end."""
    pipeline = find_result(results, Contestant.PIPELINE, leads=result.leads)
    if pipeline is None or pipeline.first.problem:
        return None
    base, own = pipeline.first, result.first
    return Ratios(
        calls=own.total_calls / base.total_calls,
        cpu_per_lead=own.cpu_seconds / base.cpu_seconds,
        wall=own.wall_seconds / base.wall_seconds,
    )


def marginal_cpu_ms(results: Sequence[Result], contestant: Contestant) -> float | None:
    """Return the CPU of one lead more, from the smallest to the largest size, in milliseconds: no fixed cost in it."""
    own = sorted((result for result in results if result.contestant is contestant), key=lambda result: result.leads)
    if len(own) < 2 or own[0].leads == own[-1].leads:
        return None
    small, large = own[0], own[-1]
    return (large.first.cpu_seconds - small.first.cpu_seconds) / (large.leads - small.leads) * MILLISECONDS


def cpu_growth(results: Sequence[Result], contestant: Contestant) -> float | None:
    """Return CPU per lead at the largest size over that at the smallest; above 1 leads get dearer with size."""
    own = sorted((result for result in results if result.contestant is contestant), key=lambda result: result.leads)
    if len(own) < 2 or own[0].leads == own[-1].leads:
        return None
    return own[-1].first.cpu_per_lead_ms(own[-1].leads) / own[0].first.cpu_per_lead_ms(own[0].leads)

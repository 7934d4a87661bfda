"""Builds results for tests: each names only what it varies."""

from __future__ import annotations

from lead_pipeline_tests.bench.contestants import Contestant
from lead_pipeline_tests.bench.enrichment_growth import EnrichmentSpeed
from lead_pipeline_tests.bench.measurements import Result, RunMeasurement


def a_run(*, calls: int = 20, cpu_seconds: float = 10.0, problem: str | None = None) -> RunMeasurement:
    """Return a run of so many calls."""
    return RunMeasurement(
        calls={"GET /query": calls - 1, "POST /token": 1},
        startup_cpu_seconds=3.0,
        cpu_seconds=cpu_seconds,
        database_cpu_seconds=None,
        wall_seconds=2 * cpu_seconds,
        credits=0,
        written=0,
        refused=0,
        problem=problem,
    )


def a_result(
    contestant: Contestant = Contestant.PIPELINE,
    *,
    leads: int = 10_000,
    missing: int = 0,
    run: RunMeasurement | None = None,
) -> Result:
    """Return a result of one contestant at one size."""
    return Result(contestant=contestant, leads=leads, first=run or a_run(), missing=missing)


def an_enrichment(*, leads: int, cpu_ms: float) -> EnrichmentSpeed:
    """Return a measurement in which a lead took so many milliseconds of CPU."""
    return EnrichmentSpeed(
        leads=leads,
        calls=leads // 20,
        credits=leads,
        filled=leads,
        cpu_seconds=leads * cpu_ms / 1_000,
        database_cpu_seconds=0.0,
        wall_seconds=1.0,
    )

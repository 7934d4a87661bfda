"""Kills nights at named moments and prints what came of it; the last line is JSON.

    python -m lead_pipeline_tests.reliability --kills 135 [--postgres-restarts 20]

Exit code 1 when a promise was broken or a kill missed its moment.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence

from lead_pipeline_tests.reliability.kills import (
    Disturbance,
    KillResult,
    WritePath,
    choose_evenly,
    list_runs,
    play,
    take_census,
)
from lead_pipeline_tests.reliability.laboratory import Laboratory, temporary_laboratory
from lead_pipeline_tests.reliability.postgres_deaths import choose_postgres_deaths, play_postgres_death


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the kills and return the exit code."""
    parser = argparse.ArgumentParser(description="Kill nights at named moments, let later nights recover, and judge.")
    parser.add_argument("--kills", type=int, default=135, help="how many nights are killed")
    parser.add_argument("--postgres-restarts", type=int, default=0, help="how often Postgres is killed mid-night")
    options = parser.parse_args(arguments)
    began_at = time.monotonic()
    with temporary_laboratory() as laboratory:
        results = [*_kill_nights(laboratory, options.kills), *_kill_postgres(laboratory, options.postgres_restarts)]
    _say_table(results)
    figures = summarize(results, seconds=time.monotonic() - began_at)
    _say(json.dumps(figures))
    return 0 if not figures["violations"] and not figures["missed"] else 1


def summarize(results: Sequence[KillResult], *, seconds: float) -> dict[str, float]:
    """Return the figures of a run of kills."""
    recoveries = sorted(result.recovery_seconds for result in results) or [0.0]
    return {
        "kills": sum(result.was_killed for result in results),
        "missed": sum(not result.was_killed for result in results),
        "places": len({result.run.death.place for result in results}),
        "violations": sum(len(result.breaches) for result in results),
        "passes_max": max((result.passes for result in results), default=0),
        "recovery_p50_seconds": round(statistics.median(recoveries), 1),
        "recovery_p95_seconds": round(recoveries[int(0.95 * (len(recoveries) - 1))], 1),
        "seconds": round(seconds, 1),
    }


def _kill_nights(laboratory: Laboratory, count: int) -> list[KillResult]:
    every = [
        run
        for path in WritePath
        for disturbance in Disturbance
        for run in list_runs(path, disturbance, take_census(laboratory, path, disturbance))
    ]
    chosen = choose_evenly(every, count)
    _say(f"{len(every)} moments to die at; {len(chosen)} chosen evenly")
    return [_told(play(laboratory, run), number, len(chosen)) for number, run in enumerate(chosen, start=1)]


def _kill_postgres(laboratory: Laboratory, count: int) -> list[KillResult]:
    deaths = choose_postgres_deaths(laboratory, count) if count else []
    return [
        _told(play_postgres_death(laboratory, run), number, len(deaths)) for number, run in enumerate(deaths, start=1)
    ]


def _told(result: KillResult, number: int, total: int) -> KillResult:
    """Say how one run ended, and pass it on."""
    words = "; ".join(result.breaches) or "all promises hold"
    missed = "" if result.was_killed else " (the moment never came)"
    _say(f"{number:>4}/{total} {result.run}{missed}: {words}; {result.passes} nights, {result.recovery_seconds:.1f} s")
    return result


def _say_table(results: Sequence[KillResult]) -> None:
    kills = Counter(
        (result.run.path.value, result.run.death.place.split(".")[0], result.run.disturbance.value)
        for result in results
    )
    _say("\npath   stage      disturbance          kills")
    for (path, stage, disturbance), count in sorted(kills.items()):
        _say(f"{path:<6} {stage:<10} {disturbance:<20} {count:>5}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

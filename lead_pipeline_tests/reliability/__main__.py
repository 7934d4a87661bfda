"""Kills nights at named moments and prints what came of it; the last line is JSON.

    python -m lead_pipeline_tests.reliability --kills 135 [--postgres-restarts 20]

The exit code is not 0 when a promise was broken or when fewer deaths came about than were asked for.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from lead_pipeline_tests.reliability.kills import (
    Disturbance,
    KillResult,
    KillRun,
    WritePath,
    choose_evenly,
    list_runs,
    play,
    take_census,
)
from lead_pipeline_tests.reliability.laboratory import Laboratory, temporary_laboratory
from lead_pipeline_tests.reliability.postgres_deaths import list_postgres_deaths, play_postgres_death

SPARE_SHARE = 0.05  # of the deaths asked for: a lost answer may shift the last times that a place is passed
LEAST_SPARES = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of the deaths of one kind; `asked` is how many there should have been."""

    asked: int
    results: Sequence[KillResult] = ()

    @property
    def deaths(self) -> int:
        """How many came about."""
        return sum(result.was_killed for result in self.results)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the kills and return the exit code."""
    parser = argparse.ArgumentParser(description="Kill nights at named moments, let later nights recover, and judge.")
    parser.add_argument("--kills", type=int, default=135, help="how many nights are killed")
    parser.add_argument("--postgres-restarts", type=int, default=0, help="how often Postgres is killed mid-night")
    options = parser.parse_args(arguments)
    began_at = time.monotonic()
    with temporary_laboratory(is_durable=True) as laboratory:
        nights = _kill_nights(laboratory, options.kills)
        servers = _kill_postgres(laboratory, options.postgres_restarts)
    _say_table([*nights.results, *servers.results])
    summary = summarize(nights, servers, seconds=time.monotonic() - began_at)
    _say(json.dumps(summary))
    return exit_code(nights, servers)


def exit_code(*kinds: Seen) -> int:
    """Return 0 when every promise held and every death that was asked for came about."""
    return int(any(kind.deaths < kind.asked or any(result.breaches for result in kind.results) for kind in kinds))


def summarize(nights: Seen, servers: Seen, *, seconds: float) -> dict[str, object]:
    """Return the figures of a run of kills; `table` holds them as rows for people."""
    results = [*nights.results, *servers.results]
    recoveries = sorted(result.recovery_seconds for result in results) or [0.0]
    median, most = statistics.median(recoveries), recoveries[int(0.95 * (len(recoveries) - 1))]
    violations = sum(len(result.breaches) for result in results)
    places = len({result.run.death.place for result in nights.results})
    return {
        "kills": nights.deaths,
        "postgres_restarts": servers.deaths,
        "missed": sum(not result.was_killed for result in results),
        "violations": violations,
        "table": [
            ("nights killed by SIGKILL", f"{nights.deaths:,} at {places} places"),
            ("Postgres killed under a night and started again", f"{servers.deaths:,}"),
            ("violations after these deaths", f"{violations:,}"),
            ("nights until all was settled, at most", f"{max((result.passes for result in results), default=0)}"),
            ("time to recover", f"{median:.1f} s (median), {most:.1f} s (95 of 100)"),
            ("rows bought when a finished batch was repeated", f"{sum(result.bought_again for result in results):,}"),
            ("time of the deaths", f"{seconds:,.0f} s"),
        ],
    }


def _kill_nights(laboratory: Laboratory, count: int) -> Seen:
    if not count:
        return Seen(0)
    every = [
        run
        for path in WritePath
        for disturbance in Disturbance
        for run in list_runs(path, disturbance, take_census(laboratory, path, disturbance))
    ]
    return carry_out(every, count=count, how=partial(play, laboratory))


def _kill_postgres(laboratory: Laboratory, count: int) -> Seen:
    if not count:
        return Seen(0)
    return carry_out(list_postgres_deaths(laboratory), count=count, how=partial(play_postgres_death, laboratory))


def carry_out(runs: Iterable[KillRun], *, count: int, how: Callable[[KillRun], KillResult]) -> Seen:
    """Play so many deaths, spread evenly over every moment; a few others stand in for moments that never came."""
    # By place first: else a few deaths, spread over paths and disturbances of equal length, would all hit one place.
    every = sorted(runs, key=lambda run: (run.death, run.path, run.disturbance))
    chosen = choose_evenly(every, count)
    _say(f"{len(every)} moments to die at; {len(chosen)} chosen evenly")
    left = [run for run in every if run not in chosen]
    spares = iter(choose_evenly(left, max(LEAST_SPARES, round(SPARE_SHARE * count))))
    results: list[KillResult] = []
    for number, run in enumerate(chosen, start=1):
        result = _told(how(run), number, len(chosen))
        results.append(result)
        while not result.was_killed and (spare := next(spares, None)) is not None:
            result = _told(how(spare), number, len(chosen))
            results.append(result)
    return Seen(count, results)


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
        if result.was_killed
    )
    _say("\n| path | stage | disturbance | deaths |\n|---|---|---|---|")
    for (path, stage, disturbance), count in sorted(kills.items()):
        _say(f"| {path} | {stage} | {disturbance} | {count} |")
    _say("")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""Plays the simulation from the command line; the last line is JSON for `make reliability`."""

from __future__ import annotations

import json
import sys
import time

import click

from lead_pipeline_tests.simulation.figures import (
    Detection,
    Figures,
    compare_baselines,
    detect_all,
    play,
    play_in_parallel,
    read_failed_seeds,
    replay_command,
)

BASELINE_SEEDS = 500
SHOWN_FAILURES = 20


@click.command()
@click.option("--seeds", default=2_000, show_default=True, help="How many seeds to play.")
@click.option("--first", default=0, show_default=True, help="The first of them.")
@click.option("--processes", default=2, show_default=True, help="How many to play side by side.")
@click.option("--searches", default=3, show_default=True, help="Searches for each breakage; 0 leaves them out.")
@click.option("--baselines/--no-baselines", default=False, help="Also play the two common designs.")
@click.option("--seed", type=int, help="Play this seed alone and say what it broke.")
def main(seeds: int, first: int, processes: int, searches: int, baselines: bool, seed: int | None) -> None:  # noqa: FBT001  # click passes flags by name
    """Play the write engine through seeded faults, deaths and edits."""
    if seed is not None:
        sys.exit(_replay(seed))
    began = time.monotonic()
    figures = play(read_failed_seeds())
    for part in play_in_parallel(range(first, first + seeds), processes=processes):
        figures.merge(part)
    _show(figures, seconds=time.monotonic() - began)
    if baselines:
        _show_baselines()
    detections = list(detect_all(searches=searches, processes=processes)) if searches else []
    _show_detections(detections)
    caught = sum(detection.is_caught for detection in detections)
    summary = {
        "seeds": figures.seeds,
        "faults": figures.faults,
        "crashes": figures.crashes,
        "kills": 0,
        "violations": figures.violations,
        "sabotages_caught": caught,
        "sabotages": len(detections),
    }
    click.echo(json.dumps(summary))
    sys.exit(bool(figures.violations or figures.missing_marks() or caught < len(detections)))


def _replay(seed: int) -> int:
    failed = play([seed]).failed
    for line in failed.get(seed, ("nothing was broken",)):
        click.echo(line)
    return len(failed)


def _show(figures: Figures, *, seconds: float) -> None:
    click.echo(
        f"{figures.seeds:,} seeds in {seconds:.0f} s: {figures.faults:,} faults, {figures.crashes:,} deaths,"
        f" {figures.calls:,} calls, {figures.violations} violations"
    )
    for seed in sorted(figures.failed)[:SHOWN_FAILURES]:
        click.echo(f"  {replay_command(seed)}   # {figures.failed[seed][0]}")
    for line in figures.missing_marks():
        click.echo(f"  came too seldom: {line}")
    by_fault = sorted(figures.marks.counts.items())
    click.echo("  " + ", ".join(f"{fault}/{call}/{answer} {count:,}" for (fault, call, answer), count in by_fault))


def _show_baselines() -> None:
    for name, figures in compare_baselines(range(BASELINE_SEEDS)):
        broken = ", ".join(f"{invariant} in {count}" for invariant, count in sorted(figures.broken.items()))
        click.echo(f"{name}: {len(figures.failed)} of {figures.seeds} seeds broke a promise ({broken})")


def _show_detections(detections: list[Detection]) -> None:
    for detection in detections:
        state = f"median {detection.median_seeds:g} seeds" if detection.is_caught else "NOT CAUGHT"
        click.echo(f"{detection.name}: {state}   # {detection.example}")


if __name__ == "__main__":
    main()

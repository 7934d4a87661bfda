"""Plays the simulation from the command line; the last line is JSON for `make reliability`."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import click

from lead_pipeline.domain.invariants import Invariant
from lead_pipeline_tests.simulation.figures import (
    Detection,
    Figures,
    compare_baselines,
    detect_all,
    measure_amplification,
    play,
    play_in_parallel,
    read_failed_seeds,
    replay_command,
)

BASELINE_SEEDS = 500
SHOWN_FAILURES = 20
AMPLIFICATION_SEEDS = 300
AMPLIFYING_RATE = 0.05  # of all calls
PROMISES = (*Invariant, "liveness", "patience", "failure")


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
        _show_table("Designs in the same harness", list(_baseline_rows(figures)))
    detections = list(detect_all(searches=searches, processes=processes)) if searches else []
    if detections:
        _show_table("Breakages", [_detection_row(detection) for detection in detections])
    caught = sum(detection.is_caught for detection in detections)
    summary = {
        "seeds": figures.seeds,
        "faults": figures.faults,
        "crashes": figures.crashes,
        "kills": 0,
        "violations": figures.violations,
        "sabotages_caught": caught,
        "sabotages": len(detections),
        "missing_marks": len(figures.missing_marks()),
    }
    click.echo(json.dumps(summary))
    sys.exit(bool(figures.violations or figures.missing_marks() or caught < len(detections)))


def _replay(seed: int) -> int:
    failed = play([seed]).failed
    for line in failed.get(seed, ("nothing was broken",)):
        click.echo(line)
    return len(failed)


def _show(figures: Figures, *, seconds: float) -> None:
    for seed in sorted(figures.failed)[:SHOWN_FAILURES]:
        click.echo(f"  {replay_command(seed)}   # {figures.failed[seed][0]}")
    for line in figures.missing_marks():
        click.echo(f"  came too seldom: {line}")
    lost, saved = figures.unknown_answers, figures.unknown_commits
    amplification = measure_amplification(range(min(figures.seeds, AMPLIFICATION_SEEDS)), fault_rate=AMPLIFYING_RATE)
    rows = [
        ("seeds", f"{figures.seeds:,} in {seconds:,.0f} s"),
        ("faults", f"{figures.faults:,}"),
        ("deaths of a process", f"{figures.crashes:,}"),
        ("calls", f"{figures.calls:,}"),
        ("answers that told nothing", f"{lost:,}, of which {saved / max(lost, 1):.0%} had been saved or were later"),
        ("writes of repeated runs", f"{figures.repeated_writes:,}"),
        (f"calls where {AMPLIFYING_RATE:.0%} of them fail, against none", f"{amplification:.2f} times"),
        *((f"violations of {invariant}", f"{figures.broken[invariant]:,} seeds") for invariant in PROMISES),
    ]
    _show_table("The engine", rows)
    by_fault = Counter[tuple[str, str]]()
    for (fault, _, answer), count in figures.marks.counts.items():
        by_fault[fault, answer] += count
    _show_table("Faults by kind", [(f"{fault}, {answer}", f"{n:,}") for (fault, answer), n in sorted(by_fault.items())])


def _baseline_rows(engine: Figures) -> Iterator[tuple[str, str]]:
    yield "the engine", f"{len(engine.failed):,} of {engine.seeds:,} seeds broke a promise"
    for name, figures in compare_baselines(range(BASELINE_SEEDS)):
        broken = ", ".join(f"{invariant} in {count}" for invariant, count in sorted(figures.broken.items()))
        yield name, f"{len(figures.failed)} of {figures.seeds} seeds broke a promise: {broken}"


def _detection_row(detection: Detection) -> tuple[str, str]:
    state = f"{detection.median_seeds:g} seeds (median)" if detection.is_caught else "NOT CAUGHT"
    return detection.name, f"{state}, for example: {detection.example}"


def _show_table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    click.echo(f"\n| {title} | |\n|---|---|")
    for name, text in rows:
        click.echo(f"| {name} | {text} |")
    click.echo()


if __name__ == "__main__":
    main()

"""Plays the simulation from the command line; the last line is JSON for `make reliability`."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import click

from lead_pipeline.domain.invariants import Invariant
from lead_pipeline_tests.simulation.figures import (
    MAX_DETECTION_SEEDS,
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
from lead_pipeline_tests.simulation.sabotages import SABOTAGES

BASELINE_SEEDS = 500
SHOWN_FAILURES = 20
AMPLIFICATION_SEEDS = 300
AMPLIFYING_RATE = 0.05  # of all calls
PROGRESS_SECONDS = 30.0  # between two lines that say how far it is
PROMISES = (*Invariant, "liveness", "owners", "patience", "failure")

Rows = Sequence[tuple[str, str]]


@click.command()
@click.option("--seeds", default=2_000, show_default=True, help="How many seeds to play.")
@click.option("--first", default=0, show_default=True, help="The first of them.")
@click.option(
    "--workers", default=2, show_default=True, help="Processes side by side; the figures do not depend on it."
)
@click.option("--searches", default=3, show_default=True, help="Searches for each breakage; 0 leaves them out.")
@click.option("--baselines/--no-baselines", default=False, help="Also play the two common designs.")
@click.option("--seed", type=int, help="Play this seed alone and say what it broke.")
def main(seeds: int, first: int, workers: int, searches: int, baselines: bool, seed: int | None) -> None:  # noqa: FBT001  # click passes flags by name
    """Play the write engine through seeded faults, deaths and edits."""
    if seed is not None:
        sys.exit(_replay(seed))
    began = time.monotonic()
    figures = _play_all(range(first, first + seeds), workers=workers)
    table = [*_engine_rows(figures), ("time of the stories", f"{time.monotonic() - began:,.0f} s, {workers} processes")]
    for line in _complaints(figures):
        click.echo(line)
    _show_table("Faults by kind", _fault_rows(figures))
    if baselines:
        table += _baseline_rows()
    detections = list(_told(detect_all(searches=searches, workers=workers))) if searches else []
    if detections:
        _show_table("Breakages", [_detection_row(detection) for detection in detections])
        table.append(_detections_row(detections))
    _show_table("The engine in the simulation", table)
    summary = summarize(figures, detections)
    click.echo(json.dumps({**summary, "table": table}))
    sys.exit(exit_code(summary))


def summarize(figures: Figures, detections: Sequence[Detection]) -> dict[str, int]:
    """Return the figures of a run."""
    return {
        "seeds": figures.seeds,
        "faults": figures.faults,
        "crashes": figures.crashes,
        "kills": 0,
        "violations": figures.violations,
        "sabotages_caught": sum(detection.is_caught for detection in detections),
        "sabotages": len(detections),
        "missing_marks": len(figures.missing_marks()),
    }


def exit_code(summary: Mapping[str, int]) -> int:
    """Return 0 when every promise held, no fault came too seldom and every breakage was seen."""
    missed = summary["sabotages_caught"] < summary["sabotages"]
    return int(bool(summary["violations"] or summary["missing_marks"] or missed))


def _play_all(seeds: Sequence[int], *, workers: int) -> Figures:
    """Play the seeds that once failed and then all of these, and say from time to time how far it is."""
    began = said = time.monotonic()
    figures = play(read_failed_seeds())
    done = 0
    for part in play_in_parallel(seeds, workers=workers):
        figures.merge(part)
        done += part.seeds
        now = time.monotonic()
        if now - said >= PROGRESS_SECONDS or done == len(seeds):
            said, left = now, (now - began) / done * (len(seeds) - done)
            broken = len(figures.failed)
            click.echo(
                f"{done:,} of {len(seeds):,} seeds, {broken} broke a promise, {left / 60:,.0f} min left", err=True
            )
    return figures


def _told(detections: Iterator[Detection]) -> Iterator[Detection]:
    """Say of each breakage whether it was seen, and pass it on."""
    for number, detection in enumerate(detections, start=1):
        state = f"seen after {detection.median_seeds:g} seeds" if detection.is_caught else "NOT SEEN"
        click.echo(f"breakage {number} of {len(SABOTAGES)}: {detection.name}, {state}", err=True)
        yield detection


def _replay(seed: int) -> int:
    failed = play([seed]).failed
    for line in failed.get(seed, ("nothing was broken",)):
        click.echo(line)
    return len(failed)


def _complaints(figures: Figures) -> Iterator[str]:
    for seed in sorted(figures.failed)[:SHOWN_FAILURES]:
        yield f"  {replay_command(seed)}   # {figures.failed[seed][0]}"
    for line in figures.missing_marks():
        yield f"  came too seldom: {line}"


def _engine_rows(figures: Figures) -> Iterator[tuple[str, str]]:
    lost, saved = figures.unknown_answers, figures.unknown_commits
    amplification = measure_amplification(range(min(figures.seeds, AMPLIFICATION_SEEDS)), fault_rate=AMPLIFYING_RATE)
    broken = ", ".join(f"{promise}: {figures.broken[promise]:,}" for promise in PROMISES)
    yield "stories (seeds)", f"{figures.seeds:,}"
    yield "faults", f"{figures.faults:,}, of {len({fault for fault, _, _ in figures.marks.counts})} kinds"
    yield "faults that met a kind of call too seldom", f"{len(figures.missing_marks()):,}"
    yield "deaths of a process", f"{figures.crashes:,}"
    yield "calls", f"{figures.calls:,}"
    yield "answers that told nothing", f"{lost:,}, of which {saved / max(lost, 1):.0%} had been saved or were later"
    yield "seeds that broke a promise", f"{len(figures.failed):,} ({broken})"
    yield "writes of repeated runs", f"{figures.repeated_writes:,}"
    yield f"calls where {AMPLIFYING_RATE:.0%} of them fail, against none", f"{amplification:.2f} times"


def _fault_rows(figures: Figures) -> Rows:
    by_fault = Counter[tuple[str, str]]()
    for (fault, _, answer), count in figures.marks.counts.items():
        by_fault[fault, answer] += count
    return [(f"{fault}, {answer}", f"{n:,}") for (fault, answer), n in sorted(by_fault.items())]


def _baseline_rows() -> Iterator[tuple[str, str]]:
    for name, figures in compare_baselines(range(BASELINE_SEEDS)):
        broken = ", ".join(f"{invariant}: {count}" for invariant, count in sorted(figures.broken.items()))
        text = f"{len(figures.failed)} of {figures.seeds} seeds broke a promise ({broken})"
        yield f"for comparison, {name}", text


def _detection_row(detection: Detection) -> tuple[str, str]:
    state = f"{detection.median_seeds:g} seeds (median)" if detection.is_caught else "NOT CAUGHT"
    return detection.name, f"{state}, for example: {detection.example}"


def _detections_row(detections: Sequence[Detection]) -> tuple[str, str]:
    caught = [detection for detection in detections if detection.is_caught]
    slowest = max(caught, key=lambda detection: detection.median_seeds, default=None)
    words = f"{len(caught)} of {len(detections)} within {MAX_DETECTION_SEEDS:,} seeds"
    return (
        "breakages seen",
        words if slowest is None else f"{words}; the last ({slowest.name}) after {slowest.median_seeds:,.0f}",
    )


def _show_table(title: str, rows: Rows) -> None:
    click.echo(f"\n| {title} | |\n|---|---|")
    for name, text in rows:
        click.echo(f"| {name} | {text} |")
    click.echo()


if __name__ == "__main__":
    main()

"""Shows the figures: tables for people and one JSON object for programs. The arithmetic is in `measurements`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lead_pipeline_tests.bench.contestants import DESCRIPTIONS, Contestant
from lead_pipeline_tests.bench.enrichment_growth import EnrichmentSpeed, growth, medians
from lead_pipeline_tests.bench.measurements import (
    Result,
    RunMeasurement,
    compare,
    cpu_growth,
    marginal_cpu_ms,
)
from lead_pipeline_tests.bench.org_speed import OrgSpeed
from lead_pipeline_tests.bench.verdicts import Verdict

ABSENT = "-"


def print_results(console: Console, results: Sequence[Result]) -> None:
    """Print the comparison, the ratios and the second runs."""
    for contestant in dict.fromkeys(result.contestant for result in results):
        console.print(f"[bold]{contestant:<13}[/] {DESCRIPTIONS[contestant]}")
    for table in (_first_runs(results), _ratios(results), _second_runs(results)):
        if table.row_count:
            console.print(table)
    for line in _growth_lines(results):
        console.print(line)
    for result in results:
        for problem in result.problems:
            console.print(f"[red]{result.contestant} at {result.leads:,}:[/] {escape(problem)}")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place == 0 else "right")
    return table


def _first_runs(results: Sequence[Result]) -> Table:
    table = _table(
        "\nNew leads", "contestant", "leads", "calls", "start CPU s", "run CPU s", "CPU ms/lead", "Postgres CPU s",
        "wall s", "refused", "missing",
    )  # fmt: skip
    for result in results:
        run = result.first
        table.add_row(
            result.contestant,
            f"{result.leads:,}",
            f"{run.total_calls:,}",
            f"{run.startup_cpu_seconds:.2f}",
            f"{run.cpu_seconds:.2f}",
            f"{run.cpu_per_lead_ms(result.leads):.3f}",
            _shown(run.database_cpu_seconds),
            f"{run.wall_seconds:.1f}",
            f"{run.refused:,}",
            f"{result.missing:,}",
        )
    return table


def _ratios(results: Sequence[Result]) -> Table:
    table = _table("\nBeside the pipeline (= 1.0)", "contestant", "leads", "calls", "CPU per lead", "wall")
    for result in results:
        ratios = compare(results, result)
        if ratios:
            figures = (ratios.calls, ratios.cpu_per_lead, ratios.wall)
            table.add_row(result.contestant, f"{result.leads:,}", *(f"{figure:,.2f}" for figure in figures))
    return table


def _growth_lines(results: Sequence[Result]) -> Iterator[str]:
    for contestant in dict.fromkeys(result.contestant for result in results):
        growth, marginal = cpu_growth(results, contestant), marginal_cpu_ms(results, contestant)
        if growth is not None and marginal is not None:
            yield (
                f"{contestant}: one lead more costs {marginal:.3f} ms CPU; a lead at the largest size costs "
                f"{growth:.2f} times one at the smallest"
            )


def _second_runs(results: Sequence[Result]) -> Table:
    table = _table(
        "\nThe same rows again, after a rep corrected phones and addresses", "contestant", "leads", "calls",
        "CPU ms/lead", "wall s", "written", "refused", "duplicates", "rep's values", "overwritten",
    )  # fmt: skip
    for result in results:
        second = result.second
        if second is not None:
            table.add_row(
                result.contestant,
                f"{result.leads:,}",
                f"{second.run.total_calls:,}",
                f"{second.run.cpu_per_lead_ms(result.leads):.3f}",
                f"{second.run.wall_seconds:.1f}",
                f"{second.run.written:,}",
                f"{second.run.refused:,}",
                f"{second.duplicates:,}",
                f"{second.edits:,}",
                f"{second.edits_overwritten:,}",
            )
    return table


def print_routes(console: Console, results: Sequence[Result]) -> None:
    """Print the org's requests by route, for each run."""
    for result in results:
        runs = {"new leads": result.first} | ({"again": result.second.run} if result.second else {})
        for name, run in runs.items():
            table = _table(f"\n{result.contestant}, {result.leads:,} leads, {name}", "route", "calls")
            for route, calls in sorted(run.calls.items(), key=lambda item: (-item[1], item[0])):
                table.add_row(route, f"{calls:,}")
            console.print(table)


def print_org_speed(console: Console, speed: OrgSpeed) -> None:
    """Print the figures of the sandbox itself."""
    table = _table(f"\nThe emulated org with {speed.org_leads:,} leads", "figure", "measured")
    table.add_row("seeding, rows/s", f"{speed.load_rows_per_second:,.0f}")
    table.add_row("start, s", f"{speed.start_seconds:.2f}")
    table.add_row("query page of 2,000 rows, ms: median", f"{speed.query_page_ms:.0f}")
    table.add_row("query page of 2,000 rows, ms: slowest", f"{speed.slowest_query_page_ms:.0f}")
    table.add_row("Bulk ingest, rows/s", f"{speed.ingest_rows_per_second:,.0f}")
    table.add_row("single creates/s", f"{speed.creates_per_second:,.0f}")
    console.print(table)


def print_enrichment(console: Console, speeds: Sequence[EnrichmentSpeed]) -> None:
    """Print what enrichment costs a lead, and how that grows."""
    columns = ("leads", "calls", "credits", "CPU ms/lead", "of it database", "wall s")
    table = _table("\nEnrichment: selection, lookup, merge and plan", *columns)
    for speed in speeds:
        table.add_row(
            f"{speed.leads:,}",
            f"{speed.calls:,}",
            f"{speed.credits:,}",
            f"{speed.total_cpu_ms_per_lead:.3f}",
            f"{speed.database_cpu_seconds / speed.leads * 1_000:.3f}",
            f"{speed.wall_seconds:.1f}",
        )
    console.print(table)
    times, sizes = growth(speeds), medians(speeds)
    if times is not None:
        console.print(f"{sizes[-1].leads:,} leads take {times:.1f} times the CPU of {sizes[0].leads:,}, by medians")


def print_verdicts(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Print what is promised and whether it was kept."""
    console.print()
    for verdict in verdicts:
        console.print(f"[bold]{verdict.sentence}[/]")


def enrichment_json(speeds: Sequence[EnrichmentSpeed]) -> dict[str, Any]:
    """Return the figures of enrichment for the JSON line."""
    sizes = [asdict(speed) | {"total_cpu_ms_per_lead": speed.total_cpu_ms_per_lead} for speed in speeds]
    return {"sizes": sizes, "cpu_growth": growth(speeds)}


def to_json(results: Sequence[Result], speed: OrgSpeed | None, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return every figure as one JSON object."""
    contestants = dict.fromkeys(result.contestant for result in results)
    return {
        "results": [_result_json(results, result) for result in results],
        "cpu_growth": {contestant.value: _growth_json(results, contestant) for contestant in contestants},
        "org_speed": None if speed is None else asdict(speed),
        "verdicts": [asdict(verdict) | {"sentence": verdict.sentence} for verdict in verdicts],
    }


def _result_json(results: Sequence[Result], result: Result) -> dict[str, Any]:
    ratios, second = compare(results, result), result.second
    return {
        "contestant": result.contestant.value,
        "leads": result.leads,
        "missing": result.missing,
        "first": _run_json(result.first, leads=result.leads),
        "ratios": None if ratios is None else asdict(ratios),
        "second": None
        if second is None
        else {
            "run": _run_json(second.run, leads=result.leads),
            "duplicates": second.duplicates,
            "edits": second.edits,
            "edits_overwritten": second.edits_overwritten,
        },
    }


def _run_json(run: RunMeasurement, *, leads: int) -> Mapping[str, Any]:
    return asdict(run) | {"total_calls": run.total_calls, "cpu_per_lead_ms": run.cpu_per_lead_ms(leads)}


def _growth_json(results: Sequence[Result], contestant: Contestant) -> dict[str, float | None]:
    return {"ratio": cpu_growth(results, contestant), "marginal_ms_per_lead": marginal_cpu_ms(results, contestant)}


def _shown(seconds: float | None) -> str:
    return ABSENT if seconds is None else f"{seconds:.2f}"

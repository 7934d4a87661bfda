"""The run report and the progress of a run in a terminal. The numbers come from `domain/run_report`.

Colours and bars only where a person looks: piped output is plain text, in lines as long as the words need.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from lead_pipeline.apps.first_sync_lines import print_first_sync
from lead_pipeline.domain.run_report import GateLine, ReasonCount, RunReport, Verdict
from lead_pipeline.store.reports import BatchLine, ReportedRun

STYLE_BY_VERDICT = {Verdict.OK: "green", Verdict.ATTENTION: "yellow", Verdict.STOPPED: "red"}

#: Stage of a service -> words for the person who waits.
STAGE_TITLES = {
    "pull": "Pulling leads from Dievio",
    "directory": "Reading the Salesforce directory",
    "normalize": "Normalizing",
    "match": "Matching",
    "plan": "Planning",
    "write": "Writing to Salesforce",
    "read_back": "Reading back",
    "hand_over": "Handing over",
    "join_campaigns": "Adding to Campaigns",
}
BAR_WIDTH = 28
PIPED_WIDTH = 160  # columns; a file has no edge, and names that were cut cannot be searched for
SHOWN_IDS = 10  # of a failed gate; the rest is in the JSON


def open_console(*, is_quiet: bool = False) -> Console:
    """Return the console of standard output: as wide as the window, or wide enough when nobody looks.

    Args:
        is_quiet: Whether it says nothing at all.
    """
    console = Console(quiet=is_quiet)
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(quiet=is_quiet, width=PIPED_WIDTH)


def count_of(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 entry`, `1,408 writes`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


class TerminalProgress:
    """One bar per stage while a run works; a context manager. Satisfies `ProgressSink`."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=BAR_WIDTH),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing; the bars stay on the screen."""
        self._progress.stop()

    def report(self, stage: str, done: int, total: int) -> None:
        """Move the bar of a stage; the first call of a stage adds it."""
        task = self._tasks.get(stage)
        if task is None:
            task = self._progress.add_task(STAGE_TITLES.get(stage, stage), total=total)
            self._tasks[stage] = task
        self._progress.update(task, completed=done, total=total)


def print_report(console: Console, report: RunReport) -> None:
    """Print verdict, sum, funnel, gates, reasons and costs of a run."""
    style = STYLE_BY_VERDICT[report.verdict]
    console.print(
        Panel(
            f"[bold]{report.headline}[/bold]\n{report.conservation_line}",
            title=f"[bold {style}]{report.verdict.value.upper()}[/] Dievio to Salesforce, {report.batch_id}",
            title_align="left",
            border_style=style,
        )
    )
    console.print(_funnel(report))
    print_gates(console, report.gates, batch_id=report.batch_id)
    for alert in report.enrichment_alerts:
        console.print(f"[yellow]enrichment[/yellow] {alert}")
    for line in report.campaigns:
        code = f" {line.error_code}" if line.error_code else ""
        console.print(f"campaign {line.campaign_id}: {count_of(line.leads, 'lead')} {line.state}{code}")
    if report.first_sync is not None:
        print_first_sync(console, report.first_sync)
    console.print(_field_table(report))
    for title, reasons in (
        ("Review", report.review_reasons),
        ("Quarantine", report.quarantine_reasons),
        ("Skipped", report.skip_reasons),
    ):
        if reasons:
            console.print(_reason_table(title, reasons))
    console.print(
        f"\ncredits {report.credits:,} this run, {report.batch_credits:,} this day · "
        f"Salesforce calls {report.salesforce_calls:,} · commits {report.writes:,} · unknown {report.unknown:,} · "
        f"{report.duration_seconds:g} s · mapping {report.mapping_version}"
    )
    console.print(f"run {report.run_id}", highlight=False)  # what `log search` and `revert` ask for


def print_other_runs(console: Console, runs: Sequence[ReportedRun], *, shown: str) -> None:
    """Print the runs of the batch whose reports are not the one shown, the newest first, and how to see them."""
    others = [run for run in runs if run.run_id != shown]
    if not others:
        return
    console.print("\nother runs of this batch: lead-pipeline report --run ID", highlight=False)
    for run in others:
        console.print(f"  {run.made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC  {run.run_id}", highlight=False)


def print_block(console: Console, title: str, lines: Mapping[str, str]) -> None:
    """Print a title and sentences below each other: beside each other they have no room."""
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, words in lines.items():
        table.add_row(name, Text(words))
    console.print(Text(title, style="bold"))
    console.print(table)


def print_gates(console: Console, gates: Sequence[GateLine], *, batch_id: str) -> None:
    """Print every gate's answer, then for each that failed what is wrong, where, and what to do next."""
    table = _table(f"Gates of {batch_id}", ("", "name"), ("checked", "failed"))
    for gate in gates:
        table.add_row(_mark(gate), gate.name, f"{gate.checked:,}", f"{gate.count:,}")
    console.print(table)
    for gate in gates:
        if not gate.passed:
            console.print(f"{_mark(gate)} [bold]{gate.name}[/bold]: {gate.description}")
            if gate.failed_ids:
                more = " …" if gate.count > SHOWN_IDS else ""
                console.print(f"  ids: {', '.join(gate.failed_ids[:SHOWN_IDS])}{more}")
            console.print(f"  next: {gate.next_step}")


def batch_table(batches: Iterable[BatchLine]) -> Table:
    """Return the newest batches, one line each."""
    counts = ("rows", "created", "updated", "skipped", "review", "quarantine", "dead")
    table = _table("", ("batch", "source"), counts)
    table.add_column("state", no_wrap=True)
    for line in batches:
        outcomes = (line.created, line.updated, line.skipped, line.review, line.quarantined, line.dead_letter)
        numbers = (line.delivered, *outcomes)
        table.add_row(line.batch_id, line.source, *(f"{number:,}" for number in numbers), _state(line, sum(outcomes)))
    return table


def _state(line: BatchLine, settled: int) -> str:
    if line.failed_gates:
        return f"[red]{line.failed_gates} gates failed[/]"
    if not line.delivered:
        return "[yellow]nothing pulled[/]"
    if line.waiting:
        return f"[yellow]{line.waiting:,} wait[/]"
    return "[green]passed[/]" if settled == line.delivered else "[yellow]unfinished[/]"


def _mark(gate: GateLine) -> str:
    if gate.passed:
        return "[green]✓[/]"
    return "[red]✗[/]" if gate.is_blocking else "[yellow]![/]"


def _table(title: str, names: Iterable[str], numbers: Iterable[str]) -> Table:
    """Return an empty table: columns of words, which are never cut, then columns of numbers."""
    heading = f"\n{title}" if title else None
    table = Table(title=heading, title_justify="left", box=None, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _funnel(report: RunReport) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    rows = (
        ("created", report.created, "green"),
        ("updated", report.updated, "green"),
        ("skipped", report.skipped, "bright_black"),
        ("review", report.review, "magenta"),
        ("quarantine", report.quarantined, "red"),
        ("dead letter", report.dead_letter, "red"),
    )
    largest = max(count for _, count, _ in rows) or 1
    for name, count, style in rows:
        table.add_row(name, f"{count:,}", f"[{style}]{'█' * round(BAR_WIDTH * count / largest)}[/]")
    return table


def _field_table(report: RunReport) -> Table:
    table = _table("Fields", ("field", "policy"), ("at creation", "blank filled", "updated", "kept, rep's", "refused"))
    for line in report.field_lines:
        numbers = (line.set_at_creation, line.filled_blank, line.updated, line.kept_rep_value, line.refused)
        if any(numbers):
            table.add_row(line.field, line.policy, *(f"{number:,}" for number in numbers))
    return table


def _reason_table(title: str, reasons: Iterable[ReasonCount]) -> Table:
    table = _table(title, (title,), ("rows",))
    table.show_header = False
    for reason in reasons:
        table.add_row(reason.code, f"{reason.count:,}")
    return table

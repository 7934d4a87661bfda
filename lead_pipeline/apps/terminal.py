"""The run report and the progress of a run in a terminal. The numbers come from `domain/run_report`.

Colours and bars only where a person looks: piped output is plain text.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from lead_pipeline.domain.run_report import GateLine, ReasonCount, RunReport, Verdict
from lead_pipeline.store.reports import BatchLine

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
}
BAR_WIDTH = 28


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
    console.print(gate_table(report.gates))
    console.print(_field_table(report))
    for title, reasons in (
        ("Review", report.review_reasons),
        ("Quarantine", report.quarantine_reasons),
        ("Skipped", report.skip_reasons),
    ):
        if reasons:
            console.print(_reason_table(title, reasons))
    console.print(
        f"credits {report.credits:,} this run, {report.batch_credits:,} this day · "
        f"Salesforce calls {report.salesforce_calls:,} · commits {report.writes:,} · unknown {report.unknown:,} · "
        f"{report.duration_seconds:g} s · mapping {report.mapping_version}"
    )


def gate_table(gates: Iterable[GateLine]) -> Table:
    """Return the gates with their answers, the failed ones with the next step."""
    table = Table(title="Gates", title_justify="left", box=None, pad_edge=False)
    for name in ("", "gate", "checked", "failed", "in words"):
        table.add_column(name, justify="right" if name in {"checked", "failed"} else "left", overflow="fold")
    for gate in gates:
        mark = "[green]✓[/]" if gate.passed else ("[red]✗[/]" if gate.is_blocking else "[yellow]![/]")
        words = gate.description if gate.passed else f"{gate.description}\nNext: {gate.next_step}"
        table.add_row(mark, gate.name, f"{gate.checked:,}", f"{gate.count:,}", words)
    return table


def batch_table(batches: Iterable[BatchLine]) -> Table:
    """Return the newest batches, one line each."""
    table = Table(box=None, pad_edge=False)
    columns = ("batch", "source", "delivered", "created", "updated", "skipped", "review", "quarantine", "dead", "gates")
    for name in columns:
        table.add_column(name, justify="left" if name in {"batch", "source", "gates"} else "right")
    for line in batches:
        numbers = (line.delivered, line.created, line.updated, line.skipped, line.review, line.quarantined)
        gates = f"[red]{line.failed_gates} failed[/]" if line.failed_gates else "[green]passed[/]"
        table.add_row(line.batch_id, line.source, *(f"{number:,}" for number in (*numbers, line.dead_letter)), gates)
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
    table = Table(title="Fields", title_justify="left", box=None, pad_edge=False)
    for name in ("field", "policy", "at creation", "filled blank", "updated", "kept, rep's", "refused"):
        table.add_column(name, justify="left" if name in {"field", "policy"} else "right")
    for line in report.field_lines:
        numbers = (line.set_at_creation, line.filled_blank, line.updated, line.kept_rep_value, line.refused)
        if any(numbers):
            table.add_row(line.field, line.policy, *(f"{number:,}" for number in numbers))
    return table


def _reason_table(title: str, reasons: Iterable[ReasonCount]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for reason in reasons:
        table.add_row(reason.code, f"{reason.count:,}")
    return table

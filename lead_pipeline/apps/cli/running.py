"""Commands that run the nightly job: once, for a range of days, or as the demo on the sandbox."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import click

from lead_pipeline.apps.demo_history import remember_earlier_sync
from lead_pipeline.apps.nightly import NightlyRun, open_instance, require_partition, run_nightly
from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.apps.terminal import STYLE_BY_VERDICT, TerminalProgress, open_console, print_report
from lead_pipeline.connections import Connections
from lead_pipeline.domain.run_report import RunReport
from lead_pipeline.domain.sampling import DEFAULT_SAMPLE_LEADS, ScopeKind
from lead_pipeline.errors import ConfigurationError, GateClosedError, UnknownBatchError
from lead_pipeline.local_servers import sandbox_addresses, sandbox_filled_on
from lead_pipeline.services.choose_leads import EVERYTHING, ScopeStep
from lead_pipeline.services.report import build_report
from lead_pipeline.settings import Settings, load_settings
from lead_pipeline.store.reports import read_newest_batch_id

PARTIAL_EXIT_CODE = 5  # with --strict: people have something left to decide
ONE_DAY = timedelta(days=1)


@click.command()
@click.option("--date", "batch_id", help="Day to materialize, YYYY-MM-DD; default: yesterday (UTC).")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--repull", "is_repull", is_flag=True, help="Buy the day's pages again. Costs credits.")
@click.option("--strict", "is_strict", is_flag=True, help="Exit 5 when review items or dead letters are left.")
@click.option(
    "--sample",
    "sample_leads",
    is_flag=False,
    flag_value=DEFAULT_SAMPLE_LEADS,
    type=click.IntRange(min=1),
    help=f"Let only so many leads through, chosen to show every search and edge case; alone: {DEFAULT_SAMPLE_LEADS}.",
)
@click.option(
    "--limit", "further_leads", type=click.IntRange(min=1), help="Let only so many more leads through, in order."
)
@click.pass_context
def run(
    context: click.Context,
    *,
    batch_id: str | None,
    is_json: bool,
    is_repull: bool,
    is_strict: bool,
    sample_leads: int | None,
    further_leads: int | None,
) -> None:
    """Run the nightly job for one day. Safe to repeat: nothing is written or bought twice.

    The first sync of an org: --sample 200, look at the comparison in the report, --limit 2000, then without either.

    Example: lead-pipeline run --date 2026-11-20 --json
    """
    step = choose_step(sample_leads, further_leads)
    settings = load_settings()
    batch_id = require_partition(batch_id or yesterday())
    announce_sandboxes(settings)
    ended, report = _run_day(settings, batch_id, is_json=is_json, is_repull=is_repull, step=step)
    _tell_result(ended, report, is_json=is_json)
    is_partial = report is not None and bool(report.review or report.dead_letter)
    is_unsound = report is not None and report.first_sync is not None and not report.first_sync.is_sound
    exit_code = ended.exit_code or (GateClosedError.exit_code if is_unsound else 0)
    context.exit(exit_code or (PARTIAL_EXIT_CODE if is_strict and is_partial else 0))


@click.command(short_help="Run the nightly job for every day of a range.")
@click.option("--from", "first", required=True, help="First day, YYYY-MM-DD.")
@click.option("--to", "last", required=True, help="Last day, YYYY-MM-DD.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def backfill(context: click.Context, *, first: str, last: str, is_json: bool) -> None:
    """Run the nightly job for every day of a range, oldest first; a failed day does not stop the others.

    Example: lead-pipeline backfill --from 2026-11-18 --to 2026-11-20
    """
    settings = load_settings()
    days = days_between(require_partition(first, option="--from"), require_partition(last, option="--to"))
    announce_sandboxes(settings)
    results = [_run_day(settings, day, is_json=is_json, is_repull=False) for day in days]
    if is_json:
        reports = [report.to_summary() for _, report in results if report is not None]
        click.echo(json.dumps({"days": reports}, indent=2))
    for ended, report in results:
        _tell_errors(ended)
        if not is_json and report is not None:
            verdict = f"[{STYLE_BY_VERDICT[report.verdict]}]{report.verdict.value:<10}[/]"
            open_console().print(f"{verdict} {report.batch_id}  {report.conservation_line}")
    context.exit(max(ended.exit_code for ended, _ in results))


@click.command(short_help="Run one night on the sandbox and print its report.")
@click.option("--date", "batch_id", help="Day to materialize; default: the demo's first day, else yesterday (UTC).")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def demo(context: click.Context, *, batch_id: str | None, is_json: bool) -> None:
    """Start the sandbox, run the nightly job through Dagster and print the run report.

    Run it again: the same day is materialized again, and nothing is written or bought a second time.

    Example: lead-pipeline demo
    """
    settings = load_settings()
    if not (settings.is_dievio_sandbox and settings.is_salesforce_sandbox):
        raise ConfigurationError(
            "demo",
            what="DIEVIO_BASE_URL or SALESFORCE_INSTANCE_URL names a real system",
            repair="Unset both for the demo, or use `lead-pipeline run` for that system",
        )
    chosen = require_partition(batch_id) if batch_id else None
    announce_sandboxes(settings)
    first = _prepare_demo(settings)
    ended, report = _run_day(settings, chosen or first, is_json=is_json, is_repull=False)
    _tell_result(ended, report, is_json=is_json)
    if not is_json and ended.is_success:
        click.echo("Next: lead-pipeline report --html report.html · lead-pipeline ui · lead-pipeline demo (again)")
    context.exit(ended.exit_code)


def yesterday() -> str:
    """Return the newest complete UTC day."""
    return (datetime.now(UTC) - ONE_DAY).strftime("%Y-%m-%d")


def days_between(first: str, last: str) -> list[str]:
    """Return every day from `first` to `last`, both included.

    Raises:
        ConfigurationError: The range is the wrong way round.
    """
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    if end < start:
        raise ConfigurationError("--from/--to", what=f"{first} lies after {last}", repair="Swap the two days")
    return [(start + ONE_DAY * step).isoformat() for step in range((end - start).days + 1)]


def _prepare_demo(settings: Settings) -> str:
    """Return the demo's day: the one it ran before, else yesterday, with the memory of an earlier sync imported."""
    sandbox_addresses(settings)
    with Connections(settings) as connections:
        with connections.database.transaction() as connection:
            newest = read_newest_batch_id(connection)
        if newest is None and (filled_on := sandbox_filled_on(settings)):
            remember_earlier_sync(connections.database, filled_on=filled_on)
    return newest or yesterday()


def choose_step(sample_leads: int | None, further_leads: int | None) -> ScopeStep:
    """Return how far a run lets its batch through.

    Raises:
        UsageError: Two steps were named.
    """
    if sample_leads and further_leads:
        raise click.UsageError("--sample and --limit are two steps: take one after the other")
    if sample_leads:
        return ScopeStep(kind=ScopeKind.SAMPLE, size=sample_leads)
    return ScopeStep(kind=ScopeKind.LIMIT, size=further_leads) if further_leads else EVERYTHING


def _run_day(
    settings: Settings, batch_id: str, *, is_json: bool, is_repull: bool, step: ScopeStep = EVERYTHING
) -> tuple[NightlyRun, RunReport | None]:
    console = open_console(is_quiet=is_json)
    with open_instance(settings) as instance, TerminalProgress(console) as progress:
        ended = run_nightly(
            settings,
            instance,
            batch_id=batch_id,
            progress=progress,
            actor="command line",
            is_repull=is_repull,
            step=step,
        )
    return ended, _make_report(settings, ended)


def _make_report(settings: Settings, ended: NightlyRun) -> RunReport | None:
    """Make the report also of a run that a gate or an error stopped; None when it stopped before its batch began."""
    with Connections(settings) as connections:
        try:
            return build_report(
                connections.database,
                batch_id=ended.batch_id,
                run_id=ended.run_id,
                started_at=ended.started_at,
                now=connections.now,
                read_mappings=lambda: connections.config.mappings,
            )
        except UnknownBatchError:
            return None


def _tell_errors(ended: NightlyRun) -> None:
    for message in ended.errors:
        click.echo(f"error: {message}", err=True)


def _tell_result(ended: NightlyRun, report: RunReport | None, *, is_json: bool) -> None:
    """Print the report. After an error the error alone: `report` shows how far the run came."""
    if report is not None and is_json:
        click.echo(json.dumps(report.to_summary(), indent=2))
    elif report is not None and not ended.errors:
        print_report(open_console(), report)
    _tell_errors(ended)
    if report is not None and is_json:
        for gate in report.failed_gates:
            click.echo(f"error: gate {gate.name}: {gate.description} Next: {gate.next_step}", err=True)

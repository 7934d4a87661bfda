"""Commands that only read: what the batches did, which gates passed, the report of one.

They open the database alone, so that they answer within a second and also while a system is down.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import psycopg

from lead_pipeline.apps.cli.options import COUNT, check_batch
from lead_pipeline.apps.roi_lines import print_roi
from lead_pipeline.apps.terminal import batch_table, open_console, print_gates, print_other_runs, print_report
from lead_pipeline.domain.run_report import RunReport
from lead_pipeline.errors import GateClosedError, UnknownBatchError, UnknownReportError
from lead_pipeline.local_servers import database_address
from lead_pipeline.settings import load_settings
from lead_pipeline.store import enrichment_measures, reports
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations
from lead_pipeline.store.reports import StoredReport

DEFAULT_BATCHES = 14  # two weeks of nights


@click.command(short_help="List the newest batches: outcomes and gates.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option("--most", type=COUNT, default=DEFAULT_BATCHES, show_default=True, help="How many batches to list.")
def status(*, is_json: bool, most: int) -> None:
    """List the newest batches: where their rows ended and whether their gates passed.

    Example: lead-pipeline status --most 7
    """
    with _open_database() as connection:
        batches = reports.list_batches(connection, most=most)
    if is_json:
        click.echo(json.dumps({"batches": [asdict(line) for line in batches]}, default=str, indent=2))
    elif batches:
        open_console().print(batch_table(batches))
    else:
        click.echo("No batch yet. Start with `lead-pipeline demo`, or `lead-pipeline run`")


@click.command(short_help="Show every gate of one batch; exit code 3 if one is red.")
@click.option("--date", "batch_id", callback=check_batch, help="Day of the batch, YYYY-MM-DD; default: the newest.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def gates(context: click.Context, *, batch_id: str | None, is_json: bool) -> None:
    """Show the answer of every gate of one batch; exit code 3 when a blocking one failed.

    Example: lead-pipeline gates --date 2026-11-20
    """
    with _open_database() as connection:
        batch_id = batch_id or _require_newest(reports.read_newest_batch_id(connection))
        lines = reports.read_gate_lines(connection, batch_id)
    if not lines:
        raise UnknownBatchError(batch_id)
    if is_json:
        click.echo(json.dumps({"batch_id": batch_id, "gates": [asdict(line) for line in lines]}, indent=2))
    else:
        print_gates(open_console(), lines, batch_id=batch_id)
    if any(line.is_blocking and not line.passed for line in lines):
        context.exit(GateClosedError.exit_code)


@click.command(short_help="Show the report of one batch or run, or write its page.")
@click.option("--date", "batch_id", callback=check_batch, help="Day of the batch, YYYY-MM-DD; default: the newest.")
@click.option("--run", "run_id", help="Id of one run of a day that had several; default: the newest run of the batch.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option("--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to this file.")
def report(*, batch_id: str | None, run_id: str | None, is_json: bool, page: Path | None) -> None:
    """Show the newest report of one batch and what enrichment was worth by then, or write their page.

    A repeated night, an answered question and a replay each make a report of their own; --run shows an earlier one.

    Example: lead-pipeline report --date 2026-11-20 --html report.html
    """
    if batch_id and run_id:
        raise click.UsageError("--date and --run name one report each. Give one of them")
    with _open_database() as connection:
        stored = _read_report(connection, batch_id=batch_id, run_id=run_id)
        roi = enrichment_measures.find_roi(connection, stored.batch_id)
        runs = reports.list_reported_runs(connection, stored.batch_id)
    if page is not None:
        page.write_text(stored.html, "utf-8")
        click.echo(f"wrote {page}")
    if is_json:
        worth = {} if roi is None else {"enrichment": roi.to_summary()}
        told = [asdict(run) for run in runs]
        click.echo(json.dumps({**stored.summary, **worth, "runs": told}, default=str, indent=2))
    elif page is None:
        console = open_console()
        print_report(console, RunReport.from_summary(stored.summary))
        if roi is not None:
            print_roi(console, roi)
        print_other_runs(console, runs, shown=stored.run_id)


def _read_report(connection: psycopg.Connection[Any], *, batch_id: str | None, run_id: str | None) -> StoredReport:
    """Return the report of a run, else the newest one of a batch, else that of the newest batch.

    Raises:
        UnknownReportError: The run made none.
        UnknownBatchError: There is no such batch, or none at all.
    """
    if run_id is not None:
        stored = reports.read_run_report(connection, run_id)
        if stored is None:
            raise UnknownReportError(run_id)
        return stored
    batch_id = batch_id or _require_newest(reports.read_newest_batch_id(connection))
    stored = reports.read_latest_report(connection, batch_id)
    if stored is None:
        raise UnknownBatchError(batch_id)
    return stored


@contextmanager
def _open_database() -> Iterator[psycopg.Connection[Any]]:
    database = Database(database_address(load_settings()))
    apply_migrations(database)
    with database.transaction() as connection:
        yield connection
    database.close()


def _require_newest(batch_id: str | None) -> str:
    """Return the newest batch.

    Raises:
        UnknownBatchError: There is none yet.
    """
    if batch_id is None:
        raise UnknownBatchError("yet")
    return batch_id

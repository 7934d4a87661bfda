"""Clearing up after processes that died, for those who do not run Dagster's daemon."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import click

from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.apps.terminal import count_of
from lead_pipeline.connections import Connections
from lead_pipeline.services.recover import SILENT_TIME, RecoverySummary, recover
from lead_pipeline.services.writing.ports import WriteTools
from lead_pipeline.settings import load_settings


@click.command("recover", short_help="Settle what dead processes left open.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def recover_command(*, is_json: bool) -> None:
    """Free the claims of dead processes and settle their open writes by reading; nothing is sent again.

    `recover_sensor` does the same every 30 seconds where Dagster's daemon runs. Safe at any time: what a living run
    holds is left to it.

    Example: lead-pipeline recover
    """
    settings = load_settings()
    announce_sandboxes(settings)
    with Connections(settings) as connections:
        summary = recover(
            connections.database,
            lambda: connections.salesforce,
            WriteTools(now=connections.now, wait=time.sleep),
            run_id="recovery",
        )
    if is_json:
        click.echo(json.dumps(asdict(summary), indent=2))
    else:
        _print_summary(summary)


def _print_summary(summary: RecoverySummary) -> None:
    freed, settled = len(summary.leases_freed), summary.writes_settled
    click.echo(
        f"{count_of(freed, 'claim')} freed, {count_of(settled, 'write')} settled by reading, "
        f"{summary.writes_open:,} still open"
    )
    if summary.writes_open:
        silent = SILENT_TIME.total_seconds()
        click.echo(
            f"What is open belongs to a living run, to one that died less than {silent:.0f} seconds ago, or waits"
        )
        click.echo("for a Bulk job or for Salesforce. next: lead-pipeline recover again in some minutes")
    elif not summary.did_anything:
        click.echo("There was nothing to clear up.")

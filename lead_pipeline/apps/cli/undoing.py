"""Undoing a run: every field goes back where the record still holds what the run wrote."""

from __future__ import annotations

import getpass
import json
import time
from dataclasses import asdict
from uuid import uuid4

import click
from rich.console import Console

from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.apps.terminal import count_of, open_console
from lead_pipeline.connections import Connections
from lead_pipeline.domain.reverting import TAG_FIELD
from lead_pipeline.services.revert import RevertSummary, preview_revert, revert_run
from lead_pipeline.services.writing.ports import WriteTools
from lead_pipeline.settings import load_settings

PARTIAL_EXIT_CODE = 1  # something that should have gone back did not


@click.command()
@click.option("--run", "reverted_run_id", required=True, help="Id of the run to undo; `log search` shows it.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would go back and write nothing.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def revert(context: click.Context, *, reverted_run_id: str, is_dry_run: bool, is_json: bool) -> None:
    """Put back what a run wrote, where nobody touched it since. Records it created are noted, never deleted.

    Mend the mapping or the source first: the next run writes by the mapping as it then is.

    Example: lead-pipeline revert --run 3f1c0a9e-... --dry-run
    """
    settings = load_settings()
    announce_sandboxes(settings)
    with Connections(settings) as connections:
        if is_dry_run:
            summary = preview_revert(
                connections.database, connections.salesforce, reverted_run_id=reverted_run_id, now=connections.now
            )
        else:
            summary = revert_run(
                connections.database,
                connections.salesforce,
                WriteTools(now=connections.now, wait=time.sleep),
                reverted_run_id=reverted_run_id,
                run_id=f"revert-{uuid4()}",
                actor=f"command line ({getpass.getuser()})",
            )
    if is_json:
        click.echo(json.dumps(asdict(summary), indent=2))
    else:
        _print_summary(open_console(), summary)
    context.exit(PARTIAL_EXIT_CODE if summary.fields_refused or summary.stopped_reason else 0)


def _print_summary(console: Console, summary: RevertSummary) -> None:
    verb = "would go back" if summary.is_dry_run else "went back"
    lines = [
        f"{summary.fields_put_back:>7,}  fields of {count_of(summary.records_changed, 'record')} {verb}",
        f"{summary.fields_changed_since:>7,}  left, because somebody changed them since",
        f"{summary.fields_already_back:>7,}  hold the old value already",
        f"{summary.fields_left:>7,}  left, because the record is deleted, the field hidden or no old value kept",
        f"{summary.fields_refused:>7,}  refused by Salesforce",
        f"{len(summary.created_records):>7,}  records were created by the run; none is deleted",
        f"{summary.tagged_records:>7,}  of them {'would get' if summary.is_dry_run else 'got'} a note in {TAG_FIELD}",
    ]
    if summary.memberships_left:
        lines.append(
            f"{len(summary.memberships_left):>7,}  memberships in Campaigns were made by the run; none is taken away"
        )
    if summary.is_dry_run and (summary.fields_put_back or summary.tagged_records):
        lines.append("nothing was written · next: the same command without --dry-run")
    elif not (summary.fields_put_back or summary.tagged_records or summary.fields_refused):
        lines.append("nothing is left to undo")
    if summary.run_id:
        lines.append(f"the undoing is in the log: lead-pipeline log search --run {summary.run_id}")
    if summary.stopped_reason:
        lines.append(f"stopped early: {summary.stopped_reason}")
    for line in lines:
        console.print(line, markup=False, highlight=False)

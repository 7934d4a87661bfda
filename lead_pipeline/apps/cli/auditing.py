"""The audit: our books held against the org, by the same rules as tests and gates."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict

import click

from lead_pipeline.apps.cli.options import check_batch
from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.apps.terminal import count_of
from lead_pipeline.connections import Connections
from lead_pipeline.domain.invariants import Invariant
from lead_pipeline.local_servers import sandbox_commits
from lead_pipeline.services.audit import AuditSummary, audit
from lead_pipeline.services.refresh_directory import changed_since
from lead_pipeline.settings import load_settings

MOST_LINES = 20  # violations shown of each promise; --json has all
VIOLATED_EXIT_CODE = 1


@click.command("audit", short_help="Hold our books against the org.")
@click.option(
    "--date",
    "batch_id",
    callback=check_batch,
    help="Day of the batch, YYYY-MM-DD; default: every batch whose log is still kept.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def audit_command(context: click.Context, *, batch_id: str | None, is_json: bool) -> None:
    """Hold our books against the org: conservation, one record per person, policies, log, credits, links.

    Exit code 1 when a promise is broken.

    Example: lead-pipeline audit --date 2026-11-20
    """
    settings = load_settings()
    announce_sandboxes(settings)
    journal = sandbox_commits(settings) if settings.is_salesforce_sandbox else None
    with Connections(settings) as connections:
        changed_since(
            connections.database,
            connections.salesforce,
            fields_by_object=connections.config.fields_by_object,
            now=connections.now,
        )
        summary = audit(
            connections.database,
            connections.salesforce,
            connections.config.mappings,
            now=connections.now,
            journal=journal,
            batch_id=batch_id,
        )
    if is_json:
        click.echo(json.dumps(asdict(summary), indent=2))
    else:
        _print_summary(summary)
    context.exit(VIOLATED_EXIT_CODE if summary.violations else 0)


def _print_summary(summary: AuditSummary) -> None:
    if not summary.rows:
        click.echo("Nothing was held against the org: no row of a batch fits, and the log is kept 90 days.")
        return
    source = "its journal" if summary.has_journal else "its records"
    click.echo(
        f"{count_of(len(summary.batch_ids), 'batch', 'batches')}, {count_of(summary.rows, 'row')} and "
        f"{count_of(summary.writes, 'write')} held against the org by {source} ({count_of(summary.commits, 'commit')})"
    )
    counts = Counter(violation.invariant for violation in summary.violations)
    for invariant in Invariant:
        title = invariant.name.lower().replace("_", " ")
        click.echo(f"{invariant.value:<4} {title:<14} {counts[invariant] or 'holds'}")
        own = [violation for violation in summary.violations if violation.invariant is invariant]
        for violation in own[:MOST_LINES]:
            click.echo(f"     {violation.subject}: {violation.what}")
    if not summary.violations:
        click.echo("every promise holds")
    else:
        broken = count_of(len(summary.violations), "violation")
        click.echo(f"{broken} · next: lead-pipeline explain ID tells what happened to a lead or record")

"""The dry run: what `run` would do to Salesforce and what it would cost. Writes nothing and buys nothing."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from lead_pipeline.apps.cli.running import yesterday
from lead_pipeline.apps.nightly import require_partition
from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.apps.terminal import open_console
from lead_pipeline.connections import Connections
from lead_pipeline.services.enriching.budgeting import Preview, preview_enrichment
from lead_pipeline.services.forecast import PullForecast, forecast_pull
from lead_pipeline.services.match import match_batch
from lead_pipeline.services.normalize import normalize_batch
from lead_pipeline.services.plan import PlanSummary, plan_batch
from lead_pipeline.services.refresh_directory import refresh_directory
from lead_pipeline.settings import load_settings

CHANGES_EXIT_CODE = 2


@click.command()
@click.option("--date", "batch_id", help="Day to plan, YYYY-MM-DD; default: yesterday (UTC).")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def plan(context: click.Context, *, batch_id: str | None, is_json: bool) -> None:
    """Show what `run` would do and cost. Exit code 2 when it would change anything.

    Works on the pages that are already stored; what is not yet bought is shown as the credits it would cost.

    Example: lead-pipeline plan --date 2026-11-20
    """
    settings = load_settings()
    announce_sandboxes(settings)
    with Connections(settings) as connections:
        batch_id = require_partition(batch_id or yesterday())
        forecast = forecast_pull(connections.database, connections.config.segments, batch_id=batch_id)
        summary = _plan_stored_pages(connections, batch_id) if forecast.stored_rows else None
        lookups = _preview_lookups(connections, batch_id) if forecast.stored_rows else None
    if is_json:
        shown = {"pull": asdict(forecast), "enrichment": _lookups_as_json(lookups), "plan": _as_json(summary)}
        click.echo(json.dumps({"batch_id": batch_id, **shown}, indent=2))
    else:
        _print_plan(open_console(), batch_id, forecast, summary)
        _print_lookups(open_console(), lookups)
    has_lookups = lookups is not None and lookups.credits_at_most > 0
    has_changes = forecast.credits > 0 or has_lookups or (summary is not None and summary.has_work)
    context.exit(CHANGES_EXIT_CODE if has_changes else 0)


def _plan_stored_pages(connections: Connections, batch_id: str) -> PlanSummary:
    refresh_directory(
        connections.database,
        connections.salesforce,
        fields_by_object=connections.config.fields_by_object,
        now=connections.now,
    )
    normalize_batch(
        connections.database,
        connections.config.source,
        owners=connections.config.owners,
        batch_id=batch_id,
        now=connections.now,
        org_vocabulary=connections.org_vocabulary(),
    )
    match_batch(connections.database, connections.config.matching, batch_id=batch_id, now=connections.now)
    config = connections.config
    return plan_batch(
        connections.database,
        config.mappings,
        batch_id=batch_id,
        now=connections.now,
        companies=config.companies,
        campaigns=config.campaigns,
    )


def _preview_lookups(connections: Connections, batch_id: str) -> Preview | None:
    """Return whom a run would look up before it plans; None where no provider is configured."""
    providers = connections.enrichment_providers()
    if not providers:
        return None
    return preview_enrichment(
        connections.database,
        connections.config.enrichment,
        next(iter(providers.values())).capabilities,
        batch_id=batch_id,
        now=connections.now,
    )


def _lookups_as_json(lookups: Preview | None) -> dict[str, int] | None:
    if lookups is None:
        return None
    return {"people": len(lookups.people), "calls": lookups.calls, "credits_at_most": lookups.credits_at_most}


def _print_lookups(console: Console, lookups: Preview | None) -> None:
    """Say what this plan leaves out: a run asks providers first, and plans with what they answer."""
    if lookups is None or not lookups.people:
        return
    console.print(
        f"A run looks up {len(lookups.people):,} people first: {lookups.calls:,} calls, at most "
        f"{lookups.credits_at_most:,} credits. What is found fills more fields than this plan shows · "
        f"lead-pipeline enrich preview --date {lookups.batch_id}"
    )


def _as_json(summary: PlanSummary | None) -> dict[str, object] | None:
    return None if summary is None else dict(summary.as_metadata())


def _print_plan(console: Console, batch_id: str, forecast: PullForecast, summary: PlanSummary | None) -> None:
    console.print(f"[bold]Plan for {batch_id}[/bold] · nothing is written, nothing is bought")
    table = Table(box=None, pad_edge=False)
    for name in ("segment", "stored rows", "pages to buy", "credits at most"):
        table.add_column(name, justify="left" if name == "segment" else "right")
    for line in forecast.segments:
        table.add_row(line.segment, f"{line.stored_rows:,}", f"{line.pages:,}", f"{line.credits:,}")
    console.print(table)
    if summary is None:
        console.print(
            "No page of this day is stored yet, so nothing can be said about single leads before buying · next: "
            f"lead-pipeline run --date {batch_id} --sample 200"
        )
        return
    if not sum(summary.open_decisions.values()) and not forecast.credits and not summary.memberships:
        settled = sum(summary.decisions.values())
        console.print(f"Nothing is left to do: all {settled:,} leads of this day have their outcome.")
        return
    for name, value in summary.as_metadata().items():
        console.print(f"{name:<34} {value:,}" if isinstance(value, int) else f"{name:<34} {value}")

"""Commands around enrichment: what it would ask, where its budget stands, and looking records of the org up again."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click
from rich.table import Table

from lead_pipeline.apps.cli.options import check_batch
from lead_pipeline.apps.cli.running import yesterday
from lead_pipeline.apps.enrichment_tables import print_preview, print_profile
from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.apps.terminal import open_console
from lead_pipeline.connections import Connections
from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.normalize.linkedin import read_linkedin
from lead_pipeline.errors import ConfigurationError, GateClosedError, UnknownSubjectError
from lead_pipeline.services.enriching.budgeting import preview_enrichment, report_budget
from lead_pipeline.services.enriching.profiles import look_up_profile
from lead_pipeline.services.enriching.refreshing import (
    RefreshSummary,
    finish_unfinished,
    look_up_one,
    refresh_stale_records,
    retry_parked,
)
from lead_pipeline.settings import load_settings
from lead_pipeline.transport.retries import REALTIME_RETRIES

_NEXT_STEPS = {
    Outcome.DEAD_LETTER: "Not written: `lead-pipeline dlq list` says why, `lead-pipeline dlq retry` tries again",
    Outcome.REVIEW: "Somebody has to decide: `lead-pipeline review list`",
}


@click.group()
def enrich() -> None:
    """Look people up within the credit budget.

    Example: lead-pipeline enrich budget
    """


@enrich.command(short_help="Show who would be looked up, why, and the cost.")
@click.option("--date", "batch_id", callback=check_batch, help="Day to look at, YYYY-MM-DD; default: yesterday (UTC).")
@click.option("--who", "has_people", is_flag=True, help="Also list the people: our id, the reason, what is wanted.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
def preview(*, batch_id: str | None, has_people: bool, is_json: bool) -> None:
    """Show who of a normalized day would be looked up, why, and what it can cost. Spends nothing.

    Of a day that was carried out it shows what was decided.

    Example: lead-pipeline enrich preview --date 2026-11-20
    """
    settings = load_settings()
    with Connections(settings) as connections:
        providers = connections.enrichment_providers()
        if not providers:
            raise ConfigurationError("enrichment.yaml: providers", what="names nobody", repair="Name dievio")
        shown = preview_enrichment(
            connections.database,
            connections.config.enrichment,
            next(iter(providers.values())).capabilities,
            batch_id=batch_id or yesterday(),
            now=connections.now,
        )
    print_preview(shown, has_people=has_people, is_json=is_json)


@enrich.command(short_help="Show today's limits, use and forecast of credits.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
def budget(*, is_json: bool) -> None:
    """Show today's limits, what is used, the forecast, and what was spent on what we knew already.

    Example: lead-pipeline enrich budget --json
    """
    settings = load_settings()
    with Connections(settings) as connections:
        report = report_budget(connections.database, connections.config.enrichment, now=connections.now)
    if is_json:
        click.echo(json.dumps({**asdict(report), "forecast_credits": report.forecast_credits}, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("budget of", "used", "limit", "state"):
        table.add_column(name, justify="right" if name in {"used", "limit"} else "left")
    for line in report.lines:
        limit = "-" if line.limit is None else f"{line.limit:,}"
        table.add_row(line.subject, f"{line.used:,}", limit, line.state.value.replace("_", " "))
    console = open_console()
    console.print(table)
    console.print(
        f"forecast for today with {report.stale_records:,} stale records: {report.forecast_credits:,} credits\n"
        f"spent on what we knew already: {report.known_credits:,} · on answers that were lost: "
        f"{report.uncertain_credits:,}"
    )
    for line in report.lines:
        if line.advice:
            console.print(f"[yellow]{line.advice}[/]")


@enrich.command()
@click.option("--linkedin", "linkedin_url", help="Address of the person's LinkedIn profile.")
@click.option("--lead", "dievio_lead_id", help="Our id of the person.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
def one(*, linkedin_url: str | None, dievio_lead_id: str | None, is_json: bool) -> None:
    """Look one person up now, whatever audience and age say. At most 2 credits.

    What is new about a person of the org is written to the record. A profile that no record carries is only shown, with
    what it cost: personal data, and nothing is written.

    Example: lead-pipeline enrich one --linkedin https://www.linkedin.com/in/jane-doe
    """
    if (linkedin_url is None) == (dievio_lead_id is None):
        raise click.UsageError("Name either --linkedin or --lead")
    if linkedin_url is not None and read_linkedin(linkedin_url).slug is None:
        raise click.BadParameter(
            "is no profile. Write it like https://www.linkedin.com/in/jane-doe", param_hint="--linkedin"
        )
    settings = load_settings()
    announce_sandboxes(settings)
    with Connections(settings, patience=REALTIME_RETRIES) as connections:
        refresh, batch_id = connections.refresh(actor="command line"), _stamped("one")
        try:
            summary = look_up_one(refresh, batch_id=batch_id, linkedin_url=linkedin_url, dievio_lead_id=dievio_lead_id)
        except UnknownSubjectError:
            if linkedin_url is None:
                raise
            answer = look_up_profile(
                connections.database,
                refresh.providers,
                refresh.policy,
                linkedin_url=linkedin_url,
                batch_id=batch_id,
                now=connections.now,
            )
            print_profile(answer, refresh.policy.confidence, is_json=is_json)
            return
    _tell(summary, is_json=is_json)


@enrich.command(short_help="Look the stale records of the org up again.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
def refresh(*, is_json: bool) -> None:
    """Look the stale records of the org up again, the oldest first, within today's budget.

    Example: lead-pipeline enrich refresh
    """
    settings = load_settings()
    announce_sandboxes(settings)
    with Connections(settings) as connections:
        summary = refresh_stale_records(
            connections.refresh(actor="command line"), batch_id=refresh_batch_id(connections.now())
        )
    _tell(summary, is_json=is_json)


@enrich.command(short_help="Ask again about people who got no answer.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
def retry(*, is_json: bool) -> None:
    """Ask again about people whose provider did not answer and whose time has come; finish what an outage ended.

    Example: lead-pipeline enrich retry
    """
    settings = load_settings()
    announce_sandboxes(settings)
    with Connections(settings) as connections:
        work = connections.refresh(actor="command line")
        summary = retry_parked(work, batch_id=_stamped("retry"))
        finished = finish_unfinished(work)
    _tell(summary, *finished, is_json=is_json)


def refresh_batch_id(at: datetime) -> str:
    """Return the batch of a day's refresh."""
    return f"refresh-{at.astimezone(UTC):%Y-%m-%d}"


def _stamped(kind: str) -> str:
    return f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"


def _tell(summary: RefreshSummary, *finished: RefreshSummary, is_json: bool) -> None:
    """Print what was done, and which earlier batches were finished along the way.

    Raises:
        GateClosedError: A gate stopped a batch.
    """
    facts = summary.as_metadata()
    if finished:
        facts["finished_batches"] = ", ".join(one.batch_id for one in finished)
    if is_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        console = open_console()
        for name, value in facts.items():
            console.print(f"{name:<28} {value:,}" if isinstance(value, int) else f"{name:<28} {value}")
        for outcome, step in _NEXT_STEPS.items():
            if any(one.write and one.write.outcomes.get(outcome) for one in (summary, *finished)):
                console.print(f"[yellow]{step}[/]")
    for one in (summary, *finished):
        if one.failed_gates:
            raise GateClosedError(one.batch_id, one.failed_gates)

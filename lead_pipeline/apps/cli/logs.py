"""Commands that answer questions about the past: search in the log, the story of one lead, the reason of one value."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click
import psycopg
from rich.console import Console

from lead_pipeline.apps.cli.options import COUNT
from lead_pipeline.apps.terminal import count_of, open_console
from lead_pipeline.connections import Connections
from lead_pipeline.domain.settlements import LogOperation
from lead_pipeline.domain.stories import FieldStory, Holder, StoryLine
from lead_pipeline.errors import ConfigurationError
from lead_pipeline.services.explain import Story, explain_field, find_subjects, tell_stories
from lead_pipeline.settings import load_settings
from lead_pipeline.store.sync_log import LogEntry, LogFilter, search_log

LOG_TITLES = ("time (UTC)", "operation", "outcome", "lead", "record", "fields", "run")
DEFAULT_ENTRIES = 50  # a screen or two
CSV_COLUMNS = (
    "logged_at", "batch_id", "run_id", "dievio_lead_id", "operation", "object_name", "salesforce_id", "op_id",
    "outcome", "error_code", "actor", "mapping_version", "payload_sha256", "request_id", "fields_changed",
)  # fmt: skip


@click.group(short_help="Search what was done to whom.")
def log() -> None:
    """Search what was done to whom: one entry per operation, kept 90 days."""


@log.command("search", short_help="Find entries; conditions add up.")
@click.option("--lead", "word", help="Lead id or e-mail address.")
@click.option("--record", "salesforce_id", help="Salesforce id of the record.")
@click.option("--from", "first", help="First moment or day (UTC), e.g. 2026-11-20 or 2026-11-20T02:00.")
@click.option("--to", "last", help="Last moment or day (UTC), the whole day included.")
@click.option("--operation", type=click.Choice([operation.value for operation in LogOperation]), help="What was tried.")
@click.option("--run", "run_id", help="Id of the run.")
@click.option(
    "--most", type=COUNT, default=DEFAULT_ENTRIES, show_default=True, help="How many entries to show, newest first."
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write all that fit to this file.")
def search(  # noqa: PLR0913  # one argument per option
    *,
    word: str | None,
    salesforce_id: str | None,
    first: str | None,
    last: str | None,
    operation: str | None,
    run_id: str | None,
    most: int,
    is_json: bool,
    page: Path | None,
) -> None:
    """Find entries by lead, record, time, operation and run; conditions add up.

    Example: lead-pipeline log search --from 2026-11-20 --operation update --csv updates.csv
    """
    since, until = read_moment(first, "--from"), read_moment(last, "--to", is_end=True)
    if since and until and until < since:
        raise ConfigurationError("--from/--to", what=f"{first} lies after {last}", repair="Swap the two")
    with Connections(load_settings()) as connections, connections.database.transaction() as connection:
        wanted = LogFilter(
            dievio_lead_ids=None if word is None else _lead_ids(connection, word),
            salesforce_id=salesforce_id,
            operation=operation,
            run_id=run_id,
            since=since,
            until=until,
        )
        if page is not None:
            written = _write_csv(page, search_log(connection, wanted))
            click.echo(f"wrote {page}: {count_of(written, 'entry', 'entries')}")
            return
        entries = list(search_log(connection, wanted, most=most))
    if is_json:
        click.echo(json.dumps({"entries": [asdict(entry) for entry in entries]}, default=str, indent=2))
        return
    if not entries:
        click.echo("No entry fits. The log is kept 90 days.")
        return
    _print_entries(open_console(), entries)
    click.echo(f"{count_of(len(entries), 'entry', 'entries')}, newest first · next: lead-pipeline explain LEAD")


@click.command(short_help="Tell what happened to one lead, or why a field is so.")
@click.argument("word", metavar="LEAD_OR_RECORD_OR_EMAIL")
@click.option("--field", help="Only this field of the record: API name or label.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def explain(*, word: str, field: str | None, is_json: bool) -> None:
    """Tell what happened to one lead, or why one field of its record holds its value.

    Example: lead-pipeline explain anna@firm.example --field Phone
    """
    with Connections(load_settings()) as connections:
        if field is not None:
            told = explain_field(connections.database, connections.config.mappings, word, field=field)
        else:
            stories = tell_stories(connections.database, word)
    if is_json:
        found = {"fields": [asdict(entry) for entry in told]} if field else {"stories": [asdict(s) for s in stories]}
        click.echo(json.dumps(found, default=str, indent=2))
        return
    console = open_console()
    if field is not None:
        for entry in told:
            _print_field(console, entry)
    else:
        for story in stories:
            _print_story(console, story)


def read_moment(text: str | None, option: str, *, is_end: bool = False) -> datetime | None:
    """Return the moment that a day or time of the command line means, UTC unless it says otherwise.

    Raises:
        ConfigurationError: It is neither.
    """
    if text is None:
        return None
    try:
        if len(text) == len("2026-11-20"):
            begins_at = datetime.combine(date.fromisoformat(text), time(), UTC)
            return begins_at + timedelta(days=1, microseconds=-1) if is_end else begins_at
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            option, what="is no day and no time", repair="Write 2026-11-20 or 2026-11-20T02:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _lead_ids(connection: psycopg.Connection[Any], word: str) -> tuple[str, ...]:
    found = (subject.dievio_lead_id for subject in find_subjects(connection, word))
    return tuple(one for one in found if one is not None)


def _write_csv(page: Path, entries: Iterable[LogEntry]) -> int:
    count = 0
    with page.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for entry in entries:
            row = {**asdict(entry), "fields_changed": json.dumps(entry.fields_changed, ensure_ascii=False)}
            writer.writerow([row[name] for name in CSV_COLUMNS])
            count += 1
    return count


def _print_entries(console: Console, entries: Sequence[LogEntry]) -> None:
    """Print entries in columns, each in one line: ids are there to be copied and searched for."""
    rows = [_cells(entry) for entry in entries]
    widths = [max(map(len, column)) for column in zip(LOG_TITLES, *rows, strict=True)]
    for row in (LOG_TITLES, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _cells(entry: LogEntry) -> tuple[str, ...]:
    outcome = f"{entry.outcome} {entry.error_code}" if entry.error_code else entry.outcome
    target = f"{entry.object_name} {entry.salesforce_id}" if entry.salesforce_id else "-"
    moment, lead = f"{entry.logged_at:%Y-%m-%d %H:%M:%S}", entry.dievio_lead_id or "-"
    return moment, entry.operation, outcome, lead, target, str(len(entry.fields_changed)), entry.run_id


def _print_story(console: Console, story: Story) -> None:
    subject = story.subject
    console.print(f"[bold]lead {subject.dievio_lead_id or '-'}[/bold] · record {subject.salesforce_id or '-'}")
    for line in story.lines:
        console.print(
            f"{line.at:%Y-%m-%d %H:%M:%S}  {line.step:<12} {line.text}", markup=False, highlight=False, soft_wrap=True
        )
        _print_changes(console, line)


def _print_changes(console: Console, line: StoryLine) -> None:
    for change in line.changes:
        console.print(
            f"{'':<34}{change.field}: {change.before!r} -> {change.after!r}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _print_field(console: Console, told: FieldStory) -> None:
    console.print(f"[bold]{told.field}[/bold] of {told.object_name} {told.salesforce_id}")
    limit = "" if told.holder is Holder.US else " at the latest"
    lines = [f"value   {told.value!r}", f"why     {told.text}"]
    if told.since is not None:
        lines.append(f"since   {told.since:%Y-%m-%d %H:%M:%S} UTC{limit}")
    if told.by is not None:
        lines.append(f"by      {told.by}")
    lines.append(f"policy  {told.rule.policy}: {told.rule.policy_reason}")
    if told.rule.planned_at is not None:
        lines.append(f"plan    {told.rule.planned_at:%Y-%m-%d %H:%M} {told.rule.verdict}: {told.rule.verdict_reason}")
    for text in lines:
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    for line in told.changes:
        console.print(f"{line.at:%Y-%m-%d %H:%M:%S}  {line.text}", markup=False, highlight=False, soft_wrap=True)
        _print_changes(console, line)

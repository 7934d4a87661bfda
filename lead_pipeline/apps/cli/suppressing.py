"""The suppression list: who is neither looked up nor written, who said so and why."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.table import Table

from lead_pipeline.apps.cli.options import COUNT
from lead_pipeline.apps.terminal import open_console
from lead_pipeline.connections import Connections
from lead_pipeline.domain.suppression import SuppressionKey, SuppressionKind, read_suppression_key
from lead_pipeline.settings import load_settings
from lead_pipeline.store import suppressions

_Command = Callable[..., Any]
#: Option -> what it names, and why a text may name nobody.
_OPTIONS = {
    "lead": (SuppressionKind.LEAD, "is no id"),
    "email": (SuppressionKind.EMAIL, "is no one person's address; name the lead, the profile or the domain"),
    "linkedin": (SuppressionKind.LINKEDIN, "names no profile"),
    "domain": (SuppressionKind.DOMAIN, "is no company's domain"),
}
RECORDS_PER_PAGE = 50


@click.group()
def suppression() -> None:
    """People and companies that are neither looked up nor written.

    Example: lead-pipeline suppression list
    """


def _naming(command: _Command) -> _Command:
    """Give a command the options that name people, a reason and a name."""
    options = (
        click.option("--lead", multiple=True, metavar="ID", help="Our id of a person."),
        click.option("--email", multiple=True, metavar="ADDRESS", help="A person's address."),
        click.option("--linkedin", multiple=True, metavar="URL", help="Address of a LinkedIn profile."),
        click.option("--domain", multiple=True, metavar="DOMAIN", help="Everybody of a company."),
        click.option("--reason", required=True, help="Why, for those who ask later."),
        click.option("--by", default=getpass.getuser, show_default="your user name", help="Who says so."),
        click.option("--json", "is_json", is_flag=True, help="Print one JSON object."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@suppression.command()
@_naming
def add(*, reason: str, by: str, is_json: bool, **named: tuple[str, ...]) -> None:
    """Put people or companies on the list. From the next plan on they are skipped, and nobody is asked about them.

    Their records in Salesforce stay as they are. Each option may be given several times.

    Example: lead-pipeline suppression add --linkedin linkedin.com/in/jane-doe --reason "objected on 3 March"
    """
    keys = _read_keys(named)
    lines: list[dict[str, object]] = []
    with Connections(load_settings()) as connections, connections.database.transaction() as connection:
        for key in keys:
            is_new = suppressions.add_suppression(connection, key, reason=reason, by=by, at=connections.now())
            records = suppressions.count_suppressed_records(connection, key)
            state = "added" if is_new else "was there already"
            lines.append({"kind": key.kind.value, "alias": key.alias, "state": state, "records": records})
    _tell(lines, is_json=is_json)


@suppression.command()
@_naming
def remove(*, reason: str, by: str, is_json: bool, **named: tuple[str, ...]) -> None:
    """Take people or companies off the list. That they stood there stays in `suppression list --changes`.

    Example: lead-pipeline suppression remove --domain acme.com --reason "contract signed"
    """
    keys = _read_keys(named)
    lines: list[dict[str, object]] = []
    with Connections(load_settings()) as connections, connections.database.transaction() as connection:
        for key in keys:
            is_gone = suppressions.remove_suppression(connection, key, reason=reason, by=by, at=connections.now())
            state = "removed" if is_gone else "was not there"
            lines.append({"kind": key.kind.value, "alias": key.alias, "state": state})
    _tell(lines, is_json=is_json)


@suppression.command("list", short_help="List who is neither looked up nor written, and why.")
@click.option("--changes", "is_log", is_flag=True, help="Everything that was added or removed, instead.")
@click.option("--stale", "is_stale", is_flag=True, help="The stale records that active work leaves out, instead.")
@click.option("--most", type=COUNT, default=RECORDS_PER_PAGE, show_default=True, help="How many stale records to list.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def list_entries(*, is_log: bool, is_stale: bool, most: int, is_json: bool) -> None:
    """List who is neither looked up nor written, since when, by whom and why. The newest entry comes first.

    Example: lead-pipeline suppression list --changes
    """
    if is_log and is_stale:
        raise click.UsageError("Name either --changes or --stale")
    with Connections(load_settings()) as connections, connections.database.connect() as connection:
        if is_stale:
            stale = suppressions.list_stale_suppressed(connection, most=most)
            _show([asdict(record) for record in stale], is_json=is_json, nobody=_NO_STALE)
            return
        read = suppressions.list_suppression_changes if is_log else suppressions.list_suppressions
        entries = read(connection)
    _show([_as_line(entry, is_log=is_log) for entry in entries], is_json=is_json, nobody="Nobody is suppressed.")


_NO_STALE = (
    "No stale record is left out. `stale` in enrichment_measures.yaml says whether and from which age on; each run "
    "makes the list anew."
)


def _read_keys(named: dict[str, tuple[str, ...]]) -> list[SuppressionKey]:
    """Return what was named.

    Raises:
        click.UsageError: Nobody was named.
        click.BadParameter: A text names nobody; nothing is changed then.
    """
    keys = []
    for name, texts in named.items():
        kind, problem = _OPTIONS[name]
        for text in texts:
            key = read_suppression_key(kind, text)
            if key is None:
                raise click.BadParameter(f"{text!r} {problem}", param_hint=f"--{name}")
            keys.append(key)
    if not keys:
        raise click.UsageError("Name somebody: --lead, --email, --linkedin or --domain")
    return list(dict.fromkeys(keys))


def _as_line(entry: suppressions.SuppressionChange, *, is_log: bool) -> dict[str, object]:
    change = {"change": entry.change} if is_log else {}
    return {
        "kind": entry.key.kind.value,
        "alias": entry.key.alias,
        **change,
        "reason": entry.reason,
        "by": entry.changed_by,
        "at": entry.changed_at,
    }


def _tell(lines: Sequence[dict[str, object]], *, is_json: bool) -> None:
    if is_json:
        click.echo(json.dumps({"entries": lines}, indent=2))
        return
    for line in lines:
        records = f" · {line['records']:,} records of the org" if "records" in line else ""
        click.echo(f"{line['kind']} {line['alias']}: {line['state']}{records}")


def _show(lines: Sequence[dict[str, object]], *, is_json: bool, nobody: str) -> None:
    if is_json:
        click.echo(json.dumps({"entries": lines}, default=str, indent=2))
        return
    if not lines:
        click.echo(nobody)
        return
    table = Table(box=None, pad_edge=False)
    for name in lines[0]:
        table.add_column(name.replace("_", " "))
    for line in lines:
        table.add_row(
            *(f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "tzinfo") else str(value) for value in line.values())
        )
    open_console().print(table)

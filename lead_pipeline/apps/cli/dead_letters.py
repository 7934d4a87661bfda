"""Dead letters: what Salesforce refused for good, grouped by what to mend, tried again or discarded."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lead_pipeline.apps.cli.options import COUNT
from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.apps.terminal import open_console, print_block
from lead_pipeline.connections import Connections
from lead_pipeline.domain.error_catalogue import CatalogueEntry, draw_catalogue, list_questions, list_refusals
from lead_pipeline.errors import NoLettersError, UnknownCaseError
from lead_pipeline.services.replay import ReplaySummary, discard_letters, retry_letters
from lead_pipeline.services.reworking import Rework
from lead_pipeline.settings import load_settings
from lead_pipeline.store import dead_letters
from lead_pipeline.store.dead_letters import DeadLetter, DeadLetterGroup, LetterChoice

LETTERS_PER_PAGE = 50
PARTIAL_EXIT_CODE = 5  # some letters failed again
STATES = ("open", "replayed", "discarded")
MOMENT = "%Y-%m-%d %H:%M"


@click.group(short_help="Dead letters: writes given up; look, retry, discard.")
def dlq() -> None:
    """Dead letters: writes given up, with everything needed to try them again.

    Example: lead-pipeline dlq list, mend the cause, then lead-pipeline dlq retry --code STRING_TOO_LONG
    """


@dlq.command("list")
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True, help="Which letters.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def list_groups(*, state: str, is_json: bool) -> None:
    """List dead letters by error code: one entry for each thing to mend.

    Example: lead-pipeline dlq list --json
    """
    with Connections(load_settings()) as connections, connections.database.transaction() as connection:
        groups = dead_letters.read_groups(connection, state=state)
    if is_json:
        click.echo(json.dumps({"state": state, "groups": [asdict(group) for group in groups]}, default=str, indent=2))
    elif groups:
        _print_groups(open_console(), groups)
        if state == "open":
            click.echo("Trying again is safe: every lead is read and planned anew.")
            click.echo("next: lead-pipeline dlq show CODE, mend the cause, then lead-pipeline dlq retry --code CODE")
        else:
            click.echo(f"next: lead-pipeline dlq show CODE --state {state}")
    else:
        click.echo(f"No {state} dead letter.")


@dlq.command()
@click.argument("letter_or_code")
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True, help="Which letters of a code.")
@click.option("--most", type=COUNT, default=LETTERS_PER_PAGE, show_default=True, help="How many letters of a code.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def show(*, letter_or_code: str, state: str, most: int, is_json: bool) -> None:
    """Show one letter with its payload, or the letters of one code. A payload holds personal data.

    Example: lead-pipeline dlq show 7, or lead-pipeline dlq show STRING_TOO_LONG
    """
    with Connections(load_settings()) as connections, connections.database.transaction() as connection:
        if letter_or_code.isdigit():
            letter = dead_letters.find_letter(connection, int(letter_or_code))
            if letter is None:
                raise UnknownCaseError("dead letter", int(letter_or_code), command="lead-pipeline dlq list")
            letters: tuple[DeadLetter, ...] = (letter,)
        else:
            letters = dead_letters.read_letters(connection, state=state, error_code=letter_or_code, most=most)
    if not letters:
        raise NoLettersError
    if is_json:
        click.echo(json.dumps({"letters": [asdict(letter) for letter in letters]}, default=str, indent=2))
    elif letter_or_code.isdigit():
        _print_letter(open_console(), letters[0])
    else:
        open_console().print(_letter_table(letters))
        then = f", then lead-pipeline dlq retry --code {letter_or_code}" if state == "open" else ""
        click.echo(f"next: lead-pipeline dlq show LETTER{then}")


@dlq.command(short_help="Try letters again from a fresh reading.")
@click.argument("letters", type=int, nargs=-1)
@click.option("--code", help="Every open letter with this error code.")
@click.option("--all", "is_all", is_flag=True, help="Every open letter.")
@click.option("--by", default=getpass.getuser, show_default="your user name", help="Who asks for it.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def retry(
    context: click.Context, *, letters: tuple[int, ...], code: str | None, is_all: bool, by: str, is_json: bool
) -> None:
    """Try letters again from a fresh reading; exit code 5 when some failed again.

    What was sent then is never sent again: each lead is matched and planned anew.

    Example: lead-pipeline dlq retry --code STRING_TOO_LONG
    """
    choice = _choice(letters, code, is_all=is_all)
    settings = load_settings()
    announce_sandboxes(settings)
    with Connections(settings) as connections:
        rework = Rework(
            database=connections.database,
            salesforce=connections.salesforce,
            rules=connections.rework_rules(),
            actor=by,
            now=connections.now,
        )
        summary = retry_letters(rework, choice)
    _tell(summary, is_json=is_json)
    context.exit(0 if summary.recovered == summary.tried else PARTIAL_EXIT_CODE)


@dlq.command()
@click.argument("letters", type=int, nargs=-1)
@click.option("--code", help="Every open letter with this error code.")
@click.option("--reason", required=True, help="Why these leads will not be written.")
@click.option("--by", default=getpass.getuser, show_default="your user name", help="Who decides.")
def discard(*, letters: tuple[int, ...], code: str | None, reason: str, by: str) -> None:
    """Give letters up for good. They stay readable, and their rows stay dead letters in every report.

    Example: lead-pipeline dlq discard 7 --reason "left the company"
    """
    choice = _choice(letters, code, is_all=False)
    if not reason.strip():
        raise click.UsageError("Say why: --reason must not be empty")
    with Connections(load_settings()) as connections:
        count = discard_letters(connections.database, choice, reason=reason, by=by, at=connections.now())
    click.echo(f"{count:,} discarded")


@dlq.command(short_help="Explain every error code and review reason.")
@click.option("--markdown", "is_markdown", is_flag=True, help="Print the page docs/errors.md.")
def codes(*, is_markdown: bool) -> None:
    """Explain every error code and review reason: meaning, what to do, owner.

    Example: lead-pipeline dlq codes
    """
    if is_markdown:
        click.echo(draw_catalogue(), nl=False)
    else:
        for entry in (*list_refusals(), *list_questions()):
            _print_code(open_console(), entry)


def _choice(letters: tuple[int, ...], code: str | None, *, is_all: bool) -> LetterChoice:
    """Return which letters are meant.

    Raises:
        click.UsageError: Nothing or several things are named: everything at once must be asked for in so many words.
    """
    if sum((bool(letters), code is not None, is_all)) != 1:
        raise click.UsageError("Name letters, or --code, or --all")
    return LetterChoice(dead_letter_ids=letters or None, error_code=code)


def _tell(summary: ReplaySummary, *, is_json: bool) -> None:
    if is_json:
        click.echo(json.dumps(summary.as_metadata(), indent=2))
    else:
        ends = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(summary.rework.outcomes.items()))
        click.echo(f"{summary.recovered:,} of {summary.tried:,} recovered{f': {ends}' if ends else ''}")
    for reason in summary.rework.held_up:
        click.echo(f"not tried yet: {reason}", err=True)


def _print_groups(console: Console, groups: tuple[DeadLetterGroup, ...]) -> None:
    for group in groups:
        lines = {
            "letters": f"{group.letters:,}, {group.first_failed_at:{MOMENT}} to {group.last_failed_at:{MOMENT}} UTC",
            "cause": group.cause,
            "what to do": group.suggested_repair,
            "owner": group.owner,
        }
        print_block(console, group.error_code or "(none)", lines)


def _letter_table(letters: tuple[DeadLetter, ...]) -> Table:
    # Narrow enough for eighty columns: an id or a day that is broken over two lines cannot be copied.
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("letter", "lead", "batch", "stage", "tries", "owner", "last"):
        is_number = name in {"letter", "tries"}
        is_whole = name in {"lead", "batch", "stage"}
        table.add_column(name, justify="right" if is_number else "left", overflow="fold", no_wrap=is_whole)
    for letter in letters:
        values = (letter.dead_letter_id, letter.dievio_lead_id, letter.batch_id, letter.stage, letter.attempts)
        table.add_row(*(Text(str(value)) for value in (*values, letter.owner, f"{letter.last_failed_at:{MOMENT}}")))
    return table


def _print_letter(console: Console, letter: DeadLetter) -> None:
    lines = {
        "letter": f"{letter.dead_letter_id} · {letter.state}",
        "lead": f"{letter.dievio_lead_id} of {letter.batch_id}, stage {letter.stage}",
        "error": f"{letter.error_code or '(none)'} ({letter.error_class})",
        "cause": letter.cause,
        "Salesforce": letter.last_message or "",
        "what to do": letter.suggested_repair,
        "owner": letter.owner,
        "attempts": f"{letter.attempts}, {letter.first_failed_at:{MOMENT}} to {letter.last_failed_at:{MOMENT}} UTC",
        "closed": f"{letter.resolved_by}: {letter.resolution}" if letter.resolved_at else "",
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, words in (*lines.items(), *sorted(letter.payload.items())):
        if words not in {"", None}:
            table.add_row(Text(name, style="bold" if name in lines else ""), Text(str(words), overflow="fold"))
    console.print(table)


def _print_code(console: Console, entry: CatalogueEntry) -> None:
    lines = {"meaning": entry.meaning, "then": entry.consequence, "what to do": entry.repair, "owner": entry.owner}
    print_block(console, entry.code, lines)

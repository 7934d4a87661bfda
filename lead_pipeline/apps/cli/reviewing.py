"""The review queue: what people are asked, a lead beside its candidates, and their answers."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from dataclasses import asdict

import click

from lead_pipeline.apps.cli.options import COUNT, check_batch
from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.apps.review_tables import item_table, print_comparison, print_question
from lead_pipeline.apps.terminal import open_console
from lead_pipeline.connections import Connections
from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.review_decisions import ReviewDecision
from lead_pipeline.domain.review_reasons import GUIDES, ReviewChoice, guide_of
from lead_pipeline.domain.survivorship import AnswerChoice
from lead_pipeline.errors import UnknownCaseError
from lead_pipeline.services.resolve_review import resolve_review
from lead_pipeline.services.reworking import Rework, ReworkSummary, rework_rows
from lead_pipeline.services.show_review import ShownReview, show_review
from lead_pipeline.settings import load_settings
from lead_pipeline.store import reviews

ITEMS_PER_PAGE = 50
REASONS = click.Choice(sorted(map(str, GUIDES)))
HELD_UP_EXIT_CODE = 1  # the answer is kept, its write has to follow
_CHOICES_WITH_FIELDS = frozenset({ReviewChoice.FIELDS, ReviewChoice.SAME})


@click.group()
def review() -> None:
    """Questions that only a person can answer.

    Example: lead-pipeline review list, then lead-pipeline review show 12
    """


@review.command("list")
@click.option(
    "--reason",
    type=click.Choice(sorted(map(str, GUIDES))),
    metavar="REASON",
    help="Only this reason; `dlq codes` explains each.",
)
@click.option("--owner", help="Only what this owner looks after.")
@click.option("--date", "batch_id", callback=check_batch, help="Only this day, YYYY-MM-DD.")
@click.option("--decided", "is_decided", is_flag=True, help="Show answered questions instead of open ones.")
@click.option("--most", type=COUNT, default=ITEMS_PER_PAGE, show_default=True, help="How many to list.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def list_reviews(
    *, reason: str | None, owner: str | None, batch_id: str | None, is_decided: bool, most: int, is_json: bool
) -> None:
    """List questions, the oldest first.

    Example: lead-pipeline review list --reason near_name
    """
    with Connections(load_settings()) as connections, connections.database.transaction() as connection:
        items = reviews.read_items(
            connection,
            state="decided" if is_decided else "open",
            reason=reason,
            owner=owner,
            batch_id=batch_id,
            most=most,
        )
        counts = reviews.count_open_by_reason(connection)
        now = connections.now()
    if is_json:
        # the proposed values are personal data, which a list does not need
        lines = [{**asdict(item), "proposal": sorted(item.proposal)} for item in items]
        totals = {count.reason: count.items for count in counts}
        click.echo(json.dumps({"open_by_reason": totals, "items": lines}, default=str, indent=2))
    elif items:
        open_console().print(item_table(items, now=now))
        shown = f"{len(items):,} shown, the oldest first · {sum(count.items for count in counts):,} open in all"
        click.echo(f"{shown} · next: lead-pipeline review show ITEM")
    else:
        click.echo("No question fits.")


@review.command("show", short_help="Show one question: the lead beside its candidates.")
@click.argument("item", type=int)
@click.option("--all", "is_whole", is_flag=True, help="Also show the fields that agree.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def show(*, item: int, is_whole: bool, is_json: bool) -> None:
    """Show one question: the lead beside its candidates, and whose value would win. Holds personal data.

    Example: lead-pipeline review show 12
    """
    with Connections(load_settings()) as connections:
        shown = show_review(connections.database, connections.config.mappings, item)
    if is_json:
        click.echo(json.dumps(_as_json(shown), default=str, indent=2))
        return
    console = open_console()
    print_question(console, shown)
    print_comparison(console, shown, is_whole=is_whole)
    if shown.item.is_open:
        takes = ReviewChoice.SAME in shown.guide.choices and shown.comparison.records
        also = "; beside --same RECORD also --take FIELD, to let the lead's value replace the record's" if takes else ""
        click.echo(f"next: lead-pipeline review decide {item} ANSWER --reason WHY{also}")


@review.command()
@click.argument("item", type=int)
@click.option("--same", metavar="RECORD", help="The lead is the person of this record.")
@click.option("--not-same", "not_same", metavar="RECORD", multiple=True, help="The lead is not the person of it.")
@click.option("--create", "is_new", is_flag=True, help="The lead is nobody of the org: make a record.")
@click.option("--skip", "is_skipped", is_flag=True, help="Leave the lead alone.")
@click.option("--again", "is_mended", is_flag=True, help="The cause was mended: plan the lead anew.")
@click.option("--take", metavar="FIELD", multiple=True, help="Take the lead's value of this field.")
@click.option("--keep", metavar="FIELD", multiple=True, help="Keep the record's value of this field.")
@click.option("--by", default=getpass.getuser, show_default="your user name", help="Who decides.")
@click.option("--reason", default="", help="Why, for those who ask later.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def decide(context: click.Context, /, *, item: int, by: str, reason: str, is_json: bool, **answers: object) -> None:
    """Answer one question and carry the answer out.

    It goes through the same protocol as the nightly write, after a fresh reading; it is remembered and not asked for
    again. Beside --same, --take lets a value of the lead replace what stands in a field, and --keep holds a value off.

    \b
    Example: lead-pipeline review decide 12 --same 00Q5e000001AbcDEAS --reason "same phone"
             lead-pipeline review decide 14 --same 00Q5e000001AbcDEAS --take Title --take Company --take Email
    """  # noqa: D301  # click's mark for keeping the lines below as they are
    decision = _decision(answers, by=by, reason=reason)
    settings = load_settings()
    announce_sandboxes(settings)
    with Connections(settings) as connections:
        summary = resolve_review(_rework(connections, by), item, decision)
    _tell(context, summary, is_json=is_json)


@review.command()
@click.argument("item", type=int)
@click.argument("owner")
def assign(*, item: int, owner: str) -> None:
    """Give an open question to somebody else.

    Example: lead-pipeline review assign 12 anna
    """
    with Connections(load_settings()) as connections, connections.database.transaction() as connection:
        if not reviews.assign_item(connection, item, owner=owner):
            raise UnknownCaseError("open review item", item, command="lead-pipeline review list")
    click.echo(f"review item {item} belongs to {owner}")


@review.command()
@click.option("--by", default=getpass.getuser, show_default="your user name", help="Who asks for it.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def apply(context: click.Context, *, by: str, is_json: bool) -> None:
    """Carry out answers whose write could not follow at once.

    Example: lead-pipeline review apply
    """
    settings = load_settings()
    announce_sandboxes(settings)
    with Connections(settings) as connections:
        summary = rework_rows(_rework(connections, by))
    _tell(context, summary, is_json=is_json)


def _rework(connections: Connections, by: str) -> Rework:
    return Rework(
        database=connections.database,
        salesforce=connections.salesforce,
        rules=connections.rework_rules(),
        actor=by,
        now=connections.now,
    )


def _decision(answers: dict[str, object], *, by: str, reason: str) -> ReviewDecision:
    """Return the one answer that the options give.

    Raises:
        click.UsageError: They give none, or several.
    """
    given = list(_given(answers))
    fields = dict.fromkeys(_names(answers["take"]), AnswerChoice.TAKE)
    fields |= dict.fromkeys(_names(answers["keep"]), AnswerChoice.KEEP)
    if fields and not given:
        given = [(ReviewChoice.FIELDS, ())]
    if len(given) != 1 or (fields and given[0][0] not in _CHOICES_WITH_FIELDS):
        raise click.UsageError(
            "Give one answer: --same, --not-same, --create, --skip, --again, or --take and --keep; "
            "these two may also stand beside --same"
        )
    choice, records = given[0]
    return ReviewDecision(choice=choice, by=by, reason=reason, salesforce_ids=records, fields=fields)


def _given(answers: dict[str, object]) -> Iterator[tuple[ReviewChoice, tuple[str, ...]]]:
    if answers["same"]:
        yield ReviewChoice.SAME, (str(answers["same"]),)
    if answers["not_same"]:
        yield ReviewChoice.NOT_SAME, _names(answers["not_same"])
    for option, choice in (
        ("is_new", ReviewChoice.CREATE),
        ("is_skipped", ReviewChoice.SKIP),
        ("is_mended", ReviewChoice.AGAIN),
    ):
        if answers[option]:
            yield choice, ()


def _names(values: object) -> tuple[str, ...]:
    return tuple(map(str, values)) if isinstance(values, tuple) else ()


def _tell(context: click.Context, summary: ReworkSummary, *, is_json: bool) -> None:
    if is_json:
        click.echo(json.dumps(summary.as_metadata(), indent=2))
    else:
        ends = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(summary.outcomes.items()))
        click.echo(f"decided: {ends or ('not carried out yet' if summary.held_up else 'nothing had to be written')}")
        if summary.outcomes.get(Outcome.DEAD_LETTER):
            click.echo("Salesforce refused it · next: lead-pipeline dlq list")
    for reason in summary.held_up:
        click.echo(f"kept, to be carried out later: {reason}. Then lead-pipeline review apply", err=True)
    if summary.held_up:
        context.exit(HELD_UP_EXIT_CODE)


def _as_json(shown: ShownReview) -> dict[str, object]:
    records = [
        {
            "object_name": target.record.object_name,
            "salesforce_id": target.record.salesforce_id,
            "rules": [c.rule for c in shown.item.candidates if c.salesforce_id == target.record.salesforce_id],
        }
        for target in shown.comparison.records
    ]
    return {
        "item": asdict(shown.item),
        "meaning": guide_of(shown.item.reason).meaning,
        "advice": shown.guide.advice,
        "answers": list(shown.guide.choices),
        "records": records,
        "fields": [asdict(field) for field in shown.comparison.fields],
    }

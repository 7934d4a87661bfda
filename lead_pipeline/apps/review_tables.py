"""Review questions in a terminal: the list, and a lead beside its candidates.

What is compared is `domain/side_by_side`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lead_pipeline.domain.error_catalogue import CHOICE_TEXTS
from lead_pipeline.domain.matching import rule_in_words
from lead_pipeline.domain.review_decisions import ReviewItem
from lead_pipeline.domain.side_by_side import Cell, ComparedField, Winner
from lead_pipeline.services.show_review import ShownReview

#: Mark before a value, so that colour is not the only sign: whose value the record would hold afterwards.
MARKS = {Winner.LEAD: "←", Winner.RECORD: " ", Winner.ASKED: "?", Winner.NOBODY: "!"}
STYLES = {Winner.LEAD: "green", Winner.RECORD: "", Winner.ASKED: "magenta", Winner.NOBODY: "bright_black"}
LEGEND = "≠ differs · ← the lead's value would be written · ? you are asked · ! the record cannot be written"
SECONDS_PER_HOUR = 3_600
HOURS_PER_DAY = 24


def item_table(items: Iterable[ReviewItem], *, now: datetime) -> Table:
    """Return questions, one line each, without any value of a person."""
    # Narrow enough for eighty columns: an id that is broken over two lines cannot be copied.
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("item", "age", "reason", "lead", "records", "owner"):
        is_number = name in {"item", "age", "records"}
        table.add_column(
            name, justify="right" if is_number else "left", overflow="fold", no_wrap=name in {"reason", "lead"}
        )
    for item in items:
        records = {candidate.salesforce_id for candidate in item.candidates}
        values = (str(item.review_item_id), _age(now, item.opened_at), item.reason, item.dievio_lead_id)
        table.add_row(*map(Text, (*values, str(len(records)), item.owner)))
    return table


def print_question(console: Console, shown: ShownReview) -> None:
    """Print why a question is asked and which answers it takes."""
    item, guide = shown.item, shown.guide
    console.print(Text(f"Review item {item.review_item_id} · {item.reason} · {item.batch_id}", style="bold"))
    console.print(Text(f"{item.question[:1].upper()}{item.question[1:]}."))
    console.print(Text(f"{guide.advice}. Owner: {item.owner}."))
    if item.is_open:
        console.print(Text(f"Answers: {', '.join(CHOICE_TEXTS[choice] for choice in guide.choices)}"))
    else:
        answer = (item.decision or {}).get("choice", "")
        console.print(Text(f"Decided by {item.decided_by}: {answer}"))


def print_comparison(console: Console, shown: ShownReview, *, is_whole: bool) -> None:
    """Print the lead beside its candidates; unless the whole is wanted, only who they are and what differs."""
    console.print(_comparison_table(shown, is_whole=is_whole))
    if shown.comparison.records:
        console.print(Text(LEGEND, style="bright_black"))


def _comparison_table(shown: ShownReview, *, is_whole: bool) -> Table:
    comparison = shown.comparison
    table = Table(box=None, pad_edge=False)
    table.add_column("field")
    table.add_column("Dievio", overflow="fold")
    for target in comparison.records:
        record = target.record
        table.add_column(f"{record.object_name}\n{record.salesforce_id}", overflow="fold")
    rules = [_rules(shown, target.record.salesforce_id) for target in comparison.records]
    if rules:
        table.add_row("[bright_black]found by[/]", "", *map(Text, rules))
    for field in _chosen(comparison.fields, is_whole=is_whole or not comparison.records):
        table.add_row(Text(field.label), Text(_words(field.lead_value)), *map(_cell, field.cells))
    return table


def _chosen(fields: Sequence[ComparedField], *, is_whole: bool) -> Iterable[ComparedField]:
    return fields if is_whole else [field for field in fields if field.is_telling or field.names_the_person]


def _rules(shown: ShownReview, salesforce_id: str) -> str:
    found = [candidate for candidate in shown.item.candidates if candidate.salesforce_id == salesforce_id]
    return "\n".join(
        rule_in_words(candidate.rule) + (f", {candidate.score:.2f}" if candidate.score is not None else "")
        for candidate in found
    )


def _cell(cell: Cell) -> Table:
    """Return the marks and, in a column of its own so that a long value stays beside them, the value."""
    difference = "≠" if cell.is_different else " "
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_row(
        Text(f"{difference}{MARKS[cell.winner]}", style=STYLES[cell.winner]),
        Text(_words(cell.value), style=STYLES[cell.winner], overflow="fold"),
    )
    return table


def _words(value: object) -> str:
    return "" if value is None else str(value)


def _age(now: datetime, since: datetime) -> str:
    hours = int((now - since).total_seconds() // SECONDS_PER_HOUR)
    return f"{hours} h" if hours < HOURS_PER_DAY else f"{hours // HOURS_PER_DAY} d"

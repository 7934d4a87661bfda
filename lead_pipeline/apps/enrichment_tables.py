"""What enrichment would ask, and what providers say about one person, in a terminal. The services decide."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import click
from rich.table import Table

from lead_pipeline.apps.terminal import count_of, open_console
from lead_pipeline.domain.enrichment.policy import ConfidenceRules
from lead_pipeline.domain.enrichment.selection import Why
from lead_pipeline.services.enriching.budgeting import Preview
from lead_pipeline.services.enriching.profiles import ProfileAnswer

NOT_WRITTEN = "No record of the org is this person: nothing was written."
NOBODY_OPEN = (
    "No lead of this day is open: the day is done, or its pages are not normalized yet. `lead-pipeline plan --date {}` "
    "does that."
)


def print_preview(shown: Preview, *, has_people: bool, is_json: bool) -> None:
    """Print who would be looked up, why and at what cost; of a finished day, what was decided."""
    reasons = _lines(("choice", "reason", "detail"), shown.reasons.items())
    decided = _lines(("choice", "reason", "detail", "state"), shown.decided.items())
    if is_json:
        click.echo(json.dumps({**asdict(shown), "reasons": reasons, "decided": decided}, indent=2))
        return
    console = open_console()
    if decided:
        console.print(f"[bold]Enrichment of {shown.batch_id}[/bold] · the day is done; this was decided")
        console.print(_people_table(decided))
        return
    console.print(f"[bold]Enrichment of {shown.batch_id}[/bold] · nothing is asked, nothing is spent")
    if not reasons:
        console.print(NOBODY_OPEN.format(shown.batch_id))
        return
    console.print(_people_table(reasons))
    if has_people:
        for lead_id, (why, wanted) in shown.people.items():
            console.print(f"{lead_id}  {why}  {', '.join(wanted)}")
    console.print(f"{count_of(shown.calls, 'call')}, {count_of(shown.credits_at_most, 'credit')} at most")


def _lines(names: Sequence[str], counts: Iterable[tuple[tuple[str, ...], int]]) -> list[dict[str, object]]:
    lines = [{**dict(zip(names, key, strict=True)), "people": people} for key, people in counts]
    return sorted(lines, key=lambda line: (str(line["choice"]), -int(str(line["people"]))))


def _people_table(lines: Sequence[dict[str, object]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in lines[0]:
        table.add_column(name, justify="right" if name == "people" else "left")
    for line in lines:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in line.values()))
    return table


def print_profile(answer: ProfileAnswer, rules: ConfidenceRules, *, is_json: bool) -> None:
    """Print what is known about a profile that no record carries. Holds personal data."""
    findings = [
        {
            "field": name,
            "value": choice.finding.value,
            "confidence": choice.finding.confidence.share,
            "origin": choice.finding.confidence.origin.value,
            "is_sure": rules.is_sure(name, choice.finding.confidence.share),
            "provider": choice.provider.provider,
            "answered_at": choice.provider.answered_at.isoformat(),
        }
        for name, choice in sorted(answer.findings.items())
    ]
    if is_json:
        head = {"lead": answer.dievio_lead_id, "reason": answer.why.value, "credits": answer.credits, "written": False}
        click.echo(json.dumps({**head, "alerts": answer.alerts, "findings": findings}, indent=2))
        return
    console = open_console()
    if findings:
        table = Table(box=None, pad_edge=False)
        for name in ("field", "value", "confidence", "from"):
            table.add_column(name, justify="right" if name == "confidence" else "left")
        for line in findings:
            sure = "" if line["is_sure"] else " unverified"
            table.add_row(
                str(line["field"]),
                str(line["value"]),
                f"{line['confidence']:.0%} {line['origin']}{sure}",
                str(line["provider"]),
            )
        console.print(table)
    elif answer.why is Why.SUPPRESSED:
        console.print("This person stands on the suppression list: nobody was asked.")
    else:
        console.print("No provider has anything about this profile.")
    for alert in answer.alerts:
        console.print(f"[yellow]{alert}[/]")
    console.print(f"{count_of(answer.credits, 'credit')} · {NOT_WRITTEN}")

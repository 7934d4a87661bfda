"""What providers say about one person, in a terminal. Whether to ask is decided in the services."""

from __future__ import annotations

import json

import click
from rich.table import Table

from lead_pipeline.apps.terminal import count_of, open_console
from lead_pipeline.domain.enrichment.policy import ConfidenceRules
from lead_pipeline.domain.enrichment.selection import Why
from lead_pipeline.services.enriching.profiles import ProfileAnswer

NOT_WRITTEN = "No record of the org is this person: nothing was written."


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

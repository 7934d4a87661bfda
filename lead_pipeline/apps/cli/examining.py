"""The doctor: everything that stands between an org and a safe first night, in one list. Reads only.

What it writes and buys when asked to is `probing`.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lead_pipeline.apps.cli.probing import ProbeOrder, ProbeResult, probe_systems
from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.apps.terminal import open_console
from lead_pipeline.config.pipeline import problems_of
from lead_pipeline.connections import Connections
from lead_pipeline.domain.findings import Finding, Severity, may_write, sort_findings
from lead_pipeline.domain.org_findings import examine_space, note_untested_key, refuse_system
from lead_pipeline.errors import ConfigurationError, LeadPipelineError
from lead_pipeline.problems import ConfigurationProblem
from lead_pipeline.services.examine import examine
from lead_pipeline.services.probing.dievio import DEFAULT_CREDITS
from lead_pipeline.settings import load_settings
from lead_pipeline.transport.reachability import find_obstacle

NOT_READY_EXIT_CODE = 1
SEVERITY_WIDTH = 8  # of the longest word, so that all findings begin at one column
OUTPUT = click.Path(dir_okay=False, path_type=Path)
CODES_OF_PACKAGE = frozenset(
    {"field_missing", "field_dropped", "receipt_missing", "no_owner_guard", "update_guard_incomplete"}
)
STYLE_BY_SEVERITY = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "bright_black"}


@click.command(short_help="List what keeps a run from being safe, with the repair.")
@click.option("--probe", "is_probe", is_flag=True, help="Also try: writes a few leads (sandbox orgs only), buys rows.")
@click.option(
    "--credits",
    "most_credits",
    type=click.IntRange(min=1),
    default=DEFAULT_CREDITS,
    show_default=True,
    help="Credits that a probe may spend.",
)
@click.option("--report", type=OUTPUT, default="probe.md", show_default=True, help="Where a probe writes its report.")
@click.option("--draft", type=OUTPUT, default="probe.yaml", show_default=True, help="Where it drafts a mapping.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def doctor(
    context: click.Context, *, is_probe: bool, most_credits: int, report: Path, draft: Path, is_json: bool
) -> None:
    """List everything that keeps a run from being safe: systems, credentials, permissions, fields, rules, limits.

    Writes nothing and buys nothing unless --probe is given. A probe makes a few leads in a sandbox org, takes them away
    again, and buys a few rows of Dievio; it needs SALESFORCE_ADMIN_ACCESS_TOKEN for a real org. Exit code 0 when a run
    may write, 1 when not, 4 when the configuration is invalid or the org is in production.

    Example: lead-pipeline doctor --json
    """
    settings = load_settings()
    announce_sandboxes(settings)
    probed: ProbeResult | None = None
    with Connections(settings) as connections:
        try:
            _ = connections.config
        except ConfigurationError as error:
            findings: Sequence[Finding] = [_as_finding(problem) for problem in problems_of(error)]
            exit_code = ConfigurationError.exit_code
        else:
            if is_probe:
                order = ProbeOrder(most_credits=most_credits, report=report, draft=draft)
                probed = probe_systems(connections, order)
            findings = sort_findings([*_examine_systems(connections), *(probed.findings if probed else ())])
            exit_code = 0 if may_write(findings) else NOT_READY_EXIT_CODE
    if is_json:
        _print_json(findings, probed)
    else:
        _print_findings(open_console(), findings)
        click.echo(probed.as_sentence() if probed else "", nl=probed is not None)
    context.exit(exit_code)


def _examine_systems(connections: Connections) -> Iterator[Finding]:
    """Look at each system by itself, so that one that is down hides nothing about the others."""
    try:
        database = connections.database
    except LeadPipelineError as error:
        yield refuse_system("database", str(error), setting="LEAD_PIPELINE_DATABASE_URL")
        return
    try:
        examination = examine(
            database,
            connections.salesforce,
            mappings=connections.config.mappings,
            routing=connections.config.routing,
            now=connections.now,
            campaigns=connections.config.campaigns,
        )
    except LeadPipelineError as error:
        yield refuse_system("Salesforce", str(error), setting="SALESFORCE_INSTANCE_URL and its credentials")
    else:
        yield from examination.findings
    yield from _examine_disk(connections)
    yield from _examine_dievio(connections)


def _examine_disk(connections: Connections) -> Iterator[Finding]:
    """Look at the disk of a database on this machine; what a server elsewhere has left, nobody tells us."""
    if connections.settings.database_url is None:
        home = connections.settings.home
        yield from examine_space(shutil.disk_usage(home).free, place=str(home))


def _examine_dievio(connections: Connections) -> Iterator[Finding]:
    try:
        address = connections.dievio.address
    except LeadPipelineError as error:
        yield refuse_system("Dievio", str(error), setting="DIEVIO_BASE_URL")
        return
    obstacle = find_obstacle(address)
    if obstacle is not None:
        yield refuse_system("Dievio", f"nobody answers at {address} ({obstacle})", setting="DIEVIO_BASE_URL")
    elif not connections.settings.is_dievio_sandbox:
        yield note_untested_key()


def _as_finding(problem: ConfigurationProblem) -> Finding:
    return Finding(
        code=problem.code,
        severity=Severity.ERROR,
        subject=problem.place,
        what=problem.what,
        why="nothing runs before the configuration is sound",
        repair=problem.repair,
    )


def _print_json(findings: Sequence[Finding], probed: ProbeResult | None) -> None:
    entries = [
        {
            "code": finding.code,
            "severity": finding.severity.value,
            "subject": finding.subject,
            "what": finding.what,
            "why": finding.why,
            "repair": finding.repair,
        }
        for finding in findings
    ]
    probe = {"probe": probed.as_json()} if probed else {}
    click.echo(json.dumps({"ok": may_write(findings), "findings": entries, **probe}, indent=2, ensure_ascii=False))


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    alike: dict[tuple[str, ...], list[Finding]] = defaultdict(list)
    for finding in findings:
        alike[finding.severity, finding.code, finding.what, finding.why].append(finding)
    for group in alike.values():
        _print_alike(console, group)
    counts = [f"{sum(finding.severity is kind for finding in findings)} {kind.value}s" for kind in Severity]
    verdict = "ready: a run may write" if may_write(findings) else "not ready: mend the errors, then run doctor again"
    console.print(f"{', '.join(counts)}. {verdict}", highlight=False)
    if any(finding.code in CODES_OF_PACKAGE for finding in findings):
        console.print(
            "`lead-pipeline org package` writes missing fields, permission sets and guards as metadata, `org apply` "
            "deploys them",
            highlight=False,
        )


def _print_alike(console: Console, findings: Sequence[Finding]) -> None:
    """Print findings that say the same of several subjects once, with what to do about each."""
    first = findings[0]
    subject = first.subject if len(findings) == 1 else f"{len(findings)} times"
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, min_width=SEVERITY_WIDTH)
    table.add_column(overflow="fold")
    words = Text.assemble((subject, "bold"), f": {first.what} ({first.code})")
    table.add_row(Text(first.severity.value, style=STYLE_BY_SEVERITY[first.severity]), words)
    table.add_row("", _sentence("so", first.why))
    for finding in findings:
        place = "" if len(findings) == 1 else f"{finding.subject}: "
        table.add_row("", _sentence("do", f"{place}{finding.repair}"))
    console.print(table)


def _sentence(name: str, words: str) -> Table:
    """Return words that stay right of their name when they need several lines."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_row(Text(f"{name}:"), Text(words, overflow="fold"))
    return table

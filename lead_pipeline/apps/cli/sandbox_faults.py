"""Commands that make the running sandbox misbehave: scripted faults, over its control plane.

What a fault does is decided there, in `sandbox/control_plane`; nothing of it is known here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import click
import httpx
from rich.table import Table

from lead_pipeline.apps.terminal import count_of, open_console, print_block
from lead_pipeline.errors import LocalServerError
from lead_pipeline.local_servers import running_sandbox
from lead_pipeline.settings import load_settings

SYSTEMS = ("salesforce", "dievio", "contact_api", "lead_platform")
CALL_TIMEOUT_SECONDS = 10.0
CRITERIA = ("method", "route", "body_contains", "nth", "every", "probability", "seed", "times", "record_index")
COUNTERS = ("id", "kind", "matched", "fired")

system_option = click.option(
    "--system", type=click.Choice(SYSTEMS), default=SYSTEMS[0], show_default=True, help="Which emulated system."
)
json_option = click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")


@click.group(short_help="Make the running sandbox misbehave.")
def fault() -> None:
    """Make the running sandbox misbehave: refuse, hang up, answer late, commit late, change records meanwhile.

    Example: lead-pipeline sandbox fault set reset_after_commit --method POST --nth 2
    """


@fault.command("kinds")
@system_option
@json_option
def kinds(*, system: str, is_json: bool) -> None:
    """List what can go wrong, with the parameters of each kind.

    Example: lead-pipeline sandbox fault kinds --system dievio
    """
    with _FaultBooks() as books:
        known = books.kinds(system)
    if is_json:
        click.echo(json.dumps({"system": system, "kinds": known}, indent=2))
        return
    for name, kind in known.items():
        takes = _parameter_list(kind)
        print_block(open_console(), name, {"does": kind["does"], **({"takes": takes} if takes else {})})
    click.echo("next: lead-pipeline sandbox fault set KIND [NAME=VALUE ...]; --help names when it strikes")


@fault.command("set")
@click.argument("kind")
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@system_option
@click.option("--method", help="Only calls with this HTTP method.")
@click.option("--route", help="Only calls whose path holds this text.")
@click.option("--body-contains", help="Only calls whose body holds this text.")
@click.option("--nth", type=click.IntRange(1), help="Strike at exactly this call, counted from 1.")
@click.option("--every", type=click.IntRange(1), help="Strike at each so many calls.")
@click.option("--probability", type=click.FloatRange(0, 1), help="Chance per call.")
@click.option("--seed", type=click.IntRange(0), help="Seed of that chance; the same seed strikes the same calls.")
@click.option("--times", type=click.IntRange(1), help="Strike at most so often.")
@click.option("--record-index", type=click.IntRange(0), help="Only this record of a call, counted from 0.")
@json_option
def set_fault(*, kind: str, parameters: tuple[str, ...], system: str, is_json: bool, **criteria: object) -> None:
    """Put a fault in force until it is cleared or the sandbox stops. Values are read as JSON, else as text.

    \b
    Example: lead-pipeline sandbox fault set status status=503 retry_after_seconds=2 --times 3
             lead-pipeline sandbox fault set row_lock --route composite/sobjects --record-index 3
             lead-pipeline sandbox fault set charged_but_lost --system dievio --nth 2
    """  # noqa: D301  # click's mark for keeping the lines below as they are
    given = {name: value for name, value in criteria.items() if value is not None}
    rule = {"kind": kind, **_read_parameters(parameters), **given}
    with _FaultBooks() as books:
        rule_id = books.add(system, rule)
    if is_json:
        click.echo(json.dumps({"system": system, "id": rule_id, **rule}, indent=2))
        return
    click.echo(f"fault {rule_id} is in force in {system}: {kind}{_conditions(rule)}")
    click.echo(f"next: lead-pipeline sandbox fault list; lead-pipeline sandbox fault clear {rule_id} --system {system}")


@fault.command("list", short_help="List the faults in force, with how often each struck.")
@json_option
def list_faults(*, is_json: bool) -> None:
    """List the faults in force in every emulated system, with how often each matched a call and struck.

    Example: lead-pipeline sandbox fault list
    """
    with _FaultBooks() as books:
        rules = {system: books.rules(system) for system in SYSTEMS}
    if is_json:
        click.echo(json.dumps(rules, indent=2))
    elif any(rules.values()):
        table = Table(box=None, padding=(0, 1, 0, 0))
        for heading in ("system", *COUNTERS, "when and how"):
            table.add_column(heading, no_wrap=heading != "when and how")
        for system, in_force in rules.items():
            for rule in in_force:
                table.add_row(system, *(str(rule[name]) for name in COUNTERS), _conditions(rule).strip())
        open_console().print(table)
    else:
        click.echo("No fault is in force.")


@fault.command("clear")
@click.argument("rule_id", type=int, required=False)
@click.option(
    "--system", type=click.Choice(SYSTEMS), help="Which emulated system; default: salesforce for one, else all."
)
def clear(*, rule_id: int | None, system: str | None) -> None:
    """Clear one fault, or all of them.

    Example: lead-pipeline sandbox fault clear
    """
    if rule_id is not None:
        chosen = system or SYSTEMS[0]
        with _FaultBooks() as books:
            books.clear(chosen, rule_id)
        click.echo(f"fault {rule_id} of {chosen} is cleared")
        return
    systems = (system,) if system else SYSTEMS
    with _FaultBooks() as books:
        cleared = sum(len(books.rules(name)) for name in systems)
        for name in systems:
            books.clear(name)
    click.echo(f"{count_of(cleared, 'fault')} cleared")


def _parameter_list(kind: Mapping[str, Any]) -> str:
    shown = [name if value is None else f"{name}={json.dumps(value)}" for name, value in kind["parameters"].items()]
    needed = f" (needs {', '.join(kind['required'])})" if kind["required"] else ""
    return " ".join(shown) + needed


def _conditions(rule: Mapping[str, Any]) -> str:
    """Return when a rule strikes and its parameters, each after a blank."""
    names = [name for name in (*CRITERIA, *rule) if name in rule and name not in COUNTERS]
    shown = [f" {name}={rule[name]}" for name in dict.fromkeys(names)]
    return "".join(item for item in shown if item != " seed=0")


def _read_parameters(texts: tuple[str, ...]) -> dict[str, Any]:
    """Return parameters given as NAME=VALUE.

    Raises:
        BadArgumentUsage: One has no equals sign, or is named like an option.
    """
    read: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise click.BadArgumentUsage(f"{text!r} is no parameter: write NAME=VALUE")
        if name in CRITERIA:
            raise click.BadArgumentUsage(f"{name} is an option: write --{name.replace('_', '-')} {value}")
        try:
            read[name] = json.loads(value)
        except ValueError:
            read[name] = value
    return read


class _FaultBooks:
    """The fault books of the running sandbox; a context manager.

    Raises:
        LocalServerError: From each method, when a system does not answer, or refuses.
    """

    def __init__(self) -> None:
        self._addresses = asdict(running_sandbox(load_settings()))
        self._http = httpx.Client(timeout=CALL_TIMEOUT_SECONDS, trust_env=False)  # no proxy leads to our own loopback

    def __enter__(self) -> Self:
        """Open the connection."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._http.close()

    def kinds(self, system: str) -> dict[str, Any]:
        """Return what can go wrong in a system."""
        known: dict[str, Any] = self._call("GET", system, "/kinds").json()
        return known

    def rules(self, system: str) -> list[dict[str, Any]]:
        """Return the faults in force, with how often each matched and fired."""
        rules: list[dict[str, Any]] = self._call("GET", system).json()
        return rules

    def add(self, system: str, rule: Mapping[str, Any]) -> int:
        """Put a fault in force and return its id."""
        return int(self._call("POST", system, body=rule).json()["ids"][0])

    def clear(self, system: str, rule_id: int | None = None) -> None:
        """Drop one fault, or all of a system."""
        self._call("DELETE", system, "" if rule_id is None else f"/{rule_id}")

    def _call(self, method: str, system: str, path: str = "", *, body: object = None) -> httpx.Response:
        address = f"{self._addresses[f'{system}_url']}/_sandbox/faults{path}"
        try:
            answer = self._http.request(method, address, json=body)
        except httpx.HTTPError as error:
            raise LocalServerError(f"The sandbox's {system} does not answer ({type(error).__name__})") from None
        if answer.is_success:
            return answer
        hint = "list" if method == "DELETE" else f"kinds --system {system}"
        raise LocalServerError(f"{system}: {answer.json()['error']}. See lead-pipeline sandbox fault {hint}")

"""Commands that start or stop servers on this machine: the sandbox and Dagit."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

import click

from lead_pipeline.apps.cli.options import PORT, PORT_OR_ANY
from lead_pipeline.apps.cli.sandbox_faults import fault
from lead_pipeline.apps.dagster_home import WORKSPACE_FILE, prepare_dagster_home
from lead_pipeline.apps.notices import announce_sandboxes
from lead_pipeline.errors import LocalServerError
from lead_pipeline.local_servers import database_address, reset_sandbox, sandbox_addresses, stop_local_servers
from lead_pipeline.sandbox.worlds import Edition, Scenario
from lead_pipeline.settings import load_settings
from lead_pipeline.store.database import Database

LOOPBACK = "127.0.0.1"
DEFAULT_UI_PORT = 3000
#: Dagster recommends a command of another package at every start; nobody here can act on that.
ADVERTISEMENT = "ignore:Function `dev_command` is superseded"

org_option = click.option(
    "--org",
    type=click.Choice(["demo", "stock"]),
    help="With or without our custom fields; default: what is there, else demo.",
)
scenario_option = click.option(
    "--scenario",
    type=click.Choice(["demo", "empty"]),
    help="What they hold at first; default: what is there, else demo.",
)


@click.group(short_help="The emulated Salesforce and Dievio of this machine.")
def sandbox() -> None:
    """Start, reset or stop the emulated Salesforce org and Dievio API on this machine, or make them misbehave."""


sandbox.add_command(fault)


@sandbox.command("up", short_help="Start the servers, or show where they listen.")
@click.option("--salesforce-port", type=PORT_OR_ANY, default=0, help="Loopback port of the org; default: any free one.")
@click.option(
    "--dievio-port", type=PORT_OR_ANY, default=0, help="Loopback port of the Dievio API; default: any free one."
)
@org_option
@scenario_option
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def up(
    *, salesforce_port: int, dievio_port: int, org: Edition | None, scenario: Scenario | None, is_json: bool
) -> None:
    """Start the servers in the background, or show where they already listen.

    Example: lead-pipeline sandbox up --salesforce-port 8801 --dievio-port 8802
    """
    addresses = sandbox_addresses(
        load_settings(),
        salesforce_port=salesforce_port,
        dievio_port=dievio_port,
        org=org,
        scenario=scenario,
    )
    urls = {
        "salesforce": addresses.salesforce_url,
        "dievio": addresses.dievio_url,
        "contact_api": addresses.contact_api_url,
        "lead_platform": addresses.lead_platform_url,
    }
    if is_json:
        click.echo(json.dumps(urls, indent=2))
        return
    for system, url in urls.items():
        click.echo(f"{system:<13} {url}")


@sandbox.command("reset", short_help="Put every emulated system back to a first state.")
@org_option
@scenario_option
def reset(*, org: Edition | None, scenario: Scenario | None) -> None:
    """Put every emulated system back to its first state, or to another one; the product's own tables are kept.

    Example: lead-pipeline sandbox reset --org stock --scenario empty
    """
    settings = load_settings()
    reset_sandbox(settings, org=org, scenario=scenario)
    click.echo(
        "the sandbox holds its first state again; the product's own tables still tell of what it held before\n"
        f"to begin anew with both: lead-pipeline sandbox stop, then remove {settings.home}"
    )


@sandbox.command("stop", short_help="Stop the servers and the database; state is kept.")
def stop() -> None:
    """Stop the background servers and the embedded database; their state is kept.

    Example: lead-pipeline sandbox stop
    """
    stop_local_servers(load_settings())
    click.echo("stopped; the next command starts them again")


@click.command(short_help="Open Dagit: graph, checks, backfills.")
@click.option("--port", type=PORT, default=DEFAULT_UI_PORT, show_default=True, help="Loopback port of Dagit.")
def ui(*, port: int) -> None:
    """Open Dagit on the same state as every other command: graph, checks, backfills. Ends with Ctrl-C.

    Example: lead-pipeline ui --port 3000
    """
    settings = load_settings()
    _require_free(port)
    announce_sandboxes(settings)
    if settings.is_dievio_sandbox or settings.is_salesforce_sandbox:
        sandbox_addresses(settings)
    with Database(database_address(settings)).connect():
        pass  # says in one line what several processes of Dagit would say in many
    home = prepare_dagster_home(settings)
    click.echo(f"Dagit opens at http://{LOOPBACK}:{port} in some ten seconds; Ctrl-C ends it")
    click.echo("While it runs, nights and refreshes begin by themselves; Automation in Dagit switches them off")
    arguments = [
        "-W",
        ADVERTISEMENT,
        "-m",
        "dagster",
        "dev",
        "-h",
        LOOPBACK,
        "-p",
        str(port),
        "-w",
        str(WORKSPACE_FILE),
    ]
    environment = {**os.environ, "DAGSTER_HOME": str(home), "LEAD_PIPELINE_HOME": str(settings.home)}
    os.chdir(home)  # a file named like a dependency in the current directory would shadow it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # a script that starts us with & has them ignored, and Dagit with them
    os.execve(sys.executable, [sys.executable, *arguments], environment)  # noqa: S606  # Dagit takes this process over, with its signals


def _require_free(port: int) -> None:
    """Refuse a port that somebody else holds: Dagit would quietly take another one.

    Raises:
        LocalServerError: Somebody listens there.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            raise LocalServerError(
                f"Port {port} of {LOOPBACK} cannot be used ({error.strerror}). Choose another one with --port"
            ) from None

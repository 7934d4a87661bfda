"""The servers of this machine that stand in for what is not set: embedded Postgres, emulated Salesforce and Dievio.

The only module of the product that knows the sandbox. The sandbox shares no code with the product, so its errors become
the product's own here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import httpx

from lead_pipeline.errors import LocalServerError
from lead_pipeline.sandbox import embedded_postgres, processes
from lead_pipeline.sandbox.serving import PortInUseError, ServerStartError
from lead_pipeline.sandbox.worlds import Edition, SandboxSetupError, Scenario, read_setup
from lead_pipeline.settings import Settings

PRODUCT_DATABASE = "lead_pipeline"
INTEGRATION_USER = "integration"  # the sandbox's name for the user that our credentials sign in as
JOURNALED_OBJECTS = frozenset({"Lead", "Contact"})
JOURNAL_TIMEOUT_SECONDS = 60.0  # a journal of a million commits is read in one answer


def database_address(settings: Settings) -> str:
    """Return the address of the product's database, starting the embedded server when none is set.

    Raises:
        LocalServerError: The embedded server does not start.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    with _own_errors():
        address = embedded_postgres.ensure_running(settings.home)
        embedded_postgres.ensure_database(address, PRODUCT_DATABASE)
    return address.dsn(PRODUCT_DATABASE)


def sandbox_addresses(
    settings: Settings,
    *,
    salesforce_port: int = 0,
    dievio_port: int = 0,
    scenario: Scenario | None = None,
    org: Edition | None = None,
) -> processes.SandboxAddresses:
    """Return where the emulated systems listen, starting them when they do not run.

    Args:
        settings: Names the home directory.
        salesforce_port: Loopback port of the org; 0 for any.
        dievio_port: Loopback port of the Dievio API; 0 for any.
        scenario: What the systems hold at first; None keeps what is there, else the demo.
        org: With our custom fields (`demo`) or without (`stock`); None as for `scenario`.

    Raises:
        LocalServerError: They do not start, or run with another setup.
    """
    with _own_errors():
        return processes.ensure_running(
            settings.home,
            salesforce_port=salesforce_port,
            dievio_port=dievio_port,
            scenario=scenario,
            org=org,
        )


def running_sandbox(settings: Settings) -> processes.SandboxAddresses:
    """Return where the emulated systems listen; starts nothing.

    Raises:
        LocalServerError: They do not run.
    """
    addresses = processes.running_addresses(settings.home)
    if addresses is None:
        raise LocalServerError(f"No sandbox runs for {settings.home}. Start it: lead-pipeline sandbox up")
    return addresses


def sandbox_filled_on(settings: Settings) -> date | None:
    """Return the day on which the demo was filled in; its history lies before. None without a demo."""
    setup = read_setup(settings.home / processes.STATE_DIRECTORY)
    return setup.day if setup is not None and setup.scenario == "demo" else None


def sandbox_commits(settings: Settings) -> list[dict[str, Any]]:
    """Return the emulated org's journal of what our user did to leads and contacts, oldest first.

    Raises:
        LocalServerError: The sandbox does not start or does not answer.
    """
    address = f"{sandbox_addresses(settings).salesforce_url}/_sandbox/journal"
    try:
        answer = httpx.get(address, timeout=JOURNAL_TIMEOUT_SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        raise LocalServerError(f"The sandbox gave no journal ({type(error).__name__})") from None
    return [
        entry for entry in answer.json() if entry["user"] == INTEGRATION_USER and entry["object"] in JOURNALED_OBJECTS
    ]


def sandbox_admin_token(settings: Settings) -> str:
    """Return an access token of the emulated org's admin.

    Raises:
        LocalServerError: The sandbox does not start or does not answer.
    """
    address = f"{sandbox_addresses(settings).salesforce_url}/_sandbox/tokens"
    try:
        answer = httpx.post(address, json={"user": "admin"}, timeout=JOURNAL_TIMEOUT_SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        raise LocalServerError(f"The sandbox gave no token ({type(error).__name__})") from None
    return str(answer.json()["access_token"])


def reset_sandbox(settings: Settings, *, scenario: Scenario | None = None, org: Edition | None = None) -> None:
    """Put the emulated systems back to their first state.

    Args:
        settings: Names the home directory.
        scenario: What they hold then; None keeps the scenario that was there.
        org: With our custom fields (`demo`) or without (`stock`); None as for `scenario`.

    Raises:
        LocalServerError: They do not stop or start.
    """
    with _own_errors():
        processes.reset(settings.home, scenario=scenario, org=org)


def stop_local_servers(settings: Settings) -> None:
    """Stop emulated systems and embedded Postgres; their state is kept.

    Raises:
        LocalServerError: One of them does not stop.
    """
    with _own_errors():
        processes.stop(settings.home)
        embedded_postgres.stop(settings.home)


@contextmanager
def _own_errors() -> Iterator[None]:
    try:
        yield
    except (
        embedded_postgres.EmbeddedPostgresError,
        processes.SandboxProcessError,
        PortInUseError,
        ServerStartError,
        SandboxSetupError,
    ) as error:
        raise LocalServerError(str(error)) from error

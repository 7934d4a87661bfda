"""A small clean world for tests of whole commands: an org, a Dievio and the environment that leads a process to them.

The servers are the sandbox's, but the product does not know that: it finds them by address and credentials, as it would
find real ones.
"""

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from lead_pipeline.apps.cli.main import main
from lead_pipeline.sandbox import dievio_api, salesforce_org
from lead_pipeline.sandbox.salesforce_org import ConnectedApp
from lead_pipeline.sandbox.scenarios.volume import build_volume_scenario
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline.sandbox.worlds import Edition

COMMAND = str(Path(sys.executable).with_name("lead-pipeline"))
KNOWN_SHARE = 0.25  # a quarter of the people are in the org already, without a phone
COMMAND_TIMEOUT_SECONDS = 120
TRIES_TO_PAY = 5  # a page whose answer cannot be read may have been billed and counts


@dataclass(frozen=True)
class Ended:
    """How a command of this process ended."""

    exit_code: int
    output: str
    errors: str


@dataclass(frozen=True)
class SmallWorld:
    """Two servers that no sandbox of the product knows, and the environment that leads to them."""

    environment: Mapping[str, str]
    org: Any  # the emulated org itself

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Call the command line in a process of its own; `changes` are variables set for this call alone."""
        return subprocess.run(
            [COMMAND, *arguments],
            env={**os.environ, **self.environment, **changes},
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )

    def call(self, *arguments: str, **changes: str) -> Ended:
        """Call the command line within this process: the same loop and exit codes, without the cost of a start."""
        return call_command(arguments, environment={**self.environment, **changes})

    @property
    def config_directory(self) -> Path:
        """Where the world's own configuration lies."""
        return Path(self.environment["LEAD_PIPELINE_CONFIG_DIR"])

    def prepare_org(self) -> None:
        """Give a stock org the custom fields and queues that an administrator would create."""
        whole = salesforce_org.create_app().state.org
        for name in ("Lead", "Contact"):
            self.org.change_schema(name, whole.schemas[name].source)
        whole.close()
        for name in ("Dievio_Holding", "Inbound_Leads"):
            (queue_id,) = self.org.load("Group", [{"Name": name, "DeveloperName": name, "Type": "Queue"}])
            self.org.load("QueueSobject", [{"QueueId": queue_id, "SobjectType": "Lead"}])

    def journal(self) -> list[dict[str, Any]]:
        """Every commit of the org so far."""
        answer = httpx.get(f"{self.environment['SALESFORCE_INSTANCE_URL']}/_sandbox/journal")
        entries: list[dict[str, Any]] = answer.raise_for_status().json()
        return entries

    def journal_of_writes(self) -> list[dict[str, Any]]:
        """Creations and updates of leads and contacts that carry a receipt of ours, hand-overs apart."""
        return [
            entry
            for entry in self.journal()
            if entry["object"] in {"Lead", "Contact"}
            and (entry["after"] or {}).get("Dievio_Last_Op__c")
            and not (entry["op"] == "update" and "OwnerId" in (entry["after"] or {}))
        ]

    def calls(self, variable: str) -> int:
        """Calls that the system at the address in `variable` has counted."""
        total: int = httpx.get(f"{self.environment[variable]}/_sandbox/ledger").raise_for_status().json()["total"]
        return total

    def rows_charged(self) -> int:
        """Rows Dievio has charged so far."""
        answer = httpx.get(f"{self.environment['DIEVIO_BASE_URL']}/_sandbox/ledger")
        charged: int = answer.raise_for_status().json()["rows_charged"]
        return charged

    def order_fault(self, variable: str, **fault: object) -> None:
        """Make the system at the address in `variable` misbehave."""
        httpx.post(f"{self.environment[variable]}/_sandbox/faults", json=fault).raise_for_status()

    def end_faults(self, variable: str) -> None:
        """Let the system at the address in `variable` work again."""
        httpx.delete(f"{self.environment[variable]}/_sandbox/faults").raise_for_status()


def call_command(arguments: Sequence[str], *, environment: Mapping[str, str]) -> Ended:
    """Call the command line within this process, with some variables of the environment set."""
    output, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
    return Ended(exit_code=int(ended.value.code or 0), output=output.getvalue(), errors=errors.getvalue())


@contextmanager
def open_small_world(
    directory: Path,
    database_dsn: str,
    *,
    leads: int,
    rows_per_night: int = 100,
    edition: Edition = "demo",
    further_rows: Sequence[object] = (),
) -> Iterator[SmallWorld]:
    """Start an org and a Dievio with credentials of their own; home and configuration lie in `directory`.

    Args:
        directory: An empty directory.
        database_dsn: The product's database.
        leads: Rows that Dievio holds.
        rows_per_night: How many of them one day takes.
        edition: `stock` for an org without our custom fields.
        further_rows: What Dievio delivers beside the clean rows.
    """
    scenario = build_volume_scenario(leads, known_share=KNOWN_SHARE)
    org = salesforce_org.create_app(
        connected_app=ConnectedApp(client_id="other-app", client_secret="other-secret"), org=edition
    )
    for name, records in scenario.org_records.items():
        org.state.org.load(name, records)
    dievio = dievio_api.create_app(
        state_path=None, api_key="other-key", seed_rows=[*scenario.dievio_rows, *further_rows]
    )
    config = directory / "config"
    config.mkdir()
    segment = one_segment(dict(scenario.segments[0].filters), rows_per_night=rows_per_night)
    (config / "segments.yaml").write_text(yaml.safe_dump(segment))
    with ServerThread(org) as org_server, ServerThread(dievio) as dievio_server:
        yield SmallWorld(
            environment={
                "SALESFORCE_INSTANCE_URL": org_server.base_url,
                "SALESFORCE_CLIENT_ID": "other-app",
                "SALESFORCE_CLIENT_SECRET": "other-secret",
                "DIEVIO_BASE_URL": dievio_server.base_url,
                "DIEVIO_API_KEY": "other-key",
                "LEAD_PIPELINE_DATABASE_URL": database_dsn,
                "LEAD_PIPELINE_HOME": str(directory / "home"),
                "LEAD_PIPELINE_CONFIG_DIR": str(config),
            },
            org=org.state.org,
        )


def one_segment(filters: dict[str, object], *, rows_per_night: int) -> dict[str, Any]:
    """A configuration with one saved search."""
    segment = {
        "description": "people of the test",
        "owner": "revops",
        "filters": filters,
        "email_status": "all",
        "rows_per_night": rows_per_night,
        "credit_budget": TRIES_TO_PAY * rows_per_night,
        "include_phones": True,
    }
    return {"segments": {"other": segment}}

"""A whole night for tests: the sandbox as its own process, a database, and the nightly job through Dagster."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx

from lead_pipeline.apps.nightly import NightlyRun, run_nightly
from lead_pipeline.connections import Connections
from lead_pipeline.defs.resources import SilentProgress
from lead_pipeline.domain.run_report import RunReport
from lead_pipeline.sandbox import processes
from lead_pipeline.sandbox.worlds import Edition, Scenario
from lead_pipeline.services.report import build_report
from lead_pipeline.settings import Settings, load_settings

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")


@dataclass(frozen=True)
class Sandbox:
    """The emulated systems and the product's settings that lead to them."""

    settings: Settings
    salesforce: httpx.Client
    dievio: httpx.Client

    def journal(self, *, since: int = 0) -> list[dict[str, Any]]:
        """Every commit of the org after number `since`."""
        answer = self.salesforce.get("/_sandbox/journal", params={"since": since})
        entries: list[dict[str, Any]] = answer.raise_for_status().json()
        return entries

    def calls(self) -> int:
        """Calls the org has counted since the ledger was last cleared."""
        total: int = self.salesforce.get("/_sandbox/ledger").raise_for_status().json()["total"]
        return total

    def rows_charged(self) -> int:
        """Rows Dievio has charged since the ledger was last cleared."""
        charged: int = self.dievio.get("/_sandbox/ledger").raise_for_status().json()["rows_charged"]
        return charged

    def clear_ledgers(self) -> None:
        """Start counting calls and charges anew."""
        for client in (self.salesforce, self.dievio):
            client.delete("/_sandbox/ledger").raise_for_status()

    def token(self, user: str) -> str:
        """An access token of the org that acts as `integration`, `rep` or `admin`."""
        answer = self.salesforce.post("/_sandbox/tokens", json={"user": user}).raise_for_status()
        value: str = answer.json()["access_token"]
        return value


@contextmanager
def open_sandbox(
    home: Path, database_dsn: str, *, scenario: Scenario = "demo", org: Edition = "demo", **environment: str
) -> Iterator[Sandbox]:
    """Start the emulated systems below `home` and stop them at the end."""
    addresses = processes.ensure_running(home, scenario=scenario, org=org)
    settings = load_settings(
        {"LEAD_PIPELINE_HOME": str(home), "LEAD_PIPELINE_DATABASE_URL": database_dsn, **environment}
    )
    try:
        with (
            httpx.Client(base_url=addresses.salesforce_url) as salesforce,
            httpx.Client(base_url=addresses.dievio_url) as dievio,
        ):
            yield Sandbox(settings=settings, salesforce=salesforce, dievio=dievio)
    finally:
        processes.stop(home)


def run_night(
    sandbox: Sandbox, batch_id: str = YESTERDAY, *, resources: Mapping[str, object] | None = None
) -> tuple[NightlyRun, RunReport]:
    """Run the nightly job for one day and return how it ended with its report."""
    with dg.DagsterInstance.ephemeral() as instance:
        ended = run_nightly(
            sandbox.settings,
            instance,
            batch_id=batch_id,
            progress=SilentProgress(),
            actor="test",
            resources=resources,
        )
    with Connections(sandbox.settings) as connections:
        report = build_report(
            connections.database,
            batch_id=batch_id,
            run_id=ended.run_id,
            started_at=ended.started_at,
            now=connections.now,
        )
    return ended, report

"""The same commands on servers that the environment names: other addresses, other credentials, own configuration."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from lead_pipeline.sandbox import dievio_api, salesforce_org
from lead_pipeline.sandbox.salesforce_org import ConnectedApp
from lead_pipeline.sandbox.scenarios.volume import build_volume_scenario
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline_tests.end_to_end.nights import YESTERDAY

COMMAND = str(Path(sys.executable).with_name("lead-pipeline"))
LEADS = 40
KNOWN_SHARE = 0.25  # a quarter of the people are in the org already, without a phone


@dataclass(frozen=True)
class OtherSystems:
    """Two servers that no sandbox of the product knows, and the environment that leads to them."""

    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the command line in a process of its own."""
        return subprocess.run(
            [COMMAND, *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def systems(tmp_path: Path, database_dsn: str) -> Iterator[OtherSystems]:
    """An org and a Dievio with credentials of their own, holding a small clean world."""
    scenario = build_volume_scenario(LEADS, known_share=KNOWN_SHARE)
    org = salesforce_org.create_app(connected_app=ConnectedApp(client_id="other-app", client_secret="other-secret"))
    for name, records in scenario.org_records.items():
        org.state.org.load(name, records)
    dievio = dievio_api.create_app(state_path=None, api_key="other-key", seed_rows=scenario.dievio_rows)
    config = tmp_path / "config"
    config.mkdir()
    (config / "segments.yaml").write_text(yaml.safe_dump(one_segment(dict(scenario.segments[0].filters))))
    with ServerThread(org) as org_server, ServerThread(dievio) as dievio_server:
        yield OtherSystems(
            environment={
                "SALESFORCE_INSTANCE_URL": org_server.base_url,
                "SALESFORCE_CLIENT_ID": "other-app",
                "SALESFORCE_CLIENT_SECRET": "other-secret",
                "DIEVIO_BASE_URL": dievio_server.base_url,
                "DIEVIO_API_KEY": "other-key",
                "LEAD_PIPELINE_DATABASE_URL": database_dsn,
                "LEAD_PIPELINE_HOME": str(tmp_path / "home"),
                "LEAD_PIPELINE_CONFIG_DIR": str(config),
            },
        )


def one_segment(filters: dict[str, object]) -> dict[str, Any]:
    """A configuration with one saved search."""
    segment = {
        "description": "people of the test",
        "owner": "revops",
        "filters": filters,
        "email_status": "all",
        "rows_per_night": 100,
        "credit_budget": 100,
        "include_phones": True,
    }
    return {"segments": {"other": segment}}


def test_a_night_runs_on_the_servers_that_the_environment_names(systems: OtherSystems) -> None:
    ran = systems.run("run", "--date", YESTERDAY, "--json")

    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    known = round(LEADS * KNOWN_SHARE)
    assert (report["delivered"], report["created"], report["updated"]) == (LEADS, LEADS - known, known)
    assert all(gate["passed"] for gate in report["gates"])
    assert "sandbox in use" not in ran.stderr
    assert not (Path(systems.environment["LEAD_PIPELINE_HOME"]) / "sandbox").exists()


def test_a_dry_run_writes_and_buys_nothing_there(systems: OtherSystems) -> None:
    ran = systems.run("plan", "--date", YESTERDAY, "--json")

    assert ran.returncode == 2, ran.stderr
    assert json.loads(ran.stdout)["pull"]["segments"][0]["credits"] == 100
    for name in ("DIEVIO_BASE_URL", "SALESFORCE_INSTANCE_URL"):
        assert httpx.get(f"{systems.environment[name]}/_sandbox/ledger").json()["total"] == 0

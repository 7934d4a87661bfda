"""jsforce and the sf command line, as published on npm, work against the sandbox org."""

import subprocess
from pathlib import Path

import pytest

from lead_pipeline_tests.clients.conftest import HERE, SfCli, Target

pytestmark = pytest.mark.slow


def test_jsforce_passes_its_smoke_script(node_modules: Path, target: Target) -> None:
    command = [str(node_modules / ".bin" / "node"), str(HERE / "jsforce_smoke.cjs"), target.base_url, target.token]

    done = subprocess.run(
        command, env={"NODE_PATH": str(node_modules)}, capture_output=True, text=True, timeout=120, check=False
    )

    steps = ["connect", "crud", "upsert", "queries", "arrays", "bulk", "discovery", "changes", "ok"]
    assert done.stdout.split() == steps, done.stderr


def test_the_sf_command_line_creates_updates_reads_and_queries(sf_cli: SfCli) -> None:
    created = sf_cli.run(
        "data", "create", "record", "-s", "Lead", "-v", "LastName='Sf Cli' Company=Acme Dievio_Lead_ID__c=s1"
    )
    sf_cli.run("data", "update", "record", "-s", "Lead", "-w", "Dievio_Lead_ID__c=s1", "-v", "Title=CTO")

    read = sf_cli.run("data", "get", "record", "-s", "Lead", "-w", "Dievio_Lead_ID__c=s1")
    found = sf_cli.run("data", "query", "-q", "SELECT Id, Owner.Name FROM Lead WHERE Title = 'CTO'")

    assert (read["result"]["LastName"], read["result"]["Title"]) == ("Sf Cli", "CTO")
    assert [row["Id"] for row in found["result"]["records"]] == [created["result"]["id"]]


def test_the_sf_command_line_upserts_in_bulk(sf_cli: SfCli, tmp_path: Path) -> None:
    table = tmp_path / "leads.csv"
    table.write_text("Dievio_Lead_ID__c,LastName,Company\ns1,One,Acme\ns2,Two,Acme\n")

    done = sf_cli.run("data", "upsert", "bulk", "-s", "Lead", "-f", str(table), "-i", "Dievio_Lead_ID__c", "-w", "2")

    assert done["result"]["jobInfo"]["state"] == "JobComplete"
    assert [row["sf__Created"] for row in done["result"]["records"]["successfulResults"]] == ["true", "true"]


def test_the_sf_command_line_describes_and_shows_limits(sf_cli: SfCli) -> None:
    described = sf_cli.run("sobject", "describe", "-s", "Lead")
    limits = sf_cli.run("org", "list", "limits")

    assert described["result"]["name"] == "Lead"
    assert "DailyApiRequests" in [item["name"] for item in limits["result"]]

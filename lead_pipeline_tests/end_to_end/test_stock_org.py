"""From an org without any of our fields to a first night, by commands alone: package, apply, run."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from lead_pipeline.sandbox import dievio_api, salesforce_org
from lead_pipeline.sandbox.salesforce_org import ConnectedApp
from lead_pipeline.sandbox.scenarios.volume import build_volume_scenario
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline_tests.end_to_end.nights import YESTERDAY
from lead_pipeline_tests.end_to_end.small_worlds import KNOWN_SHARE, SmallWorld, one_segment

LEADS = 40


@pytest.fixture
def stock(tmp_path: Path, database_dsn: str) -> Iterator[SmallWorld]:
    """A stock org and a Dievio, as the environment of an engineer names them, with the token of an admin."""
    scenario = build_volume_scenario(LEADS, known_share=KNOWN_SHARE)
    org = salesforce_org.create_app(org="stock", connected_app=ConnectedApp(client_id="app", client_secret="secret"))
    for name, records in scenario.org_records.items():
        known = org.state.org.schema(name).fields
        org.state.org.load(name, [{key: row[key] for key in row if key in known} for row in records])
    dievio = dievio_api.create_app(state_path=None, api_key="key", seed_rows=scenario.dievio_rows)
    config = tmp_path / "config"
    config.mkdir()
    segments = one_segment(dict(scenario.segments[0].filters), rows_per_night=100)
    (config / "segments.yaml").write_text(yaml.safe_dump(segments))
    with ServerThread(org) as org_server, ServerThread(dievio) as dievio_server:
        token = httpx.post(f"{org_server.base_url}/_sandbox/tokens", json={"user": "admin"}).json()["access_token"]
        yield SmallWorld(
            environment={
                "SALESFORCE_INSTANCE_URL": org_server.base_url,
                "SALESFORCE_CLIENT_ID": "app",
                "SALESFORCE_CLIENT_SECRET": "secret",
                "SALESFORCE_ADMIN_ACCESS_TOKEN": token,
                "DIEVIO_BASE_URL": dievio_server.base_url,
                "DIEVIO_API_KEY": "key",
                "LEAD_PIPELINE_DATABASE_URL": database_dsn,
                "LEAD_PIPELINE_HOME": str(tmp_path / "home"),
                "LEAD_PIPELINE_CONFIG_DIR": str(config),
            },
            org=org.state.org,
        )


def test_a_stock_org_is_set_up_and_its_first_night_passes_every_gate(stock: SmallWorld, tmp_path: Path) -> None:
    package = str(tmp_path / "package")
    assert stock.run("org", "package", "--with-apex", "--out", package).returncode == 0
    assert "Dievio_Lead_ID__c" not in _lead_fields(stock)

    applied = stock.run("org", "apply", "--from", package, "--json")

    assert applied.returncode == 0, applied.stderr
    assert json.loads(applied.stdout)["created"] > 80
    ran = stock.run("run", "--date", YESTERDAY, "--json")
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    known = round(LEADS * KNOWN_SHARE)
    assert (report["created"], report["updated"]) == (LEADS - known, known)
    assert all(gate["passed"] for gate in report["gates"])


def _lead_fields(stock: SmallWorld) -> set[str]:
    token = stock.environment["SALESFORCE_ADMIN_ACCESS_TOKEN"]
    address = stock.environment["SALESFORCE_INSTANCE_URL"]
    answer = httpx.get(
        f"{address}/services/data/v66.0/sobjects/Lead/describe", headers={"Authorization": f"Bearer {token}"}
    )
    return {field["name"] for field in answer.json()["fields"]}

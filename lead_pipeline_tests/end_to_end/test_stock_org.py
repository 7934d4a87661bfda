"""From an org without any of our fields to a first night, by commands alone: package, apply, a sample, the rest."""

import json
from collections.abc import Iterator
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
from lead_pipeline_tests.end_to_end.small_worlds import KNOWN_SHARE, SmallWorld, one_segment

LEADS = 40
SAMPLE = 10


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


def test_a_stock_org_goes_from_nothing_to_a_verified_sample_and_on_to_everything(
    stock: SmallWorld, tmp_path: Path
) -> None:
    package = str(tmp_path / "package")

    found = stock.call("doctor", "--json")
    assert found.exit_code == 1
    codes = {finding["code"] for finding in json.loads(found.output)["findings"]}
    assert {"field_missing", "no_owner_guard", "receipt_missing", "queue_missing", "may_delete"} <= codes
    assert stock.call("org", "package", "--with-apex", "--out", package).exit_code == 0
    applied = stock.call("org", "apply", "--from", package, "--json")
    assert applied.exit_code == 0, applied.errors
    assert json.loads(applied.output)["created"] > 80
    mended = stock.call("doctor", "--json")
    assert mended.exit_code == 0, mended.output
    assert {finding["severity"] for finding in json.loads(mended.output)["findings"]} <= {"note"}

    sample = _run(stock, "--sample", str(SAMPLE))

    first = sample["first_sync"]
    assert (sample["waiting"], first["chosen"]) == (LEADS - SAMPLE, SAMPLE)
    assert first["is_sound"]
    assert first["verified_ids"] == first["compared"] == SAMPLE
    assert len(stock.journal_of_writes()) == SAMPLE
    everything = _run(stock)
    known = round(LEADS * KNOWN_SHARE)
    assert (everything["created"], everything["updated"]) == (LEADS - known, known)
    assert (everything["waiting"], everything["first_sync"]) == (0, None)
    assert len(stock.journal_of_writes()) == LEADS


def _run(stock: SmallWorld, *step: str) -> dict[str, Any]:
    """Run one step and return its report; every gate has to pass, and the rows have to add up."""
    ended = stock.call("run", "--date", YESTERDAY, "--json", *step)
    assert ended.exit_code == 0, ended.errors
    report: dict[str, Any] = json.loads(ended.output)
    assert all(gate["passed"] for gate in report["gates"])
    assert report["is_conserved"]
    assert report["delivered"] == LEADS
    return report

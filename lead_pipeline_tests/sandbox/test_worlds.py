from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lead_pipeline.sandbox.salesforce_org import ConnectedApp
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline.sandbox.worlds import Setup, World, open_world, read_setup

DEMO = Setup(scenario="demo", org="demo", filled_on="2026-11-21")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("world") / "sandbox"


@pytest.fixture(scope="module")
def world(state: Path) -> World:
    return open_world(state, DEMO)


@pytest.fixture(scope="module")
def salesforce(world: World) -> Iterator[httpx.Client]:
    with ServerThread(world.salesforce) as server, httpx.Client(base_url=server.base_url, timeout=60) as client:
        yield client


def count_leads(salesforce: httpx.Client) -> int:
    app = ConnectedApp()
    form = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret}
    token = salesforce.post("/services/oauth2/token", data=form).json()["access_token"]
    answer = salesforce.get(
        "/services/data/v66.0/query",
        params={"q": "SELECT COUNT() FROM Lead"},
        headers={"Authorization": f"Bearer {token}"},
    )
    return int(answer.json()["totalSize"])


def test_the_demo_fills_the_org_and_the_pool(world: World, salesforce: httpx.Client) -> None:
    with ServerThread(world.dievio) as server:
        found = httpx.post(
            f"{server.base_url}/api/public/search", json={"_per_page": 1}, headers={"X-API-Key": "sandbox-key"}
        )

    assert count_leads(salesforce) >= 4_000
    assert found.json()["total_count"] == 1_000


def test_a_reset_over_http_fills_the_org_again(salesforce: httpx.Client) -> None:
    before = count_leads(salesforce)

    assert salesforce.post("/_sandbox/reset").is_success
    assert count_leads(salesforce) == before


def test_what_was_filled_is_remembered(world: World, state: Path) -> None:
    assert world.dievio is not None
    assert read_setup(state) == DEMO


def test_a_stock_org_holds_the_demo_without_our_fields(tmp_path: Path) -> None:
    world = open_world(tmp_path / "sandbox", Setup.of_today(scenario="demo", org="stock"))

    with ServerThread(world.salesforce) as server, httpx.Client(base_url=server.base_url) as client:
        assert count_leads(client) >= 4_000
        assert "Dievio_Lead_ID__c" not in world.salesforce.state.org.schema("Lead").fields


def test_a_half_filled_state_is_filled_anew(tmp_path: Path) -> None:
    state = tmp_path / "sandbox"
    state.mkdir()
    (state / "salesforce.sqlite").write_text("the process was killed here")

    open_world(state, Setup.of_today(scenario="empty", org="stock"))

    found = read_setup(state)
    assert found is not None
    assert (found.scenario, found.org) == ("empty", "stock")

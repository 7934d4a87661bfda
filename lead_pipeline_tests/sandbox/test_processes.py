import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lead_pipeline.sandbox import processes
from lead_pipeline.sandbox.processes import SandboxAddresses, SandboxProcessError
from lead_pipeline.sandbox.serving import PortInUseError, open_listener
from lead_pipeline.sandbox.worlds import SandboxSetupError


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("home")
    yield directory
    processes.stop(directory)


@pytest.fixture
def addresses(home: Path) -> SandboxAddresses:
    return processes.ensure_running(home, scenario="empty")


def balance(addresses: SandboxAddresses) -> int:
    return int(httpx.get(f"{addresses.dievio_url}/_sandbox/ledger").json()["balance"])


def set_balance(addresses: SandboxAddresses, credit_count: int) -> None:
    httpx.put(f"{addresses.dievio_url}/_sandbox/credits", json={"balance": credit_count}).raise_for_status()


def test_every_system_answers_at_its_address(addresses: SandboxAddresses) -> None:
    urls = (
        addresses.salesforce_url,
        addresses.dievio_url,
        addresses.lead_platform_url,
        addresses.contact_api_url,
    )

    assert [httpx.get(f"{url}/_sandbox/ledger").status_code for url in urls] == [200] * 4


def test_the_credentials_open_the_systems(addresses: SandboxAddresses) -> None:
    token = httpx.post(
        f"{addresses.salesforce_url}/services/oauth2/token",
        data={
            "grant_type": "client_credentials",
            "client_id": addresses.salesforce_client_id,
            "client_secret": addresses.salesforce_client_secret,
        },
    )
    search = httpx.post(
        f"{addresses.dievio_url}/api/public/search", json={}, headers={"X-API-Key": addresses.dievio_api_key}
    )
    roster = httpx.get(
        f"{addresses.lead_platform_url}/platform/roster",
        headers={"Authorization": f"Bearer {addresses.lead_platform_token}"},
    )

    match = httpx.post(
        f"{addresses.contact_api_url}/v1/people/match",
        json={"items": [{"reference": "r", "profile": "linkedin.com/in/nobody"}]},
        headers={"X-Contact-Key": addresses.contact_api_key},
    )

    assert [answer.status_code for answer in (token, search, roster, match)] == [200] * 4


def test_a_running_sandbox_is_attached_to_at_once(home: Path, addresses: SandboxAddresses) -> None:
    started = time.monotonic()
    again = processes.ensure_running(home)

    assert again == addresses == processes.running_addresses(home)
    assert time.monotonic() - started < 0.5


def test_callers_at_the_same_time_share_one_process(home: Path) -> None:
    processes.stop(home)
    found: list[SandboxAddresses] = []
    threads = [threading.Thread(target=lambda: found.append(processes.ensure_running(home))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 3
    assert len(set(found)) == 1


def test_a_stopped_sandbox_starts_again_with_its_state(home: Path, addresses: SandboxAddresses) -> None:
    set_balance(addresses, 77)
    processes.stop(home)
    processes.stop(home)
    found = processes.running_addresses(home)

    assert found is None
    assert balance(processes.ensure_running(home)) == 77


def test_a_running_sandbox_of_another_version_makes_way(home: Path, addresses: SandboxAddresses) -> None:
    set_balance(addresses, 4_321)
    file = home / "sandbox.addresses.json"
    written = json.loads(file.read_text())
    del written["addresses"]["dievio_url"]
    file.write_text(json.dumps(written))

    again = processes.ensure_running(home)

    assert balance(again) == 4_321
    assert json.loads(file.read_text())["process_id"] != written["process_id"]


def test_a_killed_sandbox_starts_again_with_its_state(home: Path, addresses: SandboxAddresses) -> None:
    set_balance(addresses, 78)
    os.kill(json.loads((home / "sandbox.addresses.json").read_text())["process_id"], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while processes.running_addresses(home) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert balance(processes.ensure_running(home)) == 78


def test_a_reset_sandbox_is_at_its_start_on_the_same_ports(home: Path, addresses: SandboxAddresses) -> None:
    set_balance(addresses, 79)
    processes.reset(home)

    again = processes.running_addresses(home)

    assert again == addresses
    assert balance(again) == 100_000


def test_another_setup_than_the_one_at_hand_is_refused(home: Path, addresses: SandboxAddresses) -> None:
    with pytest.raises(SandboxSetupError, match="org demo and scenario empty, not org stock"):
        processes.ensure_running(home, org="stock")

    assert processes.running_addresses(home) == addresses


def test_other_ports_than_the_running_ones_are_refused(home: Path, addresses: SandboxAddresses) -> None:
    with pytest.raises(SandboxProcessError, match="already listens at"):
        processes.ensure_running(home, dievio_port=1)

    assert processes.running_addresses(home) == addresses


def test_a_reset_to_another_setup_replaces_the_one_at_hand_and_starts_it(home: Path) -> None:
    processes.stop(home)
    processes.reset(home, org="stock")

    found = processes.running_addresses(home)
    assert found is not None
    assert found == processes.ensure_running(home, org="stock")


def test_a_port_in_use_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with open_listener(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"^port {port} is in use"):
            processes.ensure_running(tmp_path, scenario="empty", dievio_port=port)

    assert processes.running_addresses(tmp_path) is None


def test_a_home_without_a_sandbox_has_none_to_find_or_to_stop(tmp_path: Path) -> None:
    processes.stop(tmp_path)

    assert processes.running_addresses(tmp_path) is None

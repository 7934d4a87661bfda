"""The sandbox of a home directory as one background process: started by whoever needs it first, kept until stopped.

What the emulated systems hold is decided in `worlds`; how they answer, in their own packages.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from filelock import FileLock, Timeout

from lead_pipeline.sandbox import contact_api
from lead_pipeline.sandbox.dievio_api import DEFAULT_API_KEY
from lead_pipeline.sandbox.errors import SandboxError
from lead_pipeline.sandbox.lead_platform_api import DEFAULT_TOKEN
from lead_pipeline.sandbox.salesforce_org import ConnectedApp
from lead_pipeline.sandbox.serving import LOOPBACK, ServerThread, open_listener
from lead_pipeline.sandbox.worlds import (
    Edition,
    SandboxSetupError,
    Scenario,
    Setup,
    clear_state,
    open_world,
    read_setup,
)

STATE_DIRECTORY = "sandbox"  # below the home
START_TIMEOUT_SECONDS = 120.0  # the first start fills the org; a slow machine takes half a minute
STOP_TIMEOUT_SECONDS = 15.0
POLL_SECONDS = 0.02
SOURCE_ROOT = Path(__file__).resolve().parents[2]  # so that the child finds this package without being installed


class SandboxProcessError(SandboxError):
    """The background process cannot be started or stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxAddresses:
    """Where the emulated systems listen, and what they take as credentials."""

    salesforce_url: str
    dievio_url: str
    lead_platform_url: str
    contact_api_url: str
    salesforce_client_id: str
    salesforce_client_secret: str
    dievio_api_key: str
    lead_platform_token: str
    contact_api_key: str


@dataclass(frozen=True, slots=True)
class _Files:
    """Where a home keeps its sandbox."""

    home: Path

    @property
    def state(self) -> Path:
        return self.home / STATE_DIRECTORY

    @property
    def addresses(self) -> Path:
        return self.home / "sandbox.addresses.json"

    @property
    def log(self) -> Path:
        return self.home / "sandbox.log"

    @property
    def starting(self) -> FileLock:
        """Held by whoever starts or stops the process."""
        return FileLock(self.home / "sandbox.starting.lock", timeout=2 * START_TIMEOUT_SECONDS)

    @property
    def running(self) -> FileLock:
        """Held by the process itself as long as it lives; the kernel frees it however the process ends."""
        return FileLock(self.home / "sandbox.running.lock", timeout=0)


def ensure_running(
    home: Path,
    *,
    salesforce_port: int = 0,
    dievio_port: int = 0,
    scenario: Scenario | None = None,
    org: Edition | None = None,
) -> SandboxAddresses:
    """Return the addresses of the home's sandbox, starting it when it does not run.

    Args:
        home: Where its state is kept.
        salesforce_port: Loopback port of the org; 0 for any.
        dievio_port: Loopback port of the Dievio API; 0 for any.
        scenario: What the systems hold at first: `demo` or `empty`; unless given, what is there, else `demo`.
        org: `demo` with our custom fields, `stock` without; unless given, what is there, else `demo`.

    Raises:
        PortInUseError: Somebody else listens on a port that was asked for.
        SandboxSetupError: The home's sandbox holds something else than what was asked for.
        SandboxProcessError: The process did not start, or runs on other ports.
    """
    files = _Files(home.resolve())
    files.home.mkdir(parents=True, exist_ok=True)
    with files.starting:
        setup = _choose_setup(files, scenario=scenario, org=org)
        addresses = _read_addresses(files) if _is_running(files) else None
        if addresses is None:
            _stop(files)
            return _start(files, setup, ports=(salesforce_port, dievio_port, 0, 0))
    for port, url in ((salesforce_port, addresses.salesforce_url), (dievio_port, addresses.dievio_url)):
        if port and not url.endswith(f":{port}"):
            raise SandboxProcessError(f"the sandbox already listens at {url}, not on port {port}: stop it first")
    return addresses


def running_addresses(home: Path) -> SandboxAddresses | None:
    """Return the addresses of the home's sandbox when it runs; starts nothing."""
    files = _Files(home.resolve())
    if not files.addresses.exists():
        return None
    with files.starting:
        return _read_addresses(files) if _is_running(files) else None


def stop(home: Path) -> None:
    """Stop the home's sandbox, when it runs; its state stays."""
    files = _Files(home.resolve())
    if not files.addresses.exists():
        return
    with files.starting:
        _stop(files)


def reset(home: Path, *, scenario: Scenario | None = None, org: Edition | None = None) -> None:
    """Bring the home's sandbox back to its first state; a running one keeps its ports.

    With a scenario or an org it is filled anew at once, and runs then.

    Args:
        home: Where its state is kept.
        scenario: As for `ensure_running`.
        org: As for `ensure_running`.
    """
    files = _Files(home.resolve())
    files.home.mkdir(parents=True, exist_ok=True)
    with files.starting:
        found = read_setup(files.state)
        addresses = _read_addresses(files) if _is_running(files) else None
        _stop(files)
        clear_state(files.state)
        setup = Setup.of_today(
            scenario=scenario or (found.scenario if found else "demo"), org=org or (found.org if found else "demo")
        )
        if addresses or scenario or org:
            _start(files, setup, ports=_ports(addresses))


def _choose_setup(files: _Files, *, scenario: Scenario | None, org: Edition | None) -> Setup:
    found = read_setup(files.state)
    if found is None:
        return Setup.of_today(scenario=scenario or "demo", org=org or "demo")
    asked = Setup(scenario=scenario or found.scenario, org=org or found.org, filled_on=found.filled_on)
    if not asked.is_like(found):
        raise SandboxSetupError(asked=asked, found=found)
    return found


def _is_running(files: _Files) -> bool:
    try:
        with files.running:
            return False
    except Timeout:
        return True


def _read_addresses(files: _Files) -> SandboxAddresses | None:
    """Return where the running process listens; None when it is one of another version, which has to make way."""
    addresses = json.loads(files.addresses.read_text())["addresses"]
    return SandboxAddresses(**addresses) if set(addresses) == {item.name for item in fields(SandboxAddresses)} else None


def _ports(addresses: SandboxAddresses | None) -> tuple[int, ...]:
    """The ports of the four systems; 0 for any."""
    if addresses is None:
        return (0, 0, 0, 0)
    urls = (addresses.salesforce_url, addresses.dievio_url, addresses.lead_platform_url, addresses.contact_api_url)
    return tuple(int(url.rpartition(":")[2]) for url in urls)


def _start(files: _Files, setup: Setup, *, ports: tuple[int, ...]) -> SandboxAddresses:
    """Start the process and wait until it answers.

    The ports are opened here and handed over, so that a port in use is told at once, and nobody can take it between.
    """
    files.addresses.unlink(missing_ok=True)
    with ExitStack() as opened:
        listeners = [opened.enter_context(open_listener(port)) for port in ports]
        descriptors = [listener.fileno() for listener in listeners]
        command = [sys.executable, "-m", __name__, str(files.home), json.dumps(asdict(setup)), *map(str, descriptors)]
        with files.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=SOURCE_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C in the terminal of the starter must not end it
            )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if files.addresses.exists() and (addresses := _read_addresses(files)) is not None:
                # It outlives us, so nobody waits for it here; without this Python would warn about that.
                process.returncode = 0
                return addresses
            time.sleep(POLL_SECONDS)
    process.kill()
    process.wait()
    raise SandboxProcessError(f"the sandbox did not start; {files.log} says why")


def _stop(files: _Files) -> None:
    if not _is_running(files):
        return
    process_id = json.loads(files.addresses.read_text())["process_id"]
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(process_id, number)
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if not _is_running(files):
                files.addresses.unlink(missing_ok=True)
                return
            time.sleep(POLL_SECONDS)
    raise SandboxProcessError(f"the sandbox process {process_id} does not end")


def serve(home: Path, setup: Setup, descriptors: tuple[int, ...]) -> None:
    """Serve the systems of a home on listening sockets handed over by the parent, until SIGTERM or SIGINT."""
    files = _Files(home)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with files.running.acquire(timeout=START_TIMEOUT_SECONDS), ExitStack() as servers:
        world = open_world(files.state, setup)
        apps = (world.salesforce, world.dievio, world.lead_platform, world.contact_api)
        urls = [
            servers.enter_context(ServerThread(app, listener=socket.socket(fileno=descriptor))).base_url
            for app, descriptor in zip(apps, descriptors, strict=True)
        ]
        _write_addresses(files, urls)
        ended.wait()


def _write_addresses(files: _Files, urls: list[str]) -> None:
    connected_app = ConnectedApp()
    addresses = SandboxAddresses(
        salesforce_url=urls[0],
        dievio_url=urls[1],
        lead_platform_url=urls[2],
        contact_api_url=urls[3],
        salesforce_client_id=connected_app.client_id,
        salesforce_client_secret=connected_app.client_secret,
        dievio_api_key=DEFAULT_API_KEY,
        lead_platform_token=DEFAULT_TOKEN,
        contact_api_key=contact_api.DEFAULT_API_KEY,
    )
    part = files.addresses.with_suffix(".part")
    part.write_text(json.dumps({"process_id": os.getpid(), "addresses": asdict(addresses)}))
    part.rename(files.addresses)


def main() -> None:
    """Run the background process; `ensure_running` calls it."""
    parser = argparse.ArgumentParser(description=f"Serve the sandbox of a home directory on {LOOPBACK}.")
    parser.add_argument("home", type=Path)
    parser.add_argument("setup", type=lambda text: Setup(**json.loads(text)))
    parser.add_argument("descriptors", type=int, nargs=4)
    arguments = parser.parse_args()
    serve(arguments.home, arguments.setup, tuple(arguments.descriptors))


if __name__ == "__main__":
    main()

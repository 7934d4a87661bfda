"""A running Dagit for tests, in processes of its own and spoken to over GraphQL as its pages do.

Whole as `lead-pipeline ui` starts it, or the web server alone where nothing is to be run.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lead_pipeline.apps.dagster_home import WORKSPACE_FILE, prepare_dagster_home
from lead_pipeline.settings import load_settings
from lead_pipeline_tests.end_to_end.small_worlds import COMMAND

LOOPBACK = "127.0.0.1"
START_SECONDS = 120  # ten on a quiet machine; a busy one takes its time
STOP_SECONDS = 30
BACKFILL_SECONDS = 400  # the daemon looks for backfills every 30 seconds, and a day takes some ten
POLL_SECONDS = 0.5

LAUNCH_BACKFILL = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
BACKFILL_STATE = """
query State($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) {
    ... on Runs { results { status tags { key value } } }
  }
}
"""
CHECKED_ASSETS = """
query Graph {
  assetNodes {
    assetKey { path }
    groupName
    isPartitioned
    assetChecksOrError { ... on AssetChecks { checks { name blocking } } }
  }
}
"""


@dataclass(frozen=True)
class Backfill:
    """How a backfill stands: its own status and that of the run of each day."""

    status: str
    days: Mapping[str, str]

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.status.startswith("COMPLETED") or self.status in ("FAILED", "CANCELED")


@dataclass(frozen=True)
class Dagit:
    """A web server that answers at `url`."""

    url: str

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Send one GraphQL request."""
        sent = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.url}/graphql", json=sent, timeout=START_SECONDS).raise_for_status().json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def assets(self) -> dict[str, Any]:
        """Every asset by name, with its checks."""
        return {"/".join(node["assetKey"]["path"]): node for node in self.ask(CHECKED_ASSETS)["assetNodes"]}

    def launch_backfill(self, days: Sequence[str]) -> str:
        """Launch a backfill of the whole graph as the button in Dagit does, and return its id."""
        selection = [{"path": name.split("/")} for name, node in self.assets().items() if node["isPartitioned"]]
        params = {"partitionNames": list(days), "assetSelection": selection}
        launched = self.ask(LAUNCH_BACKFILL, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        backfill_id: str = launched["backfillId"]
        return backfill_id

    def backfill(self, backfill_id: str) -> Backfill:
        """How the backfill stands."""
        answer = self.ask(BACKFILL_STATE, id=backfill_id)
        days = {
            next(tag["value"] for tag in run["tags"] if tag["key"] == "dagster/partition"): run["status"]
            for run in answer["runsOrError"]["results"]
        }
        return Backfill(status=answer["partitionBackfillOrError"]["status"], days=days)

    def finish_backfill(self, backfill_id: str) -> Backfill:
        """Wait until the backfill is over."""
        deadline = time.monotonic() + BACKFILL_SECONDS
        while not (state := self.backfill(backfill_id)).is_over and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return state


@contextmanager
def open_dagit(environment: Mapping[str, str], log: Path) -> Iterator[Dagit]:
    """Start web server and daemon by the product's own command; what they print goes to `log`."""
    port = free_port()
    with _serve([COMMAND, "ui", "--port", str(port)], environment, port=port, log=log) as dagit:
        yield dagit


@contextmanager
def open_web_server(environment: Mapping[str, str], log: Path) -> Iterator[Dagit]:
    """Start the web server alone: it shows everything and launches nothing, at half the cost."""
    port = free_port()
    home = prepare_dagster_home(load_settings(environment))
    command = [sys.executable, "-m", "dagster_webserver", "-h", LOOPBACK, "-p", str(port), "-w", str(WORKSPACE_FILE)]
    with _serve(command, {**environment, "DAGSTER_HOME": str(home)}, port=port, log=log) as dagit:
        yield dagit


@contextmanager
def _serve(command: Sequence[str], environment: Mapping[str, str], *, port: int, log: Path) -> Iterator[Dagit]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # so that a hanging child can be ended with its family
        )
        try:
            dagit = Dagit(url=f"http://{LOOPBACK}:{port}")
            wait_until_it_answers(dagit, process, log)
            yield dagit
        finally:
            end(process)


def free_port() -> int:
    """A loopback port that nobody held a moment ago."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until_it_answers(dagit: Dagit, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the web server is up and has loaded the graph."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if dagit.assets():
                return
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"Dagit did not start: {log.read_text()[-2000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End Dagit as Ctrl-C does, and whatever of it does not listen the hard way."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

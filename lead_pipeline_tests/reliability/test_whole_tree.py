"""The demo night through Dagster, killed with everything that belongs to it: command, Dagster and Postgres.

Only the org survives, as it would; whatever is started next has to find everything as it was committed.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from lead_pipeline.sandbox import embedded_postgres, processes
from lead_pipeline.sandbox.embedded_postgres.processes import read_pid_file

NIGHT_TIMEOUT_SECONDS = 600.0
RECOVERY_SECONDS = 120.0  # from the restart of Dagster until nothing is left of the dead run
POLL_SECONDS = 0.05
PIPELINE_COMMAND = Path(sys.executable).with_name("lead-pipeline")
LOOPBACK = "127.0.0.1"

# Dagster starts a dead run once more as another run, whose own writes and claims are not asked for here.
_LIVING_RUNS = "SELECT run_id FROM runs WHERE status IN ('STARTED', 'STARTING', 'CANCELING')"
_LEFT_BEHIND = """
SELECT (SELECT count(*) FROM write_intent WHERE state IN ('sent', 'unknown') AND run_id = %(run_id)s) AS writes,
       (SELECT count(*) FROM lease WHERE holder LIKE '%%' || %(run_id)s || '%%') AS claims
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lead_pipeline_tree_") as directory:
        Path(directory).chmod(0o755)  # Postgres runs as another user, who has to get in
        yield Path(directory)
        processes.stop(Path(directory))
        embedded_postgres.stop(Path(directory))


@pytest.fixture
def org(home: Path) -> Iterator[httpx.Client]:
    addresses = processes.ensure_running(home, scenario="demo", org="demo")
    with httpx.Client(base_url=addresses.salesforce_url, trust_env=False) as client:
        yield client


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEAD_PIPELINE_", "DAGSTER_"))}
    return {**kept, "LEAD_PIPELINE_HOME": str(home)}


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PIPELINE_COMMAND, *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=NIGHT_TIMEOUT_SECONDS,
        check=False,
    )


@contextmanager
def started(home: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in a process group of its own, and leave nothing of that group behind."""
    process = subprocess.Popen(
        [PIPELINE_COMMAND, *arguments],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def kill_night(home: Path, org: httpx.Client, *, after_commits: int) -> None:
    """Kill a night once the org has committed so many writes: all it started and the postmaster, in one go."""
    first = receipts(org).total()
    with started(home, "run") as night:
        while receipts(org).total() < first + after_commits:
            assert night.poll() is None, "the night ended before it could be killed"
            time.sleep(POLL_SECONDS)
        postmaster = read_pid_file(home / "postgres" / "data")
        assert postmaster is not None
        os.killpg(night.pid, signal.SIGKILL)
        os.kill(postmaster.pid, signal.SIGKILL)


def receipts(org: httpx.Client) -> Counter[str]:
    """Return how often each of our writes was committed."""
    journal = org.get("/_sandbox/journal").raise_for_status().json()
    return Counter(
        entry["after"]["Dievio_Last_Op__c"] for entry in journal if "Dievio_Last_Op__c" in (entry["after"] or {})
    )


def find_living_runs(home: Path) -> list[str]:
    """Return the runs that Dagster takes for running."""
    with psycopg.connect(embedded_postgres.ensure_running(home).dsn("dagster")) as dagster:
        return [row[0] for row in dagster.execute(_LIVING_RUNS)]


def left_behind(home: Path, run_id: str) -> Mapping[str, int]:
    """Return what is left of a dead run: its open writes, its claims, and whether it counts as running."""
    address = embedded_postgres.ensure_running(home)
    with psycopg.connect(address.dsn("lead_pipeline")) as product:
        opened = product.execute(_LEFT_BEHIND, {"run_id": run_id}).fetchone()
    assert opened is not None
    return {"writes": opened[0], "claims": opened[1], "runs": find_living_runs(home).count(run_id)}


def assert_night_is_put_right(home: Path, org: httpx.Client) -> None:
    """Run the night again, once more for nothing, and hold the books against the org."""
    recovered = command(home, "run")
    settled = receipts(org)
    repeated = command(home, "run")
    audit = command(home, "audit")

    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    assert repeated.returncode == 0, repeated.stdout + repeated.stderr
    assert receipts(org) == settled
    assert set(settled.values()) == {1}
    assert audit.returncode == 0, audit.stdout + audit.stderr


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("after_commits", [1, 400, 900])
def test_a_demo_night_survives_the_death_of_its_whole_tree(home: Path, org: httpx.Client, after_commits: int) -> None:
    kill_night(home, org, after_commits=after_commits)

    assert_night_is_put_right(home, org)


@pytest.mark.slow
def test_dagster_started_again_clears_up_after_a_dead_tree_within_two_minutes(home: Path, org: httpx.Client) -> None:
    kill_night(home, org, after_commits=400)
    [run_id] = find_living_runs(home)
    before = left_behind(home, run_id)

    began_at = time.monotonic()
    with started(home, "ui", "--port", str(free_port())):
        while any(left_behind(home, run_id).values()) and time.monotonic() < began_at + RECOVERY_SECONDS:
            time.sleep(1.0)
        after, seconds = left_behind(home, run_id), time.monotonic() - began_at

    assert (before["claims"], before["runs"]) == (1, 1)
    assert after == {"writes": 0, "claims": 0, "runs": 0}
    sys.stdout.write(f"cleared up {seconds:.0f} seconds after the restart: {dict(before)}\n")
    assert_night_is_put_right(home, org)

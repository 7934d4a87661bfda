"""The same commands on servers that the environment names: other addresses, other credentials, own configuration."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lead_pipeline_tests.end_to_end.nights import YESTERDAY
from lead_pipeline_tests.end_to_end.small_worlds import KNOWN_SHARE, SmallWorld, open_small_world

LEADS = 40


@pytest.fixture
def systems(tmp_path: Path, database_dsn: str) -> Iterator[SmallWorld]:
    """An org and a Dievio with credentials of their own, holding a small clean world."""
    with open_small_world(tmp_path, database_dsn, leads=LEADS) as opened:
        yield opened


def test_a_night_runs_on_the_servers_that_the_environment_names(systems: SmallWorld) -> None:
    ran = systems.run("run", "--date", YESTERDAY, "--json")

    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    known = round(LEADS * KNOWN_SHARE)
    assert (report["delivered"], report["created"], report["updated"]) == (LEADS, LEADS - known, known)
    assert all(gate["passed"] for gate in report["gates"])
    assert "sandbox in use" not in ran.stderr
    assert not (Path(systems.environment["LEAD_PIPELINE_HOME"]) / "sandbox").exists()


def test_a_dry_run_writes_and_buys_nothing_there(systems: SmallWorld) -> None:
    ran = systems.run("plan", "--date", YESTERDAY, "--json")

    assert ran.returncode == 2, ran.stderr
    assert json.loads(ran.stdout)["pull"]["segments"][0]["credits"] == 100
    for name in ("DIEVIO_BASE_URL", "SALESFORCE_INSTANCE_URL"):
        assert systems.calls(name) == 0


def test_the_plan_of_a_finished_day_says_that_nothing_is_left_to_do(systems: SmallWorld) -> None:
    before = systems.call("plan", "--date", YESTERDAY)
    assert systems.call("run", "--date", YESTERDAY).exit_code == 0

    after = systems.call("plan", "--date", YESTERDAY)

    assert (before.exit_code, after.exit_code) == (2, 0)
    assert f"Nothing is left to do: all {LEADS} leads of this day have their outcome." in after.output
    assert "still to create" not in after.output

"""Backfills as an engineer starts them: in a running Dagit, carried out by its daemon, against real servers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lead_pipeline.sandbox.embedded_postgres import child_server, ensure_database
from lead_pipeline_tests.end_to_end.dagit import Dagit, open_dagit
from lead_pipeline_tests.end_to_end.small_worlds import KNOWN_SHARE, SmallWorld, open_small_world

ROWS_PER_DAY = 40
DAYS = [(datetime.now(UTC) - timedelta(days=ago)).strftime("%Y-%m-%d") for ago in (3, 2, 1)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    """Enough rows for three days, and a database server that holds no run of another test."""
    with child_server() as server:
        ensure_database(server, "leads")
        leads = len(DAYS) * ROWS_PER_DAY
        with open_small_world(tmp_path, server.dsn("leads"), leads=leads, rows_per_night=ROWS_PER_DAY) as opened:
            yield opened


@pytest.fixture
def dagit(world: SmallWorld, tmp_path: Path) -> Iterator[Dagit]:
    with open_dagit(world.environment, tmp_path / "dagit.log") as opened:
        yield opened


@pytest.mark.slow
def test_a_backfill_of_three_days_launched_in_dagit_succeeds_and_repeating_it_changes_nothing(
    dagit: Dagit, world: SmallWorld
) -> None:
    first = dagit.finish_backfill(dagit.launch_backfill(DAYS))
    commits, bought = world.journal(), world.rows_charged()

    second = dagit.finish_backfill(dagit.launch_backfill(DAYS))

    for backfill in (first, second):
        assert backfill.status == "COMPLETED_SUCCESS", backfill
        assert dict(backfill.days) == dict.fromkeys(DAYS, "SUCCESS")
    assert bought == len(DAYS) * ROWS_PER_DAY
    assert len({entry["id"] for entry in commits if entry["op"] == "create"}) == bought * (1 - KNOWN_SHARE)
    assert world.journal() == commits
    assert world.rows_charged() == bought

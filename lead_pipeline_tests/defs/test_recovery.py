"""What the daily and the half-minute jobs do to Dagster's own runs and to the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from lead_pipeline.defs.recovery import INTERVAL_SECONDS, end_dead_runs, recover_sensor
from lead_pipeline.defs.retention import retention_job, retention_schedule
from lead_pipeline.services.recover import SILENT_TIME, beating
from lead_pipeline.store.database import Database

MAX_RECOVERY_TIME = timedelta(minutes=2)  # from a restart until everything is cleared up


@dataclass
class Connections:
    """As much of the real connections as these need; the org must not be asked."""

    database: Database
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.at

    @property
    def salesforce(self) -> object:
        raise AssertionError("nothing is open, so the org has nothing to tell")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def start_run(instance: dg.DagsterInstance) -> str:
    """Put a run into the instance as a worker leaves it that died: started, and no more."""
    run = instance.create_run_for_job(retention_job, status=dg.DagsterRunStatus.STARTED)
    return run.run_id


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_whose_process_went_silent_is_marked_as_failed(instance: dg.DagsterInstance, database: Database) -> None:
    connections = Connections(database)
    run_id = start_run(instance)
    with beating(database, run_id, now=connections.now):
        pass
    connections.at += SILENT_TIME + timedelta(seconds=1)

    ended = end_dead_runs(instance, connections)  # type: ignore[arg-type]  # stands for the real ones

    assert ended == [run_id]
    assert status_of(instance, run_id) is dg.DagsterRunStatus.FAILURE


def test_a_dead_run_gives_back_its_place_in_a_pool(instance: dg.DagsterInstance, database: Database) -> None:
    connections = Connections(database)
    run_id = start_run(instance)
    pools = instance.event_log_storage
    pools.set_concurrency_slots("salesforce_api", 1)
    assert pools.claim_concurrency_slot("salesforce_api", run_id, "write").is_claimed
    connections.at += timedelta(minutes=10)

    end_dead_runs(instance, connections)  # type: ignore[arg-type]  # as above

    assert pools.claim_concurrency_slot("salesforce_api", "next run", "write").is_claimed


def test_a_run_that_gives_signs_of_life_goes_on(instance: dg.DagsterInstance, database: Database) -> None:
    connections = Connections(database)
    run_id = start_run(instance)
    with beating(database, run_id, now=connections.now):
        connections.at += SILENT_TIME - timedelta(seconds=1)
        ended = end_dead_runs(instance, connections)  # type: ignore[arg-type]  # as above

    assert ended == []
    assert status_of(instance, run_id) is dg.DagsterRunStatus.STARTED


def test_the_sensor_says_what_it_found_and_starts_nothing(instance: dg.DagsterInstance, database: Database) -> None:
    connections = Connections(database)
    run_id = start_run(instance)
    connections.at += timedelta(minutes=10)

    with dg.build_sensor_context(instance=instance, resources={"connections": connections}) as context:
        answer = recover_sensor(context)

    assert isinstance(answer, dg.SkipReason)
    assert "1 dead runs ended" in str(answer.skip_message)
    assert status_of(instance, run_id) is dg.DagsterRunStatus.FAILURE


def test_recovery_ends_within_two_minutes_of_a_restart() -> None:
    assert timedelta(seconds=INTERVAL_SECONDS) + SILENT_TIME < MAX_RECOVERY_TIME
    assert recover_sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_the_retention_job_makes_days_and_is_scheduled(instance: dg.DagsterInstance, database: Database) -> None:
    result = retention_job.execute_in_process(instance=instance, resources={"connections": Connections(database)})

    assert result.success
    with database.connect() as connection:
        rows = connection.execute("SELECT 1 FROM pg_inherits WHERE inhparent = 'sync_log'::regclass").fetchall()
    assert len(rows) > 1
    assert retention_schedule.default_status is dg.DefaultScheduleStatus.RUNNING

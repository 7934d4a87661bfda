"""Which failed nights go on by themselves, when, and which are left to a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.errors import DagsterAssetCheckFailedError

from lead_pipeline.connections import Connections
from lead_pipeline.definitions import build_definitions
from lead_pipeline.defs import sensors
from lead_pipeline.defs.jobs import nightly_job
from lead_pipeline.defs.partitions import PARTITION_TAG
from lead_pipeline.defs.resuming import (
    FIRST_WAIT,
    LOOK_BACK,
    MOST_RESUMES,
    RESUMES_TAG,
    TRY_TAG,
    find_due_runs,
)
from lead_pipeline.defs.steps import ACTOR_TAG
from lead_pipeline.domain.quality import GateResult
from lead_pipeline.domain.sampling import ScopeKind
from lead_pipeline.errors import (
    ApiBudgetReachedError,
    CredentialsRefusedError,
    HandOverUnfinishedError,
    LeaseHeldError,
    PullFailedError,
    ServiceUnavailableError,
    SystemUnreachableError,
    WritesRefusedError,
)
from lead_pipeline.services.gates import CONSERVATION_GATE
from lead_pipeline.settings import load_settings
from lead_pipeline.store.database import Database
from lead_pipeline.store.gates import save_gate_result
from lead_pipeline.store.pulls import add_batch
from lead_pipeline.store.scopes import narrow_scope
from lead_pipeline_tests.defs.failing_jobs import run_failing_job

BATCH = "2026-11-20"
NIGHT = datetime(2026, 11, 21, 2, 15, tzinfo=UTC)
UNREACHABLE = SystemUnreachableError("Salesforce", address="https://org.example", setting="SALESFORCE_INSTANCE_URL")
REFUSED = CredentialsRefusedError("Salesforce", code="invalid_client", settings="SALESFORCE_CLIENT_SECRET")
PASSING = [
    UNREACHABLE,
    ServiceUnavailableError("Salesforce", "query", status=503),
    PullFailedError(BATCH, ["dach: Dievio is busy"]),
    ApiBudgetReachedError(used=80, allowed=100),
    LeaseHeldError("batch", holder="another run"),
    HandOverUnfinishedError(BATCH, reasons=["the share of calls is spent"]),
]
LASTING = [REFUSED, WritesRefusedError(cause="a flow refuses them", fields=(), repair="Mend it"), KeyError("mobile")]


class NightClock(Connections):
    """The connections of a night whose clock tests set."""

    at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def connections(database: Database) -> NightClock:
    opened = NightClock(load_settings({}))
    opened.database = database
    with database.transaction() as connection:
        add_batch(connection, BATCH, source="search", at=NIGHT)
    return opened


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def run_night(
    instance: dg.DagsterInstance, *errors: Exception, job_name: str = nightly_job.name, **tags: str
) -> dg.ExecuteInProcessResult:
    """Run a day of which each step raises one error."""
    return run_failing_job(*errors, job_name=job_name, instance=instance, tags={PARTITION_TAG: BATCH, **tags})


def due_after(instance: dg.DagsterInstance, connections: NightClock, wait: timedelta) -> list[str]:
    connections.at = datetime.now(UTC) + wait
    return [run.run_id for run in find_due_runs(instance, connections)]


def close_gate(database: Database, gate: str) -> None:
    answer = GateResult(
        gate=gate,
        stage="writes",
        passed=False,
        is_blocking=True,
        checked_count=10,
        failed_count=2,
        failed_ids=(),
        description="2 of 10 rows failed.",
        next_step="Run the batch again",
    )
    with database.transaction() as connection:
        save_gate_result(connection, answer, batch_id=BATCH, run_id="night", checked_at=NIGHT)


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_a_night_that_a_passing_fault_ended_goes_on_half_an_hour_later(
    instance: dg.DagsterInstance, connections: NightClock, error: Exception
) -> None:
    night = run_night(instance, error)

    assert due_after(instance, connections, FIRST_WAIT - timedelta(seconds=30)) == []
    assert due_after(instance, connections, FIRST_WAIT) == [night.run_id]
    assert due_after(instance, connections, LOOK_BACK + timedelta(minutes=1)) == []


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
def test_a_night_that_somebody_has_to_mend_waits_for_them(
    instance: dg.DagsterInstance, connections: NightClock, error: Exception
) -> None:
    run_night(instance, UNREACHABLE, error)

    assert due_after(instance, connections, timedelta(hours=1)) == []


def test_each_try_waits_twice_as_long_and_the_last_one_is_the_last(
    instance: dg.DagsterInstance, connections: NightClock
) -> None:
    for tries in range(MOST_RESUMES):
        night = run_night(instance, UNREACHABLE, **{TRY_TAG: str(tries)})
        wait = FIRST_WAIT * 2**tries
        assert due_after(instance, connections, wait - timedelta(seconds=30)) == []
        assert due_after(instance, connections, wait) == [night.run_id]
    run_night(instance, UNREACHABLE, **{TRY_TAG: str(MOST_RESUMES)})

    assert due_after(instance, connections, LOOK_BACK - timedelta(minutes=1)) == []


def test_rows_without_an_end_are_taken_up_again_and_a_closed_gate_is_not(
    instance: dg.DagsterInstance, connections: NightClock, database: Database
) -> None:
    night = run_night(instance, DagsterAssetCheckFailedError())
    nothing_closed = due_after(instance, connections, FIRST_WAIT)
    close_gate(database, CONSERVATION_GATE)
    rows_left = due_after(instance, connections, FIRST_WAIT)
    close_gate(database, "sync_salesforce__readback__ownership")
    gate_closed = due_after(instance, connections, FIRST_WAIT)

    assert (nothing_closed, rows_left, gate_closed) == ([], [night.run_id], [])


@pytest.mark.parametrize(
    ("job_name", "tags"),
    [(nightly_job.name, {ACTOR_TAG: "command line"}), ("crm_refresh_job", {}), (nightly_job.name, {PARTITION_TAG: ""})],
    ids=["of the command line", "of another job", "of no day"],
)
def test_other_runs_are_left_alone(
    instance: dg.DagsterInstance, connections: NightClock, job_name: str, tags: dict[str, str]
) -> None:
    run_night(instance, UNREACHABLE, job_name=job_name, **tags)

    assert due_after(instance, connections, FIRST_WAIT) == []


def test_a_day_that_was_run_since_is_left_alone(instance: dg.DagsterInstance, connections: NightClock) -> None:
    run_night(instance, UNREACHABLE)
    run_night(instance)

    assert due_after(instance, connections, FIRST_WAIT) == []


def test_a_day_of_which_people_let_only_some_leads_through_is_left_alone(
    instance: dg.DagsterInstance, connections: NightClock, database: Database
) -> None:
    run_night(instance, UNREACHABLE)
    with database.transaction() as connection:
        narrow_scope(connection, BATCH, kind=ScopeKind.SAMPLE, size=200, run_id="night", at=NIGHT)

    assert due_after(instance, connections, FIRST_WAIT) == []


def test_the_sensor_asks_for_the_day_once_and_says_whose_run_it_goes_on_with(
    instance: dg.DagsterInstance, connections: NightClock
) -> None:
    night = run_night(instance, UNREACHABLE, **{TRY_TAG: "1"})
    connections.at = datetime.now(UTC) + FIRST_WAIT * 2

    definitions = build_definitions(load_settings({}), overrides={"connections": connections})
    repository = definitions.get_repository_def()
    with dg.build_sensor_context(
        instance=instance, repository_def=repository, resources={"connections": connections}
    ) as context:
        (request,) = repository.get_sensor_def("resume_sensor").evaluate_tick(context).run_requests or ()

    assert (request.run_key, request.partition_key) == (f"resume {night.run_id}", BATCH)
    assert {RESUMES_TAG: night.run_id, TRY_TAG: "2", PARTITION_TAG: BATCH}.items() <= request.tags.items()


def test_the_alert_of_a_failed_night_says_when_it_goes_on(
    instance: dg.DagsterInstance, connections: NightClock
) -> None:
    result = run_night(instance, UNREACHABLE)
    context = dg.build_run_status_sensor_context(
        sensor_name="failed_run_sensor",
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_failure_event(),
    ).for_run_failure()

    lines = sensors.report_failed_run(context, connections)

    assert lines[-1].startswith("It goes on by itself at ")

"""What is told after a bad night: the report is made all the same, and each line names what failed and what to do."""

from datetime import UTC, datetime
from uuid import uuid4

import dagster as dg
import pytest
from psycopg.types.json import Jsonb

from lead_pipeline.connections import Connections
from lead_pipeline.definitions import build_definitions
from lead_pipeline.defs import sensors
from lead_pipeline.defs.partitions import PARTITION_TAG
from lead_pipeline.domain.quality import GateResult
from lead_pipeline.errors import GateClosedError, SystemUnreachableError
from lead_pipeline.settings import load_settings
from lead_pipeline.store.database import Database
from lead_pipeline.store.gates import save_gate_result
from lead_pipeline.store.pulls import add_batch
from lead_pipeline.store.reports import read_latest_report

BATCH = "2026-11-20"
NIGHT = datetime(2026, 11, 21, 2, 15, tzinfo=UTC)
GATE = "sync_salesforce__readback__ownership"
CLOSED = GateClosedError(BATCH, (GATE,))


@pytest.fixture
def connections(database: Database) -> Connections:
    opened = Connections(load_settings({}))
    opened.database = database
    return opened


def add_night(database: Database, *, passed: bool = True, is_blocking: bool = True) -> None:
    """A batch with the answer of one gate."""
    answer = GateResult(
        gate=GATE,
        stage="readback",
        passed=passed,
        is_blocking=is_blocking,
        checked_count=10,
        failed_count=0 if passed else 2,
        failed_ids=() if passed else ("dv_1", "dv_2"),
        description="All 10 passed." if passed else "2 of 10 created records failed: not with the holding owner.",
        next_step="" if passed else "Switch the flow off.",
    )
    with database.transaction() as connection:
        add_batch(connection, BATCH, source="search", at=NIGHT)
        save_gate_result(connection, answer, batch_id=BATCH, run_id=str(uuid4()), checked_at=NIGHT)


def failed_run(instance: dg.DagsterInstance, error: Exception, *, tags: dict[str, str]) -> dg.RunFailureSensorContext:
    """The context that Dagster gives a failure sensor after a run that one error ended."""

    @dg.op
    def write() -> None:
        raise error

    @dg.job(executor_def=dg.in_process_executor)
    def night() -> None:
        write()

    result = night.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    return dg.build_run_status_sensor_context(
        sensor_name="failed_run_sensor",
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_failure_event(),
    ).for_run_failure()


def test_a_failed_gate_is_told_with_ids_and_the_next_step_and_the_report_is_made(
    connections: Connections, database: Database
) -> None:
    add_night(database, passed=False)
    with dg.DagsterInstance.ephemeral() as instance:
        lines = sensors.report_failed_run(failed_run(instance, CLOSED, tags={PARTITION_TAG: BATCH}), connections)

    assert lines[0].startswith(f"STOPPED batch {BATCH}")
    (gate_line,) = [line for line in lines if line.startswith("gate ")]
    for words in (GATE, "2 of 10 created records failed", "dv_1, dv_2", "Next: Switch the flow off."):
        assert words in gate_line
    with database.transaction() as connection:
        assert read_latest_report(connection, BATCH) is not None


def test_an_error_is_told_with_its_step_and_repair(connections: Connections, database: Database) -> None:
    add_night(database)
    error = SystemUnreachableError("Salesforce", address="https://org.example", setting="SALESFORCE_INSTANCE_URL")
    with dg.DagsterInstance.ephemeral() as instance:
        lines = sensors.report_failed_run(failed_run(instance, error, tags={PARTITION_TAG: BATCH}), connections)

    assert f"step write: {error}" in lines


@pytest.mark.parametrize("tags", [{PARTITION_TAG: "2026-11-19"}, {}])
def test_a_run_that_never_reached_a_batch_is_told_without_a_report(
    connections: Connections, tags: dict[str, str]
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        context = failed_run(instance, SystemUnreachableError("Dievio", address="x", setting="y"), tags=tags)
        lines = sensors.report_failed_run(context, connections)

    assert context.dagster_run.run_id in lines[0]
    assert any("Dievio does not answer" in line for line in lines)


def test_the_sensor_sends_every_line_to_the_sink(
    connections: Connections, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    add_night(database, passed=False)
    with dg.DagsterInstance.ephemeral() as instance:
        context = failed_run(instance, CLOSED, tags={PARTITION_TAG: BATCH})
        capsys.readouterr()
        sensors.failed_run_sensor(context, connections=connections)

    logged = capsys.readouterr().err
    assert "ERROR - STOPPED" in logged
    assert f"ERROR - gate {GATE}" in logged


def test_a_check_that_only_warns_is_told_after_a_good_night(connections: Connections, database: Database) -> None:
    add_night(database, passed=False, is_blocking=False)

    (line,) = sensors.warning_lines(connections, BATCH)

    assert GATE in line


def test_a_good_night_is_not_told(connections: Connections, database: Database) -> None:
    add_night(database)

    assert sensors.warning_lines(connections, BATCH) == []


def test_both_sensors_run_without_being_switched_on() -> None:
    found = {sensor.name: sensor.default_status for sensor in build_definitions().sensors or ()}

    assert found["failed_run_sensor"] is dg.DefaultSensorStatus.RUNNING
    assert found["warned_run_sensor"] is dg.DefaultSensorStatus.RUNNING


def give_up(database: Database, number: int, *, owner: str = "data_engineer", code: str = "UNABLE_TO_LOCK_ROW") -> None:
    """A dead letter of the batch."""
    with database.transaction() as connection:
        row = connection.execute(
            "INSERT INTO raw_lead (batch_id, segment, page_number, row_number, payload, fetched_at)"
            " VALUES (%s, 'dach', 1, %s, '{}', %s) RETURNING raw_lead_id",
            [BATCH, number, NIGHT],
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO dead_letter (batch_id, raw_lead_id, dievio_lead_id, stage, error_class, error_code, cause,"
            " suggested_repair, payload, payload_sha256, attempts, owner, state, first_failed_at, last_failed_at)"
            " VALUES (%s, %s, %s, 'writes', 'transient', %s, 'Another transaction held the record',"
            " 'Wait, then replay', %s, '', 2, %s, 'open', %s, %s)",
            [BATCH, row["raw_lead_id"], f"dv_{number}", code, Jsonb({"LastName": "Secret"}), owner, NIGHT, NIGHT],
        )


def test_a_night_that_went_through_tells_each_owner_which_writes_were_given_up(
    connections: Connections, database: Database
) -> None:
    add_night(database)
    for number in range(12):
        give_up(database, number)
    give_up(database, 12, owner="sales_ops", code="STRING_TOO_LONG")

    engineer, sales_ops = sensors.warning_lines(connections, BATCH)

    assert engineer == (
        "given up, for data_engineer: UNABLE_TO_LOCK_ROW (Another transaction held the record),"
        " letters 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more, attempts 2."
        " Next: Wait, then replay; `lead-pipeline dlq show UNABLE_TO_LOCK_ROW`"
    )
    assert sales_ops.startswith("given up, for sales_ops: STRING_TOO_LONG")
    assert "Secret" not in engineer + sales_ops


def test_a_night_that_failed_tells_of_what_it_gave_up_before(connections: Connections, database: Database) -> None:
    add_night(database, passed=False)
    give_up(database, 1)
    with dg.DagsterInstance.ephemeral() as instance:
        lines = sensors.report_failed_run(failed_run(instance, CLOSED, tags={PARTITION_TAG: BATCH}), connections)

    assert any("for data_engineer: UNABLE_TO_LOCK_ROW" in line for line in lines)

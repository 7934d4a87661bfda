"""Clearing up after processes that died: claims, open writes, runs; and two runs of one batch at once."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from lead_pipeline.errors import LeaseHeldError
from lead_pipeline.services.recover import SILENT_TIME, UNHEARD_TIME, RecoverySummary, beating, find_dead_runs, recover
from lead_pipeline.services.writing.ports import CrashPoint, CrmWriter, WriteTools
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import hold_lease
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench, person

#: A process that claims a batch for a run and then hangs until it is killed.
HOLD_AND_HANG = """
import sys, time
from datetime import UTC, datetime
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import hold_lease
with hold_lease(Database(sys.argv[1]), sys.argv[2], holder="run elsewhere", now=lambda: datetime.now(UTC)):
    print("held", flush=True)
    time.sleep(600)
"""
LEASE_NAME = f"batch:{BATCH_ID}"


def clear_up(bench: WriteBench) -> RecoverySummary:
    tools = WriteTools(now=bench.now, wait=bench.wait)
    return recover(bench.database, lambda: bench.client, tools, run_id="recovery")


def leave_claim(bench: WriteBench) -> None:
    """Leave the row that a killed process leaves: its session's lock went with it."""
    with bench.database.transaction() as connection:
        connection.execute(
            "INSERT INTO lease VALUES (%s, 'run dead', %s, %s, %s)",
            [LEASE_NAME, bench.now(), bench.now(), bench.now() + timedelta(minutes=2)],
        )


@pytest.mark.parametrize("point", [CrashPoint.AFTER_INTENT_COMMIT, CrashPoint.AFTER_ANSWER])
def test_writes_of_a_dead_process_are_settled_by_reading_and_never_sent_again(
    bench: WriteBench, point: CrashPoint
) -> None:
    bench.add_leads(person(1), person(2))
    bench.prepare()
    bench.die_at(point)
    leave_claim(bench)
    journal = bench.journal()
    bench.wait(90)

    summary = clear_up(bench)

    assert (summary.leases_freed, summary.writes_settled, summary.writes_open) == ((LEASE_NAME,), 2, 0)
    assert bench.journal() == journal
    is_sent = point is CrashPoint.AFTER_ANSWER
    assert {row["state"] for row in bench.ask("SELECT state FROM write_intent")} == {"applied" if is_sent else "void"}
    bench.assert_log_equals_journal()


def test_the_next_run_goes_on_where_recovery_ended(bench: WriteBench) -> None:
    bench.add_leads(person(1), person(2))
    bench.prepare()
    bench.die_at(CrashPoint.AFTER_INTENT_COMMIT)
    leave_claim(bench)
    bench.wait(90)
    clear_up(bench)

    summary = bench.write()

    assert (summary.created_by_run, summary.unknown, summary.unsettled) == (2, 0, 0)
    assert len(bench.records()) == 2


def test_a_claim_that_was_prolonged_lately_is_left_alone(bench: WriteBench) -> None:
    leave_claim(bench)
    bench.wait(SILENT_TIME.total_seconds() - 1)

    assert clear_up(bench).leases_freed == ()


def test_the_claim_of_a_living_process_is_left_alone_however_silent(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.prepare()
    bench.die_at(CrashPoint.AFTER_INTENT_COMMIT)
    with hold_lease(bench.database, LEASE_NAME, holder="run alive", now=bench.now):
        bench.wait(600)
        summary = clear_up(bench)

    assert (summary.leases_freed, summary.writes_settled, summary.writes_open) == ((), 0, 1)


def test_nothing_to_clear_up_costs_no_call(bench: WriteBench) -> None:
    def refuse() -> CrmWriter:
        raise AssertionError("nothing is open, so nothing has to be read")

    tools = WriteTools(now=bench.now, wait=bench.wait)

    assert not recover(bench.database, refuse, tools, run_id="recovery").did_anything


def test_what_cannot_be_read_now_stays_open_for_the_next_look(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.prepare()
    bench.die_at(CrashPoint.AFTER_ANSWER)
    bench.fault("reset_before_commit", times=99, route="query")

    blocked = clear_up(bench)
    bench.end_faults()
    bench.wait(90)

    assert (blocked.writes_settled, blocked.writes_open) == (0, 1)
    assert clear_up(bench).writes_open == 0


def test_a_second_process_is_refused_a_claim_and_gets_it_once_the_first_is_killed(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.prepare()
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_HANG, bench.database._dsn, LEASE_NAME],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(LeaseHeldError, match="run elsewhere"):
            bench.write()
    finally:
        first.kill()
        first.wait()
        first.communicate()

    assert bench.write().created_by_run == 1


def test_a_run_that_beats_is_alive_and_one_that_went_silent_is_dead(database: Database, bench: WriteBench) -> None:
    began = bench.now()
    with beating(database, "run-1", now=bench.now, every_seconds=0.01):
        bench.wait(3_600)
        wait_for_beat(database, after=began)
        alive = find_dead_runs(database, {"run-1": began}, at=bench.now())
    bench.wait(SILENT_TIME.total_seconds() + 5)

    assert alive == ()
    assert find_dead_runs(database, {"run-1": began}, at=bench.now()) == ("run-1",)


def test_a_run_that_was_never_heard_of_is_dead_once_it_should_have_been(database: Database, bench: WriteBench) -> None:
    began = bench.now()

    assert find_dead_runs(database, {"run-1": began}, at=began + UNHEARD_TIME) == ()
    assert find_dead_runs(database, {"run-1": began}, at=began + UNHEARD_TIME * 2) == ("run-1",)


def wait_for_beat(database: Database, *, after: object) -> None:
    """Wait until the beating thread has said something since a moment of the bench's clock."""
    with database.connect() as connection:
        while not connection.execute(
            "SELECT 1 FROM run_heartbeat WHERE heartbeat_at > %s + interval '1 hour' - interval '1 second'", [after]
        ).fetchone():
            connection.execute("SELECT pg_sleep(0.01)")

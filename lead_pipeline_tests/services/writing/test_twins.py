"""Two batches that bring one person under two ids at the same time make one record, on a real org and database."""

from __future__ import annotations

from contextlib import suppress

import pytest

from lead_pipeline.services.writing.ports import CrashPoint
from lead_pipeline_tests.services.write_bench import ProcessDiedError, WriteBench, person

INTAKE = "intake-2026-05-04"
INSERT_ROUTE = {"route": "composite/sobjects", "method": "POST"}
LEASE_SECONDS = 300


@pytest.fixture
def twins(bench: WriteBench) -> WriteBench:
    """Two batches, each planned to create the same person."""
    bench.add_leads(person(1))
    bench.add_leads({**person(1), "dievio_lead_id": "lead-00002"}, batch_id=INTAKE)
    bench.prepare()
    bench.prepare(INTAKE)
    return bench


def test_a_person_whom_another_batch_made_after_our_reading_is_not_made_again(twins: WriteBench) -> None:
    is_met = False

    def let_the_other_batch_pass(point: CrashPoint) -> None:
        nonlocal is_met
        if point is CrashPoint.AFTER_FRESH_READ and not is_met:
            is_met = True
            assert twins.write(batch_id=INTAKE).created_by_run == 1

    summary = twins.write(reach=let_the_other_batch_pass)

    assert is_met
    assert (summary.created_by_run, summary.is_complete) == (0, True)
    assert len(twins.records()) == 1
    twins.assert_log_equals_journal()


def test_a_person_whose_creation_was_given_up_is_not_made_under_another_id_while_it_may_land(twins: WriteBench) -> None:
    twins.fault("late_commit", delay_seconds=590, times=1, **INSERT_ROUTE)

    def die_once_it_is_given_up(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_SETTLING and twins.ask("SELECT 1 FROM write_intent WHERE state = 'void'"):
            raise ProcessDiedError

    with suppress(ProcessDiedError):
        twins.write(batch_id=INTAKE, reach=die_once_it_is_given_up)
    waiting = twins.write()
    twins.wait(LEASE_SECONDS * 4)
    summary = twins.write()

    assert (waiting.created_by_run, waiting.unsettled) == (0, 1)
    assert (summary.created_by_run, summary.is_complete) == (0, True)
    assert len(twins.records()) == 1
    twins.assert_log_equals_journal()

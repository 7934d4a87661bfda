"""Undoing a run against a real org and a real database: what it wrote goes back where it still stands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lead_pipeline.domain.reverting import TAG_FIELD
from lead_pipeline.errors import UnknownRunError
from lead_pipeline.services.revert import RevertSummary, preview_revert, revert_run
from lead_pipeline.services.writing.ports import CrashPoint, WriteTools, pass_through
from lead_pipeline.store.gates import read_written_pages
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench, org_lead, person

UPDATE_ROUTE = {"route": "composite", "method": "POST", "body_contains": "If-Unmodified-Since"}
IMAGE_FIELDS = ("Title", "Phone", "Company", "Website", "Country", "City")


def revert(
    bench: WriteBench, run_id: str = "run-1", *, reach: Callable[[CrashPoint], None] = pass_through
) -> RevertSummary:
    bench.wait(10)
    tools = WriteTools(now=bench.now, wait=bench.wait, reach=reach)
    return revert_run(bench.database, bench.client, tools, reverted_run_id=run_id, run_id="undo-1", actor="test")


def update_one(bench: WriteBench) -> tuple[str, dict[str, object]]:
    """Let a run update one known lead; return the record's id and how it was before."""
    (record_id,) = bench.load("Lead", org_lead(1, Company="Somebody's Own Words"))
    (before,) = bench.records()
    bench.add_leads(person(1))
    bench.prepare()
    bench.write()
    return record_id, before


def out_of_hands(bench: WriteBench) -> list[bool]:
    """Return of each written record whether the gates behind a sync leave its values alone."""
    with bench.database.transaction() as connection:
        pages = list(read_written_pages(connection, BATCH_ID))
    return [bool(record.is_out_of_hands) for page in pages for record in page]


def test_every_field_that_nobody_touched_goes_back(bench: WriteBench) -> None:
    _, before = update_one(bench)

    summary = revert(bench)

    (record,) = bench.records()
    assert {name: record[name] for name in IMAGE_FIELDS} == {name: before[name] for name in IMAGE_FIELDS}
    assert record["Dievio_Lead_ID__c"] == "lead-00001"  # a link never moves
    assert summary.records_changed == 1
    assert summary.fields_put_back >= 3
    assert summary.fields_refused == 0
    bench.assert_log_equals_journal()


def test_what_a_rep_typed_since_stays(bench: WriteBench) -> None:
    record_id, before = update_one(bench)
    bench.wait(60)
    bench.edit(record_id, {"Title": "What the rep typed"})

    summary = revert(bench)

    (record,) = bench.records()
    assert (record["Title"], record["Phone"]) == ("What the rep typed", before["Phone"])
    assert summary.fields_changed_since == 1


def test_an_edit_during_the_undoing_survives(bench: WriteBench) -> None:
    record_id, _ = update_one(bench)

    def interfere(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_INTENT_COMMIT and not bench.journal(ours=False)[1:]:
            bench.edit(record_id, {"Title": "Typed in the last moment"})

    summary = revert(bench, reach=interfere)

    (record,) = bench.records()
    assert (record["Title"], record["Phone"]) == ("Typed in the last moment", None)
    assert summary.fields_refused == 0
    bench.assert_log_equals_journal()


def test_created_records_are_noted_and_never_deleted(bench: WriteBench) -> None:
    bench.add_leads(person(1), person(2))
    bench.prepare()
    bench.write()

    summary = revert(bench)

    records = bench.records()
    assert len(records) == 2
    assert {record[TAG_FIELD] for record in records} == {"Reverted: created by run run-1"}
    assert {record["Title"] for record in records} == {"Head of Operations"}
    assert sorted(summary.created_records) == sorted(record["Id"] for record in records)
    assert summary.tagged_records == 2


def test_a_second_undoing_writes_nothing(bench: WriteBench) -> None:
    update_one(bench)
    revert(bench)
    journal = bench.journal()

    summary = revert(bench)

    assert bench.journal() == journal
    assert (summary.fields_put_back, summary.records_changed) == (0, 0)


def test_the_preview_says_what_the_undoing_does_and_writes_nothing(bench: WriteBench) -> None:
    update_one(bench)
    journal = bench.journal()

    preview = preview_revert(bench.database, bench.client, reverted_run_id="run-1", now=bench.now)

    assert bench.journal() == journal
    assert preview.is_dry_run
    assert preview.fields_put_back == revert(bench).fields_put_back


@pytest.mark.parametrize("kind", ["reset_after_commit", "reset_before_commit"])
def test_a_lost_answer_is_settled_by_reading(bench: WriteBench, kind: str) -> None:
    update_one(bench)
    bench.fault(kind, times=1, **UPDATE_ROUTE)

    summary = revert(bench)

    (record,) = bench.records()
    assert (record["Title"], record["Phone"]) == (None, None)
    assert summary.fields_refused == 0
    bench.assert_log_equals_journal()


def test_an_undoing_that_lands_after_it_was_given_up_counts_as_done_and_stands_in_the_log(bench: WriteBench) -> None:
    update_one(bench)
    bench.fault("late_commit", delay_seconds=30, times=1, **UPDATE_ROUTE)

    def let_it_land(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_SETTLING and bench.ask("SELECT 1 FROM write_intent WHERE state = 'void'"):
            bench.wait(60)

    summary = revert(bench, reach=let_it_land)

    assert (summary.records_changed, summary.fields_already_back) == (1, 0)
    assert summary.fields_put_back >= 3
    bench.assert_log_equals_journal()


def test_a_value_that_went_back_is_no_longer_held_for_ours(bench: WriteBench) -> None:
    record_id, _ = update_one(bench)

    revert(bench)

    assert not bench.ask(
        "SELECT 1 FROM field_value WHERE salesforce_id = %s AND field IN ('Title', 'Phone')", record_id
    )
    (entry,) = bench.ask("SELECT actor, run_id, outcome FROM sync_log WHERE operation = 'revert'")
    assert entry == {"actor": "test", "run_id": "undo-1", "outcome": "applied"}


def test_gates_hold_nothing_against_a_record_whose_write_was_undone(bench: WriteBench) -> None:
    update_one(bench)

    assert out_of_hands(bench) == [False]
    revert(bench)
    assert out_of_hands(bench) == [True]


def test_a_write_that_can_never_succeed_is_tried_once(bench: WriteBench) -> None:
    record_id, _ = update_one(bench)
    bench.fault("partial_failure", times=9, code="STRING_TOO_LONG", **UPDATE_ROUTE)

    summary = revert(bench)

    assert summary.fields_put_back == 0
    assert summary.fields_refused >= 3
    attempts = bench.ask("SELECT state FROM write_intent WHERE purpose = 'revert' AND salesforce_id = %s", record_id)
    assert [row["state"] for row in attempts] == ["refused"]


def test_a_deleted_record_is_left_alone(bench: WriteBench) -> None:
    record_id, _ = update_one(bench)
    bench.delete(record_id)

    summary = revert(bench)

    assert (summary.fields_put_back, summary.fields_refused) == (0, 0)
    assert summary.fields_left > 0


def test_a_run_that_wrote_nothing_cannot_be_undone(bench: WriteBench) -> None:
    with pytest.raises(UnknownRunError):
        revert(bench, "run-of-somebody-else")

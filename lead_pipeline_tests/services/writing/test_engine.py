"""The write protocol against a real org and a real database: nothing lost, nothing twice, nothing overwritten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lead_pipeline.errors import LeaseHeldError, WritesRefusedError
from lead_pipeline.services.writing.ports import CrashPoint
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench, org_lead, person

NEXT_BATCH_ID = "2026-05-05"
COLLECTION = "composite/sobjects"
INSERT_ROUTE = {"route": COLLECTION, "method": "POST"}
UPDATE_ROUTE = {"route": "composite", "method": "POST", "body_contains": "If-Unmodified-Since"}


def test_new_leads_are_inserted_with_external_id_receipt_and_holding_owner(bench: WriteBench) -> None:
    bench.add_leads(person(1), person(2))
    bench.prepare()

    summary = bench.write()

    assert (summary.created_by_run, summary.unknown, summary.unsettled) == (2, 0, 0)
    records = bench.records()
    assert {record["Dievio_Lead_ID__c"] for record in records} == {"lead-00001", "lead-00002"}
    assert {record["OwnerId"][:15] for record in records} == {"00G5e0000000001"}
    bench.assert_log_equals_journal()


def test_a_known_lead_is_updated_where_it_is_blank(bench: WriteBench) -> None:
    (record_id,) = bench.load("Lead", org_lead(1, Company="Somebody's Own Words"))
    bench.add_leads(person(1))
    bench.prepare()

    summary = bench.write()

    assert (summary.created_by_run, summary.updated_by_run) == (0, 1)
    (record,) = bench.records()
    assert (record["Id"], record["Title"]) == (record_id, "Head of Operations")
    assert (record["Company"], record["Dievio_Lead_ID__c"]) == ("Somebody's Own Words", "lead-00001")
    bench.assert_log_equals_journal()


def test_repeating_a_finished_batch_writes_nothing_and_asks_nothing(bench: WriteBench) -> None:
    bench.load("Lead", org_lead(1))
    bench.add_leads(person(1), person(2))
    bench.prepare()
    bench.write()
    journal, calls = bench.journal(), bench.client.calls

    summary = bench.write()

    assert (summary.created_by_run, summary.updated_by_run, summary.settled) == (0, 0, 2)
    assert bench.journal() == journal
    assert bench.client.calls == calls


@pytest.mark.parametrize("kind", ["reset_after_commit", "reset_before_commit", "truncated_json"])
@pytest.mark.parametrize("is_known", [True, False], ids=["update", "insert"])
def test_a_lost_answer_is_settled_by_reading(bench: WriteBench, kind: str, *, is_known: bool) -> None:
    if is_known:
        bench.load("Lead", org_lead(1))
    bench.add_leads(person(1))
    bench.prepare()
    bench.fault(kind, times=1, **(UPDATE_ROUTE if is_known else INSERT_ROUTE))

    summary = bench.write()

    assert (summary.unknown, summary.unsettled) == (0, 0)
    (record,) = bench.records()
    assert (record["Title"], record["Dievio_Lead_ID__c"]) == ("Head of Operations", "lead-00001")
    assert len(bench.journal()) == 1
    bench.assert_log_equals_journal()


def test_a_write_that_lands_late_is_credited_once_and_makes_no_second_record(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.prepare()
    bench.fault("late_commit", delay_seconds=30, times=1, **INSERT_ROUTE)

    def pass_on(point: CrashPoint) -> None:
        if point is CrashPoint.IN_RECONCILIATION:
            bench.end_faults()

    bench.write(reach=pass_on)
    bench.wait(60)
    bench.write()

    assert len(bench.records()) == 1
    assert bench.outcomes() == {"lead-00001": "created"}
    bench.assert_log_equals_journal()


@pytest.mark.parametrize("is_known", [True, False], ids=["update", "insert"])
def test_a_write_that_lands_after_it_was_given_up_is_still_ours(bench: WriteBench, *, is_known: bool) -> None:
    if is_known:
        bench.load("Lead", org_lead(1))
    bench.add_leads(person(1))
    bench.prepare()
    bench.fault("late_commit", delay_seconds=30, times=1, **(UPDATE_ROUTE if is_known else INSERT_ROUTE))

    def let_it_land(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_SETTLING and bench.ask("SELECT 1 FROM write_intent WHERE state = 'void'"):
            bench.wait(60)

    bench.write(reach=let_it_land)

    assert len(bench.records()) == 1
    assert bench.outcomes() == {"lead-00001": "updated" if is_known else "created"}
    assert [row["state"] for row in bench.ask("SELECT state FROM write_intent")] == ["applied"]
    bench.assert_log_equals_journal()


def test_an_edit_between_reading_and_writing_survives(bench: WriteBench) -> None:
    (record_id,) = bench.load("Lead", org_lead(1))
    bench.add_leads(person(1))
    bench.prepare()

    def interfere(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_INTENT_COMMIT and len(bench.journal(ours=False)) == 0:
            bench.edit(record_id, {"Title": "What the rep typed"})

    bench.write(reach=interfere)

    (record,) = bench.records()
    assert record["Title"] == "What the rep typed"
    assert record["Phone"] == "+493012300001"
    assert bench.outcomes() == {"lead-00001": "updated"}
    bench.assert_log_equals_journal()


def test_an_edit_in_the_second_of_the_edit_that_was_planned_with_survives(bench: WriteBench) -> None:
    (record_id,) = bench.load("Lead", org_lead(1))
    bench.add_leads(person(1))
    bench.emulated.org.clock.set(bench.now(), frozen=True)
    bench.edit(record_id, {"Description": "seen"})
    bench.read_and_plan()
    bench.edit(record_id, {"Title": "What the rep typed"})
    bench.wait(60)

    bench.write()

    (record,) = bench.records()
    assert record["Title"] == "What the rep typed"
    bench.assert_log_equals_journal()


def test_a_record_that_is_edited_again_and_again_goes_to_a_person(bench: WriteBench) -> None:
    (record_id,) = bench.load("Lead", org_lead(1))
    bench.add_leads(person(1))
    bench.prepare()
    edits = iter(range(100))

    def interfere(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_INTENT_COMMIT:
            bench.wait(5)
            bench.edit(record_id, {"Description": f"note {next(edits)}"})
            bench.wait(5)

    bench.write(reach=interfere)

    assert bench.outcomes() == {"lead-00001": "review"}
    assert bench.reasons() == {"lead-00001": "record_changed"}
    assert bench.journal() == []
    assert len(bench.ask("SELECT 1 FROM write_intent WHERE state = 'refused'")) == 4


def test_an_update_waits_until_no_edit_can_hide_in_the_second_of_the_reading(bench: WriteBench) -> None:
    (record_id,) = bench.load("Lead", org_lead(1))
    bench.add_leads(person(1))
    bench.prepare()
    bench.edit(record_id, {"Description": "just now"})
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        bench.wait(seconds)

    summary = bench.write(wait=wait)

    assert waits
    assert summary.updated_by_run == 1


def test_one_refused_record_leaves_its_neighbours_alone(bench: WriteBench) -> None:
    bench.add_leads(*(person(number) for number in range(1, 6)))
    bench.prepare()
    bench.fault("partial_failure", record_index=2, code="STRING_TOO_LONG", times=1, **INSERT_ROUTE)

    bench.write()

    assert sorted(bench.outcomes().values()) == ["created"] * 4 + ["dead_letter"]
    (letter,) = bench.ask("SELECT * FROM dead_letter")
    assert (letter["error_code"], letter["error_class"]) == ("STRING_TOO_LONG", "validation_failed")
    assert letter["owner"]
    assert letter["payload"]["LastName"].startswith("Probe")


def test_a_locked_record_is_tried_again_in_smaller_calls(bench: WriteBench) -> None:
    bench.add_leads(*(person(number) for number in range(1, 9)))
    bench.prepare()
    bench.fault("row_lock", times=2, **INSERT_ROUTE)

    summary = bench.write()

    assert summary.created_by_run == 8
    assert {row["attempt"] for row in bench.ask("SELECT attempt FROM write_intent")} == {1}


def test_a_lock_that_never_opens_ends_as_a_dead_letter_after_four_tries(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.prepare()
    calls = bench.client.calls
    bench.fault("row_lock", **INSERT_ROUTE)

    bench.write()

    assert bench.outcomes() == {"lead-00001": "dead_letter"}
    assert [row["error_class"] for row in bench.ask("SELECT error_class FROM dead_letter")] == ["transient"]
    assert bench.client.calls - calls <= 6


def test_a_lead_that_was_converted_meanwhile_is_planned_anew(bench: WriteBench) -> None:
    (record_id,) = bench.load("Lead", org_lead(1))
    bench.add_leads(person(1))
    bench.prepare()
    bench.fault("convert", id=record_id, times=1, **UPDATE_ROUTE)

    bench.write()

    assert bench.outcomes()["lead-00001"] in {"updated", "skipped", "review"}
    assert not [entry for entry in bench.journal() if entry["object"] == "Lead"]
    bench.assert_log_equals_journal()


def test_a_record_that_was_deleted_meanwhile_is_not_brought_back(bench: WriteBench) -> None:
    (record_id,) = bench.load("Lead", org_lead(1))
    bench.add_leads(person(1))
    bench.prepare()
    bench.fault("delete", id=record_id, times=1, **UPDATE_ROUTE)

    bench.write()

    assert [entry["id"] for entry in bench.journal() if entry["op"] == "update"] == []
    assert set(bench.outcomes()) == {"lead-00001"}


def test_a_duplicate_rule_sends_the_lead_to_review_with_its_candidates(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.prepare()
    bench.fault("create", object="Lead", fields={key: value for key, value in org_lead(1).items() if "Date" not in key
                and "Modstamp" not in key}, times=1, **INSERT_ROUTE)  # fmt: skip

    bench.write()

    outcome = bench.outcomes()["lead-00001"]
    assert outcome == "review"
    assert bench.reasons() == {"lead-00001": "duplicate_rule"}
    assert len(bench.records()) == 1


def test_two_leads_of_one_person_are_written_one_after_the_other(bench: WriteBench) -> None:
    twin = {**person(1), "dievio_lead_id": "lead-00002"}
    bench.add_leads(person(1), twin)
    bench.prepare()

    bench.write()

    assert len(bench.records()) == 1
    assert bench.outcomes()["lead-00001"] == "created"
    assert bench.outcomes()["lead-00002"] in {"updated", "skipped", "review"}


def test_a_field_we_may_not_write_stops_the_run_and_keeps_the_plan(bench: WriteBench) -> None:
    bench.add_leads(person(1), person(2))
    bench.prepare()
    bench.fault("partial_failure", code="INVALID_FIELD_FOR_INSERT_UPDATE", **INSERT_ROUTE)

    with pytest.raises(WritesRefusedError):
        bench.write()

    assert bench.outcomes() == {}
    bench.end_faults()
    assert bench.write().created_by_run == 2


def test_the_run_stops_at_its_share_of_calls_and_the_next_one_goes_on(bench: WriteBench) -> None:
    bench.add_leads(*(person(number) for number in range(1, 7)))
    bench.prepare()
    bench.limits = replace(bench.limits, collection_records=2)
    allowed = bench.emulated.org.calls_used() + 4
    bench.emulated.org.settings.daily_calls = int(allowed / bench.limits.api_share)

    stopped = bench.write()
    assert bench.emulated.org.calls_used() < allowed  # what is written has to be read back
    bench.emulated.org.settings.daily_calls = 100_000
    bench.client.active_validation_rules("Lead")
    finished = bench.write()

    assert stopped.stopped_reason
    assert 0 < stopped.created_by_run < 6
    assert stopped.created_by_run + finished.created_by_run == 6
    assert finished.is_complete


def test_two_runs_of_one_batch_do_not_write_at_once(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.prepare()
    refused: list[str] = []

    def start_another(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_INTENT_COMMIT:
            with pytest.raises(LeaseHeldError) as caught:
                bench.write()
            refused.append(str(caught.value))

    bench.write(reach=start_another)

    assert refused
    assert "run-1" in refused[0]
    assert len(bench.records()) == 1


@pytest.mark.parametrize(
    "point",
    [
        CrashPoint.AFTER_FRESH_READ,
        CrashPoint.BEFORE_INTENT_COMMIT,
        CrashPoint.AFTER_INTENT_COMMIT,
        CrashPoint.AFTER_ANSWER,
        CrashPoint.AFTER_RESULT_COMMIT,
    ],
)
def test_a_run_that_died_is_finished_by_the_next_one(bench: WriteBench, point: CrashPoint) -> None:
    bench.load("Lead", org_lead(1))
    bench.add_leads(person(1), person(2), person(3))
    bench.prepare()

    bench.die_at(point)
    summary = bench.write()

    assert summary.is_complete
    assert sorted(bench.outcomes().values()) == ["created", "created", "updated"]
    assert len(bench.records()) == 3
    assert len(bench.journal()) == 3
    bench.assert_log_equals_journal()


def test_an_older_row_does_not_replace_what_an_open_write_turns_out_to_have_brought(bench: WriteBench) -> None:
    bench.load("Lead", org_lead(1))
    bench.add_leads(person(1, seniority="vp"), batch_id=NEXT_BATCH_ID)
    bench.prepare(NEXT_BATCH_ID)
    bench.die_at(CrashPoint.AFTER_ANSWER, batch_id=NEXT_BATCH_ID)
    bench.add_leads(person(1, seniority="manager"))
    with bench.database.transaction() as connection:
        connection.execute("UPDATE lead SET fetched_at = fetched_at - interval '1 day' WHERE batch_id = %s", [BATCH_ID])
    bench.prepare()  # sees the value in the org, and no write of ours that is known to have brought it
    bench.write(batch_id=NEXT_BATCH_ID)

    bench.write()

    (record,) = bench.records()
    assert record["Seniority__c"] == "vp"

"""The audit against a real org and a real database: it holds after a true run, and sees every planted lie."""

from __future__ import annotations

import pytest

from lead_pipeline.domain.invariants import Invariant
from lead_pipeline.services.audit import AuditSummary, audit
from lead_pipeline.services.refresh_directory import changed_since
from lead_pipeline.services.revert import revert_run
from lead_pipeline.services.writing.ports import WriteTools
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench, org_lead, person

NEXT_BATCH_ID = "2026-05-05"
OTHER_VALUE = """
UPDATE sync_log SET fields_changed = jsonb_set(fields_changed, '{0,after}', '"x"') WHERE operation = 'update'
"""
SECOND_RECORD = """
INSERT INTO directory_record
SELECT object_name, '00Q000000000000AAA', fields, dievio_lead_id, owner_id, last_modified_by_id, is_deleted,
       master_record_id, is_converted, converted_contact_id, last_modified_at, system_modstamp, key_version
FROM directory_record WHERE dievio_lead_id = 'lead-00001'
"""
NOTHING_NEW = """
UPDATE sync_log AS l SET fields_changed = (
    SELECT jsonb_agg(jsonb_set(c, '{before}', c -> 'after')) FROM jsonb_array_elements(l.fields_changed) AS c)
WHERE operation = 'update'
"""
LIES = {
    "a write that nobody logged": ("DELETE FROM sync_log WHERE operation = 'create'", Invariant.LOG),
    "an entry for another record": ("UPDATE sync_log SET salesforce_id = '00Q000000000000AAA'", Invariant.LOG),
    "an entry with another value": (OTHER_VALUE, Invariant.LOG),
    "an outcome that was lost": ("DELETE FROM lead_outcome WHERE outcome = 'created'", Invariant.CONSERVATION),
    "an outcome that never was": (
        "UPDATE lead_outcome SET outcome = 'created' WHERE outcome = 'updated'",
        Invariant.CONSERVATION,
    ),
    "a write left open": ("UPDATE write_intent SET state = 'unknown' WHERE kind = 'update'", Invariant.CONSERVATION),
    "a second record of a lead": (SECOND_RECORD, Invariant.ONE_RECORD),
    "a paid page without a booking": ("DELETE FROM credit_ledger", Invariant.CREDITS),
    "a price that nobody paid": ("UPDATE raw_page SET credits = credits + 1", Invariant.CREDITS),
    "a budget that was not kept": ("UPDATE credit_ledger SET budget_credits = 1", Invariant.CREDITS),
    "an update with nothing new": (NOTHING_NEW, Invariant.ECHO),
}
#: What needs the org's own history to be seen.
SEEN_BY_JOURNAL = {
    "an entry for another record",
    "an entry with another value",
    "an outcome that never was",
}


def look(bench: WriteBench, *, has_journal: bool = True) -> AuditSummary:
    changed_since(bench.database, bench.client, fields_by_object=bench.rules.fields_by_object, now=bench.now)
    return audit(
        bench.database,
        bench.client,
        bench.rules.mappings,
        now=bench.now,
        journal=bench.journal() if has_journal else None,
        batch_id=None if has_journal else BATCH_ID,
    )


def run_once(bench: WriteBench) -> None:
    """A night with a new lead and a known one; then a rep works on."""
    (known,) = bench.load("Lead", org_lead(1, Company="Somebody's Own Words"))
    bench.add_leads(person(1), person(2))
    bench.prepare()
    bench.write()
    bench.wait(60)
    bench.edit(known, {"Title": "What the rep typed"})


@pytest.mark.parametrize("has_journal", [True, False], ids=["journal", "records"])
def test_every_promise_holds_after_a_night_and_its_undoing(bench: WriteBench, *, has_journal: bool) -> None:
    run_once(bench)
    bench.wait(10)
    tools = WriteTools(now=bench.now, wait=bench.wait)
    revert_run(bench.database, bench.client, tools, reverted_run_id="run-1", run_id="undo", actor="test")

    summary = look(bench, has_journal=has_journal)

    assert summary.violations == ()
    assert (summary.rows, summary.writes, summary.commits) == (2, 4, 4)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_in_the_books_is_seen(bench: WriteBench, lie: str) -> None:
    run_once(bench)
    look(bench)
    statement, invariant = LIES[lie]
    with bench.database.transaction() as connection:
        connection.execute(statement)

    assert invariant in {violation.invariant for violation in look(bench).violations}
    if lie not in SEEN_BY_JOURNAL:
        assert invariant in {violation.invariant for violation in look(bench, has_journal=False).violations}


def test_a_change_behind_our_back_is_seen(bench: WriteBench) -> None:
    run_once(bench)
    (record_id,) = {
        row["salesforce_id"] for row in bench.ask("SELECT salesforce_id FROM sync_log WHERE operation = 'create'")
    }
    bench.edit(record_id, {"City": "Elsewhere"}, user="integration")

    found = look(bench).violations

    assert {violation.invariant for violation in found} == {Invariant.LOG}
    assert {violation.subject for violation in found} == {record_id}


def test_a_receipt_that_is_not_ours_is_seen_on_the_record_itself(bench: WriteBench) -> None:
    run_once(bench)
    (record_id,) = {
        row["salesforce_id"] for row in bench.ask("SELECT salesforce_id FROM sync_log WHERE operation = 'create'")
    }
    foreign = "00000000-0000-4000-8000-000000000001"
    bench.edit(record_id, {"Dievio_Last_Op__c": foreign}, user="integration")

    found = look(bench, has_journal=False).violations

    assert foreign in {violation.subject for violation in found}


def test_a_violation_names_ids_and_fields_and_no_value(bench: WriteBench) -> None:
    run_once(bench)
    with bench.database.transaction() as connection:
        connection.execute(OTHER_VALUE)

    texts = " ".join(str(violation) for violation in look(bench).violations)

    assert texts
    assert "Probe" not in texts
    assert "@" not in texts


def test_a_row_that_replaced_a_fresher_one_is_seen(bench: WriteBench) -> None:
    for batch_id, title in ((BATCH_ID, "First title"), (NEXT_BATCH_ID, "Second title")):
        bench.add_leads(person(1, title=title), batch_id=batch_id)
        bench.prepare(batch_id)
        bench.write(batch_id=batch_id)
        bench.wait(60)
    assert look(bench).violations == ()
    with bench.database.transaction() as connection:
        connection.execute("UPDATE lead SET fetched_at = fetched_at + interval '1 day' WHERE batch_id = %s", [BATCH_ID])

    for has_journal in (True, False):
        assert {violation.invariant for violation in look(bench, has_journal=has_journal).violations} == {
            Invariant.FRESHNESS
        }

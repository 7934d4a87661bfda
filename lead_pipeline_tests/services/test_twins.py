"""A second record that a rep makes while ours is on its way becomes one question, and its answer opens the gate."""

from __future__ import annotations

import pytest

from lead_pipeline.domain.review_reasons import ReviewChoice
from lead_pipeline.errors import DecisionRefusedError
from lead_pipeline.sandbox.salesforce_org.lifecycle import Lifecycle
from lead_pipeline_tests.services.rework_bench import closed_gates, decide, open_items
from lead_pipeline_tests.services.write_bench import WriteBench, org_lead, person

GATE = "sync_salesforce__readback__duplicates"
OURS_TO_GIVE = ("CreatedDate", "LastModifiedDate", "SystemModstamp")


@pytest.fixture
def twin(bench: WriteBench) -> str:
    """A night with two new leads; a rep makes a record of the first one before it is read back. Return that record."""
    bench.add_leads(person(1), person(2))
    bench.prepare()
    bench.look()
    bench.write()
    bench.create({name: value for name, value in org_lead(1).items() if name not in OURS_TO_GIVE})
    look_again(bench)
    (record,) = bench.ask("SELECT salesforce_id FROM directory_record WHERE dievio_lead_id IS NULL")
    return str(record["salesforce_id"])


def look_again(bench: WriteBench) -> None:
    """Read what changed in the org and ask every gate, as running the batch again does."""
    bench.wait(5)
    bench.read_back()
    bench.look()


def our_record(bench: WriteBench) -> str:
    (row,) = bench.ask("SELECT salesforce_id FROM lead_outcome WHERE dievio_lead_id = 'lead-00001'")
    return str(row["salesforce_id"])


def merge(bench: WriteBench, kept: str, gone: str) -> None:
    admin = bench.emulated.org.find_user("admin")
    assert admin is not None
    Lifecycle(bench.emulated.org, admin).merge(kept, [gone])


def test_a_twin_is_asked_about_once_with_both_records_and_no_value_of_the_person(bench: WriteBench, twin: str) -> None:
    look_again(bench)

    (item,) = open_items(bench)
    assert (item.reason, item.dievio_lead_id, item.owner) == ("twin_created", "lead-00001", "sales_ops")
    assert [candidate.salesforce_id for candidate in item.candidates] == [twin]
    assert item.question == f"beside our record {our_record(bench)} the org holds {twin} of the same person"
    assert closed_gates(bench) == [GATE]
    (gate,) = bench.ask("SELECT next_step, failed_ids FROM gate_result WHERE gate = %s", GATE)
    assert "review list --reason twin_created" in gate["next_step"]
    assert gate["failed_ids"] == ["lead-00001"]


@pytest.mark.parametrize("choice", [ReviewChoice.NOT_SAME, ReviewChoice.SKIP])
def test_two_people_and_a_pair_to_be_left_open_the_gate_for_good(
    bench: WriteBench, twin: str, choice: ReviewChoice
) -> None:
    summary = decide(bench, choice, *([twin] if choice is ReviewChoice.NOT_SAME else []))

    assert summary.held_up == ()
    assert (closed_gates(bench), open_items(bench)) == ([], ())
    handed_over = bench.ask("SELECT FROM handover WHERE state = 'done'")
    assert len(handed_over) == 2
    bench.look()
    assert (closed_gates(bench), open_items(bench)) == ([], ())


@pytest.mark.parametrize("is_ours_kept", [True, False])
def test_one_person_keeps_the_gate_closed_until_the_records_are_merged(
    bench: WriteBench, twin: str, *, is_ours_kept: bool
) -> None:
    summary = decide(bench, ReviewChoice.SAME, twin)

    assert "duplicates" in summary.held_up[0]
    assert (closed_gates(bench), open_items(bench)) == ([GATE], ())
    assert bench.ask("SELECT FROM pair_memory") == []  # the link follows the merge, and is not moved before

    kept, gone = (our_record(bench), twin) if is_ours_kept else (twin, our_record(bench))
    merge(bench, kept, gone)
    look_again(bench)
    assert (closed_gates(bench), open_items(bench)) == ([], ())
    assert bench.hand_over().as_metadata()["kept"] == (0 if is_ours_kept else 1)  # the rep's record has its owner


def test_a_question_whose_record_went_ends_by_itself(bench: WriteBench, twin: str) -> None:
    bench.delete(twin)
    look_again(bench)

    assert (closed_gates(bench), open_items(bench)) == ([], ())
    (item,) = bench.ask("SELECT decision ->> 'choice' AS choice, decided_by FROM review_item")
    assert item == {"choice": "gone", "decided_by": "lead_pipeline"}


def test_a_record_that_carries_our_id_is_not_talked_away(bench: WriteBench, twin: str) -> None:
    with bench.database.transaction() as connection:
        connection.execute("DELETE FROM review_item")
        connection.execute("UPDATE directory_record SET dievio_lead_id = 'lead-00001' WHERE salesforce_id = %s", [twin])
    bench.look()

    with pytest.raises(DecisionRefusedError, match="carries our id"):
        decide(bench, ReviewChoice.NOT_SAME, twin)

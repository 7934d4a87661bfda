"""A person's answer is remembered, carried out through the write path, and never asked for again."""

from __future__ import annotations

from typing import Any

import pytest

from lead_pipeline.domain.review_reasons import ReviewChoice
from lead_pipeline.domain.survivorship import AnswerChoice
from lead_pipeline.errors import DecisionRefusedError, ReviewItemClosedError, UnknownCaseError
from lead_pipeline.services.reworking import rework_rows
from lead_pipeline.store import writes
from lead_pipeline.store.leases import hold_lease
from lead_pipeline_tests.services.rework_bench import (
    closed_gates,
    count_rows,
    decide,
    end_night,
    new_rework,
    open_items,
    plan_next_night,
    settle_conflicts,
)
from lead_pipeline_tests.services.write_bench import (
    BATCH_ID,
    SALES_USERS,
    ProcessDiedError,
    WriteBench,
    org_lead,
    person,
)

SELLERS = [str(user["Id"]) for user in SALES_USERS]
INSERT_ROUTE = {"route": "composite/sobjects", "method": "POST"}
NAMESAKE = {"Email": None, "Website": "https://firm1.example"}  # same name and domain, no address


@pytest.fixture
def twins(bench: WriteBench) -> tuple[str, str]:
    """A night with a lead that two records of the org fit, beside one that nobody knows; return the records."""
    one, two = bench.load("Lead", org_lead(1, **NAMESAKE), org_lead(1, **NAMESAKE))
    bench.add_leads(person(1), person(2))
    end_night(bench)
    assert bench.reasons()["lead-00001"] == "several_candidates"
    return one, two


def test_same_updates_the_named_record_and_is_not_asked_again(bench: WriteBench, twins: tuple[str, str]) -> None:
    summary = decide(bench, ReviewChoice.SAME, twins[0])

    assert (dict(summary.outcomes), summary.left, summary.held_up) == ({"updated": 1}, 0, ())
    by_id = {record["Id"]: record for record in bench.records()}
    assert by_id[twins[0]]["Dievio_Lead_ID__c"] == "lead-00001"
    assert by_id[twins[1]]["Dievio_Lead_ID__c"] is None
    assert bench.outcomes() == {"lead-00001": "updated", "lead-00002": "created"}
    assert count_rows(bench) == (2, 2)
    assert closed_gates(bench) == []
    assert plan_next_night(bench)["lead-00001"][0] != "review"


@pytest.fixture
def typed_twins(bench: WriteBench) -> tuple[str, str]:
    """The same with titles that reps typed; return the records."""
    one, two = bench.load("Lead", *(org_lead(1, **NAMESAKE, Title="Typed by a rep") for _ in range(2)))
    bench.add_leads(person(1))
    end_night(bench)
    return one, two


def test_beside_same_a_person_takes_one_value_and_keeps_another_off(
    bench: WriteBench, typed_twins: tuple[str, str]
) -> None:
    fields = {"title": AnswerChoice.TAKE, "Phone": AnswerChoice.KEEP}  # by label or by API name

    summary = decide(bench, ReviewChoice.SAME, typed_twins[0], fields=fields)

    assert dict(summary.outcomes) == {"updated": 1}
    record = {record["Id"]: record for record in bench.records()}[typed_twins[0]]
    assert (record["Title"], record["Phone"]) == ("Head of Operations", None)
    assert record["Company_Domain__c"] == "firm1.example"  # by the mapping's policy, as ever
    assert plan_next_night(bench)["lead-00001"][0] in {"skip", "update"}
    assert bench.ask("SELECT 1 FROM review_item WHERE state = 'open'") == []


def test_a_value_that_the_lead_does_not_bring_cannot_be_taken(bench: WriteBench, typed_twins: tuple[str, str]) -> None:
    with pytest.raises(DecisionRefusedError, match=r"no other value for Nickname__c of that record; it brings .*Title"):
        decide(bench, ReviewChoice.SAME, typed_twins[0], fields={"Nickname__c": AnswerChoice.TAKE})

    assert len(open_items(bench)) == 1


def test_the_log_tells_who_decided_and_the_write_says_why(bench: WriteBench, twins: tuple[str, str]) -> None:
    decide(bench, ReviewChoice.SAME, twins[0])

    (row,) = bench.ask(
        "SELECT l.actor, l.operation, l.outcome, w.purpose FROM sync_log AS l JOIN write_intent AS w USING (op_id)"
        " WHERE l.dievio_lead_id = 'lead-00001' AND l.op_id IS NOT NULL"
    )
    assert row == {"actor": "anna", "operation": "update", "outcome": "applied", "purpose": "review"}
    (item,) = bench.ask("SELECT state, decided_by, decision ->> 'reason' AS reason FROM review_item")
    assert item == {"state": "decided", "decided_by": "anna", "reason": "looked it up"}


def test_create_makes_a_record_that_reaches_an_owner(bench: WriteBench, twins: tuple[str, str]) -> None:

    summary = decide(bench, ReviewChoice.CREATE)

    assert dict(summary.outcomes) == {"created": 1}
    (record,) = [record for record in bench.records() if record["Dievio_Lead_ID__c"] == "lead-00001"]
    assert record["Id"] not in twins
    assert record["OwnerId"][:15] in SELLERS
    assert closed_gates(bench) == []
    assert plan_next_night(bench)["lead-00001"][0] in {"skip", "update"}


def test_not_same_leaves_the_other_candidate(bench: WriteBench, twins: tuple[str, str]) -> None:
    summary = decide(bench, ReviewChoice.NOT_SAME, twins[1])

    assert dict(summary.outcomes) == {"updated": 1}
    assert {record["Id"]: record["Title"] for record in bench.records()}[twins[0]] == "Head of Operations"


@pytest.mark.usefixtures("twins")
def test_skip_leaves_the_lead_alone_on_the_next_night_as_well(bench: WriteBench) -> None:
    journal = bench.journal()

    summary = decide(bench, ReviewChoice.SKIP)

    assert dict(summary.outcomes) == {"skipped": 1}
    assert bench.reasons()["lead-00001"] == "skipped_by_person"
    assert bench.journal() == journal
    assert closed_gates(bench) == []
    assert plan_next_night(bench)["lead-00001"] == ("skip", "skipped_by_person")


@pytest.mark.usefixtures("twins")
def test_a_new_candidate_is_a_new_question(bench: WriteBench) -> None:
    decide(bench, ReviewChoice.SKIP)
    bench.load("Lead", org_lead(1, **NAMESAKE, LastModifiedDate="2026-05-04T03:30:00.000+0000",
                                SystemModstamp="2026-05-04T03:30:00.000+0000"))  # fmt: skip
    bench.prepare()

    assert plan_next_night(bench)["lead-00001"] == ("review", "several_candidates")


def test_two_answers_to_one_question_the_first_stands(bench: WriteBench, twins: tuple[str, str]) -> None:
    (item,) = open_items(bench)
    decide(bench, ReviewChoice.SAME, twins[0])

    with pytest.raises(ReviewItemClosedError, match="decided by anna"):
        decide(bench, ReviewChoice.SAME, twins[1], item=item)

    assert bench.ask("SELECT salesforce_id, answer FROM pair_memory") == [{"salesforce_id": twins[0], "answer": "same"}]


def test_an_answer_that_the_question_does_not_take_changes_nothing(bench: WriteBench, twins: tuple[str, str]) -> None:
    for choice, records in (
        (ReviewChoice.SAME, ()),
        (ReviewChoice.SAME, twins),
        (ReviewChoice.SAME, ("00Q000000000000AAA",)),
        (ReviewChoice.NOT_SAME, ("00Q000000000000AAA",)),
        (ReviewChoice.AGAIN, ()),
    ):
        with pytest.raises(DecisionRefusedError):
            decide(bench, choice, *records)

    assert [item.state for item in open_items(bench)] == ["open"]
    assert bench.outcomes()["lead-00001"] == "review"


def test_a_record_of_another_lead_is_refused_before_anything_is_kept(bench: WriteBench, twins: tuple[str, str]) -> None:
    (other,) = [record["Id"] for record in bench.records() if record["Dievio_Lead_ID__c"] == "lead-00002"]

    with pytest.raises(DecisionRefusedError, match="belongs to lead lead-00002"):
        decide(bench, ReviewChoice.SAME, other)

    assert twins[0] != other
    assert bench.ask("SELECT 1 FROM pair_memory") == []


def test_an_unknown_question_is_named(bench: WriteBench) -> None:
    with pytest.raises(UnknownCaseError, match="no review item 4711"):
        decide(bench, ReviewChoice.SKIP, item=_numbered(4711))


def test_an_answer_given_while_a_run_works_is_kept_and_carried_out_later(
    bench: WriteBench, twins: tuple[str, str]
) -> None:
    with hold_lease(bench.database, f"batch:{BATCH_ID}", holder="run night", now=bench.now):
        summary = decide(bench, ReviewChoice.SAME, twins[0])

    assert (summary.left, len(summary.held_up)) == (1, 1)
    assert "run night" in summary.held_up[0]
    assert bench.outcomes()["lead-00001"] == "review"
    assert rework_rows(new_rework(bench)).outcomes == {"updated": 1}
    assert bench.outcomes()["lead-00001"] == "updated"


@pytest.mark.parametrize("kind", ["reset_after_commit", "reset_before_commit"])
@pytest.mark.usefixtures("twins")
def test_a_lost_answer_of_a_decided_write_is_settled_by_reading(bench: WriteBench, kind: str) -> None:
    bench.fault(kind, times=1, **INSERT_ROUTE)

    summary = decide(bench, ReviewChoice.CREATE)

    assert dict(summary.outcomes) == {"created": 1}
    assert len(bench.records()) == 4
    assert count_rows(bench) == (2, 2)


def test_a_closed_gate_before_the_write_holds_a_decision_up(bench: WriteBench, twins: tuple[str, str]) -> None:
    bench.ask("UPDATE gate_result SET passed = false WHERE gate = 'core_leads__sync_plan__risk_box' RETURNING 1")
    journal = bench.journal()

    summary = decide(bench, ReviewChoice.SAME, twins[0])

    assert "risk_box" in summary.held_up[0]
    assert bench.journal() == journal
    assert bench.outcomes()["lead-00001"] == "review"


def test_an_edit_between_answer_and_write_survives(bench: WriteBench, twins: tuple[str, str]) -> None:
    bench.edit(twins[0], {"Title": "What the rep typed"})
    bench.wait(5)

    decide(bench, ReviewChoice.SAME, twins[0])

    record = next(record for record in bench.records() if record["Id"] == twins[0])
    assert (record["Title"], record["Dievio_Lead_ID__c"]) == ("What the rep typed", "lead-00001")


@pytest.mark.parametrize(("choice", "title"), [(AnswerChoice.TAKE, "Head of Operations"), (AnswerChoice.KEEP, "Boss")])
def test_a_field_conflict_is_settled_field_by_field(bench: WriteBench, choice: AnswerChoice, title: str) -> None:
    settle_conflicts(bench, "Title", "escalate")
    bench.load("Lead", org_lead(1, Title="Boss"))
    bench.add_leads(person(1))
    end_night(bench)
    (item,) = open_items(bench)
    assert (item.reason, item.proposal) == ("field_conflict", {"Title": "Head of Operations"})

    decide(bench, ReviewChoice.FIELDS, fields={"Title": choice})

    assert [record["Title"] for record in bench.records()] == [title]
    assert bench.outcomes() == {"lead-00001": "updated"}
    assert closed_gates(bench) == []
    assert open_items(bench) == ()
    plan_next_night(bench)
    verdicts = bench.ask(
        "SELECT f ->> 'verdict' AS verdict FROM sync_decision, jsonb_array_elements(fields) AS f"
        " WHERE batch_id = '2026-05-05' AND f ->> 'field' = 'Title'"
    )
    assert [row["verdict"] for row in verdicts] == ["kept_equal" if choice is AnswerChoice.TAKE else "kept_rep_value"]


def test_a_doubt_that_an_earlier_version_called_a_conflict_is_not_asked_again(bench: WriteBench) -> None:
    bench.load("Lead", org_lead(1, Title=None))
    bench.add_leads({**person(1), "flags": ["unverified_title"]})
    end_night(bench)
    (item,) = open_items(bench)
    assert (item.reason, item.proposal) == ("low_confidence", {"Title": "Head of Operations"})
    with bench.database.transaction() as connection:
        connection.execute("UPDATE review_item SET reason = 'field_conflict', batch_id = '2026-05-03'")
        assert writes.open_escalations(connection, BATCH_ID, at=bench.now()) == 0
        connection.execute("UPDATE review_item SET batch_id = %s", [BATCH_ID])

    decide(bench, ReviewChoice.FIELDS, fields={"Title": AnswerChoice.TAKE})

    assert [record["Title"] for record in bench.records()] == ["Head of Operations"]
    assert open_items(bench) == ()


@pytest.mark.parametrize(
    ("choice", "outcome", "titles"),
    [
        (ReviewChoice.SAME, "updated", ["Head of Operations"]),
        (ReviewChoice.NOT_SAME, "created", ["Boss", "Head of Operations"]),
        (ReviewChoice.SKIP, "skipped", ["Boss"]),
    ],
)
def test_a_large_change_is_written_only_on_the_word_of_a_person_and_asked_once(
    bench: WriteBench, choice: ReviewChoice, outcome: str, titles: list[str]
) -> None:
    settle_conflicts(bench, "Title", "newest", ask_from_replaced_values=1)
    (record_id,) = bench.load("Lead", org_lead(1, Title="Boss", **NAMESAKE))
    bench.add_leads(person(1))
    end_night(bench)
    (item,) = open_items(bench)
    assert (item.reason, bench.outcomes()) == ("large_change", {"lead-00001": "review"})
    assert {candidate.salesforce_id for candidate in item.candidates} == {record_id}

    decide(bench, choice, *([] if choice is ReviewChoice.SKIP else [record_id]))

    assert bench.outcomes() == {"lead-00001": outcome}
    assert sorted(record["Title"] for record in bench.records()) == titles
    assert plan_next_night(bench)["lead-00001"][0] == "skip"


@pytest.fixture
def refused(bench: WriteBench) -> WriteBench:
    """A night in which a validation rule of the org refused the only new lead."""
    bench.add_leads(person(1))
    bench.fault("partial_failure", code="FIELD_CUSTOM_VALIDATION_EXCEPTION", times=1, **INSERT_ROUTE)
    end_night(bench)
    bench.end_faults()
    assert bench.reasons() == {"lead-00001": "policy_conflict"}
    return bench


def test_a_mended_cause_is_planned_again(refused: WriteBench) -> None:
    summary = decide(refused, ReviewChoice.AGAIN)

    assert dict(summary.outcomes) == {"created": 1}
    assert closed_gates(refused) == []


def test_a_cause_that_was_not_mended_is_asked_about_again(refused: WriteBench) -> None:
    refused.fault("partial_failure", code="FIELD_CUSTOM_VALIDATION_EXCEPTION", times=1, **INSERT_ROUTE)

    summary = decide(refused, ReviewChoice.AGAIN)

    assert (dict(summary.outcomes), summary.left) == ({"review": 1}, 0)
    assert [item.reason for item in open_items(refused)] == ["policy_conflict"]
    assert count_rows(refused) == (1, 1)


def test_a_refused_write_that_is_skipped_is_not_tried_on_the_next_night(refused: WriteBench) -> None:
    decide(refused, ReviewChoice.SKIP)

    assert plan_next_night(refused)["lead-00001"] == ("skip", "skipped_by_person")


class DyingClient:
    """Salesforce for a process that dies once, right after the org has taken its records."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def insert_records(self, object_name: str, records: Any) -> Any:
        self._client.insert_records(object_name, records)
        raise ProcessDiedError


@pytest.mark.usefixtures("twins")
def test_a_process_that_dies_over_a_decision_leaves_the_sum_right_and_the_next_one_finishes(bench: WriteBench) -> None:
    living = bench.client
    bench.client = DyingClient(living)  # type: ignore[assignment]  # stands for it
    with pytest.raises(ProcessDiedError):
        decide(bench, ReviewChoice.CREATE)
    bench.client = living
    assert bench.outcomes() == {"lead-00001": "review", "lead-00002": "created"}

    summary = rework_rows(new_rework(bench))

    assert (dict(summary.outcomes), summary.left) == ({"created": 1}, 0)
    assert len([record for record in bench.records() if record["Dievio_Lead_ID__c"] == "lead-00001"]) == 1
    assert count_rows(bench) == (2, 2)
    assert closed_gates(bench) == []


def _numbered(number: int) -> Any:
    class Numbered:
        review_item_id = number

    return Numbered()

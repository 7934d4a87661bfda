"""A night with a question of every kind: all are answered, the sum holds, the gates pass, nothing is asked twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from lead_pipeline.domain.review_decisions import ReviewDecision, ReviewItem
from lead_pipeline.domain.review_reasons import ReviewChoice
from lead_pipeline.services.resolve_review import keep_decision
from lead_pipeline.services.reworking import ReworkSummary, rework_rows
from lead_pipeline_tests.services.rework_bench import (
    closed_gates,
    count_rows,
    end_night,
    new_rework,
    open_items,
    plan_next_night,
)
from lead_pipeline_tests.services.write_bench import WriteBench, org_lead, person

Row = dict[str, Any]
SAME, CREATE, SKIP = ReviewChoice.SAME, ReviewChoice.CREATE, ReviewChoice.SKIP


@dataclass(frozen=True)
class Case:
    """One lead that raises a question, the records beside it, the answer and where the lead ends."""

    reason: str
    choice: ReviewChoice
    outcome: str
    records: Callable[[int], list[Row]] = lambda _number: []
    flags: tuple[str, ...] = ()
    is_weak: bool = False
    has_lost_link: bool = False


def namesake(number: int, **changed: Any) -> Row:
    return org_lead(number, **{"Email": None, "Website": f"https://firm{number}.example", **changed})


CASES = (
    Case("several_candidates", SAME, "updated", lambda n: [namesake(n), namesake(n)]),
    Case("names_conflict", CREATE, "created", lambda n: [org_lead(n, FirstName="Peter", LastName="Other")]),
    Case("names_missing", SAME, "updated", lambda n: [org_lead(n, FirstName=None)]),
    Case("work_email_differs", CREATE, "created", lambda n: [namesake(n, Email=f"l.p{n}@firm{n}.example")]),
    Case(
        "linkedin_differs",
        SKIP,
        "skipped",
        lambda n: [namesake(n, LinkedIn_URL__c="https://linkedin.com/in/other-one")],
    ),
    Case("name_and_company_only", CREATE, "created", lambda n: [org_lead(n, Email=None)]),
    Case("near_name", SAME, "updated", lambda n: [namesake(n, LastName=f"Proobe{n}")]),
    Case(
        "id_on_other_person",
        SAME,
        "updated",
        lambda n: [
            org_lead(
                n,
                FirstName="Peter",
                LastName="Other",
                Email=None,
                Company="Elsewhere",
                Dievio_Lead_ID__c=f"lead-{n:05d}",
            )
        ],
    ),
    Case("record_gone", CREATE, "created", has_lost_link=True),
    Case("weak_identity", CREATE, "created", is_weak=True),
    Case("weak_identity", SKIP, "skipped", is_weak=True),
    Case("name_split_low_confidence", CREATE, "created", flags=("name_split_low_confidence",)),
    Case("identity_conflict", CREATE, "created", flags=("identity_conflict",)),
    Case("link_conflict", SKIP, "skipped", lambda n: [org_lead(n, Dievio_Lead_ID__c=f"another-{n}")]),
)
NUMBERED = {f"lead-{number:05d}": case for number, case in enumerate(CASES, start=1)}


@pytest.fixture
def asked(bench: WriteBench) -> WriteBench:
    """The night with all its questions."""
    for number, case in enumerate(CASES, start=1):
        bench.add_leads({**person(number), "flags": case.flags})
        for record in case.records(number):
            bench.load("Lead", record)
    for lead_id, case in NUMBERED.items():
        if case.is_weak:
            bench.ask("UPDATE lead SET is_weak_id = true WHERE dievio_lead_id = %s RETURNING 1", lead_id)
        if case.has_lost_link:
            bench.ask(
                "INSERT INTO salesforce_link VALUES (%s, 'Lead', '00Q5e00000XXXXXEAA', NULL, %s) RETURNING 1",
                lead_id,
                bench.now(),
            )
        if case.reason == "linkedin_differs":
            bench.ask("UPDATE lead SET li = 'lena-probe' WHERE dievio_lead_id = %s RETURNING 1", lead_id)
    end_night(bench)
    return bench


def answer_all(bench: WriteBench) -> ReworkSummary:
    for item in open_items(bench):
        keep_decision(bench.database, item.review_item_id, _answer(item), at=bench.now(), mappings=bench.rules.mappings)
    return rework_rows(new_rework(bench))


def test_every_case_raises_its_question(asked: WriteBench) -> None:
    reasons = {item.dievio_lead_id: item.reason for item in open_items(asked)}

    assert reasons == {lead_id: case.reason for lead_id, case in NUMBERED.items()}
    assert all(item.owner for item in open_items(asked))


def test_answers_to_all_questions_end_every_row_where_they_say(asked: WriteBench) -> None:
    summary = answer_all(asked)

    assert (summary.left, summary.held_up) == (0, ())
    assert asked.outcomes() == {lead_id: case.outcome for lead_id, case in NUMBERED.items()}
    assert count_rows(asked) == (len(CASES), len(CASES))
    assert open_items(asked) == ()
    assert closed_gates(asked) == []
    assert len({record["Dievio_Lead_ID__c"] for record in asked.records()} - {None}) == sum(
        case.choice is not SKIP or case.reason == "link_conflict" for case in CASES
    )


def test_nothing_is_asked_twice_on_the_next_night(asked: WriteBench) -> None:
    answer_all(asked)
    asked.wait(3_600)
    asked.prepare()

    decisions = plan_next_night(asked)

    assert {lead_id: reason for lead_id, (decision, reason) in decisions.items() if decision == "review"} == {}
    assert {lead_id for lead_id, (_, reason) in decisions.items() if reason == "skipped_by_person"} == {
        lead_id for lead_id, case in NUMBERED.items() if case.choice is SKIP
    }
    assert {decision for decision, _ in decisions.values()} <= {"skip", "update"}


def test_working_on_nothing_again_writes_nothing(asked: WriteBench) -> None:
    answer_all(asked)
    journal = asked.journal()

    summary = rework_rows(new_rework(asked))

    assert dict(summary.outcomes) == {}
    assert asked.journal() == journal


def _answer(item: ReviewItem) -> ReviewDecision:
    choice = NUMBERED[item.dievio_lead_id].choice
    records = (item.candidates[0].salesforce_id,) if choice is SAME else ()
    return ReviewDecision(choice=choice, by="anna", reason="", salesforce_ids=records)

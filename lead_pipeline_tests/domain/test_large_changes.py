"""An update that would replace much of a record at once is a question, until somebody has answered it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lead_pipeline.domain.decisions import Decision, FieldVerdict, SyncDecision
from lead_pipeline.domain.matching import RuleName
from lead_pipeline.domain.plan_subjects import PlanReason, Standing
from lead_pipeline.domain.planning import plan_lead
from lead_pipeline.domain.survivorship import AnswerChoice, FieldAnswer
from lead_pipeline_tests.domain.plan_builders import lead, mapping_set, match, no_match, plan_rules, target

#: What we wrote once, and what another person's record would say instead.
HELD: dict[str, Any] = {
    "Title": "Director",
    "Company": "Old AG",
    "Email": "e@old.example",
    "Employee_Count__c": 10.0,
    "Seniority__c": "cxo",
}
TRACES: dict[str, Any] = {"Dievio_Confidence__c": 10.0, "Last_Updated_By_System__c": "another"}
MAPPINGS = mapping_set()


def plan(least: int, *, held: dict[str, Any] = HELD, rule: str | None = None, **known: Any) -> SyncDecision:
    changed = replace(MAPPINGS.lead, ask_from_replaced_values=least)
    found = match() if rule is None else match(rule=rule)
    of = target(**held, **TRACES, written=HELD)
    return plan_lead(lead(), found, target=of, rules=plan_rules(replace(MAPPINGS, lead=changed)), **known)


def test_as_many_replaced_values_as_are_set_are_asked_about_and_traces_do_not_count() -> None:
    asked = plan(5)

    assert (asked.decision, asked.reason_code) == (Decision.REVIEW, PlanReason.LARGE_CHANGE)
    assert asked.reason.startswith("5 filled values of the record would be replaced at once: Company, Email, ")
    assert {entry.field for entry in asked.fields if entry.verdict is FieldVerdict.UPDATED} >= {*HELD, *TRACES}


@pytest.mark.parametrize("least", [0, 6, 7])
def test_fewer_are_written_as_ever(least: int) -> None:
    assert plan(least).decision is Decision.UPDATE


def test_blanks_that_are_filled_are_no_loss() -> None:
    assert plan(5, held={**HELD, "Title": None, "Seniority__c": "n/a"}).decision is Decision.UPDATE


def test_a_new_record_replaces_nothing() -> None:
    rules = plan_rules(replace(MAPPINGS, lead=replace(MAPPINGS.lead, ask_from_replaced_values=1)))
    assert plan_lead(lead(), no_match(), target=None, rules=rules).decision is Decision.CREATE


def test_a_value_that_a_person_decided_about_does_not_count() -> None:
    answers = {"Title": FieldAnswer(choice=AnswerChoice.TAKE, value="VP Sales")}
    assert plan(5, answers=answers).decision is Decision.UPDATE


@pytest.mark.parametrize(
    ("known", "decision"),
    [
        ({"rule": RuleName.REMEMBERED_ANSWER}, Decision.UPDATE),
        ({"standing": {PlanReason.LARGE_CHANGE: Standing.AFFIRMED}}, Decision.UPDATE),
        ({"standing": {PlanReason.LARGE_CHANGE: Standing.SKIPPED}}, Decision.SKIP),
    ],
)
def test_an_answered_question_is_not_asked_again(known: dict[str, Any], decision: Decision) -> None:
    assert plan(5, **known).decision is decision


def test_the_mapping_that_comes_along_lets_a_change_of_job_through_and_asks_about_more() -> None:
    more = {**HELD, "Dievio_Email_Status__c": "unknown address"}
    decisions = [
        plan_lead(lead(), match(), target=target(**held, written=held), rules=plan_rules(MAPPINGS)).decision
        for held in (HELD, more)
    ]
    assert decisions == [Decision.UPDATE, Decision.REVIEW]

"""An answer that a person gave decides whenever the plan meets the same question again, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from lead_pipeline.domain.decisions import Decision, MatchGrade
from lead_pipeline.domain.matching import MatchReason, RuleName
from lead_pipeline.domain.plan_subjects import PlanReason, Standing
from lead_pipeline.domain.planning import plan_lead
from lead_pipeline.domain.refusals import ReviewReason
from lead_pipeline_tests.domain.plan_builders import lead, mapping_set, match, no_match, plan_rules, target

RULES = plan_rules(mapping_set())
ASKED = match(MatchGrade.POSSIBLE, rule=RuleName.NEAR_NAME, reason_code=MatchReason.NEAR_NAME)
WEAK = {"is_weak_id": True}
GUESSED = {"flags": (PlanReason.UNCERTAIN_NAME,)}
SKIPPED, AFFIRMED = Standing.SKIPPED, Standing.AFFIRMED


@pytest.mark.parametrize(
    ("standing", "decision", "reason"),
    [
        ({}, Decision.REVIEW, MatchReason.NEAR_NAME),
        ({MatchReason.NEAR_NAME: SKIPPED}, Decision.SKIP, PlanReason.SKIPPED_BY_PERSON),
        ({MatchReason.NEAR_NAME: AFFIRMED}, Decision.CREATE, PlanReason.NEW_PERSON),
        ({MatchReason.SEVERAL_CANDIDATES: SKIPPED}, Decision.REVIEW, MatchReason.NEAR_NAME),
        ({PlanReason.WEAK_IDENTITY: AFFIRMED}, Decision.REVIEW, MatchReason.NEAR_NAME),
    ],
)
def test_an_answer_settles_its_own_question_about_a_match(
    standing: dict[str, Standing], decision: Decision, reason: str
) -> None:
    planned = plan_lead(lead(), ASKED, target=None, rules=RULES, standing=standing)

    assert (planned.decision, planned.reason_code) == (decision, reason)


@pytest.mark.parametrize(
    ("doubtful", "reason"), [(WEAK, PlanReason.WEAK_IDENTITY), (GUESSED, PlanReason.UNCERTAIN_NAME)]
)
@pytest.mark.parametrize(
    ("standing", "decision"), [(None, Decision.REVIEW), (SKIPPED, Decision.SKIP), (AFFIRMED, Decision.CREATE)]
)
def test_an_answer_settles_a_doubt_about_the_lead(
    doubtful: dict[str, Any], reason: str, standing: Standing | None, decision: Decision
) -> None:
    answers = {} if standing is None else {reason: standing}

    planned = plan_lead(lead(**doubtful), no_match(), target=None, rules=RULES, standing=answers)

    assert planned.decision is decision


@pytest.mark.parametrize(
    ("reason", "is_skipped"),
    [
        (ReviewReason.DUPLICATE_RULE, True),
        (ReviewReason.POLICY_CONFLICT, True),
        (ReviewReason.LINK_CONFLICT, True),
        (ReviewReason.CONVERTED_OR_DELETED, True),
        (ReviewReason.RECORD_CHANGED, False),  # the next night finds the record at rest
        (MatchReason.NEAR_NAME, False),  # another question than the one that stands now
    ],
)
def test_a_write_that_was_refused_and_skipped_is_not_tried_every_night(reason: str, *, is_skipped: bool) -> None:
    planned = plan_lead(lead(), no_match(), target=None, rules=RULES, standing={reason: SKIPPED})

    assert (planned.decision is Decision.SKIP) is is_skipped


def test_an_answer_never_moves_a_link_or_brings_a_record_back() -> None:
    affirmed = dict.fromkeys((*PlanReason, *MatchReason, *ReviewReason), AFFIRMED)

    of_another = plan_lead(lead(), match(), target=target(dievio_lead_id="lead-2"), rules=RULES, standing=affirmed)
    deleted = plan_lead(lead(), match(), target=target(is_deleted=True), rules=RULES, standing=affirmed)

    assert (of_another.decision, of_another.reason_code) == (Decision.REVIEW, PlanReason.LINK_CONFLICT)
    assert (deleted.decision, deleted.reason_code) == (Decision.REVIEW, PlanReason.RECORD_GONE)

"""Which answers a question takes, and what each one means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lead_pipeline.domain.matching import MatchReason, PairAnswer, RuleName
from lead_pipeline.domain.plan_subjects import PlanReason, Standing
from lead_pipeline.domain.refusals import ReviewReason
from lead_pipeline.domain.review_decisions import (
    NamedRecord,
    ReviewCandidate,
    ReviewDecision,
    ReviewItem,
    field_answers,
    find_objection,
    needs_work,
    pair_answers,
    standing_of,
)
from lead_pipeline.domain.review_reasons import GUIDES, ReviewChoice, guide_of
from lead_pipeline.domain.survivorship import AnswerChoice

ONE, TWO, OURS = "00Q000000000001AAA", "00Q000000000002AAA", "00Q000000000003AAA"
NAMED = NamedRecord(salesforce_id=ONE, object_name="Lead", is_live=True, holder_lead_id=None)
ITEM = ReviewItem(
    review_item_id=1,
    batch_id="2026-05-04",
    dievio_lead_id="lead-1",
    raw_lead_id=1,
    reason=MatchReason.SEVERAL_CANDIDATES,
    question="?",
    candidates=(
        ReviewCandidate(object_name="Lead", salesforce_id=ONE, rule=RuleName.EMAIL),
        ReviewCandidate(object_name="Lead", salesforce_id=ONE, rule=RuleName.NAME_AND_DOMAIN),
        ReviewCandidate(object_name="Contact", salesforce_id=TWO, rule=RuleName.EMAIL),
        ReviewCandidate(object_name="Lead", salesforce_id=OURS, rule=RuleName.EXTERNAL_ID),
    ),
    proposal={"Title": "Boss", "Phone": "+49301234567"},
    owner="sales_ops",
    state="open",
    opened_at=datetime(2026, 5, 4, tzinfo=UTC),
)
FIELD_ITEM = replace(ITEM, reason=PlanReason.FIELD_CONFLICT)
TAKE, KEEP = AnswerChoice.TAKE, AnswerChoice.KEEP


def answer(choice: ReviewChoice, *records: str, **fields: AnswerChoice) -> ReviewDecision:
    return ReviewDecision(choice=choice, by="anna", reason="", salesforce_ids=records, fields=fields)


@pytest.mark.parametrize(
    ("item", "decision", "words"),
    [
        (ITEM, answer(ReviewChoice.SAME, ONE), None),
        (ITEM, answer(ReviewChoice.SAME), "name the record"),
        (ITEM, answer(ReviewChoice.SAME, ONE, TWO), "one record"),
        (ITEM, answer(ReviewChoice.SAME, "00Q00000000000XAAA"), "no Lead or Contact"),
        (ITEM, answer(ReviewChoice.NOT_SAME, ONE), None),
        (ITEM, answer(ReviewChoice.NOT_SAME, ONE, TWO), None),
        (ITEM, answer(ReviewChoice.NOT_SAME), "name the record"),
        (ITEM, answer(ReviewChoice.NOT_SAME, "00Q00000000000XAAA"), "no candidate"),
        (ITEM, answer(ReviewChoice.NOT_SAME, OURS), "carries our id"),
        (ITEM, answer(ReviewChoice.CREATE), None),
        (ITEM, answer(ReviewChoice.SKIP), None),
        (ITEM, answer(ReviewChoice.AGAIN), "takes only"),
        (ITEM, answer(ReviewChoice.FIELDS, Title=TAKE), "takes only"),
        (FIELD_ITEM, answer(ReviewChoice.FIELDS, Title=TAKE, Phone=KEEP), None),
        (FIELD_ITEM, answer(ReviewChoice.FIELDS, Title=TAKE), "for Phone as well"),
        (FIELD_ITEM, answer(ReviewChoice.FIELDS, Title=TAKE, Phone=KEEP, City=KEEP), "City is not asked about"),
        (FIELD_ITEM, answer(ReviewChoice.SKIP), "takes only fields"),
    ],
)
def test_a_question_takes_the_answers_that_settle_it(
    item: ReviewItem, decision: ReviewDecision, words: str | None
) -> None:
    objection = find_objection(item, decision, {ONE: NAMED})

    assert objection is None if words is None else words in str(objection)


@pytest.mark.parametrize(
    ("offers", "words"),
    [
        ({"Title": "Boss", "Phone": "1"}, None),
        ({"Title": "Boss"}, "no other value for Phone of that record; it brings Title"),
        ({}, "it brings none at all"),
    ],
)
def test_beside_same_only_what_the_lead_brings_may_be_taken(offers: dict[str, object], words: str | None) -> None:
    objection = find_objection(ITEM, answer(ReviewChoice.SAME, ONE, Title=TAKE, Phone=KEEP), {ONE: NAMED}, offers)

    assert objection is None if words is None else words in str(objection)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"is_live": False}, "deleted or converted"),
        ({"holder_lead_id": "lead-2"}, "belongs to lead lead-2"),
        ({"holder_lead_id": "lead-1"}, None),
    ],
)
def test_a_record_is_taken_only_while_it_lives_and_is_free(changed: dict[str, object], words: str | None) -> None:
    objection = find_objection(ITEM, answer(ReviewChoice.SAME, ONE), {ONE: replace(NAMED, **changed)})  # type: ignore[arg-type]  # the table names the fields

    assert objection is None if words is None else words in str(objection)


@pytest.mark.parametrize(
    ("decision", "remembered"),
    [
        (answer(ReviewChoice.SAME, ONE), {ONE: PairAnswer.SAME}),
        (answer(ReviewChoice.NOT_SAME, ONE), {ONE: PairAnswer.NOT_SAME}),
        (answer(ReviewChoice.CREATE), {ONE: PairAnswer.NOT_SAME, TWO: PairAnswer.NOT_SAME}),
        (answer(ReviewChoice.SKIP), {}),
        (answer(ReviewChoice.AGAIN), {}),
    ],
)
def test_what_is_remembered_about_lead_and_records(decision: ReviewDecision, remembered: dict[str, PairAnswer]) -> None:
    assert pair_answers(ITEM, decision) == remembered


def test_of_a_twin_only_that_it_is_somebody_else_is_remembered() -> None:
    twin = replace(ITEM, reason=ReviewReason.TWIN_CREATED)

    assert pair_answers(twin, answer(ReviewChoice.SAME, ONE)) == {}
    assert pair_answers(twin, answer(ReviewChoice.NOT_SAME, ONE)) == {ONE: PairAnswer.NOT_SAME}


@pytest.mark.parametrize(
    ("reason", "choice", "meaning"),
    [
        (MatchReason.NEAR_NAME, ReviewChoice.SKIP, Standing.SKIPPED),
        (MatchReason.NEAR_NAME, ReviewChoice.CREATE, Standing.AFFIRMED),
        (MatchReason.NEAR_NAME, ReviewChoice.SAME, None),  # the remembered pair says it
        (MatchReason.NEAR_NAME, ReviewChoice.NOT_SAME, None),
        (PlanReason.WEAK_IDENTITY, ReviewChoice.SAME, Standing.AFFIRMED),
        (PlanReason.LARGE_CHANGE, ReviewChoice.SAME, Standing.AFFIRMED),
        (PlanReason.LARGE_CHANGE, ReviewChoice.NOT_SAME, None),
        (PlanReason.UNCERTAIN_NAME, ReviewChoice.CREATE, Standing.AFFIRMED),
        (ReviewReason.POLICY_CONFLICT, ReviewChoice.AGAIN, None),
        (PlanReason.FIELD_CONFLICT, ReviewChoice.FIELDS, None),
    ],
)
def test_what_an_answer_means_when_the_question_comes_again(
    reason: str, choice: ReviewChoice, meaning: Standing | None
) -> None:
    assert standing_of(reason, choice) is meaning


def test_keeping_every_value_needs_no_work() -> None:
    assert not needs_work(answer(ReviewChoice.FIELDS, Title=KEEP, Phone=KEEP))
    assert needs_work(answer(ReviewChoice.FIELDS, Title=TAKE, Phone=KEEP))
    assert needs_work(answer(ReviewChoice.SKIP))


def test_field_answers_are_kept_with_the_value_they_were_given_about() -> None:
    assert field_answers(answer(ReviewChoice.FIELDS, Title=TAKE, Phone=KEEP), FIELD_ITEM.proposal) == {
        "Phone": {"choice": "keep", "value": "+49301234567"},
        "Title": {"choice": "take", "value": "Boss"},
    }


SETTLED_WITHOUT_PERSON = {
    MatchReason.NO_CANDIDATE,
    MatchReason.CERTAIN_MATCH,
    MatchReason.ANSWERED_NOT_SAME,
    MatchReason.RULE_SET_TO_SKIP,
    PlanReason.NEW_PERSON,
    PlanReason.FIELDS_CHANGED,
    PlanReason.NO_CHANGE,
    PlanReason.REJECTED_VALUE,
    PlanReason.SKIPPED_BY_PERSON,
}


def test_every_reason_to_ask_has_a_guide_and_no_guide_is_without_reason() -> None:
    asked = {str(reason) for reason in (*MatchReason, *PlanReason, *ReviewReason)} - set(
        map(str, SETTLED_WITHOUT_PERSON)
    )

    assert set(GUIDES) == asked
    assert all(guide.meaning and guide.advice and guide.owner and guide.choices for guide in GUIDES.values())


def test_every_question_can_be_ended_without_a_write() -> None:
    without_write = {ReviewChoice.SKIP, ReviewChoice.FIELDS}

    assert [guide.code for guide in GUIDES.values() if not without_write & set(guide.choices)] == []


def test_a_reason_of_an_earlier_version_can_still_be_settled() -> None:
    assert ReviewChoice.SKIP in guide_of("no_such_reason").choices


def test_a_question_is_open_until_somebody_answered() -> None:
    assert ITEM.is_open
    assert not replace(ITEM, state="decided").is_open

"""The rules of merging, planning and classifying, held against very many cases; each commit tries a few of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.mapping import FieldMapping
from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer
from lead_pipeline.domain.survivorship import FieldCase
from lead_pipeline.domain.write_protocol import NextStep, decide_next_step
from lead_pipeline.salesforce.answers import (
    answer_of_bulk_error,
    answer_of_status,
    answers_of_collection,
    answers_of_composite,
)
from lead_pipeline.salesforce.error_rules import ERROR_RULES
from lead_pipeline.salesforce.session import AnswerFacts
from lead_pipeline_tests.domain import test_planning, test_survivorship
from lead_pipeline_tests.domain.test_write_protocol import intent

pytestmark = pytest.mark.slow

MERGES, PLANS, BODIES = 12_500, 1_500, 6_500  # more than 20,000 in all, within a minute

RECORD_ID = "00Q5e0000000001EAA"
CODES = st.sampled_from([*sorted({rule.code for rule in ERROR_RULES}), "SOMETHING_NEW", ""])
STATUSES = st.sampled_from([200, 201, 204, 300, 400, 401, 403, 404, 408, 412, 429, 500, 502, 503, 504])
ERRORS = st.fixed_dictionaries(
    {},
    optional={"errorCode": CODES, "statusCode": CODES, "message": st.text(max_size=20), "fields": st.just(["Title"])},
)
JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(ERRORS, max_size=2)
ROWS = JUNK | st.fixed_dictionaries(
    {},
    optional={
        "success": st.booleans() | JUNK,
        "id": st.just(RECORD_ID) | JUNK,
        "errors": st.lists(ERRORS, max_size=2) | JUNK,
    },
)
SUBREQUESTS = JUNK | st.fixed_dictionaries(
    {}, optional={"referenceId": st.sampled_from(["r0", "r1", "r9"]), "httpStatusCode": STATUSES | JUNK, "body": JUNK}
)


def property_of(test: Callable[..., None]) -> Callable[..., None]:
    """Return what a test says about one case."""
    inner: Callable[..., None] = test.hypothesis.inner_test  # type: ignore[attr-defined]  # set by `given`
    return inner


@settings(max_examples=MERGES, deadline=None, database=None)
@given(test_survivorship.ROWS, test_survivorship.CASES)
def test_values_are_merged_by_their_policy(mapping: FieldMapping, case: FieldCase) -> None:
    property_of(test_survivorship.test_nothing_never_replaces_something)(mapping, case)
    property_of(test_survivorship.test_a_field_that_is_never_written_never_changes)(case)
    property_of(test_survivorship.test_a_value_changes_only_by_a_writing_verdict_or_a_question)(mapping, case)
    property_of(test_survivorship.test_what_was_written_is_found_equal_the_next_time)(mapping, case)
    property_of(test_survivorship.test_an_unsure_value_is_written_only_on_the_word_of_a_person)(mapping, case)


@settings(max_examples=PLANS, deadline=None, database=None)
@given(test_planning.LEAD_VALUES, test_planning.RECORD_FIELDS)
def test_plans_keep_what_is_there_and_end(values: dict[str, object], fields: dict[str, object]) -> None:
    property_of(test_planning.test_a_plan_neither_clears_a_value_nor_touches_what_is_never_ours)(values, fields)
    property_of(test_planning.test_planning_again_on_the_result_of_a_plan_changes_nothing)(values, fields)
    property_of(test_planning.test_planning_again_on_a_created_record_changes_nothing)(values)


def facts(status: int) -> AnswerFacts:
    return AnswerFacts(
        status=status,
        request_id="r",
        retry_after_seconds=None,
        server_time=None,
        content_type="application/json",
        last_modified=None,
    )


def assert_sound(answer: RecordAnswer) -> None:
    """Only a success is applied, and what nobody knows is read and never sent again."""
    step = decide_next_step(intent(), answer)
    assert (step is NextStep.APPLY) is answer.is_done
    if answer.kind is AnswerKind.UNKNOWN:
        assert step is NextStep.READ


@settings(max_examples=BODIES, deadline=None, database=None)
@given(st.lists(ROWS, max_size=3) | JUNK, st.lists(SUBREQUESTS, max_size=3), STATUSES, CODES)
def test_whatever_the_org_answers_is_done_not_done_or_unknown(
    rows: Any, subrequests: list[Any], status: int, code: str
) -> None:
    collected = answers_of_collection(rows, count=2, object_name="Lead", facts=facts(status))
    composed = answers_of_composite({"compositeResponse": subrequests}, ids=[RECORD_ID, RECORD_ID], facts=facts(status))

    assert (len(collected), len(composed)) == (2, 2)
    for answer in (*collected, *composed, answer_of_status(facts(status)), answer_of_bulk_error(f"{code}:x:Title --")):
        assert_sound(answer)
    claims = sum(isinstance(row, dict) and row.get("success") is True for row in rows) if isinstance(rows, list) else 0
    assert sum(answer.is_done for answer in collected) <= claims
    if status >= 500:
        assert answer_of_status(facts(status)).kind is AnswerKind.UNKNOWN

"""What an operator may set about matching."""

from __future__ import annotations

from typing import Any

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.matching import (
    NEVER_AUTOMATIC,
    MatchingPolicy,
    RuleName,
    RuleOutcome,
    parse_matching_policy,
    rule_in_words,
)
from lead_pipeline.errors import InvalidDocumentError


def document(**outcomes: str) -> dict[str, Any]:
    return {
        "outcomes": outcomes,
        "different_work_email_contradicts": False,
        "near_name": {"min_given_similarity": 0.9, "min_family_similarity": 0.95},
        "limits": {"max_block_records": 10, "max_candidates_per_rule": 3},
    }


def test_the_packaged_file_says_what_the_defaults_say() -> None:
    assert parse_matching_policy(load_document("matching")) == MatchingPolicy()


def test_every_rule_has_words_for_people() -> None:
    assert {rule_in_words(rule) for rule in RuleName}.isdisjoint(RuleName)
    assert rule_in_words("no candidate") == "no candidate"


def test_every_setting_is_read() -> None:
    policy = parse_matching_policy(document(email="review", external_id="skip"))
    assert policy.outcomes[RuleName.EMAIL] is RuleOutcome.REVIEW
    assert policy.outcomes[RuleName.EXTERNAL_ID] is policy.outcomes[RuleName.LINK] is RuleOutcome.SKIP
    assert policy.outcomes[RuleName.LINKEDIN] is RuleOutcome.UPDATE
    assert (policy.min_given_similarity, policy.min_family_similarity) == (0.9, 0.95)
    assert (policy.max_block_records, policy.max_candidates_per_rule) == (10, 3)
    assert not policy.is_work_email_contradiction


@pytest.mark.parametrize("outcome", ["update", "review", "skip"])
@pytest.mark.parametrize("rule", ["external_id", "email", "linkedin", "name_and_domain"])
def test_every_outcome_is_open_to_an_automatic_rule(rule: str, outcome: str) -> None:
    assert RuleOutcome(outcome) in parse_matching_policy(document(**{rule: outcome})).outcomes.values()


def test_a_resemblance_may_not_be_told_to_update() -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        parse_matching_policy(document(name_and_company="update", near_name="update", job_change="skip"))
    assert [problem.place for problem in caught.value.problems] == [
        "matching: outcomes.name_and_company",
        "matching: outcomes.near_name",
    ]


def test_by_default_resemblances_are_questions_and_the_rest_updates() -> None:
    reviewed = {rule for rule, outcome in MatchingPolicy().outcomes.items() if outcome is RuleOutcome.REVIEW}
    assert reviewed == NEVER_AUTOMATIC

"""Where a day's limits stand, and what is said about it."""

import pytest

from lead_pipeline.domain.enrichment.budgets import ALL_SEGMENTS, BudgetState, judge_budgets
from lead_pipeline.domain.enrichment.policy import BudgetRules

RULES = BudgetRules(daily_credits=100, segment_credits={"us": 50}, warn_share=0.8)


@pytest.mark.parametrize(
    ("used", "state"),
    [
        (79, BudgetState.OPEN),
        (80, BudgetState.NEARLY_SPENT),
        (99, BudgetState.NEARLY_SPENT),
        (100, BudgetState.SPENT),
    ],
)
def test_eighty_percent_warns_and_a_hundred_pauses(used: int, state: BudgetState) -> None:
    total, *_ = judge_budgets({"dach": used}, RULES)

    assert (total.subject, total.used, total.limit, total.state) == (ALL_SEGMENTS, used, 100, state)


def test_the_words_name_segment_budget_and_how_to_raise_it() -> None:
    line = next(line for line in judge_budgets({"us": 50}, RULES) if line.subject == "us")

    assert line.advice == (
        "The enrichment budget of us is spent: enrichment pauses (50 of 50 credits today). "
        "Raise budget.segment_credits.us in enrichment.yaml"
    )
    assert "nearly spent" in next(x for x in judge_budgets({"us": 40}, RULES) if x.subject == "us").advice


def test_a_segment_without_a_limit_is_listed_and_never_warns() -> None:
    line = next(line for line in judge_budgets({"dach": 99}, RULES) if line.subject == "dach")

    assert (line.limit, line.state, line.advice) == (None, BudgetState.OPEN, "")


def test_a_limited_segment_is_listed_before_it_spent_anything() -> None:
    assert [line.subject for line in judge_budgets({}, RULES)] == [ALL_SEGMENTS, "us"]


def test_a_budget_of_nothing_is_spent_from_the_start() -> None:
    assert judge_budgets({}, BudgetRules(daily_credits=0))[0].state is BudgetState.SPENT

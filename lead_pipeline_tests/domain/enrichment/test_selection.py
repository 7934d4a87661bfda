"""Who is looked up, and why or why not; days and shares at their boundaries."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lead_pipeline.domain.enrichment.policy import (
    RECORD,
    Audience,
    BudgetRules,
    EnrichmentPolicy,
    LowIntentRule,
)
from lead_pipeline.domain.enrichment.questions import QuestionKey
from lead_pipeline.domain.enrichment.selection import Candidate, Choice, Memory, Need, Selection, Why, ask_about, select

NOW = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
POLICY = EnrichmentPolicy(budget=BudgetRules(daily_credits=100))
WHOLE = {
    "first_name": "Jane",
    "last_name": "Doe",
    "email": "jane.doe@acme.com",
    "phone": "+14155552671",
    "title": "VP Sales",
    "seniority": "vp",
    "company_name": "Acme",
    "company_domain": "acme.com",
    "linkedin_url": "https://www.linkedin.com/in/jane-doe",
    "country": "US",
    "industry": "Software",
    "employee_band": "51-200",
}


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def candidate(values: dict[str, object] | None = None, **changes: Any) -> Candidate:
    facts: dict[str, Any] = {
        "dievio_lead_id": "li-1",
        "segment": "us",
        "values": {**WHOLE, **(values or {})},
        "observed_at": days_ago(1),
        **changes,
    }
    return Candidate(**facts)


def choose(who: Candidate, policy: EnrichmentPolicy = POLICY, *, is_demanded: bool = False) -> Selection:
    return select(who, policy, now=NOW, is_demanded=is_demanded)


def test_a_complete_and_fresh_lead_is_left_alone() -> None:
    selection = choose(candidate())

    assert (selection.choice, selection.why) == (Choice.SKIP, Why.COMPLETE)


@pytest.mark.parametrize("name", ["email", "title", "company_name"])
@pytest.mark.parametrize("blank", [None, ""])
def test_a_lead_that_lacks_what_it_must_have_is_looked_up(name: str, blank: object) -> None:
    selection = choose(candidate({name: blank}))

    assert (selection.choice, selection.why) == (Choice.ASK, Why.MISSING)
    assert selection.wanted == {name}
    assert selection.providers == ("dievio",)


@pytest.mark.parametrize(
    ("who", "why", "detail"),
    [
        (candidate({"email": None}, is_suppressed=True), Why.SUPPRESSED, ""),
        (candidate({"email": None}, is_weak_id=True), Why.DOUBTFUL, "weak_identity"),
        (candidate({"email": None}, flags=("identity_conflict",)), Why.DOUBTFUL, "identity_conflict"),
        (candidate({"email": None}, flags=("name_split_low_confidence",)), Why.DOUBTFUL, "name_split_low_confidence"),
        (candidate({"email": None, "linkedin_url": None, "company_domain": None}), Why.NO_IDENTIFIER, ""),
        (
            candidate({"email": None, "linkedin_url": "https://www.linkedin.com/in/ACoAABcdEFG", "last_name": None}),
            Why.NO_IDENTIFIER,
            "",
        ),
    ],
)
def test_nobody_is_asked_about_who_objected_or_cannot_be_told(who: Candidate, why: Why, detail: str) -> None:
    selection = choose(who, is_demanded=True)

    assert (selection.choice, selection.why, selection.detail) == (Choice.SKIP, why, detail)


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("industry", "software", "Farming"),
        ("employee_band", "51-200", "1-10"),
        ("country", "us", "FR"),
        ("seniority", "vp", "entry"),
    ],
)
def test_only_the_audience_is_looked_up(name: str, inside: str, outside: str) -> None:
    policy = replace(POLICY, audience=Audience(wanted={name: frozenset({inside})}))

    assert choose(candidate({"email": None}), policy).choice is Choice.ASK
    refused = choose(candidate({"email": None, name: outside}), policy)
    assert (refused.why, refused.detail) == (Why.OFF_TARGET, name)
    assert choose(candidate({"email": None, name: outside}), policy, is_demanded=True).choice is Choice.ASK


@pytest.mark.parametrize(("passes", "choice"), [(True, Choice.ASK), (False, Choice.SKIP)])
def test_a_lead_that_does_not_say_passes_the_audience_as_configured(passes: bool, choice: Choice) -> None:  # noqa: FBT001
    policy = replace(POLICY, audience=Audience(wanted={"industry": frozenset({"software"})}, unknown_passes=passes))

    assert choose(candidate({"email": None, "industry": None}), policy).choice is choice


def test_a_lead_that_nobody_will_work_is_not_looked_up() -> None:
    rule = LowIntentRule(name="closed", field="lead_status", values=frozenset({"unqualified"}))
    policy = replace(POLICY, low_intent=(rule,))
    closed = candidate({"email": None, "lead_status": "Unqualified"})

    assert (choose(closed, policy).why, choose(closed, policy).detail) == (Why.LOW_INTENT, "closed")
    assert choose(closed, policy, is_demanded=True).choice is Choice.ASK
    assert choose(candidate({"email": None, "lead_status": "Open"}), policy).choice is Choice.ASK


@pytest.mark.parametrize(("days", "choice"), [(89, Choice.SKIP), (90, Choice.ASK), (91, Choice.ASK)])
def test_a_record_is_stale_from_its_ninetieth_day(days: int, choice: Choice) -> None:
    selection = choose(candidate(observed_at=days_ago(days)))

    assert selection.choice is choice
    assert (RECORD in selection.stale) is (choice is Choice.ASK)


@pytest.mark.parametrize(("name", "limit"), [("email", 180), ("phone", 180), ("title", 90), ("company_name", 90)])
@pytest.mark.parametrize(("offset", "is_stale"), [(-1, False), (0, True), (1, True)])
def test_each_field_has_its_own_age(name: str, limit: int, offset: int, is_stale: bool) -> None:  # noqa: FBT001
    who = candidate(field_observed_at={name: days_ago(limit + offset)})

    selection = choose(who)

    assert (selection.stale == {name}) is is_stale
    assert selection.choice is (Choice.ASK if is_stale else Choice.SKIP)


def test_a_value_of_unknown_age_is_stale_and_a_missing_one_is_not() -> None:
    selection = choose(candidate({"phone": None}, observed_at=None))

    assert selection.stale == {RECORD, "email", "title", "company_name"}


def test_a_record_without_a_value_that_can_age_is_asked_about_as_a_whole() -> None:
    policy = replace(POLICY, max_age={RECORD: timedelta(days=90)})

    selection = choose(candidate(observed_at=days_ago(90)), policy)

    assert selection.wanted == set(POLICY.complete_when)


@pytest.mark.parametrize(
    ("memory", "why"),
    [
        (Memory(answered_at=days_ago(89), was_found=True), Why.ASKED_BEFORE),
        (Memory(answered_at=days_ago(90), was_found=True), Why.MISSING),
        (Memory(answered_at=days_ago(89), was_found=False), Why.ASKED_BEFORE),
        (Memory(answered_at=days_ago(90), was_found=False), Why.MISSING),
    ],
)
def test_nobody_is_bought_twice_before_the_last_answer_is_old(memory: Memory, why: Why) -> None:
    who = candidate({"email": None}, memory={"dievio": memory})

    assert choose(who).why is why


def test_a_stale_value_is_asked_for_again_only_when_the_last_answer_is_as_old() -> None:
    policy = replace(POLICY, max_age={**POLICY.max_age, "title": timedelta(days=30)})
    old = {"title": days_ago(40)}

    again = choose(
        candidate(field_observed_at=old, memory={"dievio": Memory(answered_at=days_ago(31), was_found=True)}), policy
    )
    not_yet = choose(
        candidate(field_observed_at=old, memory={"dievio": Memory(answered_at=days_ago(29), was_found=True)}), policy
    )

    assert (again.why, not_yet.why) == (Why.STALE, Why.ASKED_BEFORE)


def test_what_a_batch_wanted_stands_though_its_own_answers_made_the_person_fresh() -> None:
    policy = replace(POLICY, providers=("dievio", "second"))
    answered = candidate(memory={"dievio": Memory(answered_at=days_ago(0), was_found=True)})
    wanted = Need(missing=frozenset(), stale=frozenset({"title"}))

    repeated = select(answered, POLICY, now=NOW, first_need=wanted)
    gone_on = select(answered, policy, now=NOW, first_need=wanted)

    assert (repeated.why, repeated.stale) == (Why.ASKED_BEFORE, frozenset({"title"}))
    assert (gone_on.choice, gone_on.providers, gone_on.wanted) == (Choice.ASK, ("second",), frozenset({"title"}))


def test_a_provider_that_was_not_asked_yet_is_asked_where_another_one_was() -> None:
    policy = replace(POLICY, providers=("dievio", "second"))
    who = candidate({"email": None}, memory={"dievio": Memory(answered_at=days_ago(3), was_found=True)})

    assert choose(who, policy).providers == ("second",)


def test_somebody_asked_for_by_name_is_looked_up_though_nothing_is_missing() -> None:
    selection = choose(candidate(), is_demanded=True)

    assert (selection.choice, selection.why) == (Choice.ASK, Why.ON_DEMAND)
    assert selection.wanted


def test_a_profile_without_a_name_of_its_own_is_no_way_to_find_somebody() -> None:
    question = ask_about(candidate({"linkedin_url": "https://www.linkedin.com/in/ACoAABcdEFG"}), frozenset({"email"}))

    assert not question.can_be_found_by(QuestionKey.LINKEDIN_URL)
    assert question.can_be_found_by(QuestionKey.NAME_AND_DOMAIN)

"""What a lead takes over from answers: what is missing or stale, as far as one may be sure of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lead_pipeline.domain.enrichment.merging import (
    LeadValues,
    Merged,
    MergeVerdict,
    ProviderFindings,
    choose_findings,
    cross_check,
    fresh_findings,
    merge,
    still_wanted,
)
from lead_pipeline.domain.enrichment.policy import DEFAULT_MAX_AGE, ConfidenceRules
from lead_pipeline.domain.enrichment.questions import Finding
from lead_pipeline.domain.leads import Confidence, ConfidenceOrigin

NOW = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
RULES = ConfidenceRules()


def finding(value: object, share: float = 0.9) -> Finding:
    return Finding(value=value, confidence=Confidence(share=share, origin=ConfidenceOrigin.EXPLICIT))


def answer(findings: dict[str, Finding], provider: str = "dievio", **changes: Any) -> ProviderFindings:
    facts: dict[str, Any] = {
        "provider": provider,
        "label": provider.title(),
        "answered_at": NOW,
        "findings": findings,
        **changes,
    }
    return ProviderFindings(**facts)


def lead(values: dict[str, object], *, stale: frozenset[str] = frozenset(), **changes: Any) -> LeadValues:
    facts: dict[str, Any] = {
        "values": values,
        "confidences": {name: Confidence(share=0.8, origin=ConfidenceOrigin.PRIOR) for name in values},
        "observed_at": NOW - timedelta(days=100),
        "stale": stale,
        **changes,
    }
    return LeadValues(**facts)


def verdicts(merged: Merged) -> dict[str, MergeVerdict]:
    return {result.name: result.verdict for result in merged.results}


@pytest.mark.parametrize(
    ("share", "verdict"),
    [(0.69, MergeVerdict.UNVERIFIED), (0.70, MergeVerdict.FILLED), (0.71, MergeVerdict.FILLED)],
)
def test_a_missing_value_is_filled_from_seventy_percent_on(share: float, verdict: MergeVerdict) -> None:
    merged = merge(lead({}), [answer({"title": finding("VP Sales", share)})], RULES)

    assert verdicts(merged) == {"title": verdict}
    assert merged.values["title"] == "VP Sales"
    assert merged.flags == (() if verdict is MergeVerdict.FILLED else ("unverified_title",))
    assert merged.changed == (("title",) if verdict is MergeVerdict.FILLED else ())


def test_a_field_may_have_a_threshold_of_its_own() -> None:
    rules = ConfidenceRules(thresholds={"title": 0.6})

    assert merge(lead({}), [answer({"title": finding("VP Sales", 0.6)})], rules).changed == ("title",)


def test_an_uncertain_answer_leaves_a_value_in_place_and_marks_nothing() -> None:
    merged = merge(
        lead({"title": "Director"}, stale=frozenset({"title"})), [answer({"title": finding("VP", 0.69)})], RULES
    )

    assert verdicts(merged) == {"title": MergeVerdict.UNVERIFIED}
    assert (merged.values["title"], merged.flags) == ("Director", ())


@pytest.mark.parametrize(
    ("stale", "observed_days_ago", "verdict", "value"),
    [
        (frozenset[str](), 100, MergeVerdict.KEPT_FRESH, "Director"),
        (frozenset({"title"}), 100, MergeVerdict.REPLACED, "VP Sales"),
        (frozenset({"title"}), 0, MergeVerdict.KEPT_FRESH, "Director"),
        (frozenset({"title"}), None, MergeVerdict.REPLACED, "VP Sales"),
    ],
)
def test_only_a_stale_value_is_replaced_and_never_by_an_older_look(
    stale: frozenset[str], observed_days_ago: int | None, verdict: MergeVerdict, value: str
) -> None:
    observed_at = None if observed_days_ago is None else NOW - timedelta(days=observed_days_ago)
    merged = merge(
        lead({"title": "Director"}, stale=stale, observed_at=observed_at),
        [answer({"title": finding("VP Sales")})],
        RULES,
    )

    assert (verdicts(merged)["title"], merged.values["title"]) == (verdict, value)


def test_a_provider_that_looked_before_the_source_did_replaces_nothing() -> None:
    old_look = answer({"title": finding("VP Sales")}, observed_at=NOW - timedelta(days=101))

    merged = merge(lead({"title": "Director"}, stale=frozenset({"title"})), [old_look], RULES)

    assert verdicts(merged) == {"title": MergeVerdict.KEPT_FRESH}


def test_the_same_value_in_other_letters_is_a_confirmation_that_keeps_the_higher_confidence() -> None:
    merged = merge(lead({"title": "VP Sales"}), [answer({"title": finding("vp sales ", 0.95)})], RULES)
    weaker = merge(lead({"employee_count": 50}), [answer({"employee_count": finding(50, 0.5)})], RULES)

    assert verdicts(merged) == {"title": MergeVerdict.CONFIRMED}
    assert (merged.values["title"], merged.confidences["title"].share) == ("VP Sales", 0.95)
    assert weaker.confidences["employee_count"].share == 0.8


def test_a_confirmed_value_of_unknown_confidence_gets_that_of_the_answer() -> None:
    merged = merge(lead({"title": "VP"}, confidences={}), [answer({"title": finding("VP", 0.6)})], RULES)

    assert merged.confidences["title"].share == 0.6


@pytest.mark.parametrize(
    ("after", "share", "status", "verdict"),
    [
        ("jane@acme.com", 0.9, "verified", MergeVerdict.REPLACED),
        ("jane@acme.com", 0.96, "unknown", MergeVerdict.REPLACED),
        ("jane@acme.com", 0.9, "likely", MergeVerdict.KEPT_MAILBOX),
        ("jane@acme.com", 0.9, None, MergeVerdict.KEPT_MAILBOX),
        ("jane.doe@gmail.com", 0.98, "verified", MergeVerdict.KEPT_MAILBOX),
        ("info@acme.com", 0.98, "verified", MergeVerdict.KEPT_MAILBOX),
    ],
)
def test_a_changed_address_has_to_be_a_verified_work_address(
    after: str, share: float, status: str | None, verdict: MergeVerdict
) -> None:
    findings = {"email": finding(after, share)} | ({"email_status": finding(status)} if status else {})
    before = lead({"email": "jane.doe@acme.com"}, stale=frozenset({"email"}))

    merged = merge(before, [answer(findings)], RULES)

    assert verdicts(merged)["email"] is verdict
    assert merged.values["email"] == (after if verdict is MergeVerdict.REPLACED else "jane.doe@acme.com")


def test_what_says_the_same_in_other_words_goes_along_and_never_alone() -> None:
    findings = {"country": finding("DE"), "country_name": finding("Germany"), "email_status": finding("verified")}

    merged = merge(lead({"country": "US", "country_name": "United States"}), [answer(findings)], RULES)
    filled = merge(lead({"country_name": "United States"}), [answer({"country": finding("DE")})], RULES)

    assert merged.values["country_name"] == "United States"
    assert filled.values.get("country_name") is None


def test_a_band_without_a_count_is_a_value_of_its_own() -> None:
    merged = merge(lead({}), [answer({"employee_band": finding("51-200")})], RULES)

    assert merged.values == {"employee_band": "51-200"}


def test_an_address_by_which_somebody_else_is_known_is_not_taken_over() -> None:
    own = lead({}, taken={"email": frozenset({"jane@acme.com"})})

    merged = merge(own, [answer({"email": finding("jane@acme.com")})], RULES)

    assert verdicts(merged) == {"email": MergeVerdict.OF_ANOTHER}
    assert "email" not in merged.values


def test_revenue_is_context_however_sure_it_is() -> None:
    merged = merge(lead({}), [answer({"company_revenue": finding("$10M", 1.0)})], RULES)

    assert verdicts(merged) == {"company_revenue": MergeVerdict.CONTEXT}
    assert merged.values == {}


def test_the_first_provider_that_is_sure_enough_wins_else_the_surest() -> None:
    first = answer({"title": finding("VP", 0.7), "phone": finding("+1", 0.5), "city": finding("Bonn", 0.4)})
    second = answer(
        {"title": finding("Boss", 0.99), "phone": finding("+2", 0.9), "city": finding("Köln", 0.3)}, provider="second"
    )

    chosen = choose_findings([first, second], RULES)

    assert {name: choice.finding.value for name, choice in chosen.items()} == {
        "title": "VP",
        "phone": "+2",
        "city": "Bonn",
    }
    assert still_wanted({"title", "phone", "city", "email"}, [first], RULES) == {"phone", "city", "email"}


@pytest.mark.parametrize(
    ("email", "email_share", "domain_share"),
    [
        ("jane@acme.com", 0.685, 0.802),  # agreement: a tenth of the doubt is gone, yet a guess stays a guess
        ("jane@other.com", 0.4875, 0.585),
        ("jane@gmail.com", 0.65, 0.78),  # a private mailbox says nothing about the employer
    ],
)
def test_email_and_company_domain_are_held_against_each_other(
    email: str, email_share: float, domain_share: float
) -> None:
    checked = cross_check({"email": finding(email, 0.65), "company_domain": finding("acme.com", 0.78)}, RULES)

    assert checked["email"].confidence.share == pytest.approx(email_share)
    assert checked["company_domain"].confidence.share == pytest.approx(domain_share)


def test_one_of_the_two_alone_is_left_as_it_is() -> None:
    assert cross_check({"email": finding("jane@acme.com", 0.65)}, RULES)["email"].confidence.share == 0.65
    assert cross_check({"company_domain": finding("acme.com", 0.6)}, RULES)["company_domain"].confidence.share == 0.6


@pytest.mark.parametrize(("days", "kept"), [(89, {"title", "city"}), (90, set()), (91, set())])
def test_a_stored_answer_ages_like_any_other_value(days: int, kept: set[str]) -> None:
    old = answer({"title": finding("VP"), "city": finding("Bonn")}, answered_at=NOW - timedelta(days=days))

    assert set(fresh_findings(old, DEFAULT_MAX_AGE, now=NOW).findings) == kept


def test_merging_the_same_answers_again_changes_nothing() -> None:
    answers = [answer({"title": finding("VP Sales"), "phone": finding("+1", 0.3)})]
    once = merge(lead({}), answers, RULES)

    assert merge(lead({}), answers, RULES) == once

"""Enriching a batch: what is bought, what the leads take over, and that neither repeats nor faults cost anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from lead_pipeline.domain.enrichment.policy import BudgetRules
from lead_pipeline.domain.enrichment.questions import Question
from lead_pipeline.domain.suppression import SuppressionKey, SuppressionKind
from lead_pipeline.errors import (
    ConfigurationError,
    CredentialsRefusedError,
    LeadPipelineError,
    ServiceUnavailableError,
    TransportFaultError,
    UnreadablePageError,
)
from lead_pipeline.services.enriching.enrich import NIGHTLY, ON_DEMAND, enrich_batch, retry_policy
from lead_pipeline.store.database import Database
from lead_pipeline.store.suppressions import add_suppression
from lead_pipeline_tests.fakes_enrichment import FakeEnrichmentProvider
from lead_pipeline_tests.lead_builders import BATCH_ID, NOW
from lead_pipeline_tests.services.enriching.enrich_bench import FRESH, POLICY, STALE, EnrichBench, person

LOST = TransportFaultError("fake", "lookup", cause="reset", is_sent=True)
UNREACHABLE = TransportFaultError("fake", "lookup", cause="refused", is_sent=False)
BUSY = ServiceUnavailableError("fake", "lookup", status=503)


@pytest.fixture
def bench(database: Database) -> EnrichBench:
    return EnrichBench(database)


def failing(*faults: LeadPipelineError | None) -> Callable[[Sequence[Question]], LeadPipelineError | None]:
    """Fail the first calls like this; the last entry goes on for ever."""
    queue = list(faults)
    return lambda _questions: queue.pop(0) if len(queue) > 1 else queue[0]


def test_a_missing_value_is_bought_once_and_fills_the_lead(bench: EnrichBench) -> None:
    bench.deliver([person(1, job_title=None), person(2)])
    provider = FakeEnrichmentProvider([person(1, job_title="CFO")])

    summary = bench.enrich(provider)

    first, second = bench.leads()
    assert (first["field_values"]["title"], first["field_values"]["enrichment_source"]) == ("CFO", "Fake")
    assert first["field_values"]["enrichment_reason"] == "Fake: department, seniority, title was missing"
    assert first["field_values"]["last_enriched_at"] == "2026-05-04T06:00:00Z"
    assert second["delivered_values"] is None
    assert (summary.asked, summary.found, summary.credits, summary.known_credits) == (1, 1, 1, 0)
    assert bench.booked() == {"settled": 1}
    assert sorted(bench.requests()) == [("complete_and_fresh", "skipped"), ("missing_fields", "answered")]


@pytest.mark.parametrize("again", ["the same stage", "from the rows", "another day"])
def test_running_again_buys_nothing_and_gives_the_same_lead(bench: EnrichBench, again: str) -> None:
    bench.deliver([person(1, job_title=None)])
    provider = FakeEnrichmentProvider([person(1, job_title="CFO")])
    bench.enrich(provider)
    once, results = bench.values(), bench.rows("SELECT field, verdict FROM enrichment_result ORDER BY field")

    batch_id = BATCH_ID
    if again == "from the rows":
        bench.normalize()
    elif again == "another day":
        batch_id, bench.at = "2026-05-05", NOW + timedelta(days=1)
        bench.deliver([person(1, job_title=None)], batch_id=batch_id)
    summary = bench.enrich(provider, batch_id=batch_id)

    assert (summary.credits, provider.charged, len(provider.asked)) == (0, 1, 1)
    assert bench.values(batch_id)["title"] == "CFO"
    if batch_id == BATCH_ID:
        assert bench.values() == once
        assert bench.rows("SELECT field, verdict FROM enrichment_result ORDER BY field") == results


@pytest.mark.parametrize("reason", ["nightly", "crm_refresh", "on_demand"])
def test_a_stale_value_that_was_replaced_stays_replaced_when_the_stage_is_repeated(
    bench: EnrichBench, reason: str
) -> None:
    bench.deliver([person(1, job_title="VP Sales", last_enriched_at=STALE)])
    provider = FakeEnrichmentProvider([person(1, job_title="CFO")])
    bench.enrich(provider, reason=reason)
    once = bench.values()

    bench.enrich(provider, reason=reason)
    repeated = bench.values()
    bench.normalize()
    bench.enrich(provider, reason=reason)

    assert repeated == once
    assert (once["title"], bench.values(), provider.charged) == ("CFO", once, 1)


def test_a_miss_is_free_and_not_asked_again_the_next_night(bench: EnrichBench) -> None:
    bench.deliver([person(1, job_title=None)])
    provider = FakeEnrichmentProvider()
    bench.enrich(provider)

    bench.at = NOW + timedelta(days=89)
    bench.deliver([person(1, job_title=None, last_enriched_at=bench.at.isoformat())], batch_id="2026-08-01")
    bench.enrich(provider, batch_id="2026-08-01")

    assert len(provider.asked) == 1
    assert bench.booked() == {"settled": 0}


def test_calls_are_as_few_as_the_batch_size_allows(bench: EnrichBench) -> None:
    people = [person(number, job_title=None) for number in range(45)]
    bench.deliver(people)
    provider = FakeEnrichmentProvider([person(number, job_title="CFO") for number in range(45)])

    summary = bench.enrich(provider)

    assert [len(questions) for questions in provider.asked] == [20, 20, 5]
    assert (summary.calls, summary.credits) == (3, 45)


def test_an_uncertain_value_is_kept_and_marked_and_vouches_for_nothing(bench: EnrichBench) -> None:
    bench.deliver([person(1, email=None)])
    provider = FakeEnrichmentProvider([person(1, email_status="likely")])

    bench.enrich(provider)

    (lead,) = bench.leads()
    assert lead["field_values"]["email"] == "jane.00001@acme.com"
    assert "unverified_email" in lead["flags"]
    assert lead["em"] is None
    assert bench.rows("SELECT verdict, origin, required_share FROM enrichment_result WHERE field = 'email'") == [
        {"verdict": "unverified", "origin": "status", "required_share": 0.7}
    ]


def test_a_found_address_becomes_a_key_and_a_known_alias(bench: EnrichBench) -> None:
    bench.deliver([person(1, email=None)])

    bench.enrich(FakeEnrichmentProvider([person(1)]))

    (lead,) = bench.leads()
    assert lead["em"] == "jane.00001@acme.com"
    aliases = bench.rows("SELECT dievio_lead_id FROM lead_identity WHERE alias = 'jane.00001@acme.com'")
    assert [row["dievio_lead_id"] for row in aliases] == [lead["dievio_lead_id"]]


def test_two_people_of_a_batch_never_get_one_address(bench: EnrichBench) -> None:
    bench.deliver([person(1, email=None), person(2, email=None), person(3)])
    shared, known = "both@acme.com", "jane.00003@acme.com"
    provider = FakeEnrichmentProvider([person(1, email=shared), person(2, email=shared)])

    bench.enrich(provider)
    first, second, _ = bench.leads()

    assert (first["em"], second["em"]) == (shared, None)
    bench.deliver([person(4, email=None)], batch_id="2026-05-05")
    bench.enrich(FakeEnrichmentProvider([person(4, email=known)]), batch_id="2026-05-05")
    assert "email" not in bench.values("2026-05-05")


def test_the_old_address_stays_a_key_when_a_verified_one_replaces_it(bench: EnrichBench) -> None:
    bench.deliver([person(1, last_enriched_at=STALE, source=None)])
    new = person(1, email="jane.new@acme.com", last_enriched_at=FRESH)

    bench.enrich(FakeEnrichmentProvider([new]))

    (lead,) = bench.leads()
    assert (lead["field_values"]["email"], lead["em"]) == ("jane.new@acme.com", "jane.00001@acme.com")


def test_an_answer_that_tells_nothing_new_is_counted_as_wasted(bench: EnrichBench) -> None:
    bench.deliver([person(1, last_enriched_at=STALE, source=None)])

    summary = bench.enrich(FakeEnrichmentProvider([person(1)]))

    assert (summary.credits, summary.known_credits) == (1, 1)
    assert bench.rows("SELECT known_credits FROM credit_ledger") == [{"known_credits": 1}]


@pytest.mark.parametrize(
    ("kind", "alias"),
    [("email", "jane.00001@acme.com"), ("linkedin", "jane-00001"), ("domain", "acme.com")],
)
def test_whoever_is_suppressed_is_not_looked_up(bench: EnrichBench, kind: str, alias: str) -> None:
    bench.deliver([person(1, job_title=None)])
    with bench.database.transaction() as connection:
        key = SuppressionKey(kind=SuppressionKind(kind), alias=alias)
        add_suppression(connection, key, reason="objected", by="privacy", at=NOW)
    provider = FakeEnrichmentProvider([person(1)])

    bench.enrich(provider)

    assert (provider.asked, bench.requests()) == ([], [("suppressed", "skipped")])


def test_the_budget_is_used_to_the_last_credit_and_the_rest_is_paused(bench: EnrichBench) -> None:
    bench.policy = replace(POLICY, budget=BudgetRules(daily_credits=25))
    bench.deliver([person(number, job_title=None) for number in range(45)])
    provider = FakeEnrichmentProvider([person(number, job_title="CFO") for number in range(45)])

    summary = bench.enrich(provider)

    assert (provider.charged, summary.credits, summary.paused) == (25, 25, 20)
    assert [len(questions) for questions in provider.asked] == [20, 5]
    assert sorted(state for _, state in bench.requests()) == ["answered"] * 25 + ["paused"] * 20
    assert any("budget.daily_credits" in alert for alert in summary.alerts)


def test_a_spent_segment_pauses_alone_and_the_alert_names_it(bench: EnrichBench) -> None:
    bench.policy = replace(POLICY, budget=BudgetRules(daily_credits=100, segment_credits={"dach": 0}))
    bench.deliver([person(1, job_title=None)], segment="us")
    bench.deliver([person(2, job_title=None)], segment="dach")
    provider = FakeEnrichmentProvider([person(1), person(2)])

    summary = bench.enrich(provider)

    assert [question.segment for question in provider.asked[0]] == ["us"]
    (alert,) = summary.alerts
    assert "paused for dach: 0 of 0 credits" in alert
    assert "Raise budget.segment_credits.dach in enrichment.yaml" in alert


def test_the_next_day_has_a_budget_of_its_own(bench: EnrichBench) -> None:
    bench.policy = replace(POLICY, budget=BudgetRules(daily_credits=1))
    bench.deliver([person(1, job_title=None), person(2, job_title=None)])
    provider = FakeEnrichmentProvider([person(1), person(2)])
    bench.enrich(provider)

    bench.at = NOW + timedelta(days=1)
    bench.enrich(provider)

    assert provider.charged == 2
    assert sorted(bench.requests()) == [("asked_before", "skipped"), ("missing_fields", "answered")]


def test_an_empty_balance_pauses_and_says_so(bench: EnrichBench) -> None:
    bench.deliver([person(number, job_title=None) for number in range(30)])
    provider = FakeEnrichmentProvider([person(number) for number in range(30)], balance=25)

    summary = bench.enrich(provider)

    assert (provider.charged, summary.credits, summary.paused) == (25, 25, 5)
    assert summary.alerts == ("The balance at Fake is empty: enrichment pauses. Top it up",)


def test_a_lost_answer_is_bought_at_most_twice_and_booked_as_uncertain(bench: EnrichBench) -> None:
    bench.deliver([person(1, job_title=None)])
    provider = FakeEnrichmentProvider([person(1)], interrupt=failing(LOST))

    first = bench.enrich(provider)
    second = bench.enrich(provider)

    assert (len(provider.asked), first.uncertain_credits, second.credits) == (2, 2, 0)
    assert bench.booked() == {"uncertain": 2}
    assert bench.requests() == [("missing_fields", "parked")]
    assert [row["state"] for row in bench.rows("SELECT state FROM enrichment_retry")] == ["waiting"]


def test_a_lost_answer_that_comes_the_second_time_is_kept(bench: EnrichBench) -> None:
    bench.deliver([person(1, job_title=None)])
    provider = FakeEnrichmentProvider([person(1, job_title="CFO")], interrupt=failing(LOST, None))

    bench.enrich(provider)

    assert bench.booked() == {"uncertain": 1, "settled": 1}
    assert bench.values()["title"] == "CFO"


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        (UNREACHABLE, 4),
        (BUSY, 4),
        (CredentialsRefusedError("Fake", code="401", settings="FAKE_KEY"), 1),
    ],
)
def test_a_provider_that_is_down_is_left_alone_and_its_people_wait(
    bench: EnrichBench, fault: LeadPipelineError, tries: int
) -> None:
    bench.deliver([person(number, job_title=None) for number in range(100)])
    provider = FakeEnrichmentProvider(interrupt=failing(fault))

    summary = bench.enrich(provider)

    assert len(provider.asked) in {tries, 2 * tries}
    assert (summary.parked, summary.credits, bench.booked().get("uncertain", 0)) == (100, 0, 0)
    assert len(bench.rows("SELECT 1 FROM enrichment_retry WHERE state = 'waiting'")) == 100
    assert "Fake did not answer" in summary.alerts[0]
    assert [row["kind"] for row in bench.rows("SELECT kind FROM enrichment_alert")] == ["provider_down"]


def test_with_the_first_provider_down_the_second_goes_on(bench: EnrichBench) -> None:
    bench.deliver([person(1, job_title=None)])
    down = FakeEnrichmentProvider(name="first", interrupt=failing(UNREACHABLE))
    second = FakeEnrichmentProvider([person(1, job_title="CFO")], name="second")

    summary = bench.enrich(down, second)

    assert bench.values()["title"] == "CFO"
    assert bench.rows("SELECT * FROM enrichment_retry") == []
    assert "First did not answer" in summary.alerts[0]


def test_the_second_provider_is_asked_only_for_what_the_first_left_open(bench: EnrichBench) -> None:
    bench.deliver([person(number, job_title=None, email=None) for number in (1, 2)])
    first = FakeEnrichmentProvider(
        [person(1, job_title="CFO"), person(2, job_title="CTO", email_status="likely")], name="first"
    )
    second = FakeEnrichmentProvider([person(2, job_title="Boss")], name="second")

    bench.enrich(first, second)

    (asked,) = second.asked
    assert [sorted(question.wanted) for question in asked] == [["email"]]
    one, two = bench.leads()
    assert (one["field_values"]["title"], two["field_values"]["title"]) == ("CFO", "CTO")
    assert "unverified_email" not in two["flags"]


def test_a_failure_waits_twice_as_long_each_time_until_the_person_is_given_up(bench: EnrichBench) -> None:
    bench.deliver([person(1, job_title=None)])
    provider = FakeEnrichmentProvider(interrupt=failing(BUSY))
    waits = []

    for _ in range(5):
        bench.enrich(provider)
        (row,) = bench.rows("SELECT next_attempt_at - last_failed_at AS wait, attempts, state FROM enrichment_retry")
        waits.append((row["wait"].total_seconds() / 60, row["attempts"], row["state"]))

    assert waits == [
        (30, 1, "waiting"),
        (60, 2, "waiting"),
        (120, 3, "waiting"),
        (240, 4, "waiting"),
        (480, 5, "given_up"),
    ]


def test_an_unreadable_answer_is_kept_and_booked_as_uncertain(bench: EnrichBench) -> None:
    bench.deliver([person(1, job_title=None)])
    fault = UnreadablePageError("Fake", "lookup", what="a web page", body="<html>")

    bench.enrich(FakeEnrichmentProvider(interrupt=failing(fault)))

    assert bench.booked() == {"uncertain": 1}
    assert bench.rows("SELECT response_body FROM unreadable_page") == [{"response_body": "<html>"}]


def test_a_call_whose_process_died_is_uncertain_and_repeated_once(bench: EnrichBench) -> None:
    bench.deliver([person(1, job_title=None)])
    provider = FakeEnrichmentProvider([person(1, job_title="CFO")])

    def die(_questions: Sequence[Question]) -> None:
        raise KeyboardInterrupt

    for interrupt in (die, die, None):
        provider.interrupt = interrupt
        if interrupt is not None:
            with pytest.raises(KeyboardInterrupt):
                bench.enrich(provider)
        else:
            bench.enrich(provider)

    assert len(provider.asked) == 2
    assert bench.booked() == {"uncertain": 2}
    assert bench.requests() == [("missing_fields", "parked")]


def test_a_provider_that_nobody_set_up_is_refused(bench: EnrichBench) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no provider fake"):
        enrich_batch(bench.database, {}, POLICY, batch_id=BATCH_ID, now=lambda: NOW)


def test_whoever_asks_about_one_person_waits_seconds_and_a_night_minutes() -> None:
    def longest(reason: str) -> float:
        policy = retry_policy(reason)
        return sum(policy.wait_seconds(failures) for failures in range(1, policy.attempts))

    assert retry_policy(ON_DEMAND).attempts == retry_policy(NIGHTLY).attempts == 4
    assert longest(ON_DEMAND) < 2
    assert longest(NIGHTLY) == 7

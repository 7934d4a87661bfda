"""Looking records of the org up again: stale ones, single ones, those that wait, all the way into the org."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lead_pipeline.domain.enrichment.policy import Audience, BudgetRules, EnrichmentPolicy
from lead_pipeline.domain.suppression import SuppressionKey, SuppressionKind
from lead_pipeline.errors import ServiceUnavailableError, UnknownSubjectError
from lead_pipeline.services.enriching.refreshing import (
    Refresh,
    RefreshSummary,
    finish_unfinished,
    look_up_one,
    refresh_stale_records,
    retry_parked,
)
from lead_pipeline.services.replay import retry_letters
from lead_pipeline.store.dead_letters import LetterChoice
from lead_pipeline.store.suppressions import add_suppression
from lead_pipeline_tests.fakes_enrichment import FakeEnrichmentProvider
from lead_pipeline_tests.lead_builders import load_mapping
from lead_pipeline_tests.services.enriching.enrich_bench import RETRIES
from lead_pipeline_tests.services.night_bench import OWNERS, NightBench, day, row
from lead_pipeline_tests.services.rework_bench import new_rework
from lead_pipeline_tests.services.write_bench import ProcessDiedError, WriteBench

POLICY = EnrichmentPolicy(budget=BudgetRules(daily_credits=1_000), providers=("fake",))
UPDATE_ROUTE = {"route": "composite", "method": "POST", "body_contains": "If-Unmodified-Since"}
HOUR = 3600.0
HUNDRED_DAYS = 100 * 24 * 3600.0


@pytest.fixture
def nights(bench: WriteBench) -> NightBench:
    """Two people of one company, synced a hundred days ago."""
    bench.emulated.org.reset()
    nights = NightBench(database=bench.database, emulated=bench.emulated, client=bench.client)
    nights.night(day(1), somebody("Jane"), somebody("Mary"))
    nights.wait(HUNDRED_DAYS)
    return nights


def somebody(given: str, **changes: Any) -> dict[str, Any]:
    slug = f"{given.lower()}-doe"
    return row(
        **{
            "first_name": given,
            "email": f"{given.lower()}.doe@acme.com",
            "linkedin_url": f"https://www.linkedin.com/in/{slug}",
            **changes,
        }
    )


def refresher(nights: NightBench, provider: FakeEnrichmentProvider, policy: EnrichmentPolicy = POLICY) -> Refresh:
    return Refresh(
        work=new_rework(nights),
        providers={"fake": provider},
        policy=policy,
        source=load_mapping("directory"),
        owners=OWNERS,
        retries=RETRIES,
    )


def refresh(nights: NightBench, provider: FakeEnrichmentProvider, batch_id: str = "refresh-1") -> RefreshSummary:
    summary = refresh_stale_records(refresher(nights, provider), batch_id=batch_id)
    assert summary.failed_gates == ()
    return summary


def records(nights: NightBench) -> dict[str, dict[str, Any]]:
    """Given name -> the Lead as the org holds it."""
    return {str(one["FirstName"]): one for one in nights.records("Lead")}


def test_a_stale_record_is_looked_up_and_its_promotion_written(nights: NightBench) -> None:
    provider = FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary")])

    summary = refresh(nights, provider)

    held = records(nights)
    assert summary.write is not None
    assert (summary.records, provider.charged, len(provider.asked)) == (2, 2, 1)
    assert (held["Jane"]["Title"], held["Mary"]["Title"]) == ("CFO", "VP Sales")
    assert {outcome.value: count for outcome, count in summary.write.outcomes.items() if count} == {
        "updated": 1,
        "skipped": 1,
    }
    assert "title was stale" in held["Jane"]["Dievio_Update_Reason__c"]


def test_unchanged_records_are_not_touched_and_a_second_night_buys_nothing(nights: NightBench) -> None:
    provider = FakeEnrichmentProvider([somebody("Jane"), somebody("Mary")])
    before = records(nights)

    first = refresh(nights, provider)
    second = refresh(nights, provider, "refresh-2")

    assert records(nights) == before
    assert first.enrichment is not None
    assert (first.enrichment.credits, first.enrichment.known_credits) == (2, 2)
    assert (second.records, len(provider.asked)) == (0, 1)


def test_whoever_is_left_alone_does_not_take_the_places_of_others_every_night(nights: NightBench) -> None:
    key = SuppressionKey(kind=SuppressionKind.EMAIL, alias="jane.doe@acme.com")
    with nights.database.transaction() as connection:
        add_suppression(connection, key, reason="objected", by="privacy", at=nights.now())
    provider = FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary")])
    one_a_night = replace(POLICY, refresh_records=1)

    nightly = [
        refresh_stale_records(refresher(nights, provider, one_a_night), batch_id=f"refresh-{number}").records
        for number in range(3)
    ]
    nights.wait(timedelta(days=8).total_seconds())
    later = refresh_stale_records(refresher(nights, provider, one_a_night), batch_id="refresh-8")

    assert (nightly, provider.charged) == ([1, 1, 0], 1)
    assert later.enrichment is not None
    assert (later.records, later.enrichment.reasons) == (1, {"suppressed": 1})
    assert records(nights)["Jane"]["Title"] == "VP Sales"


def test_what_the_record_holds_already_is_not_counted_as_found(nights: NightBench) -> None:
    olga = somebody("Olga", location={"city": "Denver", "region": "Colorado", "country": "United States"})
    nights.night(day(2), olga)
    nights.wait(HUNDRED_DAYS)

    refresh(nights, FakeEnrichmentProvider([olga]))

    verdicts = nights.ask("SELECT verdict FROM enrichment_result WHERE field = 'city' AND batch_id = 'refresh-1'")
    assert (records(nights)["Olga"]["City"], [entry["verdict"] for entry in verdicts]) == ("Denver", ["confirmed"])


def test_what_a_rep_corrected_stays(nights: NightBench) -> None:
    jane = nights.ask("SELECT salesforce_id FROM directory_record WHERE fields ->> 'FirstName' = 'Jane'")[0]
    nights.edit(jane["salesforce_id"], {"Title": "Head of everything"})

    refresh(nights, FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary")]))

    assert records(nights)["Jane"]["Title"] == "Head of everything"


def test_a_record_of_the_org_that_is_not_ours_is_found_and_linked(nights: NightBench) -> None:
    nights.create(
        {
            "FirstName": "Olga",
            "LastName": "Doe",
            "Company": "Acme Inc.",
            "LinkedIn_URL__c": "https://www.linkedin.com/in/olga-doe",
        }
    )
    nights.wait(5)

    refresh(nights, FakeEnrichmentProvider([somebody("Olga", job_title="CFO")]))

    held = records(nights)["Olga"]
    assert (held["Title"], bool(held["Dievio_Lead_ID__c"])) == ("CFO", True)


@pytest.mark.parametrize("daily_credits", [1_000, 2], ids=["nobody knows them", "the budget does not reach them"])
def test_a_record_about_which_nobody_said_anything_is_not_touched(nights: NightBench, daily_credits: int) -> None:
    for given in ("Olga", "Pia"):
        profile = f"https://www.linkedin.com/in/{given.lower()}-doe"
        nights.create({"FirstName": given, "LastName": "Doe", "Company": "Acme Inc.", "LinkedIn_URL__c": profile})
    nights.wait(5)
    before = records(nights)
    provider = FakeEnrichmentProvider([somebody("Jane"), somebody("Mary")])
    policy = replace(POLICY, budget=BudgetRules(daily_credits=daily_credits))

    summary = refresh_stale_records(refresher(nights, provider, policy), batch_id="refresh-1")

    assert (summary.failed_gates, summary.records) == ((), 4)
    assert records(nights) == before


def test_a_contact_of_the_org_is_looked_up_by_its_own_name(nights: NightBench) -> None:
    nights.create({"Name": "Acme Inc.", "Website": "https://acme.com"}, object_name="Account")
    olga = {"FirstName": "Olga", "LastName": "Doe", "LinkedIn_URL__c": "https://www.linkedin.com/in/olga-doe"}
    nights.create({**olga, "AccountId": nights.records("Account")[0]["Id"]}, object_name="Contact")
    nights.wait(5)

    summary = refresh(nights, FakeEnrichmentProvider([somebody("Olga", job_title="CFO")]))

    assert summary.write is not None
    assert {outcome.value: count for outcome, count in summary.write.outcomes.items() if count} == {
        "updated": 1,
        "skipped": 2,
    }
    assert nights.records("Contact")[0]["Title"] == "CFO"


def test_an_uncertain_find_is_a_question_and_the_record_stays_blank(nights: NightBench) -> None:
    jane = nights.ask("SELECT salesforce_id FROM directory_record WHERE fields ->> 'FirstName' = 'Jane'")[0]
    nights.edit(jane["salesforce_id"], {"Email": None}, user="admin")
    nights.wait(5)
    found = somebody("Jane", email="jane.d@acme.com", email_status="likely")

    refresh(nights, FakeEnrichmentProvider([found, somebody("Mary")]))

    assert records(nights)["Jane"].get("Email") in (None, "")
    questions = nights.ask("SELECT reason, proposal FROM review_item WHERE state = 'open'")
    assert [(entry["reason"], entry["proposal"]) for entry in questions] == [
        ("low_confidence", {"Email": "jane.d@acme.com"})
    ]


def test_one_person_is_looked_up_on_demand_and_the_second_time_costs_nothing(nights: NightBench) -> None:
    provider = FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary")])
    refresh_one = refresher(nights, provider)

    look_up_one(refresh_one, batch_id="one-1", linkedin_url="linkedin.com/in/Jane-Doe/?trk=x")
    again = look_up_one(refresh_one, batch_id="one-2", linkedin_url="https://www.linkedin.com/in/jane-doe")

    assert (provider.charged, again.failed_gates) == (1, ())
    assert records(nights)["Jane"]["Title"] == "CFO"


@pytest.mark.parametrize(
    "address", ["https://www.linkedin.com/company/acme", "not a profile", "linkedin.com/in/nobody"]
)
def test_a_person_who_is_not_there_costs_nothing(nights: NightBench, address: str) -> None:
    provider = FakeEnrichmentProvider([somebody("Jane")])

    with pytest.raises(UnknownSubjectError):
        look_up_one(refresher(nights, provider), batch_id="one-1", linkedin_url=address)

    assert provider.asked == []


def test_whoever_got_no_answer_is_asked_about_again_by_the_retry(nights: NightBench) -> None:
    provider = FakeEnrichmentProvider(
        [somebody("Jane", job_title="CFO"), somebody("Mary")],
        interrupt=lambda _questions: ServiceUnavailableError("fake", "lookup", status=503),
    )
    down = refresh_stale_records(refresher(nights, provider), batch_id="refresh-1")
    provider.interrupt = None

    too_early = retry_parked(refresher(nights, provider), batch_id="retry-1")
    nights.wait(31 * 60)
    later = retry_parked(refresher(nights, provider), batch_id="retry-2")

    assert down.failed_gates == ()
    assert down.enrichment is not None
    assert (down.enrichment.parked, too_early.records, later.records) == (2, 0, 2)
    assert records(nights)["Jane"]["Title"] == "CFO"
    assert {entry["state"] for entry in nights.ask("SELECT state FROM enrichment_retry")} == {"done"}


def test_at_the_limit_the_rest_of_the_records_waits_for_tomorrow(nights: NightBench) -> None:
    provider = FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary", job_title="CTO")])
    one_credit = replace(POLICY, budget=BudgetRules(daily_credits=1))

    first = refresh_stale_records(refresher(nights, provider, one_credit), batch_id="refresh-1")
    nights.wait(timedelta(days=1).total_seconds())
    second = refresh_stale_records(refresher(nights, provider, one_credit), batch_id="refresh-2")

    assert (first.failed_gates, second.failed_gates) == ((), ())
    assert (first.records, second.records, provider.charged) == (2, 1, 2)
    assert {one["Title"] for one in records(nights).values()} == {"CFO", "CTO"}


@pytest.mark.parametrize(
    ("is_waited_for", "shortest", "longest"), [(True, 0.7, 1.4), (False, 3.5, 7.0)], ids=["on demand", "at night"]
)
def test_a_locked_record_is_tried_as_often_but_not_as_long_while_somebody_waits(
    nights: NightBench, *, is_waited_for: bool, shortest: float, longest: float
) -> None:
    pauses: list[float] = []
    looker = refresher(nights, FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary")]))
    looker = replace(looker, work=replace(looker.work, wait=pauses.append))
    nights.fault("row_lock", **UPDATE_ROUTE)

    if is_waited_for:
        look_up_one(looker, batch_id="looked-up", linkedin_url="linkedin.com/in/jane-doe")
    else:
        refresh_stale_records(looker, batch_id="looked-up")

    assert len(pauses) == 3  # between four tries
    assert shortest <= sum(pauses) <= longest
    letters = nights.ask("SELECT error_code, attempts FROM dead_letter WHERE batch_id = 'looked-up'")
    assert [(one["error_code"], one["attempts"]) for one in letters] == [("UNABLE_TO_LOCK_ROW", 1)]


def test_what_was_given_up_within_seconds_is_replayed_with_the_patience_of_a_night(nights: NightBench) -> None:
    looker = refresher(nights, FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary")]))
    nights.fault("row_lock", **UPDATE_ROUTE)
    look_up_one(looker, batch_id="one-1", linkedin_url="linkedin.com/in/jane-doe")
    nights.end_faults()
    nights.fault("row_lock", times=3, **UPDATE_ROUTE)
    pauses: list[float] = []

    summary = retry_letters(replace(new_rework(nights), wait=pauses.append), LetterChoice())

    assert (summary.tried, summary.recovered) == (1, 1)
    assert max(pauses) >= 2.0  # the third pause of a night is four seconds less what chance takes off
    assert records(nights)["Jane"]["Title"] == "CFO"


def test_what_an_outage_kept_from_the_org_is_written_once_it_is_over(nights: NightBench) -> None:
    provider = FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary")])
    nights.fault("reset_before_commit", **UPDATE_ROUTE)
    down = refresh_stale_records(refresher(nights, provider), batch_id="refresh-1")
    nights.end_faults()

    too_early = finish_unfinished(refresher(nights, provider))
    nights.wait(HOUR)
    later = finish_unfinished(refresher(nights, provider))
    afterwards = finish_unfinished(refresher(nights, provider))

    assert down.failed_gates == ("sync_salesforce__writes__conservation",)
    assert (too_early, [one.batch_id for one in later], afterwards) == ((), ["refresh-1"], ())
    assert (later[0].failed_gates, provider.charged) == ((), 2)
    assert records(nights)["Jane"]["Title"] == "CFO"


def test_repeating_a_batch_that_an_outage_ended_writes_what_was_bought_for_it(nights: NightBench) -> None:
    provider = FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary")])
    nights.fault("reset_before_commit", **UPDATE_ROUTE)
    refresh_stale_records(refresher(nights, provider), batch_id="refresh-1")
    nights.end_faults()

    again = refresh(nights, provider)

    assert (again.enrichment.reasons if again.enrichment else {}) == {"asked_before": 1}  # nothing is new about Mary
    assert provider.charged == 2
    assert records(nights)["Jane"]["Title"] == "CFO"


def test_whoever_left_the_audience_since_an_answer_is_left_alone(nights: NightBench) -> None:
    provider = FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary")])
    refresh(nights, provider)
    nights.wait(HUNDRED_DAYS)
    provider.rows[0] = somebody("Jane", job_title="CEO")
    narrowed = replace(POLICY, audience=Audience(wanted={"country": frozenset({"fr"})}, unknown_passes=False))

    summary = refresh_stale_records(refresher(nights, provider, narrowed), batch_id="refresh-2")

    assert (summary.records, summary.failed_gates, provider.charged) == (2, (), 2)
    assert records(nights)["Jane"]["Title"] == "CFO"


def test_one_person_looked_up_by_a_process_that_died_is_written_after_all(nights: NightBench) -> None:
    provider = FakeEnrichmentProvider([somebody("Jane", job_title="CFO")])
    looker = refresher(nights, provider)
    nights.fault("row_lock", **UPDATE_ROUTE)
    dying = replace(looker, work=replace(looker.work, wait=die))
    with pytest.raises(ProcessDiedError):
        look_up_one(dying, batch_id="one-1", linkedin_url="linkedin.com/in/jane-doe")
    nights.end_faults()
    nights.wait(HOUR)

    (finished,) = finish_unfinished(looker)

    assert (finished.batch_id, finished.failed_gates, provider.charged) == ("one-1", (), 1)
    assert records(nights)["Jane"]["Title"] == "CFO"


def test_a_batch_that_a_gate_stopped_waits_for_a_person(nights: NightBench) -> None:
    provider = FakeEnrichmentProvider([somebody("Jane", job_title="CFO"), somebody("Mary")])
    refresh(nights, provider)
    with nights.database.transaction() as connection:
        connection.execute(
            "UPDATE gate_result SET passed = false, is_blocking = true WHERE batch_id = 'refresh-1'"
            " AND gate = (SELECT min(gate) FROM gate_result WHERE batch_id = 'refresh-1' AND stage = 'readback')"
        )
        connection.execute("DELETE FROM gate_result WHERE batch_id = 'refresh-1' AND stage = 'handover'")
    nights.wait(HOUR)

    assert finish_unfinished(refresher(nights, provider)) == ()


def die(_seconds: float) -> None:
    raise ProcessDiedError

"""Asking about a profile that no record of the org carries: shown, paid for once, written nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lead_pipeline.domain.enrichment.policy import BudgetRules, EnrichmentPolicy
from lead_pipeline.domain.enrichment.selection import Why
from lead_pipeline.domain.suppression import SuppressionKey, SuppressionKind
from lead_pipeline.errors import UnknownSubjectError
from lead_pipeline.services.enriching.profiles import ProfileAnswer, look_up_profile
from lead_pipeline.store.database import Database
from lead_pipeline.store.suppressions import add_suppression
from lead_pipeline_tests.fakes_enrichment import FakeEnrichmentProvider
from lead_pipeline_tests.lead_builders import NOW
from lead_pipeline_tests.services.enriching.enrich_bench import POLICY, RETRIES, EnrichBench, person

PROFILE = "linkedin.com/in/Jane-00001/?trk=x"


def look_up(
    database: Database,
    provider: FakeEnrichmentProvider,
    policy: EnrichmentPolicy = POLICY,
    linkedin_url: str = PROFILE,
) -> ProfileAnswer:
    return look_up_profile(
        database,
        {"fake": provider},
        policy,
        linkedin_url=linkedin_url,
        batch_id="one-1",
        now=lambda: NOW,
        retries=RETRIES,
    )


def test_a_profile_is_paid_for_once_also_when_the_person_is_delivered_later(database: Database) -> None:
    provider = FakeEnrichmentProvider([person(1, job_title="CFO")])

    first, again = look_up(database, provider), look_up(database, provider)
    bench = EnrichBench(database=database)
    bench.deliver([person(1, job_title=None)])
    bench.enrich(provider)

    assert (first.credits, again.credits, provider.charged) == (1, 0, 1)
    assert first.findings["title"].finding.value == again.findings["title"].finding.value == "CFO"
    assert bench.values()["title"] == "CFO"
    assert first.dievio_lead_id == bench.leads()[0]["dievio_lead_id"]


def test_nobody_is_asked_about_a_suppressed_person_or_beyond_the_budget(database: Database) -> None:
    provider = FakeEnrichmentProvider([person(1)])
    broke = look_up(database, provider, replace(POLICY, budget=BudgetRules(daily_credits=0)))
    key = SuppressionKey(kind=SuppressionKind.LINKEDIN, alias="jane-00001")
    with database.transaction() as connection:
        add_suppression(connection, key, reason="objected", by="privacy", at=NOW)

    suppressed = look_up(database, provider)

    assert provider.asked == []
    assert "Raise budget.daily_credits" in broke.alerts[0]
    assert (suppressed.why, suppressed.credits, suppressed.findings) == (Why.SUPPRESSED, 0, {})


@pytest.mark.parametrize("address", ["https://www.linkedin.com/company/acme", "no profile"])
def test_an_address_that_names_no_profile_is_refused(address: str, database: Database) -> None:
    provider = FakeEnrichmentProvider()

    with pytest.raises(UnknownSubjectError):
        look_up(database, provider, linkedin_url=address)

    assert provider.asked == []

"""The gates of enrichment see what is wrong in its books."""

from __future__ import annotations

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.enrichment.policy import BudgetRules
from lead_pipeline.domain.gate_settings import parse_gate_settings
from lead_pipeline.domain.quality import GateResult
from lead_pipeline.services.gates import evaluate_gate
from lead_pipeline.store.database import Database
from lead_pipeline_tests.fakes_enrichment import FakeEnrichmentProvider
from lead_pipeline_tests.lead_builders import BATCH_ID
from lead_pipeline_tests.services.enriching.enrich_bench import POLICY, EnrichBench, person


@pytest.fixture
def bench(database: Database) -> EnrichBench:
    return EnrichBench(database)


@pytest.mark.parametrize("gate", ["within_budget", "confidence", "undisturbed"])
def test_a_good_enrichment_passes_its_gates(bench: EnrichBench, gate: str) -> None:
    bench.deliver([person(1, email=None), person(2, job_title=None)])
    bench.enrich(FakeEnrichmentProvider([person(1, email_status="likely"), person(2)]))

    result = look(bench, gate)

    assert (result.passed, result.checked_count > 0) == (True, True)


PLANTED = {
    "within_budget": "UPDATE credit_ledger SET settled_credits = 9999",
    "confidence": "UPDATE enrichment_result SET share = 0.69 WHERE verdict = 'filled'",
    "undisturbed": f"INSERT INTO enrichment_alert VALUES ('{BATCH_ID}', 'provider_down', 'fake', 'down', now())",
}


@pytest.mark.parametrize("gate", PLANTED)
def test_a_fault_planted_in_the_books_turns_its_gate_red(bench: EnrichBench, gate: str) -> None:
    bench.deliver([person(1, job_title=None)])
    bench.enrich(FakeEnrichmentProvider([person(1)]))
    with bench.database.transaction() as connection:
        connection.execute(PLANTED[gate].encode())

    result = look(bench, gate)

    assert not result.passed
    assert result.is_blocking is (gate != "undisturbed")


def test_an_unverified_value_that_lost_its_mark_closes_the_gate(bench: EnrichBench) -> None:
    bench.deliver([person(1, email=None)])
    bench.enrich(FakeEnrichmentProvider([person(1, email_status="likely")]))
    with bench.database.transaction() as connection:
        connection.execute("UPDATE lead SET flags = '{}'")

    assert not look(bench, "confidence").passed


def test_where_nobody_set_a_limit_none_is_exceeded(bench: EnrichBench) -> None:
    bench.deliver([person(1, job_title=None)])
    bench.enrich(FakeEnrichmentProvider([person(1)]))

    assert look(bench, "within_budget", budget=None).passed


def look(bench: EnrichBench, gate: str, *, budget: BudgetRules | None = POLICY.budget) -> GateResult:
    settings = parse_gate_settings(load_document("gates"), enrichment_budget=budget)
    name = f"core_leads__enrichments__{gate}"
    return evaluate_gate(bench.database, name, batch_id=BATCH_ID, run_id="run", now=lambda: bench.at, config=settings)

"""Measuring a batch: what is kept, and that the report's page shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lead_pipeline.config.pipeline import load_pipeline_config
from lead_pipeline.errors import UnknownBatchError
from lead_pipeline.services.measure_enrichment import MeasureInputs, measure_enrichment, places_of
from lead_pipeline.services.report import build_report
from lead_pipeline.store import enrichment_measures, reports
from lead_pipeline.store.database import Database
from lead_pipeline_tests.fakes_enrichment import FakeEnrichmentProvider
from lead_pipeline_tests.lead_builders import BATCH_ID, NOW
from lead_pipeline_tests.services.enriching.enrich_bench import EnrichBench, person

CONFIG = load_pipeline_config(None)
INPUTS = MeasureInputs(rules=CONFIG.measures, required=CONFIG.enrichment.complete_when, mappings=CONFIG.mappings)


def later() -> datetime:
    return NOW + timedelta(minutes=5)


def test_a_night_is_measured_from_what_enrichment_left_behind(database: Database) -> None:
    bench = EnrichBench(database)
    bench.deliver([person(1, job_title=None), person(2)])
    bench.enrich(FakeEnrichmentProvider([person(1, job_title="CFO")]))
    build_report(database, batch_id=BATCH_ID, run_id="run-1", started_at=NOW, now=later)

    roi = measure_enrichment(database, INPUTS, batch_id=BATCH_ID, now=later)

    with database.transaction() as connection:
        kept = enrichment_measures.find_roi(connection, BATCH_ID)
        stored = reports.read_latest_report(connection, BATCH_ID)
    assert kept == roi
    assert (roi.credits, roi.people.asked, roi.people.found) == (1, 1, 1)
    assert (roi.complete_leads.leads, roi.complete_leads.before, roi.complete_leads.after) == (2, 1, 2)
    assert roi.changed_values >= 1
    assert stored is not None
    assert "What enrichment is worth" in stored.html
    assert stored.run_id == "run-1"
    build_report(database, batch_id=BATCH_ID, run_id="run-1", started_at=NOW, now=later)
    with database.transaction() as connection:
        again = reports.read_latest_report(connection, BATCH_ID)
    assert again is not None
    assert "What enrichment is worth" in again.html


def test_a_batch_without_a_report_is_not_measured(database: Database) -> None:
    with pytest.raises(UnknownBatchError):
        measure_enrichment(database, INPUTS, batch_id="1999-01-01", now=lambda: datetime.now(UTC))


def test_a_field_is_looked_for_wherever_a_mapping_writes_it() -> None:
    places = {(place.object_name, place.target) for place in places_of(CONFIG.mappings, ["email", "technologies"])}

    assert places == {("Lead", "Email"), ("Contact", "Email")}

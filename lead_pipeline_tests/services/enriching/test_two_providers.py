"""Both providers over HTTP: with the first one down the waterfall goes on with the second, and the report says so."""

from __future__ import annotations

from lead_pipeline.services.report import build_report
from lead_pipeline.services.report_page import draw_report_page
from lead_pipeline.store.database import Database
from lead_pipeline_tests.lead_builders import BATCH_ID, NOW
from lead_pipeline_tests.provider_worlds import ContractPerson, contact_api_world, dievio_world
from lead_pipeline_tests.services.enriching.enrich_bench import EnrichBench, person

KNOWN = ContractPerson(
    first_name="Jane", last_name="PersonAb", slug="jane-00001", email="jane.00001@acme.com", title="CFO"
)


def test_with_dievio_down_the_second_provider_fills_the_lead_and_the_report_says_so(database: Database) -> None:
    bench = EnrichBench(database)
    bench.deliver([person(1, job_title=None)])
    with dievio_world() as first, contact_api_world() as second:
        first.know(KNOWN)
        second.know(KNOWN)
        first.refuse_for_now()

        bench.enrich(first.provider, second.provider)

        assert (first.charged, second.charged) == (0, 1)
    report = build_report(database, batch_id=BATCH_ID, run_id="run-1", started_at=NOW, now=lambda: NOW)
    assert bench.values()["title"] == "CFO"
    assert bench.values()["enrichment_source"] == "Contact API"
    assert bench.rows("SELECT * FROM enrichment_retry") == []
    [alert] = report.enrichment_alerts
    assert "Dievio did not answer" in alert
    assert alert in draw_report_page(report)


def test_the_second_provider_is_not_paid_for_what_the_first_knew(database: Database) -> None:
    bench = EnrichBench(database)
    bench.deliver([person(1, job_title=None)])
    with dievio_world() as first, contact_api_world() as second:
        first.know(KNOWN)
        second.know(KNOWN)

        bench.enrich(first.provider, second.provider)

        assert (first.charged, second.charged) == (1, 0)
    assert bench.values()["enrichment_source"] == "Dievio"

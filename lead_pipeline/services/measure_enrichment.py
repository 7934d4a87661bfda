"""Measures what enrichment cost and brought, flags stale records, and puts both into the run report's page.

The counts come from `store/enrichment_measures`, their meaning from `domain/enrichment/roi`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from lead_pipeline.domain.enrichment.measure_rules import MeasureRules
from lead_pipeline.domain.enrichment.measures import judge_accuracy
from lead_pipeline.domain.enrichment.roi import EnrichmentRoi
from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.run_report import RunReport
from lead_pipeline.errors import UnknownBatchError
from lead_pipeline.services.report_page import draw_report_page
from lead_pipeline.store import enrichment_measures, reports
from lead_pipeline.store.database import Database
from lead_pipeline.store.enrichment_measures import FieldPlace, Window

LAST_LOOK = "last_enriched_at"  # canonical field that says when a person was last looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureInputs:
    """What measuring needs to know beside the tables.

    Attributes:
        rules: Windows, assumptions and expectations.
        required: Canonical fields that a complete lead has.
        mappings: Where values are written in the org.
    """

    rules: MeasureRules
    required: tuple[str, ...]
    mappings: MappingSet


def measure_enrichment(
    database: Database, inputs: MeasureInputs, *, batch_id: str, now: Callable[[], datetime]
) -> EnrichmentRoi:
    """Measure the window that ends now, keep the measures with a batch and show them in its report.

    Args:
        database: The product's database.
        inputs: What measuring needs to know.
        batch_id: The batch whose report shows the measures.
        now: The clock, aware UTC.

    Raises:
        UnknownBatchError: The batch has no report to show them in.
    """
    at = now()
    with database.transaction() as connection:
        stored = reports.read_latest_report(connection, batch_id)
        if stored is None:
            raise UnknownBatchError(batch_id)
        roi = _measure(connection, inputs, at=at)
        enrichment_measures.save_roi(connection, roi, batch_id=batch_id, made_at=at)
        report = RunReport.from_summary(stored.summary)
        page = draw_report_page(report, roi=roi)
        reports.save_report(connection, report, made_at=stored.made_at, html=page)
    return roi


def _measure(connection: psycopg.Connection, inputs: MeasureInputs, *, at: datetime) -> EnrichmentRoi:
    rules = inputs.rules
    window = Window(since=at - rules.window, until=at)
    last_look = next((row.to for row in inputs.mappings.lead.written_fields if row.source == LAST_LOOK), "")
    stale, suppressed = enrichment_measures.flag_stale_records(connection, rules.stale, target=last_look, now=at)
    standing = enrichment_measures.read_standing(connection, window, places_of(inputs.mappings, rules.bands))
    return EnrichmentRoi(
        since=window.since.isoformat(timespec="seconds"),
        until=window.until.isoformat(timespec="seconds"),
        spend=enrichment_measures.read_spend(connection, window),
        days=enrichment_measures.read_days(connection, window),
        people=enrichment_measures.read_people(connection, window),
        complete_leads=enrichment_measures.read_complete_leads(connection, window, inputs.required),
        completeness=enrichment_measures.read_completeness(connection, window, rules.completeness_fields),
        findings=enrichment_measures.read_findings(connection, window),
        accuracy=judge_accuracy(standing, rules.bands, min_values=rules.min_values),
        ages=enrichment_measures.read_ages(connection, target=last_look, until=at),
        funnel=enrichment_measures.read_funnel(
            connection, window, untouched=rules.untouched_statuses, responded=rules.responded_statuses
        ),
        stale_records=stale,
        suppressed_records=suppressed,
        stale_after_days=rules.stale.flag_after.days,
        minutes_saved_per_value=rules.minutes_saved_per_value,
        credit_price=rules.credit_price,
        currency=rules.currency,
    )


def places_of(mappings: MappingSet, names: Iterable[str]) -> Sequence[FieldPlace]:
    """Return where canonical fields are written; one that is nowhere written is left out."""
    wanted = set(names)
    return [
        FieldPlace(field=row.source, object_name=mapping.object_name, target=row.to)
        for mapping in (mappings.lead, mappings.contact)
        for row in mapping.written_fields
        if row.source in wanted
    ]

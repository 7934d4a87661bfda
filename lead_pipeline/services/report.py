"""Makes the run report: counts, verdict and page, kept in the database so that every surface shows the same one.

The counts come from `store/reports`, the sentences from `domain/run_report`, the page from `services/report_page`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.run_report import RunReport
from lead_pipeline.errors import UnknownBatchError
from lead_pipeline.services.compare_sync import compare_first_sync
from lead_pipeline.services.report_page import draw_report_page
from lead_pipeline.store import enrichment_measures, reports
from lead_pipeline.store.database import Database


def build_report(
    database: Database,
    *,
    batch_id: str,
    run_id: str,
    started_at: datetime,
    now: Callable[[], datetime],
    read_mappings: Callable[[], MappingSet] | None = None,
) -> RunReport:
    """Count, draw and keep the report of one run.

    Args:
        database: The product's database.
        batch_id: The batch, i.e. the partition key of the nightly job.
        run_id: The run whose own writes, credits and calls are counted.
        started_at: When that run began; credits and duration count from here.
        now: The clock, aware UTC.
        read_mappings: Reads the mapping, for the comparison of a first sync; None leaves that out.

    Raises:
        UnknownBatchError: There is no such batch.
        ConfigurationError: The mapping has flaws.
    """
    made_at = now()
    with database.transaction() as connection:
        report = reports.read_report(connection, batch_id, run_id=run_id, started_at=started_at, made_at=made_at)
        if report is None:
            raise UnknownBatchError(batch_id)
        if read_mappings is not None:
            first_sync = compare_first_sync(connection, batch_id, read_mappings=read_mappings)
            report = replace(report, first_sync=first_sync)
        roi = enrichment_measures.find_roi(connection, batch_id)  # as measured last; made again after the report
        reports.save_report(connection, report, made_at=made_at, html=draw_report_page(report, roi=roi))
    return report

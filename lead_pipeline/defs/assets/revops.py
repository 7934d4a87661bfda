"""The run, for people."""

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.assets.salesforce import sync_salesforce__handovers
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.defs.report_metadata import report_metadata
from lead_pipeline.defs.steps import started_at_of
from lead_pipeline.services.report import build_report


@dg.asset(
    partitions_def=nightly_partitions,
    deps=[sync_salesforce__handovers],
    group_name="report",
    owners=["team:revops"],
    kinds={"postgres", "html"},
    metadata={"one row is": "the run in numbers, with its page"},
)
def out_revops__run_report(
    context: dg.AssetExecutionContext,
    connections: dg.ResourceParam[Connections],
) -> dg.MaterializeResult[None]:
    """The funnel with its sum, gates, field changes, reasons, calls and credits of the night.

    Nightly. When a gate stops the run, the failure sensor makes the same report, so there is one in any case. Read by
    RevOps: here as numbers over time, as a page by `lead-pipeline report --html`.
    """
    report = build_report(
        connections.database,
        batch_id=context.partition_key,
        run_id=context.run.run_id,
        started_at=started_at_of(context),
        now=connections.now,
        read_mappings=lambda: connections.config.mappings,
    )
    return dg.MaterializeResult(metadata=report_metadata(report))

"""What enrichment is worth, for people."""

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.assets.revops import out_revops__run_report
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.defs.roi_metadata import roi_metadata
from lead_pipeline.services.measure_enrichment import measure_enrichment


@dg.asset(
    partitions_def=nightly_partitions,
    deps=[out_revops__run_report],
    group_name="report",
    owners=["team:revops"],
    kinds={"postgres", "html"},
    metadata={"one row is": "the measures of the last 90 days, as of the night"},
)
def out_revops__enrichment_roi(
    context: dg.AssetExecutionContext,
    connections: dg.ResourceParam[Connections],
) -> dg.MaterializeResult[None]:
    """Success, completeness before and after, cost, waste, staleness, accuracy, time to touch, funnel, hours saved.

    Nightly, from credit ledger, leads, results of enrichment and the mirror of the org; looks back as far as
    enrichment_measures.yaml says. Read by RevOps: here as numbers over time, as plots in the page of the run report.
    Flags stale records on the way.
    """
    roi = measure_enrichment(
        connections.database, connections.measure_inputs(), batch_id=context.partition_key, now=connections.now
    )
    return dg.MaterializeResult(metadata=roi_metadata(roi))

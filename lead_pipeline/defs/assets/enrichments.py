"""What enrichment providers know about the leads of the day."""

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.assets.dievio import stg_dievio__leads
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.defs.resources import ProgressSink
from lead_pipeline.defs.steps import counted_calls, materialized
from lead_pipeline.services.enriching.enrich import enrich_batch


@dg.asset(
    partitions_def=nightly_partitions,
    deps=[stg_dievio__leads],
    group_name="enrich",
    owners=["team:revops"],
    kinds={"postgres", "api"},
    metadata={"one row is": "what became of one value that a provider found, with confidence, source and time"},
)
def core_leads__enrichments(
    context: dg.AssetExecutionContext,
    connections: dg.ResourceParam[Connections],
    progress: dg.ResourceParam[ProgressSink],
) -> dg.MaterializeResult[None]:
    """Missing and stale values of the day's leads, looked up within the credit budget, where it pays.

    Nightly, before anything is matched, so that no lead reaches its owner without. Materializing a day again buys
    nothing; a provider that is down ends no night. Read by `core_leads__matches`.
    """
    with counted_calls(context, connections, stage="enrich"):
        summary = enrich_batch(
            connections.database,
            connections.enrichment_providers(),
            connections.config.enrichment,
            batch_id=context.partition_key,
            now=connections.now,
        )
    for alert in summary.alerts:
        context.log.warning(alert)
    progress.report("enrich", summary.leads, summary.leads)
    return materialized(summary, row_count=sum(summary.verdicts.values()))

"""What has to hold before a night begins: systems, permissions, fields."""

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.assets.directory import SALESFORCE_POOL
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.defs.steps import counted_calls, materialized
from lead_pipeline.services.examine import examine, require_ready


@dg.asset(
    partitions_def=nightly_partitions,
    group_name="extract",
    owners=["team:revops"],
    kinds={"salesforce", "postgres"},
    pool=SALESFORCE_POOL,
    metadata={"one row is": "something the doctor found, with severity, reason and repair"},
)
def org_preflight(
    context: dg.AssetExecutionContext, connections: dg.ResourceParam[Connections]
) -> dg.MaterializeResult[None]:
    """What `lead-pipeline doctor` finds in org and database; an error ends the night before anything is bought.

    Nightly, before everything else. Reads only. Read by every source of the graph and by people.
    """
    with counted_calls(context, connections, stage="preflight"):
        examination = examine(
            connections.database,
            connections.salesforce,
            mappings=connections.config.mappings,
            routing=connections.config.routing,
            now=connections.now,
            campaigns=connections.config.campaigns,
        )
    require_ready(examination)
    return materialized(examination, row_count=len(examination.findings))

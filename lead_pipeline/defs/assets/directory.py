"""The mirror of the org that matching and survivorship look at."""

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.defs.resources import ProgressSink
from lead_pipeline.defs.steps import counted_calls, materialized
from lead_pipeline.services.refresh_directory import refresh_directory

SALESFORCE_POOL = "salesforce_api"


@dg.asset(
    partitions_def=nightly_partitions,
    deps=["org_preflight"],
    group_name="extract",
    owners=["team:revops"],
    kinds={"salesforce", "postgres"},
    pool=SALESFORCE_POOL,
    metadata={"one row is": "a Lead, Contact, Account, User or queue as we last saw it"},
)
def stg_salesforce__directory(
    context: dg.AssetExecutionContext,
    connections: dg.ResourceParam[Connections],
    progress: dg.ResourceParam[ProgressSink],
) -> dg.MaterializeResult[None]:
    """Leads, Contacts, Accounts, Users and queues of the org with their match keys, deleted and merged ones included.

    Nightly, incremental: only records changed since the last look are read. Read by `core_leads__matches`.
    """
    with counted_calls(context, connections, stage="directory"):
        summary = refresh_directory(
            connections.database,
            connections.salesforce,
            fields_by_object=connections.config.fields_by_object,
            now=connections.now,
        )
    progress.report("directory", summary.rows, summary.rows)
    return materialized(summary, row_count=summary.rows)

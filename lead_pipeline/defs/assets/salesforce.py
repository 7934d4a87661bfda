"""What is written to Salesforce, how it is read back, and to whom the leads are handed."""

import time

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.assets.decisions import core_leads__sync_plan
from lead_pipeline.defs.assets.directory import SALESFORCE_POOL
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.defs.resources import ProgressSink
from lead_pipeline.defs.steps import actor_of, counted_calls, materialized
from lead_pipeline.services.hand_over import hand_over
from lead_pipeline.services.join_campaigns import join_campaigns, require_finished
from lead_pipeline.services.read_back import read_back
from lead_pipeline.services.write import write_batch
from lead_pipeline.services.writing.ports import WriteTools


@dg.asset(
    partitions_def=nightly_partitions,
    deps=[core_leads__sync_plan],
    group_name="sync",
    owners=["team:revops"],
    kinds={"salesforce", "postgres"},
    pool=SALESFORCE_POOL,
    metadata={"one row is": "the outcome of one delivered row, with the receipt of its write"},
)
def sync_salesforce__writes(
    context: dg.AssetExecutionContext,
    connections: dg.ResourceParam[Connections],
    progress: dg.ResourceParam[ProgressSink],
) -> dg.MaterializeResult[None]:
    """Carries out the plan: creates carry our unique external id, updates are conditional on what was read.

    Nightly. Refuses to start unless every gate before it passed. A write whose answer is lost is settled by reading,
    never by sending it again. Read by `sync_salesforce__readback`.
    """
    with counted_calls(context, connections, stage="write"):
        summary = write_batch(
            connections.database,
            connections.salesforce,
            connections.write_rules(),
            batch_id=context.partition_key,
            run_id=context.run.run_id,
            actor=actor_of(context),
            tools=WriteTools(now=connections.now, wait=time.sleep, on_progress=progress.report),
        )
    return materialized(summary, row_count=summary.settled)


@dg.asset(
    partitions_def=nightly_partitions,
    deps=[sync_salesforce__writes],
    group_name="verify",
    owners=["team:revops"],
    kinds={"salesforce", "postgres"},
    pool=SALESFORCE_POOL,
    metadata={"one row is": "a record of this batch as Salesforce now holds it"},
)
def sync_salesforce__readback(
    context: dg.AssetExecutionContext,
    connections: dg.ResourceParam[Connections],
) -> dg.MaterializeResult[None]:
    """Every record this batch created or updated, read back from Salesforce.

    Nightly. The nine post-sync gates compare it with what was meant to be written; leads go to their owners only after
    all of them passed. Read by `sync_salesforce__handovers`.
    """
    with counted_calls(context, connections, stage="read_back"):
        summary = read_back(
            connections.database,
            connections.salesforce,
            connections.write_rules(),
            batch_id=context.partition_key,
            now=connections.now,
        )
    return materialized(summary, row_count=summary.records)


@dg.asset(
    partitions_def=nightly_partitions,
    deps=[sync_salesforce__readback],
    group_name="hand_over",
    owners=["team:revops"],
    kinds={"salesforce", "postgres"},
    pool=SALESFORCE_POOL,
    metadata={"one row is": "a new lead with the owner a routing rule chose"},
)
def sync_salesforce__handovers(
    context: dg.AssetExecutionContext,
    connections: dg.ResourceParam[Connections],
) -> dg.MaterializeResult[None]:
    """Gives the new leads of a passed batch to their owners by the routing rules, then adds them to their Campaigns.

    Nightly, after all post-sync gates. A lead that somebody took meanwhile stays with that person.
    `campaigns.yaml` names the Campaigns: none unless somebody asked for it.
    """
    with counted_calls(context, connections, stage="hand_over"):
        summary = hand_over(
            connections.database,
            connections.salesforce,
            connections.config.routing,
            batch_id=context.partition_key,
            run_id=context.run.run_id,
            actor=actor_of(context),
            now=connections.now,
        )
    with counted_calls(context, connections, stage="campaigns"):
        members = join_campaigns(
            connections.database,
            connections.salesforce,
            connections.config.campaigns,
            batch_id=context.partition_key,
            run_id=context.run.run_id,
            actor=actor_of(context),
            now=connections.now,
        )
    require_finished(context.partition_key, summary, members)
    return materialized(summary, members, row_count=summary.leads)

"""From Dievio to normalized leads: what was bought, and what it says once it is clean."""

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.defs.resources import ProgressSink
from lead_pipeline.defs.steps import counted_calls, materialized
from lead_pipeline.services.normalize import normalize_batch
from lead_pipeline.services.pull import pull_segments


class PullConfig(dg.Config):
    """Run configuration of the pull."""

    is_repull: bool = False  # buy the pages of this day again; costs credits


@dg.asset(
    partitions_def=nightly_partitions,
    deps=["org_preflight"],
    group_name="extract",
    owners=["team:data-engineering"],
    kinds={"postgres", "api"},
    metadata={"one row is": "a row as Dievio returned it, with its page, request, time and credit"},
)
def raw_dievio__leads(
    context: dg.AssetExecutionContext,
    config: PullConfig,
    connections: dg.ResourceParam[Connections],
    progress: dg.ResourceParam[ProgressSink],
) -> dg.MaterializeResult[None]:
    """Rows of every saved search for one day, kept exactly as Dievio delivered them.

    Nightly. Each page is paid for once and stored before anybody reads it, so materializing a day again replays the
    stored pages and buys nothing. Read by `stg_dievio__leads`.
    """
    with counted_calls(context, connections, stage="pull"):
        summary = pull_segments(
            connections.database,
            connections.dievio,
            connections.config.segments,
            batch_id=context.partition_key,
            now=connections.now,
            is_repull=config.is_repull,
        )
    progress.report("pull", summary.rows, summary.rows)
    return materialized(summary, row_count=summary.rows)


@dg.asset(
    partitions_def=nightly_partitions,
    deps=[raw_dievio__leads, "stg_salesforce__directory"],
    group_name="normalize",
    owners=["team:data-engineering"],
    kinds={"postgres", "python"},
    metadata={"one row is": "one person with clean values, match keys and a confidence per field"},
)
def stg_dievio__leads(
    context: dg.AssetExecutionContext,
    connections: dg.ResourceParam[Connections],
    progress: dg.ResourceParam[ProgressSink],
) -> dg.MaterializeResult[None]:
    """Normalized leads of one day; rows that break the contract wait in quarantine with every reason at once.

    Nightly. Names, addresses, phones, domains, profile links, places, industries and sizes in one form; a second copy
    of a person points to the first. Read by `core_leads__matches`.
    """
    summary = normalize_batch(
        connections.database,
        connections.config.source,
        owners=connections.config.owners,
        batch_id=context.partition_key,
        now=connections.now,
        org_vocabulary=connections.org_vocabulary(),
    )
    progress.report("normalize", summary.leads, summary.leads)
    return materialized(summary, row_count=summary.leads)

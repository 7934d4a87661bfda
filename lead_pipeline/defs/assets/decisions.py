"""What is decided about each lead before anything is written: who it is, and what should happen."""

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.assets.directory import stg_salesforce__directory
from lead_pipeline.defs.assets.enrichments import core_leads__enrichments
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.defs.resources import ProgressSink
from lead_pipeline.defs.steps import materialized
from lead_pipeline.domain.sampling import ScopeKind
from lead_pipeline.services.choose_leads import EVERYTHING, ScopeStep, choose_leads
from lead_pipeline.services.match import match_batch
from lead_pipeline.services.plan import plan_batch


class ScopeConfig(dg.Config):
    """Run configuration of the first sync, step by step; without it every lead is let through."""

    sample_leads: int = 0  # let a sample of so many leads through, and no others
    further_leads: int = 0  # let so many more through, in the order of delivery

    def step(self) -> ScopeStep:
        """Return what the run lets through."""
        if self.sample_leads:
            return ScopeStep(kind=ScopeKind.SAMPLE, size=self.sample_leads)
        if self.further_leads:
            return ScopeStep(kind=ScopeKind.LIMIT, size=self.further_leads)
        return EVERYTHING


@dg.asset(
    partitions_def=nightly_partitions,
    deps=[core_leads__enrichments, stg_salesforce__directory],
    group_name="match",
    owners=["team:revops"],
    kinds={"postgres", "python"},
    metadata={"one row is": "a lead with the rule that fired, its candidates and the evidence"},
)
def core_leads__matches(
    context: dg.AssetExecutionContext,
    connections: dg.ResourceParam[Connections],
    progress: dg.ResourceParam[ProgressSink],
) -> dg.MaterializeResult[None]:
    """Which Lead or Contact each person is, by the match ladder, with evidence for every candidate.

    Nightly. Only one certain candidate links by itself; everything ambiguous becomes a question for a person. Read by
    `core_leads__sync_plan`.
    """
    summary = match_batch(
        connections.database, connections.config.matching, batch_id=context.partition_key, now=connections.now
    )
    progress.report("match", summary.leads, summary.leads)
    return materialized(summary, row_count=summary.leads)


@dg.asset(
    partitions_def=nightly_partitions,
    deps=[core_leads__matches],
    group_name="match",
    owners=["team:revops"],
    kinds={"postgres", "python"},
    metadata={"one row is": "what is to happen with a lead, and per field before, after, policy and reason"},
)
def core_leads__sync_plan(
    context: dg.AssetExecutionContext,
    config: ScopeConfig,
    connections: dg.ResourceParam[Connections],
    progress: dg.ResourceParam[ProgressSink],
) -> dg.MaterializeResult[None]:
    """Create, update, skip or review for every lead, with the field diff. Nothing is written here.

    Nightly, and the whole of a dry run. Values are checked against the org's own description before anything is sent.
    Read by `sync_salesforce__writes` and by people.
    """
    summary = plan_batch(
        connections.database,
        connections.config.mappings,
        batch_id=context.partition_key,
        now=connections.now,
        companies=connections.config.companies,
        campaigns=connections.config.campaigns,
    )
    scope = choose_leads(
        connections.database,
        config.step(),
        batch_id=context.partition_key,
        run_id=context.run.run_id,
        now=connections.now,
    )
    progress.report("plan", summary.leads, summary.leads)
    return materialized(summary, scope, row_count=summary.leads)

"""Looking records of the org up again: the stale ones once a day, those that wait for a provider every half an hour."""

from datetime import UTC

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.assets.directory import SALESFORCE_POOL
from lead_pipeline.defs.sensors import letter_lines
from lead_pipeline.services.enriching.refreshing import (
    RefreshSummary,
    finish_unfinished,
    refresh_stale_records,
    retry_parked,
)

#: 04:15 UTC: when the night has bought what it needs, the rest of the day's budget goes to the oldest records.
CRM_REFRESH_CRON = "15 4 * * *"
#: As often as the first wait of a parked person.
RETRY_CRON = "*/30 * * * *"
ACTOR = "dagster"


def _finish(
    context: dg.OpExecutionContext, connections: Connections, summary: RefreshSummary, *finished: RefreshSummary
) -> None:
    """Show the counts, and which earlier batches were finished; a closed gate fails the run."""
    names = ", ".join(one.batch_id for one in finished)
    context.add_output_metadata({**summary.as_metadata(), "finished_batches": names})
    for one in (summary, *finished):
        for alert in one.enrichment.alerts if one.enrichment else ():
            context.log.warning(alert)
        for line in letter_lines(connections, one.batch_id):
            context.log.error(line)
    stopped = [
        f"Batch {one.batch_id} was stopped by {', '.join(one.failed_gates)}. "
        f"See `lead-pipeline gates --date {one.batch_id}`"
        for one in (summary, *finished)
        if one.failed_gates
    ]
    if stopped:
        raise dg.Failure(description="\n".join(stopped))


@dg.op(
    pool=SALESFORCE_POOL, description="Look the stale records of the org up again, the oldest first, within the budget."
)
def refresh_crm_records(context: dg.OpExecutionContext, connections: dg.ResourceParam[Connections]) -> None:
    """One batch a day; repeating it goes on with its records and buys nothing twice."""
    batch_id = f"refresh-{connections.now().astimezone(UTC):%Y-%m-%d}"
    _finish(context, connections, refresh_stale_records(connections.refresh(actor=ACTOR), batch_id=batch_id))


@dg.op(
    pool=SALESFORCE_POOL,
    description="Ask again about people whose provider did not answer, and finish batches that an outage ended.",
)
def retry_enrichment(context: dg.OpExecutionContext, connections: dg.ResourceParam[Connections]) -> None:
    """A batch of its own each time; without anybody due it makes none."""
    batch_id = f"retry-{connections.now().astimezone(UTC):%Y%m%dT%H%M%S}"
    refresh = connections.refresh(actor=ACTOR)
    _finish(context, connections, retry_parked(refresh, batch_id=batch_id), *finish_unfinished(refresh))


@dg.job(executor_def=dg.in_process_executor, description="Refresh stale records of the org through the same gates.")
def crm_refresh_job() -> None:
    """One op."""
    refresh_crm_records()


@dg.job(executor_def=dg.in_process_executor, description="Look up who waits in the retry queue of enrichment.")
def enrichment_retry_job() -> None:
    """One op."""
    retry_enrichment()


crm_refresh_schedule = dg.ScheduleDefinition(
    name="crm_refresh_schedule",
    job=crm_refresh_job,
    cron_schedule=CRM_REFRESH_CRON,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
enrichment_retry_schedule = dg.ScheduleDefinition(
    name="enrichment_retry_schedule",
    job=enrichment_retry_job,
    cron_schedule=RETRY_CRON,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)

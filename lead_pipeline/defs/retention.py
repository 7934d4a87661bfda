"""The daily cleaning: the log's days ahead are made, those older than 90 days dropped."""

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.services.retention import clean_log

#: 01:30 UTC: before the night's run, so that its day is there.
RETENTION_CRON = "30 1 * * *"


@dg.op(description="Make the log's days ahead and drop those older than 90 days.")
def clean_sync_log(context: dg.OpExecutionContext, connections: dg.ResourceParam[Connections]) -> None:
    """Runs once a day; repeating it changes nothing."""
    summary = clean_log(connections.database, now=connections.now)
    context.add_output_metadata(summary.as_metadata())


@dg.job(executor_def=dg.in_process_executor, description="Keep the sync log for 90 days.")
def retention_job() -> None:
    """One op."""
    clean_sync_log()


retention_schedule = dg.ScheduleDefinition(
    name="retention_schedule",
    job=retention_job,
    cron_schedule=RETENTION_CRON,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)

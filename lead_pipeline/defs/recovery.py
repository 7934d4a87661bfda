"""Clearing up after dead processes, without being asked: claims, open writes, and runs that nobody works on any more.

Dagster ends a run whose worker died while its daemon lived. A whole tree that dies at once leaves the run STARTED,
where it would hold its partition's place in the queue until its time runs out.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.services.recover import SILENT_TIME, find_dead_runs, recover
from lead_pipeline.services.writing.ports import WriteTools

#: With the silence that proves a death it stays under two minutes from death, or restart, to recovery.
INTERVAL_SECONDS = 30
RUNNING_STATUSES = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
MOST_RUNS = 200


def end_run(instance: dg.DagsterInstance, run: dg.DagsterRun, *, message: str) -> None:
    """Mark a run without a process as failed and give back its places in the pools.

    A place that a killed process held is otherwise free only after Dagster's daemon looked: until then, and where no
    daemon runs for ever, the next run waits for it without a word.
    """
    instance.report_run_failed(run, message=message)
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def end_dead_runs(instance: dg.DagsterInstance, connections: Connections) -> list[str]:
    """Mark runs as failed whose process gives no sign of life; return their ids.

    A run that was started again by Dagster's own retries is another run.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=RUNNING_STATUSES), limit=MOST_RUNS)
    started = {
        record.dagster_run.run_id: datetime.fromtimestamp(record.start_time or record.create_timestamp.timestamp(), UTC)
        for record in records
    }
    dead = find_dead_runs(connections.database, started, at=connections.now()) if started else ()
    for record in records:
        if record.dagster_run.run_id in dead:
            end_run(
                instance,
                record.dagster_run,
                message=f"No process has worked on this run for {SILENT_TIME / timedelta(seconds=1):g} seconds; "
                "what it had settled stays, run the day again",
            )
    return list(dead)


@dg.sensor(
    name="recover_sensor",
    description="Frees the claims of dead processes, settles their open writes and ends their runs.",
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def recover_sensor(context: dg.SensorEvaluationContext, connections: dg.ResourceParam[Connections]) -> dg.SkipReason:
    """Looks every half a minute; a look that finds nothing costs a few queries and no call to Salesforce."""
    ended = end_dead_runs(context.instance, connections)
    tools = WriteTools(now=connections.now, wait=lambda _seconds: None)
    summary = recover(connections.database, lambda: connections.salesforce, tools, run_id="recovery")
    if ended or summary.did_anything:
        context.log.warning("%d dead runs ended, %s", len(ended), summary)
    return dg.SkipReason(f"{len(ended)} dead runs ended, {summary}")

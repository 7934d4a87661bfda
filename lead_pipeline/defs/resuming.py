"""Nights that a passing fault ended go on by themselves; what a person has to mend waits for that person.

Passing are outages, a spent share of API calls and another run's claim. A day that somebody started at the command line
is left to them: they see how it ended, and may have let only some leads through.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.failures import explain_failures
from lead_pipeline.defs.jobs import nightly_job
from lead_pipeline.defs.partitions import PARTITION_TAG
from lead_pipeline.defs.steps import ACTOR_TAG
from lead_pipeline.services.gates import CONSERVATION_GATE
from lead_pipeline.store.gates import list_open_failures
from lead_pipeline.store.scopes import find_scope

INTERVAL_SECONDS = 300
FIRST_WAIT = timedelta(minutes=30)  # doubles with each try
MOST_RESUMES = 5  # the last one begins fifteen and a half hours later: a rolling day of API calls has moved on
LOOK_BACK = timedelta(days=2)  # longer than all waits together
MOST_RUNS = 100
RESUMES_TAG = "lead_pipeline/resumes"  # the failed run that a run goes on with
TRY_TAG = "lead_pipeline/resume_try"
_FAILURES = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}


def find_resume_time(
    instance: dg.DagsterInstance, connections: Connections, run: dg.DagsterRun, *, ended_at: datetime
) -> datetime | None:
    """Return when a failed run of a day goes on by itself; None when that is left to a person."""
    batch_id, tries = run.tags.get(PARTITION_TAG), _tries(run)
    is_night = run.job_name == nightly_job.name and ACTOR_TAG not in run.tags
    if not batch_id or not is_night or tries >= MOST_RESUMES:
        return None
    if not _was_ended_in_passing(instance, connections, run.run_id, batch_id):
        return None
    wait: timedelta = FIRST_WAIT * 2**tries
    return ended_at + wait


def find_due_runs(instance: dg.DagsterInstance, connections: Connections) -> Iterator[dg.DagsterRun]:
    """Yield failed runs whose time to go on has come and whose day nobody has run since."""
    at = connections.now()
    failed = dg.RunsFilter(
        job_name=nightly_job.name, statuses=[dg.DagsterRunStatus.FAILURE], updated_after=at - LOOK_BACK
    )
    for record in instance.get_run_records(failed, limit=MOST_RUNS):
        run = record.dagster_run
        if record.end_time is None or not _is_newest(instance, run):
            continue
        due_at = find_resume_time(instance, connections, run, ended_at=datetime.fromtimestamp(record.end_time, UTC))
        if due_at is not None and due_at <= at:
            yield run


def _was_ended_in_passing(instance: dg.DagsterInstance, connections: Connections, run_id: str, batch_id: str) -> bool:
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=_FAILURES)]
    failures = explain_failures(event for event in events if event is not None)
    with connections.database.transaction() as connection:
        if find_scope(connection, batch_id) is not None:
            return False  # a run of the day would let the rest of the leads through
        closed = {one.gate for one in list_open_failures(connection) if one.batch_id == batch_id}
    if failures:
        return all(failure.is_passing for failure in failures)
    # Rows without an end and nothing else: a spent share of calls, or answers that were lost to the last.
    return closed == {CONSERVATION_GATE}


def _is_newest(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    same_day = dg.RunsFilter(job_name=run.job_name, tags={PARTITION_TAG: run.tags.get(PARTITION_TAG, "")})
    newest = instance.get_runs(same_day, limit=1)
    return bool(newest) and newest[0].run_id == run.run_id


def _tries(run: dg.DagsterRun) -> int:
    return int(run.tags.get(TRY_TAG, "0"))


@dg.sensor(
    name="resume_sensor",
    job=nightly_job,
    description="Takes nights up again that an outage or a spent share of API calls ended.",
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def resume_sensor(
    context: dg.SensorEvaluationContext, connections: dg.ResourceParam[Connections]
) -> Iterator[dg.RunRequest]:
    """Looks every five minutes; what was bought, decided and written by the failed run is not done again."""
    for run in find_due_runs(context.instance, connections):
        yield dg.RunRequest(
            run_key=f"resume {run.run_id}",
            partition_key=run.tags[PARTITION_TAG],
            tags={RESUMES_TAG: run.run_id, TRY_TAG: str(_tries(run) + 1)},
        )

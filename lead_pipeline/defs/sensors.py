"""What happens when a night goes wrong: the report is made all the same, and the failed gate is told in words.

Where alerts go is one function (`tell`): the log for now.
"""

from datetime import UTC, datetime

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.domain.run_report import RunReport
from lead_pipeline.errors import UnknownBatchError
from lead_pipeline.services.report import build_report

INTERVAL_SECONDS = 30


def alert_lines(report: RunReport) -> list[str]:
    """Return the message of a stopped night: verdict, sum, then each failed gate with its next step. Ids only."""
    lines = [f"{report.verdict.value.upper()} batch {report.batch_id}: {report.headline}", report.conservation_line]
    lines += [
        f"gate {gate.name}: {gate.description} Next: {gate.next_step} ({', '.join(gate.failed_ids) or 'no ids'})"
        for gate in report.failed_gates
    ]
    return lines


def tell(context: dg.RunStatusSensorContext, lines: list[str]) -> None:
    """Send an alert to the sink: one log line per sentence."""
    for line in lines:
        context.log.error(line)


def report_failed_run(context: dg.RunStatusSensorContext, connections: Connections) -> list[str]:
    """Make the report of a failed nightly run and return the alert; a run that failed before its batch has neither."""
    run = context.dagster_run
    batch_id = run.tags.get("dagster/partition")
    record = context.instance.get_run_record_by_id(run.run_id)
    if batch_id is None or record is None:
        return [f"Run {run.run_id} of {run.job_name} failed before it had a partition"]
    started_at = datetime.fromtimestamp(record.start_time or record.create_timestamp.timestamp(), UTC)
    try:
        report = build_report(
            connections.database,
            batch_id=batch_id,
            run_id=run.run_id,
            started_at=started_at,
            now=connections.now,
        )
    except UnknownBatchError:
        return [f"Run {run.run_id} of batch {batch_id} failed before anything was pulled; see its log in Dagit"]
    return alert_lines(report)


@dg.run_failure_sensor(
    name="failed_run_sensor",
    description="Makes the run report of a failed night and raises the alert.",
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    monitor_all_code_locations=False,
)
def failed_run_sensor(context: dg.RunFailureSensorContext, connections: dg.ResourceParam[Connections]) -> None:
    """Runs for every failed run of this code location."""
    tell(context, report_failed_run(context, connections))

"""What people are told after a night: the failed gate or error in words, and warnings of a night that went through.

Where alerts go is one function (`tell`): the log for now. The report of a failed night is made here too, because its
own asset never ran.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.failures import StepFailure, explain_failures
from lead_pipeline.defs.partitions import PARTITION_TAG
from lead_pipeline.defs.resuming import find_resume_time
from lead_pipeline.domain.run_report import GateLine, RunReport
from lead_pipeline.errors import UnknownBatchError
from lead_pipeline.services.report import build_report
from lead_pipeline.store.dead_letters import DeadLetter, read_letters
from lead_pipeline.store.reports import read_gate_lines

INTERVAL_SECONDS = 30
MOST_LETTERS = 1_000  # looked at for one alert
MOST_IDS = 10  # named in one line of it


def failure_lines(report: RunReport, failures: Sequence[StepFailure]) -> list[str]:
    """Return the message of a stopped night: verdict, sum, then each error and failed gate with its next step."""
    return [
        f"{report.verdict.value.upper()} batch {report.batch_id}: {report.headline}",
        report.conservation_line,
        *(f"step {failure.step}: {failure.message}" for failure in failures),
        *(gate_line(gate) for gate in report.failed_gates),
    ]


def gate_line(gate: GateLine) -> str:
    """Return a failed gate in one sentence: what, which ids, what to do. Ids only."""
    ids = f" ({', '.join(gate.failed_ids)})" if gate.failed_ids else ""
    return f"gate {gate.name}: {gate.description}{ids} Next: {gate.next_step}"


def tell(context: dg.RunStatusSensorContext, lines: Sequence[str]) -> None:
    """Send an alert to the sink: one log line per sentence."""
    for line in lines:
        context.log.error(line)


def report_failed_run(context: dg.RunFailureSensorContext, connections: Connections) -> list[str]:
    """Make the report of a failed nightly run and return the alert; there is none without a batch."""
    run = context.dagster_run
    batch_id = run.tags.get(PARTITION_TAG)
    record = context.instance.get_run_record_by_id(run.run_id)
    failures = explain_failures(context.get_step_failure_events())
    reasons = [f"step {failure.step}: {failure.message}" for failure in failures]
    if batch_id is None or record is None:
        return [f"Run {run.run_id} of {run.job_name} failed; it has no partition", *reasons]
    started_at = datetime.fromtimestamp(record.start_time or record.create_timestamp.timestamp(), UTC)
    try:
        report = build_report(
            connections.database,
            batch_id=batch_id,
            run_id=run.run_id,
            started_at=started_at,
            now=connections.now,
            read_mappings=lambda: connections.config.mappings,
        )
    except UnknownBatchError:
        lines = [f"Run {run.run_id} of batch {batch_id} failed before anything was pulled; see it in Dagit", *reasons]
    else:
        lines = [*failure_lines(report, failures), *letter_lines(connections, batch_id)]
    ended_at = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else connections.now()
    resumes_at = find_resume_time(context.instance, connections, run, ended_at=ended_at)
    return [*lines, f"It goes on by itself at {resumes_at:%Y-%m-%d %H:%M} UTC"] if resumes_at else lines


def letter_lines(connections: Connections, batch_id: str) -> list[str]:
    """Return a line for each owner and cause of the writes of a batch that were given up: whose, why, which letters."""
    with connections.database.transaction() as connection:
        letters = read_letters(connection, state="open", batch_id=batch_id, most=MOST_LETTERS)
    groups: dict[tuple[str, str], list[DeadLetter]] = defaultdict(list)
    for letter in letters:
        groups[letter.owner, letter.error_code].append(letter)
    return [
        f"given up, for {owner}: {code} ({group[0].cause}), letters {_some([one.dead_letter_id for one in group])}, "
        f"attempts {max(one.attempts for one in group)}. Next: {group[0].suggested_repair}; "
        f"`lead-pipeline dlq show {code}`"
        for (owner, code), group in groups.items()
    ]


def _some(ids: Sequence[int]) -> str:
    rest = f" and {len(ids) - MOST_IDS} more" if len(ids) > MOST_IDS else ""
    return ", ".join(map(str, ids[:MOST_IDS])) + rest


def warning_lines(connections: Connections, batch_id: str) -> list[str]:
    """Return a line for each check of a finished batch that only warns, and for each kind of write given up."""
    with connections.database.transaction() as connection:
        gates = read_gate_lines(connection, batch_id)
    return [*(gate_line(gate) for gate in gates if not gate.passed), *letter_lines(connections, batch_id)]


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


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    name="warned_run_sensor",
    description="Raises an alert for each check that warned in a night that went through, and for writes given up.",
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    monitor_all_code_locations=False,
)
def warned_run_sensor(context: dg.RunStatusSensorContext, connections: dg.ResourceParam[Connections]) -> None:
    """Runs for every run of a day that succeeded, backfills included."""
    batch_id = context.dagster_run.tags.get(PARTITION_TAG)
    if batch_id is not None:
        tell(context, warning_lines(connections, batch_id))

"""Runs the nightly job for one day through Dagster, in this process, against the shared instance.

The run is an ordinary Dagster run: it shows in Dagit afterwards with its checks and metadata.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from sqlalchemy.exc import DBAPIError

from lead_pipeline import errors
from lead_pipeline.apps.dagster_home import prepare_dagster_home
from lead_pipeline.definitions import build_definitions
from lead_pipeline.defs.failures import StepFailure, explain_failures
from lead_pipeline.defs.jobs import nightly_job
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.defs.recovery import end_run
from lead_pipeline.defs.resources import ProgressSink
from lead_pipeline.defs.steps import ACTOR_TAG
from lead_pipeline.domain.sampling import ScopeKind
from lead_pipeline.services.choose_leads import EVERYTHING, ScopeStep
from lead_pipeline.settings import Settings
from lead_pipeline.store.database import Database

PID_TAG = "lead_pipeline/pid"
HOST_TAG = "lead_pipeline/host"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyRun:
    """How a run of one day ended. `errors` are the messages of failed steps other than failed gates."""

    batch_id: str
    run_id: str
    started_at: datetime
    is_success: bool
    errors: tuple[str, ...]
    exit_code: int


def require_partition(batch_id: str, *, option: str = "--date") -> str:
    """Return a day that the graph knows.

    Raises:
        ConfigurationError: The day is no day, lies before the first partition or in the future.
    """
    if not nightly_partitions.has_partition_key(batch_id):
        first, last = nightly_partitions.get_first_partition_key(), nightly_partitions.get_last_partition_key()
        raise errors.ConfigurationError(
            option, what=f"{batch_id} is no day that can be run", repair=f"Name a day from {first} to {last}"
        )
    return batch_id


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open the shared instance and end the runs of command lines that died.

    Raises:
        DatabaseUnavailableError: Dagster's database does not answer.
    """
    with _dagster_storage(settings):
        instance = dg.DagsterInstance.from_config(str(prepare_dagster_home(settings)))
        _end_orphaned_runs(instance)
    return instance


def run_nightly(
    settings: Settings,
    instance: dg.DagsterInstance,
    *,
    batch_id: str,
    progress: ProgressSink,
    actor: str,
    is_repull: bool = False,
    step: ScopeStep = EVERYTHING,
    resources: Mapping[str, object] | None = None,
) -> NightlyRun:
    """Materialize one day and return how it ended; a failed gate or step is an answer, not an exception.

    Args:
        settings: What to connect to.
        instance: Where Dagster keeps the run.
        batch_id: The day, i.e. the partition.
        progress: Told how far each stage is.
        actor: Who started the run, for the sync log.
        is_repull: Whether the day's pages are bought again.
        step: How far the batch is let through.
        resources: Resources by key that replace the real ones.
    """
    started_at = datetime.now(UTC)
    overrides = {"progress": progress, **(resources or {})}
    job = build_definitions(settings, overrides=overrides).resolve_job_def(nightly_job.name)
    with _dagster_storage(settings):
        result = job.execute_in_process(
            partition_key=require_partition(batch_id),
            instance=instance,
            raise_on_error=False,
            tags={ACTOR_TAG: actor, PID_TAG: str(os.getpid()), HOST_TAG: socket.gethostname()},
            run_config=build_run_config(is_repull=is_repull, step=step),
        )
    failures = explain_failures(result.all_events)
    return NightlyRun(
        batch_id=batch_id,
        run_id=result.run_id,
        started_at=started_at,
        is_success=result.success,
        errors=tuple(failure.message for failure in failures),
        exit_code=_exit_code(failures, is_success=result.success),
    )


def build_run_config(*, is_repull: bool, step: ScopeStep) -> dict[str, Any]:
    """Return what the graph is told about a run."""
    sizes = {ScopeKind.SAMPLE: "sample_leads", ScopeKind.LIMIT: "further_leads"}
    scope = {sizes[step.kind]: step.size} if step.kind in sizes else {}
    return {
        # the terminal shows progress and the report; Dagster's own lines are in Dagit
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        "ops": {
            "raw_dievio__leads": {"config": {"is_repull": is_repull}},
            "core_leads__sync_plan": {"config": scope},
        },
    }


def _exit_code(failures: Sequence[StepFailure], *, is_success: bool) -> int:
    if is_success:
        return 0
    # a run without an error was stopped by a gate
    return max((failure.exit_code for failure in failures), default=errors.GateClosedError.exit_code)


@contextmanager
def _dagster_storage(settings: Settings) -> Iterator[None]:
    """Tell a database that went away in the product's words; SQLAlchemy's hold the statement and its values."""
    try:
        yield
    except DBAPIError as error:
        url = settings.database_url
        address = Database(url.get_secret_value()).address if url else "this machine"
        raise errors.DatabaseUnavailableError(address=address, cause=type(error.orig).__name__) from error


def _end_orphaned_runs(instance: dg.DagsterInstance) -> None:
    """A killed command line leaves its run STARTED for ever, where it holds a place in the queue."""
    filters = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED],
        tags={HOST_TAG: socket.gethostname()},
    )
    for run in instance.get_runs(filters):
        pid = run.tags.get(PID_TAG, "")
        if pid.isdigit() and not _is_alive(int(pid)):
            end_run(instance, run, message="The process of this run ended without a word; run the day again")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""Jobs whose steps fail as told, to see what is made of their failures."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg


def run_failing_job(
    *errors: Exception,
    job_name: str = "failing_job",
    instance: dg.DagsterInstance | None = None,
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job of which each step raises one error; without errors it succeeds."""

    def failing_op(number: int, error: Exception) -> dg.OpDefinition:
        @dg.op(name=f"op_{number}")
        def raise_it() -> None:
            raise error

        return raise_it

    @dg.job(name=job_name, executor_def=dg.in_process_executor)
    def failing_job() -> None:
        for number, error in enumerate(errors):
            failing_op(number, error)()

    return failing_job.execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags=dict(tags or {}),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )

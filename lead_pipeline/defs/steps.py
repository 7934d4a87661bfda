"""What every asset of the nightly graph shares: its batch, its run, and the count of outside calls it makes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.store.calls import record_calls

ACTOR_TAG = "lead_pipeline/actor"  # who started the run; the schedule and Dagit leave it out
DEFAULT_ACTOR = "dagster"


class Summary(Protocol):
    """What a service returns: counts that are safe to show, no personal data."""

    def as_metadata(self) -> Mapping[str, int | float | str]:
        """Return names and numbers for Dagster."""


def actor_of(context: dg.AssetExecutionContext) -> str:
    """Return who started the run, for the sync log."""
    return context.run.tags.get(ACTOR_TAG, DEFAULT_ACTOR)


def started_at_of(context: dg.AssetExecutionContext) -> datetime:
    """Return when the run began, aware UTC."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None or record.start_time is None:
        return datetime.now(UTC)
    return datetime.fromtimestamp(record.start_time, UTC)


@contextmanager
def counted_calls(context: dg.AssetExecutionContext, connections: Connections, *, stage: str) -> Iterator[None]:
    """Book the calls made inside the block, also when it fails: a failed stage spent them too."""
    before = connections.calls()
    try:
        yield
    finally:
        with connections.database.transaction() as connection:
            for system, calls in connections.calls().items():
                made = calls - before.get(system, 0)
                if made:
                    record_calls(
                        connection,
                        batch_id=context.partition_key,
                        run_id=context.run.run_id,
                        system=system,
                        stage=stage,
                        calls=made,
                    )


def materialized(*summaries: Summary, row_count: int) -> dg.MaterializeResult[None]:
    """Return counts as metadata; `dagster/row_count` is the number that Dagster plots by itself."""
    counts = {name: value for summary in summaries for name, value in summary.as_metadata().items()}
    return dg.MaterializeResult(metadata={"dagster/row_count": row_count, **counts})

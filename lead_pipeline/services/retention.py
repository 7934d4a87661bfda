"""Keeps the log for 90 days: makes the days ahead, drops the days that are over. What is logged belongs to `writes`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lead_pipeline.services.writing.ports import Clock
from lead_pipeline.store import sync_log
from lead_pipeline.store.database import Database

LOG_DAYS = 90  # what an audit may ask for
DAYS_AHEAD = 7  # a week without any run still finds its partitions made


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSummary:
    """What one cleaning did."""

    days_created: int
    days_dropped: int

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster."""
        return {"days_created": self.days_created, "days_dropped": self.days_dropped}


def prepare_log_days(database: Database, *, at: datetime) -> int:
    """Make the partitions of today and the days ahead; return how many were missing."""
    with database.transaction() as connection:
        return sync_log.create_days(connection, first_on=at.date(), last_on=at.date() + timedelta(days=DAYS_AHEAD))


def clean_log(database: Database, *, now: Clock) -> RetentionSummary:
    """Make the days ahead and drop the days older than the log is kept. Repeating it changes nothing."""
    at = now()
    days_created = prepare_log_days(database, at=at)
    with database.transaction() as connection:
        days_dropped = sync_log.drop_days(connection, before_on=at.date() - timedelta(days=LOG_DAYS))
    return RetentionSummary(days_created=days_created, days_dropped=days_dropped)

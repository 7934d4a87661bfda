"""What pulling a batch would still cost, said without asking Dievio anything: REST offers no free count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import psycopg

from lead_pipeline.domain.pulling import PullState, SegmentPull, open_pull
from lead_pipeline.domain.segments import Segment
from lead_pipeline.store.database import Database
from lead_pipeline.store.pulls import get_previous_pull, get_pull, sum_booked_credits


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentForecast:
    """One saved search: what is stored of it in this batch, and the most it can still cost."""

    segment: str
    stored_rows: int
    pages: int
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PullForecast:
    """All saved searches of a batch."""

    segments: tuple[SegmentForecast, ...]

    @property
    def stored_rows(self) -> int:
        """Rows that are stored and need not be bought."""
        return sum(line.stored_rows for line in self.segments)

    @property
    def credits(self) -> int:
        """Credits that a run can cost at most."""
        return sum(line.credits for line in self.segments)


def forecast_pull(database: Database, segments: Sequence[Segment], *, batch_id: str) -> PullForecast:
    """Return the most that pulling the rest of a batch can cost.

    Args:
        database: The product's database.
        segments: The saved searches as configured.
        batch_id: The batch, begun or not.
    """
    with database.connect() as connection:
        return PullForecast(segments=tuple(_forecast(connection, entry, batch_id=batch_id) for entry in segments))


def _forecast(connection: psycopg.Connection[Any], segment: Segment, *, batch_id: str) -> SegmentForecast:
    pull = get_pull(connection, batch_id=batch_id, segment=segment.name)
    booked = 0
    if pull is None:
        previous = get_previous_pull(
            connection, batch_id=batch_id, segment=segment.name, filters_sha256=segment.filters_sha256
        )
        pull = open_pull(segment, batch_id=batch_id, previous=previous)
    else:
        booked = sum_booked_credits(connection, batch_id=batch_id, segment=segment.name)
    rows = _outstanding_rows(pull, segment, booked_credits=booked)
    return SegmentForecast(
        segment=segment.name,
        stored_rows=pull.rows_received,
        pages=ceil(rows / segment.rows_per_page),
        credits=rows,
    )


def _outstanding_rows(pull: SegmentPull, segment: Segment, *, booked_credits: int) -> int:
    """Return the rows that may still come: within the night, within the budget, and no more than the search has."""
    if pull.state is PullState.EXHAUSTED:
        return 0
    expected = min(segment.rows_per_night - pull.rows_received, segment.credit_budget - booked_credits)
    if pull.total_count is not None:
        already_behind = (pull.first_page - 1) * segment.rows_per_page + pull.rows_received
        expected = min(expected, pull.total_count - already_behind)
    return max(0, expected)

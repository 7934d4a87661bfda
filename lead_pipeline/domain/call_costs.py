"""What a plan will cost in Salesforce calls and Dievio credits, said before it starts.

The limits are Salesforce's; how the calls are made is `salesforce` and `services/write`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

COLLECTION_RECORDS = 200  # records per insert call, Salesforce limit
COMPOSITE_UPDATES = 25  # conditional updates per composite call, Salesforce limit
BULK_THRESHOLD = 2_000  # above it one Bulk job is cheaper and kinder to the org than ten collection calls
HAND_OVER_BULK_THRESHOLD = 200  # behind the owner guard; a job costs as many calls as 125 conditional updates
UPDATE_BULK_THRESHOLD = 200  # behind the guard of values; for the same reason
BULK_JOB_ROWS = 10_000  # one internal batch of Bulk 2.0; a lost job then concerns no more rows than that
QUERY_PAGE_RECORDS = 2_000  # rows per query page, Salesforce limit
INSERT_JOB_CALLS = 6  # create, upload, close, one state, two result files; longer jobs ask for their state again
UPDATE_JOB_CALLS = 4  # as above; of rows that were not refused the files tell nothing new
REFUSED_ROWS_CALLS = 1  # the file of those that were
GUARD_CALLS = 1  # whether the validation rules are active
MEMBER_READ_RECORDS = 1_000  # people per look at the members of a Campaign: five queries of 200 ids
PREPARATION_CALLS = 5  # sign-in, describes, directory refresh, counts, fresh read before the writes


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEstimate:
    """Salesforce calls of a run by purpose."""

    preparation: int
    creates: int
    updates: int
    read_back: int
    hand_over: int
    campaigns: int = 0

    @property
    def total(self) -> int:
        """All calls together."""
        return self.preparation + self.creates + self.updates + self.read_back + self.hand_over + self.campaigns


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentAccount:
    """How far a saved search has been pulled."""

    is_exhausted: bool
    max_results: int
    rows_received: int
    total_count: int | None = None  # as the server reports it


def estimate_calls(
    *,
    creates: int,
    updates: int,
    has_owner_guard: bool,
    has_update_guard: bool = False,
    memberships: Iterable[int] = (),
) -> CallEstimate:
    """Estimate the Salesforce calls of a run that writes so many records.

    Args:
        creates: New records.
        updates: Changed records.
        has_owner_guard: Whether the org itself refuses to move leads that somebody took, so that a large hand-over may
            use one Bulk job.
        has_update_guard: Whether it refuses to replace values of people, so that many updates may use one.
        memberships: People to be added, for each Campaign: who is a member is read first, then the others are inserted.
    """
    written = creates + updates
    jobs = ceil(creates / BULK_JOB_ROWS)
    bulk_hand_over = GUARD_CALLS + UPDATE_JOB_CALLS * jobs
    is_bulk_update = has_update_guard and updates > UPDATE_BULK_THRESHOLD
    bulk_update = GUARD_CALLS + (UPDATE_JOB_CALLS + REFUSED_ROWS_CALLS) * ceil(updates / BULK_JOB_ROWS)
    is_bulk_hand_over = has_owner_guard and creates > HAND_OVER_BULK_THRESHOLD
    return CallEstimate(
        preparation=PREPARATION_CALLS,
        creates=INSERT_JOB_CALLS * jobs if creates > BULK_THRESHOLD else ceil(creates / COLLECTION_RECORDS),
        updates=bulk_update if is_bulk_update else ceil(updates / COMPOSITE_UPDATES),
        read_back=read_back_calls(written),
        hand_over=bulk_hand_over if is_bulk_hand_over else ceil(creates / COMPOSITE_UPDATES),
        campaigns=sum(ceil(n / MEMBER_READ_RECORDS) + ceil(n / COLLECTION_RECORDS) for n in memberships),
    )


def read_back_calls(records: int) -> int:
    """Return the calls that reading so many written records takes."""
    return ceil(records / QUERY_PAGE_RECORDS)


def estimate_credits(segments: Iterable[SegmentAccount]) -> int:
    """Return the most credits that pulling the rest of these searches can cost: one a row, none for rows we have."""
    return sum(_outstanding_rows(segment) for segment in segments if not segment.is_exhausted)


def _outstanding_rows(segment: SegmentAccount) -> int:
    expected = segment.max_results
    if segment.total_count is not None:
        expected = min(expected, segment.total_count)
    return max(0, expected - segment.rows_received)

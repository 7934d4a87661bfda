"""The numbers of the write path, each with its reason. What happens when one is reached is up to the modules beside."""

from __future__ import annotations

from dataclasses import dataclass

from lead_pipeline.domain.call_costs import (
    BULK_JOB_ROWS,
    BULK_THRESHOLD,
    COLLECTION_RECORDS,
    COMPOSITE_UPDATES,
    HAND_OVER_BULK_THRESHOLD,
    QUERY_PAGE_RECORDS,
    UPDATE_BULK_THRESHOLD,
)
from lead_pipeline.transport.retries import BATCH_RETRIES, REALTIME_RETRIES, RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLimits:
    """Sizes, shares and tries of one kind of run; the defaults are those that `domain/call_costs` reckons with."""

    collection_records: int = COLLECTION_RECORDS
    composite_records: int = COMPOSITE_UPDATES
    bulk_threshold: int = BULK_THRESHOLD
    hand_over_bulk_threshold: int = HAND_OVER_BULK_THRESHOLD
    update_bulk_threshold: int = UPDATE_BULK_THRESHOLD
    bulk_job_rows: int = BULK_JOB_ROWS
    api_share: float = 0.8  # of the org's daily calls; the rest belongs to everybody else
    retries: RetryPolicy = BATCH_RETRIES  # of a transient refusal
    max_asked_wait_seconds: float = 60.0  # a longer Retry-After is not worth holding the lease for
    shrink_factor: int = 4  # chunks of a retry are that much smaller: fewer rows contend for one lock
    late_commit_seconds: float = 900.0  # Salesforce ends a call after 10 minutes: until then a lost creation may land
    quiet_wait_seconds: float = 2.0  # time until an edit can no longer hide in the second of a reading
    job_rows_per_second: float = 1_500.0  # the emulated org takes 5,800 alone and a quarter of that on a busy machine
    job_poll_seconds: float = 2.0  # least pause before a look at a Bulk job
    job_poll_growth: float = 1.5  # of the pause from look to look, while the job shows no pace
    job_pace_margin: float = 1.2  # of the time that its rest takes at its pace, so that the next look is the last
    max_job_poll_seconds: float = 30.0
    max_job_wait_seconds: float = 1_800.0  # then the job is left to the next run, which reads its results
    max_passes: int = 10  # readings and plannings of what is left; a record edited more often goes to a person first
    target_read_records: int = 1_000  # records by id per call: five queries of 200 ids
    query_page_records: int = QUERY_PAGE_RECORDS
    plan_page_leads: int = 1_000  # whole decisions in memory at a time


#: Of a write that somebody waits for: as many tries as at night, but within seconds. What is refused on each of them
#: is a dead letter at once instead of a silent pause; its replay has the patience of a night again.
REALTIME_LIMITS = WriteLimits(retries=REALTIME_RETRIES, max_asked_wait_seconds=3.0, max_job_wait_seconds=30.0)

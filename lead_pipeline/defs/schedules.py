"""When the night begins."""

import dagster as dg

from lead_pipeline.defs.jobs import nightly_job

#: 02:15 UTC: after the day has ended everywhere the batch speaks of, and before reps in Europe start.
NIGHTLY_HOUR_UTC = 2
NIGHTLY_MINUTE = 15

nightly_schedule = dg.build_schedule_from_partitioned_job(
    nightly_job,
    name="nightly_schedule",
    hour_of_day=NIGHTLY_HOUR_UTC,
    minute_of_hour=NIGHTLY_MINUTE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)

"""The partitions of the nightly graph: one UTC day, one run each. The partition key is the batch id."""

import dagster as dg

#: First day that can be materialized or backfilled; earlier days have no stored pages to replay.
FIRST_PARTITION = "2026-09-01"

PARTITION_TAG = "dagster/partition"  # of a run: its day

nightly_partitions = dg.DailyPartitionsDefinition(start_date=FIRST_PARTITION, timezone="UTC")

"""The job of the night: the whole graph for one day."""

import dagster as dg

#: A run over an hour and a half is stuck: 100,000 leads take well under one hour.
MAX_RUNTIME_SECONDS = 5_400

nightly_job = dg.define_asset_job(
    name="nightly_job",
    selection=dg.AssetSelection.all(),
    description="Pull, normalize, match, plan, write, read back, gate, hand over and report one day.",
    tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)},
)

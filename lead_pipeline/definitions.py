"""Puts the whole product before Dagster: assets, checks, job, schedule, sensors and what they are given.

Importing this module reads no environment, opens no connection and needs no secret: resources do so when a run starts.
"""

from collections.abc import Mapping

import dagster as dg

from lead_pipeline.defs import checks, jobs, recovery, refreshes, resuming, retention, schedules, sensors
from lead_pipeline.defs.assets import (
    decisions,
    dievio,
    directory,
    enrichment_roi,
    enrichments,
    preflight,
    revops,
    salesforce,
)
from lead_pipeline.defs.resources import SilentProgress, connections_from
from lead_pipeline.settings import Settings


def build_definitions(
    settings: Settings | None = None,
    *,
    overrides: Mapping[str, object] | None = None,
) -> dg.Definitions:
    """Return all definitions.

    Args:
        settings: The settings that resources use; None reads the environment when a run starts.
        overrides: Resources by key that replace the real ones: `connections`, `progress`.
    """
    resources = {
        "connections": connections_from(settings),
        "progress": SilentProgress(),
        **(overrides or {}),
    }
    return dg.Definitions(
        assets=dg.load_assets_from_modules(
            [preflight, dievio, directory, enrichments, decisions, salesforce, revops, enrichment_roi]
        ),
        asset_checks=[*checks.build_gate_checks(), *dg.load_asset_checks_from_modules([checks])],
        jobs=[jobs.nightly_job, refreshes.crm_refresh_job, refreshes.enrichment_retry_job, retention.retention_job],
        schedules=[
            schedules.nightly_schedule,
            refreshes.crm_refresh_schedule,
            refreshes.enrichment_retry_schedule,
            retention.retention_schedule,
        ],
        sensors=[
            sensors.failed_run_sensor,
            sensors.warned_run_sensor,
            recovery.recover_sensor,
            resuming.resume_sensor,
        ],
        resources=resources,
        # One process per run: starting one per step costs four CPU seconds each for the same work.
        executor=dg.in_process_executor,
    )


defs = build_definitions()

"""When things run and what RevOps sees: assets, checks, jobs, schedules, sensors. Only here is Dagster imported."""

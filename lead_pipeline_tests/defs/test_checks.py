"""How a gate's answer looks in Dagster, and the two checks that look over all days."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest

from lead_pipeline.connections import Connections
from lead_pipeline.defs import checks
from lead_pipeline.domain.quality import GateResult
from lead_pipeline.settings import load_settings
from lead_pipeline.store.database import Database
from lead_pipeline.store.gates import save_gate_result
from lead_pipeline.store.pulls import add_batch

GATE = "sync_salesforce__readback__duplicates"


def build_result(*, passed: bool = True, is_blocking: bool = True) -> GateResult:
    return GateResult(
        gate=GATE,
        stage="readback",
        passed=passed,
        is_blocking=is_blocking,
        checked_count=10,
        failed_count=0 if passed else 2,
        failed_ids=() if passed else ("dv_1", "dv_2"),
        description="All 10 passed." if passed else "2 of 10 written records failed.",
        next_step="" if passed else "Merge them.",
    )


@pytest.mark.parametrize(
    ("is_blocking", "severity"),
    [(True, dg.AssetCheckSeverity.ERROR), (False, dg.AssetCheckSeverity.WARN)],
)
def test_only_a_blocking_gate_is_an_error(is_blocking: bool, severity: dg.AssetCheckSeverity) -> None:  # noqa: FBT001  # a table
    shown = checks.check_result(build_result(passed=False, is_blocking=is_blocking), asset="sync_salesforce__readback")

    assert (shown.passed, shown.severity) == (False, severity)


def test_a_failed_gate_shows_words_counts_ids_and_the_next_step() -> None:
    shown = checks.check_result(build_result(passed=False), asset="sync_salesforce__readback")

    assert shown.description == "2 of 10 written records failed."
    assert shown.metadata["failed"].value == 2
    assert shown.metadata["next_step"].value == "Merge them."
    failed: Any = shown.metadata["failed_ids"]
    ids = [record.data["id"] for record in failed.records]
    assert ids == ["dv_1", "dv_2"]


def test_every_stage_has_an_asset_to_stand_behind() -> None:
    shown = {spec.asset_key.to_user_string() for check in checks.build_gate_checks() for spec in check.check_specs}

    assert shown == set(checks.ASSET_BY_STAGE.values())


@pytest.fixture
def connections(database: Database) -> Connections:
    opened = Connections(load_settings({}))
    opened.database = database
    return opened


def add_day(database: Database, batch_id: str, *, passed: bool) -> None:
    at = datetime.now(UTC)
    with database.transaction() as connection:
        add_batch(connection, batch_id, source="search", at=at)
        save_gate_result(connection, build_result(passed=passed), batch_id=batch_id, run_id=str(uuid4()), checked_at=at)


def test_a_red_day_behind_a_green_one_is_named(connections: Connections, database: Database) -> None:
    add_day(database, "2026-11-03", passed=False)
    add_day(database, "2026-11-05", passed=True)

    answer: Any = checks.out_revops__run_report__no_open_failed_partition(connections=connections)

    assert (answer.passed, answer.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "2026-11-03" in (answer.description or "")
    assert "2026-11-05" not in (answer.description or "")


def test_a_red_day_that_was_mended_is_closed(connections: Connections, database: Database) -> None:
    add_day(database, "2026-11-03", passed=False)
    add_day(database, "2026-11-03", passed=True)

    answer: Any = checks.out_revops__run_report__no_open_failed_partition(connections=connections)

    assert answer.passed


@pytest.mark.parametrize(("days_ago", "is_complete"), [(0, True), (1, True), (2, False), (None, False)])
def test_a_night_that_never_ran_is_noticed(
    connections: Connections,
    database: Database,
    days_ago: int | None,
    is_complete: bool,  # noqa: FBT001  # a table
) -> None:
    if days_ago is not None:
        add_day(database, (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%d"), passed=True)

    answer: Any = checks.out_revops__run_report__yesterday_is_complete(connections=connections)

    assert (answer.passed, answer.severity) == (is_complete, dg.AssetCheckSeverity.WARN)

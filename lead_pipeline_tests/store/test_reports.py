"""The report's counts against rows in a real database."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from lead_pipeline.domain.run_report import FieldLine, ReasonCount
from lead_pipeline.services.report import build_report
from lead_pipeline.store import reports
from lead_pipeline.store.database import Database

NIGHT = datetime(2026, 11, 21, 2, 15, tzinfo=UTC)
BATCH = "2026-11-20"
OUTCOMES = (
    ("created", "no_candidate"),
    ("updated", "certain_match"),
    ("skipped", "up_to_date"),
    ("skipped", "duplicate_in_batch"),
    ("quarantine", "missing_last_name"),
)


def insert(connection: psycopg.Connection[Any], table: str, **values: object) -> None:
    """Insert one row."""
    names = ", ".join(values)
    places = ", ".join(["%s"] * len(values))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(values.values()))


@pytest.fixture
def night(database: Database) -> Database:
    """A batch of five delivered rows, one outcome each, and one write of run-1."""
    with database.transaction() as connection:
        insert(connection, "batch", batch_id=BATCH, source="search", created_at=NIGHT, mapping_version="1-abc")
        insert(
            connection,
            "segment_pull",
            batch_id=BATCH,
            segment="us",
            state="exhausted",
            filters_sha256="f",
            max_results=10,
            total_count=5,
            rows_received=5,
            updated_at=NIGHT,
        )
        for state, settled, minutes in (("settled", 3, -60), ("settled", 1, 1), ("uncertain", None, 2)):
            insert(
                connection,
                "credit_ledger",
                call_id=uuid4(),
                batch_id=BATCH,
                segment="us",
                endpoint="search",
                state=state,
                reserved_credits=2,
                settled_credits=settled,
                requested_at=NIGHT + timedelta(minutes=minutes),
            )
        for number, (outcome, reason) in enumerate(OUTCOMES, start=1):
            insert_row(connection, number, outcome, reason)
    return database


def insert_row(connection: psycopg.Connection[Any], number: int, outcome: str, reason: str) -> None:
    """One delivered row with its outcome; written ones also with decision and log."""
    insert(
        connection,
        "raw_lead",
        batch_id=BATCH,
        segment="us",
        page_number=1,
        row_number=number,
        payload=Jsonb({}),
        fetched_at=NIGHT,
    )
    insert(
        connection,
        "lead_outcome",
        batch_id=BATCH,
        raw_lead_id=number,
        dievio_lead_id=f"lead-{number}",
        outcome=outcome,
        reason_code=reason,
        settled_at=NIGHT,
    )
    if outcome == "quarantine":
        insert_quarantine(connection, number)
    if outcome == "updated":
        insert_update(connection, number)


def insert_quarantine(connection: psycopg.Connection[Any], number: int) -> None:
    reasons = [{"code": code, "field": "", "message": ""} for code in ("missing_last_name", "missing_company")]
    insert(
        connection,
        "quarantine",
        batch_id=BATCH,
        raw_lead_id=number,
        segment="us",
        reasons=Jsonb(reasons),
        owner="revops",
        quarantined_at=NIGHT,
    )


def insert_update(connection: psycopg.Connection[Any], number: int) -> None:
    change = {"field": "Phone", "policy": "fill_blank", "verdict": "filled_blank"}
    kept = {"field": "Title", "policy": "tracked", "verdict": "kept_rep_value"}
    insert(
        connection,
        "sync_decision",
        batch_id=BATCH,
        dievio_lead_id=f"lead-{number}",
        raw_lead_id=number,
        decision="update",
        reason_code="certain_match",
        reason="",
        fields=Jsonb([change, kept]),
        mapping_version="1-abc",
        planned_at=NIGHT,
    )
    insert(
        connection,
        "sync_log",
        logged_at=NIGHT,
        batch_id=BATCH,
        run_id="run-1",
        operation="update",
        op_id=uuid4(),
        payload_sha256="p",
        mapping_version="1-abc",
        fields_changed=Jsonb([{"field": "Phone"}]),
        actor="nightly",
        outcome="applied",
    )


def read(database: Database) -> Any:
    """The report of run-1."""
    return build_report(
        database, batch_id=BATCH, run_id="run-1", started_at=NIGHT, now=lambda: NIGHT + timedelta(minutes=5)
    )


def test_the_counts_are_those_of_the_tables(night: Database) -> None:
    report = read(night)

    assert (report.delivered, report.created, report.updated, report.skipped, report.quarantined) == (5, 1, 1, 2, 1)
    assert report.is_conserved
    assert report.fields_changed == 1
    assert report.duration_seconds == 300


def test_credits_of_the_run_are_told_from_credits_of_the_day(night: Database) -> None:
    report = read(night)

    assert report.credits == 3  # one settled and two that may have been spent, all after the run began
    assert report.batch_credits == 6


def test_reasons_are_counted_per_outcome_and_a_quarantined_row_counts_under_each(night: Database) -> None:
    report = read(night)

    assert set(report.skip_reasons) == {
        ReasonCount(code="up_to_date", count=1),
        ReasonCount(code="duplicate_in_batch", count=1),
    }
    assert {reason.code for reason in report.quarantine_reasons} == {"missing_last_name", "missing_company"}


def test_field_verdicts_are_summed_per_field_and_policy(night: Database) -> None:
    assert read(night).field_lines == (
        FieldLine(field="Phone", policy="fill_blank", filled_blank=1),
        FieldLine(field="Title", policy="tracked", kept_rep_value=1),
    )


def test_a_delivered_row_without_an_outcome_is_seen(night: Database) -> None:
    with night.transaction() as connection:
        connection.execute("DELETE FROM lead_outcome WHERE outcome = 'created'")

    report = read(night)

    assert report.unsettled == 1
    assert not report.is_conserved


def test_the_newest_report_of_a_batch_is_the_one_shown(night: Database) -> None:
    read(night)
    with night.transaction() as connection:
        stored = reports.read_latest_report(connection, BATCH)

    assert stored is not None
    assert stored.summary["created"] == 1
    assert "Lead sync 2026-11-20" in stored.html


def test_status_lists_batches_newest_first(night: Database) -> None:
    with night.transaction() as connection:
        insert(connection, "batch", batch_id="2026-11-21", source="search", created_at=NIGHT)
        lines = reports.list_batches(connection, most=10)
        newest = reports.read_newest_batch_id(connection)

    assert [line.batch_id for line in lines] == ["2026-11-21", BATCH]
    assert (lines[1].delivered, lines[1].quarantined) == (5, 1)
    assert newest == "2026-11-21"

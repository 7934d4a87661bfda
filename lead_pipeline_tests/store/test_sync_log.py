"""The log by days: one entry per write, days that come and go, and searches that read no more than they have to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from lead_pipeline.domain.settlements import LogOperation, Settlement
from lead_pipeline.domain.write_protocol import IntentState
from lead_pipeline.services.retention import DAYS_AHEAD, LOG_DAYS, clean_log, prepare_log_days
from lead_pipeline.store import sync_log, writes
from lead_pipeline.store.database import Database
from lead_pipeline.store.queries import load_queries
from lead_pipeline.store.sync_log import LogFilter, search_log

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
WRITE = (
    "INSERT INTO sync_log (logged_at, batch_id, run_id, dievio_lead_id, operation, salesforce_id, op_id,"
    " payload_sha256, mapping_version, fields_changed, actor, outcome)"
    " VALUES (%(at)s, 'b', %(run)s, %(lead)s, %(operation)s, %(record)s, %(op)s, '', '', '[]', 'test', 'applied')"
)
INTENT = (
    "INSERT INTO write_intent (op_id, batch_id, run_id, dievio_lead_id, raw_lead_id, person_key, purpose, kind,"
    " object_name, payload, payload_sha256, before, mapping_version, attempt, state, sent_at)"
    " VALUES (%s, 'b', 'r', 'lead', 1, 'p', 'sync', 'update', 'Lead', '{}', '', '{}', '1', 1, 'sent', %s)"
)
INDEX_SCANS = {"Index Scan", "Index Scan Backward", "Bitmap Heap Scan"}
FILTERS = {
    "lead": LogFilter(dievio_lead_ids=("lead-7",)),
    "record": LogFilter(salesforce_id="record-7"),
    "operation": LogFilter(operation="fail"),
    "run": LogFilter(run_id="run-7"),
    "time": LogFilter(since=NOW - timedelta(hours=50), until=NOW - timedelta(hours=49)),
}


def log_one(database: Database, at: datetime, **values: Any) -> None:
    row = {"run": "run", "lead": "lead", "operation": "update", "record": "record", "op": uuid4(), **values}
    with database.transaction() as connection:
        connection.execute(WRITE, {"at": at, **row})


def ask(database: Database, query: str, *values: object) -> list[dict[str, Any]]:
    with database.connect() as connection:
        return connection.execute(query, list(values)).fetchall()


def days_of(database: Database) -> list[str]:
    rows = ask(database, "SELECT DISTINCT tableoid::regclass::text AS day FROM sync_log ORDER BY 1")
    return [row["day"] for row in rows]


def settle(database: Database, op_id: UUID, *, at: datetime) -> None:
    settlement = Settlement(op_id=op_id, state=IntentState.APPLIED, operation=LogOperation.UPDATE, salesforce_id="r")
    with database.transaction() as connection:
        writes.record_settlements(connection, [settlement], actor="test", at=at)


def test_an_entry_of_a_day_that_nobody_prepared_is_kept_and_moves_to_its_day(database: Database) -> None:
    log_one(database, NOW)
    assert days_of(database) == ["sync_log_other_days"]

    with database.transaction() as connection:
        made = sync_log.create_days(connection, first_on=date(2026, 5, 3), last_on=date(2026, 5, 5))

    assert made == 3
    assert days_of(database) == ["sync_log_20260504"]


def test_preparing_days_twice_makes_nothing_new(database: Database) -> None:
    assert prepare_log_days(database, at=NOW) == DAYS_AHEAD + 1
    assert prepare_log_days(database, at=NOW) == 0


def test_a_day_begins_at_midnight_utc(database: Database) -> None:
    prepare_log_days(database, at=NOW)
    log_one(database, datetime(2026, 5, 4, 23, 59, 59, 999999, tzinfo=UTC))
    log_one(database, datetime(2026, 5, 5, tzinfo=UTC))

    assert days_of(database) == ["sync_log_20260504", "sync_log_20260505"]


@pytest.mark.parametrize("is_prepared", [True, False], ids=["in its day", "in the remainder"])
def test_entries_of_89_days_stay_and_those_of_91_days_go(database: Database, *, is_prepared: bool) -> None:
    if is_prepared:
        with database.transaction() as connection:
            sync_log.create_days(connection, first_on=(NOW - timedelta(days=95)).date(), last_on=NOW.date())
    for days in (0, 89, 90, 91, 95):
        log_one(database, NOW - timedelta(days=days), lead=str(days))

    clean_log(database, now=lambda: NOW)
    again = clean_log(database, now=lambda: NOW)

    left = {row["dievio_lead_id"] for row in ask(database, "SELECT dievio_lead_id FROM sync_log")}
    assert left == {"0", "89", str(LOG_DAYS)}
    assert (again.days_created, again.days_dropped) == (0, 0)


def test_a_write_that_is_settled_twice_is_logged_once(database: Database) -> None:
    op_id = uuid4()
    with database.transaction() as connection:
        connection.execute(INTENT, [op_id, NOW])

    settle(database, op_id, at=NOW)
    settle(database, op_id, at=NOW + timedelta(days=1))
    settle(database, op_id, at=NOW)

    entries = ask(database, "SELECT logged_at FROM sync_log WHERE op_id = %s", op_id)
    assert [row["logged_at"] for row in entries] == [NOW]


def test_a_write_that_two_processes_settle_at_once_is_logged_once(database: Database) -> None:
    op_ids = [uuid4() for _ in range(10)]
    for op_id in op_ids:
        with database.transaction() as connection:
            connection.execute("DELETE FROM write_intent")
            connection.execute(INTENT, [op_id, NOW])
        barrier = threading.Barrier(2)

        def work(seconds: int, op_id: UUID = op_id, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            settle(database, op_id, at=NOW + timedelta(seconds=seconds))

        workers = [threading.Thread(target=work, args=[seconds]) for seconds in (1, 2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    counts = ask(database, "SELECT count(*) AS n FROM sync_log GROUP BY op_id")
    assert [row["n"] for row in counts] == [1] * len(op_ids)


def test_a_void_write_that_lands_late_has_an_entry_for_each_end(database: Database) -> None:
    op_id = uuid4()
    with database.transaction() as connection:
        connection.execute(INTENT, [op_id, NOW])
        void = Settlement(op_id=op_id, state=IntentState.VOID, operation=LogOperation.FAIL)
        writes.record_settlements(connection, [void], actor="test", at=NOW)
    settle(database, op_id, at=NOW + timedelta(minutes=5))

    entries = ask(database, "SELECT outcome FROM sync_log WHERE op_id = %s ORDER BY logged_at", op_id)
    assert [row["outcome"] for row in entries] == ["void", "applied"]


def fill(database: Database) -> None:
    """Put 30,000 entries of five days into the log."""
    with database.transaction() as connection:
        sync_log.create_days(connection, first_on=(NOW - timedelta(days=4)).date(), last_on=NOW.date())
        connection.execute(
            "INSERT INTO sync_log (logged_at, batch_id, run_id, dievio_lead_id, operation, salesforce_id, op_id,"
            " payload_sha256, mapping_version, fields_changed, actor, outcome)"
            " SELECT %s - n * interval '12 seconds', 'b', 'run-' || n / 300, 'lead-' || n %% 1000,"
            " CASE WHEN n %% 500 = 0 THEN 'fail' ELSE 'update' END, 'record-' || n %% 1000, gen_random_uuid(), '', '',"
            " %s, 'test', 'applied' FROM generate_series(0, 29999) AS n",
            [NOW, Jsonb([{"field": "Title", "before": None, "after": "x"}])],
        )
    with database.connect() as connection:
        connection.execute("ANALYZE sync_log")


def plan_of(database: Database, wanted: LogFilter) -> list[tuple[str, str]]:
    """Return the scans of a search: kind and table."""
    query = load_queries("sync_log").search.sql
    values = {
        "dievio_lead_ids": list(wanted.dievio_lead_ids) if wanted.dievio_lead_ids else None,
        "salesforce_id": wanted.salesforce_id,
        "operation": wanted.operation,
        "run_id": wanted.run_id,
        "since": wanted.since,
        "until": wanted.until,
        "before_id": None,
        "most": 50,
    }
    with database.connect() as connection:
        (row,) = connection.execute(f"EXPLAIN (FORMAT JSON) {query}", values).fetchall()
    return list(scans_in(row["QUERY PLAN"][0]["Plan"]))


def scans_in(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "Relation Name" in node:
        yield node["Node Type"], node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from scans_in(child)


def test_each_search_reads_by_its_index_and_time_by_its_days(database: Database) -> None:
    fill(database)
    plans = {name: plan_of(database, wanted) for name, wanted in FILTERS.items()}

    for name, scans in plans.items():
        assert {kind for kind, table in scans if table != "sync_log_other_days"} <= INDEX_SCANS, name
    assert {table for _, table in plans["time"]} == {"sync_log_20260502"}  # no other day is even opened


def test_searches_find_what_fits_newest_first_over_pages(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(database)
    monkeypatch.setattr(sync_log, "PAGE_ENTRIES", 7)
    with database.transaction() as connection:
        found = {name: list(search_log(connection, wanted)) for name, wanted in FILTERS.items()}
        few = list(search_log(connection, LogFilter(operation="fail"), most=10))

    assert {name: len(entries) for name, entries in found.items()} == {
        "lead": 30, "record": 30, "operation": 60, "run": 300, "time": 301,
    }  # fmt: skip
    for entries in found.values():
        moments = [entry.logged_at for entry in entries]
        assert moments == sorted(moments, reverse=True)
        assert len({entry.sync_log_id for entry in entries}) == len(entries)
    assert few == found["operation"][:10]

"""How long a search in a full log takes: 5,000,000 entries over 90 days, made by SQL.

python -m lead_pipeline_tests.bench.sync_log_search [entries]
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta

from lead_pipeline.sandbox.embedded_postgres import child_server, ensure_database
from lead_pipeline.services.explain import tell_stories
from lead_pipeline.store import sync_log
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations
from lead_pipeline.store.sync_log import LogFilter, search_log

ENTRIES = 5_000_000
DAYS = 90
LEADS = 500_000  # ten entries each: a lead comes back every nine days
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
FILL = """
INSERT INTO sync_log (logged_at, batch_id, run_id, dievio_lead_id, operation, salesforce_id, op_id, payload_sha256,
                      mapping_version, fields_changed, actor, outcome)
SELECT %(day)s + (n::float8 / %(entries)s) * interval '1 day', to_char(%(day)s, 'YYYY-MM-DD'),
       'run-' || to_char(%(day)s, 'YYYYMMDD'), 'lead-' || (%(first)s + n) %% %(leads)s,
       CASE WHEN n %% 1000 = 0 THEN 'fail' ELSE 'update' END, 'record-' || (%(first)s + n) %% %(leads)s,
       gen_random_uuid(), repeat('0', 64), '1-000000000000',
       '[{"field": "Title", "before": null, "after": "Head of Something"}]', 'bench', 'applied'
FROM generate_series(0, %(entries)s - 1) AS n
"""
SEARCHES = {
    "lead": LogFilter(dievio_lead_ids=("lead-4711",)),
    "record": LogFilter(salesforce_id="record-4711"),
    "time": LogFilter(since=NOW - timedelta(days=31), until=NOW - timedelta(days=30)),
    "operation": LogFilter(operation="fail"),
    "run": LogFilter(run_id=f"run-{NOW - timedelta(days=40):%Y%m%d}"),
    "lead and time": LogFilter(dievio_lead_ids=("lead-4711",), since=NOW - timedelta(days=9)),
    "everything": LogFilter(),
}
SHOWN = 50  # what `log search` shows


def fill_log(database: Database, entries: int) -> None:
    """Put so many entries into the log, the same number each day."""
    a_day = entries // DAYS
    midnight = NOW.replace(hour=0)
    with database.transaction() as connection:
        sync_log.create_days(connection, first_on=(midnight - timedelta(days=DAYS)).date(), last_on=midnight.date())
        # a lead that the story can begin with
        connection.execute(
            "INSERT INTO salesforce_link (dievio_lead_id, object_name, salesforce_id, linked_at)"
            " VALUES ('lead-4711', 'Lead', 'record-4711', %s)",
            [NOW],
        )
    for day in range(DAYS):
        with database.transaction() as connection:
            values = {
                "day": midnight - timedelta(days=day),
                "entries": a_day,
                "first": day * a_day,
                "leads": LEADS,
            }
            connection.execute(FILL, values)
    with database.connect() as connection:
        connection.execute("ANALYZE sync_log")


def measure_searches(database: Database) -> dict[str, float]:
    """Return search -> seconds, each on a connection that has planned nothing before."""
    seconds: dict[str, float] = {}
    for name, wanted in SEARCHES.items():
        database.close()
        began = time.perf_counter()
        with database.transaction() as connection:
            found = list(search_log(connection, wanted, most=SHOWN))
        seconds[name] = round(time.perf_counter() - began, 3)
        if not found:
            raise RuntimeError(f"the search by {name} found nothing, so it measures nothing")
    database.close()
    began = time.perf_counter()
    (story,) = tell_stories(database, "lead-4711")
    seconds["explain"] = round(time.perf_counter() - began, 3)
    if not story.lines:
        raise RuntimeError("the story is empty, so it measures nothing")
    return seconds


def main(entries: int = ENTRIES) -> dict[str, float]:
    """Fill a fresh database, measure and return search -> seconds."""
    with child_server() as server:
        ensure_database(server, "log")
        database = Database(server.dsn("log"))
        apply_migrations(database)
        fill_log(database, entries)
        seconds = measure_searches(database)
        database.close()
    return seconds


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:])), indent=2))  # noqa: T201  # the bench's result

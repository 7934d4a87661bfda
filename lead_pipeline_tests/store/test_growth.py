"""Ten times the leads may take ten times the work, not a hundred: each statement over a batch, on its second night.

The second night is the hard one: the database's statistics know the first batch only, and what they do not know they
take for a handful of rows, which may then be joined row by row.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from lead_pipeline.sandbox.embedded_postgres import ServerAddress, drop_database, ensure_database
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations
from lead_pipeline.store.queries import load_queries

FEW, MANY = 500, 5_000
MOST_GROWTH = 11.0  # times the work for ten times the leads
FIRST_NIGHT, SECOND_NIGHT = "2026-05-04", "2026-05-05"
AT = datetime(2026, 5, 5, 3, 0, tzinfo=UTC)

_FILL_BATCH = """
    INSERT INTO batch (batch_id, source, created_at) VALUES (%(batch)s, 'search', %(at)s);
    INSERT INTO segment_pull (batch_id, segment, state, filters_sha256, max_results, updated_at)
    VALUES (%(batch)s, 's', 'exhausted', '', 1000, %(at)s);
    INSERT INTO raw_page VALUES (%(batch)s, 's', 1, '{}', '', '', %(leads)s, 0, %(at)s, %(at)s);
    INSERT INTO raw_lead (batch_id, segment, page_number, row_number, payload, fetched_at)
    SELECT %(batch)s, 's', 1, n, '{"name": "x"}', %(at)s FROM generate_series(1, %(leads)s) AS n;
    INSERT INTO lead (batch_id, raw_lead_id, segment, dievio_lead_id, is_weak_id, field_values, confidences,
                      source_paths, flags, key_version, em, dm, fn, ln, co, fetched_at, normalized_at)
    SELECT batch_id, raw_lead_id, 's', 'lead' || row_number, false, '{"country": "DE"}', '{}', '{}', '{}', 1,
           'p' || row_number || '@d.example', 'd' || row_number %% 900, 'given' || row_number %% 50,
           'family' || row_number, 'company ' || row_number %% 900, %(at)s, %(at)s
    FROM raw_lead WHERE batch_id = %(batch)s;
    INSERT INTO match_result
    SELECT batch_id, dievio_lead_id, CASE WHEN %(is_new)s THEN 'none' ELSE 'certain' END,
           CASE WHEN NOT %(is_new)s THEN 'BLOCK_ID_MATCH_PERSON' END, CASE WHEN NOT %(is_new)s THEN 'Lead' END,
           CASE WHEN NOT %(is_new)s THEN 'id' || substr(dievio_lead_id, 5) END, 'x', 'x', 1, %(at)s
    FROM lead WHERE batch_id = %(batch)s;
    INSERT INTO match_candidate
    SELECT batch_id, dievio_lead_id, 'BLOCK_ID_MATCH_PERSON', 'Lead', 'id' || substr(dievio_lead_id, 5), 'certain', 1,
           '{}'
    FROM lead WHERE batch_id = %(batch)s AND NOT %(is_new)s;
    INSERT INTO sync_decision
    SELECT batch_id, dievio_lead_id, raw_lead_id, CASE WHEN %(is_new)s THEN 'create' ELSE 'skip' END, 'Lead',
           CASE WHEN NOT %(is_new)s THEN 'id' || substr(dievio_lead_id, 5) END, 'x', 'x',
           '[{"field": "Phone", "verdict": "escalated", "policy": "tracked"}, {"field": "Title"}]', 'v1', NULL, %(at)s
    FROM lead WHERE batch_id = %(batch)s;
"""
_FILL_ENDS = """
    INSERT INTO lead_outcome (batch_id, raw_lead_id, dievio_lead_id, outcome, reason_code, object_name, salesforce_id,
                              op_id, settled_at)
    SELECT batch_id, raw_lead_id, dievio_lead_id, CASE WHEN %(is_new)s THEN 'created' ELSE 'skipped' END, 'x', 'Lead',
           'id' || substr(dievio_lead_id, 5), CASE WHEN %(is_new)s THEN gen_random_uuid() END, %(at)s
    FROM lead WHERE batch_id = %(batch)s;
    INSERT INTO write_intent (op_id, batch_id, run_id, dievio_lead_id, raw_lead_id, person_key, purpose, kind,
                              object_name, salesforce_id, payload, payload_sha256, before, mapping_version, attempt,
                              state, sent_at, resolved_at)
    SELECT op_id, batch_id, 'run', dievio_lead_id, raw_lead_id, dievio_lead_id, 'sync', 'insert', 'Lead', salesforce_id,
           '{"Title": "x"}', '', '{}', 'v1', 1, 'applied', %(at)s, %(at)s
    FROM lead_outcome WHERE batch_id = %(batch)s AND op_id IS NOT NULL;
    INSERT INTO salesforce_link
    SELECT dievio_lead_id, 'Lead', salesforce_id, op_id, %(at)s
    FROM lead_outcome WHERE batch_id = %(batch)s AND op_id IS NOT NULL;
    INSERT INTO field_value
    SELECT salesforce_id, 'Title', '"x"', op_id, %(at)s
    FROM lead_outcome WHERE batch_id = %(batch)s AND op_id IS NOT NULL;
    INSERT INTO directory_record (object_name, salesforce_id, fields, dievio_lead_id, is_deleted, is_converted,
                                  last_modified_at, system_modstamp, key_version, em, dm, fn, ln, co)
    SELECT 'Lead', 'id' || substr(dievio_lead_id, 5), '{"Title": "x"}', dievio_lead_id, false, false, %(at)s, %(at)s, 1,
           em, dm, fn, ln, co
    FROM lead WHERE batch_id = %(batch)s AND %(is_new)s;
    INSERT INTO readback
    SELECT batch_id, dievio_lead_id, 'Lead', salesforce_id, '{"Title": "x"}', false, %(at)s
    FROM lead_outcome WHERE batch_id = %(batch)s AND op_id IS NOT NULL;
    INSERT INTO review_item (batch_id, dievio_lead_id, raw_lead_id, reason, question, candidates, proposal, owner,
                             state, opened_at)
    SELECT batch_id, dievio_lead_id, raw_lead_id, 'other', '', '[]', '{}', 'x', 'open', %(at)s
    FROM lead_outcome WHERE batch_id = %(batch)s AND op_id IS NOT NULL;
"""
_PAGE = {"after": "", "dievio_lead_ids": None, "page_size": 5_000}
_WANTED = {"dievio_lead_ids": None}

#: What runs while the batch is matched, planned and written: statement -> its values.
WHILE_OPEN: Mapping[str, Mapping[str, object]] = {
    "matches.count_open_leads": _WANTED,
    "matches.list_open_leads": _PAGE,
    "matches.delete_open_candidates": _WANTED,
    "matches.delete_open_results": _WANTED,
    "matches.demote_second_claims": {"rules": ["x"], "reason_code": "x", "reason": "x"},
    "plans.count_unmatched_leads": {},
    "plans.list_matched_leads": _PAGE,
    "plans.delete_open_plans": _WANTED,
    "gates.list_rows_without_place": {"most": 1_000},
    "gates.list_unsafe_links": {},
    "gates.list_unplanned_leads": {},
    "gates.get_plan_risk": {"protected_fields": ["OwnerId"]},
    "writes.list_work": {},
    "writes.list_stale_leads": {},
    "writes.settle_plans_without_write": {
        "run_id": "r", "actor": "a", "payload_sha256": "", "owner": "o", "at": AT
    },
}  # fmt: skip
#: What runs once every lead has its outcome.
WHEN_SETTLED: Mapping[str, Mapping[str, object]] = {
    "writes.insert_escalations": {"owner": "x", "at": AT},
    "writes.count_batch": {"run_id": "r"},
    "gates.list_unconserved_rows": {"most": 1_000},
    "gates.list_outcomes_without_proof": {"most": 1_000},
    "gates.list_eligible": {},
    "gates.list_twins": {},
    "gates.list_written": {"after": "", **_WANTED, "writer_id": None, "most": 5_000},
    "handovers.list_waiting": {"run_id": "r"},
    "reports.count_field_verdicts": {},
    "reports.count_delivered": {},
}


@pytest.fixture(scope="module")
def growth(postgres_server: ServerAddress) -> dict[str, list[float]]:
    """Statement -> the rows it touched with few leads and with ten times as many."""
    touched: dict[str, list[float]] = defaultdict(list)
    for leads in (FEW, MANY):
        name = f"growth_{os.getpid()}_{leads}"
        ensure_database(postgres_server, name)
        database = Database(postgres_server.dsn(name))
        apply_migrations(database)
        _fill_first_night(database, leads)
        with database.transaction() as connection:
            for statement, rows in _play_second_night(connection, leads):
                touched[statement].append(rows)
        database.close()
        drop_database(postgres_server, name)
    return touched


@pytest.mark.parametrize("statement", [*WHILE_OPEN, *WHEN_SETTLED])
def test_ten_times_the_leads_take_about_ten_times_the_work(growth: dict[str, list[float]], statement: str) -> None:
    few, many = growth[statement]

    assert many <= MOST_GROWTH * few


def _fill_first_night(database: Database, leads: int) -> None:
    with database.transaction() as connection:
        _run(connection, _FILL_BATCH, batch=FIRST_NIGHT, leads=leads, is_new=True)
        _run(connection, _FILL_ENDS, batch=FIRST_NIGHT, is_new=True)
        connection.execute("ANALYZE")


def _play_second_night(connection: psycopg.Connection[Any], leads: int) -> Iterator[tuple[str, float]]:
    """Fill the night as its stages do, each of which tells the planner what it put down, and measure the statements."""
    _run(connection, _FILL_BATCH, batch=SECOND_NIGHT, leads=leads, is_new=False)
    for family in ("leads", "matches", "plans"):
        load_queries(family).refresh_statistics(connection)
    yield from ((statement, _touched_rows(connection, statement, values)) for statement, values in WHILE_OPEN.items())
    _run(connection, _FILL_ENDS, batch=SECOND_NIGHT, is_new=False)
    load_queries("writes").refresh_statistics(connection)
    yield from ((statement, _touched_rows(connection, statement, values)) for statement, values in WHEN_SETTLED.items())


def _run(connection: psycopg.Connection[Any], script: str, **values: object) -> None:
    for statement in filter(None, map(str.strip, script.split(";\n"))):
        connection.execute(statement.encode(), {**values, "at": AT})


def _touched_rows(connection: psycopg.Connection[Any], statement: str, values: Mapping[str, object]) -> float:
    """Run a statement, undo it, and return how many rows its plan put out or looked at in vain."""
    family, name = statement.split(".")
    text = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {getattr(load_queries(family), name).sql}"
    with connection.transaction(force_rollback=True):
        row = connection.execute(text.encode(), {"batch_id": SECOND_NIGHT, **values}).fetchone()
    assert row is not None
    ((document,),) = row.values()
    return _count_rows(document["Plan"])


def _count_rows(node: Mapping[str, Any]) -> float:
    in_vain = ("Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck")
    own = (node["Actual Rows"] + sum(node.get(name, 0) for name in in_vain)) * node["Actual Loops"]
    return float(own + sum(_count_rows(child) for child in node.get("Plans", ())))

"""Candidates by key on a mirror of 100,000 records: each rule must go through its index, whatever the org's size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from lead_pipeline.sandbox.embedded_postgres import ServerAddress, drop_database, ensure_database
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations
from lead_pipeline.store.queries import load_queries

BATCH = "2026-05-04"
RECORDS = 100_000
LEADS = 2_000

_FILL_MIRROR = """
    INSERT INTO directory_record (object_name, salesforce_id, fields, dievio_lead_id, is_deleted, is_converted,
                                  last_modified_at, system_modstamp, key_version, em, li, dm, fn, ln, co, ph)
    SELECT CASE WHEN n %% 5 = 0 THEN 'Contact' ELSE 'Lead' END, 'id' || n, '{}',
           CASE WHEN n %% 3 = 0 THEN 'li:' || n END, n %% 50 = 0, false, now(), now(), 1,
           'p' || n || '@d' || n %% 20000 || '.example', 's' || n, 'd' || n %% 20000 || '.example',
           'given' || n %% 50, 'family' || n %% 199, 'company ' || n %% 20000, '+49' || n
    FROM generate_series(1, %s) AS n
"""
_FILL_BATCH = """
    INSERT INTO lead (batch_id, raw_lead_id, segment, dievio_lead_id, is_weak_id, field_values, confidences,
                      source_paths, flags, key_version, em, li, dm, fn, ln, co, ph, fetched_at, normalized_at)
    SELECT %s, n, 's', 'li:' || n * 40, false, '{}', '{}', '{}', '{}', 1, em, li, dm, fn, ln, co, ph, now(), now()
    FROM generate_series(1, %s) AS n
    JOIN directory_record AS r ON r.salesforce_id = 'id' || n * 40
"""

INDEXES = {
    "directory_by_dievio_lead_id",
    "directory_by_em",
    "directory_by_li",
    "directory_by_name_domain",
    "directory_by_name_company",
    "directory_by_full_name",
}


@pytest.fixture(scope="module")
def large_mirror(postgres_server: ServerAddress) -> Iterator[Database]:
    name = "test_large_mirror"
    ensure_database(postgres_server, name)
    database = Database(postgres_server.dsn(name))
    apply_migrations(database)
    with database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(_FILL_MIRROR, [RECORDS])
        connection.execute("ANALYZE directory_record")
        connection.execute(_FILL_BATCH, [BATCH, LEADS])
    with database.connect() as connection:
        connection.execute("ANALYZE")
    yield database
    database.close()
    drop_database(postgres_server, name)


def explain(connection: psycopg.Connection[Any], query: str, values: dict[str, object]) -> dict[str, Any]:
    statement = f"EXPLAIN (ANALYZE, FORMAT JSON) {getattr(load_queries('matches'), query).sql}"
    rows = connection.execute(statement.encode(), values).fetchone()
    assert rows is not None
    plan: dict[str, Any] = rows["QUERY PLAN"][0]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def scanned(plan: dict[str, Any]) -> set[str]:
    """Return tables that are read whole."""
    return {node["Relation Name"] for node in nodes(plan["Plan"]) if node["Node Type"] == "Seq Scan"}


def test_every_rule_finds_its_candidates_by_its_index(large_mirror: Database) -> None:
    with large_mirror.connect() as connection:
        ids = [f"li:{number * 40}" for number in range(1, LEADS + 1)]
        plan = explain(connection, "find_candidates", {"batch_id": BATCH, "dievio_lead_ids": ids, "max_candidates": 20})
    used = {node["Index Name"] for node in nodes(plan["Plan"]) if "Index Name" in node}
    assert used >= INDEXES
    assert "directory_record" not in scanned(plan)


@pytest.mark.parametrize(
    ("query", "index", "values"),
    [
        ("list_domain_blocks", "directory_by_dm", {"block_keys": ["d1.example", "d2.example"]}),
        ("list_company_blocks", "directory_by_co", {"block_keys": ["company 1", "company 2"]}),
        ("list_domain_initial_blocks", "directory_by_dm", {"block_keys": ["d1.example"], "initials": ["f"]}),
        ("list_company_initial_blocks", "directory_by_co", {"block_keys": ["company 1"], "initials": ["f"]}),
    ],
)
def test_the_people_of_a_company_are_found_by_index(
    large_mirror: Database, query: str, index: str, values: dict[str, object]
) -> None:
    with large_mirror.connect() as connection:
        plan = explain(connection, query, {**values, "max_records": 501})
    assert index in json.dumps(plan)
    assert "directory_record" not in scanned(plan)


def test_merges_and_conversions_are_followed_by_index(large_mirror: Database) -> None:
    with large_mirror.connect() as connection:
        ids = [f"id{number}" for number in range(50, 5_000, 50)]
        plan = explain(connection, "follow_records", {"salesforce_ids": ids, "max_hops": 10})
    assert "directory_record" not in scanned(plan)

"""The memory of the simulation answers as Postgres does: the same queries on the same rows, both held side by side."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from lead_pipeline.sandbox.embedded_postgres import ServerAddress, drop_database, ensure_database
from lead_pipeline.store.database import Database
from lead_pipeline.store.queries import load_queries
from lead_pipeline_tests.simulation.clock import BEGINNING
from lead_pipeline_tests.simulation.memory_database import LEASE_NAMES, MemoryDatabase, names_by_text
from lead_pipeline_tests.simulation.memory_draws import BATCHES, LEADS, Row
from lead_pipeline_tests.simulation.memory_queries import MemoryQueries
from lead_pipeline_tests.simulation.memory_tables import MemoryTables
from lead_pipeline_tests.simulation.memory_worlds import MemoryWorld

WORLDS: Final = 12
AT: Final = BEGINNING + timedelta(minutes=3)
NEVER: Final = UUID(int=0)

#: Table -> the columns that its rows are kept under in memory.
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "raw_lead": ("batch_id", "raw_lead_id"),
    "lead": ("batch_id", "raw_lead_id"),
    "quarantine": ("batch_id", "raw_lead_id"),
    "sync_decision": ("batch_id", "dievio_lead_id"),
    "write_intent": ("op_id",),
    "lead_outcome": ("batch_id", "raw_lead_id"),
    "salesforce_link": ("dievio_lead_id",),
    "field_value": ("salesforce_id", "field"),
    "review_item": ("review_item_id",),
    "dead_letter": ("dead_letter_id",),
    "lease": ("name",),
    "directory_record": ("object_name", "salesforce_id"),
    "match_candidate": ("batch_id", "dievio_lead_id", "salesforce_id", "rule"),
    "pair_memory": ("dievio_lead_id", "salesforce_id"),
    "roster": ("salesforce_id",),
    "owner_rule": ("subject",),
    "handover": ("batch_id", "dievio_lead_id"),
    "org_fact": ("name",),
    "readback": ("batch_id", "dievio_lead_id"),
}
WRITTEN_TABLES: Final = (
    "write_intent",
    "lead_outcome",
    "sync_log",
    "salesforce_link",
    "field_value",
    "review_item",
    "dead_letter",
    "lease",
    "handover",
    "org_fact",
)
#: Numbers that the database gives, and what of an answer only people read: the memory keeps neither.
NOT_COMPARED: Final = frozenset({"sync_log_id", "review_item_id", "dead_letter_id", "request_id", "answer"})
UNORDERED: Final = frozenset(
    {
        "insert_intents",
        "list_twins",
        "list_overtaken",
        "list_late_landings",
        "list_outcome_counts",
        "count_assigned_by_rule",
        "list_roster",
        "list_states",
    }
)
#: The queries of one settling, in the order in which the product asks them.
SETTLING: Final = (
    "settle_intents",
    "insert_log_entries",
    "insert_outcomes",
    "insert_links",
    "upsert_field_values",
    "insert_review_items",
    "insert_dead_letters",
    "settle_hand_overs",
)
#: Done for their effect on other sessions, or on the planner: there is nothing to compare.
WITHOUT_ANSWER: Final = frozenset({"lock_creations", "refresh_statistics"})
#: Asked on Postgres only: by jobs that the simulation does not play.
NOT_PLAYED: Final = frozenset({"take_turn", "find_org_fact", "find_server_facts", "find_last_conversion"})

#: Columns of any JSON value, scalars among them.
JSON_SCALARS: Final = frozenset({("field_value", "value"), ("org_fact", "value")})

Call = tuple[str, Mapping[str, Any]]
Seen = tuple[list[tuple[str, Any]], dict[str, list[Row]]]  # the answers, and the written tables afterwards


def play_in_memory(world: MemoryWorld, calls: Sequence[Call]) -> Seen:
    """Ask one question after the other of the fake."""
    tables = MemoryTables()
    for table, rows in world.tables.items():
        for row in rows:
            key = tuple(row[name] for name in KEYS[table])
            getattr(tables, table).put(key if len(key) > 1 else key[0], dict(row))
    with MemoryDatabase(MemoryQueries(tables)).transaction() as connection:
        answers = [(name, ask(connection, name, parameters)) for name, parameters in calls]
    return answers, {table: getattr(tables, table).rows() for table in WRITTEN_TABLES}


@contextmanager
def hold_in_postgres(database: Database, world: MemoryWorld) -> Iterator[Callable[[Sequence[Call]], Seen]]:
    """Put a world into the real thing and give the way to ask it; each series of questions finds it untouched."""

    def play(calls: Sequence[Call]) -> Seen:
        with connection.transaction(force_rollback=True):
            answers = [(name, ask(connection, name, parameters)) for name, parameters in calls]
            tables = {
                table: connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
                for table in WRITTEN_TABLES
            }
        return answers, tables

    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL session_replication_role = replica")  # batches and pages play no part here
        for table, rows in world.tables.items():
            names = list(rows[0])
            statement = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join([sql.Placeholder()] * len(names)),
            )
            values = [[_as_parameter(table, name, row[name]) for name in names] for row in rows]
            connection.cursor().executemany(statement, values)
        yield play


def ask(connection: Any, name: str, parameters: Mapping[str, Any]) -> Any:  # whatever a query answers
    families = map(load_queries, ("writes", "handovers", "org_facts"))
    family = next(queries for queries in families if hasattr(queries, name))
    answer = getattr(family, name)(connection, **parameters)
    listed = list(answer) if isinstance(answer, Iterator) else answer
    if name in WITHOUT_ANSWER:
        return None
    return sorted(listed, key=_sort_key) if name in UNORDERED else listed


def _as_parameter(table: str, name: str, value: object) -> object:
    is_json = isinstance(value, dict) or (isinstance(value, list) and name != "flags")
    return Jsonb(value) if is_json or (table, name) in JSON_SCALARS else value


def _sort_key(row: object) -> str:
    return json.dumps(row, sort_keys=True, default=str)


@pytest.fixture(scope="module")
def postgres(postgres_server: ServerAddress, migrated_template: str) -> Iterator[Database]:
    """One database for all cases, which leave nothing in it."""
    name = "memory_contract"
    ensure_database(postgres_server, name, template=migrated_template)
    opened = Database(postgres_server.dsn(name))
    yield opened
    opened.close()
    drop_database(postgres_server, name)


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest, postgres: Database) -> Database:
    """Both, one after the other."""
    return MemoryDatabase(MemoryQueries(MemoryTables())) if request.param == "memory" else postgres


# --- the write path ---------------------------------------------------------------------------------------------------


def draw_calls(world: MemoryWorld) -> list[list[Call]]:
    """Return what is asked of a world: each entry begins on its rows, and its calls follow each other."""
    batch_id = BATCHES[0]
    settlements = Jsonb(world.draw_settlements())
    leads = [row for row in world.tables["lead"] if row["duplicate_of_raw_lead_id"] is None]
    writes = [
        _as_json(world.draw_write(row["batch_id"], row["dievio_lead_id"], row["raw_lead_id"]))
        for row in leads
        if row["batch_id"] == batch_id
    ]
    settle = {"settlements": settlements, "at": AT}
    single = _calls_about_writes(world, batch_id, writes) + _calls_about_plans(batch_id)
    handing: list[Call] = [
        *[("list_waiting", {"batch_id": each, "run_id": "run-1"}) for each in BATCHES],
        ("upsert_handovers", {"batch_id": batch_id, "handovers": Jsonb(world.draw_hand_overs())}),
        ("count_assigned_by_rule", {}),
        ("list_roster", {}),
        ("list_states", {"batch_id": batch_id}),
        ("list_waiting", {"batch_id": batch_id, "run_id": "run-2"}),
    ]
    settling = [(name, {**settle, "actor": "test"} if name == "insert_log_entries" else settle) for name in SETTLING]
    return [[call] for call in single] + [handing, list(settling), [*settling, *settling]]


def _calls_about_writes(world: MemoryWorld, batch_id: str, writes: list[Row]) -> list[Call]:
    return [
        ("insert_intents", {"intents": Jsonb(writes), "sent_at": AT}),
        ("lock_creations", {"name": "creations"}),
        ("list_twins", {"intents": Jsonb(writes), "seen_at": AT, "given_up_since": AT}),
        ("list_overtaken", {"intents": Jsonb(writes), "seen_at": AT, "given_up_since": AT}),
        ("list_open_intents", {"batch_id": batch_id, "at": AT, "after": NEVER, "most": 100}),
        ("list_open_intents", {"batch_id": BATCHES[1], "at": AT, "after": world.new_id(), "most": 1}),
        ("list_late_landings", {"since": AT}),
        ("list_void_intents", {"batch_id": batch_id, "dievio_lead_ids": list(LEADS), "purpose": "hand_over"}),
        ("list_void_receipts", {"op_ids": [row["op_id"] for row in world.tables["write_intent"]][::2]}),
    ]


def _calls_about_plans(batch_id: str) -> list[Call]:
    return [
        ("list_work", {"batch_id": batch_id}),
        ("list_decisions", {"batch_id": batch_id, "dievio_lead_ids": list(LEADS[:3])}),
        ("list_stale_leads", {"batch_id": batch_id}),
        ("settle_duplicates", {"batch_id": batch_id, "at": AT}),
        ("settle_quarantine", {"batch_id": batch_id, "at": AT}),
        (
            "settle_plans_without_write",
            {
                "batch_id": batch_id,
                "run_id": "run-3",
                "actor": "test",
                "payload_sha256": "none",
                "owner": "sales_ops",
                "at": AT,
            },
        ),
        ("insert_escalations", {"batch_id": batch_id, "owner": "sales_ops", "at": AT}),
        ("has_open_plans", {"batch_id": batch_id}),
        ("count_batch", {"batch_id": batch_id, "run_id": "run-1"}),
        ("list_outcome_counts", {"batch_id": batch_id}),
        ("get_holding_owner", {"developer_name": "Holding"}),
        ("keep_org_fact", {"name": "update_guard:Lead", "value": Jsonb(True), "seen_at": AT}),
    ]


def _as_json(write: Row) -> Row:
    base = write["base_last_modified_at"]
    return {**write, "op_id": str(write["op_id"]), "base_last_modified_at": base.isoformat() if base else None}


def compare(told: Seen, real: Seen, *, what: str) -> None:
    assert told[0] == real[0], what
    for table, rows in real[1].items():
        columns = set(rows[0]) - NOT_COMPARED if rows else set()
        found = [{name: row.get(name) for name in columns} for row in told[1][table]]
        wanted = [{name: row[name] for name in columns} for row in rows]
        assert sorted(found, key=_sort_key) == sorted(wanted, key=_sort_key), f"{what}: {table}"


def test_the_memory_answers_and_changes_as_postgres_does(postgres: Database) -> None:
    effects = Counter[str]()
    for seed in range(WORLDS):
        world = MemoryWorld(seed)
        all_calls = draw_calls(world)
        with hold_in_postgres(postgres, world) as play_in_postgres:
            for calls in all_calls:
                real = play_in_postgres(calls)

                compare(play_in_memory(world, calls), real, what=f"world {seed}, {[name for name, _ in calls]}")
                effects.update(name for name, answer in real[0] if answer)

    assert set(effects) == asked_names() - WITHOUT_ANSWER


def asked_names() -> set[str]:
    return {name for name in names_by_text().values() if name not in LEASE_NAMES} - NOT_PLAYED


# --- sessions and claims ----------------------------------------------------------------------------------------------


def test_a_claim_belongs_to_one_session_until_that_ends(database: Database) -> None:
    leases = load_queries("leases")
    with database.connect() as second, database.connect() as first:
        assert leases.try_lock(first, name="batch") is True
        assert leases.try_lock(second, name="batch") is False
        assert leases.unlock(second, name="batch") is False
        with pytest.raises(psycopg.errors.LockNotAvailable):
            leases.wait_for_lock(second, name="batch", patience="10ms")
        assert leases.unlock(first, name="batch") is True
        assert leases.try_lock(second, name="batch") is True
        assert leases.try_lock(first, name="batch") is False
        assert leases.unlock(second, name="batch") is True


def test_a_lease_answers_to_its_holder_alone(database: Database) -> None:
    leases, later = load_queries("leases"), AT + timedelta(minutes=1)
    with database.transaction() as connection:
        assert leases.get_lease_holder(connection, name="batch") is None
        assert leases.write_lease(connection, name="batch", holder="one", at=AT, expires_at=later) == 1
        assert leases.beat_lease(connection, name="batch", holder="two", at=later, expires_at=later) == 0
        assert list(leases.list_silent_leases(connection, before=later)) == [{"name": "batch", "holder": "one"}]
        assert leases.beat_lease(connection, name="batch", holder="one", at=later, expires_at=later) == 1
        assert list(leases.list_silent_leases(connection, before=later)) == []
        assert leases.write_lease(connection, name="batch", holder="two", at=AT, expires_at=later) == 1
        assert leases.get_lease_holder(connection, name="batch") == "two"
        assert leases.delete_lease(connection, name="batch", holder="one") == 0
        assert leases.delete_lease(connection, name="batch", holder="two") == 1
        assert leases.get_lease_holder(connection, name="batch") is None


def test_a_transaction_that_fails_leaves_everything_as_it_was(database: Database) -> None:
    leases = load_queries("leases")

    def fail() -> None:
        with database.transaction() as connection:
            leases.write_lease(connection, name="undone", holder="one", at=AT, expires_at=AT)
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    with database.transaction() as connection:
        assert leases.get_lease_holder(connection, name="undone") is None

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from lead_pipeline.store.bulk import copy_rows, upsert_rows
from lead_pipeline.store.database import Database

COLUMNS = ("id", "title", "pages")
TABLE = 'Books "and" more'


class Genre(StrEnum):
    POEM = "poem"


@pytest.fixture
def connection(database_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    database = Database(database_dsn)
    with database.connect() as connection:
        connection.execute('CREATE TABLE "Books ""and"" more" (id int PRIMARY KEY, title text, pages int)')
        yield connection
    database.close()


def books(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    rows = connection.execute('SELECT * FROM "Books ""and"" more" ORDER BY id').fetchall()
    return [tuple(row.values()) for row in rows]


def test_rows_are_copied_from_any_iterable_and_counted(connection: psycopg.Connection[Any]) -> None:
    copied = copy_rows(
        connection, TABLE, columns=COLUMNS, rows=((number, f"tab\t{number}", None) for number in range(3))
    )

    assert copied == 3
    assert books(connection) == [(0, "tab\t0", None), (1, "tab\t1", None), (2, "tab\t2", None)]


def test_no_rows_are_no_error(connection: psycopg.Connection[Any]) -> None:
    assert copy_rows(connection, TABLE, columns=COLUMNS, rows=[]) == 0
    assert upsert_rows(connection, TABLE, columns=COLUMNS, rows=[], key=("id",)) == 0


def test_json_arrays_moments_ids_and_enums_are_copied_as_they_are(connection: psycopg.Connection[Any]) -> None:
    moment, op_id = datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC), UUID(int=7)
    columns = {"j": "jsonb", "a": "text[]", "m": "timestamptz", "u": "uuid", "e": "text"}
    connection.execute(f"CREATE TABLE mixed ({', '.join(f'{name} {kind}' for name, kind in columns.items())})".encode())

    copy_rows(
        connection, "mixed", columns=list(columns), rows=[(Jsonb({"x": [1]}), ["a", "b"], moment, op_id, Genre.POEM)]
    )

    row = connection.execute("SELECT * FROM mixed").fetchone()
    assert row == {"j": {"x": [1]}, "a": ["a", "b"], "m": moment, "u": op_id, "e": "poem"}


UPSERTS: list[tuple[str, tuple[str, ...] | None, int, list[tuple[Any, ...]]]] = [
    ("all columns but the key", None, 2, [(1, "new", 11), (2, "two", 20), (3, "three", 30)]),
    ("the named columns", ("title",), 2, [(1, "new", 10), (2, "two", 20), (3, "three", 30)]),
    ("nothing", (), 1, [(1, "one", 10), (2, "two", 20), (3, "three", 30)]),
]


@pytest.mark.parametrize(
    ("update", "written", "expected"), [case[1:] for case in UPSERTS], ids=[case[0] for case in UPSERTS]
)
def test_an_upsert_inserts_what_is_new_and_overwrites_in_what_exists(
    connection: psycopg.Connection[Any], update: tuple[str, ...] | None, written: int, expected: list[tuple[Any, ...]]
) -> None:
    copy_rows(connection, TABLE, columns=COLUMNS, rows=[(1, "one", 10), (2, "two", 20)])

    count = upsert_rows(
        connection, TABLE, columns=COLUMNS, rows=[(1, "new", 11), (3, "three", 30)], key=("id",), update=update
    )

    assert (count, books(connection)) == (written, expected)


def test_several_upserts_fit_in_one_transaction_and_are_undone_with_it(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction() as transaction:
        for number in range(2):
            upsert_rows(connection, TABLE, columns=COLUMNS, rows=[(number, "x", 1)], key=("id",))
        inside = books(connection)
        raise psycopg.Rollback(transaction)

    assert (inside, books(connection)) == ([(0, "x", 1), (1, "x", 1)], [])


def test_a_row_that_the_table_refuses_undoes_the_whole_upsert(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.NotNullViolation):
        upsert_rows(connection, TABLE, columns=COLUMNS, rows=[(1, "one", 1), (None, "x", 1)], key=("id",))

    assert books(connection) == []

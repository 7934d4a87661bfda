"""Many rows at once: COPY into a table, and COPY followed by one upsert.

Statements over rows that are already in the database belong in `sql/queries`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg import sql

# From so many new rows on the planner has to be told of them; below, a join row by row costs less than telling it.
STATISTICS_LEADS = 500

_STAGE = sql.Identifier("bulk_stage")


def copy_rows(
    connection: psycopg.Connection[Any], table: str, *, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> int:
    """Append rows to a table by COPY and return how many.

    Args:
        connection: The database.
        table: A table of the search path.
        columns: The columns that each row fills, in the rows' order.
        rows: Consumed once; JSON values wrapped in `Jsonb`.
    """
    return _copy(connection, sql.Identifier(table), columns, rows)


def upsert_rows(
    connection: psycopg.Connection[Any],
    table: str,
    *,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    key: Sequence[str],
    update: Sequence[str] | None = None,
) -> int:
    """Insert rows, or update those that exist, in one transaction; return how many rows were inserted or updated.

    Args:
        connection: The database.
        table: A table of the search path.
        columns: The columns that each row fills, in the rows' order.
        rows: Consumed once; no two with the same key.
        key: Columns of the unique constraint that tells whether a row exists.
        update: Columns to overwrite in existing rows; all but the key unless given; none leaves existing rows alone.
    """
    target = sql.Identifier(table)
    names = _list(columns)
    changed = [column for column in columns if column not in key] if update is None else list(update)
    with connection.transaction():
        connection.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                _STAGE, names, target
            )
        )
        _copy(connection, _STAGE, columns, rows)
        written = connection.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT ({}) {}").format(
                target, names, names, _STAGE, _list(key), _on_conflict(changed)
            )
        ).rowcount
        connection.execute(sql.SQL("DROP TABLE {}").format(_STAGE))
    return written


def _on_conflict(changed: Sequence[str]) -> sql.Composable:
    if not changed:
        return sql.SQL("DO NOTHING")
    assignments = (sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in changed)
    return sql.SQL("DO UPDATE SET ") + sql.SQL(", ").join(assignments)


def _copy(
    connection: psycopg.Connection[Any],
    target: sql.Identifier,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> int:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(target, _list(columns))
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        return cursor.rowcount


def _list(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))

"""Reads the named queries of `sql/queries`. Which query is asked when belongs to the module of its table family."""

from __future__ import annotations

from functools import cache
from typing import Any

import aiosql
from aiosql.adapters.pyformat import PyFormatAdapter
from psycopg.rows import dict_row

from lead_pipeline.store.sql_files import QUERIES, find_sql_directory


class _DictRowAdapter(PyFormatAdapter):
    """Gives rows as dicts on any psycopg connection."""

    def __init__(self) -> None:
        super().__init__(row_factory=dict_row)  # type: ignore[no-untyped-call]  # aiosql is not typed

    def insert_returning(self, *query: Any) -> Any:  # noqa: ANN401  # whatever the statement returns
        """Return the only column of the inserted row, or the row when it has several."""
        row = self.select_one(*query)  # type: ignore[no-untyped-call]  # as above
        return next(iter(row.values())) if row and len(row) == 1 else row


@cache
def load_queries(family: str) -> Any:  # noqa: ANN401  # aiosql makes one method per named query
    """Return the queries of `sql/queries/<family>.sql`: one method per name, taking the connection and named values.

    Rows come as dicts; `^` gives one row or None, `$` one value, `!` the number of rows, `<!` the returned value.
    """
    return aiosql.from_path(find_sql_directory(QUERIES) / f"{family}.sql", _DictRowAdapter)

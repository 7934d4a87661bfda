import psycopg
import pytest

from lead_pipeline.errors import ConfigurationError
from lead_pipeline.store import sql_files
from lead_pipeline.store.queries import load_queries
from lead_pipeline.store.sql_files import find_sql_directory

QUERY_FAMILIES = sorted(path.stem for path in find_sql_directory("queries").glob("*.sql"))


@pytest.mark.parametrize("family", QUERY_FAMILIES)
def test_every_query_says_what_it_is_for(family: str) -> None:
    queries = load_queries(family)
    names = [name for name in queries.available_queries if not name.endswith("_cursor")]

    assert names
    assert [name for name in names if not getattr(queries, name).__doc__] == []


def test_a_family_is_read_once() -> None:
    assert load_queries("schema_migrations") is load_queries("schema_migrations")


def test_rows_come_as_dicts_even_on_a_plain_connection(database_dsn: str) -> None:
    queries = load_queries("schema_migrations")
    with psycopg.connect(database_dsn) as connection:
        queries.create_schema_migration_table(connection)
        queries.insert_applied_migration(connection, name="0001_x.sql", sha256="ab")

        assert list(queries.list_applied_migrations(connection)) == [{"name": "0001_x.sql", "sha256": "ab"}]


def test_a_missing_sql_tree_is_named() -> None:
    with pytest.raises(ConfigurationError, match=str(sql_files.SQL_DIRECTORY / "nothing")):
        find_sql_directory("nothing")

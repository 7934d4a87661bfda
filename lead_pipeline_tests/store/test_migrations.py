import threading
from pathlib import Path

import pytest

from lead_pipeline.errors import ConfigurationError, MigrationChangedError
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations


@pytest.fixture
def empty_database(database_dsn: str) -> Database:
    return Database(database_dsn)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write(tmp_path, "0001_add_shelves.sql", "CREATE TABLE shelf (name text); CREATE TABLE book (title text);")
    write(tmp_path, "0002_fill_shelves.sql", "-- 100 % of them\nINSERT INTO shelf VALUES ('poems');")
    return tmp_path


def write(directory: Path, name: str, text: str) -> None:
    (directory / name).write_text(text)


def count(database: Database, table: str) -> int:
    with database.connect() as connection:
        row = connection.execute(f"SELECT count(*) AS rows FROM {table}".encode()).fetchone()
        return int(row["rows"]) if row else -1


def test_the_projects_own_migrations_apply_to_an_empty_database(empty_database: Database) -> None:
    applied = apply_migrations(empty_database)

    assert applied[0].startswith("0001_")
    assert count(empty_database, "schema_migration") == len(applied)
    assert count(empty_database, "lead_outcome") == 0


def test_files_are_applied_in_order_and_only_once(empty_database: Database, directory: Path) -> None:
    first = apply_migrations(empty_database, directory)
    second = apply_migrations(empty_database, directory)

    assert (first, second) == (("0001_add_shelves.sql", "0002_fill_shelves.sql"), ())
    assert count(empty_database, "shelf") == 1


def test_a_new_file_is_applied_to_a_database_that_has_the_others(empty_database: Database, directory: Path) -> None:
    apply_migrations(empty_database, directory)
    write(directory, "0003_fill_again.sql", "INSERT INTO shelf VALUES ('maps');")

    assert apply_migrations(empty_database, directory) == ("0003_fill_again.sql",)
    assert count(empty_database, "shelf") == 2


def test_a_file_changed_after_it_was_applied_is_refused_by_name(empty_database: Database, directory: Path) -> None:
    apply_migrations(empty_database, directory)
    write(directory, "0002_fill_shelves.sql", "INSERT INTO shelf VALUES ('novels');")

    with pytest.raises(MigrationChangedError, match=r"0002_fill_shelves\.sql"):
        apply_migrations(empty_database, directory)

    assert count(empty_database, "shelf") == 1


def test_a_database_that_is_newer_than_the_program_is_refused(empty_database: Database, directory: Path) -> None:
    apply_migrations(empty_database, directory)
    (directory / "0002_fill_shelves.sql").unlink()

    with pytest.raises(ConfigurationError, match=r"0002_fill_shelves\.sql"):
        apply_migrations(empty_database, directory)


def test_two_files_with_one_number_are_refused(empty_database: Database, directory: Path) -> None:
    write(directory, "0002_also.sql", "SELECT 1;")

    with pytest.raises(ConfigurationError, match="same number"):
        apply_migrations(empty_database, directory)


def test_a_file_that_fails_leaves_nothing_of_itself_and_the_files_before_it_stay(
    empty_database: Database, directory: Path
) -> None:
    write(directory, "0003_broken.sql", "INSERT INTO shelf VALUES ('maps'); SELECT 1 / 0;")

    with pytest.raises(Exception, match="division by zero"):
        apply_migrations(empty_database, directory)

    assert count(empty_database, "shelf") == 1
    assert count(empty_database, "schema_migration") == 2


def test_processes_that_migrate_at_the_same_time_apply_each_file_once(database_dsn: str, directory: Path) -> None:
    applied: list[tuple[str, ...]] = []

    def work() -> None:
        database = Database(database_dsn)
        applied.append(apply_migrations(database, directory))
        database.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(len, applied)) == [0, 0, 0, 2]

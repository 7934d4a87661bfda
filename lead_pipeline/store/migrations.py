"""Brings the schema of the product's database up to date from numbered SQL files, each applied once and for ever.

What the tables are for is written in the files themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg

from lead_pipeline.errors import ConfigurationError, MigrationChangedError
from lead_pipeline.store.database import Database
from lead_pipeline.store.queries import load_queries
from lead_pipeline.store.sql_files import MIGRATIONS, find_sql_directory

ADVISORY_LOCK_KEY = 7_233_942_115_604_488_093  # any number that no other program on the server uses


@dataclass(frozen=True)
class Migration:
    """One file of changes."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """The hash that shows whether the file was changed after it was applied."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations(directory: Path) -> list[Migration]:
    """Return the migrations of a directory in the order of their numbers.

    Raises:
        ConfigurationError: Two files carry the same number, so that their order would be chance.
    """
    migrations = [Migration(path.name, path.read_text(encoding="utf-8")) for path in sorted(directory.glob("*.sql"))]
    for before, after in pairwise(migrations):
        if before.name.partition("_")[0] == after.name.partition("_")[0]:
            raise ConfigurationError(
                after.name, what=f"has the same number as {before.name}", repair="Give it the next free number"
            )
    return migrations


def apply_migrations(database: Database, directory: Path | None = None) -> tuple[str, ...]:
    """Apply the migrations that the database does not have yet, each in a transaction of its own.

    Several processes may call this at once: one works, the others wait and find nothing to do.

    Args:
        database: The database to bring up to date.
        directory: Where the files are; the project's own unless given.

    Returns:
        The names of the files that were applied.

    Raises:
        MigrationChangedError: A file was changed after it had been applied.
        ConfigurationError: The database is newer than this program.
    """
    migrations = read_migrations(directory or find_sql_directory(MIGRATIONS))
    queries = load_queries("schema_migrations")
    with database.connect() as connection:
        queries.acquire_migration_lock(connection, key=ADVISORY_LOCK_KEY)
        try:
            queries.create_schema_migration_table(connection)
            applied = {row["name"]: row["sha256"] for row in queries.list_applied_migrations(connection)}
            _refuse_contradictions(migrations, applied)
            pending = [migration for migration in migrations if migration.name not in applied]
            for migration in pending:
                _apply(connection, migration)
        finally:
            if not connection.closed:
                queries.release_migration_lock(connection, key=ADVISORY_LOCK_KEY)
    return tuple(migration.name for migration in pending)


def _refuse_contradictions(migrations: list[Migration], applied: dict[str, str]) -> None:
    known = {migration.name: migration.sha256 for migration in migrations}
    for name, sha256 in applied.items():
        if name not in known:
            raise ConfigurationError(
                "LEAD_PIPELINE_DATABASE_URL",
                what=f"the database has migration {name}, which this version does not know",
                repair="Install the version that applied it, or name another database",
            )
        if known[name] != sha256:
            raise MigrationChangedError(name)


def _apply(connection: psycopg.Connection[Any], migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.text.encode())
        load_queries("schema_migrations").insert_applied_migration(
            connection, name=migration.name, sha256=migration.sha256
        )

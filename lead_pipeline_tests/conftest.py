"""Fixtures that tests of several packages need."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lead_pipeline.sandbox.embedded_postgres import ServerAddress, child_server, drop_database, ensure_database
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations

TEMPLATE = "migrated_template"
_DATABASE_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[ServerAddress]:
    """One server for each test process; it forgets everything at the end."""
    with child_server() as address:
        yield address


@pytest.fixture(scope="session")
def migrated_template(postgres_server: ServerAddress) -> str:
    """The name of a database with our schema and no rows, to copy from."""
    ensure_database(postgres_server, TEMPLATE)
    migrated = Database(postgres_server.dsn(TEMPLATE))
    apply_migrations(migrated)
    migrated.close()
    return TEMPLATE


@pytest.fixture
def database_dsn(postgres_server: ServerAddress) -> Iterator[str]:
    """The address of a fresh, empty database."""
    with _temporary_database(postgres_server, template=None) as dsn:
        yield dsn


@pytest.fixture
def database(postgres_server: ServerAddress, migrated_template: str) -> Iterator[Database]:
    """A fresh database with our schema."""
    with _temporary_database(postgres_server, template=migrated_template) as dsn:
        opened = Database(dsn)
        yield opened
        opened.close()


@contextmanager
def _temporary_database(server: ServerAddress, *, template: str | None) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_DATABASE_NUMBERS)}"
    ensure_database(server, name, template=template)
    yield server.dsn(name)
    drop_database(server, name)

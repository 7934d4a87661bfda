"""Fixtures that tests of several packages need."""

import itertools
import os
from collections.abc import Iterator

import pytest

from lead_pipeline.sandbox.embedded_postgres import ServerAddress, child_server, drop_database, ensure_database

_DATABASE_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[ServerAddress]:
    """One server for each test process; it forgets everything at the end."""
    with child_server() as address:
        yield address


@pytest.fixture
def database_dsn(postgres_server: ServerAddress) -> Iterator[str]:
    """The address of a fresh, empty database."""
    name = f"test_{os.getpid()}_{next(_DATABASE_NUMBERS)}"
    ensure_database(postgres_server, name)
    yield postgres_server.dsn(name)
    drop_database(postgres_server, name)

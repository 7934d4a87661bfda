"""The benches of writes and pulls on real servers."""

import os
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.sandbox.embedded_postgres import ServerAddress, drop_database, ensure_database
from lead_pipeline.sandbox.salesforce_org import create_app
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations
from lead_pipeline_tests.dievio_worlds import DievioWorld, running_dievio
from lead_pipeline_tests.salesforce.clients import EmulatedOrg
from lead_pipeline_tests.services.pull_bench import Nights
from lead_pipeline_tests.services.write_bench import BEGINNING, WriteBench, forget_everything


@pytest.fixture(scope="session")
def written_org() -> Iterator[EmulatedOrg]:
    """One org for a test process."""
    app = create_app()
    with ServerThread(app) as server:
        yield EmulatedOrg(base_url=server.base_url, org=app.state.org, plane=app.state.plane)


@pytest.fixture(scope="session")
def written_database(postgres_server: ServerAddress) -> Iterator[Database]:
    """One database with all tables for a test process: making one for each test takes half a second."""
    name = f"write_bench_{os.getpid()}"
    ensure_database(postgres_server, name)
    database = Database(postgres_server.dsn(name))
    apply_migrations(database)
    yield database
    database.close()
    drop_database(postgres_server, name)


@pytest.fixture
def bench(written_org: EmulatedOrg, written_database: Database) -> Iterator[WriteBench]:
    """An empty batch before an org without records."""
    written_org.org.clock.set(BEGINNING)  # before the reset: an org is not older than its first change
    written_org.org.reset()
    written_org.org.settings.daily_calls = 100_000
    written_org.plane.faults.clear()
    forget_everything(written_database)
    client = connect(
        SalesforceCredentials(
            instance_url=written_org.base_url, client_id="sandbox-client", client_secret=SecretStr("sandbox-secret")
        )
    )
    yield WriteBench(database=written_database, emulated=written_org, client=client)
    written_org.plane.faults.clear()
    client.close()


@pytest.fixture
def nights(database: Database) -> Nights:
    """Pulls of an empty database."""
    return Nights(database)


@pytest.fixture(scope="module")
def dievio_server() -> Iterator[DievioWorld]:
    """One Dievio for a test file."""
    with running_dievio() as world:
        yield world


@pytest.fixture
def dievio(dievio_server: DievioWorld) -> DievioWorld:
    """A Dievio without rows and faults."""
    dievio_server.reset()
    return dievio_server

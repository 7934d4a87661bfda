"""An emulated org on the loopback and clients to it."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.sandbox.salesforce_org import create_app
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline_tests.salesforce.clients import EmulatedOrg


@pytest.fixture(scope="session")
def shared_org() -> Iterator[EmulatedOrg]:
    """One org for a test process: starting one takes half a second."""
    app = create_app()
    with ServerThread(app) as server:
        yield EmulatedOrg(base_url=server.base_url, org=app.state.org, plane=app.state.plane)


@pytest.fixture
def org(shared_org: EmulatedOrg) -> EmulatedOrg:
    """The org as it was delivered: no records but its users and queues."""
    shared_org.org.reset()
    shared_org.plane.faults.clear()
    return shared_org


@pytest.fixture
def client(org: EmulatedOrg) -> Iterator[SalesforceClient]:
    """A client signed in as the integration user."""
    opened = connect(
        SalesforceCredentials(
            instance_url=org.base_url, client_id="sandbox-client", client_secret=SecretStr("sandbox-secret")
        )
    )
    yield opened
    opened.close()

"""A running org for the tests of the org: fresh state for each test, one server for each module."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from lead_pipeline.sandbox.salesforce_org import Org, create_app
from lead_pipeline.sandbox.serving import ServerThread

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # spares each client the reading of certificates it never needs
DATA = "/services/data/v66.0"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NO_ASSIGNMENT = {"Sforce-Auto-Assign": "FALSE"}


@dataclass
class RunningOrg:
    """A client of one org, acting as one user."""

    http: httpx.Client
    org: Org
    opened: list[httpx.Client] = field(default_factory=list)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request below the data root unless the path is absolute."""
        target = path if path.startswith(("/services", "/_sandbox", "/id", "/nowhere")) else DATA + path
        return self.http.request(method, target, **options)

    def create(self, name: str = "Lead", **fields: Any) -> str:
        """Create a record and return its id."""
        if name == "Lead":
            fields = {"LastName": "Test", "Company": "Test GmbH", **fields}
        answer = self.call("POST", f"/sobjects/{name}", json=fields, headers=NO_ASSIGNMENT)
        assert answer.status_code == 201, answer.text
        record_id: str = answer.json()["id"]
        return record_id

    def query(self, soql: str, *, resource: str = "query") -> Any:
        """Run a query that must succeed."""
        answer = self.call("GET", f"/{resource}", params={"q": soql})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def record(self, record_id: str, name: str = "Lead") -> Any:
        """Read a record that must exist."""
        answer = self.call("GET", f"/sobjects/{name}/{record_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def acting_as(self, user: str) -> "RunningOrg":
        """The same org through another user's token."""
        token = self.http.post("/_sandbox/tokens", json={"user": user}).json()["access_token"]
        client = httpx.Client(base_url=self.http.base_url, verify=PLAIN, headers={"Authorization": f"Bearer {token}"})
        self.opened.append(client)
        return RunningOrg(client, self.org, self.opened)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[ServerThread, Org]]:
    app = create_app()
    with ServerThread(app) as running:
        yield running, app.state.org


@pytest.fixture
def admin(server: tuple[ServerThread, Org]) -> Iterator[RunningOrg]:
    """The org, reset, through its admin."""
    running, org = server
    with httpx.Client(base_url=running.base_url, verify=PLAIN) as plain:
        plain.post("/_sandbox/reset")
        plain.put("/_sandbox/clock", json={"now": NOON.isoformat(), "frozen": True})
        admin = RunningOrg(plain, org).acting_as("admin")
        yield admin
        for client in admin.opened:
            client.close()


@pytest.fixture
def integration(admin: RunningOrg) -> RunningOrg:
    """The same org through the integration user."""
    return admin.acting_as("integration")

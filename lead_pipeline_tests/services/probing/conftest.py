"""A test org, a Dievio and a database, and the doctor's way to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from lead_pipeline.apps.cli.examining import doctor
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.sandbox.dievio_api import DEFAULT_API_KEY
from lead_pipeline.sandbox.embedded_postgres import ServerAddress
from lead_pipeline.sandbox.salesforce_org import Org, create_app
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline.store.database import Database
from lead_pipeline_tests.dievio_worlds import DievioWorld, running_dievio
from lead_pipeline_tests.lead_builders import ARTICLE_ROW


@dataclass
class TrialBench:
    """Both systems, and who talks to them."""

    base_url: str
    org: Org
    dievio: DievioWorld
    dsn: str
    directory: Path

    def token(self, user: str) -> str:
        caller = self.org.find_user(user)
        assert caller is not None
        return self.org.sessions.issue(
            caller.user_id, org_id=self.org.id, now=self.org.clock.now(), lifetime_seconds=None
        )

    def client(self, user: str) -> SalesforceClient:
        return connect(SalesforceCredentials(instance_url=self.base_url, access_token=SecretStr(self.token(user))))

    def doctor(self, *options: str, **environment: str) -> Result:
        files = ["--report", str(self.directory / "probe.md"), "--draft", str(self.directory / "probe.yaml")]
        known = {
            "SALESFORCE_INSTANCE_URL": self.base_url,
            "SALESFORCE_ACCESS_TOKEN": self.token("integration"),
            "SALESFORCE_ADMIN_ACCESS_TOKEN": self.token("admin"),
            "DIEVIO_BASE_URL": self.dievio.address,
            "DIEVIO_API_KEY": DEFAULT_API_KEY,
            "LEAD_PIPELINE_DATABASE_URL": self.dsn,
            "LEAD_PIPELINE_HOME": "/nowhere",
        }
        return CliRunner().invoke(doctor, ["--probe", "--json", *files, *options], env={**known, **environment})

    def probe(self, *options: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.doctor(*options).stdout)
        return document

    def living_leads(self) -> int:
        return len(self.org.store.all('SELECT 1 FROM "Lead" WHERE IsDeleted = 0'))


@pytest.fixture
def trials(database: Database, postgres_server: ServerAddress, tmp_path: Path) -> Iterator[TrialBench]:
    app = create_app()
    dsn = postgres_server.dsn(database.address.rpartition("/")[2])
    with ServerThread(app) as server, running_dievio() as dievio:
        dievio.sell(dict(ARTICLE_ROW))
        yield TrialBench(server.base_url, app.state.org, dievio, dsn, tmp_path)

"""What tests against an org hold in hand."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.salesforce.session import Timeouts
from lead_pipeline.sandbox.control_plane import ControlPlane
from lead_pipeline.sandbox.salesforce_org import Org
from lead_pipeline.transport.retries import Retries, RetryPolicy

QUICK = Timeouts(connect_seconds=1.0, read_seconds=0.3, total_seconds=0.6)
NO_WAIT = Retries(RetryPolicy(attempts=3, base_seconds=0.0, ceiling_seconds=0.0), sleep=lambda _seconds: None)


@dataclass(frozen=True)
class EmulatedOrg:
    """A running org: its address for clients, its inside for tests."""

    base_url: str
    org: Org
    plane: ControlPlane


def quick_client(base_url: str) -> SalesforceClient:
    """A client that gives up early and waits for nothing."""
    credentials = SalesforceCredentials(instance_url=base_url, access_token=SecretStr("00Dtest!token"))
    return connect(credentials, timeouts=QUICK, retries=NO_WAIT)

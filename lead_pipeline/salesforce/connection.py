"""Builds a client from credentials: the one place where session, tokens, calls and retries are put together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from lead_pipeline.salesforce.calls import ApiCalls
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.salesforce.session import BoundedSession, SalesforceSession, Timeouts
from lead_pipeline.salesforce.tokens import AccessTokens
from lead_pipeline.transport.retries import BATCH_RETRIES, Retries

API_VERSION = "66.0"  # simple-salesforce would take 59.0; versions below 41 are about to end


def _utc_now() -> datetime:
    return datetime.now(UTC)


def connect(
    credentials: SalesforceCredentials,
    *,
    api_version: str = API_VERSION,
    timeouts: Timeouts | None = None,
    retries: Retries | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> SalesforceClient:
    """Return a client; nothing is sent before its first call.

    Args:
        credentials: The org and how to sign in.
        api_version: Version of the REST API.
        timeouts: Bounds of each call.
        retries: How reads that failed for the moment are repeated; the nightly run's rule unless given.
        now: Clock, for signed assertions.
    """
    tokens = AccessTokens(credentials, http=BoundedSession(credentials.host, timeouts=timeouts), now=now)
    session = SalesforceSession(credentials.host, tokens=tokens, timeouts=timeouts)
    repeat = (retries or Retries(BATCH_RETRIES)).call
    return SalesforceClient(ApiCalls(credentials, session=session, api_version=api_version, repeat=repeat))

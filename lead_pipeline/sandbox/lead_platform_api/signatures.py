"""Signatures of webhooks in the form of Standard Webhooks. Sending them belongs to `webhooks`."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

SECRET_PREFIX = "whsec_"  # noqa: S105  # the marker of the form, not a secret
DEFAULT_SECRET = SECRET_PREFIX + base64.b64encode(b"sandbox webhook secret").decode()


def sign_event(secret: str, event_id: str, *, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sent an event, and when.

    Args:
        secret: "whsec_" and the key in base64.
        event_id: Stays the same when the event is sent again.
        sent_at: The moment of this attempt.
        body: The exact bytes that are sent.
    """
    timestamp = str(int(sent_at.timestamp()))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, b".".join((event_id.encode(), timestamp.encode(), body)), hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }

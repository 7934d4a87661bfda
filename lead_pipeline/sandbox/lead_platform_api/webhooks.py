"""Sends signed events to whoever subscribed, and tries again when nobody took them.

What is worth an event is decided by the application.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from lead_pipeline.sandbox.control_plane import SandboxClock
from lead_pipeline.sandbox.lead_platform_api.signatures import DEFAULT_SECRET, sign_event

ATTEMPT_TIMEOUT_SECONDS = 5.0
RETRY_DELAYS_SECONDS = (
    5,
    300,
    1800,
    7200,
    18000,
    36000,
)  # of sandbox time; the schedule that Standard Webhooks advises


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who wants events, and the secret they are signed with."""

    url: str
    secret: str = DEFAULT_SECRET

    def __post_init__(self) -> None:
        """Refuse what is no text."""
        if not isinstance(self.url, str) or not isinstance(self.secret, str):
            raise TypeError("url and secret are texts")


@dataclass(slots=True)
class Delivery:
    """An event on its way to the subscriber."""

    event_id: str
    body: bytes
    due_at: datetime
    statuses: list[int] = field(default_factory=list)  # one per attempt; 0 when nobody answered
    is_done: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the form in which `/_sandbox/webhooks` answers."""
        return {"id": self.event_id, "statuses": self.statuses, "done": self.is_done, "due_at": self.due_at.isoformat()}


class WebhookSender:
    """Keeps the deliveries of one subscriber.

    An event is tried at once, then again by the schedule, when `send_due` is called after its moment.
    """

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self.subscription: Subscription | None = None
        self.deliveries: list[Delivery] = []
        self._sending = asyncio.Lock()  # two rounds at once would send the same event twice

    def reset(self) -> None:
        """Forget subscriber and deliveries."""
        self.subscription = None
        self.deliveries.clear()

    def add(self, event_type: str, data: Mapping[str, Any], *, event_id: str | None = None) -> Delivery | None:
        """Queue an event, unless nobody subscribed."""
        if self.subscription is None:
            return None
        now = self._clock.now()
        body = json.dumps({"type": event_type, "timestamp": now.isoformat(), "data": data}).encode()
        delivery = Delivery(event_id or f"evt_{secrets.token_hex(12)}", body, due_at=now)
        self.deliveries.append(delivery)
        return delivery

    async def send_due(self) -> int:
        """Try every delivery whose moment has come; return how many were taken."""
        async with self._sending, httpx.AsyncClient(timeout=ATTEMPT_TIMEOUT_SECONDS) as client:
            due = [item for item in self.deliveries if not item.is_done and item.due_at <= self._clock.now()]
            return sum([await self._attempt(client, delivery) for delivery in due])

    async def _attempt(self, client: httpx.AsyncClient, delivery: Delivery) -> bool:
        if self.subscription is None:
            return False
        now = self._clock.now()
        signature = sign_event(self.subscription.secret, delivery.event_id, sent_at=now, body=delivery.body)
        headers = {"content-type": "application/json", **signature}
        try:
            status = (await client.post(self.subscription.url, content=delivery.body, headers=headers)).status_code
        except httpx.HTTPError:
            status = 0
        is_taken = 200 <= status < 300  # noqa: PLR2004  # the class of successful statuses
        delivery.statuses.append(status)
        retry = len(delivery.statuses) - 1
        delivery.is_done = is_taken or retry >= len(RETRY_DELAYS_SECONDS)
        if not delivery.is_done:
            delivery.due_at = now + timedelta(seconds=RETRY_DELAYS_SECONDS[retry])
        return is_taken

"""Whether somebody answers at an address at all. Sends no key and buys nothing, so it says nothing about the key."""

from __future__ import annotations

import httpx

TIMEOUT_SECONDS = 10.0  # a person waits for the answer


def find_obstacle(address: str, *, transport: httpx.BaseTransport | None = None) -> str | None:
    """Return why nobody answers at an address; None when somebody does, with whatever status.

    Args:
        address: Base address of the system.
        transport: What carries the request; the network unless given.
    """
    try:
        with httpx.Client(transport=transport, timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
            client.head(address)
    except httpx.HTTPError as error:
        return type(error).__name__
    return None

"""The emulated Dievio over loopback, as tests of the client and of the services need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from pydantic import SecretStr

from lead_pipeline.dievio.client import DievioClient
from lead_pipeline.dievio.options import DievioOptions
from lead_pipeline.sandbox.dievio_api import DEFAULT_API_KEY, create_app
from lead_pipeline.sandbox.serving import ServerThread

UNHURRIED = DievioOptions(calls_per_second=1_000.0, burst_calls=1_000, read_seconds=0.5, total_seconds=2.0)


class DievioWorld:
    """A running emulator, its operator's side, and clients for it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._control = httpx.Client(base_url=address, trust_env=False)

    def close(self) -> None:
        self._control.close()

    def client(self, *, key: str = DEFAULT_API_KEY, options: DievioOptions = UNHURRIED) -> DievioClient:
        return DievioClient(self.address, SecretStr(key), options=options)

    def sell(self, *rows: Any) -> None:
        self._send("PUT", "rows", list(rows))

    def sell_numbers(self, count: int) -> None:
        self.sell(*({"number": number} for number in range(count)))

    def set_credits(self, balance: int) -> None:
        self._send("PUT", "credits", {"balance": balance})

    def switch(self, **positions: Any) -> None:
        self._send("PUT", "switches", positions)

    def set_fault(self, kind: str, **rule: Any) -> None:
        self._send("POST", "faults", {"kind": kind, "route": "/api/", **rule})

    def clear_faults(self) -> None:
        self._send("DELETE", "faults", None)

    def reset(self) -> None:
        self._send("POST", "reset", {})

    def ledger(self) -> dict[str, Any]:
        document: dict[str, Any] = self._control.get("/_sandbox/ledger").json()
        return document

    @property
    def rows_charged(self) -> int:
        return int(self.ledger()["rows_charged"])

    def _send(self, method: str, what: str, document: Any) -> None:
        self._control.request(method, f"/_sandbox/{what}", json=document).raise_for_status()


@contextmanager
def running_dievio() -> Iterator[DievioWorld]:
    """Start an emulator of one's own."""
    with ServerThread(create_app()) as server:
        world = DievioWorld(server.base_url)
        yield world
        world.close()

"""The operator's side of an emulated system, for tests."""

from __future__ import annotations

from typing import Any

import httpx


class ControlClient:
    """Speaks to the control plane of one server."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=address, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def put(self, what: str, document: Any) -> None:
        self._send("PUT", what, document)

    def post(self, what: str, document: Any) -> None:
        self._send("POST", what, document)

    def ledger(self) -> dict[str, Any]:
        document: dict[str, Any] = self._send("GET", "ledger", None)
        return document

    def _send(self, method: str, what: str, document: Any) -> Any:
        answer = self._client.request(method, f"/_sandbox/{what}", json=document)
        answer.raise_for_status()
        return answer.json() if answer.content else None

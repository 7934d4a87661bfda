"""One running emulator for the tests of a module, put back to its start before each test."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lead_pipeline.sandbox.dievio_api import DEFAULT_API_KEY, create_app
from lead_pipeline.sandbox.serving import ServerThread

SEARCH = "/api/public/search"
LOOKUP = "/api/linkedin/lookup"


class Dievio:
    """The emulator as its callers and its operator see it."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def search(self, **body: Any) -> httpx.Response:
        return self.client.post(SEARCH, json=body)

    def look_up(self, *addresses: str, **body: Any) -> httpx.Response:
        return self.client.post(LOOKUP, json={"linkedinUrls": list(addresses), **body})

    def found(self, **body: Any) -> list[Any]:
        rows: list[Any] = self.search(**body).json()["preview_data"]
        return rows

    def put(self, what: str, document: Any) -> httpx.Response:
        return self.client.put(f"/_sandbox/{what}", json=document)

    def sell(self, *rows: Any) -> None:
        assert self.put("rows", list(rows)).status_code == 200

    def sell_people(self, *people: dict[str, Any]) -> None:
        self.sell(*({"_person": person} for person in people))

    def sell_numbers(self, count: int) -> None:
        self.sell(*({"number": number} for number in range(count)))

    def switch(self, **positions: Any) -> None:
        assert self.put("switches", positions).status_code == 200

    def set_credits(self, balance: int) -> None:
        assert self.put("credits", {"balance": balance}).status_code == 200

    def set_fault(self, **rule: Any) -> None:
        assert self.client.post("/_sandbox/faults", json=rule).status_code == 201

    def ledger(self) -> dict[str, Any]:
        document: dict[str, Any] = self.client.get("/_sandbox/ledger").json()
        return document


@pytest.fixture(scope="module")
def server() -> Iterator[ServerThread]:
    with ServerThread(create_app()) as running:
        yield running


@pytest.fixture
def dievio(server: ServerThread) -> Iterator[Dievio]:
    headers = {"Authorization": f"Bearer {DEFAULT_API_KEY}"}
    with httpx.Client(base_url=server.base_url, headers=headers) as client:
        client.post("/_sandbox/reset")
        yield Dievio(client)

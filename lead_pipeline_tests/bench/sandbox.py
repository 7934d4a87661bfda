"""The sandbox that is measured against, in a process of its own: started, filled, asked for its counts, stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from lead_pipeline.sandbox import processes
from lead_pipeline.sandbox.scenarios.scenario import DemoScenario

TIMEOUT_SECONDS = 120.0  # filling the org takes tens of seconds in one request
LOAD_ROWS = 10_000  # rows per request while filling: some megabytes
QUERY_PATH = "/services/data/v66.0/query"

Calls = Mapping[str, int]


class BenchSandbox:
    """Both emulated systems under one home; use it as a context manager.

    Args:
        home: Directory of their state.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        """Start the process, or attach to the one that runs."""
        self.addresses = processes.ensure_running(self._home, scenario="empty", org="demo")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the process; its state stays in the home."""
        self._http.close()
        processes.stop(self._home)

    def fill(self, scenario: DemoScenario) -> None:
        """Empty both systems and put a scenario into them."""
        self._send("POST", self.addresses.salesforce_url, "reset", {})
        for object_name, records in scenario.org_records.items():
            self.load(object_name, records)
        self._send("POST", self.addresses.dievio_url, "reset", {})
        self._send("PUT", self.addresses.dievio_url, "rows", scenario.dievio_rows)

    def load(self, object_name: str, records: Sequence[Mapping[str, object]]) -> None:
        """Add records to the org as they are."""
        for start in range(0, len(records), LOAD_ROWS):
            self._send("POST", self.addresses.salesforce_url, "load", {object_name: records[start : start + LOAD_ROWS]})

    def sell(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Put rows on sale at Dievio in place of all others."""
        self._send("PUT", self.addresses.dievio_url, "rows", list(rows))

    def clear_counts(self) -> None:
        """Start both ledgers at zero."""
        self._send("DELETE", self.addresses.salesforce_url, "ledger")
        self._send("DELETE", self.addresses.dievio_url, "ledger")

    def salesforce_calls(self) -> Calls:
        """Requests that the org has received since the last clear, by route."""
        calls: Calls = self._send("GET", self.addresses.salesforce_url, "ledger")["calls"]
        return calls

    def credits_charged(self) -> int:
        """Rows that Dievio has billed since the last clear."""
        return int(self._send("GET", self.addresses.dievio_url, "ledger")["rows_charged"])

    def sign_in(self, user: str) -> httpx.Client:
        """Return a client of the org that acts as `integration`, `rep` or `admin`."""
        token = self._send("POST", self.addresses.salesforce_url, "tokens", {"user": user})["access_token"]
        return httpx.Client(
            base_url=self.addresses.salesforce_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
        )

    def live_leads(self) -> int:
        """Leads in the org that are not deleted."""
        with self.sign_in("admin") as org:
            return int(query(org, "SELECT COUNT() FROM Lead")["totalSize"])

    def _send(self, method: str, base_url: str, path: str, document: object = None) -> Any:
        answer = self._http.request(method, f"{base_url}/_sandbox/{path}", json=document)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def query(org: httpx.Client, soql: str) -> dict[str, Any]:
    """Return the first page of a query."""
    answer = org.get(QUERY_PATH, params={"q": soql})
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document

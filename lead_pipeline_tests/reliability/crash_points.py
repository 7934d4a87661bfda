"""Named places on a lead's way at which a process may be killed, without a line of the product knowing about it.

A place is reached through what the product takes from outside anyway: its database, its HTTP session, its hooks. The
database tells which table a transaction wrote, so that a process can die just before and just after that commit.
"""

from __future__ import annotations

import http.client
import os
import select
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
import requests
from requests.adapters import HTTPAdapter

from lead_pipeline.store.database import Database

#: Table -> what its commit means on a lead's way.
COMMITS: Mapping[str, str] = {
    "credit_ledger": "booking",
    "raw_page": "extract_page",
    "lead": "normalize",
    "directory_record": "mirror",
    "match_result": "match",
    "sync_decision": "plan",
    "gate_result": "gate",
    "write_intent": "intent_state",
    "dead_letter": "dead_letter_move",
    "review_item": "review_question",
    "readback": "readback",
    "handover": "assignment",
}
ANSWER_TIMEOUT_SECONDS = 10.0
# Counts what the server has not booked yet, which may reach back to earlier transactions of the connection.
_TABLE_COUNTS = (
    "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del AS writes FROM pg_stat_xact_user_tables"
    " WHERE relname = ANY(%s) ORDER BY relname"
)


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """The n-th time that a place is reached, counted from 1. A place is `<stage>.<point>`."""

    place: str
    nth: int

    def __str__(self) -> str:
        """Return the form for people."""
        return f"{self.place} #{self.nth}"


class Watch:
    """Counts the places that a night passes, and kills at one of them.

    Args:
        death: When to kill.
        victim: Process to kill; the own one unless given.
    """

    def __init__(self, death: Moment | None = None, *, victim: int | None = None) -> None:
        self.stage = "start"
        self.passed: Counter[str] = Counter()
        self._death = death
        self._victim = victim

    def reach(self, point: str) -> None:
        """Pass a point of the present stage, or die there."""
        if self.counts_as_death(point):
            self.kill()

    def counts_as_death(self, point: str) -> bool:
        """Count a point; True when this is where the victim dies."""
        place = f"{self.stage}.{point}"
        self.passed[place] += 1
        return self._death == Moment(place, self.passed[place])

    def kill(self) -> None:
        """Kill the victim with the signal that nobody can catch."""
        os.kill(self._victim or os.getpid(), signal.SIGKILL)


class WatchedDatabase(Database):
    """The product's database; a transaction reaches a point before and after the commit of each table it wrote."""

    def __init__(self, dsn: str, watch: Watch) -> None:
        super().__init__(dsn)
        self._watch = watch

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend a connection within one transaction, as the product's own."""
        with super().transaction() as connection:
            before = _count_writes(connection)
            yield connection
            after = _count_writes(connection)
            points = [COMMITS[table] for table, writes in after.items() if writes > before.get(table, 0)]
            for point in points:
                self._watch.reach(f"before_{point}_commit")
        for point in points:
            self._watch.reach(f"after_{point}_commit")


def _count_writes(connection: psycopg.Connection[Any]) -> dict[str, int]:
    rows = connection.execute(_TABLE_COUNTS, [list(COMMITS)]).fetchall()
    return {row["relname"]: row["writes"] for row in rows}


class WatchedAdapter(HTTPAdapter):
    """Carries requests to the org; every write reaches three points between its last byte and its parsed answer."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request; at two of the points the last byte has left and nobody is there for the answer."""
        if not is_write(request):
            return super().send(request, *args, **kwargs)
        if self._watch.counts_as_death("after_send"):
            _send_off(request)
            self._watch.kill()
        if self._watch.counts_as_death("answer_on_its_way"):
            select.select([_send_off(request).sock], [], [], ANSWER_TIMEOUT_SECONDS)
            self._watch.kill()
        response = super().send(request, *args, **kwargs)
        self._watch.reach("in_answer_parse")
        return response


def is_write(request: requests.PreparedRequest) -> bool:
    """Tell requests that change records or jobs from those that only read."""
    if request.method not in {"POST", "PATCH", "PUT"} or "/services/data/" not in (request.url or ""):
        return False
    body = request.body.encode() if isinstance(request.body, str) else bytes(request.body or b"")
    return b'"method": "GET"' not in body


def _send_off(request: requests.PreparedRequest) -> http.client.HTTPConnection:
    """Send every byte of a request on a connection of its own and return that without reading an answer."""
    address = urlsplit(request.url or "")
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    connection.request(request.method or "", request.path_url, body=request.body, headers=headers)
    return connection

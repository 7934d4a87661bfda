"""Runs pulls of one database and reads what they left; Dievio is the emulator over loopback, or a fake of its port."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lead_pipeline.domain.searches import SearchRequest
from lead_pipeline.domain.segments import Segment
from lead_pipeline.errors import (
    LeadPipelineError,
    TransportFaultError,
)
from lead_pipeline.services.pull import LeadSource, PullSummary, pull_segments
from lead_pipeline.store.database import Database
from lead_pipeline.transport.retries import BATCH_RETRIES, Retries

DAY = "2026-03-02"
NEXT_DAY = "2026-03-03"
SEGMENT = Segment(name="first", filters={"job_titles": ["CTO"]}, rows_per_night=1_000, credit_budget=2_000)
OTHER = replace(SEGMENT, name="second", filters={"job_titles": ["CFO"]})
LOST = TransportFaultError("Dievio", "search", cause="ReadTimeout", is_sent=True)


class TickingClock:
    """A second passes with every look."""

    def __init__(self) -> None:
        self._seconds = itertools.count()

    def __call__(self) -> datetime:
        return datetime(2026, 3, 2, 3, 0, tzinfo=UTC) + timedelta(seconds=next(self._seconds))


class KilledError(BaseException):
    """The process ends here: nothing after this line runs, as with kill -9."""


class Nights:
    """Runs pulls of one database and reads what they left."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = TickingClock()
        self.waits: list[float] = []

    def pull(self, source: LeadSource, *segments: Segment, day: str = DAY, is_repull: bool = False) -> PullSummary:
        retries = Retries(BATCH_RETRIES, sleep=self.waits.append, chance=lambda: 0.0)
        chosen = segments or (SEGMENT,)
        return pull_segments(
            self.database, source, chosen, batch_id=day, now=self.clock, is_repull=is_repull, retries=retries
        )

    def rows(self, table: str, **where: object) -> list[dict[str, Any]]:
        conditions = " AND ".join(f"{name} = %({name})s" for name in where) or "true"
        with self.database.connect() as connection:
            return connection.execute(f"SELECT * FROM {table} WHERE {conditions}", where).fetchall()

    def payloads(self, day: str = DAY) -> list[object]:
        kept = sorted(self.rows("raw_lead", batch_id=day), key=lambda row: row["raw_lead_id"])
        return [row["payload"] for row in kept]

    def calls_by_state(self) -> dict[str, int]:
        calls = [row["state"] for row in self.rows("credit_ledger")]
        return {state: calls.count(state) for state in sorted(set(calls))}

    def credits(self, state: str = "settled") -> int:
        return sum(row["settled_credits"] or row["reserved_credits"] for row in self.rows("credit_ledger", state=state))


def numbers(count: int) -> list[dict[str, int]]:
    return [{"number": number} for number in range(count)]


def faults_by_call(faults: dict[int, LeadPipelineError]) -> Callable[[SearchRequest], LeadPipelineError | None]:
    """Return an interruption that raises a fault at the nth call, counted from 1."""
    calls = itertools.count(1)
    return lambda _request: faults.get(next(calls))


def delivered_numbers(nights: Nights) -> set[object]:
    return {row["number"] for row in nights.payloads() if isinstance(row, dict)}

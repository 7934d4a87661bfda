"""Writes that were given up, with everything needed to try them again. What they mean is `domain/refusals`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterGroup:
    """Letters that one repair may settle."""

    error_code: str
    stage: str
    error_class: str
    cause: str
    suggested_repair: str
    owner: str
    letters: int
    most_attempts: int
    first_failed_at: datetime
    last_failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One write that was given up. `payload` is what was sent last: for people to read, never to be sent again."""

    dead_letter_id: int
    batch_id: str
    dievio_lead_id: str
    raw_lead_id: int
    stage: str
    error_class: str
    error_code: str
    cause: str
    suggested_repair: str
    payload: Mapping[str, object]
    attempts: int
    owner: str
    state: str  # open, replayed or discarded
    first_failed_at: datetime
    last_failed_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None  # what it became, or why it was discarded
    last_message: str | None = None  # the last words of Salesforce; holds no value of the record


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLetter:
    """As much of an open letter as trying it again needs."""

    dead_letter_id: int
    batch_id: str
    dievio_lead_id: str
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterChoice:
    """Which open letters are meant: those named, else those with a code, else all."""

    dead_letter_ids: tuple[int, ...] | None = None
    error_code: str | None = None


def read_groups(connection: _Connection, *, state: str) -> tuple[DeadLetterGroup, ...]:
    """Return the letters by error code and stage, the largest group first."""
    return tuple(DeadLetterGroup(**row) for row in load_queries("dead_letters").list_groups(connection, state=state))


def read_letters(
    connection: _Connection, *, state: str, error_code: str | None = None, batch_id: str | None = None, most: int
) -> tuple[DeadLetter, ...]:
    """Return single letters, the oldest first; of every code and batch unless one is given."""
    rows = load_queries("dead_letters").list_letters(
        connection, state=state, error_code=error_code, batch_id=batch_id, most=most
    )
    return tuple(DeadLetter(**row) for row in rows)


def find_letter(connection: _Connection, dead_letter_id: int) -> DeadLetter | None:
    """Return one letter with the last words of Salesforce; None when there is none of that number."""
    row = load_queries("dead_letters").get_letter(connection, dead_letter_id=dead_letter_id)
    return DeadLetter(**row) if row is not None else None


def read_open(connection: _Connection, choice: LetterChoice) -> tuple[OpenLetter, ...]:
    """Return the open letters that a choice means."""
    ids = None if choice.dead_letter_ids is None else list(choice.dead_letter_ids)
    rows = load_queries("dead_letters").list_open(connection, dead_letter_ids=ids, error_code=choice.error_code)
    return tuple(OpenLetter(**row) for row in rows)


def count_states(connection: _Connection, dead_letter_ids: Collection[int]) -> Counter[str]:
    """Count what became of some letters."""
    rows = load_queries("dead_letters").count_states(connection, dead_letter_ids=list(dead_letter_ids))
    return Counter({row["state"]: row["letters"] for row in rows})


def discard(connection: _Connection, dead_letter_ids: Collection[int], *, reason: str, by: str, at: datetime) -> int:
    """Give open letters up for good; return how many."""
    count: int = load_queries("dead_letters").discard(
        connection, dead_letter_ids=list(dead_letter_ids), resolution=reason, resolved_by=by, at=at
    )
    return count


def assign(connection: _Connection, dead_letter_ids: Collection[int], *, owner: str) -> int:
    """Give open letters to somebody else; return how many."""
    count: int = load_queries("dead_letters").assign(connection, dead_letter_ids=list(dead_letter_ids), owner=owner)
    return count

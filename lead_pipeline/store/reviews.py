"""Questions for people and their answers. What an answer means is `domain/review_decisions`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.matching import PairAnswer
from lead_pipeline.domain.refusals import SALES_OPS
from lead_pipeline.domain.review_decisions import NamedRecord, ReviewCandidate, ReviewItem
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """Open questions of one reason."""

    reason: str
    items: int
    oldest_at: datetime


def read_items(
    connection: _Connection,
    *,
    state: str = "open",
    reason: str | None = None,
    owner: str | None = None,
    batch_id: str | None = None,
    most: int,
) -> tuple[ReviewItem, ...]:
    """Return questions, the oldest first."""
    rows = load_queries("reviews").list_items(
        connection, state=state, reason=reason, owner=owner, batch_id=batch_id, most=most
    )
    return tuple(_item(row) for row in rows)


def find_item(connection: _Connection, review_item_id: int) -> ReviewItem | None:
    """Return one question; None when there is none of that number."""
    row = load_queries("reviews").get_item(connection, review_item_id=review_item_id)
    return _item(row) if row is not None else None


def read_named_records(
    connection: _Connection, salesforce_ids: Collection[str], *, dievio_lead_id: str
) -> dict[str, NamedRecord]:
    """Return Salesforce id -> what the mirror says about the records a decision names."""
    rows = load_queries("reviews").list_named_records(
        connection, salesforce_ids=list(salesforce_ids), dievio_lead_id=dievio_lead_id
    )
    return {row["salesforce_id"]: NamedRecord(**row) for row in rows}


def read_candidate_ids(connection: _Connection, *, batch_id: str, dievio_lead_id: str) -> tuple[str, ...]:
    """Return the records that matching last held against a lead."""
    rows = load_queries("reviews").list_candidate_ids(connection, batch_id=batch_id, dievio_lead_id=dievio_lead_id)
    return tuple(row["salesforce_id"] for row in rows)


def close_item(
    connection: _Connection, review_item_id: int, *, decision: Mapping[str, object], decided_by: str, at: datetime
) -> bool:
    """Keep an answer; False when the question was answered already."""
    closed: int = load_queries("reviews").close_item(
        connection, review_item_id=review_item_id, decision=Jsonb(decision), decided_by=decided_by, at=at
    )
    return closed == 1


def assign_item(connection: _Connection, review_item_id: int, *, owner: str) -> bool:
    """Give an open question to somebody else; False when there is no such open question."""
    assigned: int = load_queries("reviews").assign_item(connection, review_item_id=review_item_id, owner=owner)
    return assigned == 1


def remember_answers(
    connection: _Connection, dievio_lead_id: str, answers: Mapping[str, PairAnswer], *, decided_by: str, at: datetime
) -> None:
    """Keep what a person said about a lead and some records."""
    load_queries("reviews").remember_answers(
        connection, dievio_lead_id=dievio_lead_id, answers=Jsonb(answers), decided_by=decided_by, at=at
    )


def ask_about_twins(
    connection: _Connection, batch_id: str, twins: Sequence[Mapping[str, Any]], *, closed_by: str, at: datetime
) -> None:
    """Ask about each person with a second record, and end the batch's questions about those who have none any more.

    Args:
        connection: An open transaction.
        batch_id: The batch.
        twins: Rows of `list_twins` with further records.
        closed_by: Who ends a question that has no object any more.
        at: The moment, aware UTC.
    """
    queries = load_queries("reviews")
    queries.close_twin_items(
        connection,
        batch_id=batch_id,
        dievio_lead_ids=[twin["dievio_lead_id"] for twin in twins],
        decided_by=closed_by,
        at=at,
    )
    if twins:
        names = ("dievio_lead_id", "raw_lead_id", "salesforce_id", "records")
        items = Jsonb([{name: twin[name] for name in names} for twin in twins])
        queries.insert_twin_items(connection, batch_id=batch_id, twins=items, owner=SALES_OPS, at=at)


def count_open_by_reason(connection: _Connection) -> tuple[ReasonCount, ...]:
    """Count open questions by reason, the most frequent first."""
    return tuple(ReasonCount(**row) for row in load_queries("reviews").count_open_by_reason(connection))


def _item(row: Mapping[str, Any]) -> ReviewItem:
    return ReviewItem(**{**row, "candidates": tuple(ReviewCandidate(**entry) for entry in row["candidates"])})

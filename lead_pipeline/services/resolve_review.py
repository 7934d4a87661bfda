"""Takes a person's answer to a question, remembers it, and has its rows worked on again.

Whether a question takes an answer is `domain/review_decisions`; the write itself is `reworking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import psycopg

from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.planning import PlanRules
from lead_pipeline.domain.refusals import ReviewReason
from lead_pipeline.domain.review_decisions import (
    ReviewDecision,
    ReviewItem,
    field_answers,
    find_objection,
    needs_work,
    pair_answers,
)
from lead_pipeline.domain.review_reasons import ReviewChoice
from lead_pipeline.domain.side_by_side import list_offers
from lead_pipeline.domain.survivorship import AnswerChoice
from lead_pipeline.errors import DecisionRefusedError, ReviewItemClosedError, UnknownCaseError
from lead_pipeline.services.plan import read_schemas
from lead_pipeline.services.refresh_directory import changed_since
from lead_pipeline.services.reworking import Rework, ReworkSummary, rework_rows
from lead_pipeline.store import plans, reopening, reviews
from lead_pipeline.store.database import Database


def resolve_review(rework: Rework, review_item_id: int, decision: ReviewDecision) -> ReworkSummary:
    """Take an answer and carry it out.

    The answer is kept before anything is written. If the write cannot follow now, it follows with the next call of
    `rework_rows`.

    Args:
        rework: Who works, with what.
        review_item_id: The question.
        decision: The answer.

    Raises:
        UnknownCaseError: There is no such question.
        ReviewItemClosedError: Somebody else was quicker.
        DecisionRefusedError: The question does not take this answer.
    """
    changed_since(
        rework.database,
        rework.salesforce,
        fields_by_object=rework.rules.write.fields_by_object,
        now=rework.now,
    )
    item = keep_decision(
        rework.database, review_item_id, decision, at=rework.now(), mappings=rework.rules.write.mappings
    )
    # Nothing is planned anew about a second record, but the gate that waits for the answer has to look again.
    is_twin = item.reason == ReviewReason.TWIN_CREATED
    return rework_rows(rework, also_end=[item.batch_id] if is_twin else [])


def keep_decision(
    database: Database, review_item_id: int, decision: ReviewDecision, *, at: datetime, mappings: MappingSet
) -> ReviewItem:
    """Keep an answer, what is to be remembered of it, and which rows it reopens; return the question it was given to.

    All of it is one transaction.

    Args:
        database: The product's database.
        review_item_id: The question.
        decision: The answer.
        at: When it was given.
        mappings: Where a lead's values belong, for answers about single fields.

    Raises:
        UnknownCaseError: There is no such question.
        ReviewItemClosedError: Somebody else was quicker.
        DecisionRefusedError: The question does not take this answer.
    """
    with database.transaction() as connection:
        item = require_item(connection, review_item_id)
        _refuse_closed(item)
        records = reviews.read_named_records(connection, decision.salesforce_ids, dievio_lead_id=item.dievio_lead_id)
        offers = _read_offers(connection, item, decision, mappings)
        decision = replace(decision, fields=_by_api_name(decision.fields, offers, mappings))
        objection = find_objection(item, decision, records, offers)
        if objection is not None:
            raise DecisionRefusedError(review_item_id, objection=objection)
        stored = _as_stored(connection, item, decision, offers)
        if not reviews.close_item(connection, review_item_id, decision=stored, decided_by=decision.by, at=at):
            _refuse_closed(require_item(connection, review_item_id))
        answers = pair_answers(item, decision)
        reviews.remember_answers(connection, item.dievio_lead_id, answers, decided_by=decision.by, at=at)
        _reopen(connection, item, decision, at=at)
    return item


def require_item(connection: psycopg.Connection, review_item_id: int) -> ReviewItem:
    """Return a question.

    Raises:
        UnknownCaseError: There is no such question.
    """
    item = reviews.find_item(connection, review_item_id)
    if item is None:
        raise UnknownCaseError("review item", review_item_id, command="lead-pipeline review list")
    return item


def _refuse_closed(item: ReviewItem) -> None:
    if not item.is_open:
        decided_at = f"{item.decided_at:%Y-%m-%d %H:%M:%S} UTC" if item.decided_at else "an unknown time"
        raise ReviewItemClosedError(
            item.review_item_id, decided_by=item.decided_by or "somebody", decided_at=decided_at
        )


def _read_offers(
    connection: psycopg.Connection, item: ReviewItem, decision: ReviewDecision, mappings: MappingSet
) -> dict[str, object]:
    """Return API name -> value that the answer may take: what was asked about, or all that a named record lacks."""
    if decision.choice is not ReviewChoice.SAME or not decision.fields:
        return dict(item.proposal)
    lead = plans.read_lead(connection, batch_id=item.batch_id, raw_lead_id=item.raw_lead_id)
    targets = plans.read_targets(connection, decision.salesforce_ids, dievio_lead_id=item.dievio_lead_id)
    rules = PlanRules(mappings=mappings, schemas=read_schemas(connection))
    return list_offers(lead, targets[0], rules) if targets else {}


def _by_api_name(
    fields: Mapping[str, AnswerChoice], offers: Mapping[str, object], mappings: MappingSet
) -> dict[str, AnswerChoice]:
    """Return the answers by API name; a person may have named a field by its label."""
    rows = [row for mapping in (mappings.lead, mappings.contact) for row in mapping.fields if row.to in offers]
    names = {row.label.casefold(): row.to for row in rows} | {row.to.casefold(): row.to for row in rows}
    return {names.get(name.casefold(), name): choice for name, choice in fields.items()}


def _as_stored(
    connection: psycopg.Connection, item: ReviewItem, decision: ReviewDecision, offers: Mapping[str, object]
) -> dict[str, object]:
    """Return the answer as it is kept, with every record that was known when it was given.

    An answer stands until a record comes up that nobody had seen; see `list_standing_answers`.
    """
    known = reviews.read_candidate_ids(connection, batch_id=item.batch_id, dievio_lead_id=item.dievio_lead_id)
    seen = {*known, *decision.salesforce_ids, *(candidate.salesforce_id for candidate in item.candidates)}
    stored: dict[str, object] = {
        "choice": str(decision.choice),
        "reason": decision.reason,
        "records": list(decision.salesforce_ids),
        "seen": sorted(seen),
    }
    if decision.fields:
        stored["fields"] = field_answers(decision, offers)
    return stored


def _reopen(connection: psycopg.Connection, item: ReviewItem, decision: ReviewDecision, *, at: datetime) -> None:
    if decision.choice is not ReviewChoice.FIELDS:
        reopening.reopen_asked(connection, item.dievio_lead_id, reason=item.reason, at=at)
    elif needs_work(decision):
        reopening.reopen_row(connection, batch_id=item.batch_id, raw_lead_id=item.raw_lead_id, at=at)

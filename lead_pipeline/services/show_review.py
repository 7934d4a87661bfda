"""Puts a question before a person: the lead, the records it may be, and what an answer would write. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.planning import PlanRules
from lead_pipeline.domain.review_decisions import ReviewItem
from lead_pipeline.domain.review_reasons import ReviewGuide, guide_of
from lead_pipeline.domain.side_by_side import SideBySide, compare_with_records
from lead_pipeline.services.plan import read_schemas
from lead_pipeline.services.resolve_review import require_item
from lead_pipeline.store import plans
from lead_pipeline.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReview:
    """A question with everything a person needs to answer it."""

    item: ReviewItem
    guide: ReviewGuide
    comparison: SideBySide


def show_review(database: Database, mappings: MappingSet, review_item_id: int) -> ShownReview:
    """Return a question with the lead and its candidates side by side, as the mirror last saw them.

    Raises:
        UnknownCaseError: There is no such question.
        SchemaUnknownError: The org was never asked what its fields are.
    """
    with database.transaction() as connection:
        item = require_item(connection, review_item_id)
        lead = plans.read_lead(connection, batch_id=item.batch_id, raw_lead_id=item.raw_lead_id)
        ids = dict.fromkeys(candidate.salesforce_id for candidate in item.candidates)
        targets = plans.read_targets(connection, ids, dievio_lead_id=item.dievio_lead_id)
        rules = PlanRules(mappings=mappings, schemas=read_schemas(connection))
    return ShownReview(item=item, guide=guide_of(item.reason), comparison=compare_with_records(lead, targets, rules))

"""Compares the leads that were let through first with their records, from what is already read: no call leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.sampling import measure_coverage
from lead_pipeline.domain.sync_comparison import ComparisonRules, SyncComparison, compare_sync
from lead_pipeline.services.plan import read_schemas
from lead_pipeline.store import comparisons, scopes


def compare_first_sync(
    connection: psycopg.Connection[Any], batch_id: str, *, read_mappings: Callable[[], MappingSet]
) -> SyncComparison | None:
    """Return how source and destination compare; None for a batch that is not let through step by step.

    Args:
        connection: The product's database, records read back.
        batch_id: The batch.
        read_mappings: Reads the mapping; asked only when there is something to compare.

    Raises:
        ConfigurationError: The mapping has flaws.
    """
    if scopes.find_scope(connection, batch_id) is None:
        return None
    rules = ComparisonRules(mappings=read_mappings(), schemas=read_schemas(connection))
    return compare_sync(
        comparisons.read_compared_leads(connection, batch_id),
        rules,
        ended=comparisons.count_chosen(connection, batch_id),
        coverage=measure_coverage(scopes.read_candidates(connection, batch_id)),
    )

"""What was written before this product kept its own memory: the last values of an earlier sync.

Without them every value in the org looks like a rep's, and a `tracked` field would never be refreshed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.store.queries import load_queries


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenValue:
    """One field of one record as an earlier sync left it; `written_at` is ISO 8601 with a zone."""

    salesforce_id: str
    field: str
    value: object
    written_at: str


def import_written_values(connection: psycopg.Connection[Any], values: Iterable[WrittenValue]) -> int:
    """Remember earlier values and return how many were new; importing them again changes nothing."""
    rows = [
        {
            "salesforce_id": entry.salesforce_id,
            "field": entry.field,
            "value": entry.value,
            # the operation is unknown; a name-based id is the same at every import
            "op_id": str(uuid5(NAMESPACE_URL, f"earlier-sync/{entry.salesforce_id}/{entry.field}")),
            "written_at": entry.written_at,
        }
        for entry in values
    ]
    imported: int = load_queries("imports").import_written_values(connection, values=Jsonb(rows))
    return imported

"""The suppression list and the stale records that active work leaves out. Transactions are opened by the callers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from lead_pipeline.domain.suppression import SuppressionKey, SuppressionKind
from lead_pipeline.store.queries import load_queries


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionChange:
    """An entry of the list, or a change of it: `change` is added or removed."""

    key: SuppressionKey
    reason: str
    changed_by: str
    changed_at: datetime
    change: str = "added"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRecord:
    """A record that nobody has looked at for too long; no personal data."""

    object_name: str
    salesforce_id: str
    dievio_lead_id: str
    last_enriched_at: datetime
    flagged_at: datetime


def add_suppression(
    connection: psycopg.Connection[Any], key: SuppressionKey, *, reason: str, by: str, at: datetime
) -> bool:
    """Put somebody on the list; False where the entry stands there already."""
    return bool(
        load_queries("suppressions").add(
            connection, alias_kind=key.kind.value, alias=key.alias, reason=reason, changed_by=by, at=at
        )
    )


def remove_suppression(
    connection: psycopg.Connection[Any], key: SuppressionKey, *, reason: str, by: str, at: datetime
) -> bool:
    """Take somebody off the list; False where there is no such entry."""
    return bool(
        load_queries("suppressions").remove(
            connection, alias_kind=key.kind.value, alias=key.alias, reason=reason, changed_by=by, at=at
        )
    )


def list_suppressions(connection: psycopg.Connection[Any]) -> list[SuppressionChange]:
    """Return the list, the newest entry first."""
    return [_as_change(row) for row in load_queries("suppressions").list_entries(connection)]


def list_suppression_changes(connection: psycopg.Connection[Any]) -> list[SuppressionChange]:
    """Return every change of the list, the newest first."""
    return [_as_change(row) for row in load_queries("suppressions").list_changes(connection)]


def read_suppressed(connection: psycopg.Connection[Any], batch_id: str) -> frozenset[str]:
    """Return our ids of the people of a batch who stand on the list."""
    rows = load_queries("suppressions").list_suppressed(connection, batch_id=batch_id)
    return frozenset(row["dievio_lead_id"] for row in rows)


def is_profile_suppressed(connection: psycopg.Connection[Any], *, dievio_lead_id: str, slug: str) -> bool:
    """Tell whether the person of a profile stands on the list."""
    return bool(load_queries("suppressions").is_profile_listed(connection, dievio_lead_id=dievio_lead_id, slug=slug))


def count_suppressed_records(connection: psycopg.Connection[Any], key: SuppressionKey) -> int:
    """Return how many live Leads and Contacts of the org an entry is about."""
    return int(load_queries("suppressions").count_records(connection, alias_kind=key.kind.value, alias=key.alias))


def list_stale_suppressed(connection: psycopg.Connection[Any], *, most: int) -> list[StaleRecord]:
    """Return the stale records that active work leaves out, the oldest first."""
    return [StaleRecord(**row) for row in load_queries("suppressions").list_stale(connection, row_limit=most)]


def _as_change(row: dict[str, Any]) -> SuppressionChange:
    return SuppressionChange(
        key=SuppressionKey(kind=SuppressionKind(row["alias_kind"]), alias=row["alias"]),
        reason=row["reason"],
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
        change=row.get("change", "added"),
    )

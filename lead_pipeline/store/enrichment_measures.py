"""Counts what enrichment cost and brought, and flags stale records. What the counts mean is `domain/enrichment/roi`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.enrichment.measure_rules import StaleRules
from lead_pipeline.domain.enrichment.measures import (
    AgeBucket,
    CompletenessLine,
    DaySpend,
    FindingCount,
    FunnelLine,
    PeopleCount,
    SpendLine,
    StandingCount,
)
from lead_pipeline.domain.enrichment.roi import EnrichmentRoi
from lead_pipeline.store.queries import load_queries

FAMILY = "enrichment_measures"
AGE_BUCKET_DAYS = 30
LAST_AGE_BUCKET = 12  # a year and more
NEVER_BUCKET = -1  # as the query says it
ALL_REQUIRED = "all required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From when to when is counted, aware UTC; the end is not part of it."""

    since: datetime
    until: datetime

    def as_parameters(self) -> dict[str, datetime]:
        """Return both ends under the names that the queries use."""
        return {"since": self.since, "until": self.until}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPlace:
    """Where a canonical field is written in the org."""

    field: str
    object_name: str
    target: str


def read_spend(connection: psycopg.Connection, window: Window) -> tuple[SpendLine, ...]:
    """Return calls and credits by segment, provider and reason, the dearest first."""
    return tuple(SpendLine(**row) for row in _rows(_queries().sum_spend(connection, **window.as_parameters())))


def read_days(connection: psycopg.Connection, window: Window) -> tuple[DaySpend, ...]:
    """Return credits by UTC day, days without any left out."""
    return tuple(DaySpend(**row) for row in _rows(_queries().sum_days(connection, **window.as_parameters())))


def read_people(connection: psycopg.Connection, window: Window) -> PeopleCount:
    """Return who was asked about, and what became of their rows."""
    asked = _queries().count_people(connection, **window.as_parameters())
    outcomes = _queries().count_answered_outcomes(connection, **window.as_parameters())
    return PeopleCount(**asked, **outcomes)


def read_completeness(
    connection: psycopg.Connection, window: Window, names: Sequence[str]
) -> tuple[CompletenessLine, ...]:
    """Return how many leads had each value before and after, in the order of `names`."""
    rows = _rows(_queries().count_completeness(connection, **window.as_parameters(), names=list(names)))
    found = {row["field"]: CompletenessLine(**row) for row in rows}
    return tuple(found.get(name) or CompletenessLine(field=name, leads=0, before=0, after=0) for name in names)


def read_complete_leads(connection: psycopg.Connection, window: Window, required: Sequence[str]) -> CompletenessLine:
    """Return how many leads had every required value before and after."""
    row = _queries().count_complete_leads(connection, **window.as_parameters(), names=list(required))
    return CompletenessLine(field=ALL_REQUIRED, **row)


def read_findings(connection: psycopg.Connection, window: Window) -> tuple[FindingCount, ...]:
    """Return what became of the findings, by field."""
    return tuple(FindingCount(**row) for row in _rows(_queries().count_findings(connection, **window.as_parameters())))


def read_standing(
    connection: psycopg.Connection, window: Window, places: Sequence[FieldPlace]
) -> tuple[StandingCount, ...]:
    """Return, by field, enriched values that we wrote and how many of them nobody corrected."""
    rows = _queries().count_standing(
        connection,
        **window.as_parameters(),
        names=[place.field for place in places],
        object_names=[place.object_name for place in places],
        targets=[place.target for place in places],
    )
    return tuple(StandingCount(**row) for row in _rows(rows))


def read_ages(connection: psycopg.Connection, *, target: str, until: datetime) -> tuple[AgeBucket, ...]:
    """Return how old the data of the org's live records is, in buckets; those without a date come first.

    Args:
        connection: The database.
        target: Salesforce field that says when a record was last looked at.
        until: The moment from which age is counted, aware UTC.
    """
    rows = _rows(
        _queries().count_ages(
            connection, target=target, until=until, bucket_days=AGE_BUCKET_DAYS, last_bucket=LAST_AGE_BUCKET
        )
    )
    counts = {row["bucket"]: row["records"] for row in rows}
    known = [
        AgeBucket(from_days=bucket * AGE_BUCKET_DAYS, records=counts.get(bucket, 0))
        for bucket in range(LAST_AGE_BUCKET + 1)
    ]
    never = AgeBucket(from_days=None, records=counts.get(NEVER_BUCKET, 0))
    return (never, *known) if never.records else tuple(known)


def read_funnel(
    connection: psycopg.Connection, window: Window, *, untouched: Sequence[str], responded: Sequence[str]
) -> tuple[FunnelLine, ...]:
    """Note who has been worked on for the first time, and return how far both groups of leads have come."""
    _queries().add_first_touches(connection, **window.as_parameters(), untouched=list(untouched))
    rows = _rows(_queries().count_funnel(connection, **window.as_parameters(), responded=list(responded)))
    found = {row["is_enriched"]: FunnelLine(**row) for row in rows}
    return tuple(found.get(group) or FunnelLine(is_enriched=group) for group in (True, False))


def flag_stale_records(
    connection: psycopg.Connection, rules: StaleRules, *, target: str, now: datetime
) -> tuple[int, int]:
    """Flag records that nobody has looked at for too long and unflag the others; return flagged and suppressed ones.

    Args:
        connection: The database.
        rules: From which age on.
        target: Salesforce field that says when a record was last looked at.
        now: The present moment, aware UTC.
    """
    flag_before = now - rules.flag_after
    _queries().delete_fresh_records(connection, target=target, flag_before=flag_before)
    _queries().flag_stale_records(
        connection,
        target=target,
        flag_before=flag_before,
        suppress_before=now - rules.suppress_after if rules.suppress else None,
        at=now,
    )
    row = _queries().count_stale_records(connection)
    return row["flagged"], row["suppressed"]


def save_roi(connection: psycopg.Connection, roi: EnrichmentRoi, *, batch_id: str, made_at: datetime) -> None:
    """Keep the measures of a batch; making them again replaces them."""
    _queries().save_roi(connection, batch_id=batch_id, made_at=made_at, summary=Jsonb(roi.to_summary()))


def find_roi(connection: psycopg.Connection, batch_id: str) -> EnrichmentRoi | None:
    """Return the measures kept for a batch, or None."""
    summary: Mapping[str, object] | None = _queries().get_roi(connection, batch_id=batch_id)
    return None if summary is None else EnrichmentRoi.from_summary(summary)


def _queries() -> Any:  # noqa: ANN401  # as load_queries
    return load_queries(FAMILY)


def _rows(cursor: Iterable[Any]) -> list[dict[str, Any]]:
    return list(cursor)

"""Measures of enrichment for tests: a full one with round numbers, and one of nothing."""

from __future__ import annotations

from lead_pipeline.domain.enrichment.measure_rules import AccuracyBand
from lead_pipeline.domain.enrichment.measures import (
    AgeBucket,
    CompletenessLine,
    DaySpend,
    FindingCount,
    FunnelLine,
    PeopleCount,
    SpendLine,
    StandingCount,
    judge_accuracy,
)
from lead_pipeline.domain.enrichment.roi import EnrichmentRoi

BANDS = {
    "email": AccuracyBand(low=0.95, high=0.99, priority="high"),
    "phone": AccuracyBand(low=0.80, high=0.90, priority="medium"),
    "technologies": AccuracyBand(low=0.50, high=0.70, priority="low"),
}

SPEND = (
    SpendLine(
        segment="us",
        reason="nightly",
        provider="dievio",
        calls=10,
        answered=9,
        matched=8,
        credits=60,
        known_credits=6,
        uncertain_credits=10,
    ),
    SpendLine(
        segment="us",
        reason="nightly",
        provider="contact_api",
        calls=2,
        answered=2,
        matched=1,
        credits=20,
        known_credits=0,
        uncertain_credits=0,
    ),
)
STANDING = (
    StandingCount(field="email", written=100, standing=90, stated_share=0.97),
    StandingCount(field="phone", written=50, standing=43, stated_share=0.84),
)
FUNNEL = (
    FunnelLine(
        is_enriched=True,
        leads=40,
        touched=30,
        responded=10,
        converted=4,
        with_activity=20,
        median_hours_to_touch=18.5,
    ),
    FunnelLine(
        is_enriched=False,
        leads=60,
        touched=30,
        responded=6,
        converted=2,
        with_activity=12,
        median_hours_to_touch=30.0,
    ),
)


def empty_roi() -> EnrichmentRoi:
    """Return the measures of a window without enrichment."""
    return EnrichmentRoi(
        since="2026-08-22T00:00:00+00:00",
        until="2026-11-20T00:00:00+00:00",
        spend=(),
        days=(),
        people=PeopleCount(),
        complete_leads=CompletenessLine(field="all required", leads=0, before=0, after=0),
        completeness=(CompletenessLine(field="email", leads=0, before=0, after=0),),
        findings=(),
        accuracy=judge_accuracy((), BANDS, min_values=30),
        ages=(),
        funnel=(FunnelLine(is_enriched=True), FunnelLine(is_enriched=False)),
        stale_records=0,
        suppressed_records=0,
        minutes_saved_per_value=3.0,
        credit_price=None,
        currency="",
    )


def build_roi() -> EnrichmentRoi:
    """Return measures with round numbers."""
    return EnrichmentRoi(
        since="2026-08-22T00:00:00+00:00",
        until="2026-11-20T00:00:00+00:00",
        spend=SPEND,
        days=(
            DaySpend(day="2026-11-18", credits=50, uncertain_credits=10),
            DaySpend(day="2026-11-19", credits=30, uncertain_credits=0),
        ),
        people=PeopleCount(asked=100, found=80, missed=15, created=45, updated=20),
        complete_leads=CompletenessLine(field="all required", leads=200, before=100, after=160),
        completeness=(
            CompletenessLine(field="email", leads=200, before=120, after=180),
            CompletenessLine(field="phone", leads=200, before=60, after=110),
        ),
        findings=(
            FindingCount(field="email", verdict="filled", findings=60),
            FindingCount(field="phone", verdict="filled", findings=50),
            FindingCount(field="title", verdict="replaced", findings=10),
            FindingCount(field="title", verdict="confirmed", findings=30),
            FindingCount(field="email", verdict="unverified", findings=30),
        ),
        accuracy=judge_accuracy(STANDING, BANDS, min_values=30),
        ages=(
            AgeBucket(from_days=None, records=5),
            *(AgeBucket(from_days=30 * bucket, records=500 - 35 * bucket) for bucket in range(13)),
        ),
        funnel=FUNNEL,
        stale_records=420,
        suppressed_records=85,
        minutes_saved_per_value=3.0,
        credit_price=0.1,
        currency="EUR",
    )

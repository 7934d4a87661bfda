"""The worth of enrichment in one value: what Dagster, the page and the command line all show.

The single measures are `measures`; here stand the sums over them and the sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from pydantic import TypeAdapter

from lead_pipeline.domain.enrichment.measures import (
    AccuracyLine,
    AgeBucket,
    CompletenessLine,
    DaySpend,
    Drift,
    FindingCount,
    FunnelLine,
    PeopleCount,
    SpendLine,
    share_of,
)

#: Fates of a finding that changed a lead, and those with which it counts as valid.
CHANGING_FATES = frozenset({"filled", "replaced"})
VALID_FATES = CHANGING_FATES | {"confirmed", "kept_fresh", "kept_mailbox", "context"}
MINUTES_AN_HOUR = 60
CORRELATION_NOTE = (
    "A correlation, not an effect: which leads are enriched is decided by what they lack, and that alone may explain "
    "a difference."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentRoi:
    """What enrichment cost and brought within a window.

    Attributes:
        since: Begin of the window, ISO 8601, UTC.
        until: Its end.
        spend: Calls and credits by segment, provider and reason.
        days: Credits by day.
        people: Who was asked about.
        complete_leads: Leads with every required value: of all, before and after.
        completeness: The same for single fields.
        findings: What became of the findings.
        accuracy: Kinds of data against what may be expected of them.
        ages: Staleness of the org's records.
        funnel: Enriched leads and others.
        stale_records: Records flagged as stale.
        stale_after_days: Age from which on they are.
        suppressed_records: Of them, those that the suppression view shows.
        minutes_saved_per_value: The assumption behind the hours.
        credit_price: Price of a credit; None where nobody said so.
        currency: Of the price.
    """

    since: str
    until: str
    spend: tuple[SpendLine, ...]
    days: tuple[DaySpend, ...]
    people: PeopleCount
    complete_leads: CompletenessLine
    completeness: tuple[CompletenessLine, ...]
    findings: tuple[FindingCount, ...]
    accuracy: tuple[AccuracyLine, ...]
    ages: tuple[AgeBucket, ...]
    funnel: tuple[FunnelLine, ...]
    stale_records: int
    suppressed_records: int
    minutes_saved_per_value: float
    credit_price: float | None
    currency: str
    stale_after_days: int = 90  # of measures that were kept before they said so

    @property
    def credits(self) -> int:
        """Settled credits, and those of lost answers, which may have been billed."""
        return sum(line.credits + line.uncertain_credits for line in self.spend)

    @property
    def wasted_credits(self) -> int:
        """Credits that brought nothing: for what we knew already, and of lost answers."""
        return sum(line.known_credits + line.uncertain_credits for line in self.spend)

    @property
    def wasted_share(self) -> float | None:
        """Share of the credits that brought nothing."""
        return share_of(self.wasted_credits, self.credits)

    @property
    def call_success_share(self) -> float | None:
        """Share of calls whose answer held at least one person."""
        return share_of(sum(line.matched for line in self.spend), sum(line.calls for line in self.spend))

    @property
    def match_share(self) -> float | None:
        """Share of people asked about that were found."""
        return share_of(self.people.found, self.people.asked)

    @property
    def changed_values(self) -> int:
        """Values that enrichment filled or replaced."""
        return sum(count.findings for count in self.findings if count.verdict in CHANGING_FATES)

    @property
    def valid_share(self) -> float | None:
        """Share of findings that were sure enough and about the right person."""
        valid = sum(count.findings for count in self.findings if count.verdict in VALID_FATES)
        return share_of(valid, sum(count.findings for count in self.findings))

    @property
    def credits_per_lead(self) -> float | None:
        """Credits for each person asked about."""
        return share_of(self.credits, self.people.asked)

    @property
    def credits_per_created(self) -> float | None:
        """Credits for each lead created after it was looked up."""
        return share_of(self.credits, self.people.created)

    @property
    def credits_per_value(self) -> float | None:
        """Credits for each value filled or replaced."""
        return share_of(self.credits, self.changed_values)

    @property
    def hours_saved(self) -> float:
        """Hours of typing that the changed values stand for, by the stated assumption."""
        return self.changed_values * self.minutes_saved_per_value / MINUTES_AN_HOUR

    @property
    def drifting(self) -> tuple[AccuracyLine, ...]:
        """Kinds of data that are less accurate than they may be."""
        return tuple(line for line in self.accuracy if line.drift is Drift.BELOW)

    def price(self, amount: float | None) -> str:
        """Return credits in words, with their price where one is known."""
        if amount is None:
            return "-"
        words = f"{amount:,.2f} credits" if isinstance(amount, float) else f"{amount:,} credits"
        return words if self.credit_price is None else f"{words} ({amount * self.credit_price:,.2f} {self.currency})"

    def as_metadata(self) -> Mapping[str, int | float]:
        """Return the numbers that Dagster plots over time; what was not measured is left out."""
        numbers: dict[str, int | float | None] = {
            "credits": self.credits,
            "wasted_credits": self.wasted_credits,
            "people_asked": self.people.asked,
            "changed_values": self.changed_values,
            "hours_saved": round(self.hours_saved, 2),
            "stale_records": self.stale_records,
            "suppressed_records": self.suppressed_records,
            "drifting_kinds": len(self.drifting),
            **{name: _rounded(getattr(self, name)) for name in _SHARES},
            "complete_share_before": _rounded(self.complete_leads.share_before),
            "complete_share_after": _rounded(self.complete_leads.share_after),
        }
        for line in self.funnel:
            group = "enriched" if line.is_enriched else "other"
            numbers[f"{group}_response_share"] = _rounded(line.response_share)
            numbers[f"{group}_conversion_share"] = _rounded(line.conversion_share)
            numbers[f"{group}_median_hours_to_touch"] = _rounded(line.median_hours_to_touch)
        return {name: number for name, number in numbers.items() if number is not None}

    def to_summary(self) -> dict[str, object]:
        """Return the value as plain JSON, with its sums."""
        return {**asdict(self), "measures": dict(self.as_metadata()), "funnel_note": CORRELATION_NOTE}

    @classmethod
    def from_summary(cls, summary: Mapping[str, object]) -> Self:
        """Return the value that `to_summary` was made from."""
        kept = {name: value for name, value in summary.items() if name not in {"measures", "funnel_note"}}
        return TypeAdapter(cls).validate_python(kept)


_SHARES = (
    "call_success_share",
    "match_share",
    "valid_share",
    "wasted_share",
    "credits_per_lead",
    "credits_per_created",
    "credits_per_value",
)


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)

"""What enrichment is worth, from plain counts: success, completeness, cost, accuracy, funnel, time. Pure.

Counting is SQL in `store/enrichment_measures`. Shares run from 0 to 1 and are None where nothing was counted: nothing
measured is not nothing found. The comparison of enriched and other leads is a correlation, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lead_pipeline.domain.enrichment.measure_rules import AccuracyBand

#: Two-sided 95 % of the normal distribution.
Z_95 = 1.959964


def share_of(part: float, whole: float) -> float | None:
    """Return a part of a whole; None where there is no whole."""
    return part / whole if whole else None


def wilson_interval(part: int, whole: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share by Wilson's score, which also holds for few leads; None where there are none.

    Args:
        part: Leads that did.
        whole: All leads, at least as many.
    """
    if whole == 0:
        return None
    rate, square = part / whole, Z_95**2
    middle = (rate + square / (2 * whole)) / (1 + square / whole)
    reach = Z_95 * math.sqrt(rate * (1 - rate) / whole + square / (4 * whole**2)) / (1 + square / whole)
    return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendLine:
    """Calls and credits of one segment, provider and reason.

    Attributes:
        calls: Calls that may have been billed.
        answered: Of them, calls whose answer arrived.
        matched: Of them, calls that found at least one person.
        credits: Settled credits.
        known_credits: Of the settled ones, those that told nothing new.
        uncertain_credits: Credits of calls whose answer was lost.
    """

    segment: str
    provider: str
    reason: str
    calls: int
    answered: int
    matched: int
    credits: int
    known_credits: int
    uncertain_credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySpend:
    """Credits of one UTC day."""

    day: str  # YYYY-MM-DD
    credits: int
    uncertain_credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleCount:
    """People that providers were asked about in the window, and what became of their rows."""

    asked: int = 0
    found: int = 0
    missed: int = 0
    created: int = 0
    updated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessLine:
    """How many leads had a value when they were delivered, and how many have one that counts after enrichment."""

    field: str
    leads: int
    before: int
    after: int

    @property
    def share_before(self) -> float | None:
        """Share of leads with the value as delivered."""
        return share_of(self.before, self.leads)

    @property
    def share_after(self) -> float | None:
        """Share of leads with the value after enrichment."""
        return share_of(self.after, self.leads)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCount:
    """How many findings of a field had which fate."""

    field: str
    verdict: str
    findings: int


class Drift(StrEnum):
    """Where an observed accuracy lies."""

    WITHIN = "within"
    BELOW = "below"  # drift: the source has become worse than it may be
    ABOVE = "above"
    TOO_FEW = "too_few"
    NOT_MEASURED = "not_measured"  # nothing of the kind is written, so nothing can be found wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingCount:
    """Enriched values of one field that we wrote and the mirror has seen; `standing` are those nobody corrected."""

    field: str
    written: int
    standing: int
    stated_share: float | None  # mean confidence with which they were delivered


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyLine:
    """One kind of data: what may be expected of it, and what was seen."""

    field: str
    band: AccuracyBand
    written: int
    standing: int
    stated_share: float | None
    drift: Drift

    @property
    def observed_share(self) -> float | None:
        """Share of written values that still stand."""
        return share_of(self.standing, self.written)


def judge_accuracy(
    counts: Iterable[StandingCount], bands: Mapping[str, AccuracyBand], *, min_values: int
) -> tuple[AccuracyLine, ...]:
    """Hold what was seen of each kind of data against what may be expected of it.

    Args:
        counts: What was seen.
        bands: Canonical field -> expectation; a field without one is left out.
        min_values: Fewer values than that say nothing.
    """
    seen = {count.field: count for count in counts}
    return tuple(_judge(name, band, seen.get(name), min_values=min_values) for name, band in bands.items())


def _judge(name: str, band: AccuracyBand, count: StandingCount | None, *, min_values: int) -> AccuracyLine:
    written, standing = (0, 0) if count is None else (count.written, count.standing)
    if written == 0:
        drift = Drift.NOT_MEASURED
    elif written < min_values:
        drift = Drift.TOO_FEW
    else:
        rate = standing / written
        drift = Drift.BELOW if rate < band.low else Drift.ABOVE if rate > band.high else Drift.WITHIN
    return AccuracyLine(
        field=name,
        band=band,
        written=written,
        standing=standing,
        stated_share=None if count is None else count.stated_share,
        drift=drift,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeBucket:
    """Live records of the org whose data was last looked at so long ago; `from_days` None: never, as far as we know."""

    from_days: int | None
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelLine:
    """How far one group of the leads that we created has come in Salesforce.

    Attributes:
        is_enriched: Whether enrichment filled or replaced a value of theirs.
        leads: All of them that the mirror holds.
        touched: Somebody has worked on them: status, activity or conversion says so.
        responded: The status says that the person answered, or they were converted.
        converted: They became a contact.
        with_activity: A task or event is recorded.
        median_hours_to_touch: From hand-over to when the mirror first saw them touched: an upper bound.
    """

    is_enriched: bool
    leads: int = 0
    touched: int = 0
    responded: int = 0
    converted: int = 0
    with_activity: int = 0
    median_hours_to_touch: float | None = None

    @property
    def label(self) -> str:
        """What the group is called."""
        return "enriched" if self.is_enriched else "not enriched"

    @property
    def response_share(self) -> float | None:
        """Share that answered."""
        return share_of(self.responded, self.leads)

    @property
    def conversion_share(self) -> float | None:
        """Share that was converted."""
        return share_of(self.converted, self.leads)

    @property
    def response_interval(self) -> tuple[float, float] | None:
        """95 % interval of the share that answered."""
        return wilson_interval(self.responded, self.leads)

    @property
    def conversion_interval(self) -> tuple[float, float] | None:
        """95 % interval of the share that was converted."""
        return wilson_interval(self.converted, self.leads)

"""What enrichment may cost in a day, where it stands, and what is said about it. Credits stand in `credit_ledger`.

Whether the next call still fits is decided where it is booked, in one statement; here is what the limits mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lead_pipeline.domain.enrichment.policy import BudgetRules

ALL_SEGMENTS = "all segments"


class BudgetState(StrEnum):
    """How much of a limit is left."""

    OPEN = "open"
    NEARLY_SPENT = "nearly_spent"
    SPENT = "spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLine:
    """One limit of a day: a segment's, or that of all segments together. `limit` None: the segment has none."""

    subject: str
    used: int
    limit: int | None
    state: BudgetState
    key: str  # where the limit is set

    @property
    def advice(self) -> str:
        """What to tell operations; empty while there is nothing to tell."""
        if self.state is BudgetState.OPEN or self.limit is None:
            return ""
        what = "is spent: enrichment pauses" if self.state is BudgetState.SPENT else "is nearly spent"
        return (
            f"The enrichment budget of {self.subject} {what} ({self.used:,} of {self.limit:,} credits today). "
            f"Raise {self.key} in enrichment.yaml"
        )


def judge_budgets(used_by_segment: Mapping[str, int], rules: BudgetRules) -> tuple[BudgetLine, ...]:
    """Return where every limit of a day stands: all segments first, then those with a limit or credits of their own.

    Args:
        used_by_segment: Segment -> credits settled, reserved or uncertain on this day.
        rules: The limits.
    """
    total = _line(
        ALL_SEGMENTS, sum(used_by_segment.values()), rules.daily_credits, key="budget.daily_credits", rules=rules
    )
    names: Iterable[str] = sorted(set(used_by_segment) | set(rules.segment_credits))
    return (
        total,
        *(
            _line(
                name,
                used_by_segment.get(name, 0),
                rules.segment_credits.get(name),
                key=f"budget.segment_credits.{name}",
                rules=rules,
            )
            for name in names
        ),
    )


def _line(subject: str, used: int, limit: int | None, *, key: str, rules: BudgetRules) -> BudgetLine:
    if limit is None:
        state = BudgetState.OPEN
    elif used >= limit:
        state = BudgetState.SPENT
    else:
        state = BudgetState.NEARLY_SPENT if used >= rules.warn_share * limit else BudgetState.OPEN
    return BudgetLine(subject=subject, used=used, limit=limit, state=state, key=key)

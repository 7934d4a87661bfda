"""Industries: any provider's label as one of the org's values, by a reviewed table and never by guessing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from lead_pipeline.domain.normalize.reference_data import read_table
from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class IndustryReading:
    """An industry in the org's words. `is_gap` marks a label that has no value there: somebody may extend the table."""

    value: str | None = None
    is_gap: bool = False


_BLANK = IndustryReading()
_GAP = IndustryReading(is_gap=True)


@lru_cache(maxsize=CACHE_SIZE)
def read_industry(raw: str, vocabulary: frozenset[str] | None = None) -> IndustryReading:
    """Return the org's value for a label.

    Args:
        raw: A label of LinkedIn (old or new list), of a data provider in lower case, or of the org itself.
        vocabulary: Active picklist values of the org; without it the 32 standard values of Salesforce hold.
    """
    label = clean_text(raw)
    if label is None:
        return _BLANK
    key = fold(label)
    value = _by_fold(vocabulary).get(key) if vocabulary else None
    value = value or _reviewed().get(key) or None
    if value is None or (vocabulary is not None and value not in vocabulary):
        return _GAP
    return IndustryReading(value=value)


@cache
def _reviewed() -> dict[str, str]:
    """Folded label -> value; empty where the reviewers found that no value fits."""
    return {fold(row["label"]): row["industry"] for row in read_table("industries")}


@lru_cache(maxsize=8)  # one org, a few refreshed vocabularies
def _by_fold(vocabulary: frozenset[str]) -> dict[str, str]:
    return {fold(value): value for value in sorted(vocabulary)}

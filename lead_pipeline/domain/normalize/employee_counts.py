"""Size of an employer: a head count, or the band that Dievio and LinkedIn use."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text

#: Upper limit of each band and its name; the limits are those of Dievio's `employee_size` filter.
_BANDS = (
    (10, "1-10"), (50, "11-50"), (200, "51-200"), (500, "201-500"), (1_000, "501-1000"), (5_000, "1001-5000"),
    (10_000, "5001-10000"),
)  # fmt: skip
_OPEN_BAND = "10001+"
_OPEN_BAND_FLOOR = 10_000
_MOST_EMPLOYEES = 5_000_000  # the largest employer has 2.3 million
_NUMBER = r"(\d+(?:\.\d+)?)(k|m)?"
_SINGLE = re.compile(rf"[~≈>]?{_NUMBER}\+?")
_RANGE = re.compile(rf"{_NUMBER}(?:-|to|bis){_NUMBER}")
_GROUPING = re.compile(r"(?<=\d)[,.' ](?=\d{3}(?!\d))")
_WORDS = re.compile(r"\b(?:employees|employee|people|staff|mitarbeiter|myself only)\b", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}
#: What a spreadsheet makes of "1-10" and "11-50" when it takes them for dates.
_SPREADSHEET_DATES = {"jan-10": "1-10", "10-jan": "1-10", "nov-50": "11-50", "50-nov": "11-50"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeSize:
    """A head count where it was given, and always the band; `is_unreadable` marks a text that is no size."""

    count: int | None = None
    band: str | None = None
    is_unreadable: bool = False


_BLANK = EmployeeSize()
_UNREADABLE = EmployeeSize(is_unreadable=True)


@lru_cache(maxsize=CACHE_SIZE)
def read_employee_size(raw: str) -> EmployeeSize:
    """Return the size that a number, a number as text or a range stands for."""
    text = clean_text(raw)
    if text is None:
        return _BLANK
    compact = _compact(text)
    if (limits := _RANGE.fullmatch(compact)) is not None:
        return _read_range(_number(limits[1], limits[2]), _number(limits[3], limits[4]))
    if (single := _SINGLE.fullmatch(compact)) is None:
        return _UNREADABLE
    count = _number(single[1], single[2])
    if compact.endswith("+"):
        return EmployeeSize(band=_OPEN_BAND if count >= _OPEN_BAND_FLOOR else band_of(count + 1))
    return EmployeeSize(count=count, band=band_of(count)) if 0 < count <= _MOST_EMPLOYEES else _UNREADABLE


def band_of(count: int) -> str:
    """Return the band of a head count."""
    return next((name for limit, name in _BANDS if count <= limit), _OPEN_BAND)


def _compact(text: str) -> str:
    lowered = _WORDS.sub("", text.lower()).strip()
    lowered = _SPREADSHEET_DATES.get(lowered, lowered)
    joined = re.sub("[‐-―−]", "-", _GROUPING.sub("", lowered))  # noqa: RUF001  # every dash is a hyphen here
    return re.sub(r"\s", "", joined)


def _number(digits: str, unit: str | None) -> int:
    count = float(digits) * _FACTORS[unit or ""]
    return round(count) if math.isfinite(count) else _MOST_EMPLOYEES + 1


def _read_range(low: int, high: int) -> EmployeeSize:
    """Return the standard band of a range; another provider's range keeps its own limits as text."""
    if not 0 <= low < high <= _MOST_EMPLOYEES:
        return _UNREADABLE
    # "200-500" is meant as "201-500": the lower limit belongs to the band below.
    is_standard = band_of(low + 1) == band_of(high) and high in dict(_BANDS)
    return EmployeeSize(band=band_of(high) if is_standard else f"{low}-{high}")

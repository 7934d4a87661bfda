"""SOQL's date literals as half-open ranges of days.

Belongs here: calendar arithmetic in the org's zone (UTC); weeks begin on Sunday, fiscal years in January, as in a new
org. Comparing with them: compiler.py.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

Range = tuple[date, date]
_Shift = Callable[[date, int, int], Range]
_DAY: Final = timedelta(days=1)
_MONTHS: Final = 12


def period_range(name: str, count: int, *, today: date) -> Range:
    """First day and the day after the last of a date literal.

    Raises:
        OverflowError: the range leaves the calendar.
    """
    if name in PERIODS:
        return PERIODS[name](today)
    return PERIODS_WITH_COUNT[name](today, count)


def _days(today: date, first: int, last: int) -> Range:
    return today + first * _DAY, today + (last + 1) * _DAY


def _weeks(today: date, first: int, last: int) -> Range:
    sunday = today - ((today.weekday() + 1) % 7) * _DAY
    return sunday + timedelta(weeks=first), sunday + timedelta(weeks=last + 1)


def _months(today: date, first: int, last: int) -> Range:
    return _month_start(today, first), _month_start(today, last + 1)


def _quarters(today: date, first: int, last: int) -> Range:
    start = today.replace(month=(today.month - 1) // 3 * 3 + 1)
    return _month_start(start, 3 * first), _month_start(start, 3 * (last + 1))


def _years(today: date, first: int, last: int) -> Range:
    start = today.replace(month=1)
    return _month_start(start, _MONTHS * first), _month_start(start, _MONTHS * (last + 1))


def _month_start(day: date, step: int) -> date:
    years, month = divmod(day.month - 1 + step, _MONTHS)
    try:
        return date(day.year + years, month + 1, 1)
    except ValueError as error:
        raise OverflowError("the date leaves the calendar") from error


_UNITS: Final[Mapping[str, _Shift]] = MappingProxyType(
    {
        "WEEK": _weeks,
        "MONTH": _months,
        "QUARTER": _quarters,
        "YEAR": _years,
        "FISCAL_QUARTER": _quarters,
        "FISCAL_YEAR": _years,
    }
)


def _fixed(shift: _Shift, first: int, *, last: int) -> Callable[[date], Range]:
    return lambda today: shift(today, first, last)


def _counted(
    shift: Callable[[date, int, int], Range], bounds: Callable[[int], tuple[int, int]]
) -> Callable[[date, int], Range]:
    return lambda today, count: shift(today, *bounds(count))


def _periods() -> dict[str, Callable[[date], Range]]:
    table = {
        "YESTERDAY": _fixed(_days, -1, last=-1),
        "TODAY": _fixed(_days, 0, last=0),
        "TOMORROW": _fixed(_days, 1, last=1),
        "LAST_90_DAYS": _fixed(_days, -90, last=0),
        "NEXT_90_DAYS": _fixed(_days, 1, last=90),
    }
    for unit, shift in _UNITS.items():
        for word, step in (("LAST", -1), ("THIS", 0), ("NEXT", 1)):
            table[f"{word}_{unit}"] = _fixed(shift, step, last=step)
    return table


def _periods_with_count() -> dict[str, Callable[[date, int], Range]]:
    table = {
        "LAST_N_DAYS": _counted(_days, lambda count: (-count, 0)),
        "NEXT_N_DAYS": _counted(_days, lambda count: (1, count)),
        "N_DAYS_AGO": _counted(_days, lambda count: (-count, -count)),
    }
    for unit, shift in _UNITS.items():
        table[f"LAST_N_{unit}S"] = _counted(shift, lambda count: (-count, -1))
        table[f"NEXT_N_{unit}S"] = _counted(shift, lambda count: (1, count))
        table[f"N_{unit}S_AGO"] = _counted(shift, lambda count: (-count, -count))
    return table


PERIODS: Final[Mapping[str, Callable[[date], Range]]] = MappingProxyType(_periods())
PERIODS_WITH_COUNT: Final[Mapping[str, Callable[[date, int], Range]]] = MappingProxyType(_periods_with_count())

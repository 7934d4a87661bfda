"""Where a person is: city, state and country out of separate cells or out of one text.

Names and codes of countries and states are `countries`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from lead_pipeline.domain.normalize.countries import (
    GEORGIA,
    find_country,
    find_state,
    is_georgian_city,
    resolve_georgia,
)
from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place. `country` is an alpha-2 code; `is_guess` tells that a two-letter code could be read in two ways."""

    city: str | None = None
    state: str | None = None
    country: str | None = None
    postal_code: str | None = None
    is_guess: bool = False


_NOWHERE = Location()
_METRO = re.compile(r"^(?:greater\s+)?(.+?)(?:\s+(?:metropolitan|metro|bay))?(?:\s+(?:area|region))?$", re.IGNORECASE)
_POSTAL_CODE = re.compile(r"(?:[A-Z]{1,2}-)?\d{4,6}(?:-\d{3,4})?")
_POSTAL_CODE_BESIDE = re.compile(r"(?P<after>.+?)\s+(\d{5}(?:-\d{4})?)|(\d{4,5})\s+(?P<before>.+)")
_SEPARATOR = re.compile(r"\s*[,;|/]\s*|\s+[-–]\s+")  # noqa: RUF001  # the dash people really type
_CODE_LENGTH = 2  # letters of a state or country code
_REMOTE = frozenset({"remote", "worldwide", "global", "anywhere"})


def read_location(*, city: str | None, state: str | None, country: str | None, text: str | None) -> Location:
    """Return the place that separate cells name, completed from one text such as "Austin, TX".

    Args:
        city: Raw city.
        state: Raw state or region, name or code.
        country: Raw country, code or name in one of 20 languages.
        text: Raw location in one cell.
    """
    cells = _read_cells(city, state, country)
    if cells.city and cells.country:
        return cells
    whole = parse_location(text) if text else _NOWHERE
    if cells == _NOWHERE:
        return whole
    if cells.country and whole.country and cells.country != whole.country:
        return cells  # the text is about another place
    return Location(
        city=cells.city or whole.city,
        state=cells.state or whole.state,
        country=cells.country or whole.country,
        postal_code=whole.postal_code,
        is_guess=whole.is_guess and not cells.country,
    )


@lru_cache(maxsize=CACHE_SIZE)
def parse_location(raw: str) -> Location:
    """Return the place of one text: "city, state, country" with any part missing."""
    text = clean_text(raw)
    if text is None or fold(text) in _REMOTE:
        return _NOWHERE
    parts, postal_code = _split(text)
    if not parts:
        return Location(postal_code=postal_code)
    place = _parse_one(parts[0]) if len(parts) == 1 else _parse_many(parts)
    return replace(place, postal_code=postal_code)


@lru_cache(maxsize=CACHE_SIZE)
def _read_cells(city: str | None, state: str | None, country: str | None) -> Location:
    city_text, state_text, country_text = (clean_text(cell) if cell else None for cell in (city, state, country))
    code = find_country(country_text) if country_text else None
    code = resolve_georgia(code, city=city_text, state=state_text)
    if country_text is None and state_text and len(state_text) > _CODE_LENGTH and find_state(state_text, "US"):
        code = "US"
    return Location(
        city=capitalize_place(city_text) if city_text else None, state=_name_state(state_text, code), country=code
    )


def capitalize_place(text: str) -> str:
    """Return a place with capital initials where it came in lower case."""
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" ")) if text.islower() else text


def _split(text: str) -> tuple[list[str], str | None]:
    parts: list[str] = []
    postal_code = None
    for part in (piece for piece in _SEPARATOR.split(text) if piece):
        if _POSTAL_CODE.fullmatch(part):
            postal_code = part
        elif (match := _POSTAL_CODE_BESIDE.fullmatch(part)) is not None:
            parts.append(match["after"] or match["before"])
            postal_code = match[2] or match[3]
        else:
            parts.append(part)
    return parts, postal_code


def _parse_one(part: str) -> Location:
    if fold(part) != GEORGIA and (code := find_country(part)) and len(part) != _CODE_LENGTH:
        return Location(country=code)
    if len(part) == _CODE_LENGTH:
        # "CA" alone is California as often as Canada
        code = find_country(part)
        return Location(country=code) if code and not find_state(part, "US") else _NOWHERE
    if fold(part) == GEORGIA:
        return _NOWHERE
    if fold(part) != "new york" and (state := find_state(part, "US")):
        return Location(state=state, country="US")
    return Location(city=_name_city(part))


def _parse_many(parts: list[str]) -> Location:
    """Read the last part as country or US state, the first as city, the one before the last as state."""
    last = parts[-1]
    code = find_country(last)
    us_state = find_state(last, "US")
    if fold(last) == GEORGIA:
        code, us_state = ("GE", None) if is_georgian_city(parts[0]) else ("US", us_state)
    elif us_state and (len(last) == _CODE_LENGTH or code is None):
        return Location(
            city=_name_city(parts[0]),
            state=us_state,
            country="US",
            # "Berlin, DE" reads as Delaware here; the flag tells a person
            is_guess=code is not None,
        )
    if us_state and code == "US":
        return Location(city=_name_city(parts[0]), state=us_state, country="US")
    if code is None:
        return Location(city=_name_city(parts[0]), state=capitalize_place(last))
    return _with_country(parts[:-1], code)


def _with_country(parts: list[str], code: str) -> Location:
    if len(parts) > 1:
        return Location(city=_name_city(parts[0]), state=_name_state(parts[-1], code), country=code)
    # Many cities are regions of the same name; only in the US the text without a city means the state.
    state = find_state(parts[0], code) if code == "US" else None
    return Location(state=state, country=code) if state else Location(city=_name_city(parts[0]), country=code)


def _name_state(text: str | None, code: str | None) -> str | None:
    if text is None:
        return None
    return (find_state(text, code) if code else None) or capitalize_place(text)


def _name_city(text: str) -> str:
    match = _METRO.match(text)
    return capitalize_place(match[1] if match else text)

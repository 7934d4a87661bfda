"""Countries and their regions by any name: ISO 3166-1 alpha-2 codes, and the names of states.

How a whole location is read is `locations`.
"""

from __future__ import annotations

from functools import cache, lru_cache

import pycountry
from babel import Locale

from lead_pipeline.domain.normalize.text import CACHE_SIZE, fold

#: Languages in which people write country names; the reverse table of all of them has 3,800 entries.
_LANGUAGES = (
    "en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "hu", "ro", "tr", "ru", "uk", "ja",
    "zh",
)  # fmt: skip
_ALIASES = {
    "uk": "GB", "u k": "GB", "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "usa": "US", "u s a": "US", "u s": "US", "us of a": "US", "america": "US",
    "united states of america": "US", "russia": "RU", "turkey": "TR", "turkiye": "TR", "uae": "AE", "ivory coast": "CI",
    "south korea": "KR", "north korea": "KP", "korea": "KR", "czech republic": "CZ", "holland": "NL", "vietnam": "VN",
    "macedonia": "MK", "burma": "MM", "swaziland": "SZ", "cape verde": "CV", "hong kong": "HK", "macau": "MO",
    "taiwan": "TW", "palestine": "PS", "kosovo": "XK", "congo": "CG", "drc": "CD", "prc": "CN", "ksa": "SA",
}  # fmt: skip
#: A country name that is also a US state.
GEORGIA = "georgia"
_GEORGIAN_CITIES = frozenset({"tbilisi", "batumi", "kutaisi", "rustavi", "gori", "zugdidi", "poti"})
_UNNAMED = frozenset({"ZZ", "EU", "EZ", "UN", "QO", "XA", "XB"})  # territory codes of Babel that are no country


@lru_cache(maxsize=CACHE_SIZE)
def find_country(text: str) -> str | None:
    """Return the alpha-2 code of a country written as code or name in one of 20 languages, else None."""
    key = fold(text)
    return _codes().get(key) or _names().get(text.casefold().strip()) or _names().get(key)


def resolve_georgia(code: str | None, *, city: str | None, state: str | None) -> str | None:
    """Return US instead of GE where city and state say that the state is meant."""
    if code != "GE" or fold(city or "") in _GEORGIAN_CITIES:
        return code
    is_state = state is not None and find_state(state, "US") is not None
    return "US" if is_state else code


@lru_cache(maxsize=CACHE_SIZE)
def find_state(text: str, country: str) -> str | None:
    """Return the name of a state or region of a country by its code or exact name, else None."""
    return _states(country).get(fold(text))


def country_name(code: str) -> str:
    """Return the English name of a country."""
    return str(_english().get(code, code))


@cache
def country_codes() -> frozenset[str]:
    """Return every alpha-2 code that a country may get here."""
    return frozenset(_codes().values()) | frozenset(_names().values())


def is_georgian_city(city: str | None) -> bool:
    """Tell whether a city lies in the country Georgia."""
    return fold(city or "") in _GEORGIAN_CITIES


@cache
def _english() -> dict[str, str]:
    return dict(Locale("en").territories)


@cache
def _states(country: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for subdivision in pycountry.subdivisions.get(country_code=country) or ():  # type: ignore[no-untyped-call]
        found.setdefault(fold(subdivision.code.partition("-")[2]), subdivision.name)
        found.setdefault(fold(subdivision.name), subdivision.name)
    return found


@cache
def _codes() -> dict[str, str]:
    codes: dict[str, str] = {}
    for country in pycountry.countries:
        codes[country.alpha_2.lower()] = country.alpha_2
        codes[country.alpha_3.lower()] = country.alpha_2
    return codes | _ALIASES


@cache
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for language in _LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in _UNNAMED:  # noqa: PLR2004  # alpha-2; the rest are continents
                _add_name(names, name, code)
    for country in pycountry.countries:
        for attribute in ("name", "official_name", "common_name"):
            _add_name(names, getattr(country, attribute, ""), country.alpha_2)
    return names


def _add_name(names: dict[str, str], name: str, code: str) -> None:
    names.setdefault(name.casefold(), code)
    names.setdefault(fold(name), code)

"""The words a scenario is made of: names, companies, places and titles, from the files in `data/`.

Only reading is done here; choosing among the words is `population`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

DATA_FOLDER: Final = Path(__file__).parent / "data"

#: Letters that Unicode does not take apart into a base letter and a mark; German umlauts are written out as Germans do.
_LETTERS: Final = str.maketrans(
    {
        "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "æ": "ae", "å": "a", "ł": "l", "đ": "d",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "A", "Ł": "L", "İ": "I",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Culture:
    """Given and family names that go together."""

    given: tuple[str, ...]
    family: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Country:
    """What addresses, phones and companies of a country look like; `#` in a pattern stands for a digit."""

    name: str
    code: str
    dial: str
    cultures: tuple[str, ...]
    culture_weights: tuple[int, ...]
    cities: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]
    phones: tuple[str, ...]
    postal: str
    legal_forms: tuple[str, ...]
    top_level_domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trade:
    """A line of business: word in a company's name, label at Dievio, picklist value in the org."""

    word: str
    industry: str
    picklist: str


@dataclass(frozen=True, slots=True)
class WordLists:
    """All words."""

    cultures: Mapping[str, Culture]
    countries: Mapping[str, Country]
    trades: tuple[Trade, ...]
    company_starts: tuple[str, ...]
    company_ends: tuple[str, ...]
    size_bands: tuple[str, ...]
    titles: Mapping[str, Mapping[str, Sequence[str]]]


def read_data(name: str) -> Any:  # noqa: ANN401 - JSON; each reader gives its part a type
    """Read one data file of this package."""
    return json.loads((DATA_FOLDER / name).read_text("utf-8"))


@cache
def load_word_lists() -> WordLists:
    """Read and type all word lists, once per process."""
    companies = read_data("companies.json")
    return WordLists(
        cultures={
            name: Culture(tuple(words["given"]), tuple(words["family"]))
            for name, words in read_data("names.json").items()
        },
        countries={name: _read_country(name, raw, companies) for name, raw in read_data("places.json").items()},
        trades=tuple(Trade(**raw) for raw in companies["trades"]),
        company_starts=tuple(companies["starts"]),
        company_ends=tuple(companies["ends"]),
        size_bands=tuple(companies["size_bands"]),
        titles=read_data("titles.json"),
    )


def _read_country(name: str, raw: Mapping[str, Any], companies: Mapping[str, Any]) -> Country:
    return Country(
        name=name,
        code=raw["code"],
        dial=raw["dial"],
        cultures=tuple(raw["cultures"]),
        culture_weights=tuple(raw["cultures"].values()),
        cities=tuple((city, region) for city, region in raw["cities"]),
        streets=tuple(raw["streets"]),
        phones=tuple(raw["phones"]),
        postal=raw["postal"],
        legal_forms=tuple(companies["legal_forms"][name]),
        top_level_domains=tuple(companies["top_level_domains"][name]),
    )


@cache
def fold(text: str) -> str:
    """Spell a Latin-script text in lower-case ASCII, as people do for e-mail addresses and profile addresses."""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(char for char in plain if char.isascii()).lower()


def slugify(text: str) -> str:
    """Fold a text and join its words by hyphens."""
    letters = "".join(char if char.isalnum() else " " for char in fold(text).replace("'", ""))
    return "-".join(letters.split())

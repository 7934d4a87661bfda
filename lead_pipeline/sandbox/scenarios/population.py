"""Invented people and companies, varied as in life and unique where a chance likeness would be a false match.

What a person looks like in a Dievio row is `dievio_rows`, in the org `org_draft`.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import count
from typing import Final

from lead_pipeline.sandbox.scenarios.word_lists import Country, Trade, WordLists, fold, slugify

MAX_NAME_LIKENESS: Final = 0.6  # share of common letters; colleagues above it could pass for a near name (.88 and up)
NAME_ATTEMPTS: Final = 200  # a company has a handful of people, so a free name is found in the first few draws
SENIORITIES: Final = ("cxo", "vp", "director", "manager", "senior")
_SLUG_DIGITS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """An employer. `name` is its name without the legal form; no two companies share one."""

    name: str
    legal_form: str
    domain: str
    trade: Trade
    employees: int
    country: Country
    city: str
    region: str
    street: str
    postal_code: str

    @property
    def legal_name(self) -> str:
        """Name as registered."""
        return f"{self.name}{self.legal_form}" if self.legal_form.startswith(",") else f"{self.name} {self.legal_form}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person at an employer. `slug` is the profile name at LinkedIn, `dievio_id` an id where rows carry one."""

    given: str
    family: str
    company: Company
    title: str
    seniority: str
    department: str
    email: str
    phone: str  # as people of the country write it
    phone_e164: str
    slug: str
    dievio_id: str | None = None

    @property
    def country(self) -> Country:
        """Where the person works."""
        return self.company.country

    @property
    def external_id(self) -> str:
        """The id a sync gives this person: Dievio's own where there is one, else the profile."""
        return self.dievio_id or f"li-{hashlib.sha256(self.slug.encode()).hexdigest()[:24]}"


class Population:
    """Draws companies and people and keeps the book of what is taken."""

    def __init__(self, rng: random.Random, words: WordLists) -> None:
        self._rng = rng
        self._words = words
        self._company_names: set[str] = set()
        self._family_names: dict[str, list[str]] = defaultdict(list)
        self._emails: set[str] = set()
        self._phone_counts: dict[str, count[int]] = defaultdict(count)
        self._house_numbers = count(1)

    def company(self, country_name: str, *, trades: Sequence[Trade] = ()) -> Company:
        """Found a company under a name that no other company has."""
        rng, country = self._rng, self._words.countries[country_name]
        trade = rng.choice(trades or self._words.trades)
        stem = self._free_stem(trade)
        city, region = rng.choice(country.cities)
        name = f"{stem} {trade.word}"
        joint = rng.choice(("", "-", ""))
        return Company(
            name=name,
            legal_form=rng.choice(country.legal_forms),
            domain=f"{slugify(stem)}{joint}{slugify(trade.word)}.{rng.choice(country.top_level_domains)}",
            trade=trade,
            employees=int(rng.lognormvariate(5.0, 1.4)) + 3,
            country=country,
            city=city,
            region=region,
            street=rng.choice(country.streets).format(n=next(self._house_numbers), m=rng.randint(1, 9)),
            postal_code=_fill_digits(country.postal, rng.randrange(10**6)),
        )

    def person(
        self,
        company: Company,
        *,
        seniority: str | None = None,
        department: str | None = None,
        name: tuple[str, str] | None = None,
    ) -> Person:
        """Hire a person whose name resembles nobody else's at the company, unless a name is given."""
        rng = self._rng
        level = seniority or rng.choice(SENIORITIES)
        field = department or rng.choice(tuple(self._words.titles))
        given, family = name or self._free_name(company)
        self._family_names[company.domain].append(fold(family))
        phone, phone_e164 = self._phone(company.country)
        return Person(
            given=given,
            family=family,
            company=company,
            title=rng.choice(self._words.titles[field][level]),
            seniority=level,
            department=field,
            email=self._free_email(given, family, company.domain),
            phone=phone,
            phone_e164=phone_e164,
            slug=f"{slugify(given)}-{slugify(family)}-{rng.randrange(16**_SLUG_DIGITS):0{_SLUG_DIGITS}x}",
        )

    def phone(self, country_name: str) -> tuple[str, str]:
        """Give a number of another country: as written there, and in E.164."""
        return self._phone(self._words.countries[country_name])

    def name_of(self, culture: str) -> tuple[str, str]:
        """Draw a given and a family name of one culture."""
        names = self._words.cultures[culture]
        return self._rng.choice(names.given), self._rng.choice(names.family)

    def free_email(self, given: str, family: str, domain: str) -> str:
        """Give an address at a domain that nobody else has."""
        return self._free_email(given, family, domain)

    def _free_stem(self, trade: Trade) -> str:
        while True:
            stem = self._rng.choice(self._words.company_starts) + self._rng.choice(self._words.company_ends)
            if (name := f"{stem} {trade.word}") not in self._company_names:
                self._company_names.add(name)
                return stem

    def _free_name(self, company: Company) -> tuple[str, str]:
        taken = self._family_names[company.domain]
        for _ in range(NAME_ATTEMPTS):
            culture = self._rng.choices(company.country.cultures, company.country.culture_weights)[0]
            given, family = self.name_of(culture)
            folded = fold(family)
            if folded == fold(given):
                continue  # "Thomas Thomas" exists, but reads as a test entry
            if all(SequenceMatcher(None, folded, other).ratio() < MAX_NAME_LIKENESS for other in taken):
                return given, family
        raise ValueError(f"no free name left at a company of {len(taken)} people")

    def _free_email(self, given: str, family: str, domain: str) -> str:
        first, last = slugify(given), slugify(family)
        local = self._rng.choice((f"{first}.{last}", f"{first[:1]}.{last}", f"{first}{last[:1]}", f"{first}_{last}"))
        address = f"{local}@{domain}"
        for number in count(2):
            if address not in self._emails:
                break
            address = f"{local}{number}@{domain}"
        self._emails.add(address)
        return address

    def _phone(self, country: Country) -> tuple[str, str]:
        number = next(self._phone_counts[country.code])
        pattern = country.phones[number % len(country.phones)]
        written = _fill_digits(pattern, number // len(country.phones))
        digits = "".join(char for char in written if char.isdigit())
        keeps_zero = country.code == "IT"  # Italian numbers keep their trunk zero abroad
        return written, f"+{country.dial}{digits if keeps_zero else digits.removeprefix('0')}"


def _fill_digits(pattern: str, number: int) -> str:
    """Put a running number into the `#` places of a pattern, leading zeros included."""
    digits = iter(str(number).rjust(pattern.count("#"), "0")[-pattern.count("#") :])
    return "".join(next(digits) if char == "#" else char for char in pattern)

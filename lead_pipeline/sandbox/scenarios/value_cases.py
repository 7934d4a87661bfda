"""Cases about wrong or odd values: how a cell is written, not whom the row is about.

The cells are data, `data/wrong_values.json`: per case the outcome and per row the overrides, in which `{name}` stands
for a value of the person. `holds` says what the record must hold afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from lead_pipeline.sandbox.scenarios.dievio_rows import canonical_linkedin_url
from lead_pipeline.sandbox.scenarios.population import Person
from lead_pipeline.sandbox.scenarios.scenario import CaseOutcome, CaseRule
from lead_pipeline.sandbox.scenarios.stage import Case, Play, Stage
from lead_pipeline.sandbox.scenarios.word_lists import read_data, slugify

#: How a known person is found, and what the org then leaves blank.
_KNOWN_BLANKS: Final[Mapping[str, tuple[str, ...]]] = {"email": ("Phone",), "linkedin": ("Phone", "Email")}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongRow:
    """One odd row: overrides of a tidy row, and what must come out."""

    row: Mapping[str, object]
    holds: Mapping[str, object]
    segment: int
    name: tuple[str, str] | None
    phone_of: str | None


def load_value_cases() -> tuple[Case, ...]:
    """Read the cases of the data file."""
    return tuple(_read_case(raw) for raw in read_data("wrong_values.json"))


def _read_case(raw: Mapping[str, Any]) -> Case:
    known_by = raw.get("known_by")
    rows = [_read_row(row, turn) for turn, row in enumerate(raw["rows"])]
    return Case(
        name=raw["case"],
        outcome=CaseOutcome(raw["outcome"]),
        play=partial(_play, rows, known_by),
        count=len(rows),
        segments=tuple(row.segment for row in rows),
        rule=CaseRule(known_by) if known_by else None,
        reason=raw.get("reason"),
        note=raw.get("note", ""),
    )


def _read_row(raw: Mapping[str, Any], turn: int) -> WrongRow:
    return WrongRow(
        row=raw["row"],
        holds=raw.get("holds", {}),
        segment=raw.get("segment", turn),
        name=(raw["name"][0], raw["name"][1]) if "name" in raw else None,
        phone_of=raw.get("phone_of"),
    )


def _play(rows: list[WrongRow], known_by: str | None, stage: Stage, turn: int) -> Play:
    wrong = rows[turn]
    person = stage.newcomer(wrong.segment, name=wrong.name)
    if wrong.phone_of is not None:
        phone, phone_e164 = stage.population.phone(wrong.phone_of)
        person = replace(person, phone=phone, phone_e164=phone_e164)
    cells = _cells(person)
    blanks = _KNOWN_BLANKS.get(known_by or "", ())
    return Play(
        row=stage.row(person, **{key: _fill(value, cells) for key, value in wrong.row.items()}),
        target_id=_known_lead(stage, person, blanks) if known_by else None,
        changed_fields=blanks,
        set_fields=tuple((field, _fill(value, cells)) for field, value in wrong.holds.items()),
    )


def _known_lead(stage: Stage, person: Person, blanks: tuple[str, ...]) -> str:
    profile = canonical_linkedin_url(person.slug) if "Email" in blanks else None
    return stage.org.add_lead(person, LinkedIn_URL__c=profile, **dict.fromkeys(blanks))


def _fill(value: object, cells: Mapping[str, str]) -> object:
    return value.format_map(cells) if isinstance(value, str) else value


def _cells(person: Person) -> dict[str, str]:
    """Name the values that a template may use."""
    company, national = person.company, "".join(char for char in person.phone if char.isdigit())
    return {
        "given": person.given,
        "family": person.family,
        "GIVEN": person.given.upper(),
        "FAMILY": person.family.upper(),
        "given_slug": slugify(person.given),
        "family_slug": slugify(person.family),
        "title": person.title,
        "company": company.name,
        "legal_name": company.legal_name,
        "company_slug": slugify(company.name),
        "domain": company.domain,
        "email": person.email,
        "EMAIL": person.email.upper(),
        "slug": person.slug,
        "SLUG": person.slug.upper(),
        "digits": str(int(person.slug[-6:], 16)).rjust(8, "0"),
        "phone": person.phone,
        "e164": person.phone_e164,
        "e164_digits": person.phone_e164[1:],
        "dial": person.country.dial,
        "national_digits": national,
        "after_trunk": national.removeprefix("0"),
    }

"""The people of a scenario as the second provider of contact data knows them: most of them, with other gaps.

What it says of a person is told by the provider's object inside Dievio's row; how sure it is, by the person's position.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

UNKNOWN_EVERY: Final = 5  # of so many people one is not known to it
NO_LINE_EVERY: Final = 3  # of so many one has no direct line
LOWEST_SCORE: Final = 60
SCORE_STEPS: Final = 40  # scores run from the lowest one to 99

#: Key of the provider's object -> key of the person.
_NAMES: Final[Mapping[str, str]] = {
    "first_name": "given_name",
    "last_name": "family_name",
    "work_email": "work_address",
    "mobile_phone": "direct_line",
    "job_title": "position",
    "linkedin_url": "profile",
}
_EMPLOYER: Final[Mapping[str, str]] = {
    "job_company_name": "name",
    "job_company_website": "domain",
    "job_company_size": "headcount",
}
_PLACE: Final[Mapping[str, str]] = {
    "location_locality": "town",
    "location_region": "region",
    "location_country": "country",
}


def build_contact_people(rows: Iterable[object]) -> list[dict[str, Any]]:
    """Return the people of Dievio's rows as the second provider sells them; each profile once."""
    known: dict[str, dict[str, Any]] = {}
    for position, row in enumerate(rows):
        raw = row.get("raw") if isinstance(row, Mapping) else None
        if not isinstance(raw, Mapping) or position % UNKNOWN_EVERY == 0:
            continue
        profile = raw.get("linkedin_url")
        if isinstance(profile, str):
            known.setdefault(profile, _person(raw, position))
    return list(known.values())


def _person(raw: Mapping[str, Any], position: int) -> dict[str, Any]:
    person = _pick(raw, _NAMES)
    if position % NO_LINE_EVERY == 0:
        person.pop("direct_line", None)
    for key in ("given_name", "family_name", "position"):
        if isinstance(person.get(key), str):
            person[key] = person[key].title()
    score = LOWEST_SCORE + position % SCORE_STEPS
    scores = {key: score for key in ("work_address", "direct_line", "position") if key in person}
    return person | {"employer": _pick(raw, _EMPLOYER), "place": _pick(raw, _PLACE), "confidence": scores}


def _pick(raw: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: raw[key] for key, name in names.items() if raw.get(key) is not None}

"""A person as a row of Dievio: flat keys as in the vendor's field table, with the looseness real rows show.

Location comes as object or text, head count as number, text or band, source as text or object; under `raw` lies the
provider's own object, lower case and without schemes. Rows that are wrong on purpose are made in `value_cases`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from lead_pipeline.sandbox.scenarios.population import Person

_BANDS: Final = (
    (10, "1-10"), (50, "11-50"), (200, "51-200"), (500, "201-500"),
    (1_000, "501-1000"), (5_000, "1001-5000"), (10_000, "5001-10000"),
)  # fmt: skip
_LARGEST_BAND: Final = "10001+"

#: Row key -> key in the provider's object. What is wrong in the row is wrong there too, so that no value is rescued.
RAW_KEYS: Final[Mapping[str, str]] = {
    "first_name": "first_name",
    "last_name": "last_name",
    "full_name": "full_name",
    "email": "work_email",
    "phone": "mobile_phone",
    "job_title": "job_title",
    "company_name": "job_company_name",
    "company_domain": "job_company_website",
    "linkedin_url": "linkedin_url",
    "industry": "job_company_industry",
    "employee_count": "job_company_size",
}


def iso(moment: datetime) -> str:
    """Write a UTC moment as Dievio does."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def size_band(employees: int) -> str:
    """Name the size band of a head count."""
    return next((band for ceiling, band in _BANDS if employees <= ceiling), _LARGEST_BAND)


def canonical_linkedin_url(slug: str) -> str:
    """Write a profile address in full."""
    return f"https://www.linkedin.com/in/{slug}"


def plain_row(person: Person, enriched_at: datetime) -> dict[str, object]:
    """Write a person as a tidy row without the provider's object."""
    company = person.company
    row: dict[str, object] = {
        "first_name": person.given,
        "last_name": person.family,
        "full_name": f"{person.given} {person.family}",
        "email": person.email,
        "email_status": "verified",
        "phone": person.phone_e164,
        "job_title": person.title,
        "company_name": company.legal_name,
        "company_domain": company.domain,
        "linkedin_url": canonical_linkedin_url(person.slug),
        "location": {"locality": company.city, "region": company.region, "country": company.country.name},
        "industry": company.trade.industry,
        "employee_count": company.employees,
        "source": {"provider": "linkedin", "collected_at": iso(enriched_at)},
        "last_enriched_at": iso(enriched_at),
    }
    if person.dievio_id is not None:
        row["id"] = person.dievio_id
    return row


def loosen(row: dict[str, object], person: Person, rng: random.Random) -> dict[str, object]:
    """Rewrite some values of a tidy row in other shapes that mean the same."""
    company = person.company
    shapes: Mapping[str, tuple[object, ...]] = {
        "location": (
            row["location"],
            f"{company.city}, {company.region}, {company.country.name}",
            {"locality": company.city, "country": company.country.name},
        ),
        "employee_count": (company.employees, size_band(company.employees), str(company.employees)),
        "source": (row["source"], "linkedin", {"provider": "web", "collected_at": row["last_enriched_at"]}),
        "phone": (person.phone_e164, person.phone, f"tel:{person.phone_e164}"),
        "linkedin_url": (
            row["linkedin_url"],
            f"linkedin.com/in/{person.slug}",
            f"http://www.linkedin.com/in/{person.slug}/",
        ),
        "email": (person.email, person.email, person.email.title()),
        "company_domain": (company.domain, company.domain, f"https://www.{company.domain}/"),
    }
    return row | {key: rng.choice(values) for key, values in shapes.items()}


def with_provider_object(
    row: Mapping[str, object], person: Person, *, overrides: Mapping[str, object]
) -> dict[str, object]:
    """Lay overrides over a row and add the provider's object, which agrees with them."""
    final = {**row, **overrides}
    raw = _provider_object(person)
    for key, value in overrides.items():
        if (raw_key := RAW_KEYS.get(key)) is not None:
            raw[raw_key] = value.lower() if isinstance(value, str) else value
    if "linkedin_url" in overrides:
        raw["linkedin_username"] = None
    if isinstance(extra := overrides.get("raw"), Mapping):
        raw.update(extra)
    final["raw"] = {key: value for key, value in raw.items() if value is not None}
    return final


def _provider_object(person: Person) -> dict[str, object]:
    company = person.company
    places = (company.city.lower(), company.region.lower(), company.country.name.lower())
    return {
        "first_name": person.given.lower(),
        "last_name": person.family.lower(),
        "full_name": f"{person.given} {person.family}".lower(),
        "job_title": person.title.lower(),
        "job_title_role": person.department,
        "job_title_levels": [person.seniority],
        "job_company_name": company.name.lower(),
        "job_company_website": company.domain,
        "job_company_industry": company.trade.industry.lower(),
        "job_company_size": size_band(company.employees),
        "location_name": ", ".join(places),
        "location_locality": places[0],
        "location_region": places[1],
        "location_country": places[2],
        "work_email": person.email,
        "mobile_phone": person.phone_e164,
        "linkedin_url": f"linkedin.com/in/{person.slug}",
        "linkedin_username": person.slug,
    }

"""The row shapes in which a person may come: nobody documents Dievio's, so every plausible one can be chosen.

`article` is the vendor's field table with the provider's object under `raw`; `pdl` the flat rows of the sibling search;
`lookup` those of the sibling profile lookup; `messy` is `article` with the defects that real rows show.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

from lead_pipeline.sandbox.dievio_api.people import Person

Row = dict[str, Any]

SIZE_BANDS = ("1-10", "11-50", "51-200", "201-500", "501-1000", "1001-5000", "5001-10000", "10001+")
_BAND_FLOORS = (1, 11, 51, 201, 501, 1001, 5001, 10001)
LONG_TITLE_REPEATS = 12  # more than the 128 characters that Salesforce keeps of a title
FOREIGN_INDUSTRY = "Interplanetary Logistics"  # in no picklist of any org


def size_band(employee_count: int | None) -> str | None:
    """Return the band that a head count falls into."""
    if employee_count is None:
        return None
    return SIZE_BANDS[bisect_right(_BAND_FLOORS, max(employee_count, 1)) - 1]


def render_article(person: Person) -> Row:
    """Render the vendor's published field table, with the provider's object under `raw`."""
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "full_name": person.full_name,
        "email": person.email,
        "email_status": person.email_status,
        "phone": person.phone,
        "job_title": person.job_title,
        "company_name": person.company_name,
        "linkedin_url": _profile_url(person),
        "location": {"locality": person.locality, "region": person.region, "country": person.country},
        "industry": person.industry,
        "company_domain": person.company_domain,
        "employee_count": person.employee_count,
        "source": {"provider": "dievio", "collected_at": person.last_enriched_at},
        "last_enriched_at": person.last_enriched_at,
        "raw": _provider_object(person),
    }


def render_pdl(person: Person) -> Row:
    """Render the flat rows of the sibling search: the provider's names, its values as they are."""
    return {
        "full_name": person.full_name,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "job_title": person.job_title,
        "job_company_name": person.company_name,
        "job_company_website": person.company_domain,
        "job_company_size": size_band(person.employee_count),
        "industry": person.industry,
        "location_country": person.country,
        "location_region": person.region,
        "location_locality": person.locality,
        "work_email": person.email,
        "email_status": person.email_status,
        "personal_emails": list(person.personal_emails),
        "mobile_phone": person.phone,
        "linkedin_url": _bare_profile_url(person),
        "raw": _provider_object(person),
    }


def render_lookup(person: Person) -> Row:
    """Render the rows of the sibling profile lookup."""
    return {
        "linkedin_url": _profile_url(person),
        "linkedin_username": person.linkedin_slug,
        "full_name": person.full_name,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "job_title": person.job_title,
        "company": person.company_name,
        "company_website": person.company_domain and f"https://www.{person.company_domain}",
        "work_email": person.email,
        "email_status": person.email_status,
        "personal_emails": list(person.personal_emails),
        "personal_emails_count": len(person.personal_emails),
        "has_email": bool(person.email or person.personal_emails),
        "mobile_phone": person.phone,
        "has_phone": bool(person.phone),
        "location_name": ", ".join(part for part in (person.locality, person.region, person.country) if part) or None,
        "job_company_industry": person.industry,
        "job_company_size": size_band(person.employee_count),
    }


def render_messy(person: Person, position: int) -> Row:
    """Render an article row with one of the defects, chosen by the person's position in the pool."""
    defect = DEFECTS[position % len(DEFECTS)]
    return defect(render_article(person), person)


def _blank_last_name(row: Row, _person: Person) -> Row:
    return row | {"last_name": "  "}


def _full_name_only(row: Row, _person: Person) -> Row:
    return {key: value for key, value in row.items() if key not in {"first_name", "last_name"}}


def _placeholder_mail(row: Row, person: Person) -> Row:
    return row | {"email": f"email_not_unlocked@{person.company_domain or 'domain.com'}"}


def _long_title(row: Row, person: Person) -> Row:
    return row | {"job_title": " / ".join([person.job_title or "Manager of Everything"] * LONG_TITLE_REPEATS)}


def _size_as_range(row: Row, person: Person) -> Row:
    return row | {"employee_count": size_band(person.employee_count)}


def _location_as_text(row: Row, person: Person) -> Row:
    parts = (person.locality, person.region, person.country)
    return row | {"location": ", ".join(part for part in parts if part)}


def _changed_mail(row: Row, person: Person) -> Row:
    """Give a person who is also in the pool another address, as after a change of the mail domain."""
    local = (person.email or "someone@").partition("@")[0]
    return row | {"email": f"{local}@mail.{person.company_domain or 'example.com'}"}


def _foreign_industry(row: Row, _person: Person) -> Row:
    return row | {"industry": FOREIGN_INDUSTRY}


DEFECTS: tuple[Callable[[Row, Person], Row], ...] = (
    _blank_last_name,
    _full_name_only,
    _placeholder_mail,
    _long_title,
    _size_as_range,
    _location_as_text,
    _changed_mail,
    _foreign_industry,
)

PROFILES: Mapping[str, Callable[[Person, int], Row]] = {
    "article": lambda person, _position: render_article(person),
    "pdl": lambda person, _position: render_pdl(person),
    "lookup": lambda person, _position: render_lookup(person),
    "messy": render_messy,
}


def _provider_object(person: Person) -> Row:
    """Return the data provider's own record: lower case, addresses without a scheme."""
    return {
        "full_name": _lower(person.full_name),
        "first_name": _lower(person.first_name),
        "last_name": _lower(person.last_name),
        "job_title": _lower(person.job_title),
        "job_title_levels": [person.seniority] if person.seniority else [],
        "job_title_role": person.department,
        "inferred_salary": person.inferred_salary,
        "job_company_name": _lower(person.company_name),
        "job_company_website": person.company_domain,
        "job_company_size": size_band(person.employee_count),
        "job_company_industry": _lower(person.industry),
        "job_company_inferred_revenue": person.company_revenue,
        "job_company_business_model": person.business_model,
        "job_company_last_funding_year": person.funding_year,
        "job_company_location_locality": _lower(person.company_locality),
        "job_company_location_region": _lower(person.company_region),
        "job_company_location_country": _lower(person.company_country),
        "location_locality": _lower(person.locality),
        "location_region": _lower(person.region),
        "location_country": _lower(person.country),
        "work_email": person.email,
        "personal_emails": list(person.personal_emails),
        "mobile_phone": person.phone,
        "linkedin_url": _bare_profile_url(person),
        "linkedin_username": person.linkedin_slug,
    }


def _lower(value: str | None) -> str | None:
    return value and value.lower()


def _profile_url(person: Person) -> str | None:
    return person.linkedin_slug and f"https://www.linkedin.com/in/{person.linkedin_slug}"


def _bare_profile_url(person: Person) -> str | None:
    return person.linkedin_slug and f"linkedin.com/in/{person.linkedin_slug}"

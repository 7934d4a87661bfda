"""The twenty filters of a search: different filters all have to hold, values within one are alternatives.

What a row says about a filter is read from the keys that the row profiles use, in the row and in its provider object.
A row that says nothing about a filter passes it unless the switch `silent_rows` says otherwise: rows put in by hand are
rarely complete, and rows that are no objects would never be served.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lead_pipeline.sandbox.dievio_api.profiles import SIZE_BANDS, size_band

RAW_KEYS = ("raw", "_raw", "raw_data")
Test = Callable[[str, str], bool]


def _equals(value: str, wanted: str) -> bool:
    return value == wanted


def _contains(value: str, wanted: str) -> bool:
    return wanted in value


def _same_host(value: str, wanted: str) -> bool:
    return _host(value) == _host(wanted)


def _same_band(value: str, wanted: str) -> bool:
    return (size_band(int(value)) if value.isdigit() else value) == wanted


def _not_before(value: str, wanted: str) -> bool:
    return value[:4] >= wanted


def _not_after(value: str, wanted: str) -> bool:
    return value[:4] <= wanted


def _host(address: str) -> str:
    return re.sub(r"^(https?://)?(www\.)?", "", address).partition("/")[0]


@dataclass(frozen=True)
class Filter:
    """One filter: where a row says something about it, and when a value passes.

    Attributes:
        paths: Dotted paths into the row and into its provider object.
        test: Compares a value of the row with a wanted one, both lower case.
        is_list: Whether the request gives alternatives, or one text.
        values: The documented values; empty for free text.
        location_part: Which part of a location written as one text counts: first, middle or last.
    """

    paths: tuple[str, ...]
    test: Test = _equals
    is_list: bool = True
    values: tuple[str, ...] = ()
    location_part: str = ""


SENIORITIES = ("owner", "cxo", "partner", "vp", "director", "manager", "senior", "entry", "training", "unpaid")
DEPARTMENTS = (
    "engineering", "sales", "marketing", "finance", "operations", "human_resources", "product", "design", "data",
    "legal", "customer_service", "consulting", "business_development", "education",
)  # fmt: skip
BUSINESS_MODELS = ("b2b", "b2c", "b2b2c", "marketplace", "saas", "ecommerce")

_INDUSTRY = ("industry", "job_company_industry")
_FUNDING = ("funding_date", "last_funding_date", "job_company_last_funding_year")

FILTERS: Mapping[str, Filter] = {
    "first_name": Filter(("first_name",), is_list=False),
    "last_name": Filter(("last_name",), is_list=False),
    "job_titles": Filter(("job_title", "title"), test=_contains),
    "job_title_seniority": Filter(("seniority", "job_title_seniority", "job_title_levels"), values=SENIORITIES),
    "job_departments": Filter(("department", "job_department", "job_title_role"), values=DEPARTMENTS),
    "employee_size": Filter(("employee_count", "employee_size", "job_company_size"), _same_band, values=SIZE_BANDS),
    "company_revenue": Filter(("company_revenue", "revenue", "job_company_inferred_revenue")),
    "person_location_country": Filter(("location_country", "country", "location.country"), location_part="last"),
    "person_location_region": Filter(
        ("location_region", "region", "location.region", "location.state"), location_part="middle"
    ),
    "person_location_locality": Filter(
        ("location_locality", "city", "location.locality", "location.city"), location_part="first"
    ),
    "industries": Filter(_INDUSTRY),
    "industry_keywords": Filter((*_INDUSTRY, "keywords", "company_description"), test=_contains),
    "inferred_salary": Filter(("inferred_salary",)),
    "business_model": Filter(("business_model", "job_company_business_model"), values=BUSINESS_MODELS),
    "company_location_country": Filter(("company_country", "job_company_location_country")),
    "company_location_region": Filter(("company_region", "job_company_location_region")),
    "company_location_locality": Filter(("company_locality", "job_company_location_locality")),
    "company_websites": Filter(("company_domain", "company_website", "job_company_website"), test=_same_host),
    "funding_start_date": Filter(_FUNDING, test=_not_before, is_list=False),
    "funding_end_date": Filter(_FUNDING, test=_not_after, is_list=False),
}

#: Nobody is found by a name that a row does not have, whatever `silent_rows` says.
PERSON_FILTERS = frozenset({"first_name", "last_name"})


def wanted_values(filters: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the filters of a request that ask for something, their values in lower case."""
    wanted: dict[str, tuple[str, ...]] = {}
    for name in FILTERS.keys() & filters.keys():
        given = filters[name]
        values = tuple(_texts(given if isinstance(given, list) else [given]))
        if values:
            wanted[name] = values
    return wanted


def passes(row: object, wanted: Mapping[str, tuple[str, ...]], *, silent_rows_pass: bool) -> bool:
    """Whether a row meets all wanted filters."""
    for name, alternatives in wanted.items():
        rule = FILTERS[name]
        said = _said(row, rule)
        if not said:
            if silent_rows_pass and name not in PERSON_FILTERS:
                continue
            return False
        if not any(rule.test(value, alternative) for value in said for alternative in alternatives):
            return False
    return True


def _said(row: object, rule: Filter) -> list[str]:
    """Return what a row says about a filter, in its own keys and in its provider object."""
    if not isinstance(row, Mapping):
        return []
    documents = (row, *(row.get(key) for key in RAW_KEYS))
    said = [text for document in documents for path in rule.paths for text in _texts(_at(document, path))]
    return said + _location_part(row.get("location"), rule.location_part)


def _at(document: object, path: str) -> object:
    for key in path.split("."):
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def _texts(value: object) -> list[str]:
    """Return the texts in a value: itself, or the items of a list; blanks are none."""
    items = value if isinstance(value, (list, tuple)) else [value]
    texts = (str(item).strip().lower() for item in items if isinstance(item, (str, int, float)))
    return [text for text in texts if text]


def _location_part(location: object, part: str) -> list[str]:
    """Return the part of a location written as "city, region, country"; a middle exists only in three parts."""
    if not part or not isinstance(location, str):
        return []
    parts = [piece.strip().lower() for piece in location.split(",") if piece.strip()]
    chosen = {"first": parts[:1], "middle": parts[1:-1], "last": parts[-1:]}
    return chosen[part]

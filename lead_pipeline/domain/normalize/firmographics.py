"""Where and as what a person works: title, place and employer of a row. The rules of each are in the modules beside."""

from __future__ import annotations

from lead_pipeline.domain.normalize.cells import Cells
from lead_pipeline.domain.normalize.countries import country_name
from lead_pipeline.domain.normalize.domains import company_domain, normalize_website
from lead_pipeline.domain.normalize.employee_counts import read_employee_size
from lead_pipeline.domain.normalize.industries import read_industry
from lead_pipeline.domain.normalize.locations import capitalize_place, read_location
from lead_pipeline.domain.normalize.titles import (
    DEPARTMENTS,
    SENIORITIES,
    clean_title,
    derive_department,
    derive_seniority,
)


def read_firmographics(cells: Cells, *, industries: frozenset[str] | None) -> None:
    """Put title, place and employer.

    Args:
        cells: The row.
        industries: Active values of the org's industry picklist.
    """
    _read_title(cells)
    _read_place(cells)
    _read_domain(cells)
    _read_industry(cells, industries)
    _read_size(cells)


def _read_title(cells: Cells) -> None:
    raw = cells.text("title")
    title = clean_title(raw) if raw else None
    cells.put("title", title)
    for name, vocabulary, derive in (
        ("seniority", SENIORITIES, derive_seniority),
        ("department", DEPARTMENTS, derive_department),
    ):
        given = (cells.text(name) or "").lower().replace(" ", "_")
        if given in vocabulary:
            cells.put(name, given)
        elif title is not None:
            cells.put(name, derive(title), came_from="title")


def _read_place(cells: Cells) -> None:
    country = cells.text("country")
    place = read_location(
        city=cells.text("city"), state=cells.text("state"), country=country, text=cells.text("location")
    )
    for name, value in (("city", place.city), ("state", place.state), ("country", place.country)):
        cells.put(name, value, came_from=name if cells.text(name) else "location")
    if place.country is not None:
        cells.put("country_name", country_name(place.country))
    elif country is not None:
        cells.remark("country_unknown")
    if place.is_guess:
        cells.remark("location_ambiguous")
    cells.put("postal_code", cells.text("postal_code") or place.postal_code)
    street = cells.text("street")
    cells.put("street", capitalize_place(street) if street else None)


def _read_domain(cells: Cells) -> None:
    for source in ("company_domain", "website"):
        raw = cells.text(source)
        if raw is None:
            continue
        domain = company_domain(raw)
        if domain is None:
            cells.remark("company_domain_unusable")
            continue
        if "company_domain" not in cells.values:
            cells.put("company_domain", domain, came_from=source)
        cells.put("website", normalize_website(raw), came_from=source)


def _read_industry(cells: Cells, industries: frozenset[str] | None) -> None:
    raw = cells.text("industry")
    if raw is None:
        return
    reading = read_industry(raw, industries)
    cells.put("industry", reading.value)
    if reading.is_gap:
        cells.remark("industry_not_in_vocabulary")


def _read_size(cells: Cells) -> None:
    raw = cells.text("employee_count")
    if raw is None:
        return
    size = read_employee_size(raw)
    cells.put("employee_count", size.count)
    cells.put("employee_band", size.band, came_from="employee_count")
    if size.is_unreadable:
        cells.remark("employee_count_unreadable")

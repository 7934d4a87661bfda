"""The twenty documented filters, on rendered people and on rows put in by hand."""

from typing import Any

import pytest

from lead_pipeline.sandbox.dievio_api.filters import FILTERS, passes, wanted_values
from lead_pipeline.sandbox.dievio_api.people import Person
from lead_pipeline.sandbox.dievio_api.profiles import PROFILES

PERSON = Person(
    first_name="Ada", last_name="Müller", job_title="VP of Sales Operations", seniority="vp", department="sales",
    inferred_salary="100,000-150,000", locality="Berlin", region="Brandenburg", country="Germany",
    company_name="Acme GmbH", company_domain="acme.de", company_locality="Paris", company_region="Île-de-France",
    company_country="France", company_revenue="10M-50M", business_model="saas", industry="Computer Software",
    employee_count=250, funding_year=2021, email="ada@acme.de",
)  # fmt: skip

# filter, a value that the person meets, one that it does not
CASES: list[tuple[str, Any, Any]] = [
    ("first_name", "ada", "Adam"),
    ("last_name", "MÜLLER", "Mull"),
    ("job_titles", ["sales operations"], ["engineer"]),
    ("job_title_seniority", ["vp"], ["cxo"]),
    ("job_departments", ["sales"], ["legal"]),
    ("employee_size", ["201-500"], ["51-200"]),
    ("company_revenue", ["10M-50M"], ["1M-10M"]),
    ("person_location_country", ["Germany"], ["France"]),
    ("person_location_region", ["brandenburg"], ["Bavaria"]),
    ("person_location_locality", ["Berlin"], ["Paris"]),
    ("industries", ["computer software"], ["software"]),
    ("industry_keywords", ["software"], ["hardware"]),
    ("inferred_salary", ["100,000-150,000"], ["<20,000"]),
    ("business_model", ["saas"], ["b2c"]),
    ("company_location_country", ["France"], ["Germany"]),
    ("company_location_region", ["Île-de-France"], ["Brandenburg"]),
    ("company_location_locality", ["paris"], ["Berlin"]),
    ("company_websites", ["https://www.acme.de/about"], ["acme.com"]),
    ("funding_start_date", "2021", "2022"),
    ("funding_end_date", "2021", "2020"),
]


def meets(row: object, **filters: Any) -> bool:
    return passes(row, wanted_values(filters), silent_rows_pass=False)


def test_all_twenty_filters_are_covered() -> None:
    assert {case[0] for case in CASES} == set(FILTERS)
    assert len(FILTERS) == 20


@pytest.mark.parametrize("profile", ["article", "pdl", "messy"])
@pytest.mark.parametrize(("name", "met", "missed"), CASES, ids=[case[0] for case in CASES])
def test_a_filter_keeps_what_it_asks_for_in_every_search_profile(
    profile: str, name: str, met: Any, missed: Any
) -> None:
    row = PROFILES[profile](PERSON, 4)

    assert meets(row, **{name: met})
    assert not meets(row, **{name: missed})


def test_values_of_one_filter_are_alternatives_and_filters_have_to_hold_together() -> None:
    row = PROFILES["article"](PERSON, 0)

    assert meets(row, job_departments=["legal", "sales"], person_location_country=["Germany"])
    assert not meets(row, job_departments=["legal", "sales"], person_location_country=["France"])


@pytest.mark.parametrize("empty", [[], "", None, ["  "]])
def test_an_empty_filter_asks_for_nothing(empty: Any) -> None:
    assert meets({}, job_titles=empty)


LOCATIONS: list[tuple[object, str, str]] = [
    ("Berlin, Brandenburg, Germany", "person_location_country", "Germany"),
    ("Berlin, Brandenburg, Germany", "person_location_region", "Brandenburg"),
    ("Berlin, Brandenburg, Germany", "person_location_locality", "Berlin"),
    ("Germany", "person_location_country", "Germany"),
    ({"city": "Berlin", "country": "Germany"}, "person_location_locality", "Berlin"),
    ({"state": "Brandenburg"}, "person_location_region", "Brandenburg"),
]


@pytest.mark.parametrize(("location", "name", "value"), LOCATIONS)
def test_a_location_is_understood_as_text_and_as_object(location: object, name: str, value: str) -> None:
    assert meets({"location": location}, **{name: [value]})
    assert not meets({"location": location}, **{name: ["Elsewhere"]})


@pytest.mark.parametrize("size", [250, "250", "201-500"])
def test_a_head_count_may_be_a_number_a_text_or_a_band(size: object) -> None:
    assert meets({"employee_count": size}, employee_size=["201-500", "1-10"])


def test_two_funding_years_make_a_range() -> None:
    row = {"last_funding_date": "2021-06-30"}

    assert meets(row, funding_start_date="2020", funding_end_date="2022")
    assert not meets(row, funding_start_date="2022", funding_end_date="2023")

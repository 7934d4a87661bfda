"""The row shapes: one person, told in the words of each."""

from typing import Any

import pytest

from lead_pipeline.sandbox.dievio_api.people import Person
from lead_pipeline.sandbox.dievio_api.profiles import DEFECTS, PROFILES, SIZE_BANDS, render_messy, size_band
from lead_pipeline_tests.sandbox.dievio_api.conftest import Dievio

PERSON = Person(
    first_name="Ada", last_name="Byron", email="ada@acme.de", email_status="verified", personal_emails=("ada@home.de",),
    phone="+4930123", job_title="CTO", seniority="cxo", department="engineering", linkedin_slug="ada-byron",
    locality="Berlin", region="Brandenburg", country="Germany", company_name="Acme GmbH", company_domain="acme.de",
    industry="Software", employee_count=42, last_enriched_at="2026-10-01T00:00:00Z",
)  # fmt: skip

# profile -> key -> value, the words in which each profile tells the same
TOLD: dict[str, dict[str, Any]] = {
    "article": {
        "email": "ada@acme.de", "phone": "+4930123", "company_name": "Acme GmbH", "company_domain": "acme.de",
        "employee_count": 42, "linkedin_url": "https://www.linkedin.com/in/ada-byron",
        "location": {"locality": "Berlin", "region": "Brandenburg", "country": "Germany"},
        "last_enriched_at": "2026-10-01T00:00:00Z",
    },
    "pdl": {
        "work_email": "ada@acme.de", "mobile_phone": "+4930123", "job_company_name": "Acme GmbH",
        "job_company_website": "acme.de", "job_company_size": "11-50", "linkedin_url": "linkedin.com/in/ada-byron",
        "location_country": "Germany",
    },
    "lookup": {
        "work_email": "ada@acme.de", "mobile_phone": "+4930123", "company": "Acme GmbH", "personal_emails_count": 1,
        "has_email": True, "has_phone": True, "linkedin_username": "ada-byron",
        "location_name": "Berlin, Brandenburg, Germany",
    },
}  # fmt: skip


@pytest.mark.parametrize("profile", TOLD)
def test_a_profile_tells_a_person_in_its_own_words(profile: str) -> None:
    row = PROFILES[profile](PERSON, 0)

    assert {key: row[key] for key in TOLD[profile]} == TOLD[profile]


def test_the_providers_object_is_in_lower_case_and_without_schemes() -> None:
    raw = PROFILES["article"](PERSON, 0)["raw"]

    assert (raw["full_name"], raw["job_title_levels"], raw["job_company_size"]) == ("ada byron", ["cxo"], "11-50")
    assert raw["linkedin_url"] == "linkedin.com/in/ada-byron"


def test_each_messy_row_has_a_defect_of_its_own() -> None:
    clean = PROFILES["article"](PERSON, 0)

    defects = [
        frozenset(key for key in clean if render_messy(PERSON, position).get(key, "absent") != clean[key])
        for position in range(len(DEFECTS))
    ]

    assert frozenset() not in defects
    assert len(set(defects)) == len(DEFECTS) - 1  # a placeholder and a changed address are both defects of the e-mail


@pytest.mark.parametrize(
    ("count", "band"),
    [(0, "1-10"), (1, "1-10"), (10, "1-10"), (11, "11-50"), (5000, "1001-5000"), (10_001, "10001+"), (10**6, "10001+")],
)
def test_a_head_count_falls_into_its_documented_band(count: int, band: str) -> None:
    assert size_band(count) == band
    assert band in SIZE_BANDS


def test_somebody_of_whom_nothing_is_known_can_be_rendered() -> None:
    assert all(render(Person(), 0) for render in PROFILES.values())


@pytest.mark.parametrize("profile", PROFILES)
def test_the_profile_of_a_search_is_chosen_by_switch(dievio: Dievio, profile: str) -> None:
    dievio.sell_people({"first_name": "Ada", "last_name": "Byron"})
    dievio.switch(search_profile=profile)

    row = dievio.found(include_phones=True)[0]

    assert row == PROFILES[profile](Person(first_name="Ada", last_name="Byron"), 0)

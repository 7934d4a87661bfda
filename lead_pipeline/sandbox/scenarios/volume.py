"""Scenarios of any size for benchmarks: clean leads in one segment, made fast.

Every lead has an employer of its own, so that nobody resembles anybody. Ugly rows are `demo`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Final

from lead_pipeline.sandbox.salesforce_org.ids import make_id
from lead_pipeline.sandbox.scenarios.dievio_rows import canonical_linkedin_url, iso
from lead_pipeline.sandbox.scenarios.org_draft import salesforce_time
from lead_pipeline.sandbox.scenarios.scenario import (
    CaseLabel,
    CaseOutcome,
    CaseRule,
    DemoScenario,
    SegmentRows,
    label_key,
)
from lead_pipeline.sandbox.scenarios.word_lists import WordLists, load_word_lists, slugify

VOLUME_SEED: Final = 7
VOLUME_NIGHT: Final = date(2026, 11, 21)
VOLUME_SEGMENT: Final = "volume"
_COUNTRY: Final = "United States"
_FILTERS: Final = {"person_location_country": [_COUNTRY], "job_title_seniority": ["manager"]}
_OWNER_ID: Final = make_id("005", 1)
_LINES_PER_AREA: Final = 1_000_000
_FIRST_LINE: Final = 5_550_000  # exchanges from 555 upwards
_AREA_CODES: Final = ("212", "512", "415", "206", "617", "303", "312", "404")


def build_volume_scenario(
    leads: int,
    *,
    seed: int = VOLUME_SEED,
    known_share: float = 0.0,
    org_leads: int = 0,
    partition_on: date = VOLUME_NIGHT,
) -> DemoScenario:
    """Build a large clean scenario.

    Args:
        leads: number of rows Dievio sells.
        seed: start of all random choices.
        known_share: share (0 to 1) of the rows whose person is in the org by e-mail, without a phone.
        org_leads: number of further leads in the org, none of them sold.
        partition_on: UTC day of the night; everything lies before it.
    """
    enriched_at = datetime.combine(partition_on, time(), tzinfo=UTC) - timedelta(days=2)
    people = _people(random.Random(seed), load_word_lists())
    sold = list(islice(people, leads))
    known = sold[: round(leads * known_share)]
    strangers = list(islice(people, org_leads))
    saved = salesforce_time(enriched_at - timedelta(days=30))
    records = [_lead(number, person, saved) for number, person in enumerate((*known, *strangers), start=1)]
    for record in records[: len(known)]:
        del record["Phone"]
    stamp = iso(enriched_at)
    return DemoScenario(
        org_records={"User": [_owner(saved)], "Lead": records},
        dievio_rows=[_row(person, stamp) for person in sold],
        segments=(
            SegmentRows(
                name=VOLUME_SEGMENT,
                description="Clean leads for measurements",
                filters=_FILTERS,
                email_status="all",
                row_indexes=tuple(range(leads)),
            ),
        ),
        labels={label_key(VOLUME_SEGMENT, index): _label(index, len(known), records) for index in range(leads)},
    )


class _VolumePerson:
    """The few values a volume row is made of."""

    __slots__ = ("company", "domain", "email", "family", "given", "phone", "slug")

    def __init__(self, number: int, given: str, family: str, company: str) -> None:
        self.given = given
        self.family = family
        self.company = f"{company} {number}"
        self.domain = f"{slugify(company)}-{number}.com"
        self.slug = f"{slugify(given)}-{slugify(family)}-{number:x}"
        self.email = f"{slugify(given)}.{slugify(family)}@{self.domain}"
        area, line = divmod(number, _LINES_PER_AREA)
        self.phone = f"+1{_AREA_CODES[area]}{_FIRST_LINE + line}"


def _people(rng: random.Random, words: WordLists) -> Iterator[_VolumePerson]:
    """Draw people without end; the running number keeps them apart."""
    given = [name for culture in words.cultures.values() for name in culture.given]
    family = [name for culture in words.cultures.values() for name in culture.family]
    stems = [f"{start}{end}" for start in words.company_starts for end in words.company_ends]
    trades = [trade.word for trade in words.trades]
    companies = [f"{stem} {trade}" for stem in stems for trade in trades[:3]]
    number = 0
    while True:
        yield _VolumePerson(number, rng.choice(given), rng.choice(family), rng.choice(companies))
        number += 1


def _row(person: _VolumePerson, stamp: str) -> dict[str, object]:
    return {
        "first_name": person.given,
        "last_name": person.family,
        "full_name": f"{person.given} {person.family}",
        "email": person.email,
        "email_status": "verified",
        "phone": person.phone,
        "job_title": "Operations Manager",
        "company_name": f"{person.company} Inc.",
        "company_domain": person.domain,
        "linkedin_url": canonical_linkedin_url(person.slug),
        "location": {"locality": "Austin", "region": "Texas", "country": _COUNTRY},
        "industry": "Computer Software",
        "employee_count": 120,
        "source": {"provider": "linkedin", "collected_at": stamp},
        "last_enriched_at": stamp,
        "raw": {
            "job_title_role": "operations",
            "job_title_levels": ["manager"],
            "location_country": "united states",
            "linkedin_url": f"linkedin.com/in/{person.slug}",
        },
    }


def _lead(number: int, person: _VolumePerson, saved: str) -> dict[str, object]:
    return {
        "Id": make_id("00Q", number),
        "FirstName": person.given,
        "LastName": person.family,
        "Company": f"{person.company} Inc.",
        "Title": "Operations Manager",
        "Email": person.email,
        "Phone": person.phone,
        "Website": f"https://www.{person.domain}",
        "Status": "Open - Not Contacted",
        "IsConverted": False,
        "IsDeleted": False,
        "OwnerId": _OWNER_ID,
        "CreatedById": _OWNER_ID,
        "CreatedDate": saved,
        "LastModifiedById": _OWNER_ID,
        "LastModifiedDate": saved,
        "SystemModstamp": saved,
    }


def _owner(saved: str) -> dict[str, object]:
    return {
        "Id": _OWNER_ID,
        "FirstName": "Volume",
        "LastName": "Owner",
        "Name": "Volume Owner",
        "Username": "volume.owner@sandbox.example",
        "Email": "volume.owner@sandbox.example",
        "Alias": "volume",
        "UserType": "Standard",
        "IsActive": True,
        "CreatedDate": saved,
        "LastModifiedDate": saved,
        "SystemModstamp": saved,
    }


def _label(index: int, known_count: int, records: list[dict[str, object]]) -> CaseLabel:
    if index >= known_count:
        return CaseLabel(case="new_lead", row_index=index, outcome=CaseOutcome.CREATED)
    return CaseLabel(
        case="known_with_a_blank",
        row_index=index,
        outcome=CaseOutcome.UPDATED,
        rule=CaseRule.EMAIL,
        target_id=str(records[index]["Id"]),
        changed_fields=("Phone",),
    )

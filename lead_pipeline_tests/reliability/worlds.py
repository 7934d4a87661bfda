"""What Dievio sells and what the org holds when a night begins, from about seventy rows to ten thousand.

The small world is played hundreds of times, and every outcome occurs in it: new people, known people with a blank, an
unclear one for review, copies and a row for quarantine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.segments import Segment, parse_segments
from lead_pipeline.sandbox.scenarios.demo import build_demo_scenario
from lead_pipeline.sandbox.scenarios.volume import VOLUME_SEGMENT, build_volume_scenario
from lead_pipeline.services.writing.limits import WriteLimits

NEW_PEOPLE: Final = 44
KNOWN_PEOPLE: Final = 20
SMALL_PAGE_ROWS: Final = 16  # five pages: a first, some in the middle and a last one
LARGE_PAGE_ROWS: Final = 100
COPIES: Final = 3
COUNTRY: Final = "United States"
SALES_PEOPLE: Final = 3

#: Small calls, so that each kind of write has a first, a middle and a last one.
SMALL_CALLS: Final = WriteLimits(collection_records=12, composite_records=6)
#: The same batch through Bulk jobs: four of them.
SMALL_JOBS: Final = WriteLimits(bulk_threshold=10, bulk_job_rows=12, composite_records=6)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What Dievio sells and what the org holds before the first night.

    Attributes:
        rows: What Dievio sells.
        records: Object name -> records of the org.
        segments: The saved searches that find them.
        new_emails: People whom the org does not know and who must have one record afterwards.
        known_ids: Records of people who are sold, their phone blank.
    """

    rows: tuple[object, ...]
    records: Mapping[str, list[Row]]
    segments: tuple[Segment, ...]
    new_emails: tuple[str, ...] = ()
    known_ids: tuple[str, ...] = ()

    @property
    def credit_budget(self) -> int:
        """Credits that a night may spend."""
        return sum(segment.credit_budget for segment in self.segments)


def build_small_world() -> World:
    """Build the world of the kill runs; it is the same every time."""
    scenario = build_volume_scenario(NEW_PEOPLE + KNOWN_PEOPLE, known_share=KNOWN_PEOPLE / (NEW_PEOPLE + KNOWN_PEOPLE))
    rows = [dict(row) for row in scenario.dievio_rows if isinstance(row, dict)]
    known, new = rows[:KNOWN_PEOPLE], rows[KNOWN_PEOPLE:]
    leads, owners = scenario.org_records["Lead"], scenario.org_records["User"]
    copies = [dict(row) for row in new[1 : 1 + COPIES]]
    sold = (*new[:10], *known, *new[10:], *copies, _without_last_name(new[-1]))
    return World(
        rows=sold,
        records={"User": [*owners, *_sales_people(owners[0])], "Lead": [*leads, _unclear_twin(new[0], leads[0])]},
        segments=(_segment(len(sold), page_rows=SMALL_PAGE_ROWS),),
        new_emails=tuple(str(row["email"]) for row in new[1:]),
        known_ids=tuple(str(lead["Id"]) for lead in leads),
    )


def build_volume_world(leads: int, *, known_share: float) -> World:
    """Build a world of clean leads, a share of them in the org without a phone."""
    scenario = build_volume_scenario(leads, known_share=known_share)
    records, owners = scenario.org_records["Lead"], scenario.org_records["User"]
    emails = [str(row["email"]) for row in scenario.dievio_rows if isinstance(row, dict)]
    return World(
        rows=tuple(scenario.dievio_rows),
        records={"User": [*owners, *_sales_people(owners[0])], "Lead": records},
        segments=(_segment(leads, page_rows=LARGE_PAGE_ROWS),),
        new_emails=tuple(emails[len(records) :]),
        known_ids=tuple(str(record["Id"]) for record in records),
    )


def build_demo_world() -> World:
    """Build the world of the demo command: a thousand ugly rows in three saved searches."""
    scenario = build_demo_scenario()
    return World(
        rows=tuple(scenario.dievio_rows),
        records=scenario.org_records,
        segments=parse_segments(load_document("segments")),
    )


def _segment(rows: int, *, page_rows: int) -> Segment:
    return Segment(
        name=VOLUME_SEGMENT,
        filters={"person_location_country": [COUNTRY]},
        rows_per_night=-(-rows // page_rows) * page_rows,
        credit_budget=rows * 4,
        page_size=page_rows,
        include_phones=True,
    )


def _unclear_twin(row: Row, pattern: Row) -> Row:
    """A lead of the same name and company as a row, without the address that would tell whether it is the person."""
    return {
        **{name: value for name, value in pattern.items() if name not in {"Email", "Phone", "Website"}},
        "Id": f"{pattern['Id'][:11]}9999",
        "FirstName": row["first_name"],
        "LastName": row["last_name"],
        "Company": row["company_name"],
    }


def _without_last_name(row: Row) -> Row:
    kept = {name: value for name, value in row.items() if name not in {"last_name", "full_name", "linkedin_url", "raw"}}
    return {**kept, "email": "nobody.in.particular@nameless-firm.com"}


def _sales_people(pattern: Mapping[str, Any]) -> list[Row]:
    return [
        {
            **pattern,
            "Id": f"0055e000000010{place}",
            "FirstName": "Sam",
            "LastName": f"Seller {place}",
            "Name": f"Sam Seller {place}",
            "Username": f"seller{place}@sandbox.example",
            "Email": f"seller{place}@sandbox.example",
            "Alias": f"sell{place}",
            "Department": "Sales",
            "Country": "US",
        }
        for place in range(SALES_PEOPLE)
    ]

"""The story of one seed: the people, the batches of three days, the org before, and how rough it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from lead_pipeline_tests.simulation.clock import BEGINNING
from lead_pipeline_tests.simulation.memory_tables import MemoryTables
from lead_pipeline_tests.simulation.org import HOLDING_QUEUE_ID, REP, Org
from lead_pipeline_tests.simulation.plans import record_keys

FIRST_DAY, SECOND_DAY, THIRD_DAY = "2026-05-04", "2026-05-05", "2026-05-06"
INTAKE = "intake-2026-05-04"  # what came by webhook while the first night was written
FAULT_RATES = (0.05, 0.15, 0.30)
INTAKE_SHARE = 0.4  # of the people
UPDATE_JOB_SHARE = 0.2  # of the stories: many updates at once are worth a job
GUARDED_SHARE = 0.8  # of those
GIVEN_NAMES = ("Lena", "Omar", "Ines", "Paul", "Mira", "Jonas", "Aiko", "Tomas")
HOLDING_QUEUE = "Dievio_Holding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody Dievio knows, sometimes under two ids."""

    number: int
    lead_ids: tuple[str, ...]

    @property
    def record(self) -> dict[str, str]:
        """What a rep who meets this person types in."""
        return {
            "FirstName": GIVEN_NAMES[self.number % len(GIVEN_NAMES)],
            "LastName": f"Probe{self.number}",
            "Email": f"probe{self.number}@firm{self.number}.example",
        }

    def spell(self, lead_id: str) -> str:
        """Return the address as it is spelled under one of the person's ids."""
        address = self.record["Email"]
        return address if lead_id.endswith("a") else address.capitalize()

    def values(self, lead_id: str, day: int) -> dict[str, str]:
        """What Dievio delivers on a day; titles and industries change with time."""
        return {
            "dievio_lead_id": lead_id,
            "first_name": self.record["FirstName"],
            "last_name": self.record["LastName"],
            "email": self.spell(lead_id),
            "title": f"title {self.number} of day {day}",
            "phone": f"phone {self.number}",
            "website": f"https://firm{self.number}.example",
            "industry": f"industry {self.number} of day {day}",
            "source": "Dievio search",
        }


def person_of(lead_id: str) -> str:
    """Return who a lead is in truth, whatever our books take it for."""
    return lead_id[:-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is drawn once for a seed."""

    people: tuple[Person, ...]
    fault_rate: float
    database_fault_rate: float
    crash_count: int
    act_count: int
    has_two_workers: bool
    has_bulk: bool
    collection_records: int  # per call
    has_duplicate_rule: bool
    has_holding_queue: bool
    calls_allowed: int | None
    skew_seconds: float


def draw_scenario(random: Random) -> Scenario:
    """Draw the story of a seed."""
    people = tuple(
        Person(
            number=number, lead_ids=tuple(f"lead-{number}{tail}" for tail in ("a", "b")[: 1 + (random.random() < 0.15)])
        )
        for number in range(1, random.randint(3, 5) + 1)
    )
    return Scenario(
        people=people,
        fault_rate=random.choice(FAULT_RATES),
        database_fault_rate=random.choice((0.0, 0.0, 0.02, 0.05)),
        crash_count=random.randint(0, 4),
        act_count=random.randint(2, 10),
        has_two_workers=random.random() < 0.6,
        has_bulk=random.random() < 0.25,
        collection_records=random.choice((1, 2, 3)),
        has_duplicate_rule=random.random() < 0.3,
        has_holding_queue=random.random() < 0.5,
        calls_allowed=random.choice((None, None, None, None, 60)),
        skew_seconds=random.choice((0.0, 0.0, -600.0, 600.0, random.uniform(-5, 5))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Which ways of the product a story takes beside those that every story takes."""

    update_bulk_threshold: int | None  # None: updates travel one by one, with their condition
    has_guard: bool  # the org itself refuses what the mapping forbids


def draw_paths(seed: int) -> Paths:
    """Draw from a stream of its own, so that what the story's stream tells stays as it was."""
    random = Random(f"paths of {seed}")  # noqa: S311  # seeded randomness is the point
    has_update_jobs = random.random() < UPDATE_JOB_SHARE
    has_guard = random.random() < GUARDED_SHARE
    threshold = random.choice((0, 0, 1))
    return Paths(update_bulk_threshold=threshold if has_update_jobs else None, has_guard=has_update_jobs and has_guard)


def fill_org(org: Org, scenario: Scenario, random: Random) -> None:
    """Let reps have met some of the people long ago."""
    for person in scenario.people:
        if random.random() < 0.45:
            record = dict(person.record)
            if random.random() < 0.4:
                record["Title"] = f"known title {person.number}"
            org.insert("Lead" if random.random() < 0.8 else "Contact", record, user=REP)
    for record_of_org in org.records.values():
        record_of_org.modified_at = -86_400


def fill_roster(tables: MemoryTables, scenario: Scenario) -> None:
    """Make the holding queue known, where the org has one."""
    if scenario.has_holding_queue:
        tables.roster.put(
            HOLDING_QUEUE_ID,
            {
                "salesforce_id": HOLDING_QUEUE_ID,
                "kind": "queue",
                "name": "Holding",
                "developer_name": HOLDING_QUEUE,
                "is_active": True,
                "fields": {},
            },
        )


def deliver(tables: MemoryTables, batch_id: str, people: Sequence[Person], *, day: int) -> None:
    """Put a batch of normalized leads into the tables."""
    for person in people:
        for lead_id in person.lead_ids:
            _deliver_lead(tables, batch_id, person.values(lead_id, day), day=day)


def draw_intake(scenario: Scenario, random: Random) -> list[Person]:
    """Return who is delivered twice on the first day: mostly under another id, sometimes under the same."""
    return [
        Person(number=person.number, lead_ids=(f"lead-{person.number}{'d' if random.random() < 0.75 else 'a'}",))
        for person in scenario.people
        if random.random() < INTAKE_SHARE
    ]


def draw_second_day(scenario: Scenario, random: Random) -> list[Person]:
    """Return the people of the second day: some known, some new, some under their other id only."""
    again = [person for person in scenario.people if random.random() < 0.6]
    first_new = len(scenario.people) + 1
    new = [Person(number=number, lead_ids=(f"lead-{number}a",)) for number in range(first_new, first_new + 2)]
    renamed = [
        Person(number=person.number, lead_ids=(f"lead-{person.number}c",))
        for person in scenario.people
        if person not in again and random.random() < 0.3
    ]
    return again + new + renamed


def last_person(scenario: Scenario) -> Person:
    """Return the one person of the third day, whom nobody knows."""
    number = len(scenario.people) + 10
    return Person(number=number, lead_ids=(f"lead-{number}a",))


def _deliver_lead(tables: MemoryTables, batch_id: str, values: dict[str, Any], *, day: int) -> None:
    raw_lead_id = tables.next_number()
    tables.raw_lead.put((batch_id, raw_lead_id), {"batch_id": batch_id, "raw_lead_id": raw_lead_id})
    keys = record_keys(
        {
            "Email": values["email"],
            "Website": values["website"],
            "FirstName": values["first_name"],
            "LastName": values["last_name"],
        }
    )
    tables.lead.put(
        (batch_id, raw_lead_id),
        {
            "batch_id": batch_id,
            "raw_lead_id": raw_lead_id,
            "dievio_lead_id": values["dievio_lead_id"],
            "segment": "simulation",
            "duplicate_of_raw_lead_id": None,
            "field_values": values,
            "fetched_at": BEGINNING + timedelta(days=day),
            **keys,
        },
    )

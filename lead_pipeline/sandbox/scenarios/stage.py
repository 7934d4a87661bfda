"""The stage on which cases are played: puts rows into segments and records into the org, and labels each row.

A case says what happens (`match_cases`, `review_cases`, `value_cases`, `batch_cases`); this module only carries it out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from lead_pipeline.sandbox.scenarios.dievio_rows import loosen, plain_row, with_provider_object
from lead_pipeline.sandbox.scenarios.org_draft import OrgDraft
from lead_pipeline.sandbox.scenarios.population import SENIORITIES, Company, Person, Population
from lead_pipeline.sandbox.scenarios.scenario import CaseLabel, CaseOutcome, CaseRule

FRESH_DAYS: Final = (1, 6)  # age of what Dievio sells tonight
EARLIER_DAYS: Final = (20, 80)  # age of what an earlier sync brought; below the 90 days after which a record is stale
_ID_DIGITS: Final = 10
UNPLACED: Final = -1  # row index of a label until the pool has its final order


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPlan:
    """A saved search and the people it is about."""

    name: str
    description: str
    filters: Mapping[str, Sequence[str]]
    email_status: str

    @property
    def countries(self) -> Sequence[str]:
        """Where its people work."""
        return self.filters["person_location_country"]

    @property
    def seniorities(self) -> Sequence[str]:
        """Levels its people have."""
        return self.filters.get("job_title_seniority", SENIORITIES)

    @property
    def departments(self) -> Sequence[str]:
        """Departments its people work in; none listed means any."""
        return self.filters.get("job_departments", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One instance of a case: the row Dievio sells and what the case's label adds for it."""

    row: object
    target_id: str | None = None
    changed_fields: tuple[str, ...] = ()
    kept_fields: tuple[str, ...] = ()
    set_fields: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A situation with the outcome it must get.

    Attributes:
        name: name of the situation.
        outcome: where its rows must end.
        play: makes one instance; called `count` times with a running number.
        count: number of instances.
        segments: segment of each instance; in rotation unless given.
        rule: ladder step that must decide.
        reason: why, where the outcome alone does not tell.
        note: for people.
    """

    name: str
    outcome: CaseOutcome
    play: Callable[[Stage, int], Play]
    count: int = 3
    segments: tuple[int, ...] = ()
    rule: CaseRule | None = None
    reason: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A row with its segment, None for all; the label gets its row index when the pool is in order."""

    segment: str | None
    row: object
    label: CaseLabel


class Stage:
    """What cases work with."""

    def __init__(
        self,
        *,
        rng: random.Random,
        population: Population,
        org: OrgDraft,
        segments: Sequence[SegmentPlan],
        today: datetime,
    ) -> None:
        self.rng = rng
        self.population = population
        self.org = org
        self.segments = segments
        self.today = today
        self.staged: list[StagedRow] = []
        self._accounts: dict[str, str] = {}

    def run(self, case: Case) -> None:
        """Play a case as often as it asks for, in one segment after the other."""
        for turn in range(case.count):
            play = case.play(self, turn)
            label = CaseLabel(
                case=case.name,
                row_index=UNPLACED,
                outcome=case.outcome,
                reason=case.reason,
                rule=case.rule,
                target_id=play.target_id,
                changed_fields=play.changed_fields,
                kept_fields=play.kept_fields,
                set_fields=play.set_fields,
                note=case.note,
            )
            self.put(self.segment(case.segments[turn] if case.segments else turn), play.row, label)

    def put(self, segment: SegmentPlan | None, row: object, label: CaseLabel) -> None:
        """Add a row to a segment, or to every segment where none is given."""
        self.staged.append(StagedRow(None if segment is None else segment.name, row, label))

    def segment(self, turn: int) -> SegmentPlan:
        """Name the segment whose turn it is."""
        return self.segments[turn % len(self.segments)]

    def employer(self, turn: int) -> Company:
        """Found a company in a country of the segment whose turn it is."""
        return self.population.company(self.rng.choice(self.segment(turn).countries))

    def newcomer(
        self, turn: int, *, company: Company | None = None, name: tuple[str, str] | None = None, has_id: bool = False
    ) -> Person:
        """Draw a person whom the segment's filters find.

        Args:
            turn: running number; decides the segment.
            company: employer; a new one unless given.
            name: given and family name, drawn unless given.
            has_id: whether Dievio's rows of the person carry an explicit id.
        """
        segment, rng = self.segment(turn), self.rng
        person = self.population.person(
            company or self.employer(turn),
            seniority=rng.choice(segment.seniorities),
            department=rng.choice(segment.departments) if segment.departments else None,
            name=name,
        )
        return replace(person, dievio_id=f"dv_{rng.randrange(16**_ID_DIGITS):0{_ID_DIGITS}x}") if has_id else person

    def row(self, person: Person, **overrides: object) -> dict[str, object]:
        """Write a tidy row; overrides are as Dievio delivers them, right or wrong."""
        return with_provider_object(plain_row(person, self.fresh()), person, overrides=overrides)

    def loose_row(self, person: Person) -> dict[str, object]:
        """Write a row in one of the loose shapes rows come in."""
        return with_provider_object(loosen(plain_row(person, self.fresh()), person, self.rng), person, overrides={})

    def unchanged_row(self, person: Person, enriched_at: datetime, **overrides: object) -> dict[str, object]:
        """Write the row that Dievio already sold at an earlier refresh."""
        return with_provider_object(plain_row(person, enriched_at), person, overrides=overrides)

    def account(self, company: Company) -> str:
        """Give the account of a company, adding it on first use."""
        if company.domain not in self._accounts:
            self._accounts[company.domain] = self.org.add_account(company)
        return self._accounts[company.domain]

    def fresh(self) -> datetime:
        """Draw a moment of the last days."""
        return self._ago(*FRESH_DAYS)

    def earlier(self) -> datetime:
        """Draw the moment of an earlier refresh."""
        return self._ago(*EARLIER_DAYS)

    def _ago(self, fewest_days: int, most_days: int) -> datetime:
        return self.today - timedelta(seconds=self.rng.randint(fewest_days * 86_400, most_days * 86_400))

"""Cases about the batch itself: one person delivered more than once, and entries that are no row at all.

What happens between a row and the org is `match_cases` and `review_cases`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from lead_pipeline.sandbox.scenarios.population import Person
from lead_pipeline.sandbox.scenarios.scenario import CaseLabel, CaseOutcome
from lead_pipeline.sandbox.scenarios.stage import UNPLACED, Stage

DUPLICATE_REASON: Final = "duplicate_in_batch"
NOT_A_ROW: Final = ("upstream timeout while rendering row", None, 503)
_SPARSE: Final = {"phone": None, "job_title": None, "employee_count": None}


@dataclass(frozen=True, slots=True)
class Copies:
    """Two rows of one person; the second is older and has less."""

    first: object
    second: object
    first_outcome: CaseOutcome = CaseOutcome.CREATED
    target_id: str | None = None
    segments: tuple[int, int] | None = None  # of the two copies, where they differ


def play_batch_cases(stage: Stage) -> None:
    """Stage every case of this module."""
    for name, count, play in _COPY_CASES:
        for turn in range(count):
            _put_copies(stage, turn, name, play(stage, turn))
    for entry in NOT_A_ROW:
        label = CaseLabel(
            case="not_an_object", row_index=UNPLACED, outcome=CaseOutcome.QUARANTINE, reason="row_not_an_object"
        )
        stage.put(None, entry, label)


def _put_copies(stage: Stage, turn: int, case: str, copies: Copies) -> None:
    group = f"{case}-{turn}"
    first = CaseLabel(
        case=case, row_index=UNPLACED, outcome=copies.first_outcome, target_id=copies.target_id, group=group
    )
    second = CaseLabel(
        case=case,
        row_index=UNPLACED,
        outcome=CaseOutcome.SKIPPED,
        reason=DUPLICATE_REASON,
        target_id=copies.target_id,
        group=group,
    )
    here, there = copies.segments or (turn, turn)
    stage.put(stage.segment(here), copies.first, first)
    stage.put(stage.segment(there), copies.second, second)


def _older_row(stage: Stage, person: Person, **overrides: object) -> dict[str, object]:
    return stage.unchanged_row(person, stage.earlier(), **{**_SPARSE, **overrides})


def _twice(stage: Stage, turn: int) -> Copies:
    person = stage.newcomer(turn, has_id=turn % 2 == 0)
    return Copies(stage.row(person), _older_row(stage, person))


def _twice_without_profile(stage: Stage, turn: int) -> Copies:
    """The second copy shares the e-mail alone."""
    person = stage.newcomer(turn)
    return Copies(stage.row(person), _older_row(stage, person, linkedin_url=None))


def _twice_with_other_email(stage: Stage, turn: int) -> Copies:
    person = stage.newcomer(turn, has_id=turn % 2 == 0)
    former = stage.population.free_email(person.given, person.family, person.company.domain)
    return Copies(stage.row(person), _older_row(stage, replace(person, email=former)))


def _twice_and_known(stage: Stage, turn: int) -> Copies:
    person = stage.newcomer(turn)
    lead_id = stage.org.add_lead(person, Phone=None)
    return Copies(stage.row(person), _older_row(stage, person), CaseOutcome.UPDATED, lead_id)


def _in_two_segments(stage: Stage, turn: int) -> Copies:
    """The person moved: one search still finds the old place."""
    pairs = ((0, 1), (0, 2), (1, 2))  # the earlier segment comes first
    here, there = pairs[turn % len(pairs)]
    person, stranger = stage.newcomer(here), stage.newcomer(there)
    place = stranger.company
    company = replace(person.company, country=place.country, city=place.city, region=place.region)
    abroad = replace(person, company=company, seniority=stranger.seniority, department=stranger.department)
    return Copies(stage.row(person), _older_row(stage, abroad), segments=(here, there))


_COPY_CASES: Final[tuple[tuple[str, int, Callable[[Stage, int], Copies]], ...]] = (
    ("same_person_twice", 6, _twice),
    ("same_person_twice_by_email", 3, _twice_without_profile),
    ("same_person_twice_other_email", 4, _twice_with_other_email),
    ("same_known_person_twice", 3, _twice_and_known),
    ("same_person_in_two_segments", 6, _in_two_segments),
)

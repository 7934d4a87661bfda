"""Tries dead letters again: one, a group, or all. The stored payload is for people to read and is never sent again.

The write itself is `reworking`; a hand-over that was refused is routed and handed over anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lead_pipeline.domain.write_protocol import WritePurpose
from lead_pipeline.errors import NoLettersError
from lead_pipeline.services.reworking import Rework, ReworkSummary, rework_rows
from lead_pipeline.store import dead_letters, reopening
from lead_pipeline.store.database import Database
from lead_pipeline.store.dead_letters import LetterChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySummary:
    """What became of the letters that were tried again."""

    tried: int
    recovered: int  # letters that are closed now
    rework: ReworkSummary

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for people and machines."""
        return {"tried": self.tried, "recovered": self.recovered, **self.rework.as_metadata()}


def retry_letters(rework: Rework, choice: LetterChoice) -> ReplaySummary:
    """Try the open letters of a choice again.

    A letter that fails again stays open, with one more attempt and its new cause.

    Raises:
        NoLettersError: No open letter fits.
        WritesRefusedError: Salesforce refuses every write until somebody mends the org or the mapping.
    """
    with rework.database.transaction() as connection:
        letters = dead_letters.read_open(connection, choice)
        if not letters:
            raise NoLettersError
        given_up = {letter.dievio_lead_id for letter in letters if letter.stage == WritePurpose.SYNC}
        reopening.reopen_given_up(connection, given_up, at=rework.now())
    refused = [letter.batch_id for letter in letters if letter.stage == WritePurpose.HAND_OVER]
    summary = rework_rows(rework, also_end=refused)
    with rework.database.transaction() as connection:
        states = dead_letters.count_states(connection, [letter.dead_letter_id for letter in letters])
    return ReplaySummary(tried=len(letters), recovered=states["replayed"], rework=summary)


def discard_letters(database: Database, choice: LetterChoice, *, reason: str, by: str, at: datetime) -> int:
    """Give letters up for good, with a reason; their rows stay dead letters. Return how many.

    Raises:
        NoLettersError: No open letter fits.
    """
    with database.transaction() as connection:
        letters = dead_letters.read_open(connection, choice)
        if not letters:
            raise NoLettersError
        return dead_letters.discard(
            connection, [letter.dead_letter_id for letter in letters], reason=reason, by=by, at=at
        )

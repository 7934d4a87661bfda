"""The designs that are compared, each a module with `prepare`. How they are run and timed is `contestant_process`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Contestant(StrEnum):
    """A way to bring leads from Dievio into Salesforce."""

    PIPELINE = "pipeline"
    NAIVE_LOOP = "naive_loop"
    BLIND_UPSERT = "blind_upsert"


DESCRIPTIONS = {
    Contestant.PIPELINE: "the whole nightly job through Dagster: pull to run report",
    Contestant.NAIVE_LOOP: "simple-salesforce, per lead: query by e-mail, then update or create",
    Contestant.BLIND_UPSERT: "simple-salesforce bulk2, one upsert by external id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestantTask:
    """What one run has to do and where.

    Attributes:
        leads: Number of rows the search returns.
        filters: The search, in Dievio's names. The task carries it so that no contestant imports the sandbox for it.
        night_on: UTC day of the run, ISO 8601.
        home: Directory of the run's own state.
        database_url: Postgres database of the pipeline; the others keep nothing.
    """

    leads: int
    filters: Mapping[str, object]
    night_on: str
    salesforce_url: str
    client_id: str
    client_secret: str
    dievio_url: str
    dievio_api_key: str
    home: str
    database_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """How a run says it ended.

    Attributes:
        written: Records created or updated.
        refused: Rows that Salesforce refused.
        problem: Why the run did not end well; None when it did.
    """

    written: int
    refused: int = 0
    problem: str | None = None


class Work(Protocol):
    """A contestant that is ready to start: imported, signed in, everything open whose cost leads do not change."""

    def run(self) -> None:
        """Bring every row of the search into the org. This is what is timed."""

    def count(self) -> RowCounts:
        """Tell how the run ended."""


class ContestantModule(Protocol):
    """What a module of this package offers."""

    def prepare(self, task: ContestantTask) -> Work:
        """Return the contestant, ready to start."""

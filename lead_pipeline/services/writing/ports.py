"""What the write path needs from outside: Salesforce, clock, chance, ids, fresh plans, and places where it may die.

Everything that varies between production, tests and simulation enters here; the modules beside hold the order of work.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol
from uuid import UUID, uuid4

from lead_pipeline.domain.matching import LeadToMatch
from lead_pipeline.domain.record_answers import ConditionalUpdate, RecordAnswer
from lead_pipeline.domain.write_protocol import WritePurpose
from lead_pipeline.errors import ApiBudgetReachedError
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import Lease
from lead_pipeline.transport.retries import draw_chance

Clock = Callable[[], datetime]
Progress = Callable[[str, int, int], None]


class Usage(Protocol):
    """Calls of the org in its rolling day, as its last answer said."""

    @property
    def used(self) -> int:
        """Calls spent by everybody."""

    @property
    def allowed(self) -> int:
        """The org's allowance."""


class JobProgress(Protocol):
    """Where a Bulk job stands."""

    @property
    def is_final(self) -> bool:
        """Whether it will not change any more."""

    @property
    def state(self) -> str:
        """Salesforce's own word in lower case: open, upload_complete, in_progress, job_complete, failed, aborted."""

    @property
    def message(self) -> str:
        """Why it failed; empty otherwise."""

    @property
    def processed_count(self) -> int:
        """Rows worked on, failed ones included."""

    @property
    def failed_count(self) -> int:
        """Rows refused."""


class JobRow(Protocol):
    """One row of a Bulk result."""

    @property
    def row(self) -> Mapping[str, str]:
        """The columns as uploaded."""

    @property
    def answer(self) -> RecordAnswer:
        """What became of it."""


class CrmWriter(Protocol):
    """Salesforce, as far as writing needs it. A write call never raises once it may have been executed."""

    @property
    def usage(self) -> Usage | None:
        """The org's call counter, None before the first answer."""

    @property
    def server_time(self) -> datetime | None:
        """The server's clock at its last answer."""

    def query_many(self, soqls: Sequence[str], *, include_deleted: bool = False) -> list[list[dict[str, object]]]:
        """Answer several queries, in their order."""

    def insert_records(self, object_name: str, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        """Create records, one answer each in their order."""

    def update_conditionally(self, object_name: str, updates: Sequence[ConditionalUpdate]) -> list[RecordAnswer]:
        """Update records that nobody changed since they were read, one answer each in their order."""

    def create_bulk_job(self, object_name: str, operation: Literal["insert", "update"]) -> str:
        """Open a job; it does nothing before it is closed."""

    def upload_bulk_rows(self, job_id: str, records: Sequence[Mapping[str, object]]) -> None:
        """Upload the rows of a job, once."""

    def close_bulk_job(self, job_id: str) -> object:
        """Let the org begin."""

    def abort_bulk_job(self, job_id: str) -> object:
        """Stop a job; one that has ended stays as it ended."""

    def read_bulk_job(self, job_id: str) -> JobProgress:
        """Return where a job stands."""

    def read_bulk_results(self, job_id: str, kind: Literal["successful", "failed", "unprocessed"]) -> Iterator[JobRow]:
        """Yield the rows of one result file, in any order."""


class FreshPlans(Protocol):
    """The way back to reading and planning, before a write and after a refusal."""

    def refresh(self) -> None:
        """Read what changed in the org since the last look."""

    def refresh_targets(self, targets: Mapping[str, Collection[str]]) -> None:
        """Read some records by id (object -> ids) as they are now, and nothing else."""

    def replan(self, dievio_lead_ids: Collection[str]) -> None:
        """Match and plan these leads anew from what is known now."""

    def find_near_twins(self, creations: Sequence[LeadToMatch]) -> frozenset[str]:
        """Return those of some new leads that may be the person of an earlier one among them."""


class CrashPoint(StrEnum):
    """Named places where a process may die; tests die here, production passes through."""

    AFTER_SETTLING = "after_settling"
    AFTER_FRESH_READ = "after_fresh_read"
    BEFORE_INTENT_COMMIT = "before_intent_commit"
    AFTER_INTENT_COMMIT = "after_intent_commit"
    AFTER_JOB_CREATION = "after_job_creation"
    AFTER_JOB_UPLOAD = "after_job_upload"
    AFTER_JOB_CLOSE = "after_job_close"
    AFTER_ANSWER = "after_answer"
    AFTER_RESULT_COMMIT = "after_result_commit"
    IN_RECONCILIATION = "in_reconciliation"


def pass_through(_point: CrashPoint) -> None:
    """Do nothing: what production does at a crash point."""


def say_nothing(_stage: str, _done: int, _total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTools:
    """Clock, waiting, chance, ids and hooks."""

    now: Clock
    wait: Callable[[float], None]  # seconds
    chance: Callable[[], float] = draw_chance  # 0 to 1
    new_id: Callable[[], UUID] = uuid4
    reach: Callable[[CrashPoint], None] = pass_through
    on_progress: Progress = say_nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOrder:
    """What a session is to write.

    Attributes:
        purpose: Why; stands on every write of the plan.
        scope: Which leads; None for every lead of the batch.
    """

    purpose: WritePurpose = WritePurpose.SYNC
    scope: frozenset[str] | None = None

    def covers(self, dievio_lead_id: str) -> bool:
        """Tell whether a lead is one of those to write."""
        return self.scope is None or dievio_lead_id in self.scope


WHOLE_PLAN = WriteOrder()


class UpdateGuard(Protocol):
    """What the org itself refuses."""

    def covers(self, object_name: str, *, at: datetime) -> bool:
        """Tell whether it refuses every update of an object that the mapping forbids."""

    def changeable_fields(self, object_name: str) -> frozenset[str]:
        """Return the fields of an object that our user may change, those of the guard among them."""


class NoGuard:
    """An org that refuses nothing by itself, as far as anybody knows."""

    def covers(self, object_name: str, *, at: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Return False."""
        return False

    def changeable_fields(self, object_name: str) -> frozenset[str]:  # noqa: ARG002 - the port's signature
        """Return none."""
        return frozenset()


class FieldWatch(Protocol):
    """What the org's fields are, against what the plans were made for."""

    def have_fields_changed(self) -> bool:
        """Ask the org, and tell whether open plans rest on fields as they no longer are.

        Raises:
            OrgNotReadyError: What no write can do without was changed.
        """


class NoWatch:
    """Fields that stay as they are."""

    def have_fields_changed(self) -> bool:
        """Return False."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSession:
    """One run's hold on one batch."""

    database: Database
    salesforce: CrmWriter
    lease: Lease
    tools: WriteTools
    batch_id: str
    run_id: str
    actor: str
    limits: WriteLimits = field(default_factory=WriteLimits)
    order: WriteOrder = WHOLE_PLAN
    guard: UpdateGuard = field(default_factory=NoGuard)
    fields: FieldWatch = field(default_factory=NoWatch)
    reserved_calls: int = 0  # that what follows the writes will take

    def require_budget(self, calls: int = 1) -> None:
        """Stop unless so many calls fit into what is left of the product's share, less what was reserved of it.

        Raises:
            ApiBudgetReachedError: They do not; what is planned stays planned.
        """
        usage = self.salesforce.usage
        if usage is not None and usage.used + self.reserved_calls + calls > usage.allowed * self.limits.api_share:
            raise ApiBudgetReachedError(used=usage.used, allowed=usage.allowed)

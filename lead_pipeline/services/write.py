"""Writes a planned batch to Salesforce: opens the session on it, lets the engine work, counts where every row ended.

The protocol itself lives in `writing`; which rows may be written is decided by the gates before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from lead_pipeline.domain.call_costs import read_back_calls
from lead_pipeline.domain.companies import NO_COMPANIES, CompanyPolicy
from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.matching import LeadToMatch, MatchingPolicy, find_near_twins
from lead_pipeline.domain.ownership import OwnerRules
from lead_pipeline.errors import ApiBudgetReachedError
from lead_pipeline.services.field_drift import WRITTEN_OBJECTS, note_drift
from lead_pipeline.services.gates import require_gates
from lead_pipeline.services.match import match_batch
from lead_pipeline.services.org_schemas import SchemaWatch
from lead_pipeline.services.plan import plan_batch
from lead_pipeline.services.refresh_directory import DirectorySource, TargetSource, changed_since, read_targets
from lead_pipeline.services.retention import prepare_log_days
from lead_pipeline.services.writing.engine import carry_out_plan
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.services.writing.org_guard import OrgGuard, RuleSource
from lead_pipeline.services.writing.ports import (
    WHOLE_PLAN,
    Clock,
    CrmWriter,
    FreshPlans,
    WriteOrder,
    WriteSession,
    WriteTools,
)
from lead_pipeline.store import writes
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import hold_lease
from lead_pipeline.store.owners import save_owner_rules


class Crm(CrmWriter, DirectorySource, RuleSource, Protocol):
    """Salesforce for writing and for the fresh reading before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRules:
    """What a write needs to know beside the plan: how to read, match and plan anew, and its limits."""

    matching: MatchingPolicy
    mappings: MappingSet
    fields_by_object: Mapping[str, Collection[str]]  # what the mirror holds of each object
    holding_queue: str = "Dievio_Holding"  # DeveloperName; without it new leads belong to the integration user
    limits: WriteLimits = field(default_factory=WriteLimits)
    companies: CompanyPolicy = NO_COMPANIES
    owners: OwnerRules | None = None  # None leaves the owners that are kept already


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSummary:
    """Where the rows of a batch ended, and what this run wrote."""

    created_by_run: int
    updated_by_run: int
    outcomes: Mapping[Outcome, int]
    unknown: int  # writes whose end nobody knows yet
    unsettled: int  # delivered rows without an outcome
    waiting: int = 0  # rows that nobody let through yet
    stopped_reason: str = ""  # why the run ended before the plan was carried out

    @property
    def settled(self) -> int:
        """Rows with an outcome."""
        return sum(self.outcomes.values())

    @property
    def is_complete(self) -> bool:
        """Whether every row that was let through has its outcome and no write is open."""
        return not self.unknown and not self.unsettled and not self.stopped_reason

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster."""
        return {
            "created_by_run": self.created_by_run,
            "updated_by_run": self.updated_by_run,
            **{outcome.value: self.outcomes.get(outcome, 0) for outcome in Outcome},
            "unknown": self.unknown,
            "unsettled": self.unsettled,
            "waiting": self.waiting,
            "is_complete": str(self.is_complete).lower(),
            "stopped_reason": self.stopped_reason,
        }


class DirectoryPlans:
    """Reads the org's changes into the mirror, then matches and plans single leads of the batch anew."""

    def __init__(
        self, database: Database, salesforce: TargetSource, rules: WriteRules, *, batch_id: str, now: Clock
    ) -> None:
        self._database = database
        self._salesforce = salesforce
        self._rules = rules
        self._batch_id = batch_id
        self._now = now

    def refresh(self) -> None:
        """Read what changed in the org since the last look, and note the fields that leads have to go on without.

        Raises:
            OrgNotReadyError: What no write can do without was changed.
        """
        changed_since(self._database, self._salesforce, fields_by_object=self._rules.fields_by_object, now=self._now)
        note_drift(self._database, self._rules.mappings, batch_id=self._batch_id, at=self._now())

    def have_fields_changed(self) -> bool:
        """Ask the org about its fields, whatever it said a moment ago; tell whether open plans rest on older ones.

        Raises:
            OrgNotReadyError: What no write can do without was changed.
        """
        watch = SchemaWatch(self._database, WRITTEN_OBJECTS, now=self._now)
        watch.keep(self._salesforce.describe_objects(dict.fromkeys(WRITTEN_OBJECTS)))
        return note_drift(self._database, self._rules.mappings, batch_id=self._batch_id, at=self._now())

    def refresh_targets(self, targets: Mapping[str, Collection[str]]) -> None:
        """Read some records by id (object -> ids) as they are now, and nothing else."""
        read_targets(
            self._database,
            self._salesforce,
            fields_by_object=self._rules.fields_by_object,
            targets=targets,
            now=self._now,
        )
        note_drift(self._database, self._rules.mappings, batch_id=self._batch_id, at=self._now())

    def replan(self, dievio_lead_ids: Collection[str]) -> None:
        """Match and plan these leads anew from what is known now."""
        match_batch(
            self._database,
            self._rules.matching,
            batch_id=self._batch_id,
            now=self._now,
            dievio_lead_ids=dievio_lead_ids,
        )
        plan_batch(
            self._database,
            self._rules.mappings,
            batch_id=self._batch_id,
            now=self._now,
            dievio_lead_ids=dievio_lead_ids,
            companies=self._rules.companies,
        )

    def find_near_twins(self, creations: Sequence[LeadToMatch]) -> frozenset[str]:
        """Return those of some new leads that may be the person of an earlier one among them."""
        return find_near_twins(creations, policy=self._rules.matching)


def write_batch(
    database: Database,
    salesforce: Crm,
    rules: WriteRules,
    *,
    batch_id: str,
    run_id: str,
    actor: str,
    tools: WriteTools,
) -> WriteSummary:
    """Carry out the plan of a batch: every lead created, updated, skipped, asked about or given up, exactly once.

    Repeating it is safe at any time: rows with an outcome are left alone, open writes are settled by reading.

    Args:
        database: The product's database.
        salesforce: The org.
        rules: How to read and plan anew, and the limits.
        batch_id: The batch.
        run_id: The run, for log and lease.
        actor: Who started it, for the log.
        tools: Clock, waiting and who is told of progress.

    Raises:
        GateClosedError: A blocking gate before the write failed or never ran.
        LeaseHeldError: Another run writes this batch.
        WritesRefusedError: Salesforce refuses every write until somebody mends the org or the mapping.
    """
    require_gates(database, batch_id=batch_id, stage="writes")
    prepare_log_days(database, at=tools.now())
    name_owners(database, rules)
    plans = DirectoryPlans(database, salesforce, rules, batch_id=batch_id, now=tools.now)
    guard = OrgGuard(database, salesforce, rules.mappings)
    with open_session(
        database, salesforce, tools, rules.limits, batch_id=batch_id, run_id=run_id, actor=actor
    ) as session:
        return write_session(replace(session, guard=guard, fields=plans), plans, holding_queue=rules.holding_queue)


def name_owners(database: Database, rules: WriteRules) -> None:
    """Keep who looks after which case, for the statements that open cases."""
    if rules.owners is not None:
        with database.transaction() as connection:
            save_owner_rules(connection, rules.owners)


@contextmanager
def open_session(
    database: Database,
    salesforce: CrmWriter,
    tools: WriteTools,
    limits: WriteLimits,
    *,
    batch_id: str,
    run_id: str,
    actor: str,
    order: WriteOrder = WHOLE_PLAN,
) -> Iterator[WriteSession]:
    """Hold the batch for one run.

    Raises:
        LeaseHeldError: Another run holds it.
    """
    holder = (
        f"run {run_id} ({tools.new_id().hex[:8]})"  # one run may be tried twice: the tail tells its processes apart
    )
    with hold_lease(database, f"batch:{batch_id}", holder=holder, now=tools.now) as lease:
        yield WriteSession(
            database=database,
            salesforce=salesforce,
            lease=lease,
            tools=tools,
            batch_id=batch_id,
            run_id=run_id,
            actor=actor,
            limits=limits,
            order=order,
        )


def write_session(session: WriteSession, plans: FreshPlans, *, holding_queue: str) -> WriteSummary:
    """Carry out the plan of a held batch and count; the part that a simulation drives with ports of its own.

    Raises:
        WritesRefusedError: Salesforce refuses every write until somebody mends the org or the mapping.
    """
    with session.database.transaction() as connection:
        session.lease.beat(connection)
        writes.settle_rows_without_plan(connection, session.batch_id, at=session.tools.now())
        holding_owner_id = writes.read_holding_owner(connection, holding_queue)
        writes.refresh_statistics(connection)
        counts = writes.count_batch(connection, session.batch_id, run_id=session.run_id)
        outcomes = writes.count_outcomes(connection, session.batch_id)
    reserved = read_back_calls(outcomes[Outcome.CREATED] + outcomes[Outcome.UPDATED] + counts.unsettled)
    stopped_reason = ""
    try:
        carry_out_plan(replace(session, reserved_calls=reserved), plans, holding_owner_id=holding_owner_id)
    except ApiBudgetReachedError as error:
        stopped_reason = str(error)
    with session.database.transaction() as connection:
        session.lease.beat(connection)
        writes.refresh_statistics(connection)
        writes.open_escalations(connection, session.batch_id, at=session.tools.now())
        counts = writes.count_batch(connection, session.batch_id, run_id=session.run_id)
        outcomes = writes.count_outcomes(connection, session.batch_id)
    return WriteSummary(
        created_by_run=counts.created,
        updated_by_run=counts.updated,
        outcomes=outcomes,
        unknown=counts.unknown,
        unsettled=counts.unsettled,
        waiting=counts.waiting,
        stopped_reason=stopped_reason,
    )

"""Undoes a run: every field it wrote gets its old value back where the record still holds what the run wrote.

The writes go through the same protocol as all others: leased, fenced, committed before they leave, conditional on what
was read, logged. What is put back is decided in `domain/reverting`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lead_pipeline.domain.directory_fields import read_moment
from lead_pipeline.domain.org_schema import ObjectSchema
from lead_pipeline.domain.refusals import RefusalStep, find_refusal
from lead_pipeline.domain.reverting import (
    KEPT_FIELDS,
    TAG_FIELD,
    CurrentRecord,
    Org,
    RecordRevert,
    RevertVerdict,
    RunWrite,
    build_revert_intent,
    count_verdicts,
    plan_revert,
)
from lead_pipeline.domain.write_protocol import IntentState, WriteIntent, WritePurpose, is_quiet
from lead_pipeline.errors import ApiBudgetReachedError, SchemaUnknownError, UnknownRunError
from lead_pipeline.services.record_reads import read_records
from lead_pipeline.services.write import open_session
from lead_pipeline.services.writing.delivery import deliver
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.services.writing.ports import Clock, CrmWriter, WriteSession, WriteTools
from lead_pipeline.services.writing.settling import credit_void_writes, settle_open_writes
from lead_pipeline.store import campaigns, reverts
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import find_org_schema, read_updateable_fields

PAGE_RECORDS = 1_000  # five queries of 200 ids, which is one composite call
MAX_TRIES = 3  # refusals of a record that people keep editing; then its fields count as refused
RECORD_FIELDS = ("Id", "IsDeleted", "LastModifiedDate")
REVERTED_OBJECTS = ("Lead", "Contact")


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertSummary:
    """What undoing a run did, or would do."""

    reverted_run_id: str
    run_id: str  # of the undoing itself: the log has its writes under this id
    is_dry_run: bool
    fields_put_back: int
    records_changed: int
    fields_changed_since: int
    fields_already_back: int
    fields_left: int  # without an image, hidden from us, or on a deleted record
    fields_refused: int  # Salesforce refused the write, or people kept editing the record
    created_records: tuple[str, ...] = field(default=())  # never deleted
    tagged_records: int = 0
    memberships_left: tuple[str, ...] = field(default=())  # of Campaigns, made by the run; never taken away
    stopped_reason: str = ""

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster and for people; ids are counted."""
        return {
            "reverted_run_id": self.reverted_run_id,
            "run_id": self.run_id,
            "is_dry_run": str(self.is_dry_run).lower(),
            "fields_put_back": self.fields_put_back,
            "records_changed": self.records_changed,
            "fields_changed_since": self.fields_changed_since,
            "fields_already_back": self.fields_already_back,
            "fields_left": self.fields_left,
            "fields_refused": self.fields_refused,
            "created_records": len(self.created_records),
            "tagged_records": self.tagged_records,
            "memberships_left": len(self.memberships_left),
            "stopped_reason": self.stopped_reason,
        }


@dataclass
class _Tally:
    """Counts of all pages so far."""

    verdicts: Counter[RevertVerdict] = field(default_factory=Counter)
    refused_fields: int = 0
    records_changed: int = 0
    created: list[str] = field(default_factory=list)
    memberships: tuple[str, ...] = ()

    def add(self, reverts: Iterable[RecordRevert], *, done: Collection[str]) -> None:
        """Add records as they were judged last, and which of them were written."""
        for revert in reverts:
            salesforce_id = revert.write.salesforce_id
            if revert.was_created:
                self.created.append(salesforce_id)
            if not revert.changes() or salesforce_id in done:
                self.verdicts += count_verdicts([revert])
                self.records_changed += bool(revert.changes()) and not revert.was_created
            else:
                self.refused_fields += len(revert.changes())

    def summarize(self, *, reverted_run_id: str, run_id: str, is_dry_run: bool, stopped_reason: str) -> RevertSummary:
        """Return the counts by name."""
        left = (RevertVerdict.NO_IMAGE, RevertVerdict.NOT_WRITABLE, RevertVerdict.GONE)
        return RevertSummary(
            reverted_run_id=reverted_run_id,
            run_id=run_id,
            is_dry_run=is_dry_run,
            fields_put_back=self.verdicts[RevertVerdict.PUT_BACK],
            records_changed=self.records_changed,
            fields_changed_since=self.verdicts[RevertVerdict.CHANGED_SINCE],
            fields_already_back=self.verdicts[RevertVerdict.ALREADY_BACK],
            fields_left=sum(self.verdicts[verdict] for verdict in left),
            fields_refused=self.refused_fields,
            created_records=tuple(self.created),
            memberships_left=self.memberships,
            tagged_records=self.verdicts[RevertVerdict.TAG],
            stopped_reason=stopped_reason,
        )


def preview_revert(database: Database, salesforce: CrmWriter, *, reverted_run_id: str, now: Clock) -> RevertSummary:
    """Return what undoing a run would do. Reads and writes nothing.

    Raises:
        UnknownRunError: The run wrote nothing.
    """
    batch_ids, schemas = _prepare(database, reverted_run_id)
    tally = _Tally(memberships=_memberships_of(database, reverted_run_id))
    for batch_id in batch_ids:
        for writes in _pages(database, reverted_run_id, batch_id):
            plan, _ = _plan(salesforce, schemas, writes, run_id=reverted_run_id, now=now)
            tally.add(plan, done=[revert.write.salesforce_id for revert in plan])
    return tally.summarize(reverted_run_id=reverted_run_id, run_id="", is_dry_run=True, stopped_reason="")


def revert_run(
    database: Database, salesforce: CrmWriter, tools: WriteTools, *, reverted_run_id: str, run_id: str, actor: str
) -> RevertSummary:
    """Put back what a run wrote, where the record still holds it; repeating it finds nothing left to do.

    Args:
        database: The product's database.
        salesforce: The org.
        tools: Clock, waiting and ids.
        reverted_run_id: The run to undo.
        run_id: The undoing itself, for log and lease.
        actor: Who asked for it, for the log.

    Raises:
        UnknownRunError: The run wrote nothing.
        LeaseHeldError: Another run works on the batch.
        WritesRefusedError: Salesforce refuses every such write until somebody mends the org.
    """
    batch_ids, schemas = _prepare(database, reverted_run_id)
    tally, stopped_reason = _Tally(memberships=_memberships_of(database, reverted_run_id)), ""
    try:
        for batch_id in batch_ids:
            with open_session(
                database, salesforce, tools, WriteLimits(), batch_id=batch_id, run_id=run_id, actor=actor
            ) as session:
                for writes in _pages(database, reverted_run_id, batch_id):
                    _revert_page(session, schemas, writes, reverted_run_id=reverted_run_id, tally=tally)
                settle_open_writes(session)
    except ApiBudgetReachedError as error:
        stopped_reason = str(error)
    return tally.summarize(
        reverted_run_id=reverted_run_id, run_id=run_id, is_dry_run=False, stopped_reason=stopped_reason
    )


def _prepare(database: Database, reverted_run_id: str) -> tuple[tuple[str, ...], dict[str, ObjectSchema]]:
    with database.transaction() as connection:
        batch_ids = reverts.read_batches_of_run(connection, reverted_run_id)
        known = {name: find_org_schema(connection, name) for name in REVERTED_OBJECTS}
    if not batch_ids:
        raise UnknownRunError(reverted_run_id)
    return batch_ids, {name: entry.schema for name, entry in known.items() if entry is not None}


def _memberships_of(database: Database, run_id: str) -> tuple[str, ...]:
    with database.transaction() as connection:
        return campaigns.read_added(connection, run_id)


def _pages(database: Database, run_id: str, batch_id: str) -> Iterator[list[RunWrite]]:
    after = ""
    while True:
        with database.transaction() as connection:
            writes = reverts.read_writes_of_run(connection, run_id, batch_id=batch_id, after=after, most=PAGE_RECORDS)
        if not writes:
            return
        after = writes[-1].salesforce_id
        yield writes


def _revert_page(
    session: WriteSession,
    schemas: Mapping[str, ObjectSchema],
    writes: Sequence[RunWrite],
    *,
    reverted_run_id: str,
    tally: _Tally,
) -> None:
    judged: dict[str, RecordRevert] = {}
    done: set[str] = set()
    refusals: Counter[str] = Counter()
    try:
        for _ in range(session.limits.max_passes):
            settle_open_writes(session)
            rest = [write for write in writes if _may_try(write.salesforce_id, done, refusals)]
            plan, read_at = _plan(session.salesforce, schemas, rest, run_id=reverted_run_id, now=session.tools.now)
            # Judged as before where our own write landed late: what it put back is no finding of this reading.
            landed = _credit_late_writes(session, rest) & judged.keys()
            done |= landed
            plan = tuple(revert for revert in plan if revert.write.salesforce_id not in landed)
            judged |= {revert.write.salesforce_id: revert for revert in plan}
            wanted = [revert for revert in plan if revert.changes()]
            if not wanted:
                break
            quiet = [revert for revert in wanted if is_quiet(revert.last_modified_at, read_at=read_at)]
            ends = _send(session, quiet, refusals)
            done |= {record_id for record_id, (state, _) in ends.items() if state is IntentState.APPLIED}
            refusals += Counter({record_id: _weight(*end) for record_id, end in ends.items()})
            if len(quiet) < len(wanted):
                session.tools.wait(session.limits.quiet_wait_seconds)
    finally:
        tally.add(judged.values(), done=done)


def _credit_late_writes(session: WriteSession, writes: Sequence[RunWrite]) -> set[str]:
    """Credit undoings that were held for void and landed after all; return their records."""
    records = {write.dievio_lead_id: write.salesforce_id for write in writes}
    return {records[lead_id] for lead_id in credit_void_writes(session, records, purpose=WritePurpose.REVERT)}


def _may_try(record_id: str, done: Collection[str], refusals: Mapping[str, int]) -> bool:
    return record_id not in done and refusals.get(record_id, 0) < MAX_TRIES


def _send(
    session: WriteSession, plan: Sequence[RecordRevert], refusals: Mapping[str, int]
) -> dict[str, tuple[IntentState, str]]:
    """Write records and return how each ended, also where only a reading could tell."""
    groups: dict[str, list[WriteIntent]] = defaultdict(list)
    with session.database.transaction() as connection:
        org_fields = {name: read_updateable_fields(connection, name) for name in REVERTED_OBJECTS}
    for revert in plan:
        attempt = refusals.get(revert.write.salesforce_id, 0) + 1
        intent = build_revert_intent(
            revert,
            op_id=session.tools.new_id(),
            run_id=session.run_id,
            attempt=attempt,
            org_fields=org_fields[revert.write.object_name],
        )
        groups[intent.object_name].append(intent)
    records = {intent.op_id: str(intent.salesforce_id) for intents in groups.values() for intent in intents}
    for _, intents in sorted(groups.items()):
        deliver(session, intents)
    settle_open_writes(session)
    with session.database.transaction() as connection:
        ends = reverts.read_ends(connection, records)
    return {records[op_id]: end for op_id, end in ends.items()}


def _weight(state: IntentState, error_code: str) -> int:
    """Return how much of its tries a write used up: all of them where it would be refused the same way again."""
    if state is not IntentState.REFUSED:
        return 0
    refusal = find_refusal(error_code)
    return 1 if refusal is not None and refusal.step is RefusalStep.REPLAN else MAX_TRIES


def _plan(
    salesforce: CrmWriter, schemas: Mapping[str, ObjectSchema], writes: Sequence[RunWrite], *, run_id: str, now: Clock
) -> tuple[tuple[RecordRevert, ...], datetime]:
    """Read the records as they are now and judge them; return the server's time no later than the reading, too."""
    began_at = now()
    records: dict[str, CurrentRecord] = {}
    for object_name in sorted({write.object_name for write in writes}):
        schema = schemas.get(object_name)
        if schema is None:
            raise SchemaUnknownError(object_name)
        records |= _read(salesforce, schema, [write for write in writes if write.object_name == object_name])
    read_at = (salesforce.server_time or now()) - (now() - began_at)
    types = {
        name: {entry.name: entry.type for entry in schema.fields.values() if entry.is_updateable}
        for name, schema in schemas.items()
    }
    return plan_revert(writes, records, Org(field_types=types), run_id=run_id), read_at


def _read(salesforce: CrmWriter, schema: ObjectSchema, writes: Sequence[RunWrite]) -> dict[str, CurrentRecord]:
    written = {name for write in writes for name in write.payload} - KEPT_FIELDS
    names = [*RECORD_FIELDS, *sorted((written | {TAG_FIELD}) & set(schema.fields))]
    found = read_records(salesforce, schema, ids=[write.salesforce_id for write in writes], fields=names)
    return {
        salesforce_id: CurrentRecord(fields=record, last_modified_at=read_moment(record["LastModifiedDate"]))
        for salesforce_id, record in found.items()
        if record.get("IsDeleted") is not True
    }

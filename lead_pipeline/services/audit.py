"""Holds our books against the org, batch by batch, by the one checker of invariants.

Where the org keeps a journal (the sandbox does), every commit is compared with its log entry. A real org keeps none, so
there the records are read: the receipt each carries has to be that of the newest write we logged for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from lead_pipeline.domain.evidence import Commit, Evidence, LogRow, field_rules
from lead_pipeline.domain.invariants import Invariant, Violation, find_violations
from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.value_equality import are_equal
from lead_pipeline.domain.write_protocol import RECEIPT_FIELD, IntentState, WriteKind
from lead_pipeline.errors import UnknownBatchError
from lead_pipeline.salesforce.ids import object_of
from lead_pipeline.services.record_reads import RecordSource, read_records
from lead_pipeline.services.retention import LOG_DAYS
from lead_pipeline.services.writing.ports import Clock
from lead_pipeline.store import audits
from lead_pipeline.store.audits import BookedWrite, Books
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import find_org_schema, read_field_types

WRITTEN_OBJECTS = ("Lead", "Contact")

_FieldTypes = Mapping[str, Mapping[str, str]]  # object -> field -> type
INSERT = "create"  # the journal's word for a new record


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSummary:
    """What an audit found."""

    batch_ids: tuple[str, ...]
    has_journal: bool
    rows: int
    writes: int
    commits: int
    violations: tuple[Violation, ...]

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster."""
        return {
            "batches": len(self.batch_ids),
            "has_journal": str(self.has_journal).lower(),
            "rows": self.rows,
            "writes": self.writes,
            "commits": self.commits,
            "violations": len(self.violations),
        }


def audit(
    database: Database,
    salesforce: RecordSource,
    mappings: MappingSet,
    *,
    now: Clock,
    journal: Sequence[Mapping[str, Any]] | None,
    batch_id: str | None = None,
) -> AuditSummary:
    """Return every broken promise between our books and the org.

    Args:
        database: The product's database.
        salesforce: The org.
        mappings: Which field may be written when.
        now: The clock, aware UTC.
        journal: The org's journal of our commits, oldest first: op, id, before, after; None where it keeps none.
        batch_id: Only this batch; None for all whose log is still kept.

    Raises:
        UnknownBatchError: There is no such batch.
    """
    with database.transaction() as connection:
        if batch_id is not None and not audits.has_batch(connection, batch_id):
            raise UnknownBatchError(batch_id)
        batch_ids = (batch_id,) if batch_id else audits.read_batches(connection, since=now() - timedelta(days=LOG_DAYS))
        types = {name: read_field_types(connection, name) for name in WRITTEN_OBJECTS}
    commits = None if journal is None else _commits_by_receipt(journal)
    rows = write_count = commit_count = 0
    violations: list[Violation] = []
    for each in batch_ids:
        with database.transaction() as connection:
            books = audits.read_books(connection, each)
        own = _read_commits(database, salesforce, books) if commits is None else _own_commits(commits, books)
        evidence = _evidence(books, own, mappings, types=types, batch_id=each)
        violations += find_violations(evidence)
        rows, write_count, commit_count = (
            rows + len(books.delivered),
            write_count + len(books.writes),
            commit_count + len(own),
        )
    if commits is not None and batch_id is None:
        violations += _strangers(database, journal or ())
    return AuditSummary(
        batch_ids=batch_ids,
        has_journal=journal is not None,
        rows=rows,
        writes=write_count,
        commits=commit_count,
        violations=tuple(dict.fromkeys(violations)),  # batches share records and days of enrichment
    )


def _evidence(
    books: Books, commits: Sequence[Commit], mappings: MappingSet, *, types: _FieldTypes, batch_id: str
) -> Evidence:
    log = {row.op_id: row for row in books.log}
    return Evidence(
        fields=field_rules(mappings),
        delivered=books.delivered,
        waiting=books.waiting,
        outcomes=books.outcomes,
        intents=[write.row for write in books.writes],
        log=books.log,
        commits=[_in_words_of(log[c.op_id], c, types) if c.op_id in log else c for c in commits],
        links=books.links,
        records=books.records,
        dead_letters=books.dead_letters,
        history=books.history,
        paid_calls=books.paid_calls,
        kept_answers=books.kept_answers,
        complete_batches=(batch_id,) if books.is_complete else (),
        is_history_complete=False,  # a batch at a time, and syncs before the first one left no log
    )


# --- From the journal -------------------------------------------------------------------------------------------------


def _commits_by_receipt(journal: Iterable[Mapping[str, Any]]) -> dict[UUID, list[Commit]]:
    found: dict[UUID, list[Commit]] = {}
    for entry in journal:
        commit = _commit(entry)
        if commit.op_id is not None:
            found.setdefault(commit.op_id, []).append(commit)
    return found


def _commit(entry: Mapping[str, Any]) -> Commit:
    after = entry["after"] or {}
    receipt = after.get(RECEIPT_FIELD)
    return Commit(
        op_id=UUID(receipt) if receipt else None,
        salesforce_id=entry["id"],
        is_insert=entry["op"] == INSERT,
        before=entry["before"] or {},
        after=after,
    )


def _own_commits(commits: Mapping[UUID, Sequence[Commit]], books: Books) -> list[Commit]:
    return [commit for write in books.writes for commit in commits.get(write.row.op_id, ())]


def _strangers(database: Database, journal: Iterable[Mapping[str, Any]]) -> list[Violation]:
    """Return commits of our user that no write of ours explains."""
    commits = [_commit(entry) for entry in journal]
    receipts = {commit.op_id for commit in commits if commit.op_id is not None}
    with database.transaction() as connection:
        known = audits.read_known_ops(connection, receipts)
    return [
        Violation(
            invariant=Invariant.LOG,
            subject=commit.salesforce_id,
            what="was changed by our user without a write of ours",
        )
        for commit in commits
        if commit.op_id not in known
    ]


def _in_words_of(row: LogRow, commit: Commit, types: _FieldTypes) -> Commit:
    """Return a commit with values as the log writes them, where both mean the same.

    The org stores values in its own form, and its journal leaves out fields that a write set to what they were.
    """
    own_types = types.get(object_of(commit.salesforce_id) or "", {})
    before = dict(commit.before)
    # A new record also holds the org's own defaults, which are nobody's write.
    after = {name: value for name, value in commit.after.items() if not commit.is_insert or name in row.after}
    for name, told in row.after.items():
        field_type = own_types.get(name, "string")
        was = row.before.get(name)
        if name not in after and are_equal(told, was, field_type=field_type):
            before[name], after[name] = was, told
        if name in after and are_equal(after[name], told, field_type=field_type):
            after[name] = told
        if name in before and are_equal(before[name], was, field_type=field_type):
            before[name] = was
    return replace(commit, before=before, after=after)


# --- From the records -------------------------------------------------------------------------------------------------


def _read_commits(database: Database, salesforce: RecordSource, books: Books) -> list[Commit]:
    """Return the commits that the records prove: of each, the newest write we logged, if its receipt stands there.

    Earlier writes to the same record left no trace to be held against; they count as committed.
    """
    log = {row.op_id: row for row in books.log}
    applied = [write for write in books.writes if write.row.state is IntentState.APPLIED and write.salesforce_id]
    newest = {str(write.salesforce_id): write for write in applied}
    receipts = _read_receipts(database, salesforce, newest.values())
    with database.transaction() as connection:
        known = audits.read_known_ops(connection, set(filter(None, receipts.values())))
    commits: list[Commit] = []
    for write in applied:
        receipt = receipts.get(str(write.salesforce_id), write.row.op_id)  # a deleted record proves nothing either way
        is_newest = newest[str(write.salesforce_id)] is write
        is_proven = not is_newest or receipt == write.row.op_id or receipt in known  # a later batch may have written
        if is_proven:
            commits.append(_logged_commit(write, log.get(write.row.op_id)))
        elif receipt is not None:
            commits.append(replace(_logged_commit(write, None), op_id=receipt))
    return commits


def _logged_commit(write: BookedWrite, row: LogRow | None) -> Commit:
    return Commit(
        op_id=write.row.op_id,
        salesforce_id=str(write.salesforce_id),
        is_insert=write.row.kind is WriteKind.INSERT,
        before=row.before if row is not None else {},
        after=row.after if row is not None else {},
    )


def _read_receipts(
    database: Database, salesforce: RecordSource, writes: Iterable[BookedWrite]
) -> dict[str, UUID | None]:
    """Return record id -> the receipt it carries now; deleted records are absent."""
    by_object: dict[str, list[str]] = {}
    for write in writes:
        by_object.setdefault(write.object_name, []).append(str(write.salesforce_id))
    receipts: dict[str, UUID | None] = {}
    for object_name, ids in sorted(by_object.items()):
        with database.transaction() as connection:
            known = find_org_schema(connection, object_name)
        if known is None:
            continue
        fields = ["Id", "IsDeleted", RECEIPT_FIELD]
        for record_id, record in read_records(salesforce, known.schema, ids=ids, fields=fields).items():
            if record.get("IsDeleted") is not True:
                text = record.get(RECEIPT_FIELD)
                receipts[record_id] = UUID(str(text)) if text else None
    return receipts

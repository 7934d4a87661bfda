"""Settles writes whose end nobody knows, by reading: never by sending them again.

This is the fence: it runs before anything else is written, so that no person has two writes under way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from lead_pipeline.domain.refusals import find_refusal
from lead_pipeline.domain.settlements import Settlement, settle_reading
from lead_pipeline.domain.write_protocol import (
    EXTERNAL_ID_FIELD,
    OWNER_FIELD,
    RECEIPT_FIELD,
    FoundRecord,
    NextStep,
    WriteIntent,
    WriteKind,
    WritePurpose,
    settle_by_reading,
)
from lead_pipeline.errors import RetryableError
from lead_pipeline.salesforce.soql import allowed_names, soql_in_chunks
from lead_pipeline.services.writing.bulk_delivery import settle_job
from lead_pipeline.services.writing.ports import CrashPoint, WriteSession
from lead_pipeline.services.writing.recording import record
from lead_pipeline.store import writes

PAGE_INTENTS = 1_000  # open writes read at a time: five queries of 200 keys, which is one composite call
# Salesforce ends a call after 10 minutes and a Bulk job within hours, but what landed is seen by the next run that
# reads the org, and after a weekend or an outage that comes days later.
LATE_LANDING_TIME = timedelta(days=7)
WRITTEN_OBJECTS = ("Lead", "Contact")
RECORD_TEMPLATE = "SELECT Id, {fields} FROM {object_name} WHERE {key} IN {values}"
RECORD_FIELDS = (EXTERNAL_ID_FIELD, RECEIPT_FIELD, OWNER_FIELD)

WriteKey = tuple[str, str]  # field that names the record, its value


def settle_open_writes(session: WriteSession) -> None:
    """Read what became of every open write of the batch, and of writes that nobody works on any more.

    What cannot be read now stays open and keeps its fence.
    """
    after = writes.FIRST_ID
    while True:
        with session.database.transaction() as connection:
            page = writes.read_open_intents(
                connection, session.batch_id, at=session.tools.now(), after=after, most=PAGE_INTENTS
            )
        if not page:
            break
        after = page[-1].op_id
        session.tools.reach(CrashPoint.IN_RECONCILIATION)
        _settle_page(session, page)
    session.tools.reach(CrashPoint.AFTER_SETTLING)


def settle_late_landings(session: WriteSession) -> None:
    """Credit writes that were held for void and whose receipt now stands on a record of the mirror."""
    since = session.tools.now() - LATE_LANDING_TIME
    with session.database.transaction() as connection:
        landed = writes.read_late_landings(connection, since=since)
    if landed:
        record(session, [_late_landing(intent) for intent in landed])


def credit_void_writes(
    session: WriteSession, dievio_lead_ids: Collection[str], *, purpose: WritePurpose
) -> frozenset[str]:
    """Credit writes of some leads that were held for void, asking their records; return the leads of which one landed.

    Whoever finds a record other than it should be asks this first: it may be our own write that came late, and that is
    no person's choice.

    Raises:
        RetryableError: Salesforce gave no complete answer.
    """
    with session.database.transaction() as connection:
        void = writes.read_void_intents(connection, session.batch_id, dievio_lead_ids=dievio_lead_ids, purpose=purpose)
    found = read_records(session, void) if void else {}
    landed = [
        intent
        for intent in void
        if (record_found := found.get(key_of(intent))) is not None and record_found.receipt == str(intent.op_id)
    ]
    if landed:
        record(session, [_late_landing(intent) for intent in landed])
    return frozenset(intent.dievio_lead_id for intent in landed)


def credit_receipts(session: WriteSession, receipts: Mapping[str, str]) -> tuple[WriteIntent, ...]:
    """Credit writes that were held for void and whose receipts a reading found; return them.

    Whoever writes on the strength of that reading asks this first: its own receipt takes the place of theirs, and then
    nothing would ever tell that they landed.

    Args:
        session: The run's hold on the batch.
        receipts: Receipt -> id of the record that carries it.
    """
    with session.database.transaction() as connection:
        void = writes.read_void_receipts(connection, [UUID(receipt) for receipt in receipts])
    if void:
        landed = [replace(intent, salesforce_id=receipts[str(intent.op_id)]) for intent in void]
        record(session, [_late_landing(intent) for intent in landed])
    return void


def read_records(session: WriteSession, intents: Sequence[WriteIntent]) -> dict[WriteKey, FoundRecord]:
    """Return the record of each write as Salesforce holds it, deleted ones included; absent when there is none.

    Where several records answer to one key, the one with the write's own receipt counts.

    Raises:
        RetryableError: Salesforce gave no complete answer.
    """
    receipts = {str(intent.op_id) for intent in intents}
    found: dict[WriteKey, FoundRecord] = {}
    for key_field, queries in _queries(intents).items():
        for rows in session.salesforce.query_many(queries, include_deleted=True):
            for row in rows:
                key = (key_field, str(row[key_field]))
                if key not in found or row.get(RECEIPT_FIELD) in receipts:
                    found[key] = _found_record(row)
    return found


def key_of(intent: WriteIntent) -> WriteKey:
    """Return what a write's record is found by: an insert has only its external id."""
    if intent.kind is WriteKind.INSERT or intent.salesforce_id is None:
        return EXTERNAL_ID_FIELD, intent.dievio_lead_id
    return "Id", intent.salesforce_id


def _settle_page(session: WriteSession, page: Sequence[WriteIntent]) -> None:
    by_job: dict[str | None, list[WriteIntent]] = defaultdict(list)
    for intent in page:
        # A job's answer that named another record was read once; from then on only that record can tell.
        by_job[None if intent.error_code else intent.bulk_job_id].append(intent)
    singles = by_job.pop(None, [])
    for job_id, intents in by_job.items():
        settle_job(session, str(job_id), intents)
    if singles:
        _settle_by_reading(session, singles)


def _settle_by_reading(session: WriteSession, intents: Sequence[WriteIntent]) -> None:
    try:
        found = read_records(session, intents)
    except RetryableError:
        return  # unread means unknown: the fence stays
    record(session, [_settlement(intent, found.get(key_of(intent))) for intent in intents])


def _settlement(intent: WriteIntent, found: FoundRecord | None) -> Settlement:
    refusal = find_refusal(intent.error_code) if intent.error_code else None
    return settle_reading(intent, found, settle_by_reading(intent, found), refusal=refusal)


def _late_landing(intent: WriteIntent) -> Settlement:
    found = FoundRecord(salesforce_id=str(intent.salesforce_id), receipt=str(intent.op_id))
    return settle_reading(intent, found, NextStep.APPLY, refusal=None)


def _queries(intents: Iterable[WriteIntent]) -> Mapping[str, list[str]]:
    values: dict[tuple[str, str], list[str]] = defaultdict(list)
    for intent in intents:
        key_field, value = key_of(intent)
        values[key_field, intent.object_name].append(value)
    queries: dict[str, list[str]] = defaultdict(list)
    for (key_field, object_name), members in sorted(values.items()):
        queries[key_field].extend(_queries_of(key_field, object_name, members))
    return queries


def _queries_of(key_field: str, object_name: str, members: Sequence[str]) -> Iterator[str]:
    return soql_in_chunks(
        RECORD_TEMPLATE,
        name="values",
        members=members,
        fields=allowed_names(RECORD_FIELDS, allowed=RECORD_FIELDS),
        object_name=allowed_names((object_name,), allowed=WRITTEN_OBJECTS),
        key=allowed_names((key_field,), allowed=(EXTERNAL_ID_FIELD, "Id")),
    )


def _found_record(row: Mapping[str, object]) -> FoundRecord:
    receipt, owner = row.get(RECEIPT_FIELD), row.get(OWNER_FIELD)
    return FoundRecord(
        salesforce_id=str(row["Id"]),
        receipt=str(receipt) if receipt else None,
        owner_id=str(owner) if owner else None,
    )

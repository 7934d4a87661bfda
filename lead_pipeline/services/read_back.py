"""Reads back every record that a batch wrote, as Salesforce holds it now. Judging them is the gates' affair.

The mirror's incremental reading brings the written records in pages of 2,000, because each of them changed; only what
it cannot prove to be current is read by id.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.write_protocol import OWNER_FIELD, QUIET_TIME
from lead_pipeline.salesforce.soql import allowed_names, soql_in_chunks
from lead_pipeline.services.field_drift import note_lost_fields
from lead_pipeline.services.refresh_directory import DirectorySource, changed_since
from lead_pipeline.services.writing.ports import Clock
from lead_pipeline.store import readbacks
from lead_pipeline.store.database import Database
from lead_pipeline.store.readbacks import UnreadRecord

RECORD_TEMPLATE = "SELECT {fields} FROM {object_name} WHERE Id IN {ids}"
RECORD_FIELDS = ("Id", "IsDeleted", OWNER_FIELD, "LastModifiedById", "LastModifiedDate")
WRITTEN_OBJECTS = ("Lead", "Contact")
# Hand-overs rest on what is read here, so the second of our last write has to be over, and Salesforce cuts its stamps.
PAUSE_AFTER_WRITE = QUIET_TIME + timedelta(seconds=1)


class ReadBackSource(DirectorySource, Protocol):
    """The part of the Salesforce client that read-backs need."""

    def query_many(self, soqls: Sequence[str], *, include_deleted: bool = False) -> list[list[dict[str, object]]]:
        """Answer several queries, in their order."""


class ReadBackRules(Protocol):
    """What the mirror holds of each object, and what was written."""

    @property
    def mappings(self) -> MappingSet:
        """What is written."""

    @property
    def fields_by_object(self) -> Mapping[str, Collection[str]]:
        """Object -> fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBackSummary:
    """The written records of a batch as they stand now."""

    records: int
    missing: int  # deleted, or not to be found
    read_by_id: int
    is_closed: bool = False  # nothing was read, because the batch had passed and was handed over before

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster."""
        return {
            "records": self.records,
            "missing": self.missing,
            "read_by_id": self.read_by_id,
            "is_closed": str(self.is_closed).lower(),
        }


def read_back(
    database: Database,
    salesforce: ReadBackSource,
    rules: ReadBackRules,
    *,
    batch_id: str,
    now: Clock,
    wait: Callable[[float], None] = time.sleep,
    only_new: bool = False,
) -> ReadBackSummary:
    """Keep every record that the batch created or updated as Salesforce holds it now.

    A batch that passed its gates and was handed over is left as it was: from then on people work with its leads.

    Args:
        database: The product's database.
        salesforce: The org.
        rules: What the mirror holds of each object.
        batch_id: The batch.
        now: The clock, aware UTC.
        wait: Pauses for so many seconds.
        only_new: Only records that were not read since they were written: days after its night, a batch with one more
            record must not be judged by what people have done with the others since.
    """
    with database.transaction() as connection:
        is_closed = readbacks.is_closed(connection, batch_id)
        last_write_at = readbacks.read_last_write_at(connection, batch_id)
    unread: tuple[UnreadRecord, ...] = ()
    if last_write_at is not None and not is_closed:
        wait(max((last_write_at + PAUSE_AFTER_WRITE - now()).total_seconds(), 0.0))
        read_at = now()
        changed_since(database, salesforce, fields_by_object=rules.fields_by_object, now=now)
        server_at = salesforce.server_time - (now() - read_at) if salesforce.server_time else None
        note_lost_fields(database, rules.mappings, batch_id=batch_id, at=read_at)
        with database.transaction() as connection:
            readbacks.copy_mirror(connection, batch_id, at=read_at, server_at=server_at, only_new=only_new)
            unread = readbacks.read_unread(connection, batch_id, at=read_at, only_new=only_new)
        records = _read_by_id(salesforce, unread)
        with database.transaction() as connection:
            readbacks.save_readbacks(connection, batch_id, records=records, at=read_at, server_at=server_at)
            readbacks.refresh_statistics(connection)
    with database.transaction() as connection:
        record_count, missing_count = readbacks.count_readbacks(connection, batch_id)
    return ReadBackSummary(records=record_count, missing=missing_count, read_by_id=len(unread), is_closed=is_closed)


def _read_by_id(salesforce: ReadBackSource, unread: Sequence[UnreadRecord]) -> list[Mapping[str, object]]:
    """Read records by id, deleted ones included; one that is not there at all counts as missing."""
    queries = list(_queries(unread))
    found = {
        str(row["Id"]): row
        for rows in (salesforce.query_many(queries, include_deleted=True) if queries else ())
        for row in rows
    }
    return [
        {
            "dievio_lead_id": record.dievio_lead_id,
            "object_name": record.object_name,
            "salesforce_id": record.salesforce_id,
            "fields": found.get(record.salesforce_id, {}),
            "is_missing": found.get(record.salesforce_id, {"IsDeleted": True}).get("IsDeleted") is True,
        }
        for record in unread
    ]


def _queries(unread: Sequence[UnreadRecord]) -> Iterator[str]:
    by_object: dict[str, list[UnreadRecord]] = defaultdict(list)
    for record in unread:
        by_object[record.object_name].append(record)
    for object_name, records in sorted(by_object.items()):
        fields = tuple(dict.fromkeys((*RECORD_FIELDS, *sorted({name for r in records for name in r.field_names}))))
        yield from soql_in_chunks(
            RECORD_TEMPLATE,
            name="ids",
            members=[record.salesforce_id for record in records],
            fields=allowed_names(fields, allowed=fields),
            object_name=allowed_names((object_name,), allowed=WRITTEN_OBJECTS),
        )

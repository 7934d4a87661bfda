"""Brings the mirror of the org up to date: what changed since the last look, deleted and merged records included.

One composite call asks for all five objects; further calls follow only where a page is full, and a Bulk query where
many pages would be. Which fields are read is `domain/directory_fields`, how rows are kept `directory_writer`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from lead_pipeline.domain.directory_fields import MIRRORED_OBJECTS, FieldSelection, read_moment, select_fields
from lead_pipeline.domain.org_schema import typed_value
from lead_pipeline.errors import ConfigurationError, CredentialsRefusedError
from lead_pipeline.salesforce.describe import ObjectDescribe
from lead_pipeline.salesforce.records import QueryPage, Record
from lead_pipeline.services.directory_queries import (
    changes_query,
    count_query,
    queues_query,
    records_queries,
    users_query,
)
from lead_pipeline.services.directory_writer import DirectoryWriter, ObjectTally
from lead_pipeline.services.org_schemas import SchemaSource, SchemaWatch, refresh_org_schemas
from lead_pipeline.services.record_reads import RecordSource
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import DirectoryCount, find_last_count, record_counts
from lead_pipeline.store.org_facts import keep_integration_user

# From about ten pages on, a Bulk job (open, some looks, results) costs fewer calls than REST pages of 2,000 rows.
BULK_THRESHOLD_ROWS = 20_000
BULK_CHUNK_ROWS = 5_000  # rows stored in one transaction
COUNT_INTERVAL = timedelta(hours=20)  # once a night, and not again when the night's run is repeated
FRESH_READ_OBJECTS = ("Lead", "Contact")  # what a write may collide with

Progress = Callable[[str, int, int], None]


class DirectorySource(SchemaSource, Protocol):
    """The part of the Salesforce client that the mirror is filled from."""

    @property
    def calls(self) -> int:
        """Calls sent so far."""

    @property
    def server_time(self) -> datetime | None:
        """Date of the last answer."""

    @property
    def user_id(self) -> str | None:
        """The user we write as, as far as it is known."""

    def query_pages(self, soqls: Sequence[str], *, include_deleted: bool = False) -> list[QueryPage]:
        """Return the first page of up to five queries in one call."""

    def describe_and_query(
        self, last_modified: Mapping[str, str | None], soqls: Sequence[str], *, include_deleted: bool = False
    ) -> tuple[dict[str, ObjectDescribe | None], list[QueryPage] | None]:
        """Describe objects and answer up to five queries in one call; None instead of pages for a refused query."""

    def next_page(self, next_path: str) -> QueryPage:
        """Return a further page."""

    def bulk_query(self, soql: str, *, include_deleted: bool = False) -> Iterator[dict[str, str]]:
        """Yield the rows of a Bulk query as texts."""


class TargetSource(DirectorySource, RecordSource, Protocol):
    """The part of the Salesforce client that single records are read from as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySummary:
    """What one refresh did, in counts."""

    tallies: Mapping[str, ObjectTally]  # object -> rows read and rows that changed the mirror
    unknown_fields: Mapping[str, tuple[str, ...]]  # object -> mapped fields the org does not have or hides
    counts: tuple[DirectoryCount, ...]  # empty when they were compared within the last day
    calls: int

    @property
    def rows(self) -> int:
        """Rows read in all."""
        return sum(tally.read_count for tally in self.tallies.values())

    @property
    def changed(self) -> int:
        """Records of the mirror that are new or different now."""
        return sum(tally.changed_count for tally in self.tallies.values())

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts under flat names."""
        metadata: dict[str, int | float | str] = {"salesforce_calls": self.calls, "changed": self.changed}
        for name, tally in self.tallies.items():
            metadata[f"{name.lower()}_rows"] = tally.read_count
            metadata[f"{name.lower()}_changed"] = tally.changed_count
        for count in self.counts:
            metadata[f"{count.object_name.lower()}_missing"] = count.org_count - count.mirror_count
        unknown = [f"{name}.{field}" for name, fields in self.unknown_fields.items() for field in fields]
        return {**metadata, "unknown_fields": ", ".join(unknown)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryChanges:
    """What a fresh read found: which records of the mirror are new or different now."""

    summary: DirectorySummary
    record_ids: frozenset[str]


def refresh_directory(
    database: Database,
    salesforce: DirectorySource,
    *,
    fields_by_object: Mapping[str, Collection[str]],
    now: Callable[[], datetime],
    on_progress: Progress | None = None,
    bulk_threshold_rows: int = BULK_THRESHOLD_ROWS,
) -> DirectorySummary:
    """Read what changed in the org since the last refresh into the mirror; a repeated one costs one call.

    Args:
        database: The product's database.
        salesforce: The org.
        fields_by_object: Object -> fields the mapping needs; those the org lacks are left out and reported.
        now: Clock.
        on_progress: Told stage, rows stored and rows expected after each page.
        bulk_threshold_rows: Above so many rows in all, objects of several pages are read by Bulk queries.

    Raises:
        StopError: The org cannot be read.
        RetryableError: A fault outlasted its retries; what was stored stays and the next refresh goes on from there.
    """
    refresh = _Refresh(database, salesforce, fields_by_object=fields_by_object, now=now, on_progress=on_progress)
    refresh.run(MIRRORED_OBJECTS, has_roster=True, bulk_threshold_rows=bulk_threshold_rows)
    if salesforce.user_id is not None:
        with database.transaction() as connection:
            keep_integration_user(connection, salesforce.user_id, at=now())
    return refresh.summary(refresh.compare_counts())


def changed_since(
    database: Database,
    salesforce: DirectorySource,
    *,
    fields_by_object: Mapping[str, Collection[str]],
    now: Callable[[], datetime],
    objects: Sequence[str] = FRESH_READ_OBJECTS,
) -> DirectoryChanges:
    """Read what changed since the last refresh, just before writing: one call when little did.

    The same call asks whether the org still describes these objects as it did.

    Args:
        database: The product's database.
        salesforce: The org.
        fields_by_object: As for `refresh_directory`.
        now: Clock.
        objects: Which objects to look at.
    """
    refresh = _Refresh(database, salesforce, fields_by_object=fields_by_object, now=now, on_progress=None)
    refresh.run(objects, has_roster=False)
    return DirectoryChanges(summary=refresh.summary(()), record_ids=refresh.writer.all_changed_ids)


def read_targets(
    database: Database,
    salesforce: TargetSource,
    *,
    fields_by_object: Mapping[str, Collection[str]],
    targets: Mapping[str, Collection[str]],
    now: Callable[[], datetime],
) -> None:
    """Read single records into the mirror, deleted ones included, and leave the watermark where it is.

    After a large job that left some of its rows undone this takes one call per 1,000 of them, where reading what
    changed would bring back every row that the job itself has written.

    Args:
        database: The product's database.
        salesforce: The org.
        fields_by_object: As for `refresh_directory`.
        targets: Object -> ids of its records.
        now: Clock.
    """
    refresh = _Refresh(database, salesforce, fields_by_object=fields_by_object, now=now, on_progress=None)
    refresh.read_by_id(salesforce, targets)


class _Refresh:
    """One refresh: what it reads from where, and what it has done so far."""

    def __init__(
        self,
        database: Database,
        salesforce: DirectorySource,
        *,
        fields_by_object: Mapping[str, Collection[str]],
        now: Callable[[], datetime],
        on_progress: Progress | None,
    ) -> None:
        self._database = database
        self._salesforce = salesforce
        self._fields_by_object = fields_by_object
        self._now = now
        self._on_progress = on_progress
        self._calls_before = salesforce.calls
        self._selections: dict[str, FieldSelection] = {}
        self.writer = DirectoryWriter(database, now=now)

    def run(self, objects: Sequence[str], *, has_roster: bool, bulk_threshold_rows: int = BULK_THRESHOLD_ROWS) -> None:
        """Read and store what changed in `objects`, and the roster if asked."""
        self._select()
        asked_at = self._now()
        pages = self._full_look(objects) if has_roster else self._fresh_look(objects)
        begun_at = self._server_time_at(asked_at)
        is_large = sum(page.total_count for page in pages) > bulk_threshold_rows
        for name, page in zip(objects, pages[: len(objects)], strict=True):
            if is_large and page.next_path:
                self._store_in_bulk(self._selections[name], expected=page.total_count)
            else:
                self._store_pages(self._selections[name], page)
                self.writer.finish_pages(self._selections[name], begun_at=begun_at)
        self.writer.follow_renamed_accounts()
        if has_roster:
            users, queues = ([record for page in self._pages(first) for record in page.records] for first in pages[-2:])
            self.writer.store_roster(users=users, queues=queues)

    def read_by_id(self, records: RecordSource, targets: Mapping[str, Collection[str]]) -> None:
        """Read and store single records."""
        self._select()
        try:
            self._read_by_id(records, targets)
        except CredentialsRefusedError:
            raise
        except ConfigurationError:
            self._select(is_doubted=True)
            self._read_by_id(records, targets)

    def _read_by_id(self, records: RecordSource, targets: Mapping[str, Collection[str]]) -> None:
        for name, ids in targets.items():
            selection = self._selections[name]
            answers = records.query_many(list(records_queries(selection, sorted(ids))), include_deleted=True)
            self.writer.store_chunk(selection, [_read_record(record, selection) for rows in answers for record in rows])

    def summary(self, counts: Iterable[DirectoryCount]) -> DirectorySummary:
        """Return what was done."""
        return DirectorySummary(
            tallies=dict(self.writer.tallies),
            unknown_fields={name: chosen.unknown for name, chosen in self._selections.items() if chosen.unknown},
            counts=tuple(counts),
            calls=self._salesforce.calls - self._calls_before,
        )

    def compare_counts(self) -> list[DirectoryCount]:
        """Compare how many records org and mirror hold, once a day: one call."""
        with self._database.connect() as connection:
            last = find_last_count(connection)
        if last is not None and self._now() - last < COUNT_INTERVAL:
            return []
        queries = [count_query(name) for name in MIRRORED_OBJECTS]
        totals = [page.total_count for page in self._salesforce.query_pages(queries)]
        with self._database.transaction() as connection:
            return record_counts(connection, dict(zip(MIRRORED_OBJECTS, totals, strict=True)), now=self._now())

    def _select(self, *, is_doubted: bool = False) -> None:
        schemas = refresh_org_schemas(
            self._database, self._salesforce, objects=MIRRORED_OBJECTS, now=self._now, is_doubted=is_doubted
        )
        self._selections = {
            name: select_fields(name, self._fields_by_object.get(name, ()), schemas=schemas)
            for name in MIRRORED_OBJECTS
        }

    def _full_look(self, objects: Sequence[str]) -> list[QueryPage]:
        """Return the first pages of objects, users and queues."""
        roster = [users_query(self.writer.users_read_until()), queues_query()]
        try:
            return self._salesforce.query_pages([*self._queries(objects), *roster], include_deleted=True)
        except CredentialsRefusedError:
            raise
        except ConfigurationError:
            # A field may have gone, or been hidden from us, since the org was last described.
            self._select(is_doubted=True)
            return self._salesforce.query_pages([*self._queries(objects), *roster], include_deleted=True)

    def _fresh_look(self, objects: Sequence[str]) -> list[QueryPage]:
        """Return the first pages of objects, and keep what the same call says about their fields."""
        watch = SchemaWatch(self._database, objects, now=self._now)
        described, pages = self._salesforce.describe_and_query(
            watch.conditions, self._queries(objects), include_deleted=True
        )
        watch.keep(described)
        if pages is None:
            self._select(is_doubted=True)
            pages = self._salesforce.query_pages(self._queries(objects), include_deleted=True)
        return pages

    def _queries(self, objects: Sequence[str]) -> list[str]:
        return [self._query(self._selections[name], is_sorted=True) for name in objects]

    def _query(self, selection: FieldSelection, *, is_sorted: bool) -> str:
        return changes_query(selection, since=self.writer.read_until(selection), is_sorted=is_sorted)

    def _store_pages(self, selection: FieldSelection, first: QueryPage) -> None:
        for page in self._pages(first):
            self.writer.store_page(selection, [_read_record(record, selection) for record in page.records])
            self._report(selection.object_name, expected=first.total_count)

    def _server_time_at(self, asked_at: datetime) -> datetime | None:
        """Return what the org's clock showed no later than at a moment of ours, from its last answer."""
        answered_at = self._salesforce.server_time
        return answered_at - (self._now() - asked_at) if answered_at is not None else None

    def _store_in_bulk(self, selection: FieldSelection, *, expected: int) -> None:
        begun_at = self._salesforce.server_time or self._now()
        rows = self._salesforce.bulk_query(self._query(selection, is_sorted=False), include_deleted=True)
        newest: Record | None = None
        while texts := list(islice(rows, BULK_CHUNK_ROWS)):
            chunk = [_read_texts(row, selection) for row in texts]
            self.writer.store_chunk(selection, chunk)
            newest = max([*chunk, *([newest] if newest else [])], key=_age_of)
            self._report(selection.object_name, expected=expected)
        if newest is not None:
            self.writer.finish_bulk(selection, newest=newest, begun_at=begun_at)

    def _pages(self, first: QueryPage) -> Iterator[QueryPage]:
        page = first
        yield page
        while page.next_path:
            page = self._salesforce.next_page(page.next_path)
            yield page

    def _report(self, object_name: str, *, expected: int) -> None:
        if self._on_progress:
            self._on_progress(f"directory {object_name}", self.writer.tallies[object_name].read_count, expected)


def _read_record(record: Record, selection: FieldSelection) -> Record:
    """Return a REST record with exactly the selected fields; blanks are None, absent parents too."""
    return {name: None if (value := record.get(name)) == "" else value for name in selection.fields}


def _read_texts(row: Mapping[str, str], selection: FieldSelection) -> Record:
    """Return a Bulk row as REST would have given it."""
    return {name: typed_value(field, row[name]) for name, field in selection.fields.items()}


def _age_of(row: Record) -> tuple[datetime, str]:
    return read_moment(row["SystemModstamp"]), str(row["Id"])

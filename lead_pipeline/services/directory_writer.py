"""Stores what was read from the org: rows and the watermark they stand for in one transaction, with their keys.

What is read, and how, is `refresh_directory`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.directory_fields import USER_FIELDS, FieldSelection, mirror_record, read_moment
from lead_pipeline.domain.match_keys import directory_keys
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import (
    Watermark,
    find_watermark,
    merge_queues,
    merge_records,
    merge_users,
    move_watermark,
    stale_contacts,
)

Row = Mapping[str, object]

_USERS_MARK = "roster:User"
_USERS_SELECTION = hashlib.sha256(" ".join(USER_FIELDS).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ObjectTally:
    """Rows read of an object, and those that changed the mirror."""

    read_count: int = 0
    changed_count: int = 0


class DirectoryWriter:
    """Fills the mirror and counts what it did.

    Args:
        database: The product's database.
        now: Clock.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self.tallies: dict[str, ObjectTally] = {}
        self.changed_ids: dict[str, set[str]] = {}  # object -> ids

    @property
    def all_changed_ids(self) -> frozenset[str]:
        """Ids of all records that are new or different now."""
        return frozenset().union(*self.changed_ids.values())

    def read_until(self, selection: FieldSelection) -> datetime | None:
        """Return up to when an object was read with these very fields; None when it has to be read from the start."""
        return self._find_mark(_mark_of(selection), selection.sha256)

    def users_read_until(self) -> datetime | None:
        """Return up to when users were read."""
        return self._find_mark(_USERS_MARK, _USERS_SELECTION)

    def store_page(self, selection: FieldSelection, rows: Sequence[Row]) -> None:
        """Store rows that came oldest first, and move the watermark to the last of them."""
        self._store(selection, rows, mark=_mark_at(rows[-1], selection.sha256) if rows else None)

    def store_chunk(self, selection: FieldSelection, rows: Sequence[Row]) -> None:
        """Store rows that came in any order: no watermark may follow them yet."""
        self._store(selection, rows, mark=None)

    def finish_bulk(self, selection: FieldSelection, *, newest: Row, begun_at: datetime) -> None:
        """Move the watermark after the last chunk: not past the beginning of the job, which saw nothing later."""
        mark = _mark_at(newest, selection.sha256)
        if mark.system_modstamp > begun_at:
            mark = Watermark(system_modstamp=begun_at, last_id="", selection_sha256=selection.sha256)
        with self._database.transaction() as connection:
            move_watermark(connection, _mark_of(selection), to=mark, now=self._now())

    def finish_pages(self, selection: FieldSelection, *, begun_at: datetime | None) -> None:
        """Move the watermark on to the beginning of a reading that is complete: what is saved later is stamped later.

        Left at the newest record, it would bring back the last minutes of the last changes at every reading, ten
        thousand records the night after a large batch.
        """
        if begun_at is None or self.read_until(selection) is None:
            return
        mark = Watermark(system_modstamp=begun_at, last_id="", selection_sha256=selection.sha256)
        with self._database.transaction() as connection:
            move_watermark(connection, _mark_of(selection), to=mark, now=self._now())

    def follow_renamed_accounts(self) -> None:
        """Bring contacts in line with renamed accounts: Salesforce does not touch them, but their match keys change."""
        account_ids = sorted(self.changed_ids.get("Account", ()))
        if not account_ids:
            return
        with self._database.transaction() as connection:
            renamed = [
                {**contact.fields, "Account.Name": contact.account_name, "Account.Website": contact.account_website}
                for contact in stale_contacts(connection, account_ids)
            ]
            changed = merge_records(connection, _records("Contact", renamed))
        self._count("Contact", read_count=0, changed=changed)

    def store_roster(self, *, users: Sequence[Row], queues: Sequence[Row]) -> None:
        """Store changed users and the whole list of queues."""
        with self._database.transaction() as connection:
            changed_users = merge_users(connection, users)
            changed_queues = merge_queues(connection, queues)
            if users:
                move_watermark(connection, _USERS_MARK, to=_mark_at(users[-1], _USERS_SELECTION), now=self._now())
        self.tallies["User"] = ObjectTally(len(users), changed_users)
        self.tallies["Group"] = ObjectTally(len(queues), changed_queues)

    def _store(self, selection: FieldSelection, rows: Sequence[Row], *, mark: Watermark | None) -> None:
        name = selection.object_name
        changed: list[str] = []
        if rows:
            with self._database.transaction() as connection:
                changed = merge_records(connection, _records(name, rows))
                if mark is not None:
                    move_watermark(connection, _mark_of(selection), to=mark, now=self._now())
        self._count(name, read_count=len(rows), changed=changed)

    def _count(self, name: str, *, read_count: int, changed: Sequence[str]) -> None:
        before = self.tallies.get(name, ObjectTally())
        self.tallies[name] = ObjectTally(before.read_count + read_count, before.changed_count + len(changed))
        self.changed_ids.setdefault(name, set()).update(changed)

    def _find_mark(self, name: str, selection_sha256: str) -> datetime | None:
        with self._database.connect() as connection:
            mark = find_watermark(connection, name)
        return mark.system_modstamp if mark and mark.selection_sha256 == selection_sha256 else None


def _records(object_name: str, rows: Sequence[Row]) -> Iterator[DirectoryRecord]:
    return (mirror_record(object_name, row, keys=directory_keys(object_name, row)) for row in rows)


def _mark_of(selection: FieldSelection) -> str:
    return f"directory:{selection.object_name}"


def _mark_at(row: Row, selection_sha256: str) -> Watermark:
    return Watermark(
        system_modstamp=read_moment(row["SystemModstamp"]), last_id=str(row["Id"]), selection_sha256=selection_sha256
    )

"""Records as Salesforce holds them after the write. What they are held against is `domain/post_sync`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadRecord:
    """A written record that has to be read by its id."""

    dievio_lead_id: str
    object_name: str
    salesforce_id: str
    field_names: tuple[str, ...]


def is_closed(connection: _Connection, batch_id: str) -> bool:
    """Tell whether the batch passed its gates after its last write and handed every new lead over."""
    return bool(load_queries("readbacks").is_closed(connection, batch_id=batch_id))


def read_last_write_at(connection: _Connection, batch_id: str) -> datetime | None:
    """Return when the last write of the batch was answered, None when it wrote nothing."""
    moment: datetime | None = load_queries("readbacks").get_last_write_at(connection, batch_id=batch_id)
    return moment


def copy_mirror(
    connection: _Connection, batch_id: str, *, at: datetime, server_at: datetime | None, only_new: bool = False
) -> int:
    """Keep the records that the mirror shows as they are now; return how many.

    With `only_new`, records that were read since they were written stay as they were read. `server_at` is the moment of
    the reading by the org's clock, or earlier.
    """
    count: int = load_queries("readbacks").copy_mirror(
        connection, batch_id=batch_id, at=at, server_at=server_at, only_new=only_new
    )
    return count


def read_unread(
    connection: _Connection, batch_id: str, *, at: datetime, only_new: bool = False
) -> tuple[UnreadRecord, ...]:
    """Return written records that were not kept at or after `at`, or with `only_new` not since they were written."""
    return tuple(
        UnreadRecord(**{**row, "field_names": tuple(row["field_names"])})
        for row in load_queries("readbacks").list_unread(connection, batch_id=batch_id, at=at, only_new=only_new)
    )


def save_readbacks(
    connection: _Connection,
    batch_id: str,
    *,
    records: Sequence[Mapping[str, object]],
    at: datetime,
    server_at: datetime | None,
) -> None:
    """Keep records that were read by their id: lead id, object, record id, fields, whether it is missing."""
    load_queries("readbacks").upsert_readbacks(
        connection, batch_id=batch_id, records=Jsonb(list(records)), at=at, server_at=server_at
    )


def refresh_statistics(connection: _Connection) -> None:
    """Tell the database's planner how large the tables of the batch have become."""
    load_queries("readbacks").refresh_statistics(connection)


def count_readbacks(connection: _Connection, batch_id: str) -> tuple[int, int]:
    """Return how many records of the batch were read back and how many of them are missing."""
    row = load_queries("readbacks").count_readbacks(connection, batch_id=batch_id)
    return row["records"], row["missing"]

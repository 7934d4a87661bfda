"""The mirror of the org: records with match keys, owners, watermarks, counts and schemas.

What is read from the org, and in which order, is `services/refresh_directory`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.leads import KEY_VERSION
from lead_pipeline.domain.org_schema import ObjectSchema, schema_as_json, schema_from_json
from lead_pipeline.store.bulk import copy_rows
from lead_pipeline.store.queries import load_queries

Connection = psycopg.Connection[Any]

_encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: json.dumps would make one per record

_RECORD_COLUMNS = (
    "object_name",
    "salesforce_id",
    "fields",
    "dievio_lead_id",
    "owner_id",
    "last_modified_by_id",
    "is_deleted",
    "master_record_id",
    "is_converted",
    "converted_contact_id",
    "last_modified_at",
    "system_modstamp",
    "key_version",
    *("em", "li", "dm", "fn", "ln", "co", "ti", "ph", "pe", "st"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How far an object has been read, and with which selection of fields."""

    system_modstamp: datetime
    last_id: str
    selection_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSchema:
    """What the org last said about an object."""

    schema: ObjectSchema
    last_modified_header: str | None
    last_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryCount:
    """Living records of an object: as the org counts them, and as the mirror holds them."""

    object_name: str
    org_count: int
    mirror_count: int
    counted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleContact:
    """A contact of the mirror with the present name and website of its account."""

    fields: Mapping[str, object]
    account_name: str | None
    account_website: str | None


def merge_records(connection: Connection, records: Iterable[DirectoryRecord]) -> list[str]:
    """Take records over into the mirror, inside the caller's transaction, and return the ids of those that changed.

    A row older than the one held changes nothing.
    """
    queries = load_queries("directory")
    queries.create_directory_stage(connection)
    queries.clear_directory_stage(connection)
    copy_rows(connection, "directory_stage", columns=_RECORD_COLUMNS, rows=map(_record_row, records))
    return [row["salesforce_id"] for row in queries.merge_directory_stage(connection)]


def merge_users(connection: Connection, users: Sequence[Mapping[str, object]]) -> int:
    """Take users as read over into the roster and return how many were new or different."""
    return _merge_roster(connection, users, kind="user")


def merge_queues(connection: Connection, queues: Sequence[Mapping[str, object]]) -> int:
    """Take the whole list of queues over into the roster; one that is no longer listed becomes inactive."""
    written = _merge_roster(connection, queues, kind="queue")
    load_queries("directory").retire_missing_queues(connection, present_ids=[queue["Id"] for queue in queues])
    return written


def stale_contacts(connection: Connection, account_ids: Sequence[str]) -> list[StaleContact]:
    """Return the contacts of these accounts that still carry another name or website of theirs."""
    rows = load_queries("directory").list_contacts_with_stale_account(connection, account_ids=list(account_ids))
    return [
        StaleContact(fields=row["fields"], account_name=row["account_name"], account_website=row["account_website"])
        for row in rows
    ]


def find_watermark(connection: Connection, name: str) -> Watermark | None:
    """Return how far `name` has been read, None when never."""
    row = load_queries("directory").find_watermark(connection, name=name)
    return Watermark(**row) if row else None


def move_watermark(connection: Connection, name: str, *, to: Watermark, now: datetime) -> bool:
    """Move a watermark forward, inside the transaction that stored the rows it stands for; tell whether it is there."""
    moved = load_queries("directory").move_watermark(
        connection,
        name=name,
        system_modstamp=to.system_modstamp,
        last_id=to.last_id,
        selection_sha256=to.selection_sha256,
        updated_at=now,
    )
    return bool(moved)


def find_last_count(connection: Connection) -> datetime | None:
    """Return when mirror and org were last compared."""
    moment: datetime | None = load_queries("directory").find_last_count(connection)
    return moment


def record_counts(connection: Connection, org_counts: Mapping[str, int], *, now: datetime) -> list[DirectoryCount]:
    """Compare the org's counts with the mirror's, keep the comparison and return it."""
    queries = load_queries("directory")
    held = {row["object_name"]: row["mirror_count"] for row in queries.count_living_records(connection)}
    counts = [
        DirectoryCount(object_name=name, org_count=count, mirror_count=held.get(name, 0), counted_at=now)
        for name, count in org_counts.items()
    ]
    for count in counts:
        queries.record_count(
            connection,
            object_name=count.object_name,
            org_count=count.org_count,
            mirror_count=count.mirror_count,
            counted_at=now,
        )
    return counts


def latest_counts(connection: Connection) -> list[DirectoryCount]:
    """Return the last comparison of each object."""
    return [DirectoryCount(**row) for row in load_queries("directory").list_latest_counts(connection)]


def find_org_schema(connection: Connection, object_name: str) -> KnownSchema | None:
    """Return what the org last said about an object, None when it was never asked."""
    row = load_queries("directory").find_org_schema(connection, object_name=object_name)
    if row is None:
        return None
    return KnownSchema(
        schema=schema_from_json(row["describe"]),
        last_modified_header=row["last_modified_header"],
        last_seen_at=row["last_seen_at"],
    )


def read_field_types(connection: Connection, object_name: str) -> dict[str, str]:
    """Return the field types of an object by API name, as the org last described it; none before it did."""
    known = find_org_schema(connection, object_name)
    return {} if known is None else {field.name: field.type for field in known.schema.fields.values()}


def read_updateable_fields(connection: Connection, object_name: str) -> frozenset[str]:
    """Return the fields of an object that our user may change, as the org last described it; none before it did."""
    known = find_org_schema(connection, object_name)
    fields = known.schema.fields.values() if known is not None else ()
    return frozenset(field.name for field in fields if field.is_updateable)


def keep_org_schema(connection: Connection, known: KnownSchema) -> None:
    """Keep a schema, once per content, and when it was last true."""
    load_queries("directory").keep_org_schema(
        connection,
        object_name=known.schema.object_name,
        sha256=known.schema.sha256,
        describe=Jsonb(schema_as_json(known.schema)),
        last_modified_header=known.last_modified_header,
        seen_at=known.last_seen_at,
    )


def doubt_org_schemas(connection: Connection) -> None:
    """Let the next refresh ask the org about every object anew, however lately it was asked."""
    load_queries("directory").doubt_org_schemas(connection)


def _record_row(record: DirectoryRecord) -> tuple[object, ...]:
    keys = record.keys
    return (
        record.object_name,
        record.salesforce_id,
        _encode(record.fields),
        record.dievio_lead_id,
        record.owner_id,
        record.last_modified_by_id,
        record.is_deleted,
        record.master_record_id,
        record.is_converted,
        record.converted_contact_id,
        record.last_modified_at,
        record.system_modstamp,
        KEY_VERSION,
        *(keys.em, keys.li, keys.dm, keys.fn, keys.ln, keys.co, keys.ti, keys.ph, keys.pe, keys.st),
    )


def _merge_roster(connection: Connection, owners: Sequence[Mapping[str, object]], *, kind: str) -> int:
    rows = [
        {
            "salesforce_id": owner["Id"],
            "kind": kind,
            "name": owner["Name"],
            "developer_name": owner.get("DeveloperName"),
            "is_active": owner.get("IsActive", True),
            "fields": dict(owner),
            "system_modstamp": owner["SystemModstamp"],
        }
        for owner in owners
    ]
    written: int = load_queries("directory").merge_roster(connection, owners=Jsonb(rows))
    return written

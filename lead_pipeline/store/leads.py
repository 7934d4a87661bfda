"""Delivered rows, normalized leads, quarantine and identity: the tables that normalization reads and writes.

What a row means is decided in `domain/normalize`; whose it is in `domain/identity`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.identity import Alias, AliasKind, IdentityAssignment, KnownPerson, NewAlias
from lead_pipeline.domain.leads import (
    KEY_VERSION,
    Confidence,
    ConfidenceOrigin,
    MatchKeys,
    NormalizedLead,
    QuarantinedLead,
    RawLead,
)
from lead_pipeline.domain.normalize.lead import LeadDraft
from lead_pipeline.domain.ownership import OwnerRules
from lead_pipeline.store.bulk import copy_rows, upsert_rows
from lead_pipeline.store.queries import load_queries

ROWS_PER_READ = 5_000  # about 10 MB of payloads in memory
_IDENTITY_LOCK = "lead_identity"
_KEY_NAMES = tuple(key.name for key in fields(MatchKeys))
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadKeys:
    """Which keys the delivered objects of a batch carry, and how many objects there are."""

    row_count: int
    key_counts: Mapping[str, int]


def begin_normalization(connection: psycopg.Connection[Any], batch_id: str) -> int:
    """Make room for a new normalization of the rows without outcome, and return how many there are.

    Needs a transaction: it ends the wait of other batches for the identities, and drops the stages.
    """
    queries = load_queries("leads")
    queries.lock_identities(connection, name=_IDENTITY_LOCK)
    queries.create_stages(connection)
    queries.delete_open_leads(connection, batch_id=batch_id)
    return int(queries.count_open_rows(connection, batch_id=batch_id))


def read_open_rows(connection: psycopg.Connection[Any], batch_id: str) -> Iterator[list[RawLead]]:
    """Yield the delivered rows that have no outcome yet, chunk by chunk."""
    yield from _read_raw(connection, load_queries("leads").read_open_rows, batch_id)


def read_rows(connection: psycopg.Connection[Any], batch_id: str) -> Iterator[list[RawLead]]:
    """Yield every delivered row of a batch, chunk by chunk."""
    yield from _read_raw(connection, load_queries("leads").read_rows, batch_id)


def stage_leads(connection: psycopg.Connection[Any], drafts: Iterable[LeadDraft]) -> None:
    """Keep normalized leads until their ids are known."""
    columns = (
        "raw_lead_id",
        "segment",
        "field_values",
        "confidences",
        "source_paths",
        "flags",
        *_KEY_NAMES,
        "fetched_at",
    )
    copy_rows(connection, "lead_stage", columns=columns, rows=map(_stage_row, drafts))


def insert_quarantined(
    connection: psycopg.Connection[Any],
    leads: Iterable[QuarantinedLead],
    *,
    owners: OwnerRules,
    quarantined_at: datetime,
) -> None:
    """Keep rows that break the contract, with their reasons and an owner."""
    rows = (
        (
            lead.batch_id,
            lead.raw_lead_id,
            lead.segment,
            Jsonb([{"code": why.code, "field": why.field, "message": why.message} for why in lead.reasons]),
            owners.owner_of_row(why.code for why in lead.reasons),
            quarantined_at,
        )
        for lead in leads
    )
    columns = ("batch_id", "raw_lead_id", "segment", "reasons", "owner", "quarantined_at")
    copy_rows(connection, "quarantine", columns=columns, rows=rows)


def read_known_persons(connection: psycopg.Connection[Any], aliases: Iterable[Alias]) -> dict[Alias, KnownPerson]:
    """Return whom the aliases belong to; aliases never seen are absent."""
    copy_rows(
        connection, "alias_stage", columns=("alias_kind", "alias"), rows=((str(kind), name) for kind, name in aliases)
    )
    return {
        (AliasKind(row["alias_kind"]), row["alias"]): KnownPerson(
            dievio_lead_id=row["dievio_lead_id"],
            explicit_ids=frozenset(row["explicit_ids"]),
            slugs=frozenset(row["slugs"]),
            given_name=row["fn"],
            family_name=row["ln"],
        )
        for row in load_queries("leads").read_known_aliases(connection)
    }


def read_settled_persons(connection: psycopg.Connection[Any], batch_id: str) -> dict[str, int]:
    """Return our id -> raw_lead_id of the row that counts, of persons with a settled row in the batch."""
    rows = load_queries("leads").read_settled_persons(connection, batch_id=batch_id)
    return {row["dievio_lead_id"]: row["raw_lead_id"] for row in rows}


def insert_identities(
    connection: psycopg.Connection[Any], aliases: Iterable[NewAlias], *, first_seen_at: datetime
) -> None:
    """Learn aliases; one that is known keeps its person."""
    upsert_rows(
        connection,
        "lead_identity",
        columns=("alias_kind", "alias", "dievio_lead_id", "first_seen_at"),
        rows=((str(new.kind), new.alias, new.dievio_lead_id, first_seen_at) for new in aliases),
        key=("alias_kind", "alias"),
        update=(),
    )


def insert_leads(
    connection: psycopg.Connection[Any],
    assignments: Iterable[IdentityAssignment],
    *,
    batch_id: str,
    normalized_at: datetime,
) -> int:
    """Turn the staged leads into leads with their ids; return how many."""
    columns = ("raw_lead_id", "dievio_lead_id", "is_weak_id", "has_conflict", "duplicate_of_raw_lead_id")
    copy_rows(connection, "identity_stage", columns=columns, rows=map(astuple, assignments))
    return int(
        load_queries("leads").insert_staged_leads(
            connection, batch_id=batch_id, key_version=KEY_VERSION, normalized_at=normalized_at
        )
    )


def refresh_statistics(connection: psycopg.Connection[Any]) -> None:
    """Tell the database's planner how large the tables of leads have become."""
    load_queries("leads").refresh_statistics(connection)


def settle_rows(connection: psycopg.Connection[Any], batch_id: str, *, settled_at: datetime) -> None:
    """Write the outcomes that are certain now: quarantined rows and further copies of a person."""
    queries = load_queries("leads")
    queries.settle_quarantine(connection, batch_id=batch_id, settled_at=settled_at)
    queries.settle_duplicates(connection, batch_id=batch_id, settled_at=settled_at)


def read_leads(connection: psycopg.Connection[Any], batch_id: str) -> Iterator[NormalizedLead]:
    """Yield every lead of a batch as normalization left it, copies of a person included."""
    query = load_queries("leads").read_leads
    for rows in _pages(
        lambda after: query(connection, batch_id=batch_id, after_raw_lead_id=after, row_limit=ROWS_PER_READ)
    ):
        yield from map(_build_lead, rows)


def read_open_leads(
    connection: psycopg.Connection[Any], batch_id: str, *, dievio_lead_ids: Collection[str] | None = None
) -> Iterator[NormalizedLead]:
    """Yield the leads that still need an outcome, one per person.

    Args:
        connection: The database.
        batch_id: The batch.
        dievio_lead_ids: Only these persons; all unless given.
    """
    query = load_queries("leads").read_open_leads
    wanted = None if dievio_lead_ids is None else list(dievio_lead_ids)
    for rows in _pages(
        lambda after: query(
            connection, batch_id=batch_id, dievio_lead_ids=wanted, after_raw_lead_id=after, row_limit=ROWS_PER_READ
        )
    ):
        yield from map(_build_lead, rows)


def count_payload_keys(
    connection: psycopg.Connection[Any], batch_id: str, *, raw_objects: Collection[str]
) -> PayloadKeys:
    """Return which keys the delivered objects of a batch carry: what `domain/drift` compares with the mapping."""
    rows = load_queries("leads").count_payload_keys(connection, batch_id=batch_id, raw_objects=list(raw_objects))
    counts = {row["key"]: int(row["row_count"]) for row in rows}
    return PayloadKeys(row_count=counts.pop("", 0), key_counts=counts)


def _read_raw(
    connection: psycopg.Connection[Any], query: Callable[..., Iterable[_Row]], batch_id: str
) -> Iterator[list[RawLead]]:
    for rows in _pages(
        lambda after: query(connection, batch_id=batch_id, after_raw_lead_id=after, row_limit=ROWS_PER_READ)
    ):
        yield [RawLead(**row) for row in rows]


def _pages(read: Callable[[int], Iterable[_Row]]) -> Iterator[list[_Row]]:
    after = 0
    while rows := list(read(after)):
        yield rows
        after = rows[-1]["raw_lead_id"]


def _stage_row(draft: LeadDraft) -> tuple[object, ...]:
    confidences = {name: {"share": sure.share, "origin": sure.origin} for name, sure in draft.confidences.items()}
    return (
        draft.raw.raw_lead_id,
        draft.raw.segment,
        Jsonb(draft.values),
        Jsonb(confidences),
        Jsonb(draft.source_paths),
        list(draft.flags),
        *(getattr(draft.keys, name) for name in _KEY_NAMES),
        draft.raw.fetched_at,
    )


def _build_lead(row: _Row) -> NormalizedLead:
    confidences = {
        name: Confidence(share=sure["share"], origin=ConfidenceOrigin(sure["origin"]))
        for name, sure in row["confidences"].items()
    }
    return NormalizedLead(
        raw_lead_id=row["raw_lead_id"],
        batch_id=row["batch_id"],
        segment=row["segment"],
        dievio_lead_id=row["dievio_lead_id"],
        is_weak_id=row["is_weak_id"],
        values=row["field_values"],
        confidences=confidences,
        source_paths=row["source_paths"],
        flags=tuple(row["flags"]),
        keys=MatchKeys(**{name: row[name] for name in _KEY_NAMES}),
        fetched_at=row["fetched_at"],
        duplicate_of_raw_lead_id=row["duplicate_of_raw_lead_id"],
    )

"""The SOQL that the mirror is filled by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from lead_pipeline.domain.directory_fields import MIRRORED_OBJECTS, QUEUE_FIELDS, USER_FIELDS, FieldSelection
from lead_pipeline.salesforce.ids import check_record_id
from lead_pipeline.salesforce.soql import allowed_names, soql, soql_in_chunks

# A transaction that was open while we read may commit with an earlier SystemModstamp.
OVERLAP = timedelta(minutes=2)

_BEFORE_ANY_ORG = datetime(1999, 1, 1, tzinfo=UTC)  # Salesforce was founded that year

_CHANGES = "SELECT {fields} FROM {object_name} WHERE SystemModstamp >= {since}"
_BY_ID = "SELECT {fields} FROM {object_name} WHERE Id IN {ids}"
_OLDEST_FIRST = " ORDER BY SystemModstamp, Id"


def changes_query(selection: FieldSelection, *, since: datetime | None, is_sorted: bool) -> str:
    """Ask for the records of an object that changed since a watermark, or for all of them.

    Args:
        selection: Object and fields.
        since: The watermark; None asks for everything.
        is_sorted: Oldest first, so that a watermark may follow each page. Bulk queries split their work only unsorted.
    """
    return soql(
        _CHANGES + _OLDEST_FIRST if is_sorted else _CHANGES,
        fields=allowed_names(tuple(selection.fields), allowed=selection.fields),
        object_name=allowed_names((selection.object_name,), allowed=MIRRORED_OBJECTS),
        since=_with_overlap(since),
    )


def records_queries(selection: FieldSelection, ids: Sequence[str]) -> Iterator[str]:
    """Yield the queries for some records of an object, 200 ids each."""
    return soql_in_chunks(
        _BY_ID,
        name="ids",
        members=[check_record_id(record_id, selection.object_name) for record_id in ids],
        fields=allowed_names(tuple(selection.fields), allowed=selection.fields),
        object_name=allowed_names((selection.object_name,), allowed=MIRRORED_OBJECTS),
    )


def users_query(since: datetime | None) -> str:
    """Ask for the users that changed since a watermark, or for all of them."""
    return soql(
        _CHANGES + _OLDEST_FIRST,
        fields=allowed_names(USER_FIELDS, allowed=USER_FIELDS),
        object_name=allowed_names(("User",), allowed=("User",)),
        since=_with_overlap(since),
    )


def queues_query() -> str:
    """Ask for all queues: a deleted one leaves no trace, and there are a few dozen in any org."""
    return soql(
        "SELECT {fields} FROM Group WHERE Type = {type} ORDER BY Id",
        fields=allowed_names(QUEUE_FIELDS, allowed=QUEUE_FIELDS),
        type="Queue",
    )


def count_query(object_name: str) -> str:
    """Ask how many living records an object has."""
    return soql(
        "SELECT COUNT() FROM {object_name}", object_name=allowed_names((object_name,), allowed=MIRRORED_OBJECTS)
    )


def _with_overlap(since: datetime | None) -> datetime:
    return since - OVERLAP if since else _BEFORE_ANY_ORG

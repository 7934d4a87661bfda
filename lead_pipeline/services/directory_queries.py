"""The SOQL that the mirror is filled by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lead_pipeline.domain.directory_fields import MIRRORED_OBJECTS, QUEUE_FIELDS, USER_FIELDS, FieldSelection
from lead_pipeline.salesforce.soql import allowed_names, soql

# A transaction that was open while we read may commit with an earlier SystemModstamp.
OVERLAP = timedelta(minutes=2)

_BEFORE_ANY_ORG = datetime(1999, 1, 1, tzinfo=UTC)  # Salesforce was founded that year

_CHANGES = "SELECT {fields} FROM {object_name} WHERE SystemModstamp >= {since}"
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

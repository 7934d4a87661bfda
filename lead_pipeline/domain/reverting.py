"""What undoing a run puts back, field by field: the value before, where the record still holds what the run wrote.

Belongs here: the comparison. Reading the records, and writing through the same protocol as every other write, is
`services/revert`. Records that the run created are never deleted: they get a note that people can list them by.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from lead_pipeline.domain.org_guard import guard_values
from lead_pipeline.domain.value_equality import are_equal
from lead_pipeline.domain.write_protocol import (
    EXTERNAL_ID_FIELD,
    RECEIPT_FIELD,
    WriteIntent,
    WriteKind,
    WritePurpose,
)

TAG_FIELD = "Dievio_Update_Reason__c"  # the machine's own note on a record; the review status belongs to people
KEPT_FIELDS = frozenset({EXTERNAL_ID_FIELD, RECEIPT_FIELD})  # a link never moves, and the receipt is the write's own
REASON_CODE = "revert"


class RevertVerdict(StrEnum):
    """What undoing does with one field of one record."""

    PUT_BACK = "put_back"
    TAG = "tag"  # the run made the record: it gets a note and nothing else
    ALREADY_BACK = "already_back"
    CHANGED_SINCE = "changed_since"  # somebody else's value stands there now
    NO_IMAGE = "no_image"  # nobody kept what stood there before
    NOT_WRITABLE = "not_writable"  # the org hides the field from us or no longer has it
    GONE = "gone"  # the record is deleted


WRITING_VERDICTS = frozenset({RevertVerdict.PUT_BACK, RevertVerdict.TAG})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWrite:
    """One write of the run, as it was committed."""

    op_id: UUID
    batch_id: str
    dievio_lead_id: str
    raw_lead_id: int
    person_key: str
    kind: WriteKind
    object_name: str
    salesforce_id: str
    payload: Mapping[str, object]
    before: Mapping[str, object]
    mapping_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRecord:
    """A record as it is now."""

    fields: Mapping[str, object]
    last_modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRevert:
    """What undoing does with one field."""

    field: str
    verdict: RevertVerdict
    now: object = None
    target: object = None  # the value to be written, where the verdict writes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRevert:
    """What undoing does with one record; `write` is the newest write of the run to it."""

    write: RunWrite
    was_created: bool
    fields: tuple[FieldRevert, ...]
    last_modified_at: datetime | None = None

    def changes(self) -> dict[str, object]:
        """Return API name -> value to write; None clears the field."""
        return {entry.field: entry.target for entry in self.fields if entry.verdict in WRITING_VERDICTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    """What comparing values needs to know: the types of the fields that our user may change, by object."""

    field_types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def type_of(self, object_name: str, name: str) -> str | None:
        """Return Salesforce's word for a field's type, None when we may not change the field."""
        return self.field_types.get(object_name, {}).get(name)


def plan_revert(
    writes: Sequence[RunWrite], records: Mapping[str, CurrentRecord], org: Org, *, run_id: str
) -> tuple[RecordRevert, ...]:
    """Return what undoing a run does with each record.

    Args:
        writes: Applied writes of the run, each record's in the order in which they took place.
        records: Salesforce id -> the record now; a deleted one is absent.
        org: Types of the fields that may be changed.
        run_id: The run that is undone, for the note on records it created.
    """
    by_record: dict[str, list[RunWrite]] = defaultdict(list)
    for write in writes:
        by_record[write.salesforce_id].append(write)
    return tuple(
        _plan_record(own, records.get(salesforce_id), org, tag=f"Reverted: created by run {run_id}")
        for salesforce_id, own in by_record.items()
    )


def count_verdicts(reverts: Sequence[RecordRevert]) -> Counter[RevertVerdict]:
    """Return how many fields got which verdict."""
    return Counter(entry.verdict for revert in reverts for entry in revert.fields)


def build_revert_intent(
    revert: RecordRevert, *, op_id: UUID, run_id: str, attempt: int, org_fields: Collection[str]
) -> WriteIntent:
    """Turn a record's part of the plan into the write that carries it out.

    Args:
        revert: The record's part of the plan.
        op_id: Id of the write.
        run_id: The run that undoes.
        attempt: 1 plus the refused writes before.
        org_fields: Fields of the object that our user may change.
    """
    before = {entry.field: entry.now for entry in revert.fields if entry.field in revert.changes()}
    changes = revert.changes()
    return WriteIntent(
        op_id=op_id,
        batch_id=revert.write.batch_id,
        run_id=run_id,
        dievio_lead_id=revert.write.dievio_lead_id,
        raw_lead_id=revert.write.raw_lead_id,
        person_key=revert.write.person_key,
        purpose=WritePurpose.REVERT,
        kind=WriteKind.UPDATE,
        object_name=revert.write.object_name,
        salesforce_id=revert.write.salesforce_id,
        payload={**changes, RECEIPT_FIELD: str(op_id)},
        before=before,
        base_last_modified_at=revert.last_modified_at,
        mapping_version=revert.write.mapping_version,
        reason_code=REASON_CODE,
        attempt=attempt,
        guard_values=guard_values(before, org_fields=org_fields, decision_id=str(op_id)),
    )


def _plan_record(writes: Sequence[RunWrite], record: CurrentRecord | None, org: Org, *, tag: str) -> RecordRevert:
    was_created = any(write.kind is WriteKind.INSERT for write in writes)
    plan = _tag(writes[-1], record, org, tag=tag) if was_created else _put_back(writes, record, org)
    return RecordRevert(
        write=writes[-1],
        was_created=was_created,
        fields=tuple(plan),
        last_modified_at=record.last_modified_at if record is not None else None,
    )


def _tag(write: RunWrite, record: CurrentRecord | None, org: Org, *, tag: str) -> Iterator[FieldRevert]:
    if record is None:
        yield FieldRevert(field=TAG_FIELD, verdict=RevertVerdict.GONE)
        return
    held = record.fields.get(TAG_FIELD)
    if org.type_of(write.object_name, TAG_FIELD) is None:
        yield FieldRevert(field=TAG_FIELD, verdict=RevertVerdict.NOT_WRITABLE)
    elif held == tag:
        yield FieldRevert(field=TAG_FIELD, verdict=RevertVerdict.ALREADY_BACK, now=held)
    else:
        yield FieldRevert(field=TAG_FIELD, verdict=RevertVerdict.TAG, now=held, target=tag)


def _put_back(writes: Sequence[RunWrite], record: CurrentRecord | None, org: Org) -> Iterator[FieldRevert]:
    names = dict.fromkeys(name for write in writes for name in write.payload if name not in KEPT_FIELDS)
    for name in names:
        field_type = org.type_of(writes[-1].object_name, name)
        own = [write for write in writes if name in write.payload]
        if record is None:
            yield FieldRevert(field=name, verdict=RevertVerdict.GONE)
        elif field_type is None:
            yield FieldRevert(field=name, verdict=RevertVerdict.NOT_WRITABLE)
        elif name not in own[-1].before:
            yield FieldRevert(field=name, verdict=RevertVerdict.NO_IMAGE)
        else:
            yield _compare(name, own, record.fields.get(name), field_type=field_type)


def _compare(name: str, own: Sequence[RunWrite], now: object, *, field_type: str) -> FieldRevert:
    """Judge one field by the value that stands there: ours, the one before, or somebody else's."""
    target = _value_before(name, own, field_type=field_type)
    if are_equal(now, target, field_type=field_type):
        return FieldRevert(field=name, verdict=RevertVerdict.ALREADY_BACK, now=now)
    if are_equal(now, own[-1].payload[name], field_type=field_type):
        return FieldRevert(field=name, verdict=RevertVerdict.PUT_BACK, now=now, target=target)
    return FieldRevert(field=name, verdict=RevertVerdict.CHANGED_SINCE, now=now)


def _value_before(name: str, own: Sequence[RunWrite], *, field_type: str) -> object:
    """Return what stood there before the run; a value that somebody typed between two of its writes comes first."""
    value = own[-1].before[name]
    for earlier in reversed(own[:-1]):
        if name not in earlier.before or not are_equal(value, earlier.payload[name], field_type=field_type):
            break
        value = earlier.before[name]
    return value if value != "" else None

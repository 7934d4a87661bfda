"""A Salesforce org in memory: records, their history, and what the platform refuses. Calls and faults are `crm`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lead_pipeline.domain.write_protocol import EXTERNAL_ID_FIELD, OWNER_FIELD, RECEIPT_FIELD
from lead_pipeline.salesforce.ids import KEY_PREFIXES, checksum
from lead_pipeline_tests.simulation.clock import VirtualClock

INTEGRATION = "integration"
REP = "rep"
INTEGRATION_USER_ID = "0055e0000000001AAA"
REP_OWNER_ID = "0055e0000000007AAA"
USER_IDS = {INTEGRATION: INTEGRATION_USER_ID, REP: REP_OWNER_ID}
HOLDING_QUEUE_ID = "00G5e0000000001AAA"
FIELDS = (
    "FirstName",
    "LastName",
    "Email",
    "Title",
    "Phone",
    "Industry",
    "Website",
    "Original_Source__c",
    "Description",
    OWNER_FIELD,
    EXTERNAL_ID_FIELD,
    RECEIPT_FIELD,
)


class ChangeKind(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    CONVERT = "convert"


@dataclass(slots=True)
class Record:
    """One Lead or Contact. `modified_at` has whole seconds, as LastModifiedDate has; `stamp` counts changes."""

    salesforce_id: str
    object_name: str
    fields: dict[str, Any]
    modified_at: int = 0
    modified_by_id: str = REP_OWNER_ID
    stamp: int = 0
    is_deleted: bool = False
    master_record_id: str | None = None
    is_converted: bool = False
    converted_contact_id: str | None = None

    @property
    def is_live(self) -> bool:
        return not self.is_deleted and not self.is_converted


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One commit of the org's history."""

    at: float
    user: str
    kind: ChangeKind
    salesforce_id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the org does not save a record, in its own words."""

    code: str
    message: str = ""
    status: int = 400
    matched_id: str | None = None


def refuse_nothing(_record: Record, _payload: Mapping[str, Any]) -> Refused | None:
    """Let every update pass: an org without a guard."""
    return None


@dataclass
class Org:
    """The org. What it checks can be switched: an org may lack the unique index, the duplicate rule or the guard."""

    clock: VirtualClock
    is_external_id_unique: bool = True
    has_duplicate_rule: bool = False
    refuse: Callable[[Record, Mapping[str, Any]], Refused | None] = refuse_nothing  # what it forbids our user
    records: dict[str, Record] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    _stamps: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # --- reading --------------------------------------------------------------------------------------------------

    def live(self, object_name: str | None = None) -> list[Record]:
        return [
            record
            for record in self.records.values()
            if record.is_live and (object_name is None or record.object_name == object_name)
        ]

    def ours(self) -> list[Change]:
        return [change for change in self.history if change.user == INTEGRATION]

    # --- saving ---------------------------------------------------------------------------------------------------

    def insert(self, object_name: str, payload: Mapping[str, Any], *, user: str) -> str | Refused:
        """Make a record and return its id."""
        refused = self._refuse_duplicate_id(object_name, payload, own_id=None) or (
            self._refuse_likeness(payload) if user == INTEGRATION else None
        )
        if refused is not None:
            return refused
        short_id = f"{KEY_PREFIXES[object_name]}5e{next(self._numbers):010d}"
        record_id = short_id + checksum(short_id)
        owner_id = payload.get(OWNER_FIELD) or INTEGRATION_USER_ID
        record = Record(record_id, object_name, dict.fromkeys(FIELDS) | dict(payload) | {OWNER_FIELD: owner_id})
        self.records[record_id] = record
        self._note(record, ChangeKind.INSERT, before=dict.fromkeys(payload), after=payload, user=user)
        return record_id

    def update(
        self, record_id: str, payload: Mapping[str, Any], *, user: str, unmodified_since: int | None = None
    ) -> str | Refused:
        """Change a record, if nobody did after a moment."""
        record = self.records.get(record_id)
        if record is None:
            return Refused("NOT_FOUND", status=404)
        if record.is_deleted:
            return Refused("ENTITY_IS_DELETED", "entity is deleted", status=404)
        if unmodified_since is not None and record.modified_at > unmodified_since:
            return Refused("PRECONDITION_FAILED", "modified", status=412)
        if record.is_converted:
            return Refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        refused = self._refuse_duplicate_id(record.object_name, payload, own_id=record_id) or (
            self.refuse(record, payload) if user == INTEGRATION else None
        )
        if refused is not None:
            return refused
        before = {name: record.fields.get(name) for name in payload}
        record.fields.update(payload)
        self._note(record, ChangeKind.UPDATE, before=before, after=payload, user=user)
        return record_id

    def upsert(self, object_name: str, payload: Mapping[str, Any], *, user: str) -> str | Refused:
        """Insert or update by the external id; only breakages and rival designs call it."""
        lead_id = payload[EXTERNAL_ID_FIELD]
        held = [record for record in self.live(object_name) if record.fields[EXTERNAL_ID_FIELD] == lead_id]
        if len(held) > 1:
            return Refused("DUPLICATE_EXTERNAL_ID", status=300)
        if not held:
            return self.insert(object_name, payload, user=user)
        return self.update(held[0].salesforce_id, payload, user=user)

    # --- what people do -------------------------------------------------------------------------------------------

    def delete(self, record: Record, *, master: Record | None = None) -> None:
        """Delete a record, or let a merge do it."""
        record.is_deleted = True
        record.master_record_id = master.salesforce_id if master else None
        self._note(record, ChangeKind.DELETE, before={}, after={}, user=REP)

    def convert(self, record: Record) -> None:
        """Convert a Lead; its Contact takes the fields over."""
        contact_id = self.insert("Contact", {**record.fields, OWNER_FIELD: record.fields[OWNER_FIELD]}, user=REP)
        record.is_converted = True
        record.converted_contact_id = contact_id if isinstance(contact_id, str) else None
        self._note(record, ChangeKind.CONVERT, before={}, after={}, user=REP)

    # --- within ---------------------------------------------------------------------------------------------------

    def _refuse_duplicate_id(
        self, object_name: str, payload: Mapping[str, Any], *, own_id: str | None
    ) -> Refused | None:
        lead_id = payload.get(EXTERNAL_ID_FIELD)
        if lead_id is None or not self.is_external_id_unique:
            return None
        for record in self.live(object_name):
            if record.fields[EXTERNAL_ID_FIELD] == lead_id and record.salesforce_id != own_id:
                message = f"duplicate value found: {EXTERNAL_ID_FIELD} duplicates value on record with id: "
                return Refused("DUPLICATE_VALUE", message + record.salesforce_id, matched_id=record.salesforce_id)
        return None

    def _refuse_likeness(self, payload: Mapping[str, Any]) -> Refused | None:
        if not self.has_duplicate_rule or not payload.get("Email"):
            return None
        for record in self.live():
            if record.fields["Email"] == payload["Email"]:
                return Refused("DUPLICATES_DETECTED", "Use one of these records?", matched_id=record.salesforce_id)
        return None

    def _note(
        self, record: Record, kind: ChangeKind, *, before: Mapping[str, Any], after: Mapping[str, Any], user: str
    ) -> None:
        record.modified_at = int(self.clock.seconds)
        record.modified_by_id = USER_IDS[user]
        record.stamp = next(self._stamps)
        self.history.append(
            Change(
                at=self.clock.seconds,
                user=user,
                kind=kind,
                salesforce_id=record.salesforce_id,
                before=dict(before),
                after=dict(after),
            )
        )

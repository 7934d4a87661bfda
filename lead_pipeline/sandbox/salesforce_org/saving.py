"""How a record is created, changed and deleted: every rule of the platform in the order it applies them.

Order: access, field names, field-level security, values, required fields, references, validation rules, duplicate
rules, unique fields, write, assignment rule, journal. Belongs here: that order. One value: values.py; one rule's own
logic: formula.py, duplicates.py, places.py; merge, conversion and undelete: lifecycle.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.duplicates import duplicates_fault, find_matches, is_affected
from lead_pipeline.sandbox.salesforce_org.formula import Change, compile_formula
from lead_pipeline.sandbox.salesforce_org.org import Caller, Org, full_name
from lead_pipeline.sandbox.salesforce_org.permission_sets import renew_access
from lead_pipeline.sandbox.salesforce_org.places import complete_places
from lead_pipeline.sandbox.salesforce_org.schema import AUDIT_NAMES, DuplicateRule, Field, ObjectSchema
from lead_pipeline.sandbox.salesforce_org.store import Row
from lead_pipeline.sandbox.salesforce_org.values import UnreadableValueError, show_value, stored_value

_SHORT_ID: Final = 15
_QUEUE_OBJECTS: Final = frozenset({"Lead", "Case"})


class Refused(Exception):  # noqa: N818 - the outcome of one save, not a failure of the program
    """A save that the org refuses, with every reason in a stable order."""

    def __init__(self, *faults: SalesforceFault) -> None:
        super().__init__(",".join(item.code for item in faults))
        self.faults = faults


@dataclass
class SaveContext:
    """Who saves, through which version, and what the request's headers ask for.

    Attributes:
        caller: the acting user.
        version: API version of the request.
        allow_duplicates: Sforce-Duplicate-Rule-Header allowSave.
        show_duplicates: its includeRecordDetails.
        auto_assign: whether the active assignment rule picks the owner.
        unmodified_since: If-Unmodified-Since in stored form; a younger record is not touched.
        chunk_ids: ids saved by the same chunk, which duplicate rules do not compare with.
        locked: whether the row fault of this record is due.
    """

    caller: Caller
    version: float
    allow_duplicates: bool = False
    show_duplicates: bool = False
    auto_assign: bool = True
    unmodified_since: str | None = None
    chunk_ids: set[str] = field(default_factory=set)


class Saver:
    """Saves records of one org for one request.

    Args:
        org: the org.
        context: who saves and how.
    """

    def __init__(self, org: Org, context: SaveContext) -> None:
        self._org = org
        self._store = org.store
        self._context = context

    # --- the four operations --------------------------------------------------------------------------------------

    def create(self, schema: ObjectSchema, payload: Mapping[str, Any]) -> str:
        """Create a record and return its id.

        Raises:
            Refused: a rule of the org forbids it.
            UnreadableValueError: a value does not have the JSON shape of its field.
        """
        self._check_access(schema, "create")
        given = self._read_payload(schema, payload, verb="create")
        row = {**schema.defaults, **{name: value for name, value in given.items() if value is not None}}
        self._check_required(schema, row)
        if "OwnerId" in schema.fields:
            row.setdefault("OwnerId", self._context.caller.user_id)
        with self._store.transaction():
            record_id = self._store.next_id(schema)
            row["Id"] = record_id
            self._check_record(schema, row, old=None, changed={name for name in given if row.get(name) is not None})
            self._assign_owner(schema, row)
            self._stamp_new(schema, row)
            self._store.insert(schema, row)
            self._log(schema, record_id, op="create", before=None, after=_without_audit(row))
            self._follow_assignment(schema)
        self._context.chunk_ids.add(record_id)
        return record_id

    def update(self, schema: ObjectSchema, record_id: str, *, payload: Mapping[str, Any]) -> None:
        """Change a record; an update that changes nothing still moves its modification stamp.

        Raises:
            Refused: a rule of the org forbids it, or the record is gone, converted or younger than allowed.
            UnreadableValueError: a value does not have the JSON shape of its field.
        """
        self._check_access(schema, "update")
        with self._store.transaction():
            old = self._existing(schema, record_id)
            self._check_precondition(old)
            if old.get("IsConverted"):
                raise Refused(fault("CANNOT_UPDATE_CONVERTED_LEAD", fields=[]))
            given = self._read_payload(schema, payload, verb="update")
            row = {**old, **given}
            self._check_required(schema, {name: row[name] for name in given}, partial=True)
            changed = {name for name in given if row[name] != old[name]}
            self._check_record(schema, row, old=old, changed=changed)
            self._assign_owner(schema, row)
            self._write_changes(schema, old, row=row)

    def delete(self, schema: ObjectSchema, record_id: str) -> None:
        """Put a record into the recycle bin.

        Raises:
            Refused: it is gone already or the caller may not delete.
        """
        self._check_access(schema, "delete")
        with self._store.transaction():
            old = self._existing(schema, record_id)
            self._check_precondition(old)
            self._store.update(schema, record_id, changes={"IsDeleted": 1, **self._modified()})
            self._log(schema, record_id, op="delete", before={"IsDeleted": 0}, after={"IsDeleted": 1})
            self._follow_assignment(schema)

    # --- checks ---------------------------------------------------------------------------------------------------

    def _check_access(self, schema: ObjectSchema, operation: str) -> None:
        if not schema.writable:
            raise Refused(fault("INVALID_TYPE_FOR_OPERATION", object_name=schema.name, operation=operation, fields=[]))
        if operation in schema.access_of(self._context.caller.key).denied:
            raise Refused(fault("INSUFFICIENT_ACCESS_OR_READONLY", fields=[]))

    def _existing(self, schema: ObjectSchema, record_id: str) -> Row:
        row = self._store.get(schema, record_id)
        if row is None or self._is_hidden(schema, row):
            raise Refused(fault("INVALID_CROSS_REFERENCE_KEY", fields=[]))
        if row.get("IsDeleted"):
            raise Refused(fault("ENTITY_IS_DELETED", fields=[]))
        return row

    def _check_precondition(self, row: Row) -> None:
        limit = self._context.unmodified_since
        if limit is not None and row["LastModifiedDate"] > limit:
            raise Refused(fault("PRECONDITION_FAILED"))

    def _read_payload(self, schema: ObjectSchema, payload: Mapping[str, Any], *, verb: str) -> Row:
        fields = self._writable_fields(schema, payload, verb=verb)
        faults: list[SalesforceFault] = []
        row: Row = {}
        for item, value in fields:
            try:
                row[item.name] = stored_value(item, value)
            except SalesforceFault as refusal:
                faults.append(refusal)
        if faults:
            order = {name: place for place, name in enumerate(schema.fields)}
            raise Refused(*sorted(faults, key=lambda refusal: order[(refusal.fields or ("Id",))[0]]))
        return row

    def _writable_fields(
        self, schema: ObjectSchema, payload: Mapping[str, Any], *, verb: str
    ) -> list[tuple[Field, Any]]:
        access = schema.access_of(self._context.caller.key)
        found: list[tuple[Field, Any]] = []
        locked: list[str] = []
        for name, value in payload.items():
            item = schema.by_lower_name.get(name.lower())
            if item is None or item.name in access.not_readable:
                raise Refused(fault("INVALID_FIELD", name=name, object_name=schema.name))
            if not (item.createable if verb == "create" else item.updateable) or item.name in access.not_editable:
                locked.append(item.name)
            found.append((item, value))
        if locked:
            raise Refused(fault("INVALID_FIELD_FOR_INSERT_UPDATE", names=", ".join(locked), fields=locked))
        return found

    def _check_required(self, schema: ObjectSchema, row: Mapping[str, Any], *, partial: bool = False) -> None:
        if partial:
            missing = [name for name, value in row.items() if value is None and _must_stay(schema.fields[name])]
        else:
            missing = [name for name in schema.required_names if row.get(name) is None]
        if missing:
            raise Refused(fault("REQUIRED_FIELD_MISSING", names=", ".join(missing), fields=missing))
        if partial and "OwnerId" in row and row["OwnerId"] is None:
            label = schema.fields["OwnerId"].label
            raise Refused(fault("INVALID_CROSS_REFERENCE_KEY.owner", label=label, fields=["OwnerId"]))

    def _check_record(self, schema: ObjectSchema, row: Row, *, old: Row | None, changed: set[str]) -> None:
        self._check_references(schema, row, changed=changed)
        _raise_if(complete_places(schema, row, changed=changed))
        self._check_rules(schema, row, old=old)
        self._check_duplicates(schema, row, is_new=old is None, changed=changed)
        self._check_unique(schema, row, changed=changed)
        if schema.name == "CampaignMember" and old is None:
            self._check_membership(row)

    def _check_references(self, schema: ObjectSchema, row: Row, *, changed: Any) -> None:  # noqa: ANN401 - any set-like view
        for name in changed:
            item = schema.fields[name]
            if item.type != "reference" or row[name] is None:
                continue
            target = self._org.object_of(row[name])
            if target is None or target.name not in item.reference_to:
                raise Refused(fault("FIELD_INTEGRITY_EXCEPTION", label=item.label, value=row[name], fields=[name]))
            found = self._store.get(target, row[name])
            if found is None or found.get("IsDeleted"):
                raise Refused(fault("INVALID_CROSS_REFERENCE_KEY", fields=[]))
            if self._is_hidden(target, found):
                short_id = row[name][:_SHORT_ID]
                raise Refused(fault("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", short_id=short_id, fields=[]))
            if name == "OwnerId":
                self._check_owner(schema, found, target=target)

    def _check_owner(self, schema: ObjectSchema, owner: Row, *, target: ObjectSchema) -> None:
        if target.name == "User" and not owner.get("IsActive"):
            raise Refused(
                fault(
                    "OPERATION_WITH_INACTIVE_USER_EXCEPTION",
                    short_id=owner["Id"][:_SHORT_ID],
                    object_name=schema.name,
                    fields=["OwnerId"],
                )
            )
        if target.name == "Group" and (owner.get("Type") != "Queue" or schema.name not in _QUEUE_OBJECTS):
            raise Refused(fault("INVALID_CROSS_REFERENCE_KEY", fields=[]))

    def _is_hidden(self, schema: ObjectSchema, row: Row) -> bool:
        return row.get("OwnerId") in schema.access_of(self._context.caller.key).hidden_owners

    def _check_rules(self, schema: ObjectSchema, row: Row, *, old: Row | None) -> None:
        change = Change(row, old, self._context.caller.permissions)
        _raise_if(
            [
                fault("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text=f"{trigger.name}: {trigger.message}", fields=[])
                for trigger in schema.triggers
                if trigger.active and compile_formula(trigger.formula)(change)
            ]
        )
        _raise_if(
            [
                fault("FIELD_CUSTOM_VALIDATION_EXCEPTION", text=rule.message, fields=[rule.field] if rule.field else [])
                for rule in schema.validation_rules
                if rule.active and compile_formula(rule.formula)(change)
            ]
        )

    def _check_duplicates(self, schema: ObjectSchema, row: Row, *, is_new: bool, changed: Any) -> None:  # noqa: ANN401 - any set-like view
        if not schema.duplicate_rules or not is_affected(changed):
            return
        for rule in schema.duplicate_rules:
            effect = rule.on_insert if is_new else rule.on_update
            if rule.active and effect != "report":
                self._apply_duplicate_rule(schema, rule, row=row, effect=effect)

    def _apply_duplicate_rule(self, schema: ObjectSchema, rule: DuplicateRule, *, row: Row, effect: str) -> None:
        allow = effect == "alert"
        if allow and self._context.allow_duplicates:
            return
        matches = find_matches(self._store, rule, row=row, apart_from={*self._context.chunk_ids, row["Id"]})
        if matches:
            version, show = self._context.version, self._shown if self._context.show_duplicates else None
            raise Refused(duplicates_fault(schema, rule, matches=matches, version=version, allow=allow, show=show))

    def _shown(self, record_id: str) -> dict[str, Any]:
        """The values of a record that the caller may read, without compound ones and what is empty."""
        target = self._org.object_of(record_id)
        row = None if target is None else self._store.get(target, record_id)
        if target is None or row is None:
            return {}
        hidden = target.access_of(self._context.caller.key).not_readable
        return {
            item.name: show_value(item, row[item.name])
            for item in target.fields.values()
            if item.compound is None and item.name not in hidden and row[item.name] is not None
        }

    def _check_unique(self, schema: ObjectSchema, row: Row, *, changed: Any) -> None:  # noqa: ANN401 - any set-like view
        for item in schema.unique_fields:
            if item.name not in changed or row[item.name] is None:
                continue
            others = [
                record_id
                for record_id in self._store.ids_with(schema, item, value=row[item.name], limit=2)
                if record_id != row["Id"]
            ]
            if others:
                raise Refused(fault("DUPLICATE_VALUE", name=item.name, record_id=others[0], fields=[item.name]))

    def _check_membership(self, row: Row) -> None:
        """Refuse a second membership of a person in a campaign."""
        query = "SELECT Id FROM CampaignMember WHERE CampaignId = ? AND IsDeleted = 0 AND (LeadId = ? OR ContactId = ?)"
        if self._store.one(query, [row["CampaignId"], row.get("LeadId"), row.get("ContactId")]) is not None:
            raise Refused(fault("DUPLICATE_VALUE.member", fields=[]))

    # --- writing --------------------------------------------------------------------------------------------------

    def _assign_owner(self, schema: ObjectSchema, row: Row) -> None:
        if not self._context.auto_assign:
            return
        change = Change(row, None, self._context.caller.permissions)
        for rule in schema.assignment_rules:
            for formula, queue in rule.entries if rule.active else ():
                if compile_formula(formula)(change):
                    found = self._store.one('SELECT Id FROM "Group" WHERE DeveloperName = ? AND IsDeleted = 0', [queue])
                    row["OwnerId"] = row["OwnerId"] if found is None else found[0]
                    return

    def _stamp_new(self, schema: ObjectSchema, row: Row) -> None:
        stamps = self._modified()
        row |= stamps
        row |= {"CreatedDate": stamps["SystemModstamp"], "CreatedById": stamps["LastModifiedById"], "IsDeleted": 0}
        if schema.name_parts:
            row["Name"] = full_name(schema, row)

    def _modified(self) -> Row:
        now = self._org.now_text()
        return {"LastModifiedDate": now, "LastModifiedById": self._context.caller.user_id, "SystemModstamp": now}

    def _write_changes(self, schema: ObjectSchema, old: Row, *, row: Row) -> None:
        if schema.name_parts:
            row["Name"] = full_name(schema, row)
        if row.get("IsUnreadByOwner") and row.get("OwnerId") == self._context.caller.user_id:
            row["IsUnreadByOwner"] = 0
        changes = {name: value for name, value in row.items() if value != old[name]}
        self._store.update(schema, old["Id"], changes={**changes, **self._modified()})
        self._log(schema, old["Id"], op="update", before={name: old[name] for name in changes}, after=changes)
        if schema.name == "User" and changes.get("IsActive") == 0:
            self._org.sessions.end_all_of(old["Id"])

    def _follow_assignment(self, schema: ObjectSchema) -> None:
        if schema.name == "PermissionSetAssignment":
            renew_access(self._org)

    def _log(self, schema: ObjectSchema, record_id: str, *, op: str, before: Row | None, after: Row | None) -> None:
        log_commit(
            self._org,
            self._context.caller,
            entry={"op": op, "object": schema.name, "id": record_id, "before": before, "after": after},
        )


def log_commit(org: Org, caller: Caller, *, entry: Mapping[str, Any]) -> None:
    """Write one change of one record into the journal."""
    org.store.record_commit({"at": org.now_text(), "user": caller.key, **entry})


def _without_audit(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in AUDIT_NAMES and value is not None}


def _must_stay(item: Field) -> bool:
    return item.required or (not item.nillable and item.is_text)


def _raise_if(faults: Sequence[SalesforceFault]) -> None:
    if faults:
        raise Refused(*faults)


__all__ = ["Refused", "SaveContext", "Saver", "UnreadableValueError", "log_commit"]

"""What permission sets give: fields to read and edit, objects, custom permissions; worked out anew when one changes.

Belongs here: turning deployed and assigned sets into the access of the sandbox's users. Deploying them: metadata.py;
the checks themselves: saving.py. Fields that a deployment made are hidden from everybody but the admin until a set
shows them, as on the platform. A user of the minimal profile may read and edit what its sets name, once it has any.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.ids import add_checksum
from lead_pipeline.sandbox.salesforce_org.org import Org
from lead_pipeline.sandbox.salesforce_org.schema import Field, ObjectSchema

SET_SETTING: Final = "metadata.PermissionSet."
FIELD_SETTING: Final = "metadata.CustomField."
_ADMIN: Final = "admin"
_MINIMAL_PROFILE: Final = "Minimum Access - API Only Integrations"
_PLACE_PARTS: Final = ("Street", "City", "State", "PostalCode", "Country", "StateCode", "CountryCode")
_COMPOUNDS: Final = {"Lead.Address": "", "Contact.MailingAddress": "Mailing", "Account.BillingAddress": "Billing"}
#: Fields without field-level security: required ones, parts of the name, and what the platform itself keeps.
_OPEN_FIELDS: Final = frozenset(
    {"Id", "Name", "FirstName", "LastName", "Salutation", "OwnerId", "Status", "IsConverted", "MasterRecordId"}
)
_OPERATIONS: Final = {"read": "allowRead", "create": "allowCreate", "update": "allowEdit", "delete": "allowDelete"}


@dataclass
class Grants:
    """What all sets of one user give together."""

    readable: set[str] = field(default_factory=set)
    editable: set[str] = field(default_factory=set)
    objects: dict[str, set[str]] = field(default_factory=dict)
    permissions: set[str] = field(default_factory=set)
    is_empty: bool = True

    def add(self, document: Mapping[str, Any]) -> None:
        """Add one set."""
        self.is_empty = False
        for row in document.get("fieldPermissions", ()):
            names = list(_expand(str(row["field"])))
            self.readable.update(names if row.get("readable") == "true" else ())
            self.editable.update(names if row["editable"] == "true" else ())
        for row in document.get("objectPermissions", ()):
            allowed = {name for name, flag in _OPERATIONS.items() if row[flag] == "true"}
            self.objects.setdefault(str(row["object"]), set()).update(allowed)
        for row in document.get("customPermissions", ()):
            self.permissions.update([str(row["name"])] if row["enabled"] == "true" else ())


def renew_access(org: Org) -> None:
    """Work out the access of every user from the sets that are deployed and assigned."""
    made = {name for name, _ in _settings(org, FIELD_SETTING)}
    sets = {name: json.loads(text) for name, text in _settings(org, SET_SETTING)}
    if not made and not sets:
        return
    for key, user in org.users.items():
        if key == _ADMIN:
            continue
        grants = _grants_of(org, add_checksum(user["Id"]), sets=sets)
        org.grant(key, frozenset(grants.permissions))
        is_minimal = _profile_of(org, user["ProfileId"]) == _MINIMAL_PROFILE and not grants.is_empty
        for schema in list(org.schemas.values()):
            access = _access(schema, grants, made=made, is_minimal=is_minimal)
            if access:
                org.change_schema(schema.name, {"access": {key: access}})


def _access(schema: ObjectSchema, grants: Grants, *, made: set[str], is_minimal: bool) -> dict[str, list[str]]:
    secured = [
        f"{schema.name}.{item.name}"
        for item in schema.fields.values()
        if f"{schema.name}.{item.name}" in made or (is_minimal and schema.name in grants.objects and _is_secured(item))
    ]
    access: dict[str, list[str]] = {}
    if secured:
        access["not_readable"] = [name.partition(".")[2] for name in secured if name not in grants.readable]
        access["not_editable"] = [name.partition(".")[2] for name in secured if name not in grants.editable]
    if is_minimal and schema.name in grants.objects:
        access["denied"] = sorted(set(_OPERATIONS) - grants.objects[schema.name])
    return access


def _is_secured(item: Field) -> bool:
    is_kept_by_platform = not item.createable and not item.updateable
    return not (item.required or item.custom or is_kept_by_platform or item.name in _OPEN_FIELDS)


def _grants_of(org: Org, user_id: str, *, sets: Mapping[str, Mapping[str, Any]]) -> Grants:
    rows = org.store.all(
        'SELECT p.Name FROM PermissionSetAssignment AS a JOIN "PermissionSet" AS p ON p.Id = a.PermissionSetId'
        " WHERE a.AssigneeId = ? AND a.IsDeleted = 0",
        [user_id],
    )
    grants = Grants()
    for (name,) in rows:
        if name in sets:
            grants.add(sets[name])
    return grants


def _profile_of(org: Org, profile_id: str) -> str:
    row: Sequence[Any] | None = org.store.one('SELECT Name FROM "Profile" WHERE Id = ?', [add_checksum(profile_id)])
    return "" if row is None else str(row[0])


def _settings(org: Org, prefix: str) -> list[tuple[str, str]]:
    rows = org.store.all("SELECT name, value FROM sandbox_setting WHERE name LIKE ? ORDER BY name", [f"{prefix}%"])
    return [(str(name).removeprefix(prefix), str(value)) for name, value in rows]


def _expand(name: str) -> Iterator[str]:
    """A compound address stands for its parts."""
    yield name
    if name in _COMPOUNDS:
        object_name = name.partition(".")[0]
        yield from (f"{object_name}.{_COMPOUNDS[name]}{part}" for part in _PLACE_PARTS)

"""Object schemas: what a field is, read from JSON files or from the control plane.

Belongs here: the shape of objects and fields and their reading. Checking values against it: values.py. Showing it to
clients: describe.py. Tables made from it: store.py.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

Edition = Literal["stock", "demo"]

SCHEMA_FOLDER: Final = Path(__file__).parent / "schemas"
TEXT_TYPES: Final = frozenset(
    {"string", "textarea", "email", "phone", "url", "picklist", "combobox", "encryptedstring"}
)
NUMBER_TYPES: Final = frozenset({"double", "currency", "percent"})
_LONG_TEXT: Final = 255  # characters; longer text areas cannot be filtered, sorted or grouped
_ID_LENGTH: Final = 18
_DEFAULT_LENGTHS: Final = MappingProxyType({"email": 80, "phone": 40, "url": 255, "picklist": 255, "textarea": 255})


@dataclass(frozen=True)
class Field:
    """One field of an object, named and flagged as describe shows it."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted: bool = False
    default: Any = None
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    id_lookup: bool = False
    tracked: bool = False
    restricted: bool = False
    values: tuple[str, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    compound: str | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def custom(self) -> bool:
        """Whether an admin added the field."""
        return self.name.endswith("__c")

    @property
    def filterable(self) -> bool:
        """Whether SOQL may filter by it."""
        return self.compound is None and not (self.type == "textarea" and self.length > _LONG_TEXT)

    @property
    def is_text(self) -> bool:
        """Whether its values are free or listed text."""
        return self.type in TEXT_TYPES

    @property
    def is_stored(self) -> bool:
        """Whether it has a column of its own (compound fields are put together on reading)."""
        return self.compound is None

    @property
    def is_key(self) -> bool:
        """Whether upsert and retrieval may find a record by it."""
        return self.external_id or self.id_lookup or self.name == "Id"


@dataclass(frozen=True)
class ValidationRule:
    """An admin's rule or an Apex trigger's: the save is refused while the formula is true."""

    name: str
    formula: str
    message: str
    active: bool = True
    field: str | None = None


@dataclass(frozen=True)
class DuplicateRule:
    """A duplicate rule: which objects it compares with and what it does.

    `on_insert` and `on_update` are `block`, `alert` (refused unless the caller allows saving) or `report` (saved).
    """

    name: str
    message: str
    compares: tuple[tuple[str, str], ...]
    on_insert: str = "alert"
    on_update: str = "report"
    active: bool = True


@dataclass(frozen=True)
class AssignmentRule:
    """An active assignment rule: the first entry whose formula is true gives the owner (a queue's developer name)."""

    name: str
    entries: tuple[tuple[str, str], ...]
    active: bool = True


@dataclass(frozen=True)
class Access:
    """What one user may not do with an object.

    Attributes:
        not_readable: fields hidden by field-level security.
        not_editable: fields it may only read.
        denied: operations refused (read, create, update, delete); without read the object does not exist for the user.
        hidden_owners: ids of owners whose records no sharing rule opens to the user. It does not see them, and they
            still take part in unique fields and duplicate rules.
    """

    not_readable: frozenset[str] = frozenset()
    not_editable: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    hidden_owners: frozenset[str] = frozenset()

    def sharing_condition(self, owner_column: str) -> tuple[list[str], list[str]]:
        """The SQL condition that leaves out hidden records, if any are, with its parameters."""
        if not self.hidden_owners:
            return [], []
        return [f"{owner_column} NOT IN ({', '.join('?' * len(self.hidden_owners))})"], sorted(self.hidden_owners)


NO_RESTRICTION: Final = Access()


@dataclass(frozen=True)
class ObjectSchema:
    """One object: fields in describe order, rules, and per-user restrictions."""

    name: str
    label: str
    label_plural: str
    prefix: str
    fields: Mapping[str, Field]
    name_parts: tuple[str, ...] = ()
    writable: bool = True
    triggers: tuple[ValidationRule, ...] = ()
    validation_rules: tuple[ValidationRule, ...] = ()
    duplicate_rules: tuple[DuplicateRule, ...] = ()
    assignment_rules: tuple[AssignmentRule, ...] = ()
    access: Mapping[str, Access] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def by_lower_name(self) -> dict[str, Field]:
        """Fields by lower-case API name: clients may write any case."""
        return {name.lower(): item for name, item in self.fields.items()}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the stored fields, in describe order."""
        return tuple(item.name for item in self.fields.values() if item.is_stored)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The values that a new record starts with."""
        return {item.name: item.default for item in self.fields.values() if item.default is not None}

    @cached_property
    def required_names(self) -> tuple[str, ...]:
        """Fields that must have a value."""
        return tuple(item.name for item in self.fields.values() if item.required)

    @cached_property
    def unique_fields(self) -> tuple[Field, ...]:
        """Fields whose values may not repeat."""
        return tuple(item for item in self.fields.values() if item.unique)

    @cached_property
    def parents(self) -> dict[str, Field]:
        """Reference fields by lower-case relationship name."""
        return {item.relationship.lower(): item for item in self.fields.values() if item.relationship}

    def find(self, name: str) -> Field | None:
        """The field of that name in any case, or None."""
        return self.by_lower_name.get(name.lower())

    def access_of(self, user_key: str) -> Access:
        """The restrictions of one user on this object."""
        return self.access.get(user_key, NO_RESTRICTION)

    def parts_of(self, compound: Field) -> Iterator[tuple[str, Field]]:
        """The members of a compound address with the fields that hold them."""
        for member in ("city", "country", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "street"):
            part = self.fields.get(f"{compound.compound}{member[0].upper()}{member[1:]}")
            if part is not None:
                yield member, part


_AUDIT_FIELDS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "IsDeleted", "type": "boolean", "label": "Deleted"},
    {"name": "CreatedDate", "type": "datetime", "label": "Created Date"},
    {
        "name": "CreatedById",
        "type": "reference",
        "label": "Created By ID",
        "reference_to": ["User"],
        "relationship": "CreatedBy",
    },
    {"name": "LastModifiedDate", "type": "datetime", "label": "Last Modified Date"},
    {
        "name": "LastModifiedById",
        "type": "reference",
        "label": "Last Modified By ID",
        "reference_to": ["User"],
        "relationship": "LastModifiedBy",
    },
    {"name": "SystemModstamp", "type": "datetime", "label": "System Modstamp"},
)
AUDIT_NAMES: Final = frozenset({"Id", *(item["name"] for item in _AUDIT_FIELDS)})


def read_field(raw: Mapping[str, Any]) -> Field:
    """Build a field from its JSON form; lengths and flags default by type."""
    kind = raw["type"]
    details: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    details.setdefault("label", raw["name"].removesuffix("__c").replace("_", " "))
    details.setdefault("length", _ID_LENGTH if kind in {"id", "reference"} else _DEFAULT_LENGTHS.get(kind, 0))
    if raw.get("required"):
        details.setdefault("nillable", False)
    if kind == "boolean":
        details.update({"nillable": False, "defaulted": True, "default": raw.get("default", False)})
    if raw.get("compound") is not None or raw.get("read_only"):
        details.update({"createable": False, "updateable": False})
    details.pop("read_only", None)
    return Field(**details)


def read_object(raw: Mapping[str, Any]) -> ObjectSchema:
    """Build an object schema from its JSON form; Id and the audit fields are added to every object."""
    fields = [read_field(item) for item in _with_audit_fields(raw)]
    label = raw.get("label", raw["name"].removesuffix("__c").replace("_", " "))
    return ObjectSchema(
        name=raw["name"],
        label=label,
        label_plural=raw.get("label_plural", label + "s"),
        prefix=raw["prefix"],
        fields=MappingProxyType({item.name: item for item in fields}),
        name_parts=tuple(raw.get("name_parts", ())),
        writable=raw.get("writable", True),
        triggers=tuple(ValidationRule(**rule) for rule in raw.get("triggers", ())),
        validation_rules=tuple(ValidationRule(**rule) for rule in raw.get("validation_rules", ())),
        duplicate_rules=tuple(
            DuplicateRule(**{**rule, "compares": tuple((pair[0], pair[1]) for pair in rule["compares"])})
            for rule in raw.get("duplicate_rules", ())
        ),
        assignment_rules=tuple(
            AssignmentRule(**{**rule, "entries": tuple((pair[0], pair[1]) for pair in rule["entries"])})
            for rule in raw.get("assignment_rules", ())
        ),
        access={
            user: Access(**{kind: frozenset(names) for kind, names in rules.items()})
            for user, rules in raw.get("access", {}).items()
        },
        source=raw,
    )


def _with_audit_fields(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The fields in describe order: Id and IsDeleted first, the stamps before activity dates and custom fields."""
    label = raw.get("label", raw["name"])
    head = {"name": "Id", "type": "id", "label": f"{label} ID", "nillable": False, "read_only": True}
    own = list(raw["fields"])
    if raw.get("without_audit"):
        return [head, *own]
    deleted, *stamps = ({**item, "nillable": False, "read_only": True} for item in _AUDIT_FIELDS)
    later = (
        place for place, item in enumerate(own) if item["name"] == "LastActivityDate" or item["name"].endswith("__c")
    )
    place = next(later, len(own))
    return [head, deleted, *own[:place], *stamps, *own[place:]]


@lru_cache(maxsize=2)
def load_sources(edition: Edition) -> dict[str, dict[str, Any]]:
    """Read the schema files: the stock objects and, for the demo org, its additions merged in."""
    sources = {
        path.stem: json.loads(path.read_text("utf-8")) for path in sorted((SCHEMA_FOLDER / "stock").glob("*.json"))
    }
    if edition == "demo":
        for path in sorted((SCHEMA_FOLDER / "demo").glob("*.json")):
            addition = json.loads(path.read_text("utf-8"))
            sources[path.stem] = merge_source(sources.get(path.stem), addition)
    return sources


def merge_source(base: Mapping[str, Any] | None, change: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a change over an object's JSON form: named fields and rules are added or altered, `remove` takes fields away.

    Raises:
        ValueError: a new object lacks name, prefix or fields, or a removed field does not exist.
    """
    if base is None:
        if not {"name", "prefix", "fields"} <= set(change):
            raise ValueError("a new object needs name, prefix and fields")
        return dict(change)
    merged = {**base, **{key: value for key, value in change.items() if key not in {"fields", "remove", "access"}}}
    for key in ("validation_rules", "triggers"):
        if key in change:
            merged[key] = _merge_named(base.get(key, ()), change[key])
    fields = _merge_named(base["fields"], change.get("fields", ()))
    removed = set(change.get("remove", ()))
    if unknown := removed - {item["name"] for item in fields}:
        raise ValueError(f"no such field: {sorted(unknown)}")
    merged["fields"] = [item for item in fields if item["name"] not in removed]
    merged["access"] = _merge_access(base.get("access", {}), change.get("access", {}))
    return merged


def _merge_access(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    return {
        user: {**base.get(user, {}), **change.get(user, {})}
        for user in (*base, *(key for key in change if key not in base))
    }


def _merge_named(base: Any, change: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON lists of named objects
    merged = {item["name"]: dict(item) for item in base}
    for item in change:
        merged[item["name"]] = {**merged.get(item["name"], {}), **item}
    return list(merged.values())

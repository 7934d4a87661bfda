"""One emulated org: its schemas, users, settings and stored records, without any HTTP.

Belongs here: what exists and who may act. How a record is saved: saving.py; merge, conversion, undelete: lifecycle.py;
how clients ask: the handler modules.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from lead_pipeline.sandbox.control_plane.clock import SandboxClock
from lead_pipeline.sandbox.salesforce_org.formula import compile_formula, fields_of
from lead_pipeline.sandbox.salesforce_org.ids import add_checksum, make_id, normalize_id
from lead_pipeline.sandbox.salesforce_org.places import code_fields
from lead_pipeline.sandbox.salesforce_org.polymorphic import NAME_VIEW_SQL
from lead_pipeline.sandbox.salesforce_org.schema import Edition, ObjectSchema, load_sources, merge_source, read_object
from lead_pipeline.sandbox.salesforce_org.sessions import Sessions
from lead_pipeline.sandbox.salesforce_org.setup_rows import build_setup_rows
from lead_pipeline.sandbox.salesforce_org.store import Row, Store, quoted
from lead_pipeline.sandbox.salesforce_org.switches import Switches
from lead_pipeline.sandbox.salesforce_org.values import FIELD_TYPES, format_moment, parse_moment

_SETUP_FILE: Final = Path(__file__).parent / "org.json"
_API_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PREFIX: Final = re.compile(r"[A-Za-z0-9]{3}")
_LOAD_CHUNK: Final = 5_000  # rows per statement: enough to be quick, small enough to stay out of memory's way


class SchemaChangeError(ValueError):
    """A schema change that cannot be carried out."""


@dataclass(frozen=True)
class Caller:
    """The user on whose behalf a request acts."""

    user_id: str
    key: str
    permissions: frozenset[str] = frozenset()


@dataclass
class Settings:
    """Switches of the org that scenarios may turn.

    Attributes:
        daily_calls: calls per rolling 24 hours (Sforce-Limit-Info, 403 when used up).
        session_seconds: lifetime of new access tokens; None means they do not expire.
        is_api_disabled: whether every call answers API_DISABLED_FOR_ORG.
        changed_ids: most ids of one getUpdated or getDeleted; more answer EXCEEDED_ID_LIMIT.
    """

    daily_calls: int = 100_000
    session_seconds: int | None = None
    is_api_disabled: bool = False
    changed_ids: int = 600_000


@dataclass
class CallCounter:
    """API calls of the last 24 hours, in buckets of one hour of sandbox time."""

    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, hour: int) -> None:
        """Count one call in an hour since the epoch."""
        self.buckets[hour] = self.buckets.get(hour, 0) + 1

    def used(self, hour: int) -> int:
        """Calls of the 24 hours that end with this one."""
        window = int(timedelta(days=1) / timedelta(hours=1))
        self.buckets = {key: count for key, count in self.buckets.items() if hour - window < key <= hour}
        return sum(self.buckets.values())


class Org:
    """An org with its state.

    Args:
        state_path: SQLite file that keeps the state; None for an org that vanishes with the object.
        edition: `stock` without our custom fields, `demo` with them, the holding queue and the guard rule.
        clock: the time the org believes in.
    """

    def __init__(
        self, *, state_path: Path | None = None, edition: Edition = "demo", clock: SandboxClock | None = None
    ) -> None:
        self.edition: Edition = edition
        self.clock = clock or SandboxClock()
        self.store = Store(state_path)
        self.sessions = Sessions(self.store)
        self.settings = Settings()
        self.switches = Switches()
        self.calls = CallCounter()
        self.schemas: dict[str, ObjectSchema] = {}
        self._names: dict[str, str] = {}
        self._granted: dict[str, frozenset[str]] = {}
        self._setup: dict[str, Any] = json.loads(_SETUP_FILE.read_text("utf-8"))
        self._open()

    def close(self) -> None:
        """Release the state."""
        self.store.close()

    @property
    def id(self) -> str:
        """The org's own id."""
        return add_checksum(self._setup["organization"]["Id"])

    @property
    def password(self) -> str:
        """The password of every user (password grant and SOAP login)."""
        return str(self._setup["password"])

    # --- schemas --------------------------------------------------------------------------------------------------

    def schema(self, name: str) -> ObjectSchema | None:
        """The schema of an object named in any case, or None."""
        canonical = self._names.get(name.lower())
        return None if canonical is None else self.schemas[canonical]

    def object_of(self, record_id: str) -> ObjectSchema | None:
        """The schema whose key prefix an id carries."""
        return next((item for item in self.schemas.values() if item.prefix == record_id[:3]), None)

    def change_schema(self, name: str, change: Mapping[str, Any]) -> ObjectSchema:
        """Add an object, or add, alter and remove fields and rules of one; kept across restarts.

        Raises:
            SchemaChangeError: the change names unknown types, fields or functions.
        """
        before = dict(self.schemas)
        base = before.get(name)
        try:
            source = merge_source(None if base is None else base.source, {"name": name, **change})
            schema = read_object(source)
            _check_schema(schema)
            holder = self.object_of(schema.prefix)
            if holder is not None and holder.name != name:
                raise SchemaChangeError(f"ids that start with {schema.prefix} belong to {holder.name}")
        except (LookupError, AttributeError, TypeError, ValueError) as error:
            raise SchemaChangeError(str(error)) from error
        try:
            with self.store.transaction():
                self._install(schema)
                self.store.keep_setting(f"schema.{name}", json.dumps(source))
                self.store.keep_setting("schema.changed_at", format_moment(self.clock.now()))
                self._reflect_rules()
        except BaseException:
            self.restore_schemas(before)
            raise
        return schema

    @property
    def has_place_picklists(self) -> bool:
        """Whether states and countries are picklists with codes."""
        return "CountryCode" in self.schemas["Lead"].fields

    def switch_place_picklists(self, *, on: bool) -> None:
        """Turn state and country picklists on or off: their code fields come and go."""
        if on == self.has_place_picklists:
            return
        for schema in list(self.schemas.values()):
            if fields := code_fields(schema):
                change = {"fields": fields} if on else {"remove": [item["name"] for item in fields]}
                self.change_schema(schema.name, change)

    def restore_schemas(self, schemas: Mapping[str, ObjectSchema]) -> None:
        """Forget schema changes whose transaction was undone."""
        self.schemas = dict(schemas)
        self._names = {name.lower(): name for name in schemas}
        for schema in schemas.values():
            self.store.install(schema)

    def _install(self, schema: ObjectSchema) -> None:
        self.schemas[schema.name] = schema
        self._names[schema.name.lower()] = schema.name
        self.store.install(schema)

    # --- users ----------------------------------------------------------------------------------------------------

    def caller(self, user_id: str) -> Caller:
        """The caller behind a user id, with the permissions of its sandbox role."""
        key = next((name for name, row in self._setup["users"].items() if add_checksum(row["Id"]) == user_id), user_id)
        own = frozenset(self._setup["permissions"][self.edition].get(key, ()))
        return Caller(user_id, key, own | self._granted.get(key, frozenset()))

    @property
    def users(self) -> Mapping[str, Mapping[str, Any]]:
        """The users of the sandbox's roles, by role."""
        users: Mapping[str, Mapping[str, Any]] = self._setup["users"]
        return users

    def grant(self, key: str, permissions: frozenset[str]) -> None:
        """Give a role custom permissions besides its own; they replace those given before."""
        self._granted[key] = permissions
        self.store.keep_setting(f"granted.{key}", json.dumps(sorted(permissions)))

    def find_user(self, name: str) -> Caller | None:
        """The caller for a sandbox role, a username or a user id; None when no active user answers to it."""
        user_id = add_checksum(self._setup["users"][name]["Id"]) if name in self._setup["users"] else normalize_id(name)
        row = self.store.one(
            'SELECT Id FROM "User" WHERE (Username = ? OR Id = ?) AND IsActive = 1', [name, user_id or ""]
        )
        return None if row is None else self.caller(row[0])

    def now_text(self) -> str:
        """The present moment as records carry it."""
        return format_moment(self.clock.now())

    def calls_used(self) -> int:
        """API calls of the last 24 hours."""
        return self.calls.used(self._hour())

    def count_call(self) -> None:
        """Count one API call."""
        self.calls.add(self._hour())

    def _hour(self) -> int:
        return int(self.clock.now().timestamp() // timedelta(hours=1).total_seconds())

    # --- seeding --------------------------------------------------------------------------------------------------

    def load(self, object_name: str, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Add rows as they are, system fields included: no validation, no rules, no journal.

        Ids, names and audit fields that are absent are made. Values come in their JSON form.

        Returns:
            The record ids in row order.

        Raises:
            SchemaChangeError: the object or a field does not exist.
        """
        schema = self.schema(object_name)
        if schema is None:
            raise SchemaChangeError(f"no such object: {object_name}")
        ids: list[str] = []
        chunk: list[Row] = []
        with self.store.transaction():
            for raw in rows:
                chunk.append(self._seed_row(schema, raw))
                ids.append(chunk[-1]["Id"])
                if len(chunk) == _LOAD_CHUNK:
                    self.store.insert_many(schema, chunk)
                    chunk.clear()
            self.store.insert_many(schema, chunk)
        return ids

    def _seed_row(self, schema: ObjectSchema, raw: Mapping[str, Any]) -> Row:
        if not isinstance(raw, Mapping):
            raise SchemaChangeError(f"a record of {schema.name} has to be an object of fields")
        if unknown := raw.keys() - schema.fields.keys():
            raise SchemaChangeError(f"no such field of {schema.name}: {min(unknown)}")
        row = {**schema.defaults, **raw}
        now = self.now_text()
        row["Id"] = normalize_id(raw["Id"]) if raw.get("Id") else self.store.next_id(schema)
        if row["Id"] is None:
            raise SchemaChangeError(f"not a record id of {schema.name}")
        for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
            row[name] = format_text_moment(
                raw.get(name)
                or raw.get("SystemModstamp")
                or raw.get("LastModifiedDate")
                or raw.get("CreatedDate")
                or now
            )
        admin = add_checksum(self._setup["users"]["admin"]["Id"])
        for name in ("CreatedById", "LastModifiedById", "OwnerId"):
            if name in schema.fields:
                row[name] = row.get(name) or admin
        if schema.name_parts and not row.get("Name"):
            row["Name"] = full_name(schema, row)
        if row.get("Email"):
            row["Email"] = row["Email"].lower()
        return row

    # --- opening and resetting ------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Bring the org back to its first state: no records but its own users and queues, no tokens, no journal."""
        with self.store.lock:
            self.store.wipe()
            self.sessions.forget_cached()
            self.settings = Settings()
            self.switches = Switches()
            self.calls = CallCounter()
            self.schemas.clear()
            self._names.clear()
            self._granted.clear()
            self._open()

    def _open(self) -> None:
        with self.store.transaction():
            sources = dict(load_sources(self.edition))
            kept = self.store.all("SELECT name, value FROM sandbox_setting WHERE name LIKE 'schema.%'")
            sources |= {
                name.removeprefix("schema."): json.loads(value) for name, value in kept if name != "schema.changed_at"
            }
            for source in sources.values():
                self._install(read_object(source))
            self.store.run(NAME_VIEW_SQL)
            granted = self.store.all("SELECT name, value FROM sandbox_setting WHERE name LIKE 'granted.%'")
            self._granted = {name.removeprefix("granted."): frozenset(json.loads(value)) for name, value in granted}
            if self.store.setting("opened") is None:
                self._populate()
                self.store.keep_setting("opened", self.now_text())
            self._reflect_rules()

    @property
    def schema_changed_at(self) -> str:
        """The moment of the last schema change."""
        return self.store.setting("schema.changed_at") or self.store.setting("opened") or self.now_text()

    def _populate(self) -> None:
        setup = self._setup
        self.load("Organization", [setup["organization"]])
        self.load("Profile", setup["profiles"])
        self.load("User", [{**row, "IsActive": True} for row in setup["users"].values()])
        self.load("Group", [{**row, "Type": "Queue"} for row in setup["queues"][self.edition]])
        self.load(
            "QueueSobject",
            [{"QueueId": add_checksum(row["Id"]), "SobjectType": "Lead"} for row in setup["queues"][self.edition]],
        )
        statuses = self.schemas["Lead"].fields["Status"].values
        self.load(
            "LeadStatus",
            [
                {
                    "MasterLabel": text,
                    "ApiName": text,
                    "SortOrder": place,
                    "IsDefault": place == 1,
                    "IsConverted": text.endswith("- Converted"),
                }
                for place, text in enumerate(statuses, 1)
            ],
        )

    def _reflect_rules(self) -> None:
        """Show the rules of the schemas as the setup objects that clients may query."""
        for name, rows in build_setup_rows(self.schemas).items():
            self.store.run(f"DELETE FROM {quoted(name)}")
            prefix = self.schemas[name].prefix
            self.load(name, [{**row, "Id": make_id(prefix, place)} for place, row in enumerate(rows, 1)])


def full_name(schema: ObjectSchema, row: Mapping[str, Any]) -> str:
    """The computed Name of a person."""
    return " ".join(row[part] for part in schema.name_parts if row.get(part))


def format_text_moment(text: str) -> str:
    """Bring a seed's moment to the stored form; stored ones pass through quickly."""
    return text if text.endswith(".000+0000") else format_moment(parse_moment(text))


def _check_schema(schema: ObjectSchema) -> None:
    if wrong := [name for name in (schema.name, *schema.fields) if _API_NAME.fullmatch(name) is None]:
        raise SchemaChangeError(f"no API name: {wrong[0]}")
    if _PREFIX.fullmatch(schema.prefix) is None:
        raise SchemaChangeError(f"{schema.name}: a prefix has three letters or digits")
    for item in schema.fields.values():
        if item.type not in FIELD_TYPES and item.compound is None:
            raise SchemaChangeError(f"{schema.name}.{item.name}: unknown type {item.type}")
    for rule in (*schema.triggers, *schema.validation_rules):
        compile_formula(rule.formula)
        if unknown := fields_of(rule.formula) - set(schema.fields):
            raise SchemaChangeError(f"{schema.name}.{rule.name}: no such field {sorted(unknown)}")

"""A batch and a mirror made directly in the database: what matching and planning start from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.leads import KEY_VERSION, MatchKeys
from lead_pipeline.domain.matching import MatchingPolicy
from lead_pipeline.domain.org_schema import ObjectSchema
from lead_pipeline.sandbox.embedded_postgres import ServerAddress, drop_database, ensure_database
from lead_pipeline.services.match import MatchSummary, match_batch
from lead_pipeline.services.plan import PlanSummary, plan_batch
from lead_pipeline.store.bulk import copy_rows
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import KnownSchema, keep_org_schema, merge_records
from lead_pipeline.store.migrations import apply_migrations
from lead_pipeline_tests.domain.plan_builders import BATCH, FETCHED_AT, MODIFIED_AT, VALUES, mapping_set, org_schema

NOW = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
MAPPINGS = mapping_set()
KEY_NAMES = tuple(entry.name for entry in fields(MatchKeys))
PERSON = MatchKeys(
    em="erika@acme.example", li="erika-beispiel", dm="acme.example", fn="erika", ln="beispiel", co="acme"
)
RECORD_FIELDS: Mapping[str, object] = {
    "FirstName": "Erika",
    "LastName": "Beispiel",
    "Company": "Acme GmbH",
    "Email": "erika@acme.example",
}


@dataclass(frozen=True, kw_only=True)
class BatchLead:
    """A lead of the batch."""

    dievio_lead_id: str
    keys: MatchKeys = PERSON
    values: Mapping[str, object] | None = None
    is_weak_id: bool = False
    duplicate_of: str | None = None


_TABLES = (
    "batch, segment_pull, lead, directory_record, org_schema, salesforce_link, pair_memory, match_candidate,"
    " match_result, sync_decision, write_intent, lead_outcome, field_value, review_item"
)


@contextmanager
def planning_database(server: ServerAddress, name: str) -> Iterator[Database]:
    """Lend a migrated database to the tests of one module; each bench empties it."""
    ensure_database(server, name)
    database = Database(server.dsn(name))
    apply_migrations(database)
    yield database
    database.close()
    drop_database(server, name)


class PlanBench:
    """An empty batch, an empty mirror, and the ways to fill them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._raw_ids: dict[str, int] = {}
        self._schema_seen_at = FETCHED_AT
        self._run(f"TRUNCATE {_TABLES} CASCADE")
        self._run("INSERT INTO batch (batch_id, source, created_at) VALUES (%s, 'search', %s)", BATCH, FETCHED_AT)
        self._run(
            "INSERT INTO segment_pull (batch_id, segment, state, filters_sha256, next_page, max_results, rows_received,"
            " updated_at) VALUES (%s, 'vp_sales_dach', 'open', '', 2, 500, 100, %s)",
            BATCH,
            FETCHED_AT,
        )
        self.keep_schemas(org_schema("Lead"), org_schema("Contact"))

    def keep_schemas(self, *schemas: ObjectSchema) -> None:
        with self.database.connect() as connection:
            for schema in schemas:
                self._schema_seen_at += timedelta(minutes=1)  # the latest counts
                known = KnownSchema(schema=schema, last_modified_header=None, last_seen_at=self._schema_seen_at)
                keep_org_schema(connection, known)

    def add_leads(self, *leads: BatchLead) -> None:
        first = len(self._raw_ids) + 1
        for number, lead in enumerate(leads):
            self._raw_ids.setdefault(lead.dievio_lead_id, first + number)
        with self.database.transaction() as connection:
            connection.execute("SET LOCAL session_replication_role = replica")  # raw rows are not the subject here
            copy_rows(
                connection,
                "lead",
                columns=(
                    *("batch_id", "raw_lead_id", "segment", "dievio_lead_id", "is_weak_id", "duplicate_of_raw_lead_id"),
                    *("field_values", "confidences", "source_paths", "flags", "key_version", *KEY_NAMES),
                    *("fetched_at", "normalized_at"),
                ),
                rows=(self._lead_row(lead, first + number) for number, lead in enumerate(leads)),
            )

    def _lead_row(self, lead: BatchLead, raw_lead_id: int) -> tuple[object, ...]:
        values = {**VALUES, "dievio_lead_id": lead.dievio_lead_id, **(lead.values or {})}
        duplicate_of = self._raw_ids[lead.duplicate_of] if lead.duplicate_of else None
        return (
            *(BATCH, raw_lead_id, "vp_sales_dach", lead.dievio_lead_id, lead.is_weak_id, duplicate_of),
            *(Jsonb(values), Jsonb({}), Jsonb({}), [], KEY_VERSION, *astuple(lead.keys), FETCHED_AT, FETCHED_AT),
        )

    def add_records(self, records: Iterable[DirectoryRecord]) -> None:
        with self.database.transaction() as connection:
            merge_records(connection, records)

    def add_record(
        self,
        salesforce_id: str,
        *,
        object_name: str = "Lead",
        fields: Mapping[str, object] | None = None,
        keys: Mapping[str, str | None] | None = None,
        **attributes: Any,
    ) -> None:
        record = build_record(salesforce_id, object_name=object_name, fields=fields, keys=keys)
        self.add_records([replace(record, **attributes)])

    def answer(self, dievio_lead_id: str, salesforce_id: str, answer: str) -> None:
        self._run("INSERT INTO pair_memory VALUES (%s, %s, %s, 'ops', %s)", dievio_lead_id, salesforce_id, answer, NOW)

    def link(self, dievio_lead_id: str, salesforce_id: str, *, object_name: str = "Lead") -> None:
        self._run(
            "INSERT INTO salesforce_link VALUES (%s, %s, %s, NULL, %s)", dievio_lead_id, object_name, salesforce_id, NOW
        )

    def remember_value(self, salesforce_id: str, field: str, value: object) -> None:
        self._run(
            "INSERT INTO field_value VALUES (%s, %s, %s, %s, %s)", salesforce_id, field, Jsonb(value), uuid4(), NOW
        )

    def decide_field(self, dievio_lead_id: str, field: str, *, choice: str, value: object) -> None:
        self._run(
            "INSERT INTO review_item (batch_id, dievio_lead_id, raw_lead_id, reason, question, candidates, proposal,"
            " owner, state, decision, decided_by, opened_at, decided_at)"
            " VALUES (%s, %s, 1, 'policy_conflict', '', '[]', '{}', 'ops', 'decided', %s, 'ops', %s, %s)",
            BATCH,
            dievio_lead_id,
            Jsonb({"fields": {field: {"choice": choice, "value": value}}}),
            NOW,
            NOW,
        )

    def settle(self, dievio_lead_id: str, outcome: str = "updated") -> None:
        self._run(
            "INSERT INTO lead_outcome (batch_id, raw_lead_id, dievio_lead_id, outcome, reason_code, settled_at)"
            " VALUES (%s, %s, %s, %s, 'test', %s)",
            BATCH,
            self._raw_ids[dievio_lead_id],
            dievio_lead_id,
            outcome,
            NOW,
        )

    def deliver_better_copy(self, lead: BatchLead) -> None:
        """Deliver a person once more, in a row that counts from now on; the first row ends as its copy."""
        first = self._raw_ids[f"first row of {lead.dievio_lead_id}"] = self._raw_ids.pop(lead.dievio_lead_id)
        better = len(self._raw_ids) + 1
        self._run("UPDATE lead SET duplicate_of_raw_lead_id = %s WHERE raw_lead_id = %s", better, first)
        self.add_leads(lead)
        self._run(
            "INSERT INTO lead_outcome (batch_id, raw_lead_id, dievio_lead_id, outcome, reason_code, settled_at)"
            " VALUES (%s, %s, %s, 'skipped', 'duplicate_in_batch', %s)",
            BATCH,
            first,
            lead.dievio_lead_id,
            NOW,
        )

    def match(self, policy: MatchingPolicy | None = None, *, only: Collection[str] | None = None) -> MatchSummary:
        return match_batch(
            self.database, policy or MatchingPolicy(), batch_id=BATCH, now=lambda: NOW, dievio_lead_ids=only
        )

    def plan(self, *, only: Collection[str] | None = None) -> PlanSummary:
        return plan_batch(self.database, MAPPINGS, batch_id=BATCH, now=lambda: NOW, dievio_lead_ids=only)

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        with self.database.connect() as connection:
            return connection.execute(statement, values).fetchall()

    def results(self) -> dict[str, tuple[str, str | None, str]]:
        """Return lead id -> (grade, record, reason code)."""
        return {
            row["dievio_lead_id"]: (row["grade"], row["salesforce_id"], row["reason_code"])
            for row in self.rows("SELECT * FROM match_result")
        }

    def decisions(self) -> dict[str, dict[str, Any]]:
        return {row["dievio_lead_id"]: row for row in self.rows("SELECT * FROM sync_decision")}

    def _run(self, statement: str, *values: object) -> None:
        with self.database.connect() as connection:
            connection.execute(statement, values)


def build_record(
    salesforce_id: str,
    *,
    object_name: str = "Lead",
    fields: Mapping[str, object] | None = None,
    keys: Mapping[str, str | None] | None = None,
) -> DirectoryRecord:
    return DirectoryRecord(
        object_name=object_name,
        salesforce_id=salesforce_id,
        fields={**RECORD_FIELDS, **(fields or {})},
        keys=replace(PERSON, **(keys or {})),
        last_modified_at=MODIFIED_AT,
        system_modstamp=MODIFIED_AT,
    )


def planned_changes(decision: Mapping[str, Any]) -> dict[str, object]:
    """Return API name -> value of the fields a stored decision writes."""
    writing = {"set_at_creation", "filled_blank", "updated"}
    return {entry["field"]: entry["after"] for entry in decision["fields"] if entry["verdict"] in writing}

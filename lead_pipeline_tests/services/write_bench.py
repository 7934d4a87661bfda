"""A batch on real servers: leads in Postgres, an org on the loopback, and the services between them, on one clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from psycopg.types.json import Jsonb

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.gate_settings import GateSettings, parse_gate_settings
from lead_pipeline.domain.mapping import build_mapping_set
from lead_pipeline.domain.mapping_document import parse_mapping
from lead_pipeline.domain.matching import MatchingPolicy
from lead_pipeline.domain.quality import GateResult
from lead_pipeline.domain.routing import RoutingRules, parse_routing_rules
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.sandbox.control_plane.faults import FaultRule
from lead_pipeline.sandbox.salesforce_org.saving import SaveContext, Saver
from lead_pipeline.services.gates import GATES, STAGES, evaluate_gates
from lead_pipeline.services.hand_over import HandOverSummary, hand_over_session
from lead_pipeline.services.match import match_batch
from lead_pipeline.services.plan import plan_batch
from lead_pipeline.services.read_back import read_back
from lead_pipeline.services.refresh_directory import refresh_directory
from lead_pipeline.services.write import DirectoryPlans, WriteRules, WriteSummary, open_session, write_session
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.services.writing.ports import CrashPoint, WriteTools, pass_through
from lead_pipeline.store.database import Database
from lead_pipeline_tests.salesforce.clients import EmulatedOrg

BATCH_ID = "2026-05-04"
BEGINNING = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)
API_VERSION = 66.0
SALES_USERS = [
    {
        "Id": f"0055e000000010{place}",
        "FirstName": "Sam",
        "LastName": f"Seller {place}",
        "Username": f"seller{place}@sandbox.example",
        "Email": f"seller{place}@sandbox.example",
        "Alias": f"sell{place}",
        "Department": "Sales",
        "Country": country,
        "UserType": "Standard",
        "IsActive": True,
    }
    for place, country in enumerate(("DE", "US", "US"))
]


@cache
def _packaged_rules() -> tuple[WriteRules, GateSettings, RoutingRules]:
    """The packaged configuration of writes, gates and routing, read once: nothing changes it."""
    mappings = build_mapping_set(
        parse_mapping(load_document("mapping/lead")), parse_mapping(load_document("mapping/contact"))
    )
    rules = WriteRules(
        matching=MatchingPolicy(),
        mappings=mappings,
        fields_by_object={
            mapping.object_name: frozenset(row.to for row in mapping.fields)
            for mapping in (mappings.lead, mappings.contact)
        },
    )
    return rules, parse_gate_settings(load_document("gates")), parse_routing_rules(load_document("routing"))


class ProcessDiedError(BaseException):
    """Stands for the death of a process: no handler of the product may catch it."""


@dataclass
class WriteBench:
    """One batch from leads to owners. Each act opens its own session, as a run would."""

    database: Database
    emulated: EmulatedOrg
    client: SalesforceClient
    limits: WriteLimits = field(default_factory=WriteLimits)
    run_number: int = 0

    def __post_init__(self) -> None:
        self.rules, self.settings, self.routing = _packaged_rules()
        self.emulated.org.clock.set(BEGINNING)
        self.emulated.org.load("User", SALES_USERS)

    # --- clock and org --------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.emulated.org.clock.now()

    def wait(self, seconds: float) -> None:
        self.emulated.org.clock.advance(timedelta(seconds=seconds))

    def fault(self, kind: str, *, route: str = "", method: str = "", **details: Any) -> None:
        self.emulated.plane.faults.add(FaultRule.from_json({"kind": kind, "route": route, "method": method, **details}))

    def end_faults(self) -> None:
        self.emulated.plane.faults.clear()

    def load(self, object_name: str, *rows: Mapping[str, object]) -> list[str]:
        return self.emulated.org.load(object_name, rows)

    def edit(self, record_id: str, fields: Mapping[str, object], *, user: str = "rep") -> None:
        schema = self.emulated.org.object_of(record_id)
        assert schema is not None
        self._saver(user).update(schema, record_id, payload=dict(fields))

    def delete(self, record_id: str) -> None:
        schema = self.emulated.org.object_of(record_id)
        assert schema is not None
        self._saver("admin").delete(schema, record_id)

    def create(self, fields: Mapping[str, object], *, user: str = "rep", object_name: str = "Lead") -> None:
        schema = self.emulated.org.schema(object_name)
        assert schema is not None
        self._saver(user).create(schema, dict(fields))

    def _saver(self, user: str) -> Saver:
        caller = self.emulated.org.find_user(user)
        assert caller is not None
        return Saver(self.emulated.org, SaveContext(caller, API_VERSION, allow_duplicates=True, auto_assign=False))

    def journal(self, *, ours: bool = True) -> list[dict[str, Any]]:
        caller = self.emulated.org.find_user("integration")
        assert caller is not None
        entries = self.emulated.org.store.journal()
        return [
            entry
            for entry in entries
            if entry["object"] in {"Lead", "Contact"} and (not ours or entry["user"] in {caller.user_id, caller.key})
        ]

    def records(self, object_name: str = "Lead") -> list[dict[str, Any]]:
        return list(self.client.query(f"SELECT FIELDS(ALL) FROM {object_name} LIMIT 200"))

    # --- the batch ------------------------------------------------------------------------------------------------

    def add_leads(self, *leads: Mapping[str, Any], batch_id: str = BATCH_ID) -> None:
        """Put normalized leads into a batch, with their delivered rows."""
        at = self.now()
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO batch (batch_id, source, created_at) VALUES (%s, 'search', %s) ON CONFLICT DO NOTHING",
                [batch_id, at],
            )
            connection.execute(
                "INSERT INTO segment_pull (batch_id, segment, state, filters_sha256, max_results, started_at,"
                " updated_at) VALUES (%s, 'dach', 'exhausted', '', 1000, %s, %s) ON CONFLICT DO NOTHING",
                [batch_id, at, at],
            )
            first = connection.execute("SELECT count(*) AS n FROM raw_lead WHERE batch_id = %s", [batch_id]).fetchone()
            assert first is not None
            for place, lead in enumerate(leads, start=first["n"]):
                _insert_lead(connection, lead, batch_id=batch_id, place=place, at=at)
            rows = first["n"] + len(leads)
            connection.execute(
                "INSERT INTO raw_page VALUES (%s, 'dach', 1, '{}', '', '', %s, %s, %s, %s)"
                " ON CONFLICT (batch_id, segment, page_number) DO UPDATE"
                " SET row_count = excluded.row_count, credits = excluded.credits",
                [batch_id, rows, rows, at, at],
            )
            connection.execute(
                "INSERT INTO credit_ledger (call_id, batch_id, segment, endpoint, state, reserved_credits,"
                " settled_credits, budget_credits, requested_at)"
                " VALUES (%s, %s, 'dach', 'search', 'settled', 1000, %s, 1000, %s)"
                " ON CONFLICT (call_id) DO UPDATE SET settled_credits = excluded.settled_credits",
                [uuid5(NAMESPACE_OID, batch_id), batch_id, rows, at],
            )
            connection.execute("UPDATE segment_pull SET rows_received = %s WHERE batch_id = %s", [rows, batch_id])

    def prepare(self, batch_id: str = BATCH_ID) -> None:
        """Mirror, match and plan, and let the last second of the reading pass."""
        self.read_and_plan(batch_id)
        self.wait(5)

    def read_and_plan(self, batch_id: str = BATCH_ID) -> None:
        refresh_directory(self.database, self.client, fields_by_object=self.rules.fields_by_object, now=self.now)
        match_batch(self.database, self.rules.matching, batch_id=batch_id, now=self.now)
        plan_batch(self.database, self.rules.mappings, batch_id=batch_id, now=self.now)

    def write(
        self,
        *,
        reach: Callable[[CrashPoint], None] = pass_through,
        wait: Callable[[float], None] | None = None,
        chance: Callable[[], float] = lambda: 0.0,
        batch_id: str = BATCH_ID,
    ) -> WriteSummary:
        self.run_number += 1
        tools = WriteTools(now=self.now, wait=wait or self.wait, chance=chance, reach=reach)
        plans = DirectoryPlans(self.database, self.client, self.rules, batch_id=batch_id, now=self.now)
        with open_session(
            self.database,
            self.client,
            tools,
            self.limits,
            batch_id=batch_id,
            run_id=f"run-{self.run_number}",
            actor="test",
        ) as session:
            return write_session(replace(session, fields=plans), plans, holding_queue=self.rules.holding_queue)

    def die_at(self, point: CrashPoint, *, nth: int = 1, batch_id: str = BATCH_ID) -> None:
        """Write until the n-th passing of a crash point, and die there."""
        passed = 0

        def reach(reached: CrashPoint) -> None:
            nonlocal passed
            passed += reached is point
            if reached is point and passed == nth:
                raise ProcessDiedError(point)

        with suppress(ProcessDiedError):
            self.write(reach=reach, batch_id=batch_id)
        assert passed >= nth, f"{point} was never reached"

    def read_back(self) -> None:
        read_back(self.database, self.client, self.rules, batch_id=BATCH_ID, now=self.now, wait=self.wait)

    def look(self, stages: Collection[str] = STAGES[:-1]) -> dict[str, GateResult]:
        """Evaluate every gate of some stages."""
        names = [name for name, gate in GATES.items() if gate.stage in stages]
        results = evaluate_gates(
            self.database, names, batch_id=BATCH_ID, run_id="run", now=self.now, config=self.settings
        )
        return {result.gate: result for result in results}

    def hand_over(self, *, reach: Callable[[CrashPoint], None] = pass_through) -> HandOverSummary:
        """Hand over without asking the gates."""
        tools = WriteTools(now=self.now, wait=self.wait, reach=reach)
        with open_session(
            self.database, self.client, tools, self.limits, batch_id=BATCH_ID, run_id="handing", actor="test"
        ) as session:
            return hand_over_session(session, self.client, self.routing)

    # --- what the database says -----------------------------------------------------------------------------------

    def outcomes(self) -> dict[str, str]:
        rows = self.ask("SELECT dievio_lead_id, outcome FROM lead_outcome WHERE batch_id = %s", BATCH_ID)
        return {row["dievio_lead_id"]: row["outcome"] for row in rows}

    def reasons(self) -> dict[str, str]:
        rows = self.ask("SELECT dievio_lead_id, reason_code FROM lead_outcome WHERE batch_id = %s", BATCH_ID)
        return {row["dievio_lead_id"]: row["reason_code"] for row in rows}

    def ask(self, query: str, *values: object) -> list[dict[str, Any]]:
        with self.database.connect() as connection:
            return connection.execute(query, list(values)).fetchall()

    def assert_log_equals_journal(self) -> None:
        """Each commit of ours has exactly one entry in the log, and the other way round."""
        committed = sorted(entry["after"]["Dievio_Last_Op__c"] for entry in self.journal())
        logged = sorted(str(row["op_id"]) for row in self.ask("SELECT op_id FROM sync_log WHERE outcome = 'applied'"))
        assert logged == committed

    def assert_log_equals_last_journal(self) -> None:
        """As above for a batch whose records were written twice: the receipt of each commit is in the log."""
        committed = {entry["after"]["Dievio_Last_Op__c"] for entry in self.journal()}
        logged = {str(row["op_id"]) for row in self.ask("SELECT op_id FROM sync_log WHERE outcome = 'applied'")}
        assert logged == committed


def person(number: int, **overrides: Any) -> dict[str, Any]:
    """A normalized lead that is nobody else."""
    values = {
        "first_name": "Lena",
        "last_name": f"Probe{number}",
        "email": f"lena.probe{number}@firm{number}.example",
        "phone": f"+4930123{number:05d}",
        "title": "Head of Operations",
        "company_name": f"Firm {number} GmbH",
        "company_domain": f"firm{number}.example",
        "country": "DE",
        "country_name": "Germany",
        "source": "Dievio search",
        "search_segment": "dach",
        "synced_at": BEGINNING.isoformat(),
        "last_enriched_at": "2026-04-30T10:00:00+00:00",
        **overrides,
    }
    return {"dievio_lead_id": f"lead-{number:05d}", "values": {k: v for k, v in values.items() if v is not None}}


def _insert_lead(connection: Any, lead: Mapping[str, Any], *, batch_id: str, place: int, at: datetime) -> None:
    values = lead["values"]
    row = connection.execute(
        "INSERT INTO raw_lead (batch_id, segment, page_number, row_number, payload, fetched_at)"
        " VALUES (%s, 'dach', 1, %s, %s, %s) RETURNING raw_lead_id",
        [batch_id, place, Jsonb({"name": "x"}), at],
    ).fetchone()
    confidences = {name: {"share": 0.95, "origin": "explicit"} for name in values}
    columns = ("em", "fn", "ln", "dm", "co")
    keys = (
        values.get("email"),
        str(values.get("first_name", "")).lower() or None,
        str(values.get("last_name", "")).lower() or None,
        values.get("company_domain"),
        str(values.get("company_name", "")).lower().removesuffix(" gmbh") or None,
    )
    connection.execute(
        "INSERT INTO lead (batch_id, raw_lead_id, segment, dievio_lead_id, is_weak_id, field_values, confidences,"
        " source_paths, flags, key_version, em, fn, ln, dm, co, fetched_at, normalized_at)"
        " VALUES (%s, %s, 'dach', %s, false, %s, %s, '{}', %s, 1, %s, %s, %s, %s, %s, %s, %s)",
        [
            batch_id,
            row["raw_lead_id"],
            lead["dievio_lead_id"],
            Jsonb(values),
            Jsonb(confidences),
            list(lead.get("flags", ())),
            *(dict(zip(columns, keys, strict=True))[name] for name in columns),
            at,
            at,
        ],
    )


def org_lead(number: int, **overrides: Any) -> dict[str, Any]:
    """A lead of the org that matches `person(number)` by e-mail, last edited long ago."""
    return {
        "FirstName": "Lena",
        "LastName": f"Probe{number}",
        "Email": f"lena.probe{number}@firm{number}.example",
        "Company": f"Firm {number} GmbH",
        "Title": None,
        "CreatedDate": "2026-01-05T08:00:00.000+0000",
        "LastModifiedDate": "2026-02-05T08:00:00.000+0000",
        "SystemModstamp": "2026-02-05T08:00:00.000+0000",
        **overrides,
    }


def ids_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(row["Id"]) for row in rows]


def forget_everything(database: Database) -> None:
    """Empty every table of the product and count from one again, at a fraction of what truncating them all takes."""
    with database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")  # no keys to look up, no triggers
        tables = connection.execute(
            "SELECT quote_ident(tablename) AS name FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename NOT LIKE '%migration%'"
        ).fetchall()
        looks = (f"SELECT '{table['name']}' AS name WHERE EXISTS (SELECT FROM {table['name']})" for table in tables)
        for filled in connection.execute(" UNION ALL ".join(looks)).fetchall():
            connection.execute(f"DELETE FROM {filled['name']}")
        connection.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences"
        )

"""Two common designs in the same harness: what they lose shows that the harness sees, and what the protocol is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lead_pipeline.domain.decisions import Decision
from lead_pipeline.domain.record_answers import RecordAnswer
from lead_pipeline.domain.write_protocol import EXTERNAL_ID_FIELD, RECEIPT_FIELD, hash_payload
from lead_pipeline_tests.simulation.clock import Worker
from lead_pipeline_tests.simulation.crm import Save, SimulatedSalesforce
from lead_pipeline_tests.simulation.faults import CallKind
from lead_pipeline_tests.simulation.memory_database import MemoryDatabase
from lead_pipeline_tests.simulation.memory_tables import MemoryTables, Row
from lead_pipeline_tests.simulation.org import INTEGRATION
from lead_pipeline_tests.simulation.processes import SimulatedProcesses, Strategy

TRIES = 4
RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a rival design on one batch."""

    simulation: SimulatedProcesses
    worker: Worker
    batch_id: str
    database: MemoryDatabase
    salesforce: SimulatedSalesforce

    @property
    def tables(self) -> MemoryTables:
        return self.database.tables

    def open_plans(self) -> list[Row]:
        ended = {(row["batch_id"], row["raw_lead_id"]) for row in self.tables.lead_outcome.rows()}
        return [
            row
            for row in self.tables.sync_decision.rows()
            if row["batch_id"] == self.batch_id and (row["batch_id"], row["raw_lead_id"]) not in ended
        ]

    def send(self, call: CallKind, save: Save) -> RecordAnswer:
        """Send one record, and again as long as there is no success."""
        for _ in range(TRIES):
            (answer,) = self.salesforce.send(call, [save])
            if answer.is_done:
                break
            self.simulation.scheduler.wait(self.worker, RETRY_SECONDS)
        return answer

    def record(self, plan: Row, op_id: UUID, payload: Mapping[str, Any], answer: RecordAnswer) -> None:
        """Note outcome and log entry of a lead."""
        is_insert = plan["decision"] == Decision.CREATE
        outcome = ("created" if is_insert else "updated") if answer.is_done else "dead_letter"
        with self.database.transaction():
            self.end(plan, outcome, op_id=op_id)
            if not answer.is_done:
                self._give_up(plan, payload, answer)
                return
            before = {entry["field"]: entry["before"] for entry in plan["fields"]}
            changed = [
                {"field": name, "before": before.get(name), "after": value}
                for name, value in payload.items()
                if name != RECEIPT_FIELD
            ]
            entry = {"op_id": op_id, "salesforce_id": answer.salesforce_id or plan["salesforce_id"]}
            number = self.tables.next_number()
            self.tables.sync_log.put(number, {**entry, "outcome": "applied", "fields_changed": changed})

    def end(self, plan: Row, outcome: str, *, op_id: UUID | None = None) -> None:
        """Give a lead its outcome; a later one replaces an earlier one."""
        names = ("batch_id", "raw_lead_id", "dievio_lead_id")
        row = {**{name: plan[name] for name in names}, "outcome": outcome, "op_id": op_id}
        self.tables.lead_outcome.put((plan["batch_id"], plan["raw_lead_id"]), row)

    def _give_up(self, plan: Row, payload: Mapping[str, Any], answer: RecordAnswer) -> None:
        letter = {
            "dievio_lead_id": plan["dievio_lead_id"],
            "stage": "sync",
            "error_code": answer.error_code or "UNKNOWN",
            "cause": "refused",
            "owner": "sales_ops",
            "attempts": TRIES,
            "payload": dict(payload),
            "payload_sha256": hash_payload(payload),
        }
        self.tables.dead_letter.put((plan["dievio_lead_id"], plan["batch_id"]), letter)


def _payload(plan: Row, op_id: UUID) -> dict[str, Any]:
    verdicts = {"set_at_creation", "filled_blank", "updated"}
    values = {entry["field"]: entry["after"] for entry in plan["fields"] if entry["verdict"] in verdicts}
    return {**values, EXTERNAL_ID_FIELD: plan["dievio_lead_id"], RECEIPT_FIELD: str(op_id)}


def write_naively(simulation: SimulatedProcesses, worker: Worker, batch_id: str) -> None:
    """Match, post, retry, note what came of it."""
    run, plans = _open(simulation, worker, batch_id)
    plans.refresh()
    plans.plan_all()
    for plan in run.open_plans():
        op_id = simulation.new_id()
        payload = _payload(plan, op_id)
        if plan["decision"] == Decision.CREATE:
            save, call = _insert(simulation, payload), CallKind.INSERT
        elif plan["decision"] == Decision.UPDATE:
            save, call = _update(simulation, plan["salesforce_id"], payload), CallKind.UPDATE
        else:
            run.end(plan, "skipped" if plan["decision"] == Decision.SKIP else "review")
            continue
        run.record(plan, op_id, payload, run.send(call, save))
    _report(simulation, run)


def write_from_outbox(simulation: SimulatedProcesses, worker: Worker, batch_id: str) -> None:
    """Keep each payload in an outbox, then upsert it as it stands until it is acknowledged."""
    run, _ = _open(simulation, worker, batch_id)
    for plan in run.open_plans():
        if plan["decision"] not in {Decision.CREATE, Decision.UPDATE}:
            run.end(plan, "skipped" if plan["decision"] == Decision.SKIP else "review")
            continue
        op_id = _outbox_id(run, plan)
        payload = _payload(plan, op_id)
        if plan["decision"] == Decision.UPDATE:
            link = _update(simulation, plan["salesforce_id"], {EXTERNAL_ID_FIELD: plan["dievio_lead_id"]})
            run.send(CallKind.UPDATE, link)
        run.record(plan, op_id, payload, run.send(CallKind.INSERT, _upsert(simulation, payload)))
    _report(simulation, run)


def _open(simulation: SimulatedProcesses, worker: Worker, batch_id: str) -> tuple[_Run, Any]:
    database, salesforce, plans = simulation.ports(worker, batch_id)
    return _Run(simulation, worker, batch_id, database, salesforce), plans


def _outbox_id(run: _Run, plan: Row) -> UUID:
    """Return the operation id under which a lead stands in the outbox, the same at every try."""
    for intent in run.tables.write_intent.rows():
        if (intent["batch_id"], intent["raw_lead_id"]) == (run.batch_id, plan["raw_lead_id"]):
            op_id: UUID = intent["op_id"]
            return op_id
    op_id = run.simulation.new_id()
    row = {
        "op_id": op_id,
        "batch_id": run.batch_id,
        "raw_lead_id": plan["raw_lead_id"],
        "dievio_lead_id": plan["dievio_lead_id"],
        "person_key": plan["dievio_lead_id"],
        "purpose": "sync",
        "kind": "insert",
        "state": "applied",
    }
    with run.database.transaction():
        run.tables.write_intent.put(op_id, row)
    return op_id


def _report(simulation: SimulatedProcesses, run: _Run) -> None:
    if not run.open_plans():
        simulation.complete.add(run.batch_id)


def _insert(simulation: SimulatedProcesses, payload: dict[str, Any]) -> Save:
    return lambda: simulation.org.insert("Lead", payload, user=INTEGRATION)


def _update(simulation: SimulatedProcesses, record_id: str, payload: dict[str, Any]) -> Save:
    return lambda: simulation.org.update(record_id, payload, user=INTEGRATION)


def _upsert(simulation: SimulatedProcesses, payload: dict[str, Any]) -> Save:
    return lambda: simulation.org.upsert("Lead", payload, user=INTEGRATION)


BASELINES: tuple[Strategy, ...] = (
    Strategy(name="naive: match, post, retry", has_unique_id=False, write=write_naively),
    Strategy(name="outbox, upserts replayed", write=write_from_outbox),
)

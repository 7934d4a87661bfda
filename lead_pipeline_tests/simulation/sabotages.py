"""The engine with one part broken on purpose. Each breakage must be seen, or the simulation proves nothing.

Every one comes in through a port: the org, the database or the plans answer as they would if the engine lacked a rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lead_pipeline.domain.decisions import Decision
from lead_pipeline.domain.plan_subjects import PlanReason, PlanTarget
from lead_pipeline.domain.record_answers import AnswerKind, ConditionalUpdate, RecordAnswer, Remedy
from lead_pipeline.domain.write_protocol import OWNER_FIELD, RECEIPT_FIELD
from lead_pipeline.salesforce.answers import done_answer
from lead_pipeline_tests.simulation.crm import Save, SimulatedSalesforce
from lead_pipeline_tests.simulation.guard import RULES
from lead_pipeline_tests.simulation.jobs import SimulatedRow
from lead_pipeline_tests.simulation.memory_plans import WORK_KEYS
from lead_pipeline_tests.simulation.memory_queries import MemoryQueries, Settlements
from lead_pipeline_tests.simulation.memory_tables import Row
from lead_pipeline_tests.simulation.org import INTEGRATION
from lead_pipeline_tests.simulation.plans import SimulatedPlans
from lead_pipeline_tests.simulation.processes import Strategy

# --- updates --------------------------------------------------------------------------------------------------------


class UnconditionalUpdates(SimulatedSalesforce):
    """No If-Unmodified-Since."""

    def _update(self, update: ConditionalUpdate) -> Save:
        return lambda: self.world.org.update(update.salesforce_id, update.fields, user=INTEGRATION)


class ImpatientReader(SimulatedSalesforce):
    """No quiet rule: the reading always seems old enough."""

    @property
    def server_time(self) -> datetime | None:
        return self._server_time + timedelta(days=1) if self._server_time else None

    @server_time.setter
    def server_time(self, moment: datetime | None) -> None:
        self._server_time = moment


class BlankingUpdates(SimulatedSalesforce):
    """Sends nothing for what the lead does not bring, instead of leaving it out."""

    def _update(self, update: ConditionalUpdate) -> Save:
        return super()._update(replace(update, fields={"Phone": None, "Description": None} | update.fields))


class AgelessValues(SimulatedPlans):
    """Nobody remembers when the row was fetched that a value came from."""

    def _find_target(self, object_name: str | None, salesforce_id: str) -> PlanTarget | None:
        target = super()._find_target(object_name, salesforce_id)
        if target is None:
            return None
        return replace(target, written={name: replace(one, source_at=None) for name, one in target.written.items()})


class Echoes(SimulatedPlans):
    """A value that stands there already is reason enough for an update."""

    def plan_one(self, lead: Row) -> None:
        super().plan_one(lead)
        key = (lead["batch_id"], lead["dievio_lead_id"])
        decision = self._database.tables.sync_decision.get(key)
        if decision is not None and decision["reason_code"] == PlanReason.NO_CHANGE:
            fields = [
                {**entry, "verdict": "updated"} for entry in decision["fields"] if entry["verdict"] == "kept_equal"
            ]
            self._database.tables.sync_decision.change(key, decision=Decision.UPDATE, fields=fields)


class StoredPayloads(SimulatedPlans):
    """Plans are made once: after a refusal only the condition is brought up to date."""

    def replan(self, dievio_lead_ids: Collection[str]) -> None:
        tables = self._database.tables
        known = [lead_id for lead_id in dievio_lead_ids if (self._batch_id, lead_id) in tables.sync_decision]
        super().replan([lead_id for lead_id in dievio_lead_ids if lead_id not in known])
        with self._database.transaction():
            for lead_id in known:
                self._bring_up_to_date(lead_id)

    def _bring_up_to_date(self, lead_id: str) -> None:
        tables, key = self._database.tables, (self._batch_id, lead_id)
        decision = tables.sync_decision.get(key)
        if decision is None or decision["decision"] != Decision.UPDATE:
            return
        record = tables.directory_record.get((decision["object_name"], decision["salesforce_id"]))
        if record is not None and not record["is_deleted"] and not record["is_converted"]:
            tables.sync_decision.change(key, base_last_modified_at=record["last_modified_at"])


# --- updates by job -------------------------------------------------------------------------------------------------


class UnaskedGuard(SimulatedSalesforce):
    """Nobody asks whether the org has the guard: its rules are taken for granted."""

    def active_validation_rules(self, object_name: str) -> frozenset[str]:
        del object_name
        return RULES


class UnprocessedTakenForDone(SimulatedSalesforce):
    """Rows that a job never came to count as carried out."""

    def read_bulk_results(self, job_id: str, kind: str) -> Iterator[SimulatedRow]:
        for found in super().read_bulk_results(job_id, kind):
            done = done_answer(found.row.get("Id", ""), request_id=None)
            yield replace(found, answer=done) if kind == "unprocessed" and found.row.get("Id") else found


# --- creations ------------------------------------------------------------------------------------------------------


class Upserts(SimulatedSalesforce):
    """Creates by upsert: a second sending overwrites."""

    def _insert(self, object_name: str, payload: dict[str, Any]) -> Save:
        return lambda: self.world.org.upsert(object_name, payload, user=INTEGRATION)


# --- books ----------------------------------------------------------------------------------------------------------


class ForgetfulIntents(MemoryQueries):
    """No intent row: what was sent is known to the sending process alone, and dies with it."""

    def list_open_intents(self, **_values: Any) -> list[Row]:
        for row in list(self.open_intents()):
            self.tables.write_intent.delete(row["op_id"])
        return []


class NoReceipts(SimulatedSalesforce):
    """No operation id on the record."""

    def _insert(self, object_name: str, payload: dict[str, Any]) -> Save:
        return super()._insert(object_name, _without(payload, RECEIPT_FIELD))

    def _update(self, update: ConditionalUpdate) -> Save:
        return super()._update(replace(update, fields=_without(update.fields, RECEIPT_FIELD)))


class EarlyOutcomes(MemoryQueries):
    """The outcome is committed together with the intent, before anything is sent."""

    def insert_intents(self, *, intents: Settlements, sent_at: datetime) -> list[Row]:
        added = super().insert_intents(intents=intents, sent_at=sent_at)
        for row in added:
            intent = self.tables.write_intent.get(row["op_id"])
            if intent is not None:
                outcome = "created" if intent["kind"] == "insert" else "updated"
                self._settle_row(intent, outcome=outcome, reason_code="", at=sent_at, op_id=intent["op_id"])
        return added


class SwallowedFaults(SimulatedSalesforce):
    """A lost answer is caught and taken for a failure."""

    def send(self, call: Any, saves: Sequence[Save]) -> list[RecordAnswer]:
        failed = RecordAnswer(kind=AnswerKind.NOT_DONE, remedy=Remedy.DEAD_LETTER, error_code="FAILED")
        return [failed if answer.kind is AnswerKind.UNKNOWN else answer for answer in super().send(call, saves)]


class IgnoredPartialResults(SimulatedSalesforce):
    """A call of which one record was saved counts as done."""

    def send(self, call: Any, saves: Sequence[Save]) -> list[RecordAnswer]:
        answers = super().send(call, saves)
        done = next((answer for answer in answers if answer.is_done), None)
        return answers if done is None else [answer if answer.is_done else done for answer in answers]


class DroppedRetryAfter(SimulatedSalesforce):
    """Retry-After is not read."""

    def send(self, call: Any, saves: Sequence[Save]) -> list[RecordAnswer]:
        return [replace(answer, retry_after_seconds=None) for answer in super().send(call, saves)]


class ForgottenLandings(MemoryQueries):
    """A write that lands later than the next reading is nobody's."""

    def list_late_landings(self, **_values: Any) -> list[Row]:
        return []


class DatesAlone(MemoryQueries):
    """A plan counts as fresh while LastModifiedDate stands, though a second may hold two edits."""

    def has_other_values(self, decision: Row, record: Row) -> bool:
        del decision, record
        return False


# --- hand-overs -----------------------------------------------------------------------------------------------------


class UnconditionalHandOvers(SimulatedSalesforce):
    """The owner is changed whoever has the lead by now."""

    def _update(self, update: ConditionalUpdate) -> Save:
        if OWNER_FIELD not in update.fields:
            return super()._update(update)
        return lambda: self.world.org.update(update.salesforce_id, update.fields, user=INTEGRATION)


class ForgottenHandOvers(MemoryQueries):
    """A hand-over that lands after it was given up is nobody's."""

    def list_late_landings(self, *, since: datetime) -> list[Row]:
        return [row for row in super().list_late_landings(since=since) if row["purpose"] != "hand_over"]

    def list_void_intents(self, **_values: Any) -> list[Row]:
        return []


class TrustedReadings(MemoryQueries):
    """A lead is handed over on what was read back, even where somebody changed it within the second of that reading."""

    def list_waiting(self, *, batch_id: str, run_id: str) -> list[Row]:
        return [row | {"read_at": _NEVER} for row in super().list_waiting(batch_id=batch_id, run_id=run_id)]


# --- locks ----------------------------------------------------------------------------------------------------------


class LeadLocks(MemoryQueries):
    """The lock is that of the lead id: two leads of one person may be written at once."""

    def list_work(self, *, batch_id: str) -> list[Row]:
        return [row | dict.fromkeys(WORK_KEYS) for row in super().list_work(batch_id=batch_id)]


class WrongPersonKeys(MemoryQueries):
    """The address of a person is taken as it was typed, so that two spellings are two people."""

    def list_work(self, *, batch_id: str) -> list[Row]:
        typed = {
            row["dievio_lead_id"]: row["field_values"]["email"]
            for row in self.tables.lead.rows()
            if row["batch_id"] == batch_id
        }
        return [
            row | dict.fromkeys(WORK_KEYS) | {"em": typed[row["dievio_lead_id"]]}
            for row in super().list_work(batch_id=batch_id)
        ]


class FreshTwins(MemoryQueries):
    """A record that another batch made since our reading is not looked for before the same person is created."""

    def list_twins(self, *, intents: Settlements, seen_at: datetime, given_up_since: datetime) -> list[Row]:
        del seen_at
        return super().list_twins(intents=intents, seen_at=_NEVER, given_up_since=given_up_since)


class LateTwins(MemoryQueries):
    """A creation that was given up without an answer is taken for impossible at once."""

    def list_twins(self, *, intents: Settlements, seen_at: datetime, given_up_since: datetime) -> list[Row]:
        del given_up_since
        return super().list_twins(intents=intents, seen_at=seen_at, given_up_since=_NEVER)


class NoFence(MemoryQueries):
    """Open writes refuse nobody, and are not settled before others are sent."""

    def is_fenced(self, intent: Mapping[str, Any]) -> bool:
        del intent
        return False

    def list_open_intents(self, *, batch_id: str, at: datetime, **values: Any) -> list[Row]:
        patience = timedelta(minutes=15)
        rows = super().list_open_intents(batch_id=batch_id, at=at, **values)
        return [row for row in rows if self._sent_at(row) < at - patience]

    def list_work(self, *, batch_id: str) -> list[Row]:
        waiting = []
        for decision, lead in self._open_plans(batch_id):
            if decision["decision"] in {"create", "update"}:
                waiting.append({**{name: decision[name] for name in _WORK_COLUMNS}, **_keys(lead)})
        return waiting

    def _sent_at(self, row: Row) -> datetime:
        intent = self.tables.write_intent.get(row["op_id"])
        if intent is None:
            raise KeyError(row["op_id"])
        sent_at: datetime = intent["sent_at"]
        return sent_at


_NEVER = datetime.max.replace(tzinfo=UTC)
_WORK_COLUMNS = ("dievio_lead_id", "decision", "object_name", "salesforce_id", "base_last_modified_at")


def _keys(lead: Row) -> Row:
    return {name: lead[name] for name in WORK_KEYS}


def _without(payload: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != name}


SABOTAGES: tuple[Strategy, ...] = (
    Strategy(name="no If-Unmodified-Since", salesforce=UnconditionalUpdates),
    Strategy(name="no quiet rule", salesforce=ImpatientReader),
    Strategy(name="guard taken for granted", salesforce=UnaskedGuard),
    Strategy(name="unprocessed rows taken for done", salesforce=UnprocessedTakenForDone),
    Strategy(name="upsert instead of insert", salesforce=Upserts),
    Strategy(name="external id not unique", has_unique_id=False),
    Strategy(name="no intent row", queries=ForgetfulIntents),
    Strategy(name="no receipt", salesforce=NoReceipts),
    Strategy(name="lock per lead id", queries=LeadLocks),
    Strategy(name="wrong person key", queries=WrongPersonKeys),
    Strategy(name="records made since the reading overlooked", queries=FreshTwins),
    Strategy(name="creations given up taken for impossible", queries=LateTwins),
    Strategy(name="no fence", queries=NoFence),
    Strategy(name="lost answer swallowed", salesforce=SwallowedFaults),
    Strategy(name="outcome before sending", queries=EarlyOutcomes),
    Strategy(name="partial results ignored", salesforce=IgnoredPartialResults),
    Strategy(name="late landings forgotten", queries=ForgottenLandings),
    Strategy(name="plan judged by its date alone", queries=DatesAlone),
    Strategy(name="owner changed without a condition", salesforce=UnconditionalHandOvers),
    Strategy(name="late hand-overs forgotten", queries=ForgottenHandOvers),
    Strategy(name="last second of a read-back trusted", queries=TrustedReadings),
    Strategy(name="Retry-After dropped", salesforce=DroppedRetryAfter),
    Strategy(name="stored payload replayed", plans=StoredPayloads),
    Strategy(name="nothing overwrites a value", salesforce=BlankingUpdates),
    Strategy(name="older rows over fresher ones", plans=AgelessValues),
    Strategy(name="the same value sent again", plans=Echoes),
)

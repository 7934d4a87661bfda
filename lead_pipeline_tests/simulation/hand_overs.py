"""Hand-overs of the simulated nights: who may own leads, what a night reads back before, and the judgement afterwards.

The hand-over itself is the product's own, `services/hand_over`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from uuid import UUID

from lead_pipeline.domain.routing import Condition, Pool, RoutingRule, RoutingRules
from lead_pipeline.domain.write_protocol import OWNER_FIELD, RECEIPT_FIELD
from lead_pipeline.services.read_back import PAUSE_AFTER_WRITE
from lead_pipeline_tests.simulation.memory_tables import MemoryTables, Row
from lead_pipeline_tests.simulation.org import HOLDING_QUEUE_ID, INTEGRATION_USER_ID, Change, ChangeKind, Org
from lead_pipeline_tests.simulation.scenarios import HOLDING_QUEUE, Scenario

SELLERS = ("0055e0000000011AAA", "0055e0000000012AAA")
ROUTING = RoutingRules(
    rules=(RoutingRule(name="sales", condition=Condition(), pool=Pool(departments=frozenset({"Sales"}))),),
    fallback_queue=HOLDING_QUEUE,
    holding_queue=HOLDING_QUEUE,
)
NIGHTS = 2  # after the writes of a day, on which what is left is handed over
MAX_DEATHS = 2
MAX_ACTS = 3  # of people
TAKING_SHARE = 0.5  # of what people do meanwhile: they help themselves from the holding queue


@dataclass(frozen=True, slots=True, kw_only=True)
class RoughNights:
    """How rough the nights of one seed get, drawn from a stream of their own."""

    crash_count: int
    act_count: int


def draw_nights(random: Random, scenario: Scenario) -> RoughNights:
    """Draw how often a process dies and people act; a story in which nobody does either stays so."""
    return RoughNights(
        crash_count=random.randint(0, min(MAX_DEATHS, scenario.crash_count)),
        act_count=random.randint(0, min(MAX_ACTS, scenario.act_count)),
    )


def fill_sellers(tables: MemoryTables) -> None:
    """Make those known who may own leads."""
    for salesforce_id in SELLERS:
        row = {"salesforce_id": salesforce_id, "kind": "user", "name": "Seller", "developer_name": None}
        fields = {"Department": "Sales", "UserType": "Standard"}
        tables.roster.put(salesforce_id, {**row, "is_active": True, "fields": fields})


# --- what a night does before ---------------------------------------------------------------------------------------


def list_to_hand_over(tables: MemoryTables, batch_id: str) -> list[Row]:
    """Return the ends of the batch's new leads that have no end as hand-overs yet."""
    return [
        end
        for end in tables.lead_outcome.rows()
        if end["batch_id"] == batch_id and end["outcome"] == "created" and not _is_handed_over(tables, end)
    ]


def seconds_until_readable(tables: MemoryTables, batch_id: str, *, at: datetime) -> float:
    """Return for how long `services/read_back` waits: the second of our last write has to be over."""
    written = [
        row["resolved_at"]
        for row in tables.write_intent.rows()
        if row["batch_id"] == batch_id and row["state"] == "applied"
    ]
    return max((max(written) + PAUSE_AFTER_WRITE - at).total_seconds(), 0.0) if written else 0.0


def copy_mirror(tables: MemoryTables, batch_id: str, *, server_at: datetime | None) -> None:
    """Keep the new leads as the mirror holds them now, as `services/read_back` does."""
    for end in list_to_hand_over(tables, batch_id):
        record = tables.directory_record.get((end["object_name"], end["salesforce_id"]))
        if record is not None:
            stands = {
                OWNER_FIELD: record["owner_id"],
                RECEIPT_FIELD: record["fields"][RECEIPT_FIELD],
                "LastModifiedDate": record["last_modified_at"].isoformat(),
                "LastModifiedById": record["last_modified_by_id"],
            }
            row = {"fields": stands, "is_missing": record["is_deleted"], "server_read_at": server_at}
            tables.readback.put((batch_id, end["dievio_lead_id"]), row)


def is_gate_open(tables: MemoryTables, batch_id: str) -> bool:
    """Whether each new lead that only this batch has touched is its holding owner's, as the gate on owners asks."""
    for end in list_to_hand_over(tables, batch_id):
        held, made = tables.readback.get((batch_id, end["dievio_lead_id"])), tables.write_intent.get(end["op_id"])
        if held is None or made is None:
            return False
        is_ours = held["fields"]["LastModifiedById"] == INTEGRATION_USER_ID and not held["is_missing"]
        is_as_made = held["fields"][OWNER_FIELD] == made["payload"].get(OWNER_FIELD)
        if is_ours and not is_as_made and not _is_written_again(tables, end, made):
            return False
    return True


def _is_written_again(tables: MemoryTables, end: Row, made: Row) -> bool:
    """Whether a later write of ours brought the record something else than an owner."""
    later = (
        tables.write_intent.get(value["op_id"])
        for value in tables.field_value.rows()
        if value["salesforce_id"] == end["salesforce_id"] and value["op_id"] != made["op_id"]
    )
    return any(row is not None and row["purpose"] != "hand_over" and row["sent_at"] > made["sent_at"] for row in later)


# --- judgement ------------------------------------------------------------------------------------------------------


def judge_owners(tables: MemoryTables, org: Org) -> Iterator[str]:
    """Hold what the org says of owners against what we assigned."""
    by_record: dict[str, list[Change]] = defaultdict(list)
    for change in org.ours():
        if change.kind is ChangeKind.UPDATE and OWNER_FIELD in change.after:
            by_record[change.salesforce_id].append(change)
    for salesforce_id, changes in by_record.items():
        if len(changes) > 1:
            yield f"owners: {salesforce_id} was handed over {len(changes)} times"
        for change in changes:
            if change.before[OWNER_FIELD] != HOLDING_QUEUE_ID:
                yield f"owners: {salesforce_id} was taken from somebody who owned it"
            yield from _judge_assignment(tables, change)
    done = {_op_of(change) for changes in by_record.values() for change in changes}
    for row in tables.handover.rows():
        if row["state"] == "done" and row["op_id"] not in done:
            yield f"owners: {row['dievio_lead_id']} is called handed over, which the org did not commit"


def judge_end(tables: MemoryTables, batch_id: str) -> Iterator[str]:
    """Ask that each new lead of a batch has reached its owner, or stayed with the person who took it."""
    for end in list_to_hand_over(tables, batch_id):
        row = tables.handover.get((batch_id, end["dievio_lead_id"]))
        state = row["state"] if row is not None else "not assigned"
        yield f"owners: {batch_id}/{end['raw_lead_id']} is still {state} after nights without faults"


def _judge_assignment(tables: MemoryTables, change: Change) -> Iterator[str]:
    """Hold one change of an owner against the assignment that it carries out."""
    op_id = _op_of(change)
    intent = tables.write_intent.get(op_id) or {"batch_id": None, "dievio_lead_id": None}
    row = tables.handover.get((intent["batch_id"], intent["dievio_lead_id"]))
    if row is None or (row["state"], row["op_id"]) != ("done", op_id):
        yield f"owners: {change.salesforce_id} was handed over, and its assignment does not say so"
    elif change.after[OWNER_FIELD] != row["to_owner_id"] or row["to_owner_id"] not in SELLERS:
        yield f"owners: {change.salesforce_id} got another owner than it was assigned to"


def _op_of(change: Change) -> UUID | None:
    receipt = change.after.get(RECEIPT_FIELD)
    return UUID(receipt) if receipt else None


def _is_handed_over(tables: MemoryTables, end: Row) -> bool:
    row = tables.handover.get((end["batch_id"], end["dievio_lead_id"]))
    return row is not None and row["state"] in {"done", "kept"}

"""Reading, matching and planning for the simulation: the product's own rules over tables in memory.

The mirror is filled as `services/refresh_directory` fills it, hits are found as `sql/queries/matches.sql` finds them;
which record and which value wins is decided by the product's domain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lead_pipeline.domain.decisions import FieldDecision, MatchCandidate
from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.leads import KEY_VERSION, Confidence, ConfidenceOrigin, MatchKeys, NormalizedLead
from lead_pipeline.domain.mapping import (
    Bucket,
    FieldMapping,
    MappingSet,
    ObjectMapping,
    SourceOfTruth,
    WritePolicy,
    build_mapping_set,
)
from lead_pipeline.domain.matching import (
    CandidateRecord,
    Hit,
    LeadToMatch,
    MatchingPolicy,
    RuleName,
    find_near_twins,
    match_lead,
)
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema
from lead_pipeline.domain.plan_subjects import PlanTarget
from lead_pipeline.domain.planning import PlanRules, plan_lead
from lead_pipeline.domain.survivorship import WrittenValue
from lead_pipeline.domain.write_protocol import EXTERNAL_ID_FIELD, OWNER_FIELD
from lead_pipeline_tests.simulation.clock import BEGINNING
from lead_pipeline_tests.simulation.crm import SimulatedSalesforce
from lead_pipeline_tests.simulation.memory_database import MemoryDatabase
from lead_pipeline_tests.simulation.memory_fences import OPEN
from lead_pipeline_tests.simulation.memory_tables import MemoryTables, Row
from lead_pipeline_tests.simulation.org import Record

_KEYS = ("em", "li", "dm", "fn", "ln", "co", "ph", "pe", "st")


@dataclass(frozen=True, slots=True)
class MappedField:
    """One field of the simulation's mapping; without a source it belongs to people."""

    name: str
    source: str | None
    write: WritePolicy


MAPPED_FIELDS = (
    MappedField(EXTERNAL_ID_FIELD, "dievio_lead_id", WritePolicy.FILL_BLANK),
    MappedField("FirstName", "first_name", WritePolicy.FILL_BLANK),
    MappedField("LastName", "last_name", WritePolicy.FILL_BLANK),
    MappedField("Email", "email", WritePolicy.TRACKED),
    MappedField("Title", "title", WritePolicy.TRACKED),
    MappedField("Phone", "phone", WritePolicy.FILL_BLANK),
    MappedField("Website", "website", WritePolicy.FILL_BLANK),
    MappedField("Industry", "industry", WritePolicy.ALWAYS),
    MappedField("Original_Source__c", "source", WritePolicy.WRITE_ONCE),
    MappedField("Description", None, WritePolicy.NEVER),
)
POLICIES = {row.name: row.write for row in MAPPED_FIELDS}


def _mapping(object_name: str) -> ObjectMapping:
    rows = tuple(
        FieldMapping(
            to=row.name,
            source=row.source,
            label=row.name,
            owner=SourceOfTruth.DIEVIO,
            write=row.write,
            bucket=Bucket.DO_NOT_WRITE if row.write is WritePolicy.NEVER else Bucket.CORE,
            reason="simulation",
        )
        for row in MAPPED_FIELDS
    )
    return ObjectMapping(object_name=object_name, version="1", fields=rows)


def _schema(object_name: str) -> ObjectSchema:
    fields = {
        row.name: FieldSchema(
            name=row.name, label=row.name, type="string", length=255, is_nillable=row.name != "LastName"
        )
        for row in MAPPED_FIELDS
    }
    return ObjectSchema(object_name=object_name, fields=fields)


MAPPINGS: MappingSet = build_mapping_set(_mapping("Lead"), _mapping("Contact"))
RULES = PlanRules(mappings=MAPPINGS, schemas={name: _schema(name) for name in ("Lead", "Contact")})
POLICY = MatchingPolicy()


class SimulatedPlans:
    """The way back to reading and planning for one batch.

    Args:
        database: The memory.
        salesforce: The org as the worker sees it; a refresh is one call.
        batch_id: The batch.
        now: The worker's clock.
    """

    def __init__(
        self,
        database: MemoryDatabase,
        salesforce: SimulatedSalesforce,
        *,
        batch_id: str,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._salesforce = salesforce
        self._batch_id = batch_id
        self._now = now

    def refresh(self) -> None:
        """Read the org into the mirror; a row older than the mirror's changes nothing."""
        self._salesforce.read("directory")
        seen = [self._see(record) for record in self._salesforce.world.org.records.values()]
        with self._database.transaction():
            mirror = self._database.tables.directory_record
            for row in seen:
                key = (row["object_name"], row["salesforce_id"])
                held = mirror.get(key)
                if held is None or (held is not row and row["system_modstamp"] >= held["system_modstamp"]):
                    mirror.put(key, row)

    def refresh_targets(self, targets: Mapping[str, Collection[str]]) -> None:
        """Read some records; so few are under way here that all of them are."""
        assert targets
        self.refresh()

    def _see(self, record: Record) -> Row:
        """Return a record as a mirror row; one that nobody changed since the last look is the same row."""
        world = self._salesforce.world
        stamp, row = world.seen.get(record.salesforce_id, (0, None))
        if row is None or stamp != record.stamp:
            row = _mirror_row(record, world.skew_seconds)
            world.seen[record.salesforce_id] = (record.stamp, row)
        return row

    def replan(self, dievio_lead_ids: Collection[str]) -> None:
        """Match and plan leads without an outcome anew."""
        with self._database.transaction():
            tables = self._database.tables
            wanted = set(dievio_lead_ids)
            for lead in tables.lead.rows():
                key = (lead["batch_id"], lead["raw_lead_id"])
                if lead["batch_id"] != self._batch_id or lead["dievio_lead_id"] not in wanted:
                    continue
                if lead["duplicate_of_raw_lead_id"] is None and key not in tables.lead_outcome:
                    self.plan_one(lead)

    def find_near_twins(self, creations: Sequence[LeadToMatch]) -> frozenset[str]:
        """Return the leads that wait for an earlier one of a similar name."""
        return find_near_twins(creations, policy=POLICY)

    def plan_all(self) -> None:
        """Match and plan the whole batch."""
        self.replan([lead["dievio_lead_id"] for lead in self._database.tables.lead.rows()])

    def plan_one(self, lead: Row) -> None:
        """Match and plan one lead."""
        tables = self._database.tables
        directory = {row["salesforce_id"]: row["candidate"] for row in tables.directory_record.rows()}
        answer = match_lead(
            LeadToMatch(dievio_lead_id=lead["dievio_lead_id"], keys=_match_keys(lead)),
            list(_find_hits(tables, lead, directory)),
            directory=directory,
            answers={},
            policy=POLICY,
        )
        batch_id, lead_id = lead["batch_id"], lead["dievio_lead_id"]
        for row in tables.match_candidate.rows():
            if (row["batch_id"], row["dievio_lead_id"]) == (batch_id, lead_id):
                tables.match_candidate.delete((batch_id, lead_id, row["salesforce_id"], row["rule"]))
        for found in answer.evidence:
            values = {"batch_id": batch_id, **_columns(found), "rule": str(found.rule)}
            tables.match_candidate.put((batch_id, lead_id, found.salesforce_id, str(found.rule)), values)
        result = answer.result
        target = self._find_target(result.object_name, result.salesforce_id) if result.salesforce_id else None
        decision = plan_lead(_normalized(lead), result, target=target, rules=RULES)
        row = {name: getattr(decision, name) for name in _DECISION_COLUMNS}
        row["fields"] = [{**_columns(entry), "verdict": str(entry.verdict)} for entry in decision.fields]
        # As of a moment before a write whose end nobody knows: what the mirror shows of it is not understood yet.
        open_since = [
            intent["sent_at"]
            for intent in tables.write_intent.rows()
            if intent["state"] in OPEN and intent["salesforce_id"] == result.salesforce_id
        ]
        tables.sync_decision.put((batch_id, lead_id), {**row, "planned_at": min([self._now(), *open_since])})

    def _find_target(self, object_name: str | None, salesforce_id: str) -> PlanTarget | None:
        return _target(self._database.tables, object_name, salesforce_id)


_DECISION_COLUMNS = (
    "batch_id",
    "dievio_lead_id",
    "raw_lead_id",
    "decision",
    "object_name",
    "salesforce_id",
    "reason_code",
    "reason",
    "mapping_version",
    "base_last_modified_at",
)


def _columns(value: FieldDecision | MatchCandidate) -> Row:
    return {
        name: getattr(value, name) for name in value.__slots__
    }  # `asdict` copies deeply, which takes a tenth of a run


def record_keys(fields: dict[str, Any]) -> dict[str, str | None]:
    """Return the match keys of a record; the simulation's people have simple names."""
    website = fields.get("Website")
    return {
        "em": fields["Email"].lower() if fields.get("Email") else None,
        "li": None,
        "dm": website.removeprefix("https://") if website else None,
        "fn": fields["FirstName"].lower() if fields.get("FirstName") else None,
        "ln": fields["LastName"].lower() if fields.get("LastName") else None,
        **dict.fromkeys(("co", "ph", "pe", "st")),
    }


def _mirror_row(record: Record, skew_seconds: float) -> Row:
    modified_at = BEGINNING + timedelta(seconds=record.modified_at + skew_seconds)
    row = {
        "object_name": record.object_name,
        "salesforce_id": record.salesforce_id,
        "fields": dict(record.fields),
        "dievio_lead_id": record.fields[EXTERNAL_ID_FIELD],
        "owner_id": record.fields[OWNER_FIELD],
        "last_modified_by_id": record.modified_by_id,
        "is_deleted": record.is_deleted,
        "master_record_id": record.master_record_id,
        "is_converted": record.is_converted,
        "converted_contact_id": record.converted_contact_id,
        "last_modified_at": modified_at,
        "system_modstamp": modified_at,
        "key_version": KEY_VERSION,
        **record_keys(record.fields),
    }
    return {**row, "candidate": _candidate(row)}


def _match_keys(row: Row) -> MatchKeys:
    return MatchKeys(**{name: row[name] for name in _KEYS})


def _candidate(row: Row) -> CandidateRecord:
    return CandidateRecord(
        object_name=row["object_name"],
        salesforce_id=row["salesforce_id"],
        keys=_match_keys(row),
        is_deleted=row["is_deleted"],
        master_record_id=row["master_record_id"],
        is_converted=row["is_converted"],
        converted_contact_id=row["converted_contact_id"],
    )


def _find_hits(tables: MemoryTables, lead: Row, directory: dict[str, CandidateRecord]) -> Iterator[Hit]:
    link = tables.salesforce_link.get(lead["dievio_lead_id"])
    if link is not None and link["salesforce_id"] in directory:
        yield Hit(rule=RuleName.LINK, record=directory[link["salesforce_id"]])
    for row in tables.directory_record.rows():
        record = directory[row["salesforce_id"]]
        if row["dievio_lead_id"] == lead["dievio_lead_id"]:
            yield Hit(rule=RuleName.EXTERNAL_ID, record=record)
        if row["is_deleted"] or row["is_converted"]:
            continue
        if row["em"] is not None and row["em"] == lead["em"]:
            yield Hit(rule=RuleName.EMAIL, record=record)
        if row["dm"] is not None and all(row[name] == lead[name] for name in ("fn", "ln", "dm")):
            yield Hit(rule=RuleName.NAME_AND_DOMAIN, record=record)


def _target(tables: MemoryTables, object_name: str | None, salesforce_id: str) -> PlanTarget | None:
    row = tables.directory_record.get((object_name, salesforce_id))
    if row is None:
        return None
    linked = [
        link["dievio_lead_id"] for link in tables.salesforce_link.rows() if link["salesforce_id"] == salesforce_id
    ]
    written = {
        value["field"]: WrittenValue(value=value["value"], source_at=_source_at(tables, value["op_id"]))
        for value in tables.field_value.rows()
        if value["salesforce_id"] == salesforce_id
    }
    record = DirectoryRecord(
        object_name=row["object_name"],
        salesforce_id=salesforce_id,
        fields=row["fields"],
        keys=_match_keys(row),
        last_modified_at=row["last_modified_at"],
        system_modstamp=row["system_modstamp"],
        dievio_lead_id=row["dievio_lead_id"],
        owner_id=row["owner_id"],
        is_deleted=row["is_deleted"],
        is_converted=row["is_converted"],
    )
    return PlanTarget(record=record, linked_lead_id=linked[0] if linked else None, written=written)


def _source_at(tables: MemoryTables, op_id: object) -> datetime | None:
    intent = tables.write_intent.get(op_id)
    lead = tables.lead.get((intent["batch_id"], intent["raw_lead_id"])) if intent else None
    return lead["fetched_at"] if lead else None


def _normalized(lead: Row) -> NormalizedLead:
    sure = Confidence(share=0.95, origin=ConfidenceOrigin.EXPLICIT)
    return NormalizedLead(
        raw_lead_id=lead["raw_lead_id"],
        batch_id=lead["batch_id"],
        segment="simulation",
        dievio_lead_id=lead["dievio_lead_id"],
        is_weak_id=False,
        values=lead["field_values"],
        confidences=dict.fromkeys(lead["field_values"], sure),
        source_paths={},
        flags=(),
        keys=_match_keys(lead),
        fetched_at=lead["fetched_at"],
    )

"""The sync plan: what it is made from, and the decisions themselves. What to decide belongs to `domain/planning`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.call_costs import SegmentAccount
from lead_pipeline.domain.decisions import FieldDecision, MatchGrade, MatchResult, SyncDecision
from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.leads import Confidence, ConfidenceOrigin, MatchKeys, NormalizedLead
from lead_pipeline.domain.plan_subjects import PlanTarget, Standing
from lead_pipeline.domain.review_decisions import standing_of
from lead_pipeline.domain.survivorship import AnswerChoice, FieldAnswer, WrittenValue
from lead_pipeline.store.bulk import copy_rows
from lead_pipeline.store.queries import load_queries
from lead_pipeline.store.suppressions import read_suppressed

PAGE_LEADS = 2_000  # leads in memory at a time; each brings its record with all mapped fields

_NO_KEYS = MatchKeys()  # planning compares values, never keys
_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedLead:
    """A lead with what its decision needs.

    Attributes:
        lead: The lead.
        match: What the ladder answered.
        target: The matched record.
        answers: API name -> what a person decided about that field.
        standing: Review reason -> what a person's answer to that question means.
        is_suppressed: Whether the person stands on the suppression list.
        open_since: When the write to the record was sent whose end nobody knows yet; None when there is none.
    """

    lead: NormalizedLead
    match: MatchResult
    target: PlanTarget | None
    answers: Mapping[str, FieldAnswer] = field(default_factory=dict)
    standing: Mapping[str, Standing] = field(default_factory=dict)
    is_suppressed: bool = False
    open_since: datetime | None = None


def count_unmatched_leads(connection: psycopg.Connection[Any], *, batch_id: str) -> int:
    """Count open leads without a match result."""
    count: int = load_queries("plans").count_unmatched_leads(connection, batch_id=batch_id)
    return count


def read_matched_leads(
    connection: psycopg.Connection[Any],
    *,
    batch_id: str,
    dievio_lead_ids: Collection[str] | None = None,
    page_leads: int = PAGE_LEADS,
) -> Iterator[list[MatchedLead]]:
    """Give the leads without an outcome in pages, ordered by id; only the named ones where ids are given."""
    queries = load_queries("plans")
    after, wanted = "", None if dievio_lead_ids is None else list(dievio_lead_ids)
    suppressed = read_suppressed(connection, batch_id)
    while True:
        rows = list(
            queries.list_matched_leads(
                connection, batch_id=batch_id, after=after, dievio_lead_ids=wanted, page_size=page_leads
            )
        )
        if not rows:
            return
        written = _read_written_values(connection, {row["salesforce_id"] for row in rows if row["has_record"]})
        lead_ids = [row["dievio_lead_id"] for row in rows]
        people = _Answers(
            fields=_read_field_answers(connection, lead_ids),
            standing=_read_standing(connection, lead_ids, batch_id=batch_id),
            suppressed=suppressed,
        )
        yield [_as_matched_lead(row, batch_id=batch_id, written=written, people=people) for row in rows]
        after = rows[-1]["dievio_lead_id"]


def read_lead(connection: psycopg.Connection[Any], *, batch_id: str, raw_lead_id: int) -> NormalizedLead:
    """Return one lead of a batch, settled or not."""
    row = load_queries("plans").get_lead(connection, batch_id=batch_id, raw_lead_id=raw_lead_id)
    return _as_lead(row, batch_id)


def read_targets(
    connection: psycopg.Connection[Any], salesforce_ids: Collection[str], *, dievio_lead_id: str
) -> tuple[PlanTarget, ...]:
    """Return people of the org as the mirror holds them, in the order of the ids; unknown ones are left out."""
    rows = load_queries("plans").list_targets(
        connection, salesforce_ids=list(salesforce_ids), dievio_lead_id=dievio_lead_id
    )
    written = _read_written_values(connection, salesforce_ids)
    return tuple(
        PlanTarget(
            record=_as_record(row),
            linked_lead_id=row["linked_lead_id"],
            written=written.get(row["salesforce_id"], {}),
        )
        for row in rows
    )


def delete_open_plans(
    connection: psycopg.Connection[Any], *, batch_id: str, dievio_lead_ids: Collection[str] | None = None
) -> None:
    """Forget the decisions about leads without an outcome."""
    load_queries("plans").delete_open_plans(
        connection,
        batch_id=batch_id,
        dievio_lead_ids=None if dievio_lead_ids is None else list(dievio_lead_ids),
    )


def save_decisions(connection: psycopg.Connection[Any], decisions: Iterable[tuple[SyncDecision, datetime]]) -> None:
    """Append decisions, each with the moment as of which it knows our own writes."""
    copy_rows(
        connection,
        "sync_decision",
        columns=_COLUMNS,
        rows=((*_decision_values(decision), planned_at) for decision, planned_at in decisions),
    )


def refresh_statistics(connection: psycopg.Connection[Any]) -> None:
    """Tell the database's planner how many decisions there are."""
    load_queries("plans").refresh_statistics(connection)


def set_mapping_version(connection: psycopg.Connection[Any], *, batch_id: str, mapping_version: str) -> None:
    """Remember which mapping the batch was last planned with."""
    load_queries("plans").set_mapping_version(connection, batch_id=batch_id, mapping_version=mapping_version)


def read_written_fields(connection: psycopg.Connection[Any], fields: Collection[str]) -> frozenset[str]:
    """Return those of `fields` that were ever written to a record."""
    rows = load_queries("plans").list_written_fields(connection, fields=list(fields))
    return frozenset(row["field"] for row in rows)


def count_decisions(connection: psycopg.Connection[Any], *, batch_id: str) -> list[dict[str, Any]]:
    """Count the plan by `decision` and `reason_code`, as `leads` and, of these, `open_leads` without an outcome."""
    return list(load_queries("plans").count_decisions(connection, batch_id=batch_id))


def count_planned_fields(connection: psycopg.Connection[Any], *, batch_id: str) -> list[dict[str, Any]]:
    """Count the fields of leads to be written by `policy` and `verdict`, as `fields`."""
    return list(load_queries("plans").count_planned_fields(connection, batch_id=batch_id))


def count_risks(
    connection: psycopg.Connection[Any], *, batch_id: str, guarded_fields: Collection[str]
) -> dict[str, int]:
    """Count `creates`, `replaced_values` and `guarded_touches`: the risk box of the plan."""
    risks: dict[str, int] = load_queries("plans").count_risks(
        connection, batch_id=batch_id, guarded_fields=list(guarded_fields)
    )
    return risks


def read_segment_accounts(connection: psycopg.Connection[Any], *, batch_id: str) -> list[SegmentAccount]:
    """Return how far each saved search of the batch has been pulled."""
    rows = load_queries("plans").list_segment_accounts(connection, batch_id=batch_id)
    return [SegmentAccount(**row) for row in rows]


_COLUMNS = (
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
    "fields",
    "planned_at",
)


_FIELD_NAMES = tuple(entry.name for entry in fields(FieldDecision))


def _decision_values(decision: SyncDecision) -> tuple[object, ...]:
    values = tuple(getattr(decision, column) for column in _COLUMNS[:-2])
    return (*values, Jsonb([_field_values(entry) for entry in decision.fields]))


def _field_values(entry: FieldDecision) -> dict[str, object]:
    # dataclasses.asdict copies every value deeply and was two thirds of the time that planning took
    return {name: getattr(entry, name) for name in _FIELD_NAMES}


def _read_written_values(
    connection: psycopg.Connection[Any], salesforce_ids: Collection[str]
) -> dict[str, dict[str, WrittenValue]]:
    written: dict[str, dict[str, WrittenValue]] = defaultdict(dict)
    rows = load_queries("plans").list_written_values(connection, salesforce_ids=sorted(salesforce_ids))
    for row in rows:
        written[row["salesforce_id"]][row["field"]] = WrittenValue(value=row["value"], source_at=row["source_at"])
    return written


def _read_field_answers(
    connection: psycopg.Connection[Any], dievio_lead_ids: Collection[str]
) -> dict[str, dict[str, FieldAnswer]]:
    answers: dict[str, dict[str, FieldAnswer]] = defaultdict(dict)
    for row in load_queries("plans").list_field_answers(connection, dievio_lead_ids=list(dievio_lead_ids)):
        answer = FieldAnswer(choice=AnswerChoice(row["choice"]), value=row["value"])
        answers[row["dievio_lead_id"]][row["field"]] = answer
    return answers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """What people decided about some leads, by lead id."""

    fields: Mapping[str, Mapping[str, FieldAnswer]]
    standing: Mapping[str, Mapping[str, Standing]]
    suppressed: Collection[str]


def _read_standing(
    connection: psycopg.Connection[Any], dievio_lead_ids: Collection[str], *, batch_id: str
) -> dict[str, dict[str, Standing]]:
    standing: dict[str, dict[str, Standing]] = defaultdict(dict)
    rows = load_queries("plans").list_standing_answers(
        connection, batch_id=batch_id, dievio_lead_ids=list(dievio_lead_ids)
    )
    for row in rows:
        meaning = standing_of(row["reason"], row["choice"])
        if meaning is not None:
            standing[row["dievio_lead_id"]][row["reason"]] = meaning
    return standing


def _as_matched_lead(
    row: _Row, *, batch_id: str, written: Mapping[str, Mapping[str, WrittenValue]], people: _Answers
) -> MatchedLead:
    target = None
    if row["has_record"]:
        target = PlanTarget(
            record=_as_record(row),
            linked_lead_id=row["linked_lead_id"],
            written=written.get(row["salesforce_id"], {}),
        )
    return MatchedLead(
        lead=_as_lead(row, batch_id),
        match=_as_match(row),
        target=target,
        answers=people.fields.get(row["dievio_lead_id"], {}),
        standing=people.standing.get(row["dievio_lead_id"], {}),
        is_suppressed=row["dievio_lead_id"] in people.suppressed,
        open_since=row["open_since"],
    )


def _as_lead(row: _Row, batch_id: str) -> NormalizedLead:
    return NormalizedLead(
        raw_lead_id=row["raw_lead_id"],
        batch_id=batch_id,
        segment=row["segment"],
        dievio_lead_id=row["dievio_lead_id"],
        is_weak_id=row["is_weak_id"],
        values=row["field_values"],
        confidences={
            name: Confidence(share=entry["share"], origin=ConfidenceOrigin(entry["origin"]))
            for name, entry in row["confidences"].items()
        },
        source_paths={},
        flags=tuple(row["flags"]),
        keys=_NO_KEYS,
        fetched_at=row["fetched_at"],
    )


def _as_match(row: _Row) -> MatchResult:
    return MatchResult(
        dievio_lead_id=row["dievio_lead_id"],
        grade=MatchGrade(row["grade"]),
        rule=row["rule"],
        object_name=row["object_name"],
        salesforce_id=row["salesforce_id"],
        reason_code=row["reason_code"],
        reason=row["reason"],
        candidate_count=row["candidate_count"],
    )


def _as_record(row: _Row) -> DirectoryRecord:
    return DirectoryRecord(
        object_name=row["object_name"],
        salesforce_id=row["salesforce_id"],
        fields=row["record_fields"],
        keys=_NO_KEYS,
        last_modified_at=row["last_modified_at"],
        system_modstamp=row["system_modstamp"],
        dievio_lead_id=row["record_lead_id"],
        is_deleted=row["is_deleted"],
        is_converted=row["is_converted"],
    )

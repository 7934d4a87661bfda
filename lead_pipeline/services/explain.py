"""Tells the story of one lead or of one field: finds who is meant, reads what is known, has it put into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from lead_pipeline.domain.mapping import FieldMapping, MappingSet
from lead_pipeline.domain.normalize.emails import read_email
from lead_pipeline.domain.stories import (
    Event,
    FieldChange,
    FieldRule,
    FieldStory,
    MirroredRecord,
    Step,
    StoryLine,
    WrittenValue,
    sort_story,
    tell,
    tell_edits,
    tell_field,
)
from lead_pipeline.errors import ConfigurationError, InvalidIdentifierError, UnknownSubjectError
from lead_pipeline.salesforce.ids import check_record_id, object_of
from lead_pipeline.store import stories
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import read_field_types
from lead_pipeline.store.org_facts import find_integration_user
from lead_pipeline.store.sync_log import LogEntry, LogFilter, search_log

_Connection = psycopg.Connection[Any]

EXPLAINED_OBJECTS = ("Lead", "Contact")
MOST_ENTRIES = 500  # of the log, per lead: 90 days of a lead that comes every night, several times over


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who is meant: a lead of ours, a record of the org, or both."""

    dievio_lead_id: str | None
    salesforce_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything that is known to have happened to one lead."""

    subject: Subject
    lines: tuple[StoryLine, ...]


def find_subjects(connection: _Connection, word: str) -> tuple[Subject, ...]:
    """Return whom a lead id, record id or e-mail address means; an address may mean several.

    Raises:
        UnknownSubjectError: Nobody. The word itself stays out of the message.
    """
    if "@" in word:
        subjects = _subjects_of_email(connection, word)
        kind = "e-mail address"
    elif object_of(word) in EXPLAINED_OBJECTS and (record_id := _record_id(word)):
        subjects = _subjects_of_record(connection, record_id)
        kind = "record id"
    else:
        subjects = (_subject_of_lead(connection, word),) if stories.has_lead(connection, word) else ()
        kind = "lead id"
    if not subjects:
        raise UnknownSubjectError(kind)
    return subjects


def tell_stories(database: Database, word: str) -> tuple[Story, ...]:
    """Return the story of everybody whom a word means.

    Raises:
        UnknownSubjectError: It means nobody.
    """
    with database.transaction() as connection:
        return tuple(_tell_story(connection, subject) for subject in find_subjects(connection, word))


def explain_field(database: Database, mappings: MappingSet, word: str, *, field: str) -> tuple[FieldStory, ...]:
    """Return why a field holds its value, for everybody whom a word means.

    Args:
        database: The product's database.
        mappings: The mapping, for policy and reason.
        word: Lead id, record id or e-mail address.
        field: API name or label, upper or lower case.

    Raises:
        UnknownSubjectError: The word means nobody, or nobody with a record.
        ConfigurationError: The mapping has no such field.
    """
    with database.transaction() as connection:
        told = [
            _explain_field(connection, mappings, subject, record, field=field)
            for subject in find_subjects(connection, word)
            if subject.salesforce_id is not None
            and (record := stories.find_record(connection, subject.salesforce_id)) is not None
        ]
    if not told:
        raise UnknownSubjectError("name as the holder of a record")
    return tuple(told)


def _subjects_of_email(connection: _Connection, word: str) -> tuple[Subject, ...]:
    address = read_email(word).address or word.strip().lower()
    leads = [_subject_of_lead(connection, lead_id) for lead_id in stories.find_leads_of_email(connection, address)]
    known = {subject.salesforce_id for subject in leads}
    records = [
        Subject(dievio_lead_id=None, salesforce_id=record_id)
        for record_id in stories.find_records_of_email(connection, address)
        if record_id not in known
    ]
    return (*leads, *records)


def _subjects_of_record(connection: _Connection, record_id: str) -> tuple[Subject, ...]:
    leads = stories.find_leads_of_record(connection, record_id)
    if leads:
        return tuple(Subject(dievio_lead_id=lead_id, salesforce_id=record_id) for lead_id in leads)
    is_known = stories.find_record(connection, record_id) is not None
    return (Subject(dievio_lead_id=None, salesforce_id=record_id),) if is_known else ()


def _subject_of_lead(connection: _Connection, dievio_lead_id: str) -> Subject:
    record_id = stories.find_record_of_lead(connection, dievio_lead_id)
    return Subject(dievio_lead_id=dievio_lead_id, salesforce_id=record_id)


def _record_id(word: str) -> str | None:
    try:
        return check_record_id(word, object_of(word) or "")
    except InvalidIdentifierError:
        return None


def _tell_story(connection: _Connection, subject: Subject) -> Story:
    lines = [_log_line(entry) for entry in _log_of(connection, subject)]
    if subject.dievio_lead_id is not None:
        batch_ids = stories.read_batches_of_lead(connection, subject.dievio_lead_id)
        events = stories.read_events(connection, subject.dievio_lead_id, batch_ids=batch_ids)
        lines += [tell(event) for event in events]
    if subject.salesforce_id is not None:
        edits = _edits(connection, subject.salesforce_id)
        lines += [edits] if edits is not None else []
    return Story(subject=subject, lines=sort_story(lines))


def _log_of(connection: _Connection, subject: Subject) -> list[LogEntry]:
    if subject.dievio_lead_id is not None:
        wanted = LogFilter(dievio_lead_ids=(subject.dievio_lead_id,))
    else:
        wanted = LogFilter(salesforce_id=subject.salesforce_id)
    return list(search_log(connection, wanted, most=MOST_ENTRIES))


def _log_line(entry: LogEntry) -> StoryLine:
    facts = {
        "operation": entry.operation,
        "object_name": entry.object_name,
        "salesforce_id": entry.salesforce_id,
        "outcome": entry.outcome,
        "error_code": entry.error_code,
        "actor": entry.actor,
    }
    told = tell(Event(at=entry.logged_at, step=Step.LOGGED, batch_id=entry.batch_id, facts=facts))
    return StoryLine(
        at=told.at,
        step=told.step,
        batch_id=told.batch_id,
        text=told.text,
        changes=tuple(
            FieldChange(field=str(change["field"]), before=change.get("before"), after=change.get("after"))
            for change in entry.fields_changed
        ),
        op_id=str(entry.op_id) if entry.op_id is not None else None,
        run_id=entry.run_id,
    )


def _edits(connection: _Connection, salesforce_id: str) -> StoryLine | None:
    record = stories.find_record(connection, salesforce_id)
    if record is None:
        return None
    written = stories.read_written_values(connection, salesforce_id)
    return tell_edits(
        record,
        written,
        field_types=read_field_types(connection, record.object_name),
        own_user_id=find_integration_user(connection),
    )


def _explain_field(
    connection: _Connection, mappings: MappingSet, subject: Subject, record: MirroredRecord, *, field: str
) -> FieldStory:
    mapping = _find_mapping(mappings, record.object_name, field)
    rule = _rule(connection, subject, mapping)
    written: WrittenValue | None = stories.read_written_values(connection, record.salesforce_id).get(mapping.to)
    entries = search_log(connection, LogFilter(salesforce_id=record.salesforce_id), most=MOST_ENTRIES)
    lines = [_log_line(entry) for entry in entries if entry.outcome == "applied"]
    return tell_field(
        mapping.to,
        record,
        written,
        field_type=read_field_types(connection, record.object_name).get(mapping.to, "string"),
        rule=rule,
        changes=[_only(line, mapping.to) for line in lines if _touches(line, mapping.to)],
        own_user_id=find_integration_user(connection),
    )


def _find_mapping(mappings: MappingSet, object_name: str, field: str) -> FieldMapping:
    rows = (mappings.contact if object_name == "Contact" else mappings.lead).fields
    wanted = field.strip().lower()
    found = next((row for row in rows if wanted in {row.to.lower(), row.label.lower()}), None)
    if found is None:
        raise ConfigurationError(
            "--field", what=f"the mapping of {object_name} has no such field", repair="Use an API name or a label of it"
        )
    return found


def _rule(connection: _Connection, subject: Subject, mapping: FieldMapping) -> FieldRule:
    decided = None
    if subject.dievio_lead_id is not None:
        batch_ids = stories.read_batches_of_lead(connection, subject.dievio_lead_id)
        decided = stories.find_field_decision(connection, subject.dievio_lead_id, batch_ids=batch_ids, field=mapping.to)
    if decided is None:
        return FieldRule(policy=mapping.write, policy_reason=mapping.reason)
    return FieldRule(
        policy=mapping.write,
        policy_reason=mapping.reason,
        verdict=decided["verdict"],
        verdict_reason=decided["reason"],
        planned_at=decided["planned_at"],
    )


def _touches(line: StoryLine, field: str) -> bool:
    return any(change.field == field for change in line.changes)


def _only(line: StoryLine, field: str) -> StoryLine:
    """Return a line with the changes of one field alone."""
    return StoryLine(
        at=line.at,
        step=line.step,
        batch_id=line.batch_id,
        text=line.text,
        changes=tuple(change for change in line.changes if change.field == field),
        op_id=line.op_id,
        run_id=line.run_id,
    )

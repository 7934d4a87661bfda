"""The story of one lead in sentences, and of one field: why this value, since when, by whom.

Belongs here: what events and entries mean, in words. Where they are read is `store/stories`; no sentence repeats a
value of a field, the values stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from lead_pipeline.domain.decisions import WRITING_VERDICTS
from lead_pipeline.domain.matching import rule_in_words
from lead_pipeline.domain.value_equality import are_equal, is_blank
from lead_pipeline.domain.write_protocol import OWNER_FIELD


class Step(StrEnum):
    """What happened, in the order of a lead's way."""

    RECEIVED = "received"
    NORMALIZED = "normalized"
    MATCHED = "matched"
    PLANNED = "planned"
    LOGGED = "logged"
    ENDED = "ended"
    READ_BACK = "read_back"
    HANDED_OVER = "handed_over"
    ASKED = "asked"
    DECIDED = "decided"
    GIVEN_UP = "given_up"
    EDITED = "edited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened; `facts` depend on the step."""

    at: datetime
    step: Step
    batch_id: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of one write."""

    field: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """One line of a story: when, what, in words, and the fields that changed."""

    at: datetime
    step: Step
    batch_id: str
    text: str
    changes: tuple[FieldChange, ...] = ()
    op_id: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenValue:
    """The last value that we wrote to a field."""

    value: object
    written_at: datetime
    op_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredRecord:
    """A record as the mirror holds it."""

    object_name: str
    salesforce_id: str
    fields: Mapping[str, object]
    is_deleted: bool
    is_converted: bool
    last_modified_by_id: str | None
    last_modified_at: datetime


class Holder(StrEnum):
    """Whose value stands in a field."""

    US = "us"
    SOMEBODY_ELSE = "somebody_else"
    NOBODY = "nobody"  # the field is blank


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """What the mapping says about a field, and what the newest plan made of it."""

    policy: str
    policy_reason: str
    verdict: str | None = None
    verdict_reason: str | None = None
    planned_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStory:
    """Why a field of a record holds what it holds."""

    field: str
    object_name: str
    salesforce_id: str
    value: object
    holder: Holder
    text: str
    since: datetime | None
    by: str | None
    rule: FieldRule
    changes: tuple[StoryLine, ...]


def tell(event: Event) -> StoryLine:
    """Return one event in words."""
    return StoryLine(at=event.at, step=event.step, batch_id=event.batch_id, text=_SENTENCES[event.step](event.facts))


def tell_edits(
    record: MirroredRecord,
    written: Mapping[str, WrittenValue],
    *,
    field_types: Mapping[str, str],
    own_user_id: str | None,
) -> StoryLine | None:
    """Return the line about fields that hold something else than we wrote last; None when nobody changed any."""
    changed = [
        FieldChange(field=name, before=entry.value, after=record.fields.get(name))
        for name, entry in sorted(written.items())
        if name in record.fields
        and not (name == OWNER_FIELD and _is_unseen(record, entry, own_user_id))
        and not are_equal(record.fields[name], entry.value, field_type=field_types.get(name, "string"))
    ]
    if not changed:
        return None
    names = ", ".join(change.field for change in changed)
    last = "ours" if record.last_modified_by_id == own_user_id else f"by {record.last_modified_by_id}"
    return StoryLine(
        at=record.last_modified_at,
        step=Step.EDITED,
        batch_id="",
        text=f"{names} no longer as we wrote; the record's last change is {last}",
        changes=tuple(changed),
    )


def tell_field(
    name: str,
    record: MirroredRecord,
    written: WrittenValue | None,
    *,
    field_type: str,
    rule: FieldRule,
    changes: Sequence[StoryLine],
    own_user_id: str | None,
) -> FieldStory:
    """Return why a field holds its value.

    Args:
        name: Salesforce API name.
        record: The record in the mirror.
        written: What we wrote there last, if ever.
        field_type: Salesforce's word for the field's type.
        rule: Mapping and newest plan.
        changes: The log's lines that changed the field, newest first.
        own_user_id: The user we write as; None where it is not known.
    """
    value = record.fields.get(name)
    is_ours = written is not None and are_equal(value, written.value, field_type=field_type)
    own = next((line for line in changes if written is not None and line.op_id == written.op_id), None)
    if is_blank(value):
        holder, since, by = Holder.NOBODY, None, None
        text = "it is blank" if written is None else "somebody cleared it after we wrote it"
    elif is_ours and written is not None:
        holder, since, by = Holder.US, written.written_at, f"run {own.run_id}" if own is not None else "an earlier run"
        text = "we wrote it, and nobody changed it"
    else:
        # The mirror knows when the record was last changed, not each of its fields: that is the latest it can be.
        holder, since, by = Holder.SOMEBODY_ELSE, record.last_modified_at, record.last_modified_by_id
        text = "we never wrote it" if written is None else "somebody changed it after we wrote it"
        if by is not None and by == own_user_id:  # our write of other fields tells nothing about this one
            since = by = None
            text += "; since when and by whom tells the field history in Salesforce, for the last change is ours"
    return FieldStory(
        field=name,
        object_name=record.object_name,
        salesforce_id=record.salesforce_id,
        value=value,
        holder=holder,
        text=text,
        since=since,
        by=by,
        rule=rule,
        changes=tuple(changes),
    )


def _is_unseen(record: MirroredRecord, written: WrittenValue, own_user_id: str | None) -> bool:
    """Tell whether a hand-over is younger than the mirror, whose last change is an earlier one of ours."""
    return record.last_modified_by_id == own_user_id and record.last_modified_at < written.written_at


def sort_story(lines: Iterable[StoryLine]) -> tuple[StoryLine, ...]:
    """Return lines by time, those of one moment in the order of a lead's way."""
    order = {step: place for place, step in enumerate(Step)}
    return tuple(sorted(lines, key=lambda line: (line.at, order[line.step])))


def _received(facts: Mapping[str, Any]) -> str:
    return f"received from segment {facts['segment']}, page {facts['page']}, row {facts['row']}"


def _normalized(facts: Mapping[str, Any]) -> str:
    notes = [*facts["flags"]]
    notes += ["id rests on name and company alone"] if facts["is_weak_id"] else []
    notes += ["copy of a person in the same batch"] if facts["is_copy"] else []
    return "normalized" + (f" ({', '.join(notes)})" if notes else ", nothing to remark")


def _matched(facts: Mapping[str, Any]) -> str:
    target = f" with {facts['object_name']} {facts['salesforce_id']}" if facts["salesforce_id"] else ""
    rule = f" by {rule_in_words(facts['rule'])}" if facts["rule"] else ""
    candidates = "1 candidate" if facts["candidates"] == 1 else f"{facts['candidates']} candidates"
    return f"match {facts['grade']}{target}{rule}, {candidates}: {facts['reason']}"


def _planned(facts: Mapping[str, Any]) -> str:
    counts = [entry["field"] for entry in facts["fields"] if entry["verdict"] in WRITING_VERDICTS]
    written = f", {len(counts)} field{'s' * (len(counts) > 1)}" if counts else ""
    account = facts.get("account_id") or facts.get("account")
    company = f"; Account of the company: {account}" if account else ""
    waiting = "; waits until a run lets it through" if facts.get("is_waiting") else ""
    return f"planned to {facts['decision']}{written}: {facts['reason']}{company}{waiting}"


def _ended(facts: Mapping[str, Any]) -> str:
    return f"ended as {facts['outcome']} ({facts['reason_code']})"


def _read_back(facts: Mapping[str, Any]) -> str:
    return f"read back {facts['salesforce_id']}" + (": it is gone" if facts["is_missing"] else "")


def _handed_over(facts: Mapping[str, Any]) -> str:
    return f"hand-over to {facts['to_owner_id']} {facts['state']}: {facts['reason']}"


def _asked(facts: Mapping[str, Any]) -> str:
    return f"review {facts['reason']} for {facts['owner']}, {facts['state']}: {facts['question']}"


def _decided(facts: Mapping[str, Any]) -> str:
    return f"review {facts['reason']} decided by {facts['decided_by']}"


def _given_up(facts: Mapping[str, Any]) -> str:
    attempts = "1 attempt" if facts["attempts"] == 1 else f"{facts['attempts']} attempts"
    return (
        f"dead letter {facts['state']} after {attempts} at {facts['stage']}, for {facts['owner']}: "
        f"{facts['error_code']}, {facts['cause']}"
    )


def _logged(facts: Mapping[str, Any]) -> str:
    target = f" {facts['object_name']} {facts['salesforce_id']}" if facts["salesforce_id"] else ""
    error = f", {facts['error_code']}" if facts["error_code"] else ""
    outcome = f" {facts['outcome']}" if facts["outcome"] != facts["operation"] else ""  # `review`, `skip` say both
    return f"{facts['operation']}{target}{outcome}{error} by {facts['actor']}"


_SENTENCES: Mapping[Step, Callable[[Mapping[str, Any]], str]] = {
    Step.RECEIVED: _received,
    Step.NORMALIZED: _normalized,
    Step.MATCHED: _matched,
    Step.PLANNED: _planned,
    Step.LOGGED: _logged,
    Step.ENDED: _ended,
    Step.READ_BACK: _read_back,
    Step.HANDED_OVER: _handed_over,
    Step.ASKED: _asked,
    Step.DECIDED: _decided,
    Step.GIVEN_UP: _given_up,
}

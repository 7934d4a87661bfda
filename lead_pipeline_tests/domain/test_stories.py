"""What a lead's story says, event by event, and why a field holds its value."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lead_pipeline.domain.stories import (
    Event,
    FieldRule,
    FieldStory,
    Holder,
    MirroredRecord,
    Step,
    StoryLine,
    WrittenValue,
    sort_story,
    tell,
    tell_edits,
    tell_field,
)

AT = datetime(2026, 11, 20, 2, 15, tzinfo=UTC)
LATER = AT + timedelta(hours=5)
RECORD = MirroredRecord(
    object_name="Lead",
    salesforce_id="00Q000000000001AAA",
    fields={"Title": "Head", "Phone": None},
    is_deleted=False,
    is_converted=False,
    last_modified_by_id="005000000000001AAA",
    last_modified_at=LATER,
)
WRITTEN = WrittenValue(value="Head", written_at=AT, op_id="op-1")
LINE = StoryLine(at=AT, step=Step.LOGGED, batch_id="2026-11-19", text="update", op_id="op-1", run_id="run-1")
OUR_USER = "005000000000009AAA"
RULE = FieldRule(policy="tracked", policy_reason="kept fresh")

NORMALIZED: dict[str, Any] = {"flags": (), "is_weak_id": False, "is_copy": False}
MATCHED: dict[str, Any] = {
    "grade": "certain", "object_name": "Lead", "salesforce_id": "00Q1", "rule": "email", "candidates": 1,
    "reason": "one",
}  # fmt: skip
PLANNED: dict[str, Any] = {"decision": "update", "reason": "one record", "fields": ()}
LOGGED: dict[str, Any] = {
    "object_name": "Lead", "salesforce_id": "00Q1", "operation": "update", "outcome": "done", "error_code": "",
    "actor": "dagster",
}  # fmt: skip


@pytest.mark.parametrize(
    ("step", "facts", "text"),
    [
        (Step.RECEIVED, {"segment": "s", "page": 2, "row": 7}, "received from segment s, page 2, row 7"),
        (Step.NORMALIZED, NORMALIZED, "normalized, nothing to remark"),
        (
            Step.NORMALIZED,
            {"flags": ("name_split",), "is_weak_id": True, "is_copy": True},
            "normalized (name_split, id rests on name and company alone, copy of a person in the same batch)",
        ),
        (Step.MATCHED, MATCHED, "match certain with Lead 00Q1 by email, 1 candidate: one"),
        (
            Step.MATCHED,
            {**MATCHED, "grade": "none", "salesforce_id": None, "rule": None, "candidates": 0, "reason": "nobody"},
            "match none, 0 candidates: nobody",
        ),
        (Step.PLANNED, PLANNED, "planned to update: one record"),
        (
            Step.PLANNED,
            {
                **PLANNED,
                "fields": [{"field": "Phone", "verdict": "filled_blank"}, {"field": "Title", "verdict": "escalated"}],
            },
            "planned to update, 1 field: one record",
        ),
        (
            Step.PLANNED,
            {**PLANNED, "account": "domain", "account_id": "001A", "is_waiting": True},
            "planned to update: one record; Account of the company: 001A; waits until a run lets it through",
        ),
        (
            Step.PLANNED,
            {**PLANNED, "account": "several", "account_id": None, "is_waiting": False},
            "planned to update: one record; Account of the company: several",
        ),
        (Step.LOGGED, LOGGED, "update Lead 00Q1 done by dagster"),
        (
            Step.LOGGED,
            {**LOGGED, "salesforce_id": None, "operation": "create", "outcome": "failed", "error_code": "TOO_LONG"},
            "create failed, TOO_LONG by dagster",
        ),
        (
            Step.LOGGED,
            {**LOGGED, "salesforce_id": None, "operation": "review", "outcome": "review"},
            "review by dagster",
        ),
        (Step.ENDED, {"outcome": "updated", "reason_code": "written"}, "ended as updated (written)"),
        (Step.READ_BACK, {"salesforce_id": "00Q1", "is_missing": False}, "read back 00Q1"),
        (Step.READ_BACK, {"salesforce_id": "00Q1", "is_missing": True}, "read back 00Q1: it is gone"),
        (
            Step.HANDED_OVER,
            {"to_owner_id": "0051", "state": "done", "reason": "round robin"},
            "hand-over to 0051 done: round robin",
        ),
        (
            Step.ASKED,
            {"reason": "several", "owner": "sales_ops", "state": "open", "question": "which?"},
            "review several for sales_ops, open: which?",
        ),
        (Step.DECIDED, {"reason": "several", "decided_by": "anna"}, "review several decided by anna"),
        (
            Step.GIVEN_UP,
            {"state": "open", "attempts": 3, "stage": "write", "owner": "ops", "error_code": "E", "cause": "why"},
            "dead letter open after 3 attempts at write, for ops: E, why",
        ),
    ],
)
def test_an_event_is_one_sentence(step: Step, facts: dict[str, Any], text: str) -> None:
    line = tell(Event(at=AT, step=step, batch_id="2026-11-19", facts=facts))

    assert (line.at, line.step, line.batch_id) == (AT, step, "2026-11-19")
    assert line.text == text


def test_lines_of_one_moment_stand_in_the_order_of_a_leads_way() -> None:
    early = replace(LINE, at=AT - timedelta(seconds=1), step=Step.DECIDED)
    lines = [replace(LINE, step=Step.ENDED), replace(LINE, step=Step.RECEIVED), early]

    assert [line.step for line in sort_story(lines)] == [Step.DECIDED, Step.RECEIVED, Step.ENDED]


def test_an_edit_names_the_fields_and_who_changed_the_record_last() -> None:
    written = {"Title": replace(WRITTEN, value="Chief"), "Phone": replace(WRITTEN, value=None), "City": WRITTEN}

    types = {"Title": "string", "Phone": "phone"}
    line = tell_edits(RECORD, written, field_types=types, own_user_id=OUR_USER)
    after_us = tell_edits(RECORD, written, field_types=types, own_user_id=RECORD.last_modified_by_id)

    assert line is not None
    assert after_us is not None
    assert [(change.field, change.before, change.after) for change in line.changes] == [("Title", "Chief", "Head")]
    assert line.text == "Title no longer as we wrote; the record's last change is by 005000000000001AAA"
    assert after_us.text == "Title no longer as we wrote; the record's last change is ours"
    assert line.at == LATER


def test_a_hand_over_after_the_last_reading_is_nobodys_edit() -> None:
    record = replace(RECORD, fields={"OwnerId": "holding queue"})
    written = {"OwnerId": replace(WRITTEN, value="Anna", written_at=LATER + timedelta(seconds=9))}

    ours = tell_edits(record, written, field_types={}, own_user_id=RECORD.last_modified_by_id)
    somebodys = tell_edits(record, written, field_types={}, own_user_id=OUR_USER)

    assert ours is None
    assert somebodys is not None


def test_a_record_that_nobody_touched_has_no_line_of_edits() -> None:
    assert tell_edits(RECORD, {"Title": WRITTEN}, field_types={}, own_user_id=OUR_USER) is None


def field_story(
    name: str, written: WrittenValue | None, *changes: StoryLine, own_user_id: str | None = OUR_USER
) -> FieldStory:
    return tell_field(name, RECORD, written, field_type="string", rule=RULE, changes=changes, own_user_id=own_user_id)


def test_our_own_change_of_other_fields_is_not_taken_for_the_moment_of_this_one() -> None:
    story = field_story("Title", None, own_user_id=RECORD.last_modified_by_id)

    assert (story.holder, story.since, story.by) == (Holder.SOMEBODY_ELSE, None, None)
    assert story.text.startswith("we never wrote it; since when and by whom tells the field history in Salesforce")


@pytest.mark.parametrize(
    ("name", "written", "changes", "holder", "by", "text"),
    [
        ("Title", WRITTEN, (LINE,), Holder.US, "run run-1", "we wrote it, and nobody changed it"),
        ("Title", WRITTEN, (), Holder.US, "an earlier run", "we wrote it, and nobody changed it"),
        ("Title", None, (LINE,), Holder.SOMEBODY_ELSE, "005000000000001AAA", "we never wrote it"),
        (
            "Title", replace(WRITTEN, value="Chief"), (LINE,), Holder.SOMEBODY_ELSE, "005000000000001AAA",
            "somebody changed it after we wrote it",
        ),
        ("Phone", None, (), Holder.NOBODY, None, "it is blank"),
        ("Phone", WRITTEN, (LINE,), Holder.NOBODY, None, "somebody cleared it after we wrote it"),
    ],
)  # fmt: skip
def test_a_field_is_ours_somebody_elses_or_blank(
    name: str, written: WrittenValue | None, changes: tuple[StoryLine, ...], holder: Holder, by: str | None, text: str
) -> None:
    story = field_story(name, written, *changes)

    assert (story.holder, story.by, story.text) == (holder, by, text)
    assert story.since == {Holder.US: AT, Holder.SOMEBODY_ELSE: LATER, Holder.NOBODY: None}[holder]
    assert (story.rule, story.changes) == (RULE, changes)

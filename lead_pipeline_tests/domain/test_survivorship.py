"""The truth table of write policies, cell by cell: policies, states of a value, kinds of target."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_pipeline.domain.decisions import ASKING_VERDICTS, WRITING_VERDICTS, FieldVerdict
from lead_pipeline.domain.mapping import Bucket, FieldMapping, OnConflict, SourceOfTruth, WritePolicy
from lead_pipeline.domain.preflight import PreparedValue
from lead_pipeline.domain.survivorship import (
    AnswerChoice,
    FieldAnswer,
    FieldCase,
    TargetState,
    WrittenValue,
    decide_field,
)

NOW = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)
YESTERDAY, TOMORROW = NOW - timedelta(days=1), NOW + timedelta(days=1)
OLD, NEW = "Director of Sales", "VP Sales"
PLACEHOLDERS = frozenset({"n/a", "unknown"})

CREATE, UPDATE, CONVERTED = TargetState.CREATE, TargetState.UPDATE, TargetState.CONVERTED
NEVER, ONCE, FILL, TRACKED, ALWAYS = (
    WritePolicy.NEVER,
    WritePolicy.WRITE_ONCE,
    WritePolicy.FILL_BLANK,
    WritePolicy.TRACKED,
    WritePolicy.ALWAYS,
)
SET, FILLED, UPDATED = FieldVerdict.SET_AT_CREATION, FieldVerdict.FILLED_BLANK, FieldVerdict.UPDATED
EQUAL, REP, POLICY = FieldVerdict.KEPT_EQUAL, FieldVerdict.KEPT_REP_VALUE, FieldVerdict.KEPT_BY_POLICY
NOTHING, UNSURE, INVALID = (
    FieldVerdict.NO_SOURCE_VALUE,
    FieldVerdict.REFUSED_CONFIDENCE,
    FieldVerdict.REFUSED_INVALID,
)


def row(write: WritePolicy, on_conflict: OnConflict = OnConflict.KEEP) -> FieldMapping:
    return FieldMapping(
        to="Title",
        source="title",
        label="Title",
        owner=SourceOfTruth.DIEVIO,
        write=write,
        bucket=Bucket.CORE,
        reason="a test",
        on_conflict=on_conflict,
        min_confidence=0.7,
    )


def case(before: object = OLD, *, new: object = NEW, target: TargetState = UPDATE, **changes: object) -> FieldCase:
    plain = FieldCase(
        before=before,
        prepared=PreparedValue(value=new),
        field_type="string",
        target=target,
        source_at=NOW,
        modified_at=YESTERDAY,
        confidence=0.9,
        placeholders=PLACEHOLDERS,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # a case varies any attribute


OURS = WrittenValue(value=OLD, source_at=YESTERDAY)

#: State of the value -> what is special about the case. The record holds OLD and the lead brings NEW unless said.
STATES: dict[str, dict[str, object]] = {
    "blank": {"before": None},
    "empty text": {"before": "  "},
    "placeholder": {"before": "N/A"},
    "blank, somebody removed this value": {"before": None, "written": WrittenValue(value=NEW, source_at=YESTERDAY)},
    "placeholder over this value": {"before": "N/A", "written": WrittenValue(value=NEW, source_at=YESTERDAY)},
    "blank, somebody removed another value": {"before": None, "written": OURS},
    "equal": {"before": NEW},
    "ours": {"written": OURS},
    "ours from nobody knows when": {"written": WrittenValue(value=OLD, source_at=None)},
    "ours, written from fresher data": {"written": WrittenValue(value=OLD, source_at=TOMORROW)},
    "rep's": {"written": WrittenValue(value="Sales Manager", source_at=YESTERDAY)},
    "somebody's, never written by us": {},
    "source invalid": {"prepared": PreparedValue(problem="Title is too long")},
    "no source value": {"prepared": PreparedValue()},
    "source is a placeholder": {"prepared": PreparedValue(value="unknown")},
    "low confidence": {"confidence": 0.5},
    "low confidence, ours": {"confidence": 0.5, "written": OURS},
    "low confidence, blank": {"confidence": 0.5, "before": None},
    "unknown confidence": {"confidence": None},
}

#: State -> verdict on an existing record, in the order of the policies below.
POLICIES = (NEVER, ONCE, FILL, TRACKED, ALWAYS)
ON_UPDATE: dict[str, tuple[FieldVerdict, ...]] = {
    "blank": (POLICY, POLICY, FILLED, FILLED, FILLED),
    "empty text": (POLICY, POLICY, FILLED, FILLED, FILLED),
    "placeholder": (POLICY, POLICY, FILLED, FILLED, FILLED),
    "blank, somebody removed this value": (POLICY, POLICY, REP, REP, FILLED),
    "placeholder over this value": (POLICY, POLICY, REP, REP, FILLED),
    "blank, somebody removed another value": (POLICY, POLICY, FILLED, FILLED, FILLED),
    "equal": (POLICY, EQUAL, EQUAL, EQUAL, EQUAL),
    "ours": (POLICY, POLICY, REP, UPDATED, UPDATED),
    "ours from nobody knows when": (POLICY, POLICY, REP, UPDATED, UPDATED),
    "ours, written from fresher data": (POLICY, POLICY, REP, POLICY, POLICY),
    "rep's": (POLICY, POLICY, REP, REP, UPDATED),
    "somebody's, never written by us": (POLICY, POLICY, REP, REP, UPDATED),
    "source invalid": (POLICY, INVALID, INVALID, INVALID, INVALID),
    "no source value": (POLICY, NOTHING, NOTHING, NOTHING, NOTHING),
    "source is a placeholder": (POLICY, NOTHING, NOTHING, NOTHING, NOTHING),
    "low confidence": (POLICY, UNSURE, UNSURE, UNSURE, UNSURE),
    "low confidence, ours": (POLICY, UNSURE, UNSURE, UNSURE, UNSURE),
    "low confidence, blank": (POLICY, UNSURE, UNSURE, UNSURE, UNSURE),
    "unknown confidence": (POLICY, POLICY, REP, REP, UPDATED),
}

#: State -> verdict at creation, where no record holds anything.
ON_CREATE: dict[str, tuple[FieldVerdict, ...]] = {
    "blank": (POLICY, SET, SET, SET, SET),
    "source invalid": (POLICY, INVALID, INVALID, INVALID, INVALID),
    "no source value": (POLICY, NOTHING, NOTHING, NOTHING, NOTHING),
    "source is a placeholder": (POLICY, NOTHING, NOTHING, NOTHING, NOTHING),
    "low confidence": (POLICY, UNSURE, UNSURE, UNSURE, UNSURE),
    "unknown confidence": (POLICY, SET, SET, SET, SET),
}


def cells(table: dict[str, tuple[FieldVerdict, ...]]) -> list[tuple[str, WritePolicy, FieldVerdict]]:
    return [
        (state, policy, verdict)
        for state, verdicts in table.items()
        for policy, verdict in zip(POLICIES, verdicts, strict=True)
    ]


@pytest.mark.parametrize(("state", "policy", "verdict"), cells(ON_UPDATE))
def test_on_an_existing_record(state: str, policy: WritePolicy, verdict: FieldVerdict) -> None:
    assert decide_field(row(policy), case(**STATES[state])).verdict is verdict  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "policy", "verdict"), cells(ON_CREATE))
def test_on_a_new_record(state: str, policy: WritePolicy, verdict: FieldVerdict) -> None:
    new_record = case(**{**STATES[state], "before": None, "target": CREATE, "modified_at": None})  # type: ignore[arg-type]
    assert decide_field(row(policy), new_record).verdict is verdict


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("state", STATES)
def test_a_converted_lead_is_never_changed(state: str, policy: WritePolicy) -> None:
    decision = decide_field(row(policy), case(**{**STATES[state], "target": CONVERTED}))  # type: ignore[arg-type]
    assert (decision.verdict, decision.after) == (POLICY, decision.before)


def test_every_state_has_its_line_in_the_table() -> None:
    assert ON_UPDATE.keys() == STATES.keys()


CONFLICT_CELLS = [
    (FILL, OnConflict.KEEP, YESTERDAY, REP),
    (FILL, OnConflict.ESCALATE, YESTERDAY, FieldVerdict.ESCALATED),
    (FILL, OnConflict.NEWEST, YESTERDAY, UPDATED),
    (FILL, OnConflict.NEWEST, TOMORROW, REP),
    (FILL, OnConflict.NEWEST, NOW, REP),
    (FILL, OnConflict.NEWEST, None, REP),
    (TRACKED, OnConflict.KEEP, YESTERDAY, REP),
    (TRACKED, OnConflict.ESCALATE, YESTERDAY, FieldVerdict.ESCALATED),
    (TRACKED, OnConflict.NEWEST, YESTERDAY, UPDATED),
    (TRACKED, OnConflict.NEWEST, TOMORROW, REP),
]


@pytest.mark.parametrize(("policy", "on_conflict", "modified_at", "verdict"), CONFLICT_CELLS)
def test_a_persons_value_in_the_way(
    policy: WritePolicy, on_conflict: OnConflict, modified_at: datetime | None, verdict: FieldVerdict
) -> None:
    assert decide_field(row(policy, on_conflict), case(modified_at=modified_at)).verdict is verdict


@pytest.mark.parametrize("on_conflict", OnConflict)
def test_our_own_value_is_no_conflict(on_conflict: OnConflict) -> None:
    assert decide_field(row(TRACKED, on_conflict), case(written=OURS)).verdict is UPDATED


def test_an_escalated_field_shows_the_value_that_a_person_is_asked_about() -> None:
    decision = decide_field(row(FILL, OnConflict.ESCALATE), case())
    assert (decision.before, decision.after) == (OLD, NEW)


TAKE, KEEP = FieldAnswer(choice=AnswerChoice.TAKE, value=NEW), FieldAnswer(choice=AnswerChoice.KEEP, value=NEW)
ANSWER_CELLS = [
    ("a kept value stays though it is ours", TRACKED, {"answer": KEEP, "written": OURS}, REP),
    ("a kept value stays though the field is the machine's", ALWAYS, {"answer": KEEP}, REP),
    ("a taken value replaces a rep's", FILL, {"answer": TAKE}, UPDATED),
    ("a taken value is written although unsure", FILL, {"answer": TAKE, "confidence": 0.1}, UPDATED),
    ("a taken value is written although stale", TRACKED, {"answer": TAKE, "modified_at": TOMORROW}, UPDATED),
    ("a taken value fills a blank", ONCE, {"answer": TAKE, "before": None}, FILLED),
    (
        "a taken value goes to a new record",
        FILL,
        {"answer": TAKE, "before": None, "target": CREATE, "confidence": 0.1},
        SET,
    ),
    ("an answer about another value is no answer", FILL, {"answer": replace(TAKE, value="CEO")}, REP),
    ("a field that is never written asks nobody", NEVER, {"answer": TAKE}, POLICY),
    ("what Salesforce refuses stays refused", FILL, {"answer": TAKE, "prepared": PreparedValue(problem="no")}, INVALID),
    ("an equal value needs no answer", FILL, {"answer": TAKE, "before": NEW}, EQUAL),
]


@pytest.mark.parametrize(
    ("policy", "changes", "verdict"), [cell[1:] for cell in ANSWER_CELLS], ids=[cell[0] for cell in ANSWER_CELLS]
)
def test_the_decision_of_a_person(policy: WritePolicy, changes: dict[str, object], verdict: FieldVerdict) -> None:
    assert decide_field(row(policy), case(**changes)).verdict is verdict  # type: ignore[arg-type]


def test_our_value_in_another_form_is_still_ours() -> None:
    changes = case(
        "VP@Acme.example", new="new@acme.example", written=WrittenValue(value="vp@acme.example", source_at=None)
    )
    assert decide_field(row(TRACKED), replace(changes, field_type="email")).verdict is UPDATED


def test_a_trim_is_recorded_where_the_value_is_written_and_only_there() -> None:
    trimmed = PreparedValue(value="Head of", trimmed_from="Head of everything")
    assert decide_field(row(FILL), case(None, prepared=trimmed)).trimmed_from == "Head of everything"
    assert decide_field(row(FILL), case(prepared=trimmed)).trimmed_from is None


def test_a_decision_says_which_policy_and_why() -> None:
    decision = decide_field(row(TRACKED), case(confidence=0.5))
    assert (decision.field, decision.policy) == ("Title", "tracked")
    assert decision.reason == "confidence 50% is below the required 70%: unverified, not written"


VALUES = st.sampled_from([None, "", "n/a", OLD, NEW, "vp sales", "CEO"])
CASES = st.builds(
    FieldCase,
    before=VALUES,
    prepared=st.builds(PreparedValue, value=VALUES, problem=st.sampled_from([None, None, "too long"])),
    field_type=st.sampled_from(["string", "email"]),
    target=st.sampled_from(TargetState),
    source_at=st.sampled_from([YESTERDAY, NOW, TOMORROW]),
    confidence=st.sampled_from([None, 0.1, 0.7, 1.0]),
    modified_at=st.sampled_from([None, YESTERDAY, TOMORROW]),
    written=st.one_of(st.none(), st.builds(WrittenValue, value=VALUES, source_at=st.sampled_from([None, NOW]))),
    answer=st.one_of(st.none(), st.builds(FieldAnswer, choice=st.sampled_from(AnswerChoice), value=VALUES)),
    placeholders=st.just(PLACEHOLDERS),
)
ROWS = st.builds(row, st.sampled_from(WritePolicy), st.sampled_from(OnConflict))


@given(ROWS, CASES)
def test_nothing_never_replaces_something(mapping: FieldMapping, some: FieldCase) -> None:
    decision = decide_field(mapping, some)
    assert decision.after == some.before or decision.after not in (None, "", "n/a")


@given(CASES)
def test_a_field_that_is_never_written_never_changes(some: FieldCase) -> None:
    assert decide_field(row(NEVER), some).after == some.before


@given(ROWS, CASES)
def test_a_value_changes_only_by_a_writing_verdict_or_a_question(mapping: FieldMapping, some: FieldCase) -> None:
    decision = decide_field(mapping, some)
    may_change = decision.verdict in WRITING_VERDICTS | ASKING_VERDICTS
    assert may_change or decision.after == decision.before


@given(ROWS, CASES)
def test_what_was_written_is_found_equal_the_next_time(mapping: FieldMapping, some: FieldCase) -> None:
    first = decide_field(mapping, some)
    if first.verdict in WRITING_VERDICTS:
        again = replace(some, before=first.after, target=UPDATE, written=WrittenValue(value=first.after, source_at=NOW))
        assert decide_field(mapping, again).verdict is EQUAL


@given(ROWS, CASES)
def test_an_unsure_value_is_written_only_on_the_word_of_a_person(mapping: FieldMapping, some: FieldCase) -> None:
    unsure = replace(some, confidence=0.1, answer=None)
    assert decide_field(mapping, unsure).verdict not in WRITING_VERDICTS

"""The checker itself: sound books break nothing, and each way to break a promise is noticed and named."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.evidence import (
    Commit,
    DeadLetterRow,
    DeliveredRow,
    Evidence,
    FieldRules,
    IntentRow,
    LinkRow,
    LiveRecord,
    LogRow,
    OutcomeRow,
)
from lead_pipeline.domain.invariants import Invariant, find_violations
from lead_pipeline.domain.mapping import WritePolicy
from lead_pipeline.domain.write_protocol import (
    EXTERNAL_ID_FIELD,
    OWNER_FIELD,
    RECEIPT_FIELD,
    IntentState,
    WriteKind,
    WritePurpose,
    hash_payload,
)

DAY = "2026-11-20"
INSERT, UPDATE, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
MADE, OLD, STRANGE = "00Q000000000001AAA", "00Q000000000002AAA", "00Q000000000003AAA"
PAYLOAD = {"Title": "Head"}

ROWS = [DeliveredRow(batch_id=DAY, raw_lead_id=number) for number in (1, 2, 3)]
WAITING = DeliveredRow(batch_id=DAY, raw_lead_id=4)
ENDS = [
    OutcomeRow(batch_id=DAY, raw_lead_id=1, dievio_lead_id="lead-1", outcome=Outcome.CREATED, op_id=INSERT),
    OutcomeRow(batch_id=DAY, raw_lead_id=2, dievio_lead_id="lead-2", outcome=Outcome.UPDATED, op_id=UPDATE),
    OutcomeRow(batch_id=DAY, raw_lead_id=3, dievio_lead_id="lead-3", outcome=Outcome.DEAD_LETTER, op_id=None),
]
INTENTS = [
    IntentRow(
        op_id=op_id,
        dievio_lead_id=lead_id,
        person_key=f"id:{lead_id}",
        purpose=WritePurpose.SYNC,
        kind=kind,
        state=IntentState.APPLIED,
    )
    for op_id, lead_id, kind in ((INSERT, "lead-1", WriteKind.INSERT), (UPDATE, "lead-2", WriteKind.UPDATE))
]
COMMITS = [
    Commit(
        op_id=INSERT,
        salesforce_id=MADE,
        is_insert=True,
        before={},
        after={
            "Title": "Head",
            OWNER_FIELD: "00G000000000001AAA",
            RECEIPT_FIELD: str(INSERT),
            EXTERNAL_ID_FIELD: "lead-1",
        },
    ),
    Commit(
        op_id=UPDATE,
        salesforce_id=OLD,
        is_insert=False,
        before={"Phone": None, RECEIPT_FIELD: None},
        after={"Phone": "+4930901820", RECEIPT_FIELD: str(UPDATE)},
    ),
]
LOG = [
    LogRow(op_id=commit.op_id, salesforce_id=commit.salesforce_id, before=commit.before, after=commit.after)
    for commit in COMMITS
    if commit.op_id is not None
]
LETTER = DeadLetterRow(
    dievio_lead_id="lead-3",
    stage="write",
    error_code="STRING_TOO_LONG",
    cause="too long",
    owner="sales_ops",
    attempts=1,
    payload=PAYLOAD,
    payload_sha256=hash_payload(PAYLOAD),
)
FIELDS = FieldRules(
    policies={
        "Title": WritePolicy.TRACKED,
        "Phone": WritePolicy.FILL_BLANK,
        "Source": WritePolicy.WRITE_ONCE,
        EXTERNAL_ID_FIELD: WritePolicy.ALWAYS,
    },
    placeholders=frozenset({"n/a"}),
    stamps=frozenset(),
)
SOUND = Evidence(
    fields={"Lead": FIELDS},
    delivered=ROWS,
    outcomes=ENDS,
    intents=INTENTS,
    log=LOG,
    commits=COMMITS,
    links=[LinkRow(dievio_lead_id="lead-1", salesforce_id=MADE)] * 2,
    records=[LiveRecord(salesforce_id=MADE, object_name="Lead", dievio_lead_id="lead-1")],
    dead_letters=[LETTER],
    complete_batches={DAY},
)


def update(before: dict[str, object], after: dict[str, object], *, op_id: UUID = UPDATE) -> Commit:
    return Commit(op_id=op_id, salesforce_id=OLD, is_insert=False, before=before, after=after)


def said(evidence: Evidence, invariant: Invariant) -> list[str]:
    return [str(broken) for broken in find_violations(evidence) if broken.invariant is invariant]


def test_sound_books_break_nothing() -> None:
    assert find_violations(SOUND) == ()


@pytest.mark.parametrize(
    ("evidence", "line"),
    [
        (replace(SOUND, outcomes=ENDS[1:]), f"I1 {DAY}/1: has 0 outcomes"),
        (replace(SOUND, outcomes=[*ENDS, ENDS[0]]), f"I1 {DAY}/1: has 2 outcomes"),
        (replace(SOUND, delivered=ROWS[1:]), f"I1 {DAY}/1: has an outcome and was never delivered"),
        (
            replace(SOUND, intents=[INTENTS[0], replace(INTENTS[1], state=IntentState.UNKNOWN)]),
            f"I1 {UPDATE}: is still unknown",
        ),
        (
            replace(SOUND, outcomes=[replace(ENDS[0], op_id=None), *ENDS[1:]]),
            f"I1 {DAY}/1: is called created, which the org did not commit",
        ),
        (
            replace(SOUND, outcomes=[replace(ENDS[0], outcome=Outcome.UPDATED), *ENDS[1:]]),
            f"I1 {DAY}/1: is called updated, which the org did not commit",
        ),
        (replace(SOUND, outcomes=ENDS[1:]), f"I9 {DAY}/1: is unsettled in a batch called complete"),
    ],
)
def test_rows_without_their_one_true_end_are_named(evidence: Evidence, line: str) -> None:
    assert line in said(evidence, Invariant.CONSERVATION) + said(evidence, Invariant.WATERMARK)


def test_a_row_that_waits_to_be_let_through_has_no_end_and_is_in_order() -> None:
    waiting = replace(SOUND, delivered=[*ROWS, WAITING], waiting=[WAITING], complete_batches=())

    assert find_violations(waiting) == ()
    assert said(replace(waiting, complete_batches=(DAY,)), Invariant.WATERMARK) == [
        f"I9 {DAY}/4: is unsettled in a batch called complete"
    ]
    ended = replace(ENDS[2], raw_lead_id=4)
    assert said(replace(waiting, outcomes=[*ENDS, ended, ended]), Invariant.CONSERVATION) == [
        f"I1 {DAY}/4: has 2 outcomes"
    ]


def test_two_live_records_with_one_lead_id_are_named() -> None:
    twin = LiveRecord(salesforce_id=STRANGE, object_name="Lead", dievio_lead_id="lead-1")

    found = said(replace(SOUND, records=[*SOUND.records, twin]), Invariant.ONE_RECORD)

    assert found == ["I2 lead-1: is carried by 2 live Lead records"]


def test_two_records_made_for_one_person_are_named() -> None:
    again = replace(COMMITS[0], op_id=OTHER, salesforce_id=STRANGE)
    intent = replace(INTENTS[0], op_id=OTHER)
    record = LiveRecord(salesforce_id=STRANGE, object_name="Lead", dievio_lead_id=None)
    evidence = replace(SOUND, commits=[*COMMITS, again], intents=[*INTENTS, intent], records=[*SOUND.records, record])

    assert said(evidence, Invariant.ONE_RECORD) == ["I2 lead-1: is a person for whom we made 2 records"]


def test_links_that_move_are_named_on_both_sides() -> None:
    moved = LinkRow(dievio_lead_id="lead-1", salesforce_id=OLD)
    taken = update({EXTERNAL_ID_FIELD: "lead-2"}, {EXTERNAL_ID_FIELD: "lead-9"})

    assert said(replace(SOUND, links=[*SOUND.links, moved]), Invariant.LINKS) == ["I7 lead-1: moved to another record"]
    assert said(replace(SOUND, commits=[taken]), Invariant.LINKS) == [f"I7 {OLD}: lost its lead to another one"]


@pytest.mark.parametrize(
    ("name", "before", "is_broken"),
    [
        ("Title", "Rep's", True),
        ("Title", None, False),
        ("Phone", "n/a", False),
        ("Phone", "+49301", True),
        ("Source", None, True),  # written once: at the creation
        ("Status", None, True),  # no policy at all
        (OWNER_FIELD, "00G000000000001AAA", True),
    ],
)
def test_a_field_is_changed_only_inside_its_policy(name: str, before: object, *, is_broken: bool) -> None:
    found = said(replace(SOUND, commits=[update({name: before}, {name: "new"})]), Invariant.POLICY)

    assert found == ([f"I3 {OLD}: {name} was changed outside its policy"] if is_broken else [])


def test_a_hand_over_may_change_the_owner_and_a_write_without_receipt_may_not() -> None:
    change = update({OWNER_FIELD: "00G000000000001AAA"}, {OWNER_FIELD: "005000000000001AAA"})
    handing = replace(SOUND, intents=[replace(INTENTS[1], purpose=WritePurpose.HAND_OVER)], commits=[change])

    assert said(handing, Invariant.POLICY) == []
    assert said(replace(handing, commits=[replace(change, op_id=None)]), Invariant.POLICY) != []


def test_a_field_of_the_guard_may_be_cleared_it_says_nothing_about_the_person() -> None:
    change = update({"Dievio_Seen_Title__c": "Head"}, {"Dievio_Seen_Title__c": None})
    assert said(replace(SOUND, commits=[change]), Invariant.NO_BLANKING) == []


def test_a_cleared_field_is_named() -> None:
    assert said(replace(SOUND, commits=[update({"Title": "Head"}, {"Title": ""})]), Invariant.NO_BLANKING) == [
        f"I4 {OLD}: Title was cleared"
    ]


@pytest.mark.parametrize(
    ("evidence", "line"),
    [
        (replace(SOUND, commits=[COMMITS[0], replace(COMMITS[1], op_id=None)]), "I5 commits: 1 left no receipt"),
        (replace(SOUND, commits=[*COMMITS, COMMITS[1]]), f"I5 {UPDATE}: was committed 2 times"),
        (replace(SOUND, log=LOG[:1]), f"I5 {UPDATE}: was committed and is logged 0 times"),
        (replace(SOUND, commits=COMMITS[:1]), f"I5 {UPDATE}: is logged and was never committed"),
        (
            replace(SOUND, log=[LOG[0], replace(LOG[1], salesforce_id=STRANGE)]),
            f"I5 {UPDATE}: is logged for another record",
        ),
        (
            replace(SOUND, log=[LOG[0], replace(LOG[1], after={"Phone": "+49"})]),
            f"I5 {UPDATE}: Phone is logged with another value than was committed",
        ),
        (
            replace(SOUND, log=[LOG[0], replace(LOG[1], before={"Phone": "+49"})]),
            f"I5 {UPDATE}: Phone is logged with another value before than there was",
        ),
    ],
)
def test_a_log_that_differs_from_the_orgs_history_is_named(evidence: Evidence, line: str) -> None:
    assert line in said(evidence, Invariant.LOG)


def test_a_blank_in_another_form_is_no_difference() -> None:
    assert said(replace(SOUND, log=[LOG[0], replace(LOG[1], before={"Phone": ""})]), Invariant.LOG) == []


def test_a_repetition_that_writes_is_named() -> None:
    assert said(replace(SOUND, repeated_writes=2), Invariant.REPEAT) == ["I6 repetition: sent 2 writes"]


@pytest.mark.parametrize(
    ("letter", "lacking"),
    [
        (replace(LETTER, cause="", owner=""), "cause, owner"),
        (replace(LETTER, stage="", error_code=""), "stage, error code"),
        (replace(LETTER, attempts=0), "attempts"),
        (replace(LETTER, payload={}), "payload"),
    ],
)
def test_a_letter_that_lost_something_is_named(letter: DeadLetterRow, lacking: str) -> None:
    assert said(replace(SOUND, dead_letters=[letter]), Invariant.DEAD_LETTERS) == [f"I12 lead-3: lost its {lacking}"]


def test_a_write_given_up_without_a_letter_is_named() -> None:
    assert said(replace(SOUND, dead_letters=[]), Invariant.DEAD_LETTERS) == [
        f"I12 {DAY}/3: was given up without a letter"
    ]

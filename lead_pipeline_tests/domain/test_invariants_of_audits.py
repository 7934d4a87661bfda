"""What the checker grants an undoing, and what it cannot judge without the whole history."""

from __future__ import annotations

from uuid import UUID

import pytest

from lead_pipeline.domain.evidence import Commit, Evidence, FieldRules, IntentRow, LogRow, field_rules
from lead_pipeline.domain.invariants import Invariant, find_violations
from lead_pipeline.domain.mapping import (
    Bucket,
    FieldMapping,
    ObjectMapping,
    SourceOfTruth,
    WritePolicy,
    build_mapping_set,
)
from lead_pipeline.domain.write_protocol import EXTERNAL_ID_FIELD, IntentState, WriteKind, WritePurpose

RECORD_ID = "00Q000000000001AAA"
CONTACT_ID = "003000000000001AAA"


def judge(
    *changes: tuple[WritePurpose, object, object],
    policy: WritePolicy,
    is_history_complete: bool = True,
    field: str = "Title",
) -> set[Invariant]:
    """Return the promises that writes to a title break: each its purpose, the value before and the value after."""
    ids = [UUID(int=number) for number in range(1, len(changes) + 1)]
    values = [({field: before}, {field: after}) for _, before, after in changes]
    evidence = Evidence(
        fields={"Lead": FieldRules(policies={"Title": policy}, placeholders=frozenset({"n/a"}), stamps=frozenset())},
        intents=[
            IntentRow(
                op_id=op_id,
                dievio_lead_id="lead-1",
                person_key="id:lead-1",
                purpose=purpose,
                kind=WriteKind.UPDATE,
                state=IntentState.APPLIED,
            )
            for op_id, (purpose, _, _) in zip(ids, changes, strict=True)
        ],
        log=[
            LogRow(op_id=op_id, salesforce_id=RECORD_ID, before=before, after=after)
            for op_id, (before, after) in zip(ids, values, strict=True)
        ],
        commits=[
            Commit(op_id=op_id, salesforce_id=RECORD_ID, is_insert=False, before=before, after=after)
            for op_id, (before, after) in zip(ids, values, strict=True)
        ],
        is_history_complete=is_history_complete,
    )
    return {violation.invariant for violation in find_violations(evidence)}


def test_an_undoing_may_clear_what_we_filled() -> None:
    filled, undone = (WritePurpose.SYNC, None, "Head"), (WritePurpose.REVERT, "Head", None)

    assert judge(filled, undone, policy=WritePolicy.FILL_BLANK) == set()


def test_an_undoing_may_not_touch_what_a_person_typed() -> None:
    filled, undone = (WritePurpose.SYNC, None, "Head"), (WritePurpose.REVERT, "Rep's", None)

    assert judge(filled, undone, policy=WritePolicy.FILL_BLANK) == {Invariant.POLICY}


@pytest.mark.parametrize(
    ("policy", "broken"), [(WritePolicy.FILL_BLANK, set()), (WritePolicy.NEVER, {Invariant.POLICY})]
)
def test_a_persons_decision_outranks_every_policy_but_never(policy: WritePolicy, broken: set[Invariant]) -> None:
    assert judge((WritePurpose.REVIEW, "Rep's", "Decided"), policy=policy) == broken


def test_no_other_write_may_clear_a_field() -> None:
    assert Invariant.NO_BLANKING in judge((WritePurpose.SYNC, "Head", None), policy=WritePolicy.ALWAYS)


@pytest.mark.parametrize(("is_history_complete", "broken"), [(True, {Invariant.POLICY}), (False, set())])
def test_a_tracked_value_from_before_the_history_is_judged_only_by_a_whole_one(
    *, is_history_complete: bool, broken: set[Invariant]
) -> None:
    change = (WritePurpose.SYNC, "Old", "New")

    assert judge(change, policy=WritePolicy.TRACKED, is_history_complete=is_history_complete) == broken


def test_even_a_part_of_the_history_shows_a_value_that_was_not_ours() -> None:
    changes = [(WritePurpose.SYNC, None, "Ours"), (WritePurpose.SYNC, "Rep's", "New")]

    assert judge(*changes, policy=WritePolicy.TRACKED, is_history_complete=False) == {Invariant.POLICY}


def test_a_placeholder_may_be_filled_and_a_value_may_not() -> None:
    assert judge((WritePurpose.SYNC, "N/A", "Head"), policy=WritePolicy.FILL_BLANK) == set()
    assert judge((WritePurpose.SYNC, "Chief", "Head"), policy=WritePolicy.FILL_BLANK) == {Invariant.POLICY}


def test_what_the_guard_needs_is_ours_to_write() -> None:
    change = (WritePurpose.SYNC, "Head", "Chief")
    assert judge(change, policy=WritePolicy.NEVER, field="Dievio_Seen_Title__c") == set()
    assert judge(change, policy=WritePolicy.NEVER, field="Title") == {Invariant.POLICY}


def one_field_mapping(
    object_name: str, write: WritePolicy, *, name: str, placeholder: str, is_stamp: bool = False
) -> ObjectMapping:
    row = FieldMapping(
        to=name,
        source="title",
        label=name,
        owner=SourceOfTruth.DIEVIO,
        write=write,
        bucket=Bucket.CORE,
        reason="test",
        is_stamp=is_stamp,
    )
    return ObjectMapping(object_name=object_name, version="1", fields=(row,), placeholders=frozenset({placeholder}))


def test_each_mapping_says_how_its_fields_may_change_and_what_counts_as_blank() -> None:
    lead = one_field_mapping("Lead", WritePolicy.TRACKED, name="Title", placeholder="n/a")
    contact = one_field_mapping("Contact", WritePolicy.FILL_BLANK, name="Title", placeholder="none", is_stamp=True)

    rules = field_rules(build_mapping_set(lead, contact))

    assert {name: own.stamps for name, own in rules.items()} == {"Lead": frozenset(), "Contact": {"Title"}}
    assert {name: own.placeholders for name, own in rules.items()} == {"Lead": {"n/a"}, "Contact": {"none"}}
    assert {name: own.policies["Title"] for name, own in rules.items()} == {
        "Lead": WritePolicy.TRACKED,
        "Contact": WritePolicy.FILL_BLANK,
    }
    assert {own.policies[EXTERNAL_ID_FIELD] for own in rules.values()} == {WritePolicy.FILL_BLANK}


@pytest.mark.parametrize(
    ("salesforce_id", "lead", "contact", "is_broken"),
    [
        (CONTACT_ID, WritePolicy.ALWAYS, WritePolicy.FILL_BLANK, True),
        (CONTACT_ID, WritePolicy.NEVER, WritePolicy.ALWAYS, False),
        (RECORD_ID, WritePolicy.FILL_BLANK, WritePolicy.ALWAYS, True),
        (RECORD_ID, WritePolicy.ALWAYS, WritePolicy.NEVER, False),
        ("001000000000001AAA", WritePolicy.ALWAYS, WritePolicy.ALWAYS, True),
    ],
)
def test_a_record_is_judged_by_the_policy_of_its_own_object(
    salesforce_id: str, lead: WritePolicy, contact: WritePolicy, *, is_broken: bool
) -> None:
    mappings = build_mapping_set(
        one_field_mapping("Lead", lead, name="Title", placeholder="n/a"),
        one_field_mapping("Contact", contact, name="Title", placeholder="n/a"),
    )
    change = Commit(
        op_id=None, salesforce_id=salesforce_id, is_insert=False, before={"Title": "Head"}, after={"Title": "Chief"}
    )

    found = find_violations(Evidence(fields=field_rules(mappings), commits=[change]))

    assert (Invariant.POLICY in {violation.invariant for violation in found}) is is_broken

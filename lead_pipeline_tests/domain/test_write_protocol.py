"""What a write carries, and what follows each answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from lead_pipeline.domain.decisions import Decision, FieldDecision, FieldVerdict, Outcome, SyncDecision
from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer, Remedy
from lead_pipeline.domain.refusals import REFUSALS, ErrorClass
from lead_pipeline.domain.settlements import HandOverState, LogOperation, settle_answer, settle_reading
from lead_pipeline.domain.write_protocol import (
    FoundRecord,
    IntentState,
    NextStep,
    WriteBasis,
    WriteIntent,
    WritePurpose,
    build_sync_intent,
    decide_next_step,
    explain,
    hash_payload,
    is_quiet,
    person_key,
    settle_by_reading,
)

OP_ID = UUID("00000000-0000-0000-0000-000000000007")
READ_AT = datetime(2026, 5, 4, 2, 0, 10, tzinfo=UTC)


def decision(kind: Decision = Decision.CREATE, **values: object) -> SyncDecision:
    fields = tuple(
        FieldDecision(field=name, before=None, after=value, policy="tracked", verdict=FieldVerdict.UPDATED, reason="")
        for name, value in (values or {"LastName": "Probe", "Title": None}).items()
    )
    return SyncDecision(
        batch_id="b",
        dievio_lead_id="lead-1",
        raw_lead_id=1,
        decision=kind,
        object_name="Lead",
        salesforce_id=None if kind is Decision.CREATE else "00Q1",
        reason_code="certain_match",
        reason="",
        fields=fields,
        mapping_version="v1",
        base_last_modified_at=READ_AT,
    )


def basis(**overrides: Any) -> WriteBasis:
    values: dict[str, Any] = {
        "person_key": "em:a",
        "refusal_count": 0,
        "holding_owner_id": "00G1",
        "record_lead_id": None,
    }
    return WriteBasis(**(values | overrides))


def intent(kind: Decision = Decision.CREATE, **overrides: Any) -> WriteIntent:
    return replace(build_sync_intent(decision(kind), basis(), op_id=OP_ID, run_id="r"), **overrides)


def answer(kind: AnswerKind = AnswerKind.NOT_DONE, code: str = "", **overrides: Any) -> RecordAnswer:
    return RecordAnswer(**({"kind": kind, "remedy": Remedy.DEAD_LETTER, "error_code": code} | overrides))


def test_a_creation_carries_external_id_owner_and_receipt_but_no_blank() -> None:
    built = build_sync_intent(decision(), basis(), op_id=OP_ID, run_id="r")

    assert built.payload == {
        "LastName": "Probe",
        "OwnerId": "00G1",
        "Dievio_Lead_ID__c": "lead-1",
        "Dievio_Last_Op__c": str(OP_ID),
    }
    assert built.base_last_modified_at is None


def test_without_a_holding_queue_a_creation_names_no_owner() -> None:
    assert "OwnerId" not in build_sync_intent(decision(), basis(holding_owner_id=None), op_id=OP_ID, run_id="r").payload


@pytest.mark.parametrize(("carried", "is_stamped"), [(None, True), ("lead-1", False), ("lead-9", False)])
def test_an_update_stamps_the_external_id_only_where_there_is_none(carried: str | None, *, is_stamped: bool) -> None:
    built = build_sync_intent(decision(Decision.UPDATE), basis(record_lead_id=carried), op_id=OP_ID, run_id="r")

    assert ("Dievio_Lead_ID__c" in built.payload) is is_stamped
    assert "OwnerId" not in built.payload
    assert (built.salesforce_id, built.base_last_modified_at) == ("00Q1", READ_AT)


def test_the_hash_of_a_payload_does_not_depend_on_the_order_of_its_fields() -> None:
    assert hash_payload({"a": 1, "b": "ü"}) == hash_payload({"b": "ü", "a": 1})
    assert intent().payload_sha256 == hash_payload(intent().payload)


def test_the_log_shows_every_field_but_the_receipt() -> None:
    assert [entry["field"] for entry in intent().changed_fields()] == ["LastName", "OwnerId", "Dievio_Lead_ID__c"]


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        (MatchKeys(em="a@b.example", li="slug"), "em:a@b.example"),
        (MatchKeys(li="slug", fn="a", ln="b", dm="c"), "li:slug"),
        (MatchKeys(fn="a", ln="b", dm="c.example"), "nd:a|b|c.example"),
        (MatchKeys(fn="a", ln="b"), "id:lead-1"),
    ],
)
def test_the_strongest_key_stands_for_the_person(keys: MatchKeys, key: str) -> None:
    assert person_key(keys, "lead-1") == key


@pytest.mark.parametrize(("seconds", "quiet"), [(0, False), (1, False), (1.9, False), (2, True), (60, True)])
def test_a_record_is_quiet_two_seconds_after_its_last_edit(seconds: float, *, quiet: bool) -> None:
    assert is_quiet(READ_AT - timedelta(seconds=seconds), read_at=READ_AT) is quiet
    assert is_quiet(None, read_at=READ_AT)


@pytest.mark.parametrize(
    ("given", "attempt", "step"),
    [
        (answer(AnswerKind.DONE, remedy=Remedy.NONE), 1, NextStep.APPLY),
        (answer(AnswerKind.UNKNOWN, is_transient=True), 1, NextStep.READ),
        (answer(code="UNABLE_TO_LOCK_ROW", is_transient=True), 1, NextStep.RETRY),
        (answer(code="PRECONDITION_FAILED"), 3, NextStep.REPLAN),
        (answer(code="PRECONDITION_FAILED"), 4, NextStep.REVIEW),
        (answer(code="CANNOT_UPDATE_CONVERTED_LEAD"), 1, NextStep.REPLAN),
        (answer(code="CANNOT_UPDATE_CONVERTED_LEAD"), 2, NextStep.REVIEW),
        (answer(code="ENTITY_IS_DELETED"), 2, NextStep.REVIEW),
        (answer(code="DUPLICATE_VALUE"), 1, NextStep.READ),
        (answer(code="DUPLICATES_DETECTED"), 1, NextStep.REVIEW),
        (answer(code="STRING_TOO_LONG"), 1, NextStep.DEAD_LETTER),
        (answer(code="INVALID_FIELD_FOR_INSERT_UPDATE"), 1, NextStep.STOP),
        (answer(code="SOMETHING_NEW", remedy=Remedy.REVIEW), 1, NextStep.REVIEW),
        (answer(code="SOMETHING_NEW", remedy=Remedy.STOP), 1, NextStep.STOP),
        (answer(code="SOMETHING_NEW"), 1, NextStep.DEAD_LETTER),
        (answer(code="HTTP_412", remedy=Remedy.READ), 1, NextStep.REVIEW),
    ],
)
def test_each_answer_has_its_next_step(given: RecordAnswer, attempt: int, step: NextStep) -> None:
    assert decide_next_step(intent(attempt=attempt), given) is step


def test_an_update_that_meets_a_taken_external_id_is_planned_anew() -> None:
    assert decide_next_step(intent(Decision.UPDATE), answer(code="DUPLICATE_VALUE")) is NextStep.REPLAN


def test_transient_refusals_are_named_as_such() -> None:
    refusal = explain(intent(), answer(code="UNABLE_TO_LOCK_ROW", is_transient=True))

    assert (refusal.error_class, refusal.code) == (ErrorClass.TRANSIENT, "UNABLE_TO_LOCK_ROW")


OURS = FoundRecord(salesforce_id="00Q1", receipt=str(OP_ID))
FOREIGN = FoundRecord(salesforce_id="00Q1", receipt="another")


@pytest.mark.parametrize(
    ("found", "error_code", "attempt", "step"),
    [
        (OURS, "", 1, NextStep.APPLY),
        (OURS, "DUPLICATE_VALUE", 1, NextStep.APPLY),
        (FOREIGN, "", 1, NextStep.REPLAN),
        (None, "", 1, NextStep.REPLAN),
        (FOREIGN, "DUPLICATE_VALUE", 1, NextStep.REPLAN),
        (FOREIGN, "DUPLICATE_VALUE", 4, NextStep.REVIEW),
        (None, "DUPLICATE_VALUE", 1, NextStep.REVIEW),
        (None, "NO_COMPLETE_ANSWER", 9, NextStep.REPLAN),
    ],
)
def test_only_the_receipt_proves_an_open_write(
    found: FoundRecord | None, error_code: str, attempt: int, step: NextStep
) -> None:
    assert settle_by_reading(intent(error_code=error_code, attempt=attempt), found) is step


@pytest.mark.parametrize(
    ("step", "state", "operation", "outcome"),
    [
        (NextStep.APPLY, IntentState.APPLIED, LogOperation.CREATE, Outcome.CREATED),
        (NextStep.READ, IntentState.UNKNOWN, LogOperation.CREATE, None),
        (NextStep.REPLAN, IntentState.REFUSED, LogOperation.FAIL, None),
        (NextStep.REVIEW, IntentState.REFUSED, LogOperation.FAIL, Outcome.REVIEW),
        (NextStep.RETRY, IntentState.REFUSED, LogOperation.FAIL, Outcome.DEAD_LETTER),
        (NextStep.DEAD_LETTER, IntentState.REFUSED, LogOperation.FAIL, Outcome.DEAD_LETTER),
        (NextStep.STOP, IntentState.REFUSED, LogOperation.FAIL, None),
    ],
)
def test_each_step_settles_a_write_in_one_way(
    step: NextStep, state: IntentState, operation: LogOperation, outcome: Outcome | None
) -> None:
    settlement = settle_answer(intent(), answer(code="STRING_TOO_LONG", salesforce_id="00Q1"), step)

    assert (settlement.state, settlement.operation, settlement.outcome) == (state, operation, outcome)
    assert settlement.is_unknown is (state is IntentState.UNKNOWN)


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (NextStep.APPLY, HandOverState.DONE),
        (NextStep.REVIEW, HandOverState.KEPT),
        (NextStep.DEAD_LETTER, HandOverState.REFUSED),
        (NextStep.REPLAN, None),
    ],
)
def test_a_hand_over_settles_its_assignment_and_no_outcome(step: NextStep, state: HandOverState | None) -> None:
    handing = intent(Decision.UPDATE, purpose=WritePurpose.HAND_OVER)

    settlement = settle_answer(handing, answer(code="STRING_TOO_LONG"), step)

    assert (settlement.hand_over_state, settlement.outcome) == (state, None)


@pytest.mark.parametrize(
    ("step", "error_code", "state"),
    [
        (NextStep.APPLY, "", IntentState.APPLIED),
        (NextStep.REPLAN, "", IntentState.VOID),
        (NextStep.REPLAN, "DUPLICATE_VALUE", IntentState.REFUSED),
    ],
)
def test_a_reading_settles_what_an_answer_left_open(step: NextStep, error_code: str, state: IntentState) -> None:
    settlement = settle_reading(intent(), OURS, step, refusal=REFUSALS.get(error_code))

    assert settlement.state is state
    assert settlement.error_code == ""
    assert settlement.salesforce_id == ("00Q1" if state is IntentState.APPLIED else None)


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_names_cause_repair_and_owner_in_words(code: str) -> None:
    refusal = REFUSALS[code]

    assert refusal.code == code
    assert refusal.owner
    assert not refusal.cause.endswith(".")
    assert not refusal.repair.endswith(".")


def guarded(purpose: WritePurpose, *fields: str) -> dict[str, object]:
    basis = WriteBasis(
        person_key="id:lead-1",
        refusal_count=0,
        holding_owner_id=None,
        record_lead_id="lead-1",
        org_fields=frozenset(fields),
    )
    plan = replace(
        decision(Decision.UPDATE, Title="Head"),
        fields=(
            FieldDecision(
                field="Title", before="Rep", after="Head", policy="tracked", verdict=FieldVerdict.UPDATED, reason=""
            ),
        ),
    )
    return dict(build_sync_intent(plan, basis, op_id=OP_ID, run_id="r", purpose=purpose).guard_values)


def test_an_update_tells_the_guard_what_it_was_planned_with() -> None:
    assert guarded(WritePurpose.SYNC, "Dievio_Seen_Title__c", "Dievio_Decision__c") == {"Dievio_Seen_Title__c": "Rep"}
    assert guarded(WritePurpose.SYNC) == {}


def test_a_persons_decision_names_itself_to_the_guard() -> None:
    assert guarded(WritePurpose.REVIEW, "Dievio_Decision__c") == {"Dievio_Decision__c": str(OP_ID)}


def test_a_refusal_by_the_guard_is_planned_anew_and_by_another_rule_is_not() -> None:
    intent = build_sync_intent(
        decision(Decision.UPDATE, Title="Head"),
        WriteBasis(person_key="id:lead-1", refusal_count=0, holding_owner_id=None, record_lead_id="lead-1"),
        op_id=OP_ID,
        run_id="r",
    )

    def step(message: str) -> NextStep:
        refused = RecordAnswer(
            kind=AnswerKind.NOT_DONE,
            remedy=Remedy.REVIEW,
            error_code="FIELD_CUSTOM_VALIDATION_EXCEPTION",
            message=message,
        )
        return decide_next_step(intent, refused)

    assert step("Dievio guard: the integration may not replace the value of Title.") is NextStep.REPLAN
    assert step("Give the lead a budget first.") is NextStep.REVIEW

"""What the checker says about paid calls, about values of ours that come back, and about rows that come late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from lead_pipeline.domain.evidence import Commit, Evidence, FieldRules, KeptAnswer, PaidCall, PastWrite
from lead_pipeline.domain.invariants import Invariant, find_violations
from lead_pipeline.domain.pulling import CallState
from lead_pipeline.domain.write_protocol import OWNER_FIELD, RECEIPT_FIELD, WriteKind, WritePurpose

DAY = "2026-11-20"
SEARCH = f"search {DAY}/new"
RECORD_ID = "00Q000000000001AAA"
FIRST, SECOND, THIRD = UUID(int=1), UUID(int=2), UUID(int=3)
EARLY = datetime(2026, 11, 20, 2, tzinfo=UTC)
LATE = EARLY + timedelta(days=1)
FIELDS = FieldRules(policies={}, placeholders=frozenset(), stamps=frozenset({"Synced_At__c"}))
CALL = PaidCall(
    call_id=FIRST,
    batch_id=DAY,
    account=SEARCH,
    state=CallState.SETTLED,
    reserved=100,
    settled=80,
    budget=200,
    is_current=True,
)
LOST = replace(CALL, call_id=SECOND, state=CallState.UNCERTAIN, settled=None)
WRITE = PastWrite(
    op_id=FIRST,
    salesforce_id=RECORD_ID,
    purpose=WritePurpose.SYNC,
    kind=WriteKind.UPDATE,
    source_at=EARLY,
    is_answered=False,
    before={"Title": None},
    after={"Title": "Head"},
)


def said(evidence: Evidence, invariant: Invariant) -> list[str]:
    return [str(broken) for broken in find_violations(evidence) if broken.invariant is invariant]


def judge_credits(
    *calls: PaidCall, kept: tuple[int | None, ...] = (80,), charged: int | None = None, is_complete: bool = False
) -> list[str]:
    """Return what is said about calls of one search, of which answers with such prices are kept."""
    evidence = Evidence(
        fields={"Lead": FIELDS},
        paid_calls=calls,
        kept_answers=[KeptAnswer(account=SEARCH, credits=price) for price in kept],
        charged_credits=charged,
        complete_batches={DAY} if is_complete else (),
    )
    return said(evidence, Invariant.CREDITS)


def judge_history(*writes: PastWrite, commits: tuple[Commit, ...] = ()) -> tuple[list[str], list[str]]:
    """Return what is said about echoes and about freshness."""
    evidence = Evidence(fields={"Lead": FIELDS}, history=writes, commits=commits)
    return said(evidence, Invariant.ECHO), said(evidence, Invariant.FRESHNESS)


def rewrite(was: object, value: object, **changes: object) -> PastWrite:
    """A later write to the same title."""
    write = replace(WRITE, op_id=SECOND, source_at=LATE, before={"Title": was}, after={"Title": value})
    return replace(write, **changes)  # type: ignore[arg-type]  # any attribute


# --- money ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charged", [None, 80, 180])
def test_a_ledger_that_knows_what_was_charged_breaks_nothing(charged: int | None) -> None:
    released = replace(CALL, call_id=THIRD, state=CallState.RELEASED, settled=None)

    assert judge_credits(CALL, LOST, released, charged=charged, is_complete=True) == []


def test_an_answer_that_does_not_say_its_price_is_counted_all_the_same() -> None:
    assert judge_credits(CALL, kept=(None,)) == []
    assert judge_credits(CALL, kept=(None, None)) == [f"I8 {SEARCH}: has paid for 1 answers and keeps 2"]


@pytest.mark.parametrize("settled", [None, -1, 101])
def test_a_paid_call_knows_its_price_and_cost_no_more_than_was_booked(settled: int | None) -> None:
    found = judge_credits(replace(CALL, settled=settled), kept=(None,))

    assert found == [f"I8 {FIRST}: cost {settled} credits where 100 were booked"]


def test_a_complete_batch_has_no_call_without_an_end() -> None:
    going = replace(LOST, state=CallState.RESERVED)

    assert judge_credits(CALL, going) == []
    assert judge_credits(CALL, going, is_complete=True) == [f"I8 {SECOND}: has no end in a batch called complete"]


def test_no_account_is_above_the_highest_limit_it_was_booked_under() -> None:
    second_loss = replace(LOST, call_id=THIRD)

    assert judge_credits(CALL, LOST, second_loss) == [f"I8 {SEARCH}: has booked 280 credits, with a budget of 200"]
    assert judge_credits(CALL, LOST, replace(second_loss, budget=300)) == []
    assert judge_credits(CALL, LOST, replace(second_loss, is_current=False)) == []


def test_an_account_whose_limit_was_not_kept_is_not_judged_by_it() -> None:
    assert judge_credits(CALL, LOST, replace(LOST, call_id=THIRD, budget=None)) == []


def test_what_was_paid_for_is_kept_and_costs_what_it_says() -> None:
    assert judge_credits(CALL, kept=()) == [f"I8 {SEARCH}: has paid for 1 answers and keeps 0"]
    assert judge_credits(CALL, kept=(79,)) == [f"I8 {SEARCH}: has booked 80 credits for answers that cost 79"]


def test_an_answer_without_a_call_is_named() -> None:
    assert judge_credits() == [f"I8 {SEARCH}: has paid for 0 answers and keeps 1"]


def test_charges_that_the_ledger_does_not_know_are_named() -> None:
    assert judge_credits(CALL, LOST, charged=181) == ["I8 ledger: knows of 80 to 180 credits, and 181 were charged"]
    assert judge_credits(CALL, charged=79) == ["I8 ledger: knows of 80 credits, and 79 were charged"]


# --- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "after",
    [
        {"Title": "Head"},
        {"Title": "Head", "Synced_At__c": "2026-11-21", RECEIPT_FIELD: "x", OWNER_FIELD: "y"},
        {"Synced_At__c": "2026-11-21"},
    ],
)
def test_an_update_with_nothing_new_is_our_own_change_come_back(after: dict[str, object]) -> None:
    echo = rewrite("Head", "Head", after=after)

    assert judge_history(WRITE, echo)[0] == [f"I10 {SECOND}: sent nothing that was not there already"]


def test_a_value_that_the_org_stores_in_another_form_is_not_sent_again() -> None:
    stored = Commit(op_id=FIRST, salesforce_id=RECORD_ID, is_insert=False, before={}, after={"Title": "HEAD"})

    assert judge_history(WRITE, rewrite("HEAD", "Head"), commits=(stored,))[0] == [
        f"I10 {SECOND}: sent nothing that was not there already"
    ]
    assert judge_history(WRITE, rewrite("Chief", "Head"), commits=(stored,))[0] == []  # somebody else changed it


def test_one_new_value_is_reason_enough() -> None:
    news = rewrite("Head", "Head", before={"Title": "Head", "Phone": None}, after={"Title": "Head", "Phone": "+49"})

    assert judge_history(WRITE, news)[0] == []


@pytest.mark.parametrize("purpose", [WritePurpose.REVIEW, WritePurpose.HAND_OVER, WritePurpose.REVERT])
def test_a_decision_a_hand_over_and_an_undoing_need_no_news(purpose: WritePurpose) -> None:
    assert judge_history(WRITE, rewrite("Head", "Head", purpose=purpose))[0] == []


def test_a_creation_is_new_whatever_it_says() -> None:
    assert judge_history(replace(WRITE, kind=WriteKind.INSERT, after={"Title": None}))[0] == []


# --- what comes late --------------------------------------------------------------------------------------------------

LATER = replace(WRITE, source_at=LATE)


def test_a_row_that_was_fetched_earlier_replaces_no_value_of_a_later_one() -> None:
    assert judge_history(LATER, rewrite("Head", "Old", source_at=EARLY))[1] == [
        f"I11 {SECOND}: replaced a fresher Title of ours"
    ]
    assert judge_history(WRITE, rewrite("Head", "New", source_at=LATE))[1] == []


@pytest.mark.parametrize(
    "change",
    [
        {"is_answered": True},  # a person outranks what was fetched when
        {"purpose": WritePurpose.REVERT},
        {"source_at": None},
        {"before": {"Title": "Rep's"}},  # what it replaced was not ours: that is the policy's affair
        {"after": {"Title": "Head"}},
        {"salesforce_id": "00Q000000000002AAA"},
        {"after": {"Synced_At__c": "2026-11-20"}},
    ],
)
def test_what_is_no_race_between_two_rows_is_left_alone(change: dict[str, object]) -> None:
    assert judge_history(LATER, rewrite("Head", "Old", **{"source_at": EARLY, **change}))[1] == []


def test_a_value_of_unknown_age_may_be_replaced() -> None:
    assert judge_history(replace(WRITE, source_at=None), rewrite("Head", "Old", source_at=EARLY))[1] == []

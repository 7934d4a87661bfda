"""What can go wrong with a call or a commit, how often, and a count of what did and how it was answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class CallKind(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    HAND_OVER = "hand_over"  # an update that changes the owner
    QUERY = "query"
    JOB = "job"
    UPDATE_JOB = "update_job"
    COMMIT = "commit"  # of our own database


WRITE_CALLS = (CallKind.INSERT, CallKind.UPDATE, CallKind.HAND_OVER)


class Fault(StrEnum):
    NONE = "none"
    # --- of a whole call ---
    NOT_SENT = "not_sent"
    BUSY = "busy"  # 503 with Salesforce's own words
    THROTTLED = "throttled"  # 429 with Retry-After
    CONCURRENT_LIMIT = "concurrent_limit"
    DAILY_LIMIT = "daily_limit"
    SESSION_REFUSED = "session_refused"  # 401 that a new token does not cure
    LOST_BEFORE = "lost_before"  # reset before the org committed
    LOST_AFTER = "lost_after"  # reset after it
    LATE = "late"  # our client gave up; the org commits up to ten minutes later
    TRUNCATED = "truncated"  # committed, answer unreadable
    BAD_GATEWAY = "bad_gateway"  # 502 with a web page: committed or not
    SLOW = "slow"  # answered, minutes later
    # --- of one record ---
    ROW_LOCK = "row_lock"
    INTERNAL_ERROR = "internal_error"  # UNKNOWN_EXCEPTION: committed or not
    TOO_LONG = "too_long"
    # --- of a job ---
    JOB_FAILED = "job_failed"  # part-way, the rest unprocessed
    JOB_ABORTED = "job_aborted"  # by somebody of the org, part-way
    # --- of our database ---
    COMMIT_LOST = "commit_lost"  # rolled back
    COMMIT_ANSWER_LOST = "commit_answer_lost"  # committed, the answer did not arrive
    SESSION_LOST = "session_lost"  # the connection that holds the lease


WRITE_FAULTS: Mapping[Fault, int] = {
    Fault.NOT_SENT: 3,
    Fault.BUSY: 3,
    Fault.THROTTLED: 3,
    Fault.CONCURRENT_LIMIT: 1,
    Fault.DAILY_LIMIT: 1,
    Fault.SESSION_REFUSED: 1,
    Fault.LOST_BEFORE: 4,
    Fault.LOST_AFTER: 5,
    Fault.LATE: 9,
    Fault.TRUNCATED: 2,
    Fault.BAD_GATEWAY: 3,
    Fault.SLOW: 2,
}
RECORD_FAULTS: Mapping[Fault, int] = {Fault.ROW_LOCK: 2, Fault.INTERNAL_ERROR: 2, Fault.TOO_LONG: 1}
READ_FAULTS: Mapping[Fault, int] = {Fault.BUSY: 3, Fault.LOST_BEFORE: 3, Fault.SLOW: 1, Fault.SESSION_REFUSED: 1}
JOB_FAULTS: Mapping[Fault, int] = {
    Fault.BUSY: 2,
    Fault.LOST_BEFORE: 2,
    Fault.LOST_AFTER: 2,
    Fault.LATE: 2,
    Fault.JOB_FAILED: 2,
}
UPDATE_JOB_FAULTS: Mapping[Fault, int] = {**JOB_FAULTS, Fault.JOB_ABORTED: 2}
COMMIT_FAULTS: Mapping[Fault, int] = {Fault.COMMIT_LOST: 2, Fault.COMMIT_ANSWER_LOST: 2, Fault.SESSION_LOST: 2}

Mark = tuple[str, str, str]  # fault or code of a refusal, kind of call, answer


def _expect_marks() -> frozenset[Mark]:
    refused = {Fault.NOT_SENT, Fault.BUSY, Fault.THROTTLED, Fault.CONCURRENT_LIMIT, Fault.ROW_LOCK, Fault.TOO_LONG}
    lost = {Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.LATE, Fault.TRUNCATED, Fault.BAD_GATEWAY, Fault.INTERNAL_ERROR}
    answers = (
        dict.fromkeys(refused, "not_done")
        | dict.fromkeys(lost, "unknown")
        | {Fault.DAILY_LIMIT: "raised", Fault.SESSION_REFUSED: "raised", Fault.SLOW: "done"}
    )
    writes = {(str(fault), str(call), answer) for fault, answer in answers.items() for call in WRITE_CALLS}
    reads = {(str(fault), "query", "answered" if fault is Fault.SLOW else "raised") for fault in READ_FAULTS}
    ended = {Fault.JOB_FAILED, Fault.JOB_ABORTED}
    jobs = {
        (str(fault), str(call), "done" if fault in ended else "raised")
        for call, faults in ((CallKind.JOB, JOB_FAULTS), (CallKind.UPDATE_JOB, UPDATE_JOB_FAULTS))
        for fault in faults
    }
    commits = {(str(fault), "commit", "done" if fault is Fault.SESSION_LOST else "raised") for fault in COMMIT_FAULTS}
    return frozenset(writes | reads | jobs | commits | REFUSAL_MARKS)


REFUSAL_MARKS = frozenset(
    {
        ("DUPLICATE_VALUE", "insert", "not_done"),
        ("DUPLICATES_DETECTED", "insert", "not_done"),
        ("PRECONDITION_FAILED", "update", "not_done"),
        ("ENTITY_IS_DELETED", "update", "not_done"),
        ("ENTITY_IS_DELETED", "update_job", "not_done"),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "update_job", "not_done"),  # by the guard
        ("UNPROCESSED", "update_job", "not_done"),
        ("PRECONDITION_FAILED", "hand_over", "not_done"),
    }
)
EXPECTED_MARKS = _expect_marks()
RECORD_FAULT_SHARE = 0.3  # of the rate of calls: a call holds several records


@dataclass
class Marks:
    """How often each fault met each kind of call, and how our client answered it; refusals count by their code."""

    counts: Counter[Mark] = field(default_factory=Counter)

    def note(self, fault: str, call: CallKind, answer: str) -> None:
        if fault != Fault.NONE:
            self.counts[str(fault), str(call), str(answer)] += 1

    def missing(self, *, at_least: int) -> tuple[str, ...]:
        """Return the meetings that came too seldom for a run to count, as text."""
        seldom = sorted(mark for mark in EXPECTED_MARKS if self.counts[mark] < at_least)
        return tuple(f"{' / '.join(mark)}: {self.counts[mark]} of {at_least}" for mark in seldom)


@dataclass
class Dice:
    """Draws faults from the seed; `rate` is the share of calls that meet one, 0 switches them off."""

    random: Random
    rate: float
    database_rate: float = 0.0
    marks: Marks = field(default_factory=Marks)

    def draw_call(self, faults: Mapping[Fault, int]) -> Fault:
        return self._draw(faults, self.rate)

    def draw_record(self) -> Fault:
        return self._draw(RECORD_FAULTS, self.rate * RECORD_FAULT_SHARE)

    def draw_commit(self) -> Fault:
        return self._draw(COMMIT_FAULTS, self.database_rate)

    def coin(self) -> bool:
        return self.random.random() < 0.5

    def end(self) -> None:
        """No faults from here on."""
        self.rate = self.database_rate = 0.0

    def _draw(self, faults: Mapping[Fault, int], rate: float) -> Fault:
        if rate == 0.0 or self.random.random() >= rate:
            return Fault.NONE
        kinds: Sequence[Fault] = list(faults)
        return self.random.choices(kinds, weights=list(faults.values()))[0]

"""Bulk jobs of the simulated org: opened, uploaded, closed, and carried out some minutes later."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer, Remedy
from lead_pipeline.salesforce.answers import UNPROCESSED_CODE, answer_of_bulk_error, done_answer
from lead_pipeline_tests.simulation.clock import VirtualClock
from lead_pipeline_tests.simulation.faults import CallKind, Fault, Marks
from lead_pipeline_tests.simulation.org import INTEGRATION, Org, Refused

COMPLETE = "job_complete"
FAULTS_BY_CALL: Mapping[str, Mapping[Fault, int]] = {
    "create": {Fault.BUSY: 1},
    "upload": {Fault.BUSY: 1, Fault.LOST_BEFORE: 1, Fault.LOST_AFTER: 1},
    "close": {Fault.BUSY: 1, Fault.LOST_BEFORE: 1, Fault.LOST_AFTER: 2, Fault.LATE: 3, Fault.JOB_FAILED: 3},
    "abort": {Fault.BUSY: 1, Fault.LOST_BEFORE: 1, Fault.LOST_AFTER: 1},
    "job": {Fault.BUSY: 1, Fault.LOST_AFTER: 1},
    "results": {Fault.BUSY: 1, Fault.LOST_AFTER: 1},
}
CLOSING_FAULTS_OF_UPDATES: Mapping[Fault, int] = {**FAULTS_BY_CALL["close"], Fault.JOB_ABORTED: 3}


@dataclass(frozen=True, slots=True)
class SimulatedRow:
    """One row of a result file."""

    row: Mapping[str, str]
    answer: RecordAnswer


@dataclass(slots=True)
class SimulatedJob:
    """One job, as a reading of it shows it."""

    object_name: str
    operation: str
    state: str = "open"
    message: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, list[SimulatedRow]] = field(
        default_factory=lambda: {"successful": [], "failed": [], "unprocessed": []}
    )

    @property
    def call_kind(self) -> CallKind:
        return CallKind.UPDATE_JOB if self.operation == "update" else CallKind.JOB

    @property
    def is_final(self) -> bool:
        return self.state in {"job_complete", "failed", "aborted"}

    @property
    def processed_count(self) -> int:
        return len(self.results["successful"]) + len(self.results["failed"])

    @property
    def failed_count(self) -> int:
        return len(self.results["failed"])


@dataclass
class Jobs:
    """The org's jobs."""

    clock: VirtualClock
    org: Org
    random: Random
    marks: Marks
    jobs: dict[str, SimulatedJob] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @staticmethod
    def faults_of(call: str, kind: CallKind) -> Mapping[Fault, int]:
        is_closing_updates = call == "close" and kind is CallKind.UPDATE_JOB
        return CLOSING_FAULTS_OF_UPDATES if is_closing_updates else FAULTS_BY_CALL[call]

    def create(self, object_name: str, operation: str) -> str:
        job_id = f"7505e{next(self._numbers):010d}AAA"
        self.jobs[job_id] = SimulatedJob(object_name, operation)
        return job_id

    def upload(self, job_id: str, records: Sequence[Mapping[str, Any]]) -> None:
        self.jobs[job_id].rows = [dict(record) for record in records]

    def close(self, job_id: str, *, end: str = COMPLETE) -> None:
        """Let a job begin: its rows are saved one after the other over the next minutes, until it ends one way."""
        job = self.jobs[job_id]
        if job.state != "open":
            return
        job.state = "in_progress"
        count = self.random.randint(0, len(job.rows)) if end != COMPLETE else len(job.rows)
        moments = sorted(self.clock.seconds + self.random.uniform(1, 240) for _ in range(count + 1))
        for row, moment in zip(job.rows[:count], moments, strict=False):
            self.clock.at(moment, self._save(job, row))
        self.clock.at(moments[-1], lambda: self._finish(job, job.rows[count:], end=end))

    def abort(self, job_id: str) -> None:
        """Stop a job that has not begun."""
        job = self.jobs[job_id]
        if job.state == "open":
            job.state = "aborted"

    def state_of(self, job_id: str) -> SimulatedJob:
        return self.jobs[job_id]

    def results(self, job_id: str, kind: str) -> list[SimulatedRow]:
        return list(self.jobs[job_id].results[kind])

    def _save(self, job: SimulatedJob, row: dict[str, Any]) -> Callable[[], None]:
        def save() -> None:
            saved = self._carry_out(job, row)
            kind = "successful"
            if isinstance(saved, Refused):
                kind = "failed"
                self.marks.note(saved.code, job.call_kind, "not_done")
            job.results[kind].append(SimulatedRow(_as_text(row), _answer(saved)))

        return save

    def _carry_out(self, job: SimulatedJob, row: dict[str, Any]) -> str | Refused:
        if job.operation == "insert":
            return self.org.insert(job.object_name, row, user=INTEGRATION)
        fields = {name: value for name, value in row.items() if name != "Id"}
        return self.org.update(row["Id"], fields, user=INTEGRATION)

    def _finish(self, job: SimulatedJob, rest: Sequence[dict[str, Any]], *, end: str) -> None:
        untouched = RecordAnswer(
            kind=AnswerKind.NOT_DONE, remedy=Remedy.RETRY, error_code=UNPROCESSED_CODE, is_transient=True
        )
        job.results["unprocessed"] = [SimulatedRow(_as_text(row), untouched) for row in rest]
        for _ in rest:
            self.marks.note(UNPROCESSED_CODE, job.call_kind, "not_done")
        job.state = end
        job.message = "InternalServerError" if end == "failed" else ""


def _answer(saved: str | Refused) -> RecordAnswer:
    if isinstance(saved, str):
        return done_answer(saved, request_id=None)
    return answer_of_bulk_error(f"{saved.code}:{saved.message}:--")


def _as_text(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in row.items()}

"""The Salesforce port of one worker: calls that take time, meet faults and are answered as the real client answers.

Errors are judged by the product's own table of codes, so that the simulation cannot be kinder than the client. What
the org saves is `org`, jobs are `jobs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lead_pipeline.domain.record_answers import ConditionalUpdate, RecordAnswer
from lead_pipeline.domain.write_protocol import OWNER_FIELD
from lead_pipeline.errors import ApiBudgetReachedError, CredentialsRefusedError, ServiceUnavailableError
from lead_pipeline.salesforce.answers import (
    TRANSPORT_CODE,
    UNREADABLE_CODE,
    answer_of_error,
    answer_of_status,
    done_answer,
    not_sent_answer,
    unknown_answer,
)
from lead_pipeline.salesforce.session import AnswerFacts
from lead_pipeline_tests.simulation.clock import BEGINNING, Scheduler, VirtualClock, Worker
from lead_pipeline_tests.simulation.faults import READ_FAULTS, WRITE_CALLS, WRITE_FAULTS, CallKind, Dice, Fault
from lead_pipeline_tests.simulation.jobs import COMPLETE, Jobs, SimulatedJob, SimulatedRow
from lead_pipeline_tests.simulation.org import INTEGRATION, Org, Record, Refused

SYSTEM = "Salesforce"
LATEST_COMMIT_SECONDS = 600.0  # Salesforce ends a call after ten minutes
_QUERY = re.compile(r"FROM (\w+) WHERE (\w+) IN \((.*)\)$")
_LITERAL = re.compile(r"'([^']*)'")

Save = Callable[[], str | Refused]


@dataclass(frozen=True, slots=True)
class SimulatedUsage:
    used: int
    allowed: int


@dataclass
class World:
    """What all workers of one simulation share."""

    clock: VirtualClock
    org: Org
    dice: Dice
    scheduler: Scheduler
    jobs: Jobs
    active_rules: frozenset[str] = frozenset()  # validation rules of the org
    skew_seconds: float = 0.0  # by how much the org's clock is ahead of ours
    early_calls: int = 0  # writes that a worker sent before the Retry-After it was given was over
    write_calls: int = 0
    calls_allowed: int | None = None
    calls_used: int = 0  # today
    calls: int = 0  # of all days
    unknown_answers: int = 0  # records whose answer told nothing, but for those of jobs
    unknown_commits: int = 0  # those of them that the org had saved, or saved later
    seen: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)  # record -> its stamp, its mirror row


@dataclass
class SimulatedSalesforce:
    """Salesforce as one worker sees it."""

    world: World
    worker: Worker
    server_time: datetime | None = None
    request_number: int = field(default=0)
    asked_to_wait_until: float = field(default=0.0)

    @property
    def usage(self) -> SimulatedUsage | None:
        allowed = self.world.calls_allowed
        return None if allowed is None else SimulatedUsage(self.world.calls_used, allowed)

    # --- reading --------------------------------------------------------------------------------------------------

    def query_many(self, soqls: Sequence[str], *, include_deleted: bool = False) -> list[list[dict[str, object]]]:
        self.read("query")
        return [self._answer_query(query, include_deleted=include_deleted) for query in soqls]

    def read(self, call: str) -> None:
        """Let a reading call begin, or fail.

        Raises:
            RetryableError: No answer.
            StopError: Refused.
        """
        fault = self._begin(CallKind.QUERY, READ_FAULTS)
        self._note(fault, CallKind.QUERY, "answered" if fault in {Fault.NONE, Fault.SLOW} else "raised")
        if fault is Fault.SESSION_REFUSED:
            raise CredentialsRefusedError(SYSTEM, code="INVALID_SESSION_ID", settings="the credentials")
        if fault in {Fault.BUSY, Fault.LOST_BEFORE}:
            raise ServiceUnavailableError(SYSTEM, call, status=503)

    def active_validation_rules(self, object_name: str) -> frozenset[str]:
        del object_name  # all objects have the same ones here
        self.read("rules")
        return self.world.active_rules

    # --- writing --------------------------------------------------------------------------------------------------

    def insert_records(self, object_name: str, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        saves = [self._insert(object_name, dict(record)) for record in records]
        return self.send(CallKind.INSERT, saves)

    def update_conditionally(self, object_name: str, updates: Sequence[ConditionalUpdate]) -> list[RecordAnswer]:
        del object_name
        is_hand_over = any(OWNER_FIELD in update.fields for update in updates)
        call = CallKind.HAND_OVER if is_hand_over else CallKind.UPDATE
        return self.send(call, [self._update(update) for update in updates])

    def create_bulk_job(self, object_name: str, operation: str) -> str:
        self._begin_job_call("create", CallKind.UPDATE_JOB if operation == "update" else CallKind.JOB)
        return self.world.jobs.create(object_name, operation)

    def upload_bulk_rows(self, job_id: str, records: Sequence[Mapping[str, object]]) -> None:
        fault = self._begin_job_call("upload", self._kind_of(job_id))
        self.world.jobs.upload(job_id, records)
        self._lose_answer(fault, "upload")

    def close_bulk_job(self, job_id: str) -> object:
        fault = self._begin_job_call("close", self._kind_of(job_id))
        self.world.write_calls += 1
        if fault is Fault.LATE:
            delay = self.world.dice.random.uniform(1, LATEST_COMMIT_SECONDS)
            self.world.clock.at(self.world.clock.seconds + delay, lambda: self.world.jobs.close(job_id))
        else:
            ends = {Fault.JOB_FAILED: "failed", Fault.JOB_ABORTED: "aborted"}
            self.world.jobs.close(job_id, end=ends.get(fault, COMPLETE))
        self._lose_answer(fault, "close")
        return None

    def abort_bulk_job(self, job_id: str) -> object:
        fault = self._begin_job_call("abort", self._kind_of(job_id))
        self.world.jobs.abort(job_id)
        self._lose_answer(fault, "abort")
        return None

    def read_bulk_job(self, job_id: str) -> SimulatedJob:
        fault = self._begin_job_call("job", self._kind_of(job_id))
        self._lose_answer(fault, "job")
        return self.world.jobs.state_of(job_id)

    def read_bulk_results(self, job_id: str, kind: str) -> Iterator[SimulatedRow]:
        fault = self._begin_job_call("results", self._kind_of(job_id))
        self._lose_answer(fault, "results")
        yield from self.world.jobs.results(job_id, kind)

    # --- within ---------------------------------------------------------------------------------------------------

    def _begin(self, call: CallKind, faults: Mapping[Fault, int]) -> Fault:
        """Let the others act, the call travel, and draw what becomes of it."""
        world = self.world
        world.scheduler.pause(self.worker)
        fault = world.dice.draw_call(faults)
        seconds = world.dice.random.uniform(30, 590) if fault is Fault.SLOW else world.dice.random.uniform(0.01, 1.2)
        world.scheduler.wait(self.worker, seconds)
        world.calls_used += 1
        world.calls += 1
        is_early = world.clock.seconds < self.asked_to_wait_until
        world.early_calls += is_early and call in WRITE_CALLS
        self.request_number += 1
        if fault not in {Fault.NOT_SENT, Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.LATE}:
            self.server_time = world.clock.now(skew_seconds=world.skew_seconds).replace(microsecond=0)
        return fault

    def send(self, call: CallKind, saves: Sequence[Save]) -> list[RecordAnswer]:
        """Send records in one call and answer for each."""
        fault = self._begin(call, WRITE_FAULTS)
        self.world.write_calls += 1
        answers = self._answer_refused_call(call, fault, len(saves)) or self._answer_lost_call(fault, saves)
        if answers is None:
            answers = [self._save_one(call, save) for save in saves]
        for answer in answers:
            self._note(fault, call, answer.kind)
        self.world.scheduler.pause(self.worker)
        return answers

    def _answer_refused_call(self, call: CallKind, fault: Fault, count: int) -> list[RecordAnswer] | None:
        """Answer a call that the org did not carry out, and said so."""
        if fault is Fault.DAILY_LIMIT:
            self._note(fault, call, "raised")
            raise ApiBudgetReachedError(used=100, allowed=100)
        if fault is Fault.SESSION_REFUSED:
            self._note(fault, call, "raised")
            raise CredentialsRefusedError(SYSTEM, code="INVALID_SESSION_ID", settings="the credentials")
        if fault is Fault.THROTTLED:
            pause = self.world.dice.random.uniform(2, 50)
            self.asked_to_wait_until = self.world.clock.seconds + pause
            return [answer_of_status(self._facts(429, retry_after_seconds=pause))] * count
        answer = {
            Fault.NOT_SENT: lambda: not_sent_answer("refused"),
            Fault.BUSY: lambda: self._error("SERVER_UNAVAILABLE", "busy", status=503),
            Fault.CONCURRENT_LIMIT: lambda: self._error(
                "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests limit exceeded", status=403
            ),
        }.get(fault)
        return None if answer is None else [answer()] * count

    def _answer_lost_call(self, fault: Fault, saves: Sequence[Save]) -> list[RecordAnswer] | None:
        """Answer a call of which our client cannot tell what it did."""
        if fault not in {Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.LATE, Fault.TRUNCATED, Fault.BAD_GATEWAY}:
            return None
        self.world.unknown_answers += len(saves)
        if fault is Fault.LATE:
            delay = self.world.dice.random.uniform(1, LATEST_COMMIT_SECONDS)
            self.world.clock.at(self.world.clock.seconds + delay, lambda: self._save_unseen(saves))
        elif fault in {Fault.LOST_AFTER, Fault.TRUNCATED} or (fault is Fault.BAD_GATEWAY and self.world.dice.coin()):
            self._save_unseen(saves)
        if fault is Fault.BAD_GATEWAY:
            return [answer_of_status(self._facts(502))] * len(saves)
        code = UNREADABLE_CODE if fault is Fault.TRUNCATED else TRANSPORT_CODE
        return [unknown_answer(code, "no complete answer")] * len(saves)

    def _save_unseen(self, saves: Sequence[Save]) -> None:
        """Save what nobody is told of."""
        self.world.unknown_commits += sum(isinstance(save(), str) for save in saves)

    def _save_one(self, call: CallKind, save: Save) -> RecordAnswer:
        fault = self.world.dice.draw_record()
        answer = self._save_under(call, fault, save)
        self._note(fault, call, answer.kind)
        return answer

    def _save_under(self, call: CallKind, fault: Fault, save: Save) -> RecordAnswer:
        if fault is Fault.ROW_LOCK:
            return self._error("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")
        if fault is Fault.TOO_LONG:
            return self._error("STRING_TOO_LONG", "Title: data value too large: x")
        if fault is Fault.INTERNAL_ERROR:
            self.world.unknown_answers += 1
            if self.world.dice.coin():
                self._save_unseen([save])
            return self._error("UNKNOWN_EXCEPTION", "unexpected", status=500)
        saved = save()
        if isinstance(saved, Refused):
            self.world.dice.marks.note(saved.code, call, "not_done")
        return self._answer_saved(saved)

    def _answer_saved(self, saved: str | Refused) -> RecordAnswer:
        if isinstance(saved, str):
            return done_answer(saved, request_id=f"r{self.request_number}")
        error: dict[str, Any] = {"errorCode": saved.code, "message": saved.message}
        if saved.code == "DUPLICATES_DETECTED":
            error["duplicateResult"] = {"matchResults": [{"matchRecords": [{"record": {"Id": saved.matched_id}}]}]}
        return answer_of_error(error, facts=self._facts(saved.status))

    def _error(self, code: str, message: str, *, status: int = 400) -> RecordAnswer:
        return answer_of_error({"errorCode": code, "message": message}, facts=self._facts(status))

    def _facts(self, status: int, *, retry_after_seconds: float | None = None) -> AnswerFacts:
        return AnswerFacts(
            status=status,
            request_id=f"r{self.request_number}",
            retry_after_seconds=retry_after_seconds,
            server_time=self.server_time,
            content_type="application/json",
            last_modified=None,
        )

    def _insert(self, object_name: str, payload: dict[str, Any]) -> Save:
        return lambda: self.world.org.insert(object_name, payload, user=INTEGRATION)

    def _update(self, update: ConditionalUpdate) -> Save:
        since = seconds_of(update.unmodified_since, self.world)
        return lambda: self.world.org.update(
            update.salesforce_id, update.fields, user=INTEGRATION, unmodified_since=since
        )

    def _kind_of(self, job_id: str) -> CallKind:
        return self.world.jobs.state_of(job_id).call_kind

    def _begin_job_call(self, call: str, kind: CallKind) -> Fault:
        fault = self._begin(kind, self.world.jobs.faults_of(call, kind))
        is_raised = fault in {Fault.BUSY, Fault.LOST_BEFORE}
        self._note(fault, kind, "raised" if is_raised or fault in {Fault.LOST_AFTER, Fault.LATE} else "done")
        if is_raised:
            raise ServiceUnavailableError(SYSTEM, call, status=503)
        return fault

    def _lose_answer(self, fault: Fault, call: str) -> None:
        self.world.scheduler.pause(self.worker)
        if fault in {Fault.LOST_AFTER, Fault.LATE}:
            raise ServiceUnavailableError(SYSTEM, call, status=504)

    def _answer_query(self, query: str, *, include_deleted: bool) -> list[dict[str, object]]:
        found = _QUERY.search(query)
        if found is None:
            raise ValueError(f"a query this org does not know: {query}")
        object_name, key, values = found.groups()
        wanted = set(_LITERAL.findall(values))
        return [
            self.row_of(record)
            for record in self.world.org.records.values()
            if record.object_name == object_name
            and (include_deleted or not record.is_deleted)
            and (record.salesforce_id if key == "Id" else record.fields[key]) in wanted
        ]

    def row_of(self, record: Record) -> dict[str, object]:
        """Return a record as a query shows it."""
        modified = BEGINNING + timedelta(seconds=record.modified_at + self.world.skew_seconds)
        return {
            "Id": record.salesforce_id,
            **record.fields,
            "IsDeleted": record.is_deleted,
            "IsConverted": record.is_converted,
            "LastModifiedDate": modified.isoformat(),
        }

    def _note(self, fault: Fault, call: CallKind, answer: str) -> None:
        self.world.dice.marks.note(fault, call, answer)


def seconds_of(moment: datetime, world: World) -> int:
    """Turn a moment of the org's clock into seconds since the beginning."""
    return round((moment - BEGINNING).total_seconds() - world.skew_seconds)

"""An org in memory for tests of services: it keeps records, refuses what Salesforce refuses, and knows little SOQL.

It passes the same contract tests as the real client (`salesforce/test_contract.py`). What needs real SOQL, rules,
faults or time belongs to tests against the emulated org.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from lead_pipeline.domain.record_answers import AnswerKind, ConditionalUpdate, RecordAnswer, Remedy
from lead_pipeline.salesforce.bulk_jobs import BulkJobState, BulkOperation, BulkResultKind, BulkRowResult, JobState
from lead_pipeline.salesforce.ids import KEY_PREFIXES, checksum
from lead_pipeline.salesforce.records import Record
from lead_pipeline.salesforce.session import ApiUsage

UNIQUE_FIELD = "Dievio_Lead_ID__c"
REQUIRED_FIELDS = {"Lead": ("LastName", "Company"), "Contact": ("LastName",), "Account": ("Name",)}
_QUERY = re.compile(r"SELECT (?P<fields>.+) FROM (?P<object>\w+)(?: WHERE (?P<field>\w+) (?:=|IN) (?P<values>.+))?$")
_LITERAL = re.compile(r"'([^']*)'")


@dataclass
class _Job:
    object_name: str
    operation: BulkOperation
    rows: list[dict[str, object]] = field(default_factory=list)
    state: JobState = JobState.OPEN
    results: dict[BulkResultKind, list[BulkRowResult]] = field(default_factory=dict)


class FakeSalesforce:
    """An org of Leads, Contacts and Accounts.

    Args:
        now: Its clock; decides LastModifiedDate.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.records: dict[str, Record] = {}
        self.calls = 0
        self.usage: ApiUsage | None = None
        self._now = now
        self._jobs: dict[str, _Job] = {}

    @property
    def server_time(self) -> datetime | None:
        return self._now() if self.calls else None

    def query_many(self, soqls: Sequence[str], *, include_deleted: bool = False) -> list[list[Record]]:
        self._count()
        return [self._answer(soql, include_deleted=include_deleted) for soql in soqls]

    def insert_records(self, object_name: str, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        self._count()
        return [self._insert(object_name, record) for record in records]

    def update_conditionally(self, object_name: str, updates: Sequence[ConditionalUpdate]) -> list[RecordAnswer]:
        self._count()
        return [self._update(object_name, each) for each in updates]

    def create_bulk_job(self, object_name: str, operation: Literal["insert", "update"]) -> str:
        self._count()
        job_id = _make_id("Job", len(self._jobs) + 1)
        self._jobs[job_id] = _Job(object_name, operation)
        return job_id

    def upload_bulk_rows(self, job_id: str, records: Sequence[Mapping[str, object]]) -> None:
        self._count()
        self._jobs[job_id].rows = [dict(record) for record in records]

    def close_bulk_job(self, job_id: str) -> BulkJobState:
        job = self._jobs[job_id]
        job.state, job.results = JobState.JOB_COMPLETE, {"successful": [], "failed": [], "unprocessed": []}
        for row in job.rows:
            answer = self._write_bulk_row(job, row)
            columns = {name: "" if row.get(name) is None else str(row[name]) for each in job.rows for name in each}
            kind: BulkResultKind = "successful" if answer.is_done else "failed"
            job.results[kind].append(BulkRowResult(row=columns, answer=answer))
        return self.read_bulk_job(job_id)

    def abort_bulk_job(self, job_id: str) -> BulkJobState:
        job = self._jobs[job_id]
        if job.state is JobState.OPEN:
            job.state, job.results = JobState.ABORTED, {"successful": [], "failed": [], "unprocessed": []}
        return self.read_bulk_job(job_id)

    def read_bulk_job(self, job_id: str) -> BulkJobState:
        self._count()
        job = self._jobs[job_id]
        return BulkJobState(
            job_id=job_id,
            state=job.state,
            processed_count=len(job.rows) if job.state is JobState.JOB_COMPLETE else 0,
            failed_count=len(job.results.get("failed", ())),
            message="",
        )

    def read_bulk_results(self, job_id: str, kind: BulkResultKind) -> Iterator[BulkRowResult]:
        self._count()
        return iter(self._jobs[job_id].results[kind])

    def _count(self) -> None:
        self.calls += 1
        self.usage = ApiUsage(self.calls, 100_000)

    def _answer(self, soql: str, *, include_deleted: bool) -> list[Record]:
        asked = _QUERY.fullmatch(soql)
        if asked is None:
            raise ValueError("the fake org knows SELECT ... FROM ... [WHERE field =|IN ...] only")
        values = set(_LITERAL.findall(asked["values"] or ""))
        prefix = KEY_PREFIXES[asked["object"]]
        return [
            {name: record.get(name) for name in asked["fields"].split(", ")}
            for record_id, record in self.records.items()
            if record_id.startswith(prefix)
            and (include_deleted or not record["IsDeleted"])
            and (asked["field"] is None or record.get(asked["field"]) in values)
        ]

    def _insert(self, object_name: str, fields: Mapping[str, object]) -> RecordAnswer:
        missing = tuple(name for name in REQUIRED_FIELDS[object_name] if not fields.get(name))
        if missing:
            return _refused("REQUIRED_FIELD_MISSING", Remedy.REVIEW, fields=missing)
        key = fields.get(UNIQUE_FIELD)
        for record_id, record in self.records.items():
            if key is not None and record.get(UNIQUE_FIELD) == key:
                return _refused("DUPLICATE_VALUE", Remedy.READ, candidates=((object_name, record_id),))
        record_id = _make_id(object_name, len(self.records) + 1)
        self.records[record_id] = {"Id": record_id, "IsDeleted": False, **fields}
        return self._touched(record_id)

    def _update(self, object_name: str, update: ConditionalUpdate) -> RecordAnswer:
        record = self.records.get(update.salesforce_id)
        if record is None or record["IsDeleted"] or not update.salesforce_id.startswith(KEY_PREFIXES[object_name]):
            return _refused("NOT_FOUND", Remedy.READ, salesforce_id=update.salesforce_id)
        if datetime.fromisoformat(str(record["LastModifiedDate"])) > update.unmodified_since:
            return _refused("PRECONDITION_FAILED", Remedy.READ, salesforce_id=update.salesforce_id)
        record.update(update.fields)
        return self._touched(update.salesforce_id)

    def _write_bulk_row(self, job: _Job, row: Mapping[str, object]) -> RecordAnswer:
        sent = {name: value for name, value in row.items() if value is not None}
        if job.operation == "insert":
            return self._insert(job.object_name, sent)
        record = self.records[str(sent.pop("Id"))]
        record.update(sent)
        return self._touched(str(record["Id"]))

    def _touched(self, record_id: str) -> RecordAnswer:
        stamp = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        self.records[record_id].update(LastModifiedDate=stamp, SystemModstamp=stamp)
        return RecordAnswer(kind=AnswerKind.DONE, remedy=Remedy.NONE, salesforce_id=record_id)


def _make_id(object_name: str, number: int) -> str:
    short_id = f"{KEY_PREFIXES[object_name]}{number:012d}"
    return short_id + checksum(short_id)


def _refused(
    code: str,
    remedy: Remedy,
    *,
    fields: tuple[str, ...] = (),
    candidates: tuple[tuple[str, str], ...] = (),
    salesforce_id: str | None = None,
) -> RecordAnswer:
    return RecordAnswer(
        kind=AnswerKind.NOT_DONE,
        remedy=remedy,
        error_code=code,
        fields=fields,
        duplicate_candidates=candidates,
        salesforce_id=salesforce_id,
    )

"""Bulk API 2.0 ingest: rows of a CSV file saved in chunks of 200, with a result for each.

Belongs here: job states, CSV, per-row results. Rules of a record: saving.py; query jobs: query_jobs.py.
"""

import csv
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from lead_pipeline.sandbox.control_plane import FiredFault
from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.collection_calls import checked_id, upsert_one
from lead_pipeline.sandbox.salesforce_org.job_store import ABORTED, Job, JobStore, shown
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call
from lead_pipeline.sandbox.salesforce_org.org import Org
from lead_pipeline.sandbox.salesforce_org.row_faults import JOB_FAULT, RowFaults
from lead_pipeline.sandbox.salesforce_org.saving import Refused, SaveContext, Saver
from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema
from lead_pipeline.sandbox.salesforce_org.sobjects import key_field, object_of
from lead_pipeline.sandbox.salesforce_org.values import UnreadableValueError

KIND: Final = "ingest"
MAX_UPLOAD_BYTES: Final = 150 * 1024 * 1024  # Salesforce limit
CHUNK_ROWS: Final = 200  # rows per transaction, as the platform does
_CLEAR: Final = "#N/A"
_OPERATIONS: Final = frozenset({"insert", "update", "upsert", "delete", "hardDelete"})
_DELIMITERS: Final = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
_LINE_ENDS: Final = {"LF": "\n", "CRLF": "\r\n"}
_RUNNING: Final = frozenset({"UploadComplete", "InProgress"})
_BEFORE: Final = {ABORTED: frozenset({"Open", *_RUNNING}), "UploadComplete": frozenset({"Open"})}
_LATER_MEMBERS: Final = frozenset(
    {"jobType", "lineEnding", "columnDelimiter", "numberRecordsProcessed", "numberRecordsFailed", "retries",
     "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime", "errorMessage", "isPkChunkingSupported"}
)  # fmt: skip
_RESULTS: Final = {"successfulResults": "successful", "failedResults": "failed", "unprocessedrecords": "unprocessed"}
_HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "successful": ("sf__Id", "sf__Created"),
    "failed": ("sf__Id", "sf__Error"),
    "unprocessed": (),
}


class UploadError(ValueError):
    """An upload that the platform cannot read as a whole; the text is the job's errorMessage."""


@dataclass
class Upload:
    """The CSV of a job: header and rows."""

    columns: list[str]
    rows: list[list[str]]


@dataclass
class ChunkResult:
    """Rows of one chunk by outcome, each with its leading result columns."""

    successful: list[list[str]] = field(default_factory=list)
    failed: list[list[str]] = field(default_factory=list)


class IngestHandlers:
    """Handlers of jobs/ingest and the worker that runs the jobs.

    Jobs that a stopped server left unfinished go on at the row where they stopped: rows and their results are committed
    together.

    Args:
        org: the org.
        jobs: where jobs are kept.
    """

    def __init__(self, org: Org, jobs: JobStore) -> None:
        self._jobs = jobs
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bulk-ingest")
        self._is_closing = threading.Event()
        for job in jobs.all(KIND):
            if job["state"] in _RUNNING:
                caller = org.caller(job["createdById"])
                self._worker.submit(self._run, Call(org, "PATCH", "", caller=caller, version=job["apiVersion"]), job)

    def close(self) -> None:
        """Stop the worker after the chunk it is saving."""
        self._is_closing.set()
        self._worker.shutdown(wait=True, cancel_futures=True)

    # --- handlers -------------------------------------------------------------------------------------------------

    def open(self, call: Call) -> Answer:
        """POST jobs/ingest."""
        document = call.json_object()
        schema = object_of(call, str(document.get("object", "")))
        operation = str(document.get("operation"))
        if operation not in _OPERATIONS:
            raise fault("INVALIDJOB", text=f"InvalidJob : Unknown operation: {operation}")
        key = document.get("externalIdFieldName")
        if operation == "upsert":
            if not key:
                raise fault("INVALIDJOB", text="InvalidJob : externalIdFieldName is required for upsert")
            key = key_field(schema, str(key)).name
        if document.get("contentType", "CSV") != "CSV":
            raise fault("INVALIDJOB", text="InvalidJob : Bulk API 2.0 takes the content type CSV")
        details = {
            "operation": operation,
            "object": schema.name,
            "state": "Open",
            "externalIdFieldName": key if operation == "upsert" else None,
            "assignmentRuleId": document.get("assignmentRuleId"),
            "columnDelimiter": _listed(document, "columnDelimiter", default="COMMA", allowed=_DELIMITERS),
            "lineEnding": _listed(document, "lineEnding", default="LF", allowed=_LINE_ENDS),
            **_ZERO_FIGURES,
        }
        job = self._jobs.open(call, kind=KIND, details=details)
        self._jobs.change(job, contentUrl=f"{call.root.lstrip('/')}/jobs/ingest/{job['id']}/batches")
        return Answer(body=shown(job, without=_LATER_MEMBERS - {"lineEnding", "columnDelimiter"}))

    def upload(self, call: Call) -> Answer:
        """PUT jobs/ingest/{id}/batches: the file, once."""
        job = self._find(call)
        if not call.headers.get("content-type", "").lower().startswith("text/csv"):
            raise fault("UNSUPPORTED_MEDIA_TYPE", value=call.headers.get("content-type", ""))
        if job["state"] != "Open" or job.get("_is_uploaded"):
            raise fault(
                "INVALIDJOBSTATE", text="InvalidJobState : Found multiple contents for job: only one is allowed"
            )
        try:
            text = call.body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise fault("INVALIDJOB", text="InvalidJob : the file is not UTF-8") from None
        self._jobs.keep_part(job, "upload", place=0, content=text)
        self._jobs.change(job, _is_uploaded=True)
        return Answer(201)

    def change_state(self, call: Call) -> Answer:
        """PATCH jobs/ingest/{id} with UploadComplete or Aborted."""
        state = call.json_object().get("state")
        with call.org.store.transaction():  # the worker moves jobs, too
            job = self._find(call)
            if job["state"] not in _BEFORE.get(str(state), frozenset()):
                raise fault("INVALIDJOBSTATE", text=f"InvalidJobState : cannot move job from {job['state']} to {state}")
            self._jobs.change(job, state=state)
        if state != ABORTED:
            self._worker.submit(self._run, call, dict(job))
        return Answer(body=shown(job, without=_LATER_MEMBERS))

    def show(self, call: Call) -> Answer:
        """GET jobs/ingest/{id}."""
        return Answer(body=shown({**self._find(call), "jobType": "V2Ingest"}))

    def list_jobs(self, _call: Call) -> Answer:
        """GET jobs/ingest."""
        records = [
            shown({**job, "jobType": "V2Ingest"}, without=_LATER_MEMBERS - {"jobType"}) for job in self._jobs.all(KIND)
        ]
        return Answer(body={"done": True, "records": records, "nextRecordsUrl": None})

    def remove(self, call: Call) -> Answer:
        """DELETE jobs/ingest/{id} once it is over."""
        job = self._find(call)
        if job["state"] in {"Open", *_RUNNING}:
            raise fault("INVALIDJOBSTATE", text="InvalidJobState : only a finished or aborted job can be deleted")
        self._jobs.remove(job)
        return Answer(204)

    def results(self, call: Call) -> Answer:
        """GET jobs/ingest/{id}/successfulResults, failedResults or unprocessedrecords."""
        job = self._find(call)
        part = next(part for name, part in _RESULTS.items() if call.path.rstrip("/").lower().endswith(name.lower()))
        delimiter = _DELIMITERS[job["columnDelimiter"]]
        columns = [*_HEADS[part], *job.get("_columns", [])]
        head = _csv_text([columns], delimiter=delimiter) if columns else ""
        text = head + "".join(self._jobs.part(job, part))
        return Answer(body=text.encode(), media_type=call.org.switches.csv_type)

    def _find(self, call: Call) -> Job:
        return self._jobs.find(KIND, call.parts["id"])

    # --- the worker -----------------------------------------------------------------------------------------------

    def _run(self, call: Call, job: Job) -> None:
        started = call.org.clock.now()
        delimiter = _DELIMITERS[job["columnDelimiter"]]
        schema = call.org.schemas[job["object"]]
        self._jobs.advance(job, state="InProgress")
        try:
            upload = read_upload(
                "".join(self._jobs.part(job, "upload")), delimiter=delimiter, line_end=_LINE_ENDS[job["lineEnding"]]
            )
            self._jobs.change(job, _columns=upload.columns)
            _check_columns(schema, upload.columns, operation=job["operation"])
        except UploadError as error:
            self._jobs.advance(job, state="Failed", errorMessage=str(error))
            return
        stop_after = _stop_after(call.faults, len(upload.rows))
        row_saver = _RowSaver(call, schema, job=job, columns=upload.columns)
        for start in range(job["numberRecordsProcessed"], stop_after, CHUNK_ROWS):
            if self._is_closing.is_set():
                return
            rows = upload.rows[start : min(start + CHUNK_ROWS, stop_after)]
            if not self._save_chunk(call, job, row_saver=row_saver, start=start, rows=rows, delimiter=delimiter):
                self._keep_rows(job, "unprocessed", place=start, rows=upload.rows[start:], delimiter=delimiter)
                return
        self._keep_rows(job, "unprocessed", place=stop_after, rows=upload.rows[stop_after:], delimiter=delimiter)
        elapsed = int((call.org.clock.now() - started).total_seconds() * 1000)
        figures = {"totalProcessingTime": elapsed, "apiActiveProcessingTime": elapsed}
        if stop_after < len(upload.rows):
            self._jobs.advance(
                job, state="Failed", errorMessage="InternalServerError : the batch was tried too often", **figures
            )
        else:
            self._jobs.advance(job, state="JobComplete", **figures)

    def _save_chunk(
        self, call: Call, job: Job, *, row_saver: "_RowSaver", start: int, rows: Sequence[list[str]], delimiter: str
    ) -> bool:
        """Save a chunk and its results together; says whether the client still wanted it."""
        with call.org.store.transaction():
            if not self._jobs.advance(job):
                return False
            result = row_saver.save(rows, start)
            self._keep_rows(job, "successful", place=start, rows=result.successful, delimiter=delimiter)
            self._keep_rows(job, "failed", place=start, rows=result.failed, delimiter=delimiter)
            self._jobs.change(
                job,
                numberRecordsProcessed=job["numberRecordsProcessed"] + len(rows),
                numberRecordsFailed=job["numberRecordsFailed"] + len(result.failed),
            )
        return True

    def _keep_rows(self, job: Job, part: str, *, place: int, rows: Sequence[Sequence[str]], delimiter: str) -> None:
        if rows:
            self._jobs.keep_part(job, part, place=place, content=_csv_text(rows, delimiter=delimiter))


_ZERO_FIGURES: Final[Mapping[str, Any]] = {
    "numberRecordsProcessed": 0,
    "numberRecordsFailed": 0,
    "retries": 0,
    "totalProcessingTime": 0,
    "apiActiveProcessingTime": 0,
    "apexProcessingTime": 0,
    "isPkChunkingSupported": False,
}


class _RowSaver:
    """Saves rows of one job."""

    def __init__(self, call: Call, schema: ObjectSchema, *, job: Job, columns: Sequence[str]) -> None:
        self._call = call
        self._schema = schema
        self._operation = job["operation"]
        self._key = job.get("externalIdFieldName")
        self._assign = bool(job.get("assignmentRuleId"))
        self._columns = columns
        self._faults = RowFaults(call.faults)
        self._id_column = next((place for place, name in enumerate(columns) if name.lower() == "id"), None)

    def save(self, rows: Sequence[list[str]], start: int) -> ChunkResult:
        """Save one chunk, whose first row has the given place in the file."""
        context = SaveContext(self._call.caller, self._call.version, auto_assign=self._assign)
        saver = Saver(self._call.org, context)
        repeated = self._repeated(rows)
        result = ChunkResult()
        for place, row in enumerate(rows, start):
            try:
                self._faults.strike(place)
                record_id, created = self._save_row(saver, row, repeated=repeated)
                result.successful.append([record_id, "true" if created else "false", *row])
            except SalesforceFault as single:
                result.failed.append([self._given_id(row), single.as_cell(), *row])
            except Refused as refused:
                cell = self._call.org.switches.settle(refused.faults[0]).as_cell()
                result.failed.append([self._given_id(row), cell, *row])
            except UnreadableValueError as unreadable:
                column = self._column_of(unreadable.field.name)
                result.failed.append([self._given_id(row), unreadable.as_csv_error(column).as_cell(), *row])
        return result

    def _save_row(self, saver: Saver, row: Sequence[str], *, repeated: set[str]) -> tuple[str, bool]:
        values: dict[str, Any] = {
            name: None if cell == _CLEAR else cell for name, cell in zip(self._columns, row, strict=True) if cell != ""
        }
        if self._operation == "upsert":
            key = next((value for name, value in values.items() if name.lower() == str(self._key).lower()), None)
            if key in repeated:
                raise fault("DUPLICATE_VALUE.request", value=key, fields=[str(self._key)])
            return upsert_one(self._call, saver, schema=self._schema, key_name=str(self._key), payload=values)
        payload = {name: value for name, value in values.items() if name.lower() != "id"}
        if self._operation == "insert":
            return saver.create(self._schema, payload), True
        record_id = self._given_id(row)
        if not record_id:
            raise fault("MISSING_ARGUMENT", fields=[])
        record_id = checked_id(self._schema, record_id)
        if self._operation == "update":
            saver.update(self._schema, record_id, payload=payload)
        else:
            saver.delete(self._schema, record_id)
        return record_id, False

    def _repeated(self, rows: Sequence[Sequence[str]]) -> set[str]:
        place = self._column_of(self._key) - 1 if self._key else -1
        if place < 0:
            return set()
        seen: set[str] = set()
        repeated: set[str] = set()
        for row in rows:
            (repeated if row[place] in seen else seen).add(row[place])
        return repeated - {""}

    def _column_of(self, name: str | None) -> int:
        return next((place for place, column in enumerate(self._columns, 1) if column.lower() == str(name).lower()), 0)

    def _given_id(self, row: Sequence[str]) -> str:
        return "" if self._id_column is None else row[self._id_column]


def read_upload(text: str, *, delimiter: str, line_end: str) -> Upload:
    """Read the CSV of a job.

    Raises:
        UploadError: no header, wrong line ends, or rows of another width.
    """
    if not text.strip():
        raise UploadError("InvalidBatch : The 'Id' batch must contain at least one record: empty file")
    first_line = text.split("\n", 1)[0]
    if first_line.endswith("\r") != (line_end == "\r\n"):
        setting = "CRLF" if line_end == "\r\n" else "LF"
        raise UploadError(
            f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {setting}"
        )
    try:
        rows = [row for row in _csv_rows(text, delimiter) if row]
    except csv.Error:
        raise UploadError("ClientInputError : Failed to parse CSV: unbalanced quotes") from None
    columns = rows[0]
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(columns):
            raise UploadError(f"InvalidBatch : Row {number} has {len(row)} columns, the header has {len(columns)}")
    return Upload(columns, rows[1:])


def _csv_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_UPLOAD_BYTES)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _csv_text(rows: Sequence[Sequence[str]], *, delimiter: str) -> str:
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return target.getvalue()


def _check_columns(schema: ObjectSchema, columns: Sequence[str], *, operation: str) -> None:
    for name in columns:
        if schema.find(name) is None:
            raise UploadError(f"InvalidBatch : Field name not found : {name}")
    if operation in {"update", "delete", "hardDelete"} and not any(name.lower() == "id" for name in columns):
        raise UploadError("InvalidBatch : The Id column is missing")


def _stop_after(faults: Sequence[FiredFault], rows: int) -> int:
    for item in faults:
        if item.kind == JOB_FAULT:
            return min(int(item.params.get("after_rows", 0)), rows)
    return rows


def _listed(document: Mapping[str, Any], name: str, *, default: str, allowed: Mapping[str, str]) -> str:
    value = str(document.get(name, default))
    if value not in allowed:
        raise fault("INVALIDJOB", text=f"InvalidJob : {name} cannot be {value}")
    return value

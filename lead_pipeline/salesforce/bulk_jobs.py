"""Bulk API 2.0 ingest: one step per call, because the job's id has to be committed before rows are uploaded.

Nothing is written in the org before `close`, so every step but the upload is safe to repeat: a job opened twice is one
that stays empty. How many rows go into a job is the caller's decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer, Remedy
from lead_pipeline.errors import UnexpectedAnswerError
from lead_pipeline.salesforce.answers import (
    UNPROCESSED_CODE,
    UNREADABLE_CODE,
    answer_of_bulk_error,
    done_answer,
    errors_in,
    redact_free_text,
    unknown_answer,
)
from lead_pipeline.salesforce.bulk_csv import read_whole_csv, write_csv
from lead_pipeline.salesforce.calls import SYSTEM, ApiCalls
from lead_pipeline.salesforce.ids import check_record_id

BulkOperation = Literal["insert", "update"]  # never upsert: its second sending would overwrite
BulkResultKind = Literal["successful", "failed", "unprocessed"]
RESULT_PATHS: Mapping[BulkResultKind, str] = {
    "successful": "successfulResults",
    "failed": "failedResults",
    "unprocessed": "unprocessedrecords",
}
_RESULTS_CALL = "read Bulk results"
_WRONG_STATE_CODE = "INVALIDJOBSTATE"  # the job is past the state that was asked for
_ID_COLUMN, _ERROR_COLUMN, _CREATED_COLUMN = "sf__Id", "sf__Error", "sf__Created"


class JobState(StrEnum):
    """Where a Bulk job stands."""

    OPEN = "open"
    UPLOAD_COMPLETE = "upload_complete"
    IN_PROGRESS = "in_progress"
    JOB_COMPLETE = "job_complete"  # rows may still have failed
    FAILED = "failed"
    ABORTED = "aborted"


_STATES: Mapping[str, JobState] = {state.value.replace("_", ""): state for state in JobState}
_FINAL_STATES = frozenset({JobState.JOB_COMPLETE, JobState.FAILED, JobState.ABORTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJobState:
    """A job as the org sees it now."""

    job_id: str
    state: JobState
    processed_count: int  # failed rows included
    failed_count: int
    message: str

    @property
    def is_final(self) -> bool:
        """Tell whether it will not change any more."""
        return self.state in _FINAL_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRowResult:
    """One row of a result file: the columns as uploaded, and the answer."""

    row: Mapping[str, str]
    answer: RecordAnswer


class BulkJobs:
    """Ingest jobs of one org.

    Args:
        calls: The way to the org.
    """

    def __init__(self, calls: ApiCalls) -> None:
        self._calls = calls

    def create(self, object_name: str, operation: BulkOperation) -> str:
        """Open a job and return its id. Without `close` it never does anything."""
        request = {
            "object": object_name,
            "operation": operation,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        return self._send("POST", "jobs/ingest", call="create Bulk job", request=request).job_id

    def upload(self, job_id: str, records: Sequence[Mapping[str, object]]) -> None:
        """Upload the rows of an open job. Salesforce takes one upload per job: after a lost answer open another job.

        Raises:
            UnsendableValueError: A value Bulk would read as something else; nothing was sent.
        """
        self._calls.raw("PUT", f"{_path(job_id)}/batches", call="upload Bulk rows", data=write_csv(records))

    def close(self, job_id: str) -> BulkJobState:
        """Let the org begin. A job that has begun already, because an answer was lost, goes on."""
        return self._move(job_id, "UploadComplete", call="close Bulk job")

    def abort(self, job_id: str) -> BulkJobState:
        """Stop a job; rows already written stay written, and a job that has ended stays as it ended."""
        return self._move(job_id, "Aborted", call="abort Bulk job")

    def read(self, job_id: str) -> BulkJobState:
        """Return where a job stands."""
        return self._send("GET", _path(job_id), call="read Bulk job")

    def results(self, job_id: str, kind: BulkResultKind) -> Iterator[BulkRowResult]:
        """Yield the rows of one result file; their order is not that of the upload."""
        path = f"{_path(job_id)}/{RESULT_PATHS[kind]}"
        rows = self._calls.read(lambda: read_whole_csv(self._calls.raw("GET", path, call=_RESULTS_CALL)))
        return (_row_result(row, kind=kind) for row in rows)

    def _move(self, job_id: str, state: str, *, call: str) -> BulkJobState:
        """Ask for another state; where the job has left the present one before, return where it stands."""

        def attempt() -> Any:  # noqa: ANN401 - any JSON value
            reply = self._calls.json("PATCH", _path(job_id), call=call, body={"state": state})
            if any(error.get("errorCode") == _WRONG_STATE_CODE for error in errors_in(reply.body)):
                reply = self._calls.json("GET", _path(job_id), call=call)
            return self._calls.require(reply, call=call)

        return _read_state(self._calls.read(attempt), call=call)

    def _send(self, method: str, path: str, *, call: str, request: Mapping[str, str] | None = None) -> BulkJobState:
        return _read_state(self._calls.read_json(method, path, call=call, body=request), call=call)


def _read_state(body: Any, *, call: str) -> BulkJobState:  # noqa: ANN401 - any JSON value
    state = _STATES.get(str(body.get("state", "")).lower()) if isinstance(body, dict) else None
    if state is None:
        raise UnexpectedAnswerError(SYSTEM, call, what="no job state")
    return BulkJobState(
        job_id=check_record_id(body["id"], "Job"),
        state=state,
        processed_count=int(body.get("numberRecordsProcessed") or 0),
        failed_count=int(body.get("numberRecordsFailed") or 0),
        message=redact_free_text(str(body.get("errorMessage") or "")),
    )


def _path(job_id: str) -> str:
    return f"jobs/ingest/{check_record_id(job_id, 'Job')}"


def _row_result(row: dict[str, str], *, kind: BulkResultKind) -> BulkRowResult:
    record_id, error = row.pop(_ID_COLUMN, ""), row.pop(_ERROR_COLUMN, "")
    row.pop(_CREATED_COLUMN, None)
    return BulkRowResult(row=row, answer=_row_answer(kind, record_id=record_id, error=error))


def _row_answer(kind: BulkResultKind, *, record_id: str, error: str) -> RecordAnswer:
    if kind == "unprocessed":
        return RecordAnswer(
            kind=AnswerKind.NOT_DONE,
            remedy=Remedy.RETRY,
            error_code=UNPROCESSED_CODE,
            message="the job ended before this row",
            is_transient=True,
        )
    if kind == "failed":
        return answer_of_bulk_error(error)
    if not record_id:
        return unknown_answer(UNREADABLE_CODE, "a success without an id")
    return done_answer(record_id, request_id=None)

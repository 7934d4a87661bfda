"""Bulk API 2.0 query: a whole result as CSV, in pages that locators name.

Belongs here: query jobs. Ingest: ingest.py; the language: soql/.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import fault
from lead_pipeline.sandbox.salesforce_org.job_store import Job, JobStore, shown
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call
from lead_pipeline.sandbox.salesforce_org.queries import fetch_rows, row_numbers, world_of
from lead_pipeline.sandbox.salesforce_org.soql.compiler import Statement, compile_query
from lead_pipeline.sandbox.salesforce_org.soql.shaping import AddressShape, ParentShape, Shape, ValueShape

KIND: Final = "query"
_PART_ROWS: Final = 2_000  # rows of one stored piece
_DEFAULT_PAGE: Final = 100_000  # rows of a result page when the client names no maxRecords
_END: Final = "null"
_OPERATIONS: Final = frozenset({"query", "queryAll"})


class QueryJobHandlers:
    """Handlers of jobs/query. The result is taken at once; later changes of the org do not show in it.

    Args:
        jobs: where jobs are kept.
    """

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    def open(self, call: Call) -> Answer:
        """POST jobs/query."""
        document = call.json_object()
        operation = str(document.get("operation"))
        if operation not in _OPERATIONS:
            raise fault("INVALIDJOB", text=f"InvalidJob : Unknown operation: {operation}")
        statement = compile_query(
            str(document.get("query", "")), world_of(call, include_deleted=operation == "queryAll")
        )
        if statement.shape is None or statement.is_aggregate or statement.offset:
            raise fault("INVALIDJOB", text="InvalidJob : aggregates and OFFSET are not supported in Bulk queries")
        columns = [name for name, _ in _cells(statement.shape.members)]
        details = {
            "operation": operation,
            "object": statement.schema.name,
            "state": "UploadComplete",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
            "_columns": columns,
        }
        job = self._jobs.open(call, kind=KIND, details=details)
        answer = Answer(body=shown(job))
        self._collect(call, job, statement=statement)
        return answer

    def _collect(self, call: Call, job: Job, *, statement: Statement) -> None:
        with call.org.store.transaction():
            numbers = row_numbers(call.org, statement)
            for start in range(0, len(numbers), _PART_ROWS):
                rows = fetch_rows(call.org, statement, chosen=numbers.page(start, _PART_ROWS))
                lines = _csv_lines(statement, rows)
                self._jobs.keep_part(
                    job, "result", place=start // _PART_ROWS, content=json.dumps(lines, ensure_ascii=False)
                )
            self._jobs.change(
                job,
                state="JobComplete",
                jobType="V2Query",
                numberRecordsProcessed=len(numbers),
                retries=0,
                totalProcessingTime=0,
            )

    def show(self, call: Call) -> Answer:
        """GET jobs/query/{id}."""
        return Answer(body=shown(self._find(call)))

    def list_jobs(self, _call: Call) -> Answer:
        """GET jobs/query."""
        return Answer(
            body={"done": True, "records": [shown(job) for job in self._jobs.all(KIND)], "nextRecordsUrl": None}
        )

    def change_state(self, call: Call) -> Answer:
        """PATCH jobs/query/{id}: a finished job cannot be aborted any more."""
        job = self._find(call)
        state = call.json_object().get("state")
        raise fault("INVALIDJOBSTATE", text=f"InvalidJobState : cannot move job from {job['state']} to {state}")

    def remove(self, call: Call) -> Answer:
        """DELETE jobs/query/{id}."""
        self._jobs.remove(self._find(call))
        return Answer(204)

    def results(self, call: Call) -> Answer:
        """GET jobs/query/{id}/results?locator=&maxRecords=."""
        job = self._find(call)
        start, size = _number(call, "locator", default=0), _number(call, "maxRecords", default=_DEFAULT_PAGE)
        total = int(job["numberRecordsProcessed"])
        if start > total or size < 1:
            raise fault("INVALID_QUERY_LOCATOR")
        first, last = start // _PART_ROWS, (min(start + size, total) - 1) // _PART_ROWS
        pieces = call.org.store.all(
            "SELECT content FROM sandbox_job_part WHERE job_id = ? AND part = 'result' AND place BETWEEN ? AND ? "
            "ORDER BY place",
            [job["id"], first, last],
        )
        lines = [line for piece in pieces for line in json.loads(piece[0])][start - first * _PART_ROWS :][:size]
        after = start + len(lines)
        headers = {"Sforce-Locator": str(after) if after < total else _END, "Sforce-NumberOfRecords": str(len(lines))}
        text = _line(job["_columns"]) + "".join(lines)
        return Answer(body=text.encode(), headers=headers, media_type=call.org.switches.csv_type)

    def _find(self, call: Call) -> Job:
        return self._jobs.find(KIND, call.parts["id"])


def _number(call: Call, name: str, *, default: int) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    if not text.isdigit():
        raise fault("INVALID_QUERY_LOCATOR")
    return int(text)


def _cells(members: Sequence[Shape], path: str = "") -> Iterator[tuple[str, ValueShape]]:
    """The columns of a result with their dotted names."""
    for member in members:
        if isinstance(member, AddressShape):
            raise fault("INVALIDJOB", text=f"InvalidJob : compound field {member.key} is not supported in Bulk queries")
        if isinstance(member, ParentShape):
            yield from _cells(member.members, f"{path}{member.key}.")
        else:
            yield path + member.key, member


def _csv_lines(statement: Statement, rows: Sequence[Sequence[Any]]) -> list[str]:
    shapes = [] if statement.shape is None else [shape for _, shape in _cells(statement.shape.members)]
    return [_line([_cell(shape, row[shape.column]) for shape in shapes]) for row in rows]


def _cell(shape: ValueShape, value: Any) -> str:  # noqa: ANN401 - SQLite scalars
    if value is None:
        return ""
    if shape.type == "boolean":
        return "true" if value else "false"
    if shape.type == "datetime":
        return str(value).replace("+0000", "Z")
    return str(value)


def _line(cells: Sequence[str]) -> str:
    target = io.StringIO(newline="")
    csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return target.getvalue()

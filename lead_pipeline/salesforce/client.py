"""The Salesforce of the services: every call they may make, each within Salesforce's limits.

How a call travels is `calls`, what an answer means is `answers`; which records are written, and when, is decided in
services and domain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from lead_pipeline.domain.record_answers import ConditionalUpdate, RecordAnswer, Remedy
from lead_pipeline.errors import (
    ConfigurationError,
    CredentialsRefusedError,
    RetryableError,
    TransportFaultError,
    UnexpectedAnswerError,
    UnsendableValueError,
)
from lead_pipeline.salesforce.answers import (
    TRANSPORT_CODE,
    UNREADABLE_CODE,
    answer_of_error,
    answer_of_status,
    answers_of_collection,
    answers_of_composite,
    errors_in,
    not_sent_answer,
    reference_name,
    unknown_answer,
)
from lead_pipeline.salesforce.bulk_jobs import BulkJobs, BulkJobState, BulkOperation, BulkResultKind, BulkRowResult
from lead_pipeline.salesforce.bulk_queries import BulkQueries
from lead_pipeline.salesforce.calls import SYSTEM, ApiCalls, Reply
from lead_pipeline.salesforce.composite_reads import MAX_COMPOSITE_QUERIES, CompositeReads, object_path
from lead_pipeline.salesforce.deployments import Deployments
from lead_pipeline.salesforce.describe import ObjectDescribe
from lead_pipeline.salesforce.ids import check_record_id
from lead_pipeline.salesforce.probe_records import ProbeRecords
from lead_pipeline.salesforce.records import QueryPage, Record
from lead_pipeline.salesforce.session import ApiUsage
from lead_pipeline.salesforce.soql import soql

MAX_COLLECTION_RECORDS = 200  # Salesforce limit per composite/sobjects call
MAX_COMPOSITE_REQUESTS = 25  # Salesforce limit per composite call
_OK_STATUSES = range(200, 300)
# Assignment rules run by default, on updates too: our leads keep the owner we give them.
_WRITE_HEADERS = {"Sforce-Auto-Assign": "FALSE"}
# For standard objects the id of the definition is the name of the object.
_TOOLING_RULES = "SELECT ValidationName FROM ValidationRule WHERE Active = true AND EntityDefinitionId = {object_name}"


class SalesforceClient:
    """One org through the REST and Bulk APIs; safe to share between threads.

    Reads repeat passing faults by themselves. Writes never do: each record gets its answer, `unknown` where nobody can
    tell. A `StopError` of a write means that none of its records was written.

    Args:
        calls: The way to the org.
        bulk_queries: Reads in bulk; made from `calls` unless given.
    """

    def __init__(self, calls: ApiCalls, *, bulk_queries: BulkQueries | None = None) -> None:
        self._calls = calls
        self._bulk_jobs = BulkJobs(calls)
        self._bulk_queries = bulk_queries or BulkQueries(calls)
        self._reads = CompositeReads(calls)
        self.deployments = Deployments(calls)

    def probe_records(self) -> ProbeRecords:
        """Return the way to take away what a probe made in a test org."""
        return ProbeRecords(self._calls)

    @property
    def calls(self) -> int:
        """Calls sent by this client so far, sign-ins not counted."""
        return self._calls.session.calls

    @property
    def usage(self) -> ApiUsage | None:
        """Calls of the whole org in the last 24 hours, as the last answer said."""
        return self._calls.session.usage

    @property
    def server_time(self) -> datetime | None:
        """Date header of the last answer: the org's clock, not ours."""
        return self._calls.session.server_time

    @property
    def user_id(self) -> str | None:
        """The user we write as; None before the first call, and where signing in did not tell."""
        return self._calls.session.user_id

    def close(self) -> None:
        """Close the connections; the client opens new ones when it is used again."""
        self._calls.session.close()

    # --- Reading --------------------------------------------------------------------------------------------------

    def describe_objects(self, last_modified: Mapping[str, str | None]) -> dict[str, ObjectDescribe | None]:
        """Return what the org says about some objects, all in one call.

        Args:
            last_modified: Object -> `last_modified` of the describe that is known; None where none is.

        Returns:
            Object -> its describe; None where nothing changed since the known one.
        """
        return self._reads.describe_objects(last_modified)

    def describe_and_query(
        self, last_modified: Mapping[str, str | None], soqls: Sequence[str], *, include_deleted: bool = False
    ) -> tuple[dict[str, ObjectDescribe | None], list[QueryPage] | None]:
        """Return what `describe_objects` and `query_pages` do, in one call.

        Returns:
            The describes, and the pages; None instead of pages when a query was refused, perhaps because of a field
            that the describes no longer list.

        Raises:
            ValueError: More than five queries.
        """
        return self._reads.describe_and_query(last_modified, soqls, include_deleted=include_deleted)

    def query(self, soql: str, *, include_deleted: bool = False) -> Iterator[Record]:
        """Yield the records of a query, page by page; parent fields under dotted names."""
        page: QueryPage | None = self.query_pages([soql], include_deleted=include_deleted)[0]
        while page is not None:
            yield from page.records
            page = self.next_page(page.next_path) if page.next_path else None

    def query_many(self, soqls: Sequence[str], *, include_deleted: bool = False) -> list[list[Record]]:
        """Return the records of several queries: five queries a call, then one call per further page."""
        answers: list[list[Record]] = []
        for start in range(0, len(soqls), MAX_COMPOSITE_QUERIES):
            pages = self.query_pages(soqls[start : start + MAX_COMPOSITE_QUERIES], include_deleted=include_deleted)
            answers += [self._all_records(page) for page in pages]
        return answers

    def query_pages(self, soqls: Sequence[str], *, include_deleted: bool = False) -> list[QueryPage]:
        """Return the first page of up to five queries in one call.

        Raises:
            ValueError: More than five queries.
        """
        return self._reads.query_pages(soqls, include_deleted=include_deleted)

    def next_page(self, next_path: str) -> QueryPage:
        """Return a further page of a query."""
        return self._reads.page(self._calls.read_json("GET", next_path, call="query"))

    def bulk_query(self, soql: str, *, include_deleted: bool = False) -> Iterator[dict[str, str]]:
        """Yield the rows of a Bulk query as texts; `domain.org_schema.typed_value` gives them their types."""
        return self._bulk_queries.rows(soql, include_deleted=include_deleted)

    def active_validation_rules(self, object_name: str) -> frozenset[str]:
        """Return the names of an object's active validation rules; none when our user may not see them."""
        query = soql(_TOOLING_RULES, object_name=object_path(object_name))
        try:
            body = self._calls.read_json("GET", "tooling/query", call="validation rules", params={"q": query})
        except CredentialsRefusedError:
            raise
        except ConfigurationError:
            return frozenset()
        return frozenset(str(record["ValidationName"]) for record in self._reads.page(body).records)

    def daily_calls(self) -> tuple[int, int]:
        """Return how many calls the org may take a day, and how many are left; asked only when no answer told."""
        if self.usage is not None:
            return self.usage.allowed, max(self.usage.allowed - self.usage.used, 0)
        body = self._calls.read_json("GET", "limits", call="limits")
        try:
            return int(body["DailyApiRequests"]["Max"]), int(body["DailyApiRequests"]["Remaining"])
        except (KeyError, TypeError, ValueError):
            raise UnexpectedAnswerError(SYSTEM, "limits", what="no daily calls") from None

    def record_counts(self, objects: Sequence[str]) -> dict[str, int]:
        """Return object -> records there are, those included that our user may not see; an estimate of Salesforce."""
        names = ",".join(object_path(name) for name in objects)
        body = self._calls.read_json("GET", "limits/recordCount", call="record counts", params={"sObjects": names})
        try:
            return {str(entry["name"]): int(entry["count"]) for entry in body["sObjects"]}
        except (KeyError, TypeError, ValueError):
            raise UnexpectedAnswerError(SYSTEM, "record counts", what="no counts") from None

    # --- Writing --------------------------------------------------------------------------------------------------

    def insert_records(self, object_name: str, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        """Insert up to 200 records, each on its own, and return one answer per record in their order.

        Raises:
            ValueError: More than 200 records.
            UnsendableValueError: An empty text; nothing was sent.
            StopError: None of them was written.
        """
        if len(records) > MAX_COLLECTION_RECORDS:
            raise ValueError(f"one call takes {MAX_COLLECTION_RECORDS} records")
        rows = [
            {"attributes": {"type": object_path(object_name)}, **_sendable(record, is_insert=True)}
            for record in records
        ]
        return self._write(
            "composite/sobjects",
            {"allOrNone": False, "records": rows},
            count=len(records),
            read=lambda reply: answers_of_collection(
                reply.body, count=len(records), object_name=object_name, facts=reply.facts
            ),
        )

    def update_conditionally(self, object_name: str, updates: Sequence[ConditionalUpdate]) -> list[RecordAnswer]:
        """Update up to 25 records, each only if unchanged since it was read; one answer per update in their order.

        Raises:
            ValueError: More than 25 updates.
            InvalidIdentifierError: An id that is none of this object; nothing was sent.
            UnsendableValueError: An empty text; nothing was sent.
            StopError: None of them was written.
        """
        if len(updates) > MAX_COMPOSITE_REQUESTS:
            raise ValueError(f"one call takes {MAX_COMPOSITE_REQUESTS} updates")
        ids = [check_record_id(update.salesforce_id, object_name) for update in updates]
        requests = [
            {
                "method": "PATCH",
                "url": f"{self._calls.path}sobjects/{object_path(object_name)}/{record_id}",
                "referenceId": reference_name(place),
                "httpHeaders": {
                    "If-Unmodified-Since": format_datetime(update.unmodified_since.astimezone(UTC), usegmt=True),
                    **_WRITE_HEADERS,
                },
                "body": _sendable(update.fields, is_insert=False),
            }
            for place, (record_id, update) in enumerate(zip(ids, updates, strict=True))
        ]
        return self._write(
            "composite",
            {"allOrNone": False, "collateSubrequests": False, "compositeRequest": requests},
            count=len(updates),
            read=lambda reply: answers_of_composite(reply.body, ids=ids, facts=reply.facts),
        )

    def create_bulk_job(self, object_name: str, operation: BulkOperation) -> str:
        """Open a Bulk ingest job and return its id, to be committed before any row is uploaded."""
        return self._bulk_jobs.create(object_path(object_name), operation)

    def upload_bulk_rows(self, job_id: str, records: Sequence[Mapping[str, object]]) -> None:
        """Upload the rows of an open job, once. Nothing is written in the org before the job is closed.

        Raises:
            UnsendableValueError: A value Bulk would read as something else; nothing was sent.
            RetryableError: The upload may be incomplete: abort the job and open another one.
        """
        self._bulk_jobs.upload(job_id, records)

    def close_bulk_job(self, job_id: str) -> BulkJobState:
        """Let the org begin with a job; one that has begun already goes on."""
        return self._bulk_jobs.close(job_id)

    def abort_bulk_job(self, job_id: str) -> BulkJobState:
        """Stop a job; rows already written stay written, and a job that has ended stays as it ended."""
        return self._bulk_jobs.abort(job_id)

    def read_bulk_job(self, job_id: str) -> BulkJobState:
        """Return where a job stands."""
        return self._bulk_jobs.read(job_id)

    def read_bulk_results(self, job_id: str, kind: BulkResultKind) -> Iterator[BulkRowResult]:
        """Yield the rows of one result file of a final job."""
        return self._bulk_jobs.results(job_id, kind)

    # --- Within ---------------------------------------------------------------------------------------------------

    def _write(
        self, path: str, body: object, *, count: int, read: Callable[[Reply], list[RecordAnswer]]
    ) -> list[RecordAnswer]:
        if not count:
            return []
        try:
            reply = self._calls.json("POST", path, call="write", body=body, headers=_WRITE_HEADERS)
        except TransportFaultError as fault:
            answer = unknown_answer(TRANSPORT_CODE, str(fault)) if fault.is_sent else not_sent_answer(str(fault))
            return [answer] * count
        except RetryableError as fault:
            # Only the sign-in raises these: the write itself was not sent.
            return [not_sent_answer(str(fault))] * count
        return read(reply) if reply.is_success else [self._answer_for_all(reply)] * count

    def _answer_for_all(self, reply: Reply) -> RecordAnswer:
        """Return the answer every record shares when the call as a whole failed.

        Raises:
            StopError: Salesforce refused the call for a reason that every further call shares.
        """
        errors = errors_in(reply.body)
        if not errors and reply.facts.status in _OK_STATUSES:
            return unknown_answer(UNREADABLE_CODE, "success without a readable body", request_id=reply.facts.request_id)
        answer = answer_of_error(errors[0], facts=reply.facts) if errors else answer_of_status(reply.facts)
        if answer.remedy is Remedy.STOP:
            raise self._calls.failure_of(reply, call="write")
        return answer

    def _all_records(self, page: QueryPage) -> list[Record]:
        records = page.records
        while page.next_path:
            page = self.next_page(page.next_path)
            records = records + page.records
        return records


def _sendable(fields: Mapping[str, object], *, is_insert: bool) -> dict[str, object]:
    """Return the fields to send: an empty text would clear a field without saying so.

    Raises:
        UnsendableValueError: A field holds an empty text.
    """
    for name, value in fields.items():
        if value == "":
            raise UnsendableValueError(name, what="an empty text")
    return {name: value for name, value in fields.items() if value is not None or not is_insert}

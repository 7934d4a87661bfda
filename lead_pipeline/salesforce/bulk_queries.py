"""Bulk API 2.0 query: the way to read more rows than REST pages are good for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import requests

from lead_pipeline.errors import ConfigurationError, ServiceUnavailableError, UnexpectedAnswerError
from lead_pipeline.salesforce.answers import redact_free_text
from lead_pipeline.salesforce.bulk_csv import read_whole_csv
from lead_pipeline.salesforce.calls import SYSTEM, ApiCalls
from lead_pipeline.salesforce.ids import check_record_id

PAGE_ROWS = 25_000  # about 20 MB of text and 70 MB of rows: few calls, and a page still fits into memory
FIRST_WAIT_SECONDS = 0.5
WAIT_GROWTH = 2.0  # each look costs a call, so the waits double
MAX_WAIT_SECONDS = 30.0
MAX_JOB_SECONDS = 3_600.0  # an org of some millions of records takes minutes
_LAST_LOCATOR = "null"  # Salesforce's word in Sforce-Locator on the last page
_CALL = "Bulk query"
_GIVEN_UP_STATUS = 504


class BulkQueries:
    """Query jobs of one org.

    Args:
        calls: The way to the org.
        sleep: Waits so many seconds.
    """

    def __init__(self, calls: ApiCalls, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._calls = calls
        self._sleep = sleep

    def rows(self, soql: str, *, include_deleted: bool = False) -> Iterator[dict[str, str]]:
        """Run a query as a job and yield its rows as texts, parent fields under dotted names, blanks as ''.

        Raises:
            ConfigurationError: The org refused the query.
            RetryableError: The job did not end in time, or a page did not arrive.
        """
        operation = "queryAll" if include_deleted else "query"
        body = self._calls.read_json("POST", "jobs/query", call=_CALL, body={"operation": operation, "query": soql})
        path = f"jobs/query/{_job_id(body)}"
        self._wait_for(path)
        locator: str | None = ""
        while locator is not None:
            page, locator = self._page(path, locator)
            yield from page

    def _wait_for(self, path: str) -> None:
        wait_seconds, waited_seconds = FIRST_WAIT_SECONDS, 0.0
        while waited_seconds < MAX_JOB_SECONDS:
            job = self._calls.read_json("GET", path, call=_CALL)
            state = str(job.get("state", "")) if isinstance(job, dict) else ""
            if state == "JobComplete":
                return
            if state in {"Failed", "Aborted"}:
                cause = redact_free_text(str(job.get("errorMessage") or state))
                raise ConfigurationError(
                    f"{SYSTEM} {_CALL}", what=cause, repair="Check the mapping and the permissions of our user"
                )
            self._sleep(wait_seconds)
            waited_seconds += wait_seconds
            wait_seconds = min(wait_seconds * WAIT_GROWTH, MAX_WAIT_SECONDS)
        raise ServiceUnavailableError(SYSTEM, _CALL, status=_GIVEN_UP_STATUS, code="job still running")

    def _page(self, path: str, locator: str) -> tuple[list[dict[str, str]], str | None]:
        params = {"maxRecords": str(PAGE_ROWS), **({"locator": locator} if locator else {})}

        def fetch() -> tuple[list[dict[str, str]], str | None]:
            response = self._calls.raw("GET", f"{path}/results", call=_CALL, params=params)
            return read_whole_csv(response), _next_locator(response)

        return self._calls.read(fetch)


def _next_locator(response: requests.Response) -> str | None:
    locator = response.headers.get("Sforce-Locator", _LAST_LOCATOR)
    return None if locator == _LAST_LOCATOR else locator


def _job_id(body: object) -> str:
    if not isinstance(body, dict):
        raise UnexpectedAnswerError(SYSTEM, _CALL, what="no job")
    return check_record_id(body.get("id"), "Job")

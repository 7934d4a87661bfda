"""Saved searches: who is wanted, how many a night, and what that may cost.

The file is `config/segments.yaml`; its keys and values are held to `config/schemas/segments.schema.json`. How a search
is carried out page by page is `pulling`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from lead_pipeline.domain.searches import EmailStatus, SearchRequest
from lead_pipeline.errors import InvalidDocumentError
from lead_pipeline.problems import ConfigurationProblem

DOCUMENT = "segments"
DEFAULT_PAGE_ROWS = 100  # the page cap of most vendors of this trade; Dievio documents none
DEFAULT_RESTART_DAYS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One saved search.

    Attributes:
        name: Stable name; it ends up on every lead.
        description: For people.
        owner: Team or person to ask.
        filters: Filter -> wanted values, in Dievio's names.
        rows_per_night: Rows one nightly batch may bring.
        credit_budget: Credits one batch may spend on it, calls without a clear answer included.
        email_status: Which rows are wanted; `verified` vouches for every address.
        page_size: Rows a page.
        include_phones: Whether rows carry phone numbers.
        restart_after_days: A search read to its end starts over so many days later; each row is billed again then.
    """

    name: str
    filters: Mapping[str, object]
    rows_per_night: int
    credit_budget: int
    description: str = ""
    owner: str = ""
    email_status: EmailStatus = EmailStatus.ALL
    page_size: int = DEFAULT_PAGE_ROWS
    include_phones: bool = False
    restart_after_days: int = DEFAULT_RESTART_DAYS

    @property
    def filters_sha256(self) -> str:
        """What tells whether the page numbers of two batches mean the same rows; the order of values is no matter."""
        values = {name: sorted(value) if isinstance(value, list) else value for name, value in self.filters.items()}
        question = json.dumps([values, self.email_status.value, self.rows_per_page], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(question.encode()).hexdigest()

    @property
    def rows_per_page(self) -> int:
        """Rows to ask for at once: never more than a whole night may bring."""
        return min(self.page_size, self.rows_per_night)

    def max_results(self, first_page: int) -> int:
        """Return the cap over all pages that lets one night's rows through from a page on."""
        return (first_page - 1) * self.rows_per_page + self.rows_per_night

    def request(self, page: int, *, max_results: int) -> SearchRequest:
        """Return the request for one page."""
        return SearchRequest(
            segment=self.name,
            filters=self.filters,
            page=page,
            per_page=self.rows_per_page,
            max_results=max_results,
            email_status=self.email_status,
            include_phones=self.include_phones,
        )


def parse_segments(document: Mapping[str, object]) -> tuple[Segment, ...]:
    """Build the saved searches of a document that obeys its schema, in its order.

    Raises:
        ConfigurationError: Values that contradict each other; all of them are named.
    """
    entries = cast("Mapping[str, Mapping[str, Any]]", document["segments"])
    segments = tuple(_parse(name, entry) for name, entry in entries.items())
    problems = [problem for segment in segments for problem in _find_contradictions(segment)]
    if problems:
        raise InvalidDocumentError(problems)
    return segments


def _parse(name: str, entry: Mapping[str, Any]) -> Segment:
    values = {**entry, "email_status": EmailStatus(entry.get("email_status", EmailStatus.ALL))}
    return Segment(name=name, **values)


def _find_contradictions(segment: Segment) -> Iterator[ConfigurationProblem]:
    place = f"{DOCUMENT}.yaml: segments.{segment.name}"
    if segment.credit_budget < segment.rows_per_page:
        yield ConfigurationProblem(
            f"{place}.credit_budget",
            what=f"{segment.credit_budget} credits do not pay for one page of {segment.rows_per_page} rows",
            repair="Raise it, or lower page_size",
            code="budget_below_page",
            path=("segments", segment.name, "credit_budget"),
        )
    start, end = segment.filters.get("funding_start_date"), segment.filters.get("funding_end_date")
    if start is not None and end is not None and str(start) > str(end):
        yield ConfigurationProblem(
            f"{place}.filters.funding_start_date",
            what="lies after funding_end_date",
            repair="Swap the two years",
            code="range_reversed",
            path=("segments", segment.name, "filters", "funding_start_date"),
        )

"""One fake for each port of the services. Each passes the same contract tests as the real adapter."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from lead_pipeline.domain.searches import LookupRequest, SearchPage, SearchRequest
from lead_pipeline.errors import LeadPipelineError, OutOfCreditsError

Answerer = Callable[[SearchRequest], SearchPage | LeadPipelineError | None]


class FakeLeadSource:
    """Sells the rows of a list, page by page, one credit each.

    Args:
        rows: What is on sale, whatever the filters.
        balance: Credits left.
        interrupt: Asked before each search; a fault is raised, a page is delivered instead, None lets the sale go on.
    """

    def __init__(
        self, rows: Sequence[object] = (), *, balance: int = 100_000, interrupt: Answerer | None = None
    ) -> None:
        self.rows = list(rows)
        self.balance = balance
        self.interrupt = interrupt
        self.address = "fake://dievio"
        self.requests: list[SearchRequest] = []
        self.lookups: list[LookupRequest] = []

    @property
    def calls(self) -> int:
        return len(self.requests) + len(self.lookups)

    @property
    def pages_asked(self) -> list[int]:
        return [request.page for request in self.requests]

    def search(self, request: SearchRequest) -> SearchPage:
        self.requests.append(request)
        answer = self.interrupt(request) if self.interrupt else None
        if isinstance(answer, LeadPipelineError):
            raise answer
        if answer is not None:
            return answer
        return self._sell(self.rows[: request.max_results], request, total=len(self.rows), name=request.segment)

    def lookup(self, request: LookupRequest) -> SearchPage:
        self.lookups.append(request)
        wanted = {_slug(url) for url in request.linkedin_urls}
        hits = [row for row in self.rows if isinstance(row, dict) and _slug(str(row.get("linkedin_url", ""))) in wanted]
        return self._sell(hits, request, total=len(hits), name="lookup")

    def _sell(
        self, hits: Sequence[object], request: SearchRequest | LookupRequest, *, total: int, name: str
    ) -> SearchPage:
        start = (request.page - 1) * request.per_page
        wanted = hits[start : start + request.per_page]
        if wanted and self.balance <= 0:
            raise OutOfCreditsError(name)
        sold = tuple(wanted[: self.balance])
        self.balance -= len(sold)
        has_more = start + request.per_page < len(hits)
        return SearchPage(
            body=json.dumps({"preview_data": sold}),
            rows=sold,
            has_more=has_more,
            next_page=request.page + 1 if has_more else None,
            total_count=total,
            per_page=request.per_page,
        )


def _slug(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2].lower()

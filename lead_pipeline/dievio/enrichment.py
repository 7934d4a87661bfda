"""Dievio as an enrichment provider: profiles in batches, and one-row searches for people without a profile address.

One call of `DievioEnrichment.ask` is one paid request. When it is made and who pays is decided in the services; what a
row says is read by `domain/enrichment/reading` through the source mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from lead_pipeline.domain.enrichment.questions import (
    CONTEXT_FIELDS,
    ENRICHABLE_FIELDS,
    AnswerState,
    CallTerms,
    ProviderAnswer,
    ProviderCapabilities,
    Question,
    QuestionKey,
    pair_answers,
)
from lead_pipeline.domain.enrichment.reading import RowReading, RowRules
from lead_pipeline.domain.match_keys import lead_keys
from lead_pipeline.domain.normalize.linkedin import read_linkedin
from lead_pipeline.domain.searches import LookupRequest, SearchPage, SearchRequest

NAME = "dievio"
DEFAULT_BATCH_SIZE = 20  # Dievio's own advice; the smallest unit of loss where no idempotency key exists
NAME_SEARCH_ROWS = 2  # the second row tells that the first is not the only one


class DievioPages(Protocol):
    """What of the client is needed."""

    @property
    def address(self) -> str:
        """Where it is, for messages."""

    @property
    def calls(self) -> int:
        """Requests made so far."""

    def search(self, request: SearchRequest) -> SearchPage:
        """Buy one page of a lead search."""

    def lookup(self, request: LookupRequest) -> SearchPage:
        """Buy one page of a profile lookup."""


class DievioEnrichment:
    """Answers questions about people from Dievio's lookup.

    Args:
        pages: The client.
        rules: How rows are read.
        now: The clock, aware UTC.
        batch_size: Profiles a call, 10 to 100.
    """

    def __init__(
        self,
        pages: DievioPages,
        rules: RowRules,
        *,
        now: Callable[[], datetime],
        batch_size: int = DEFAULT_BATCH_SIZE,
    ) -> None:
        self._pages = pages
        self._rules = rules
        self._now = now
        self._asks = {QuestionKey.LINKEDIN_URL: self._look_up, QuestionKey.NAME_AND_DOMAIN: self._search}
        self._capabilities = ProviderCapabilities(
            name=NAME,
            label=rules.mapping.enrichment_source,
            fields=ENRICHABLE_FIELDS | CONTEXT_FIELDS,
            terms={
                QuestionKey.LINKEDIN_URL: CallTerms(batch_size=batch_size),
                QuestionKey.NAME_AND_DOMAIN: CallTerms(batch_size=1, credits_at_most=NAME_SEARCH_ROWS),
            },
        )

    @property
    def capabilities(self) -> ProviderCapabilities:
        """What it can be asked: 1 credit a row returned, misses are free."""
        return self._capabilities

    @property
    def address(self) -> str:
        """Where it is, for messages."""
        return self._pages.address

    @property
    def calls(self) -> int:
        """Requests made so far, failed ones included."""
        return self._pages.calls

    def ask(self, questions: Sequence[Question], *, key: QuestionKey) -> ProviderAnswer:
        """Make one paid call; see `EnrichmentProvider.ask`.

        Raises:
            LeadPipelineError: As `DievioClient`.
        """
        return self._asks[key](questions)

    def _look_up(self, questions: Sequence[Question]) -> ProviderAnswer:
        urls = tuple(dict.fromkeys(str(question.linkedin_url) for question in questions))
        # Exactly as many rows as profiles, so that the call can never cost more than was booked for it.
        request = LookupRequest(linkedin_urls=urls, per_page=len(urls), include_phones=_wants_phones(questions))
        page = self._pages.lookup(request)
        readings = self._read(page)
        by_slug: dict[str, RowReading] = {}
        for reading in readings:
            if reading.keys.li is not None:
                by_slug.setdefault(reading.keys.li, reading)
        found = {
            question.dievio_lead_id: by_slug[slug].answer(question)
            for question in questions
            if (slug := read_linkedin(str(question.linkedin_url)).slug) in by_slug and slug is not None
        }
        has_doubles = len(by_slug) < len(page.rows)
        is_complete = _is_complete(page) and not (has_doubles and len(page.rows) >= len(urls))
        absent = AnswerState.MISS if is_complete else AnswerState.UNANSWERED
        return ProviderAnswer(
            answers=pair_answers(questions, found, absent=absent), credits=page.credits, body=page.body
        )

    def _search(self, questions: Sequence[Question]) -> ProviderAnswer:
        """Search for one person by name and domain; only a single row that bears both is accepted."""
        (question,) = questions
        filters = {
            "first_name": question.first_name,
            "last_name": question.last_name,
            "company_websites": [question.company_domain],
        }
        request = SearchRequest(
            segment=question.segment,
            filters=filters,
            page=1,
            per_page=NAME_SEARCH_ROWS,
            max_results=NAME_SEARCH_ROWS,
            include_phones=_wants_phones(questions),
        )
        page = self._pages.search(request)
        is_cut = len(page.rows) == 0 and not _is_complete(page)
        readings = self._read(page)
        accepted = readings[0] if len(readings) == 1 and _is_complete(page) and _bears(readings[0], question) else None
        found = {} if accepted is None else {question.dievio_lead_id: accepted.answer(question)}
        absent = AnswerState.UNANSWERED if is_cut else AnswerState.MISS
        return ProviderAnswer(
            answers=pair_answers(questions, found, absent=absent), credits=page.credits, body=page.body
        )

    def _read(self, page: SearchPage) -> list[RowReading]:
        fetched_at = self._now()
        return [self._rules.read(row, fetched_at=fetched_at) for row in page.rows]


def _wants_phones(questions: Sequence[Question]) -> bool:
    return any("phone" in question.wanted for question in questions)


def _is_complete(page: SearchPage) -> bool:
    """Tell whether a page holds everything there was; one cut short by the balance names more hits than it has rows."""
    return not page.has_more and (page.total_count is None or len(page.rows) >= page.total_count)


def _bears(reading: RowReading, question: Question) -> bool:
    """Tell whether a row has the very names and domain that were asked for: the filters of a search may be loose."""
    wanted = lead_keys(
        {
            "first_name": question.first_name,
            "last_name": question.last_name,
            "company_domain": question.company_domain,
        }
    )
    own = reading.keys
    return (own.fn, own.ln, own.dm) == (wanted.fn, wanted.ln, wanted.dm)

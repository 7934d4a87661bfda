"""Buys the pages of every saved search of a batch, and keeps each of them before anybody looks into it.

A page is paid for once: a run of the same batch goes on at the next page, and a finished batch asks nothing. A batch is
bought again only on explicit demand, and only while nothing has been done with its leads.
Money is booked by `paid_calls`; where a search begins and ends is decided in `domain.pulling`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lead_pipeline.domain.pulling import (
    CallState,
    PullReason,
    PullState,
    SegmentPull,
    advance_pull,
    open_pull,
    pause_without_credits,
    resume_pull,
    rows_at_most,
)
from lead_pipeline.domain.searches import LookupRequest, SearchPage, SearchRequest
from lead_pipeline.domain.segments import Segment
from lead_pipeline.errors import (
    ConfigurationError,
    CreditBudgetReachedError,
    LeadPipelineError,
    OutOfCreditsError,
    PullFailedError,
    RepullRefusedError,
    RequestRefusedError,
    SystemUnreachableError,
    TransportFaultError,
)
from lead_pipeline.services.paid_calls import Account, PaidCalls
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import hold_lease
from lead_pipeline.store.pulls import (
    PageReceipt,
    add_batch,
    add_page,
    close_call,
    count_acted_on,
    discard_pages,
    get_later_pull,
    get_previous_pull,
    get_pull,
    mark_lost_calls,
    save_pull,
)
from lead_pipeline.transport.retries import BATCH_RETRIES, Retries

BATCH_SOURCE = "search"
ENDPOINT = "search"


class LeadSource(Protocol):
    """Where leads are bought."""

    @property
    def address(self) -> str:
        """Where it is, for messages."""

    @property
    def calls(self) -> int:
        """Requests made so far."""

    def search(self, request: SearchRequest) -> SearchPage:
        """Buy one page of a lead search; errors tell by their type what to do next."""

    def lookup(self, request: LookupRequest) -> SearchPage:
        """Buy one page of a profile lookup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSummary:
    """Where one saved search stands after a run. `rows` and `pages` count the batch, credits count this run."""

    segment: str
    state: PullState
    reason: str
    rows: int
    pages: int
    credits: int
    uncertain_credits: int
    total_count: int | None
    is_truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSummary:
    """Where all saved searches of a batch stand after a run."""

    segments: tuple[SegmentSummary, ...]

    @property
    def rows(self) -> int:
        """Rows of the batch, those of earlier runs included."""
        return sum(segment.rows for segment in self.segments)

    @property
    def pages(self) -> int:
        """Pages of the batch, those of earlier runs included."""
        return sum(segment.pages for segment in self.segments)

    @property
    def credits(self) -> int:
        """Credits that this run spent."""
        return sum(segment.credits for segment in self.segments)

    @property
    def uncertain_credits(self) -> int:
        """Credits that this run may have spent on answers that were lost."""
        return sum(segment.uncertain_credits for segment in self.segments)

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return names and numbers for Dagster."""
        states = {state: sum(segment.state is state for segment in self.segments) for state in PullState}
        stopped = [
            f"{segment.segment}: {segment.state} ({segment.reason})"
            for segment in self.segments
            if segment.state in {PullState.PAUSED, PullState.FAILED}
        ]
        return {
            "rows": self.rows,
            "pages": self.pages,
            "credits": self.credits,
            "uncertain_credits": self.uncertain_credits,
            **{f"segments_{state}": count for state, count in states.items()},
            "segments_truncated": sum(segment.is_truncated for segment in self.segments),
            "stopped": "; ".join(stopped),
        }


def pull_segments(
    database: Database,
    dievio: LeadSource,
    segments: Sequence[Segment],
    *,
    batch_id: str,
    now: Callable[[], datetime],
    is_repull: bool = False,
    retries: Retries | None = None,
    new_id: Callable[[], uuid.UUID] = uuid.uuid4,
) -> PullSummary:
    """Bring every saved search of a batch as far as it goes tonight.

    Args:
        database: Keeps pages, rows and the ledger.
        dievio: Where pages are bought.
        segments: The saved searches, in order.
        batch_id: The batch.
        now: The clock, aware UTC.
        is_repull: Buy the pages of the batch again; the old ones are put aside. Refused once a lead was acted on.
        retries: How often a call is tried; the batch rule unless given.
        new_id: Makes the ids of bookings.

    Raises:
        RepullRefusedError: Leads of the batch have been acted on.
        ConfigurationError: Dievio refuses the key, or has no such path; what arrived is kept.
        SystemUnreachableError: Dievio does not answer at all; what arrived is kept.
        PullFailedError: Not one of the searches could be pulled.
        LeaseHeldError: Another process pulls this batch.
    """
    calls = PaidCalls(database, retries=retries or Retries(BATCH_RETRIES), now=now, new_id=new_id)
    pulling = _Pulling(database, dievio, calls=calls, batch_id=batch_id, now=now)
    with hold_lease(database, f"pull:{batch_id}", holder=f"another pull of batch {batch_id}", now=now):
        pulling.prepare(is_repull=is_repull)
        summary = PullSummary(segments=tuple(pulling.pull(segment) for segment in segments))
    failed = [segment for segment in summary.segments if segment.state is PullState.FAILED]
    if failed and len(failed) == len(summary.segments):
        raise PullFailedError(batch_id, [f"{segment.segment}: {segment.reason}" for segment in failed])
    return summary


class _Pulling:
    """One run over the searches of a batch."""

    def __init__(
        self, database: Database, dievio: LeadSource, *, calls: PaidCalls, batch_id: str, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._dievio = dievio
        self._calls = calls
        self._batch_id = batch_id
        self._now = now

    def prepare(self, *, is_repull: bool) -> None:
        """Begin the batch, or put its pages aside when it is to be bought again."""
        with self._database.transaction() as connection:
            add_batch(connection, self._batch_id, source=BATCH_SOURCE, at=self._now())
            mark_lost_calls(connection, self._batch_id, at=self._now())
            if not is_repull:
                return
            settled = count_acted_on(connection, self._batch_id)
            if settled:
                raise RepullRefusedError(self._batch_id, settled=settled)
            discard_pages(connection, self._batch_id, at=self._now())

    def pull(self, segment: Segment) -> SegmentSummary:
        """Pull one search as far as it goes; only faults that concern all of them are raised."""
        pull = self._open(segment)
        uncertain_before = self._calls.uncertain_credits
        rows_before = pull.rows_received
        while pull.state is PullState.OPEN:
            pull = self._next_page(segment, pull)
        return SegmentSummary(
            segment=pull.segment,
            state=pull.state,
            reason=pull.reason,
            rows=pull.rows_received,
            pages=pull.pages_received,
            credits=pull.rows_received - rows_before,
            uncertain_credits=self._calls.uncertain_credits - uncertain_before,
            total_count=pull.total_count,
            is_truncated=pull.is_truncated,
        )

    def _open(self, segment: Segment) -> SegmentPull:
        sha256 = segment.filters_sha256
        with self._database.transaction() as connection:
            pull = get_pull(connection, batch_id=self._batch_id, segment=segment.name)
            if pull is None:
                previous = get_previous_pull(
                    connection, batch_id=self._batch_id, segment=segment.name, filters_sha256=sha256
                )
                pull = open_pull(segment, batch_id=self._batch_id, previous=previous)
            elif pull.state is PullState.EXHAUSTED:
                return pull
            else:
                later = get_later_pull(connection, batch_id=self._batch_id, segment=segment.name, filters_sha256=sha256)
                pull = resume_pull(pull, segment, later=later)
            save_pull(connection, pull, at=self._now())
        return pull

    def _next_page(self, segment: Segment, pull: SegmentPull) -> SegmentPull:
        """Buy and keep the next page; a fault of this search alone pauses or fails it."""
        request = segment.request(pull.next_page or pull.first_page, max_results=pull.max_results)
        account = Account(batch_id=pull.batch_id, segment=pull.segment, endpoint=ENDPOINT, budget=segment.credit_budget)
        try:
            purchase = self._calls.buy(
                account,
                lambda: self._dievio.search(request),
                request=request.as_body(),
                row_count=rows_at_most(pull, segment),
                page_number=request.page,
            )
        except LeadPipelineError as fault:
            return self._stop(pull, fault)
        receipt = PageReceipt(
            page=purchase.page,
            request=request.as_body(),
            email_status=request.email_status.value,
            requested_at=purchase.requested_at,
            received_at=purchase.received_at,
        )
        return self._keep(pull, receipt, call_id=purchase.call_id, rows_per_page=request.per_page)

    def _keep(self, pull: SegmentPull, receipt: PageReceipt, *, call_id: uuid.UUID, rows_per_page: int) -> SegmentPull:
        """Keep a page, its rows, what it cost and how far the search has come: all of it or nothing."""
        advanced = advance_pull(pull, receipt.page, rows_per_page=rows_per_page)
        with self._database.transaction() as connection:
            add_page(connection, receipt, pull=advanced)
            close_call(
                connection, call_id, state=CallState.SETTLED, credits_spent=receipt.page.credits, at=receipt.received_at
            )
            save_pull(connection, advanced, at=receipt.received_at)
        return advanced

    def _stop(self, pull: SegmentPull, fault: LeadPipelineError) -> SegmentPull:
        """Keep why a search stopped; raise what concerns all of them."""
        if isinstance(fault, OutOfCreditsError):
            stopped = pause_without_credits(pull)
        elif isinstance(fault, CreditBudgetReachedError):
            stopped = pull.stopped(PullState.PAUSED, reason=PullReason.BUDGET.value)
        else:
            stopped = pull.stopped(PullState.FAILED, reason=str(fault))
        with self._database.transaction() as connection:
            save_pull(connection, stopped, at=self._now())
        if _concerns_all(fault):
            if isinstance(fault, TransportFaultError):
                raise SystemUnreachableError(
                    "Dievio", address=self._dievio.address, setting="DIEVIO_BASE_URL"
                ) from fault
            raise fault
        return stopped


def _concerns_all(fault: LeadPipelineError) -> bool:
    """Tell faults of the address or the key, which every other search would meet too, from those of one search."""
    if isinstance(fault, TransportFaultError):
        return not fault.is_sent
    return isinstance(fault, ConfigurationError) and not isinstance(fault, RequestRefusedError)

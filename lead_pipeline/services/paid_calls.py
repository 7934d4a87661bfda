"""Makes calls that cost credits: booked before they leave, settled when they are answered, never above the budget.

Every try is a booking of its own, because each may be billed. What is bought, and where it is kept, is the business of
the service that buys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lead_pipeline.domain.pulling import CallState
from lead_pipeline.domain.searches import SearchPage
from lead_pipeline.errors import (
    CreditBudgetReachedError,
    LeadPipelineError,
    RetryableError,
    ServiceUnavailableError,
    TransportFaultError,
    UnreadablePageError,
)
from lead_pipeline.store.database import Database
from lead_pipeline.store.pulls import (
    CallBooking,
    add_unreadable_page,
    close_call,
    reserve_credits,
    sum_booked_credits,
)
from lead_pipeline.transport.retries import Retries

MAX_LOST_TRIES = 2  # a call whose answer was lost may have been billed: it is repeated once
NOTHING_DONE_STATUSES = frozenset({429, 503})  # refused at the door; 500, 502 and 504 may come after the work


class LostOnce:
    """Lets a paid call be repeated after a passing fault, but only once after an answer was lost. For one call."""

    def __init__(self) -> None:
        self._lost_tries = 0

    def __call__(self, fault: BaseException) -> bool:
        """Tell whether the call may be made again."""
        self._lost_tries += isinstance(fault, TransportFaultError) and fault.is_sent
        return isinstance(fault, RetryableError) and self._lost_tries < MAX_LOST_TRIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who pays for a call."""

    batch_id: str
    segment: str
    endpoint: str
    budget: int  # credits


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A page that arrived; its booking is still to be settled, in the transaction that keeps the page."""

    call_id: UUID
    page: SearchPage
    requested_at: datetime
    received_at: datetime


class PaidCalls:
    """Buys pages.

    Args:
        database: Keeps the ledger.
        retries: How often a call is tried.
        now: The clock, aware UTC.
        new_id: Makes the ids of bookings.
    """

    def __init__(
        self, database: Database, *, retries: Retries, now: Callable[[], datetime], new_id: Callable[[], UUID]
    ) -> None:
        self._database = database
        self._retries = retries
        self._now = now
        self._new_id = new_id
        self.uncertain_credits = 0  # booked for calls whose answer was lost

    def buy(
        self,
        account: Account,
        call: Callable[[], SearchPage],
        *,
        request: Mapping[str, object],
        row_count: int,
        page_number: int | None = None,
    ) -> Purchase:
        """Make a call until it is answered or may not be repeated.

        Args:
            account: Who pays.
            call: The call.
            request: Its body, kept with an answer that cannot be read.
            row_count: Most rows it can return, hence most credits it can cost.
            page_number: For the ledger.

        Raises:
            CreditBudgetReachedError: Another try could exceed the budget.
            LeadPipelineError: What ended the last try.
        """

        def attempt() -> Purchase:
            booking = CallBooking(
                call_id=self._new_id(),
                batch_id=account.batch_id,
                segment=account.segment,
                endpoint=account.endpoint,
                page_number=page_number,
                credits=row_count,
                budget=account.budget,
            )
            return self._attempt(booking, call, request=request)

        return self._retries.call(attempt, may_repeat=LostOnce())

    def _attempt(
        self, booking: CallBooking, call: Callable[[], SearchPage], *, request: Mapping[str, object]
    ) -> Purchase:
        requested_at = self._now()
        self._book(booking, at=requested_at)
        try:
            page = call()
        except LeadPipelineError as fault:
            self._close(booking, fault, request=request)
            raise
        return Purchase(call_id=booking.call_id, page=page, requested_at=requested_at, received_at=self._now())

    def _book(self, booking: CallBooking, *, at: datetime) -> None:
        """Commit the booking before a byte leaves, so that a process that dies leaves a trace of the cost."""
        with self._database.transaction() as connection:
            if reserve_credits(connection, booking, at=at):
                return
            spent = sum_booked_credits(connection, batch_id=booking.batch_id, segment=booking.segment)
        raise CreditBudgetReachedError(booking.segment, spent=spent, budget=booking.budget)

    def _close(self, booking: CallBooking, fault: LeadPipelineError, *, request: Mapping[str, object]) -> None:
        state = state_after(fault)
        if state is CallState.UNCERTAIN:
            self.uncertain_credits += booking.credits
        with self._database.transaction() as connection:
            close_call(connection, booking.call_id, state=state, credits_spent=None, at=self._now())
            if isinstance(fault, UnreadablePageError):
                add_unreadable_page(connection, fault.body, booking=booking, request=request, at=self._now())


def state_after(fault: LeadPipelineError) -> CallState:
    """Tell whether a call that ended in a fault may have been billed."""
    if isinstance(fault, TransportFaultError):
        is_uncertain = fault.is_sent
    elif isinstance(fault, ServiceUnavailableError):
        is_uncertain = fault.status not in NOTHING_DONE_STATUSES
    else:
        is_uncertain = isinstance(fault, UnreadablePageError)
    return CallState.UNCERTAIN if is_uncertain else CallState.RELEASED

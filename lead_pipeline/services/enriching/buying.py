"""Makes the paid calls of enrichment: claimed and booked before they leave, settled when answered, within the budget.

Which people are asked about is decided in `domain/enrichment`; in which order providers are asked in `waterfall`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from lead_pipeline.domain.enrichment.budgets import ALL_SEGMENTS
from lead_pipeline.domain.enrichment.policy import BudgetRules
from lead_pipeline.domain.enrichment.questions import (
    AnswerState,
    PlannedCall,
    ProviderAnswer,
    Question,
    QuestionAnswer,
)
from lead_pipeline.domain.enrichment.selection import Memory
from lead_pipeline.domain.pulling import CallState
from lead_pipeline.errors import EnrichmentBudgetReachedError, LeadPipelineError, UnreadablePageError
from lead_pipeline.services.enriching.ports import EnrichmentProvider
from lead_pipeline.services.paid_calls import MAX_LOST_TRIES, LostOnce, state_after
from lead_pipeline.store import enrichment_calls as calls
from lead_pipeline.store.database import Database
from lead_pipeline.store.enrichment_calls import EnrichmentBooking
from lead_pipeline.store.pulls import CallBooking, add_unreadable_page
from lead_pipeline.transport.retries import Retries


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """For what and within what calls are made.

    Attributes:
        batch_id: The batch.
        reason: Why it asks, for the ledger: nightly, intake, crm_refresh, on_demand or retry.
        budget: Limits of the day.
        seen: Our id -> provider -> its last answer as choosing saw it; whoever has got another one since needs no call.
        known: Our id -> canonical field -> value we have; an answer that adds nothing to it was wasted.
    """

    batch_id: str
    reason: str
    budget: BudgetRules
    seen: Mapping[str, Mapping[str, Memory]]
    known: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What varies between production and tests."""

    retries: Retries
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """An answered call.

    Attributes:
        asked: Who was asked about.
        answers: One for each of them.
        unaffordable: Whom the budget did not reach.
        unclaimed: Whom another worker asks about, or whose answer was lost too often to be bought again.
    """

    asked: tuple[Question, ...]
    answers: tuple[QuestionAnswer, ...]
    unaffordable: tuple[Question, ...] = ()
    unclaimed: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Booked:
    asked: tuple[Question, ...]
    credits: int
    unaffordable: tuple[Question, ...]
    unclaimed: tuple[Question, ...]


class Buyer:
    """Buys answers for one batch.

    Args:
        database: Keeps ledger, claims and answers.
        order: For what and within what.
        tools: Retries, clock and ids.
    """

    def __init__(self, database: Database, order: Order, *, tools: Tools) -> None:
        self._database = database
        self._order = order
        self._tools = tools
        self.credits = 0
        self.known_credits = 0
        self.uncertain_credits = 0

    def buy(self, provider: EnrichmentProvider, call: PlannedCall) -> Bought:
        """Make a call until it is answered or may not be repeated.

        Args:
            provider: Who is asked.
            call: What is asked.

        Raises:
            EnrichmentBudgetReachedError: Not one more person fits the budget.
            LeadPipelineError: What ended the last try; its people may be asked about again by another run.
        """
        return self._tools.retries.call(lambda: self._attempt(provider, call), may_repeat=LostOnce())

    def _attempt(self, provider: EnrichmentProvider, call: PlannedCall) -> Bought:
        booking = EnrichmentBooking(
            call_id=self._tools.new_id(),
            batch_id=self._order.batch_id,
            segment=call.segment,
            provider=call.provider,
            endpoint=call.key.value,
            reason=self._order.reason,
        )
        booked = self._book(booking, call)
        answers: tuple[QuestionAnswer, ...] = ()
        if booked.asked:
            try:
                answer = provider.ask(booked.asked, key=call.key)
            except LeadPipelineError as fault:
                self._close(booking, fault, booked=booked)
                raise
            self._settle(booking, answer, asked=booked.asked)
            answers = answer.answers
        return Bought(asked=booked.asked, answers=answers, unaffordable=booked.unaffordable, unclaimed=booked.unclaimed)

    def _book(self, booking: EnrichmentBooking, call: PlannedCall) -> _Booked:
        """Claim and book as many people as the budget allows, before a byte leaves."""
        at, price = self._tools.now(), call.credits_at_most // len(call.questions)
        with self._database.transaction() as connection:
            calls.lock_budget(connection)
            left = self._credits_left(connection, call.segment, at=at)
            affordable = call.questions[: max(0, left) // price]
            if not affordable:
                self._refuse(connection, call.segment, at=at)
            claimed = calls.claim_lookups(
                connection,
                {question.dievio_lead_id: self._seen_at(question, call.provider) for question in affordable},
                booking=booking,
                most_lost_tries=MAX_LOST_TRIES,
                at=at,
            )
            asked = tuple(question for question in affordable if question.dievio_lead_id in claimed)
            if asked:
                calls.book_call(
                    connection,
                    booking,
                    credit_count=len(asked) * price,
                    daily_credits=self._order.budget.daily_credits,
                    at=at,
                )
        return _Booked(
            asked=asked,
            credits=len(asked) * price,
            unaffordable=call.questions[len(affordable) :],
            unclaimed=tuple(question for question in affordable if question.dievio_lead_id not in claimed),
        )

    def _seen_at(self, question: Question, provider: str) -> datetime | None:
        memory = self._order.seen[question.dievio_lead_id].get(provider)
        return memory.answered_at if memory is not None else None

    def _credits_left(self, connection: psycopg.Connection, segment: str, *, at: datetime) -> int:
        used = calls.read_day(connection, at).used_by_segment
        budget = self._order.budget
        left = budget.daily_credits - sum(used.values())
        if segment in budget.segment_credits:
            left = min(left, budget.segment_credits[segment] - used.get(segment, 0))
        return left

    def _refuse(self, connection: psycopg.Connection, segment: str, *, at: datetime) -> None:
        """Say which limit is reached: the day's if it is, else the segment's."""
        used, budget = calls.read_day(connection, at).used_by_segment, self._order.budget
        total, own = sum(used.values()), budget.segment_credits.get(segment)
        is_days = own is None or budget.daily_credits - total <= own - used.get(segment, 0)
        raise EnrichmentBudgetReachedError(
            ALL_SEGMENTS if is_days else segment,
            spent=total if is_days else used.get(segment, 0),
            budget=budget.daily_credits if is_days or own is None else own,
            setting="budget.daily_credits" if is_days else f"budget.segment_credits.{segment}",
        )

    def _close(self, booking: EnrichmentBooking, fault: LeadPipelineError, *, booked: _Booked) -> None:
        state = state_after(fault)
        if state is CallState.UNCERTAIN:
            self.uncertain_credits += booked.credits
        at = self._tools.now()
        with self._database.transaction() as connection:
            calls.close_call(connection, booking.call_id, state=state, at=at)
            if isinstance(fault, UnreadablePageError):
                add_unreadable_page(
                    connection,
                    fault.body,
                    booking=CallBooking(
                        call_id=booking.call_id,
                        batch_id=booking.batch_id,
                        segment=booking.segment,
                        endpoint=booking.endpoint,
                        page_number=None,
                        credits=booked.credits,
                        budget=self._order.budget.daily_credits,
                    ),
                    request={"provider": booking.provider, "lead_ids": [one.dievio_lead_id for one in booked.asked]},
                    at=at,
                )

    def _settle(self, booking: EnrichmentBooking, answer: ProviderAnswer, *, asked: Sequence[Question]) -> None:
        wanted = {question.dievio_lead_id: question.wanted for question in asked}
        known = sum(
            not self._is_news(one, wanted[one.dievio_lead_id])
            for one in answer.answers
            if one.state is AnswerState.FOUND
        )
        known = min(known, answer.credits)
        with self._database.transaction() as connection:
            calls.settle_call(connection, answer, booking=booking, known_credits=known, at=self._tools.now())
        self.credits += answer.credits
        self.known_credits += known

    def _is_news(self, answer: QuestionAnswer, wanted: frozenset[str]) -> bool:
        """Tell whether an answer holds a wanted value that we did not have."""
        had = self._order.known.get(answer.dievio_lead_id, {})
        return any(had.get(name) != answer.findings[name].value for name in wanted if name in answer.findings)

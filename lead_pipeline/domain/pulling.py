"""How far one saved search has come within a batch, where it begins, and what the next page changes.

Pages are numbered by Dievio, from 1, in an order that it does not document; so pages may overlap, and a person may
come twice. Who pays for a page and how it is kept belongs to the service `pull`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from lead_pipeline.domain.searches import SearchPage
from lead_pipeline.domain.segments import Segment

PAGING_STUCK = "Dievio named a page again that was already bought; a new run goes on with the page behind it"
FILTERS_CHANGED = "the filters were changed after this batch began: pull it again explicitly, or run another day"


class PullState(StrEnum):
    """State of a saved search within a batch; paused and failed ones are taken up again by the next run of it."""

    OPEN = "open"
    EXHAUSTED = "exhausted"
    PAUSED = "paused"
    FAILED = "failed"


class CallState(StrEnum):
    """Where the money of a paid call is."""

    RESERVED = "reserved"
    SETTLED = "settled"
    UNCERTAIN = "uncertain"  # the answer was lost; counts in full
    RELEASED = "released"  # nothing was done; counts nothing


class PullReason(StrEnum):
    """Why a search stands where it stands."""

    NONE = ""
    ROWS_PER_NIGHT = "rows_per_night"  # there are more hits; the next batch goes on behind them
    NOT_DUE = "not_due"  # read to its end lately; nothing is bought again yet
    CONTINUED_LATER = "continued_later"  # a later batch went on from here
    OUT_OF_CREDITS = "out_of_credits"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPull:
    """How far one saved search has come within a batch."""

    batch_id: str
    segment: str
    filters_sha256: str
    first_page: int
    next_page: int | None  # Dievio's page number; None when exhausted
    max_results: int
    state: PullState = PullState.OPEN
    reason: str = PullReason.NONE.value
    total_count: int | None = None
    rows_received: int = 0
    pages_received: int = 0
    is_truncated: bool = False  # the server says that `max_results` cut off hits
    short_page: int | None = None  # the page before, when it brought fewer rows than it should; known to this run only

    def stopped(self, state: PullState, *, reason: str) -> SegmentPull:
        """Return the pull paused or failed for a reason; the next page stays."""
        return replace(self, state=state, reason=reason)

    def finished(self, reason: PullReason = PullReason.NONE) -> SegmentPull:
        """Return the pull with nothing left to ask for."""
        return replace(self, state=PullState.EXHAUSTED, next_page=None, reason=reason.value)


def open_pull(segment: Segment, *, batch_id: str, previous: SegmentPull | None) -> SegmentPull:
    """Begin a saved search in a new batch: behind what the batch before bought, so that nothing is paid for twice.

    Args:
        segment: The saved search.
        batch_id: The new batch.
        previous: The newest pull of the same question in another batch.
    """
    first_page = 1 if previous is None else _page_behind(previous, segment)
    pull = SegmentPull(
        batch_id=batch_id,
        segment=segment.name,
        filters_sha256=segment.filters_sha256,
        first_page=first_page,
        next_page=first_page,
        max_results=segment.max_results(first_page),
    )
    if previous is not None and not _is_due(previous, segment, batch_id=batch_id):
        return pull.finished(PullReason.NOT_DUE)
    return pull


def resume_pull(pull: SegmentPull, segment: Segment, *, later: SegmentPull | None) -> SegmentPull:
    """Take up an unfinished pull, unless its pages mean other rows by now or a later batch bought the next ones.

    Args:
        pull: The unfinished pull.
        segment: The saved search as it reads now.
        later: The first pull of the same question that another batch began after this one.
    """
    if pull.filters_sha256 != segment.filters_sha256:
        return pull.stopped(PullState.FAILED, reason=FILTERS_CHANGED)
    if later is not None and pull.rows_received > 0 and later.first_page == pull.next_page:
        return pull.finished(PullReason.CONTINUED_LATER)
    return replace(
        pull, state=PullState.OPEN, reason=PullReason.NONE.value, max_results=segment.max_results(pull.first_page)
    )


def rows_at_most(pull: SegmentPull, segment: Segment) -> int:
    """Return how many rows the next page can bring, hence what it can cost."""
    return max(1, min(segment.rows_per_page, segment.rows_per_night - pull.rows_received))


def advance_pull(pull: SegmentPull, page: SearchPage, *, rows_per_page: int) -> SegmentPull:
    """Return the pull after a page has arrived."""
    asked = pull.next_page or pull.first_page
    received = replace(
        pull,
        rows_received=pull.rows_received + len(page.rows),
        pages_received=pull.pages_received + 1,
        total_count=pull.total_count if page.total_count is None else page.total_count,
    )
    page_rows = page.per_page or rows_per_page
    if not page.has_more or page.next_page is None or (page.next_page - 1) * page_rows >= pull.max_results:
        last_position = (asked - 1) * page_rows + len(page.rows)
        if _ends_too_early(received, page, last_position=last_position) and pull.short_page != asked:
            return replace(received, next_page=asked, short_page=asked)
        return _end_pull(received, last_position=last_position)
    # A page cut short by an empty balance may be named again; any other way back would be paid for without end.
    is_short_page_again = page.next_page == asked and 0 < len(page.rows) < page_rows
    if page.next_page <= asked and not is_short_page_again:
        return replace(received.stopped(PullState.FAILED, reason=PAGING_STUCK), next_page=asked + 1)
    return replace(received, next_page=page.next_page, short_page=asked if 0 < len(page.rows) < page_rows else None)


def pause_without_credits(pull: SegmentPull) -> SegmentPull:
    """Return the pull paused by an empty balance.

    A short page right before was cut by the same balance: it is asked for again once there are credits, since rows must
    not be lost.
    """
    paused = pull.stopped(PullState.PAUSED, reason=PullReason.OUT_OF_CREDITS.value)
    return paused if pull.short_page is None else replace(paused, next_page=pull.short_page)


def _ends_too_early(pull: SegmentPull, page: SearchPage, *, last_position: int) -> bool:
    """Tell a last page that the balance cut short from a true end: asking again is answered by 402, which is free.

    Without this look the search would count as read to its end, and the rows that were not paid for would be lost.
    """
    if not page.rows or pull.total_count is None or not page.is_total_exact:
        return False
    return last_position < min(pull.total_count, pull.max_results)


def _end_pull(pull: SegmentPull, *, last_position: int) -> SegmentPull:
    # `total_count` may itself be capped, so that reaching the cap counts as cut off even when the total says no more
    if last_position < pull.max_results:
        return pull.finished()
    is_truncated = pull.total_count is not None and pull.total_count > pull.max_results
    return replace(pull.finished(PullReason.ROWS_PER_NIGHT), is_truncated=is_truncated)


def _page_behind(previous: SegmentPull, segment: Segment) -> int:
    """Return the first page that a batch before has not bought; 1 when it read the search to its end."""
    if previous.next_page is not None:
        return previous.next_page
    if previous.reason != PullReason.ROWS_PER_NIGHT:
        return 1
    # A page that was bought in part is bought again: rows must not be lost.
    return previous.first_page + previous.rows_received // segment.rows_per_page


def _is_due(previous: SegmentPull, segment: Segment, *, batch_id: str) -> bool:
    """Tell whether a search that was read to its end starts over. Batches that are no days always do."""
    was_read_to_the_end = previous.state is PullState.EXHAUSTED and previous.reason != PullReason.ROWS_PER_NIGHT
    try:
        days = abs((date.fromisoformat(batch_id) - date.fromisoformat(previous.batch_id)).days)
    except ValueError:
        return True
    return not was_read_to_the_end or days >= segment.restart_after_days

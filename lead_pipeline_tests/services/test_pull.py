"""Pulling saved searches with the real database; Dievio is the emulator over loopback, or the fake of its port."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from lead_pipeline.domain.pulling import PullReason, PullState
from lead_pipeline.domain.searches import EmailStatus, SearchPage, SearchRequest
from lead_pipeline.domain.segments import Segment
from lead_pipeline.errors import (
    CredentialsRefusedError,
    LeadPipelineError,
    LeaseHeldError,
    PullFailedError,
    RepullRefusedError,
    RequestRefusedError,
    ServiceUnavailableError,
    SystemUnreachableError,
    TransportFaultError,
)
from lead_pipeline.services.pull import LeadSource, PullSummary, pull_segments
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import hold_lease
from lead_pipeline.transport.retries import BATCH_RETRIES, Retries
from lead_pipeline_tests.dievio_worlds import DievioWorld, running_dievio
from lead_pipeline_tests.fakes import FakeLeadSource

DAY = "2026-03-02"
NEXT_DAY = "2026-03-03"
SEGMENT = Segment(name="first", filters={"job_titles": ["CTO"]}, rows_per_night=1_000, credit_budget=2_000)
OTHER = replace(SEGMENT, name="second", filters={"job_titles": ["CFO"]})
LOST = TransportFaultError("Dievio", "search", cause="ReadTimeout", is_sent=True)


class TickingClock:
    """A second passes with every look."""

    def __init__(self) -> None:
        self._seconds = itertools.count()

    def __call__(self) -> datetime:
        return datetime(2026, 3, 2, 3, 0, tzinfo=UTC) + timedelta(seconds=next(self._seconds))


class KilledError(BaseException):
    """The process ends here: nothing after this line runs, as with kill -9."""


class Nights:
    """Runs pulls of one database and reads what they left."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = TickingClock()
        self.waits: list[float] = []

    def pull(self, source: LeadSource, *segments: Segment, day: str = DAY, is_repull: bool = False) -> PullSummary:
        retries = Retries(BATCH_RETRIES, sleep=self.waits.append, chance=lambda: 0.0)
        chosen = segments or (SEGMENT,)
        return pull_segments(
            self.database, source, chosen, batch_id=day, now=self.clock, is_repull=is_repull, retries=retries
        )

    def rows(self, table: str, **where: object) -> list[dict[str, Any]]:
        conditions = " AND ".join(f"{name} = %({name})s" for name in where) or "true"
        with self.database.connect() as connection:
            return connection.execute(f"SELECT * FROM {table} WHERE {conditions}", where).fetchall()

    def payloads(self, day: str = DAY) -> list[object]:
        kept = sorted(self.rows("raw_lead", batch_id=day), key=lambda row: row["raw_lead_id"])
        return [row["payload"] for row in kept]

    def calls_by_state(self) -> dict[str, int]:
        calls = [row["state"] for row in self.rows("credit_ledger")]
        return {state: calls.count(state) for state in sorted(set(calls))}

    def credits(self, state: str = "settled") -> int:
        return sum(row["settled_credits"] or row["reserved_credits"] for row in self.rows("credit_ledger", state=state))


@pytest.fixture
def nights(database: Database) -> Nights:
    return Nights(database)


@pytest.fixture(scope="module")
def server() -> Iterator[DievioWorld]:
    with running_dievio() as world:
        yield world


@pytest.fixture
def dievio(server: DievioWorld) -> DievioWorld:
    server.reset()
    return server


def _numbers(count: int) -> list[dict[str, int]]:
    return [{"number": number} for number in range(count)]


def _faults(faults: dict[int, LeadPipelineError]) -> Callable[[SearchRequest], LeadPipelineError | None]:
    """Return an interruption that raises a fault at the nth call, counted from 1."""
    calls = itertools.count(1)
    return lambda _request: faults.get(next(calls))


def test_every_page_is_kept_verbatim_with_its_rows_and_its_cost(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(250)

    with dievio.client() as client:
        summary = nights.pull(client, replace(SEGMENT, email_status=EmailStatus.VERIFIED))

    pages = sorted(nights.rows("raw_page"), key=lambda page: page["page_number"])
    assert [page["row_count"] for page in pages] == [100, 100, 50]
    assert [page["request"]["_page"] for page in pages] == [1, 2, 3]
    assert {page["request"]["max_results"] for page in pages} == {1_000}
    assert [row for page in pages for row in json.loads(page["response_body"])["preview_data"]] == _numbers(250)
    assert nights.payloads() == _numbers(250)
    assert {row["request_email_status"] for row in nights.rows("raw_lead")} == {"verified"}
    assert nights.credits() == dievio.rows_charged == 250
    assert (summary.rows, summary.pages, summary.credits, client.calls) == (250, 3, 250, 3)
    assert summary.segments[0].state is PullState.EXHAUSTED


def test_a_second_run_buys_nothing_and_changes_nothing(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(250)
    with dievio.client() as client:
        nights.pull(client, SEGMENT, OTHER)
        before = (nights.rows("credit_ledger"), nights.rows("raw_lead"), nights.rows("segment_pull"))
        calls, charged = client.calls, dievio.rows_charged

        summary = nights.pull(client, SEGMENT, OTHER)

    assert (nights.rows("credit_ledger"), nights.rows("raw_lead"), nights.rows("segment_pull")) == before
    assert (client.calls, dievio.rows_charged) == (calls, charged)
    assert (summary.rows, summary.credits) == (500, 0)


@pytest.mark.parametrize("died_at_call", [1, 2, 3])
def test_a_killed_run_resumes_at_the_next_page(nights: Nights, died_at_call: int) -> None:
    source = FakeLeadSource(_numbers(250))
    calls = itertools.count(1)

    def kill(_request: SearchRequest) -> None:
        if next(calls) == died_at_call:
            raise KilledError

    source.interrupt = kill
    with pytest.raises(KilledError):
        nights.pull(source)
    assert nights.calls_by_state()["reserved"] == 1
    kept = len(nights.payloads())

    source.interrupt = None
    summary = nights.pull(source)

    assert kept == (died_at_call - 1) * 100
    assert nights.payloads() == _numbers(250)
    assert nights.calls_by_state() == {"settled": 3, "uncertain": 1}
    assert source.pages_asked == sorted([1, 2, 3, died_at_call])
    assert summary.credits == 250 - kept


def test_a_page_whose_keeping_fails_leaves_nothing_half(nights: Nights) -> None:
    with nights.database.connect() as connection:
        connection.execute("ALTER TABLE raw_lead ADD CONSTRAINT full_disk CHECK (row_number < 60)")
    source = FakeLeadSource(_numbers(100))

    with pytest.raises(psycopg.errors.CheckViolation):
        nights.pull(source)

    assert nights.rows("raw_page") == nights.rows("raw_lead") == []
    assert nights.rows("segment_pull")[0]["rows_received"] == 0
    assert nights.calls_by_state() == {"reserved": 1}


def delivered_numbers(nights: Nights) -> set[object]:
    return {row["number"] for row in nights.payloads() if isinstance(row, dict)}


def test_an_empty_balance_pauses_the_search_keeps_what_came_and_goes_on_when_topped_up(
    nights: Nights, dievio: DievioWorld
) -> None:
    dievio.sell_numbers(250)
    dievio.set_credits(130)
    with dievio.client() as client:
        first = nights.pull(client)
        dievio.set_credits(1_000)
        second = nights.pull(client)

    assert (first.segments[0].state, first.segments[0].reason) == (PullState.PAUSED, "out_of_credits")
    assert (first.rows, first.credits) == (130, 130)
    assert (second.segments[0].state, second.rows, second.credits) == (PullState.EXHAUSTED, 280, 150)
    assert delivered_numbers(nights) == set(range(250))
    assert nights.credits() == dievio.rows_charged
    assert nights.waits == []


def test_a_page_cut_short_that_is_named_again_loses_no_row(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(250)
    dievio.switch(short_page="same")
    dievio.set_credits(130)
    with dievio.client() as client:
        nights.pull(client)
        dievio.set_credits(1_000)
        summary = nights.pull(client)

    assert delivered_numbers(nights) == set(range(250))
    assert summary.segments[0].state is PullState.EXHAUSTED
    assert nights.credits() == dievio.rows_charged


def test_a_last_page_cut_short_by_the_balance_is_no_end(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(250)
    dievio.set_credits(230)
    with dievio.client() as client:
        first = nights.pull(client)
        dievio.set_credits(1_000)
        second = nights.pull(client)

    assert (first.segments[0].state, first.segments[0].reason) == (PullState.PAUSED, "out_of_credits")
    assert (second.segments[0].state, second.credits) == (PullState.EXHAUSTED, 50)
    assert delivered_numbers(nights) == set(range(250))
    assert nights.credits() == dievio.rows_charged


def test_an_empty_balance_of_one_search_is_told_for_each_of_them(nights: Nights) -> None:
    summary = nights.pull(FakeLeadSource(_numbers(250), balance=250), SEGMENT, OTHER)

    assert [(segment.state, segment.rows) for segment in summary.segments] == [
        (PullState.EXHAUSTED, 250),
        (PullState.PAUSED, 0),
    ]
    assert "second: paused (out_of_credits)" in str(summary.as_metadata()["stopped"])


@pytest.mark.parametrize(("budget", "rows"), [(100, 100), (199, 100), (200, 200), (250, 250)])
def test_the_budget_of_a_search_is_never_exceeded(nights: Nights, dievio: DievioWorld, budget: int, rows: int) -> None:
    dievio.sell_numbers(900)
    segment = replace(SEGMENT, rows_per_night=250, credit_budget=budget)
    with dievio.client() as client:
        summary = nights.pull(client, segment)
        again = nights.pull(client, segment)

    assert summary.rows == rows == dievio.rows_charged <= budget
    assert again.credits == 0
    if rows < 250:
        assert (again.segments[0].state, again.segments[0].reason) == (PullState.PAUSED, "budget")


def test_a_lost_answer_is_booked_as_uncertain_and_asked_once_more(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault("reset_after_commit", nth=1)

    with dievio.client() as client:
        summary = nights.pull(client)

    assert summary.segments[0].state is PullState.EXHAUSTED
    assert nights.calls_by_state() == {"settled": 1, "uncertain": 1}
    assert summary.uncertain_credits == 100
    assert dievio.rows_charged == 100
    assert nights.credits() <= dievio.rows_charged <= nights.credits() + nights.credits("uncertain")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset_after_commit"},
        {"kind": "truncated_json"},
        {"kind": "slow", "seconds": 0.8},
    ],
    ids=lambda fault: fault["kind"],
)
def test_two_lost_answers_fail_the_search_and_the_others_go_on(
    nights: Nights, dievio: DievioWorld, fault: dict[str, Any]
) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault(**fault, body_contains="CTO")

    with dievio.client() as client:
        summary = nights.pull(client, SEGMENT, OTHER)

    assert [segment.state for segment in summary.segments] == [PullState.FAILED, PullState.EXHAUSTED]
    assert "may have reached it" in summary.segments[0].reason
    assert nights.calls_by_state() == {"settled": 1, "uncertain": 2}


def test_a_failed_search_is_taken_up_where_it_stopped(nights: Nights) -> None:
    source = FakeLeadSource(_numbers(250), interrupt=_faults({2: LOST, 3: LOST}))
    with pytest.raises(PullFailedError, match="no segment could be pulled"):
        nights.pull(source)

    summary = nights.pull(source)

    assert source.pages_asked == [1, 2, 2, 2, 3]
    assert summary.segments[0].state is PullState.EXHAUSTED
    assert nights.payloads() == _numbers(250)


@pytest.mark.parametrize(
    ("status", "booked_as"), [(429, "released"), (503, "released"), (500, "uncertain"), (502, "uncertain")]
)
def test_a_busy_server_is_asked_three_times_more_and_each_try_is_booked(
    nights: Nights, dievio: DievioWorld, status: int, booked_as: str
) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault("status", status=status, times=3)

    with dievio.client() as client:
        summary = nights.pull(client)

    assert (summary.rows, client.calls) == (50, 4)
    assert nights.waits == [1.0, 2.0, 4.0]
    assert nights.calls_by_state() == {booked_as: 3, "settled": 1}


def test_the_wait_that_a_server_asks_for_is_kept(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault("status", status=429, retry_after_seconds=17, times=1)

    with dievio.client() as client:
        nights.pull(client)

    assert nights.waits == [17.0]


def test_a_charge_behind_an_error_never_leads_above_the_budget(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(500)
    dievio.set_fault("charged_but_lost", every=2)

    with dievio.client() as client:
        summary = nights.pull(client, replace(SEGMENT, rows_per_night=500, credit_budget=500))

    assert dievio.rows_charged <= 500
    assert nights.credits() + nights.credits("uncertain") == 500
    assert (summary.segments[0].state, summary.segments[0].reason) == (PullState.PAUSED, "budget")


def test_a_page_that_is_no_json_fails_its_search_and_is_kept_for_diagnosis(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault("html_200", body_contains="CTO")

    with dievio.client() as client:
        summary = nights.pull(client, SEGMENT, OTHER)

    assert [segment.state for segment in summary.segments] == [PullState.FAILED, PullState.EXHAUSTED]
    assert "instead of JSON" in summary.segments[0].reason
    (kept,) = nights.rows("unreadable_page")
    assert "<html" in kept["response_body"].lower()
    assert kept["request"]["_page"] == 1


def test_rows_that_are_no_objects_are_kept_as_they_are(nights: Nights, dievio: DievioWorld) -> None:
    rows = ["text", None, 7, ["list"], {"name": "zero\x00byte"}]
    dievio.sell(*rows)

    with dievio.client() as client:
        nights.pull(client)

    assert nights.payloads() == [*rows[:4], {"name": "zero\N{REPLACEMENT CHARACTER}byte"}]


def test_pages_that_overlap_are_all_kept_and_accounted_for(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(250)
    dievio.switch(order="shifting")

    with dievio.client() as client:
        summary = nights.pull(client)

    assert summary.rows == dievio.rows_charged == len(nights.payloads())
    assert len({row["number"] for row in nights.payloads() if isinstance(row, dict)}) < summary.rows


def test_a_wrong_key_stops_the_pull_with_one_line_and_one_call(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)

    with dievio.client(key="wrong") as client, pytest.raises(CredentialsRefusedError) as caught:
        nights.pull(client, SEGMENT, OTHER)

    assert "\n" not in str(caught.value)
    assert client.calls == 1
    assert nights.calls_by_state() == {"released": 1}
    assert nights.rows("segment_pull")[0]["state"] == "failed"


def test_an_address_where_nobody_listens_stops_the_pull_after_its_tries(nights: Nights) -> None:
    never_left = TransportFaultError("Dievio", "search", cause="ConnectError", is_sent=False)
    source = FakeLeadSource(interrupt=lambda _request: never_left)

    with pytest.raises(SystemUnreachableError, match=r"fake://dievio\. Check DIEVIO_BASE_URL"):
        nights.pull(source, SEGMENT, OTHER)

    assert source.calls == 4
    assert nights.calls_by_state() == {"released": 4}


def test_a_refused_filter_fails_its_own_search_only(nights: Nights, dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)
    dievio.switch(unknown_value="refuse")
    wrong = replace(SEGMENT, filters={"business_model": ["barter"]})

    with dievio.client() as client:
        summary = nights.pull(client, wrong, OTHER)

    assert [segment.state for segment in summary.segments] == [PullState.FAILED, PullState.EXHAUSTED]
    assert "about business_model" in summary.segments[0].reason


@pytest.mark.parametrize(
    "fault",
    [
        ServiceUnavailableError("Dievio", "search", status=500),
        RequestRefusedError("Dievio", "search", code="410 search_expired", reason="gone"),
        LOST,
    ],
    ids=["unavailable", "refused", "lost"],
)
def test_a_batch_without_any_pulled_search_is_an_error(nights: Nights, fault: LeadPipelineError) -> None:
    source = FakeLeadSource(interrupt=lambda _request: fault)

    with pytest.raises(PullFailedError, match=r"first: .* second: "):
        nights.pull(source, SEGMENT, OTHER)


def test_hits_beyond_the_night_are_recorded_and_the_next_night_goes_on_behind_them(
    nights: Nights, dievio: DievioWorld
) -> None:
    dievio.sell_numbers(450)
    segment = replace(SEGMENT, rows_per_night=200)
    with dievio.client() as client:
        first, second, third = (nights.pull(client, segment, day=f"2026-03-0{day}") for day in (2, 3, 4))

    assert [(night.rows, night.segments[0].is_truncated) for night in (first, second, third)] == [
        (200, True),
        (200, True),
        (50, False),
    ]
    assert [row for day in (2, 3, 4) for row in nights.payloads(f"2026-03-0{day}")] == _numbers(450)
    assert dievio.rows_charged == 450
    assert first.segments[0].reason == PullReason.ROWS_PER_NIGHT
    assert first.segments[0].total_count == 450


def test_a_search_read_to_its_end_is_not_bought_again_before_it_is_due(nights: Nights) -> None:
    source = FakeLeadSource(_numbers(50))
    segment = replace(SEGMENT, restart_after_days=7)
    summaries = {day: nights.pull(source, segment, day=day) for day in (DAY, NEXT_DAY, "2026-03-09")}

    assert {day: summary.rows for day, summary in summaries.items()} == {DAY: 50, NEXT_DAY: 0, "2026-03-09": 50}
    assert source.calls == 2


def test_an_unfinished_night_that_a_later_one_went_on_with_is_not_bought_twice(nights: Nights) -> None:
    source = FakeLeadSource(_numbers(250), balance=100)
    nights.pull(source, day=DAY)
    source.balance = 1_000
    nights.pull(source, day=NEXT_DAY)

    late = nights.pull(source, day=DAY)

    assert (late.credits, late.segments[0].reason) == (0, PullReason.CONTINUED_LATER)
    assert nights.payloads(DAY) + nights.payloads(NEXT_DAY) == _numbers(250)
    assert 1_000 - source.balance == 150


def test_changed_filters_never_mix_into_a_batch_that_has_begun(nights: Nights) -> None:
    source = FakeLeadSource(_numbers(250), balance=100)
    nights.pull(source, SEGMENT, OTHER)
    changed = replace(SEGMENT, filters={"job_titles": ["CMO"]})
    source.balance = 1_000

    summary = nights.pull(source, changed, OTHER)

    assert [segment.state for segment in summary.segments] == [PullState.FAILED, PullState.EXHAUSTED]
    assert "filters were changed" in summary.segments[0].reason


def test_a_repull_buys_the_pages_again_and_keeps_the_old_ones_aside(nights: Nights) -> None:
    nights.pull(FakeLeadSource(_numbers(150)))
    better = FakeLeadSource([{"better": number} for number in range(150)])

    summary = nights.pull(better, is_repull=True)

    assert (summary.rows, summary.credits, better.calls) == (150, 150, 2)
    assert nights.payloads() == better.rows
    assert [page["row_count"] for page in nights.rows("superseded_page")] == [100, 50]
    assert nights.credits() == 300


def test_a_repull_has_a_budget_of_its_own(nights: Nights) -> None:
    segment = replace(SEGMENT, rows_per_night=100, credit_budget=100)
    source = FakeLeadSource(_numbers(100))
    nights.pull(source, segment)

    assert nights.pull(source, segment, is_repull=True).credits == 100


def test_a_batch_whose_leads_were_acted_on_is_not_bought_again(nights: Nights) -> None:
    source = FakeLeadSource(_numbers(3))
    nights.pull(source)
    (raw_lead_id, *_) = (row["raw_lead_id"] for row in nights.rows("raw_lead"))
    with nights.database.connect() as connection:
        connection.execute(
            "INSERT INTO lead_outcome (batch_id, raw_lead_id, outcome, reason_code, settled_at)"
            " VALUES (%s, %s, 'skipped', 'any', now())",
            [DAY, raw_lead_id],
        )

    with pytest.raises(RepullRefusedError, match=f"Batch {DAY} cannot be pulled again: 1 of its leads"):
        nights.pull(source, is_repull=True)

    assert source.calls == 1
    assert nights.payloads() == _numbers(3)


def test_two_processes_never_pull_the_same_batch(nights: Nights) -> None:
    source = FakeLeadSource(_numbers(3))

    with (
        hold_lease(nights.database, f"pull:{DAY}", holder="somebody", now=nights.clock),
        pytest.raises(LeaseHeldError),
    ):
        nights.pull(source)

    assert source.calls == 0


def test_a_server_that_goes_in_circles_is_paid_once(nights: Nights) -> None:
    def circle(request: SearchRequest) -> SearchPage:
        rows = tuple(_numbers(100))
        return SearchPage(body="{}", rows=rows, has_more=True, next_page=1, per_page=request.per_page)

    source = FakeLeadSource(interrupt=circle)

    with pytest.raises(PullFailedError, match="named a page again"):
        nights.pull(source)

    assert source.calls == 1
    assert len(nights.payloads()) == 100


def test_the_summary_adds_up_and_names_no_person(nights: Nights) -> None:
    source = FakeLeadSource([{"email": "anna.berg@acme.example"}] * 30, balance=30)

    metadata = nights.pull(source, SEGMENT, OTHER).as_metadata()

    assert metadata == {
        "rows": 30,
        "pages": 1,
        "credits": 30,
        "uncertain_credits": 0,
        "segments_open": 0,
        "segments_exhausted": 1,
        "segments_paused": 1,
        "segments_failed": 0,
        "segments_truncated": 0,
        "stopped": "second: paused (out_of_credits)",
    }


def test_ids_of_bookings_can_be_given(nights: Nights) -> None:
    ids = (UUID(int=number) for number in itertools.count(1))

    pull_segments(
        nights.database,
        FakeLeadSource(_numbers(150)),
        [SEGMENT],
        batch_id=DAY,
        now=nights.clock,
        new_id=lambda: next(ids),
    )

    assert [row["call_id"].int for row in nights.rows("credit_ledger")] == [1, 2]

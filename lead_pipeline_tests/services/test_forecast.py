"""What a dry run says about the cost of a pull."""

from dataclasses import replace
from datetime import UTC, datetime

from lead_pipeline.domain.pulling import PullReason, PullState, open_pull
from lead_pipeline.domain.segments import Segment
from lead_pipeline.services.forecast import SegmentForecast, forecast_pull
from lead_pipeline.store.database import Database
from lead_pipeline.store.pulls import add_batch, save_pull

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BATCH = "2026-11-20"
SEGMENT = Segment(name="us", filters={"industries": ["software"]}, rows_per_night=250, credit_budget=1_000)


def begin(database: Database, *, batch_id: str = BATCH, **changes: object) -> None:
    """A pull of the segment that has come as far as `changes` say."""
    pull = replace(open_pull(SEGMENT, batch_id=batch_id, previous=None), **changes)  # type: ignore[arg-type]
    with database.transaction() as connection:
        add_batch(connection, batch_id, source="search", at=NOW)
        save_pull(connection, pull, at=NOW)


def test_a_batch_not_begun_costs_at_most_a_night_of_rows(database: Database) -> None:
    forecast = forecast_pull(database, [SEGMENT], batch_id=BATCH)

    assert forecast.segments == (SegmentForecast(segment="us", stored_rows=0, pages=3, credits=250),)


def test_the_budget_caps_the_forecast(database: Database) -> None:
    poor = replace(SEGMENT, credit_budget=90)

    assert forecast_pull(database, [poor], batch_id=BATCH).credits == 90


def test_stored_rows_are_not_bought_again(database: Database) -> None:
    begin(database, rows_received=200, pages_received=2, next_page=3)

    forecast = forecast_pull(database, [SEGMENT], batch_id=BATCH)

    assert (forecast.stored_rows, forecast.credits) == (200, 50)


def test_a_search_with_fewer_hits_costs_no_more_than_its_hits(database: Database) -> None:
    begin(database, rows_received=100, pages_received=1, next_page=2, total_count=130)

    assert forecast_pull(database, [SEGMENT], batch_id=BATCH).credits == 30


def test_a_finished_pull_costs_nothing(database: Database) -> None:
    begin(database, rows_received=130, next_page=None, state=PullState.EXHAUSTED)

    forecast = forecast_pull(database, [SEGMENT], batch_id=BATCH)

    assert (forecast.stored_rows, forecast.credits) == (130, 0)


def test_a_search_that_was_read_to_its_end_yesterday_is_due_again_today_and_not_before(database: Database) -> None:
    begin(database, batch_id="2026-11-19", rows_received=130, next_page=None, state=PullState.EXHAUSTED)
    patient = replace(SEGMENT, restart_after_days=7)

    assert forecast_pull(database, [SEGMENT], batch_id=BATCH).credits == 250
    assert forecast_pull(database, [patient], batch_id=BATCH).credits == 0


def test_a_new_batch_goes_on_behind_the_last_night(database: Database) -> None:
    begin(
        database,
        batch_id="2026-11-19",
        rows_received=250,
        next_page=None,
        total_count=300,
        state=PullState.EXHAUSTED,
        reason=PullReason.ROWS_PER_NIGHT.value,
    )

    forecast = forecast_pull(database, [SEGMENT], batch_id=BATCH)

    assert forecast.stored_rows == 0
    assert forecast.credits == 250  # how many are left is not known before the first page is asked for

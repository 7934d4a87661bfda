"""When the night begins, and that it begins once."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from lead_pipeline.definitions import build_definitions

#: Dagster's own builder calls a method that Dagster has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Function `JobDefinition.run_request_for_partition`:DeprecationWarning")

NIGHT = datetime(2026, 11, 21, 2, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def schedule() -> dg.ScheduleDefinition:
    return build_definitions().resolve_schedule_def("nightly_schedule")


def tick(schedule: dg.ScheduleDefinition, at: datetime) -> list[dg.RunRequest]:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=at, repository_def=build_definitions().get_repository_def()
        )
        return list(schedule.evaluate_tick(context).run_requests or ())


def test_the_night_begins_by_itself_at_a_quarter_past_two_utc(schedule: dg.ScheduleDefinition) -> None:
    assert schedule.cron_schedule == "15 2 * * *"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


@pytest.mark.parametrize(
    ("name", "cron"), [("crm_refresh_schedule", "15 4 * * *"), ("enrichment_retry_schedule", "*/30 * * * *")]
)
def test_records_are_looked_up_again_by_themselves(name: str, cron: str) -> None:
    schedule = build_definitions().resolve_schedule_def(name)

    assert (schedule.cron_schedule, schedule.execution_timezone) == (cron, "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_night_works_on_the_day_before(schedule: dg.ScheduleDefinition) -> None:
    (request,) = tick(schedule, NIGHT)

    assert request.partition_key == "2026-11-20"


def test_a_second_tick_of_the_same_night_asks_for_the_same_run(schedule: dg.ScheduleDefinition) -> None:
    """Dagster starts one run per run key, also when the daemon was restarted or its clock was turned back."""
    (first,), (second,) = tick(schedule, NIGHT), tick(schedule, NIGHT)

    assert first.run_key
    assert first.run_key == second.run_key


def test_the_next_night_is_another_run(schedule: dg.ScheduleDefinition) -> None:
    (first,), (next_one,) = tick(schedule, NIGHT), tick(schedule, NIGHT.replace(day=22))

    assert first.run_key != next_one.run_key

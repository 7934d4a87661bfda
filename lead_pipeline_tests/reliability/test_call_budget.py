"""The plan says what it costs; a night that reaches its share of calls stops there and is finished later."""

from datetime import UTC, datetime

import psycopg
import pytest

from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.store.org_facts import keep_owner_guard
from lead_pipeline_tests.reliability.evidence import count_outcomes, find_breaches
from lead_pipeline_tests.reliability.kills import find_repeated_work, run_undisturbed
from lead_pipeline_tests.reliability.laboratory import Experiment, Laboratory
from lead_pipeline_tests.reliability.worlds import build_small_world, build_volume_world

TOLERANCE = 0.05
MIXED_LEADS = 10_000
KNOWN_SHARE = 0.3
PLENTY_OF_CALLS = 100_000
FEW_CALLS = 100  # of which 80 are ours: enough for the new people and for some of the known ones


def count_api_calls(experiment: Experiment) -> int:
    """Return how many calls the org counted against its allowance since the world was made."""
    return sum(count for route, count in experiment.salesforce_calls().items() if "/services/data/" in route)


def switch_owner_guard_on(experiment: Experiment) -> None:
    """Keep what the preflight of a night finds out before the plan is made."""
    with psycopg.connect(experiment.dsn) as connection:
        keep_owner_guard(connection, is_active=True, at=datetime.now(UTC))


@pytest.mark.slow
def test_ten_thousand_mixed_leads_cost_the_calls_their_plan_states(laboratory: Laboratory) -> None:
    world = build_volume_world(MIXED_LEADS, known_share=KNOWN_SHARE)
    with laboratory.experiment(world, limits=WriteLimits()) as experiment:
        experiment.is_patient = True  # a job that nobody waits for is looked at more often than the plan can know
        switch_owner_guard_on(experiment)
        ended = run_undisturbed(experiment)
        calls = count_api_calls(experiment)

        assert ended.is_complete, ended
        assert calls == pytest.approx(ended.planned_calls, rel=TOLERANCE)
        assert find_breaches(experiment) == []


@pytest.mark.parametrize("daily_calls", [16, 24])
def test_a_night_stops_at_its_share_of_calls_and_the_next_one_finishes_it(
    laboratory: Laboratory, daily_calls: int
) -> None:
    with laboratory.experiment(build_small_world()) as experiment:
        experiment.limit_calls(daily_calls)

        stopped = run_undisturbed(experiment)
        used = count_api_calls(experiment)
        written = len(experiment.our_commits())
        experiment.limit_calls(PLENTY_OF_CALLS)
        finished = run_undisturbed(experiment)

        assert not stopped.is_complete
        assert used <= daily_calls * WriteLimits().api_share, stopped.calls_by_stage
        assert written < len(experiment.our_commits())
        assert finished.is_complete, finished
        assert find_breaches(experiment) == []
        assert find_repeated_work(experiment) == []


@pytest.mark.slow
def test_ten_thousand_mixed_leads_stop_at_the_share_and_lose_nothing(laboratory: Laboratory) -> None:
    world = build_volume_world(MIXED_LEADS, known_share=KNOWN_SHARE)
    with laboratory.experiment(world, limits=WriteLimits()) as experiment:
        switch_owner_guard_on(experiment)
        experiment.limit_calls(FEW_CALLS)

        stopped = run_undisturbed(experiment)
        used, settled = count_api_calls(experiment), count_outcomes(experiment)
        experiment.limit_calls(PLENTY_OF_CALLS)
        finished = run_undisturbed(experiment)

        assert not stopped.is_complete
        assert used <= FEW_CALLS * WriteLimits().api_share, stopped.calls_by_stage
        assert settled["created"] == len(world.new_emails)
        assert 0 < settled["updated"] < len(world.known_ids)
        assert finished.is_complete, finished
        assert count_outcomes(experiment) == {"created": len(world.new_emails), "updated": len(world.known_ids)}
        assert find_breaches(experiment) == []
        assert find_repeated_work(experiment) == []

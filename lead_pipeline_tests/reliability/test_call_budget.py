"""The plan says what it costs; a night that reaches its share of calls stops there and is finished later."""

from datetime import UTC, datetime

import psycopg
import pytest

from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.store.org_facts import keep_owner_guard
from lead_pipeline_tests.reliability.evidence import find_breaches
from lead_pipeline_tests.reliability.kills import find_repeated_work, run_undisturbed
from lead_pipeline_tests.reliability.laboratory import Laboratory
from lead_pipeline_tests.reliability.worlds import build_small_world, build_volume_world

TOLERANCE = 0.05
MIXED_LEADS = 10_000
KNOWN_SHARE = 0.3
PLENTY_OF_CALLS = 100_000


@pytest.mark.slow
def test_ten_thousand_mixed_leads_cost_the_calls_their_plan_states(laboratory: Laboratory) -> None:
    world = build_volume_world(MIXED_LEADS, known_share=KNOWN_SHARE)
    with laboratory.experiment(world, limits=WriteLimits()) as experiment:
        experiment.is_patient = True  # a job that nobody waits for is looked at more often than the plan can know
        with psycopg.connect(experiment.dsn) as connection:  # the preflight of a night asks for it before the plan
            keep_owner_guard(connection, is_active=True, at=datetime.now(UTC))
        ended = run_undisturbed(experiment)
        calls = sum(count for route, count in experiment.salesforce_calls().items() if "/services/data/" in route)

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
        used = sum(count for route, count in experiment.salesforce_calls().items() if "/services/data/" in route)
        written = len(experiment.our_commits())
        experiment.limit_calls(PLENTY_OF_CALLS)
        finished = run_undisturbed(experiment)

        assert not stopped.is_complete
        assert used < daily_calls
        assert written < len(experiment.our_commits())
        assert finished.is_complete, finished
        assert find_breaches(experiment) == []
        assert find_repeated_work(experiment) == []

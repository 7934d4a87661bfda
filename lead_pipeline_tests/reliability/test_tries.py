"""How often a write is tried: for good once, for the time being four times, and the others do not wait for it."""

from collections import Counter

import pytest

from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline_tests.reliability.evidence import count_outcomes, find_breaches
from lead_pipeline_tests.reliability.kills import find_repeated_work, run_undisturbed
from lead_pipeline_tests.reliability.laboratory import Experiment, Laboratory
from lead_pipeline_tests.reliability.worlds import build_small_world, build_volume_world

INSERTS = {"method": "POST", "route": "composite/sobjects"}
PERMANENT = {"kind": "partial_failure", "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", **INSERTS}
TRANSIENT = {"kind": "row_lock", **INSERTS}
MOST_TRIES = 4  # one and three more
REJECTED = 3_000
GOOD = 600


def count_tries(experiment: Experiment) -> Counter[int]:
    """Return how many rules struck so many times; each rule watches one person's requests."""
    return Counter(rule["fired"] for rule in experiment.faults())


def watch_each_person(experiment: Experiment, fault: dict[str, str]) -> None:
    """Put one rule in force for every new person: whatever request carries that person is refused."""
    experiment.fault(*({**fault, "body_contains": f'"{email}"'} for email in experiment.world.new_emails))


def test_a_permanent_refusal_is_tried_once(laboratory: Laboratory) -> None:
    with laboratory.experiment(build_small_world(), limits=WriteLimits(collection_records=1)) as experiment:
        watch_each_person(experiment, PERMANENT)

        ended = run_undisturbed(experiment)

        assert set(count_tries(experiment)) == {1}
        assert ended.created == 0
        assert ended.updated == len(experiment.world.known_ids)
        assert find_breaches(experiment) == []
        assert find_repeated_work(experiment) == []


def test_a_refusal_for_the_time_being_is_tried_four_times_at_most(laboratory: Laboratory) -> None:
    with laboratory.experiment(build_small_world(), limits=WriteLimits(collection_records=1)) as experiment:
        watch_each_person(experiment, TRANSIENT)

        ended = run_undisturbed(experiment)

        assert set(count_tries(experiment)) == {MOST_TRIES}
        assert ended.updated == len(experiment.world.known_ids)
        assert count_outcomes(experiment)["dead_letter"] == len(experiment.world.new_emails)
        assert find_breaches(experiment) == []


@pytest.mark.slow
def test_three_thousand_rejected_rows_do_not_slow_the_good_ones(laboratory: Laboratory) -> None:
    world = build_volume_world(REJECTED + GOOD, known_share=0.0)
    limits = WriteLimits(bulk_threshold=REJECTED + GOOD)
    with laboratory.experiment(world, limits=limits) as experiment:
        run_undisturbed(experiment)
        calls_of_good = experiment.salesforce_calls()
    with laboratory.experiment(world, limits=limits) as experiment:
        # The first fifteen calls are refused row by row, the last three are good.
        experiment.fault({**PERMANENT, "times": REJECTED // limits.collection_records})

        ended = run_undisturbed(experiment)
        calls = experiment.salesforce_calls()

        insert = "POST /services/data/{version}/composite/sobjects"
        assert calls[insert] == calls_of_good[insert]
        assert ended.created == GOOD
        assert sum(count_outcomes(experiment).get(outcome, 0) for outcome in ("dead_letter", "review")) == REJECTED
        assert find_breaches(experiment) == []

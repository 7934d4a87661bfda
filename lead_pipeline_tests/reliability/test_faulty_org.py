"""An org and a Dievio that fail all the time lead to the same end, at little more cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline_tests.reliability.evidence import count_outcomes, find_breaches
from lead_pipeline_tests.reliability.kills import find_repeated_work, settle
from lead_pipeline_tests.reliability.laboratory import Experiment, Laboratory
from lead_pipeline_tests.reliability.worlds import World, build_demo_world, build_small_world

CALLS_PER_FAULT = 20  # five in a hundred
MOST_FAULTS = 100
MOST_AMPLIFICATION = 1.5
SMALL_CALLS = WriteLimits(collection_records=12, composite_records=3)
MANY_CALLS = WriteLimits(collection_records=25, composite_records=5, hand_over_bulk_threshold=10_000)
KINDS: tuple[Mapping[str, Any], ...] = (
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429, "retry_after_seconds": 2},
    {"kind": "status", "status": 502},
    {"kind": "reset_before_commit"},
    {"kind": "reset_after_commit"},
    {"kind": "late_commit", "delay_seconds": 3.0},
    {"kind": "truncated_json"},
    {"kind": "html_200"},
    {"kind": "expired_session"},
)
#: What differs from night to night: receipts, stamps of the moment, ids that the org gives, and whose turn it was.
VOLATILE_FIELDS = frozenset(
    {"Id", "OwnerId", "Dievio_Last_Op__c", "Dievio_Last_Synced_At__c", "Last_Enriched_At__c", "CreatedDate"}
    | {"LastModifiedDate", "SystemModstamp", "LastModifiedById", "LastViewedDate", "LastReferencedDate", "attributes"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a world has come to once all its rows are settled."""

    records: list[dict[str, Any]]
    outcomes: Mapping[str, int]
    calls: int  # that all nights together made to the org


Healthy = Callable[[Callable[[], World], WriteLimits], Ending]


def fail_often(experiment: Experiment, *, seed: int) -> None:
    """Have each twentieth call go wrong, at both systems, in one way after the other; the seed says where it begins."""
    rules = [
        {**KINDS[(seed + number) % len(KINDS)], "nth": 1 + (7 * seed) % CALLS_PER_FAULT + CALLS_PER_FAULT * number}
        for number in range(MOST_FAULTS)
    ]
    experiment.fault(*({**rule, "route": "/services/data"} for rule in rules))
    experiment.fault_dievio(*({**rule, "route": "search"} for rule in rules if rule["kind"] != "expired_session"))


def org_state(experiment: Experiment) -> list[dict[str, Any]]:
    """Return every live lead and contact, without what differs from night to night."""
    records = [*experiment.records("Lead"), *experiment.records("Contact")]
    states = [{name: value for name, value in record.items() if name not in VOLATILE_FIELDS} for record in records]
    return sorted(states, key=repr)


def read_ending(experiment: Experiment) -> Ending:
    calls = sum(experiment.salesforce_calls().values())  # before the test itself asks
    return Ending(records=org_state(experiment), outcomes=count_outcomes(experiment), calls=calls)


@pytest.fixture(scope="module")
def healthy(laboratory: Laboratory) -> Healthy:
    """Return what becomes of a world without faults; each is played once."""
    endings: dict[tuple[Callable[[], World], WriteLimits], Ending] = {}

    def play(build_world: Callable[[], World], limits: WriteLimits) -> Ending:
        if (build_world, limits) not in endings:
            with laboratory.experiment(build_world(), limits=limits) as experiment:
                passes, _, ended = settle(experiment)
                assert ended.is_complete, ended
                assert passes == 1
                endings[build_world, limits] = read_ending(experiment)
        return endings[build_world, limits]

    return play


def assert_same_end(laboratory: Laboratory, world: World, wanted: Ending, *, limits: WriteLimits, seed: int) -> None:
    """Play a world under faults and hold its end against the one without."""
    with laboratory.experiment(world, limits=limits) as experiment:
        fail_often(experiment, seed=seed)
        _, _, ended = settle(experiment)
        struck = sum(rule["fired"] for rule in experiment.faults())
        experiment.end_faults()
        reached = read_ending(experiment)
        assert struck >= wanted.calls // CALLS_PER_FAULT
        assert ended.is_complete, ended
        assert reached.outcomes == wanted.outcomes
        assert reached.records == wanted.records
        assert reached.calls <= MOST_AMPLIFICATION * wanted.calls
        # The second run writes nothing; no write is left without an answer (I1).
        assert find_repeated_work(experiment) == []
        assert find_breaches(experiment) == []


@pytest.mark.parametrize("seed", range(2))
def test_a_failing_org_ends_as_a_healthy_one_with_little_more_calls(
    laboratory: Laboratory, healthy: Healthy, seed: int
) -> None:
    wanted = healthy(build_small_world, SMALL_CALLS)
    assert_same_end(laboratory, build_small_world(), wanted, limits=SMALL_CALLS, seed=seed)


@pytest.mark.slow
@pytest.mark.parametrize("limits", [WriteLimits(), MANY_CALLS], ids=["few large calls", "many small calls"])
@pytest.mark.parametrize("seed", range(5))
def test_the_demo_under_faults_ends_as_without(
    laboratory: Laboratory, healthy: Healthy, seed: int, limits: WriteLimits
) -> None:
    wanted = healthy(build_demo_world, limits)
    assert_same_end(laboratory, build_demo_world(), wanted, limits=limits, seed=seed)

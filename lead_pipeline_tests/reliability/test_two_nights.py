"""Two runs of one batch at once: one works, the other refuses or comes too late to find work; never both."""

import itertools
from collections import Counter

import pytest

from lead_pipeline_tests.reliability.evidence import find_breaches
from lead_pipeline_tests.reliability.kills import run_undisturbed
from lead_pipeline_tests.reliability.laboratory import Experiment, Laboratory
from lead_pipeline_tests.reliability.worlds import build_small_world

RELEASE_ROUNDS = 50
#: How the loser may end: the batch was held, or a gate looked while the winner was half way.
ORDERLY_ENDS = ("", "LeaseHeldError", "GateClosedError")


def run_two_at_once(experiment: Experiment) -> list[str]:
    """Start two nights together and return every breach, of how they ended and of what they left."""
    nights = [experiment.laboratory.begin(experiment.order()) for _ in range(2)]
    ends = [night.end() for night in nights]
    sends = Counter(row["payload"]["Dievio_Last_Op__c"] for row in experiment.ask("SELECT payload FROM write_intent"))
    breaches = [f"{op_id} was sent {count} times" for op_id, count in sends.items() if count > 1]
    breaches += [
        f"a night ended with {end.error if end else 'its death'}"
        for end in ends
        if end is None or end.error.partition(":")[0] not in ORDERLY_ENDS
    ]
    if not run_undisturbed(experiment).is_complete:
        breaches.append("the batch is not settled")
    return [*breaches, *find_breaches(experiment)]


@pytest.mark.parametrize("number", range(2))
def test_two_nights_of_one_batch_never_both_write(laboratory: Laboratory, number: int) -> None:
    with laboratory.experiment(build_small_world()) as experiment:
        assert run_two_at_once(experiment) == [], number


@pytest.mark.slow
def test_two_nights_of_one_batch_never_both_write_in_fifty_tries(laboratory: Laboratory) -> None:
    for number in itertools.islice(itertools.count(1), RELEASE_ROUNDS):
        with laboratory.experiment(build_small_world()) as experiment:
            assert run_two_at_once(experiment) == [], number

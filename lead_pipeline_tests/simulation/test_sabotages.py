"""What is broken on purpose is seen, and so are the common designs: a harness that sees nothing proves nothing."""

from __future__ import annotations

import pytest

from lead_pipeline.domain.invariants import Invariant
from lead_pipeline_tests.simulation.baselines import BASELINES
from lead_pipeline_tests.simulation.figures import MAX_DETECTION_SEEDS, SEARCH_STRIDE, detect, play, search
from lead_pipeline_tests.simulation.processes import Strategy
from lead_pipeline_tests.simulation.sabotages import SABOTAGES

RELEASE_SEARCHES = 5
BASELINE_SEEDS = 60

#: Where to begin with what few stories show: not far from one of them, for elsewhere it may take a thousand.
FIRST_SEEDS = {
    "last second of a read-back trusted": SEARCH_STRIDE + 500,
    "creations given up taken for impossible": SEARCH_STRIDE + 900,
    "no fence": SEARCH_STRIDE + 30,
    "no quiet rule": SEARCH_STRIDE + 100,
    "plan judged by its date alone": SEARCH_STRIDE + 100,
    "records made since the reading overlooked": SEARCH_STRIDE + 100,
    "Retry-After dropped": SEARCH_STRIDE + 35,
}


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda strategy: strategy.name)
def test_a_broken_engine_is_caught(sabotage: Strategy) -> None:
    needed, _ = search(sabotage, first_seed=FIRST_SEEDS.get(sabotage.name, SEARCH_STRIDE))

    assert needed is not None, f"not caught within {MAX_DETECTION_SEEDS} seeds"


def test_every_chosen_beginning_is_one_of_a_breakage() -> None:
    assert set(FIRST_SEEDS) <= {strategy.name for strategy in SABOTAGES}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(SABOTAGES)), ids=lambda number: SABOTAGES[number].name)
def test_a_broken_engine_is_caught_wherever_the_search_begins(number: int) -> None:
    assert detect(number, searches=RELEASE_SEARCHES).is_caught


@pytest.mark.parametrize("design", BASELINES, ids=lambda strategy: strategy.name)
def test_a_common_design_overwrites_what_reps_typed(design: Strategy) -> None:
    figures = play(range(BASELINE_SEEDS), design)

    assert figures.broken[Invariant.POLICY] > 0

"""The real write engine under seeded faults, deaths and edits: no seed may break a promise.

A seed that fails is played again with the command its message names, and stays in `failed_seeds.txt` for ever.
"""

from __future__ import annotations

from functools import cache

import pytest

from lead_pipeline_tests.simulation.figures import (
    Figures,
    play,
    play_in_parallel,
    read_failed_seeds,
    replay_command,
)
from lead_pipeline_tests.simulation.runs import run_seed

CHUNK_SEEDS = 250
CHUNKS = 8
RELEASE_SEEDS = 200_000
RELEASE_WORKERS = 2


@cache
def play_chunk(number: int) -> Figures:
    return play(range(number * CHUNK_SEEDS, (number + 1) * CHUNK_SEEDS))


def assert_no_violations(figures: Figures) -> None:
    broken = [f"{replay_command(seed)}   # {texts[0]}" for seed, texts in sorted(figures.failed.items())]
    assert broken == []


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_seed_breaks_a_promise(chunk: int) -> None:
    assert_no_violations(play_chunk(chunk))


def test_seeds_that_once_failed_stay_whole() -> None:
    assert_no_violations(play(read_failed_seeds()))


def test_every_fault_met_every_kind_of_call() -> None:
    figures = Figures()
    for chunk in range(CHUNKS):
        figures.merge(play_chunk(chunk))

    assert figures.missing_marks() == ()
    assert figures.crashes > figures.seeds


def test_a_seed_plays_the_same_story_each_time() -> None:
    first, second = run_seed(7), run_seed(7)

    assert (first.calls, first.marks, first.crashes) == (second.calls, second.marks, second.crashes)


@pytest.mark.slow
def test_the_figures_do_not_depend_on_the_number_of_workers() -> None:
    together = Figures()
    for part in play_in_parallel(range(6), workers=2, chunk_seeds=2):
        together.merge(part)

    assert together == play(range(6))


@pytest.mark.slow
def test_no_seed_of_a_release_run_breaks_a_promise() -> None:
    figures = Figures()
    for part in play_in_parallel(range(RELEASE_SEEDS), workers=RELEASE_WORKERS):
        figures.merge(part)

    assert_no_violations(figures)
    assert figures.missing_marks() == ()

"""Postgres may die or fill up: nothing is sent whose intent is not on disk, and nothing that was sent is forgotten."""

from collections.abc import Iterator

import pytest

from lead_pipeline_tests.reliability.evidence import find_breaches
from lead_pipeline_tests.reliability.kills import KillRun, choose_evenly, run_undisturbed
from lead_pipeline_tests.reliability.laboratory import Laboratory
from lead_pipeline_tests.reliability.postgres_deaths import (
    count_intents,
    full_disk,
    list_postgres_deaths,
    moment_in_write,
    play_postgres_death,
)
from lead_pipeline_tests.reliability.worlds import build_small_world

RELEASE_RESTARTS = 20
DURABLE_SETTINGS = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


@pytest.fixture(scope="module")
def durable_laboratory(laboratory: Laboratory) -> Iterator[Laboratory]:
    """The laboratory with a Postgres that waits for the disk."""
    with laboratory.postgres.durable():
        yield laboratory


def test_the_servers_of_these_tests_wait_for_the_disk_as_in_production(durable_laboratory: Laboratory) -> None:
    with durable_laboratory.experiment(build_small_world()) as experiment:
        settings = experiment.ask("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", list(DURABLE_SETTINGS))

    assert {row["name"]: row["setting"] for row in settings} == DURABLE_SETTINGS


@pytest.mark.parametrize(
    "run",
    [
        moment_in_write("after_intent_commit", 2),
        moment_in_write("after_answer", 5),
        moment_in_write("after_result_commit", 8),
    ],
    ids=str,
)
def test_a_night_whose_postgres_is_killed_is_put_right_by_the_next_ones(
    durable_laboratory: Laboratory, run: KillRun
) -> None:
    result = play_postgres_death(durable_laboratory, run)

    assert result.was_killed
    assert result.breaches == ()


def test_a_full_disk_ends_the_night_before_anything_is_sent(durable_laboratory: Laboratory) -> None:
    with durable_laboratory.experiment(build_small_world()) as experiment:
        with full_disk(experiment):
            ended = run_undisturbed(experiment)
        sent, committed = experiment.our_commits(), count_intents(experiment)
        recovered = run_undisturbed(experiment)
        breaches = find_breaches(experiment)

    assert "could not extend file" in ended.error
    assert (sent, committed) == ([], 0)
    assert recovered.is_complete
    assert breaches == []


@pytest.mark.slow
def test_postgres_may_be_killed_at_any_place_a_night_passes(durable_laboratory: Laboratory) -> None:
    runs = choose_evenly(list_postgres_deaths(durable_laboratory), RELEASE_RESTARTS)

    results = [play_postgres_death(durable_laboratory, run) for run in runs]

    assert {str(result.run): result.breaches for result in results if result.breaches} == {}
    assert sum(result.was_killed for result in results) == RELEASE_RESTARTS

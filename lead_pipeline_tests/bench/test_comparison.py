from collections.abc import Iterator
from pathlib import Path

import pytest

from lead_pipeline.sandbox.embedded_postgres import ServerAddress
from lead_pipeline_tests.bench.comparison import Laboratory, measure_contestant
from lead_pipeline_tests.bench.contestants import Contestant
from lead_pipeline_tests.bench.sandbox import BenchSandbox

LEADS = 120


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenchSandbox]:
    with BenchSandbox(tmp_path_factory.mktemp("bench_sandbox")) as opened:
        yield opened


@pytest.fixture
def laboratory(sandbox: BenchSandbox, postgres_server: ServerAddress, tmp_path: Path) -> Laboratory:
    return Laboratory(
        sandbox=sandbox,
        postgres=postgres_server,
        read_database_cpu=lambda: None,
        home=tmp_path,
        existing_leads=30,
        second_run_limit=LEADS,
    )


def test_a_loop_by_address_calls_twice_a_lead_and_loses_sight_of_corrected_people(laboratory: Laboratory) -> None:
    result = measure_contestant(laboratory, Contestant.NAIVE_LOOP, leads=LEADS)

    assert (result.first.written, result.missing, result.first.credits) == (LEADS, 0, LEADS)
    assert result.first.total_calls == 2 * LEADS + 1
    assert 0 < result.first.cpu_seconds < result.first.wall_seconds
    assert result.second is not None
    assert (result.second.duplicates, result.second.edits, result.second.edits_overwritten) == (50, 100, 50)


def test_a_blind_upsert_calls_seldom_and_overwrites_everything(laboratory: Laboratory) -> None:
    result = measure_contestant(laboratory, Contestant.BLIND_UPSERT, leads=LEADS)

    assert (result.first.written, result.missing) == (LEADS, 0)
    assert result.first.total_calls < 12
    assert result.second is not None
    assert (result.second.duplicates, result.second.edits, result.second.edits_overwritten) == (0, 100, 100)


def test_above_the_limit_the_rows_are_delivered_once(laboratory: Laboratory) -> None:
    result = measure_contestant(laboratory, Contestant.BLIND_UPSERT, leads=LEADS + 1)

    assert result.second is None

from dataclasses import replace

import pytest

from lead_pipeline_tests.bench.contestants import Contestant
from lead_pipeline_tests.bench.measurements import (
    Ratios,
    SecondRun,
    compare,
    count_duplicates,
    cpu_growth,
    marginal_cpu_ms,
)
from lead_pipeline_tests.bench.result_builders import a_result, a_run


def test_calls_are_summed_over_routes() -> None:
    assert a_run(calls=17).total_calls == 17


def test_cpu_per_lead_leaves_the_start_up_out() -> None:
    assert a_run(cpu_seconds=5.0).cpu_per_lead_ms(1_000) == pytest.approx(5.0)


@pytest.mark.parametrize(("live", "persons", "duplicates"), [(1_000, 1_000, 0), (1_050, 1_000, 50), (990, 1_000, 0)])
def test_a_lead_beyond_one_for_each_person_is_a_duplicate(live: int, persons: int, duplicates: int) -> None:
    assert count_duplicates(live, persons=persons) == duplicates


def test_ratios_set_a_contestant_beside_the_pipeline_at_its_size() -> None:
    loop = a_result(Contestant.NAIVE_LOOP, leads=1_000, run=a_run(calls=2_000, cpu_seconds=4.0))
    results = [a_result(leads=1_000, run=a_run(calls=20, cpu_seconds=2.0)), a_result(leads=10_000), loop]

    assert compare(results, loop) == Ratios(calls=100.0, cpu_per_lead=2.0, wall=2.0)


def test_there_is_no_ratio_to_a_pipeline_that_did_not_run_to_its_end() -> None:
    loop = a_result(Contestant.NAIVE_LOOP)
    stopped = a_result(run=a_run(problem="a gate failed"))

    assert compare([loop], loop) is None
    assert compare([stopped, loop], loop) is None


def test_one_lead_more_costs_the_slope_between_the_sizes() -> None:
    results = [
        a_result(leads=10_000, run=a_run(cpu_seconds=20.0)),
        a_result(leads=1_000, run=a_run(cpu_seconds=11.0)),
        a_result(Contestant.NAIVE_LOOP, leads=1_000, run=a_run(cpu_seconds=99.0)),
    ]

    assert marginal_cpu_ms(results, Contestant.PIPELINE) == pytest.approx(1.0)
    assert cpu_growth(results, Contestant.PIPELINE) == pytest.approx(2.0 / 11.0)


def test_one_size_alone_tells_nothing_about_growth() -> None:
    results = [a_result()]

    assert marginal_cpu_ms(results, Contestant.PIPELINE) is None
    assert cpu_growth(results, Contestant.PIPELINE) is None


def test_problems_of_both_runs_are_told() -> None:
    second = SecondRun(run=a_run(problem="second"), duplicates=0, edits=100, edits_kept=40)
    result = replace(a_result(run=a_run(problem="first")), second=second)

    assert result.problems == ("first", "second")
    assert second.edits_overwritten == 60

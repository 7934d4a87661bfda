from dataclasses import replace

import pytest

from lead_pipeline_tests.bench.contestants import Contestant
from lead_pipeline_tests.bench.measurements import (
    Ratios,
    Result,
    RunMeasurement,
    SecondRun,
    compare,
    count_duplicates,
    cpu_growth,
    judge_calls,
    marginal_cpu_ms,
)


def _run(*, calls: int = 20, cpu_seconds: float = 10.0, problem: str | None = None) -> RunMeasurement:
    return RunMeasurement(
        calls={"GET /query": calls - 1, "POST /token": 1},
        startup_cpu_seconds=3.0,
        cpu_seconds=cpu_seconds,
        database_cpu_seconds=None,
        wall_seconds=2 * cpu_seconds,
        credits=0,
        written=0,
        refused=0,
        problem=problem,
    )


def _result(
    contestant: Contestant = Contestant.PIPELINE,
    *,
    leads: int = 10_000,
    missing: int = 0,
    run: RunMeasurement | None = None,
) -> Result:
    return Result(contestant=contestant, leads=leads, first=run or _run(), missing=missing)


def test_calls_are_summed_over_routes() -> None:
    assert _run(calls=17).total_calls == 17


def test_cpu_per_lead_leaves_the_start_up_out() -> None:
    assert _run(cpu_seconds=5.0).cpu_per_lead_ms(1_000) == pytest.approx(5.0)


@pytest.mark.parametrize(("live", "persons", "duplicates"), [(1_000, 1_000, 0), (1_050, 1_000, 50), (990, 1_000, 0)])
def test_a_lead_beyond_one_for_each_person_is_a_duplicate(live: int, persons: int, duplicates: int) -> None:
    assert count_duplicates(live, persons=persons) == duplicates


def test_ratios_set_a_contestant_beside_the_pipeline_at_its_size() -> None:
    loop = _result(Contestant.NAIVE_LOOP, leads=1_000, run=_run(calls=2_000, cpu_seconds=4.0))
    results = [_result(leads=1_000, run=_run(calls=20, cpu_seconds=2.0)), _result(leads=10_000), loop]

    assert compare(results, loop) == Ratios(calls=100.0, cpu_per_lead=2.0, wall=2.0)


def test_there_is_no_ratio_to_a_pipeline_that_did_not_run_to_its_end() -> None:
    loop = _result(Contestant.NAIVE_LOOP)
    stopped = _result(run=_run(problem="a gate failed"))

    assert compare([loop], loop) is None
    assert compare([stopped, loop], loop) is None


def test_one_lead_more_costs_the_slope_between_the_sizes() -> None:
    results = [
        _result(leads=10_000, run=_run(cpu_seconds=20.0)),
        _result(leads=1_000, run=_run(cpu_seconds=11.0)),
        _result(Contestant.NAIVE_LOOP, leads=1_000, run=_run(cpu_seconds=99.0)),
    ]

    assert marginal_cpu_ms(results, Contestant.PIPELINE) == pytest.approx(1.0)
    assert cpu_growth(results, Contestant.PIPELINE) == pytest.approx(2.0 / 11.0)


def test_one_size_alone_tells_nothing_about_growth() -> None:
    results = [_result()]

    assert marginal_cpu_ms(results, Contestant.PIPELINE) is None
    assert cpu_growth(results, Contestant.PIPELINE) is None


@pytest.mark.parametrize(("calls", "is_kept", "word"), [(25, True, "PASS"), (26, False, "FAIL")])
def test_the_promise_is_at_most_25_calls(calls: int, *, is_kept: bool, word: str) -> None:
    verdict = judge_calls([_result(run=_run(calls=calls))])

    assert (verdict.calls, verdict.is_kept) == (calls, is_kept)
    assert verdict.sentence.startswith(word)


@pytest.mark.parametrize(
    "results",
    [
        [],
        [_result(leads=1_000)],
        [_result(Contestant.BLIND_UPSERT)],
        [_result(missing=1)],
        [_result(run=_run(problem="a gate failed"))],
    ],
    ids=["nothing", "another size", "another contestant", "leads missing", "stopped"],
)
def test_the_promise_is_judged_on_a_complete_run_at_its_size_only(results: list[Result]) -> None:
    verdict = judge_calls(results)

    assert verdict.is_kept is None
    assert verdict.sentence.startswith("NOT MEASURED")


def test_problems_of_both_runs_are_told() -> None:
    second = SecondRun(run=_run(problem="second"), duplicates=0, edits=100, edits_kept=40)
    result = replace(_result(run=_run(problem="first")), second=second)

    assert result.problems == ("first", "second")
    assert second.edits_overwritten == 60

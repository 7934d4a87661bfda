from dataclasses import replace

import pytest

from lead_pipeline_tests.bench.contestants import Contestant
from lead_pipeline_tests.bench.enrichment_growth import growth, in_turns, medians
from lead_pipeline_tests.bench.measurements import Result
from lead_pipeline_tests.bench.org_speed import OrgSpeed
from lead_pipeline_tests.bench.result_builders import a_result, a_run, an_enrichment
from lead_pipeline_tests.bench.verdicts import judge_calls, judge_growth, judge_org_speed

JUST_QUICK_ENOUGH = OrgSpeed(
    org_leads=1_000_000,
    load_rows_per_second=1.0,
    start_seconds=2.0,
    query_page_ms=150.0,
    slowest_query_page_ms=900.0,
    ingest_rows_per_second=3_000.0,
    creates_per_second=200.0,
)


@pytest.mark.parametrize(("calls", "is_kept", "word"), [(25, True, "PASS"), (26, False, "FAIL")])
def test_the_promise_is_at_most_25_calls(calls: int, *, is_kept: bool, word: str) -> None:
    verdict = judge_calls([a_result(run=a_run(calls=calls))])

    assert (verdict.figure, verdict.is_kept) == (calls, is_kept)
    assert verdict.sentence.startswith(word)


@pytest.mark.parametrize(
    "results",
    [
        [],
        [a_result(leads=1_000)],
        [a_result(Contestant.BLIND_UPSERT)],
        [a_result(missing=1)],
        [a_result(run=a_run(problem="a gate failed"))],
    ],
    ids=["nothing", "another size", "another contestant", "leads missing", "stopped"],
)
def test_the_promise_is_judged_on_a_complete_run_at_its_size_only(results: list[Result]) -> None:
    verdict = judge_calls(results)

    assert verdict.is_kept is None
    assert verdict.sentence.startswith("NOT MEASURED")


def test_the_small_size_is_measured_before_and_after_the_large_one() -> None:
    assert in_turns((10, 100)) == [10, 10, 10, 100, 10, 10, 10]
    assert in_turns((100,)) == [100]


def test_growth_is_that_of_the_medians() -> None:
    speeds = [an_enrichment(leads=10, cpu_ms=cpu_ms) for cpu_ms in (9.0, 2.0, 1.0)]
    large = an_enrichment(leads=100, cpu_ms=3.0)

    assert medians([large, *speeds]) == [speeds[1], large]
    assert growth([large, *speeds]) == pytest.approx(15.0)
    assert growth([large]) is None


@pytest.mark.parametrize(("cpu_ms", "is_kept"), [(1.1, True), (1.2, False)])
def test_ten_times_the_leads_may_take_eleven_times_the_work(cpu_ms: float, *, is_kept: bool) -> None:
    speeds = [an_enrichment(leads=1_000, cpu_ms=1.0), an_enrichment(leads=10_000, cpu_ms=cpu_ms)]

    assert judge_growth(speeds).is_kept is is_kept


@pytest.mark.parametrize("sizes", [(), (1_000,), (1_000, 2_000)])
def test_growth_is_judged_between_its_two_sizes_only(sizes: tuple[int, ...]) -> None:
    assert judge_growth([an_enrichment(leads=size, cpu_ms=1.0) for size in sizes]).is_kept is None


def test_an_org_at_its_limits_is_quick_enough() -> None:
    assert [verdict.is_kept for verdict in judge_org_speed(JUST_QUICK_ENOUGH)] == [True] * 4


@pytest.mark.parametrize(
    ("place", "slow"),
    [
        (0, replace(JUST_QUICK_ENOUGH, start_seconds=2.1)),
        (1, replace(JUST_QUICK_ENOUGH, query_page_ms=151.0)),
        (2, replace(JUST_QUICK_ENOUGH, ingest_rows_per_second=2_999.0)),
        (3, replace(JUST_QUICK_ENOUGH, creates_per_second=199.0)),
    ],
    ids=["start", "page", "ingest", "creates"],
)
def test_each_figure_of_the_org_has_its_limit(place: int, slow: OrgSpeed) -> None:
    assert [index for index, verdict in enumerate(judge_org_speed(slow)) if not verdict.is_kept] == [place]


def test_what_was_not_measured_is_not_judged() -> None:
    small = judge_org_speed(replace(JUST_QUICK_ENOUGH, org_leads=100_000))

    assert [verdict.is_kept for verdict in small] == [True, None, True, True]
    assert [verdict.is_kept for verdict in judge_org_speed(None)] == [None] * 4

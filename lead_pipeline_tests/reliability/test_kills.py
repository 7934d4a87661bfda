"""A night that is killed anywhere loses nothing, writes nothing twice and overwrites nobody."""

import pytest

from lead_pipeline_tests.reliability.crash_points import Moment
from lead_pipeline_tests.reliability.kills import (
    LATE_SECONDS,
    Disturbance,
    KillRun,
    WritePath,
    choose_evenly,
    list_runs,
    play,
    take_census,
)
from lead_pipeline_tests.reliability.laboratory import Laboratory

RELEASE_KILLS = 150

#: Place -> the times at which it is a place to die: first, middle and last.
CALL_DEATHS = {
    "pull.before_extract_page_commit": (3,),
    "pull.after_extract_page_commit": (1, 3, 5),
    "normalize.after_normalize_commit": (1,),
    "match.after_match_commit": (1,),
    "plan.after_plan_commit": (1,),
    "plan.in_gates": (1,),
    "write.after_fresh_read": (1,),
    "write.before_intent_commit": (1, 5, 8),
    "write.after_intent_commit": (1, 5, 8),
    "write.after_send": (1, 5, 8),
    "write.answer_on_its_way": (1, 5, 8),
    "write.in_answer_parse": (1, 5, 8),
    "write.after_answer": (1, 5, 8),
    "write.before_review_question_commit": (1,),
    "write.after_result_commit": (1, 5, 8),
    "read_back.in_gates": (5,),
    "hand_over.after_assignment_commit": (1,),
    "hand_over.after_send": (1, 4, 7),
    "hand_over.after_result_commit": (1, 7),
}
JOB_DEATHS = {
    "write.after_job_creation": (1,),
    "write.after_job_upload": (2,),
    "write.after_job_close": (4,),
}
#: Killed in the midst of a write, and killed again while the next night finds out what became of it.
DOUBLE_DEATHS = (
    (WritePath.CALLS, "write.after_send", "write.in_reconciliation"),
    (WritePath.JOBS, "write.after_job_close", "write.in_reconciliation"),
)

#: Deaths that once left something unsettled, kept for ever.
FOUND_DEATHS = (
    # The answer of a hand-over got lost, it landed after the next night had given it up, and no night credited it.
    KillRun(WritePath.CALLS, Moment("hand_over.after_result_commit", 9), Disturbance.LATE_COMMIT, late_seconds=4.0),
)


def picked_runs() -> list[KillRun]:
    """The kills of every test run; each takes its turn in what the org does besides."""
    deaths = [
        *((WritePath.CALLS, Moment(place, nth)) for place, times in CALL_DEATHS.items() for nth in times),
        *((WritePath.JOBS, Moment(place, nth)) for place, times in JOB_DEATHS.items() for nth in times),
    ]
    kinds = list(Disturbance)
    singles = [
        KillRun(path, moment, kinds[number % len(kinds)], late_seconds=LATE_SECONDS[number // 3 % len(LATE_SECONDS)])
        for number, (path, moment) in enumerate(deaths)
    ]
    doubles = [KillRun(path, Moment(first, 2), second_death=Moment(second, 1)) for path, first, second in DOUBLE_DEATHS]
    return [*singles, *doubles, *FOUND_DEATHS]


@pytest.mark.parametrize("run", picked_runs(), ids=str)
def test_a_killed_night_is_put_right_by_the_next_ones(laboratory: Laboratory, run: KillRun) -> None:
    result = play(laboratory, run)

    assert result.was_killed, "the moment never came: the steps of a night have changed, pick another one"
    assert result.breaches == ()


def test_at_least_forty_nights_are_killed_in_every_test_run() -> None:
    assert len(picked_runs()) >= 40


@pytest.mark.slow
@pytest.mark.parametrize("path", WritePath)
@pytest.mark.parametrize("disturbance", Disturbance)
def test_a_night_may_die_at_any_place_it_passes(
    laboratory: Laboratory, path: WritePath, disturbance: Disturbance
) -> None:
    runs = list_runs(path, disturbance, take_census(laboratory, path, disturbance))

    results = [play(laboratory, run) for run in choose_evenly(runs, RELEASE_KILLS // 6)]

    assert {str(result.run): result.breaches for result in results if result.breaches} == {}
    assert sum(result.was_killed for result in results) >= 0.95 * len(results)  # a lost answer may shift the last times

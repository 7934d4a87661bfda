"""The figures of `make reliability` add up, and a run that fell short of what was asked for says so."""

from dataclasses import replace

import pytest

from lead_pipeline_tests.reliability.__main__ import Seen, carry_out, exit_code, summarize
from lead_pipeline_tests.reliability.crash_points import Moment
from lead_pipeline_tests.reliability.kills import Disturbance, KillResult, KillRun, WritePath
from lead_pipeline_tests.reliability_figures import KEYS, draw_table, find_shortfalls, join, run_part

SIMULATED = {
    "seeds": 300,
    "faults": 2_400,
    "crashes": 700,
    "kills": 0,
    "violations": 0,
    "sabotages_caught": 20,
    "sabotages": 20,
    "table": [["stories (seeds)", "300"]],
}
ASKED = {"seeds": 300, "kills": 2, "postgres_restarts": 1}


def kill(*, was_killed: bool = True, breaches: tuple[str, ...] = ()) -> KillResult:
    """How one death ended."""
    return KillResult(
        run=KillRun(WritePath.CALLS, Moment("write.after_send", 1)),
        was_killed=was_killed,
        passes=1,
        recovery_seconds=4.0,
        bought_again=0,
        breaches=breaches,
    )


def test_both_parts_are_added_up_into_the_keys_of_the_last_line() -> None:
    killed = summarize(Seen(2, [kill(), kill()]), Seen(1, [kill()]), seconds=60.0)

    figures = join(SIMULATED, killed)

    assert tuple(figures) == KEYS
    assert (figures["seeds"], figures["kills"], figures["postgres_restarts"], figures["violations"]) == (300, 2, 1, 0)
    assert list(find_shortfalls(figures, **ASKED)) == []


def test_the_table_holds_the_rows_of_both_parts() -> None:
    killed = summarize(Seen(1, [kill()]), Seen(1, [kill()]), seconds=60.0)

    table = "\n".join(draw_table(SIMULATED, killed))

    assert "| stories (seeds) | 300 |" in table
    assert "| Postgres killed under a night and started again | 1 |" in table


@pytest.mark.parametrize(
    ("nights", "servers"),
    [
        (Seen(1, [kill(was_killed=False)]), Seen(0)),
        (Seen(0), Seen(2, [kill()])),
        (Seen(1, [kill(breaches=("I3 00Q: changed outside its policy",))]), Seen(0)),
    ],
    ids=["a moment that never came", "a server too few", "a broken promise"],
)
def test_deaths_that_fall_short_end_with_an_error(nights: Seen, servers: Seen) -> None:
    assert exit_code(nights, servers) == 1


def test_a_few_deaths_hit_different_places_and_spares_stand_in_for_missed_moments() -> None:
    moments = [
        KillRun(path, Moment(place, nth), disturbance)
        for path in WritePath
        for disturbance in Disturbance
        for place in ("match.after_match_commit", "plan.after_plan_commit", "write.after_send")
        for nth in (1, 2, 3)
    ]
    never = "plan.after_plan_commit"

    seen = carry_out(moments, count=6, how=lambda run: replace(kill(was_killed=run.death.place != never), run=run))

    assert seen.deaths == 6
    assert len({result.run.death.place for result in seen.results}) == 3
    assert [result.run.death.place for result in seen.results if not result.was_killed] == [never] * 3


def test_deaths_that_all_came_about_and_broke_nothing_end_well() -> None:
    assert exit_code(Seen(1, [kill(was_killed=False), kill()]), Seen(1, [kill()])) == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": 299}, "299 seeds of 300 that were asked for"),
        ({"kills": 1}, "1 kills of 2 that were asked for"),
        ({"postgres_restarts": 0}, "0 postgres restarts of 1 that were asked for"),
        ({"sabotages_caught": 19}, "19 of 20 breakages were seen"),
        ({"sabotages_caught": 0, "sabotages": 0}, "0 of 0 breakages were seen"),
        ({"violations": 3}, "3 times a promise was broken"),
    ],
)
def test_what_is_missing_is_said(changes: dict[str, int], said: str) -> None:
    figures = {**join(SIMULATED, {"kills": 2, "postgres_restarts": 1}), **changes}

    assert list(find_shortfalls(figures, **ASKED)) == [said]


def test_a_part_that_ends_without_its_summary_counts_as_failed() -> None:
    assert run_part(["lead_pipeline_tests.no_such_part"]) == ({}, 1)

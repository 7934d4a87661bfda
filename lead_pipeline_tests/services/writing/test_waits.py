"""How long a write waits before it is sent again: noted by the wait that the engine is given, on the org's clock."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from lead_pipeline.errors import OrgAwayError
from lead_pipeline_tests.services.write_bench import WriteBench, person

pytestmark = pytest.mark.slow  # what a refusal is worth is tried in every run; this is about the seconds

INSERTS = {"route": "composite/sobjects", "method": "POST"}
OF_A_PROXY = "slow down"  # Salesforce itself asks for no pause
LONGEST = 60.0  # seconds; the cap of a pause that the org asks for


def write_and_note(bench: WriteBench, *, number: int = 1, chance: Callable[[], float] = lambda: 0.0) -> list[float]:
    """Write one new person and return the seconds of every wait; unless given, chance shortens none."""
    bench.add_leads(person(number))
    bench.prepare()
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        bench.wait(seconds)

    bench.write(wait=wait, chance=chance)
    return waits


def test_the_waits_of_a_refusal_for_the_time_being_double_and_end_with_the_third_retry(bench: WriteBench) -> None:
    bench.fault("row_lock", **INSERTS)

    assert write_and_note(bench) == [1.0, 2.0, 4.0]
    assert bench.outcomes() == {"lead-00001": "dead_letter"}


def test_two_sessions_that_were_refused_together_do_not_come_back_together(bench: WriteBench) -> None:
    bench.fault("row_lock", **INSERTS)

    first = write_and_note(bench, number=1, chance=Random(1).random)  # noqa: S311  # seeded randomness is the point
    second = write_and_note(bench, number=2, chance=Random(2).random)  # noqa: S311  # seeded randomness is the point

    assert all(one != other for one, other in zip(first, second, strict=True))
    for waits in (first, second):
        assert all(longest / 2 <= waited <= longest for waited, longest in zip(waits, (1.0, 2.0, 4.0), strict=True))


def test_chance_never_shortens_the_pause_that_the_org_asks_for(bench: WriteBench) -> None:
    bench.fault("status", status=429, body=OF_A_PROXY, retry_after_seconds=7, times=1, **INSERTS)

    assert write_and_note(bench, chance=lambda: 1.0) == [7.0, 0.5]


def test_a_refusal_for_good_is_waited_for_not_at_all(bench: WriteBench) -> None:
    bench.fault("partial_failure", code="FIELD_CUSTOM_VALIDATION_EXCEPTION", **INSERTS)

    assert write_and_note(bench) == []


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ({"retry_after_seconds": 7}, 7.0),
        ({"retry_after_seconds": 3_600}, LONGEST),
        ({"retry_after_date_seconds": 30}, 30.0),
        ({"retry_after_date_seconds": 3_600}, LONGEST),
    ],
    ids=["seconds", "too many seconds", "a date", "a date too far off"],
)
def test_the_pause_that_the_org_asks_for_is_kept_in_seconds_or_as_a_date_up_to_the_longest(
    bench: WriteBench, asked: dict[str, Any], waited: float
) -> None:
    bench.fault("status", status=429, body=OF_A_PROXY, times=1, **asked, **INSERTS)

    waits = write_and_note(bench)

    # A date has whole seconds; the first wait of our own rule comes on top.
    assert waits == [pytest.approx(waited, abs=1.0), 1.0]
    assert bench.outcomes() == {"lead-00001": "created"}


@pytest.mark.parametrize("body", [OF_A_PROXY, [{"errorCode": "TOO_MANY_REQUESTS", "message": "slow down"}]])
def test_who_asks_for_a_pause_every_time_is_asked_four_times(bench: WriteBench, body: object) -> None:
    bench.fault("status", status=429, body=body, retry_after_seconds=7, **INSERTS)
    bench.add_leads(person(1))
    bench.prepare()
    waits: list[float] = []

    with pytest.raises(OrgAwayError):
        bench.write(wait=waits.append)

    assert waits == [7.0, 1.0, 7.0, 2.0, 7.0, 4.0, 7.0]
    assert bench.outcomes() == {}

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lead_pipeline.sandbox.control_plane import SandboxClock

MOMENT = datetime(2030, 5, 1, 6, tzinfo=UTC)


def test_a_clock_that_was_never_set_shows_real_time() -> None:
    assert abs(SandboxClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_set_clock_goes_on_ticking_from_the_moment_it_was_set_to() -> None:
    clock = SandboxClock()
    clock.set(MOMENT)

    first, second = clock.now(), clock.now()

    assert MOMENT <= first <= second < MOMENT + timedelta(seconds=5)


def test_a_frozen_clock_moves_only_when_it_is_advanced() -> None:
    clock = SandboxClock()
    clock.set(MOMENT, frozen=True)
    clock.advance(timedelta(minutes=10))

    assert clock.now() == clock.now() == MOMENT + timedelta(minutes=10)


def test_a_moment_of_another_zone_is_shown_in_utc() -> None:
    clock = SandboxClock()
    clock.set(MOMENT.astimezone(timezone(timedelta(hours=5))), frozen=True)

    assert (clock.now(), clock.now().tzinfo) == (MOMENT, UTC)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        SandboxClock().set(MOMENT.replace(tzinfo=None))


def test_a_reset_clock_is_back_at_real_time() -> None:
    clock = SandboxClock()
    clock.set(MOMENT, frozen=True)
    clock.reset()

    assert not clock.is_frozen
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)

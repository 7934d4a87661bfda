"""How often a call is repeated and how long is waited, measured with a sleep that only takes notes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_pipeline.errors import (
    ConfigurationError,
    LeadPipelineError,
    OutOfCreditsError,
    ServiceUnavailableError,
    TransportFaultError,
)
from lead_pipeline.transport.retries import (
    BATCH_RETRIES,
    MAX_RETRY_AFTER_SECONDS,
    REALTIME_RETRIES,
    Retries,
    RetryPolicy,
)

BUSY = ServiceUnavailableError("Dievio", "search", status=503)
PLAIN = RetryPolicy(attempts=4, base_seconds=1.0, ceiling_seconds=3.0)


class Call:
    """A call that fails with each fault in turn and then answers."""

    def __init__(self, *faults: LeadPipelineError) -> None:
        self._faults = list(faults)
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self._faults:
            raise self._faults.pop(0)
        return "answer"


def _retries(waits: list[float], *, policy: RetryPolicy = PLAIN, chance: Callable[[], float] = lambda: 0.0) -> Retries:
    return Retries(policy, sleep=waits.append, chance=chance)


def test_a_call_that_answers_is_made_once() -> None:
    waits: list[float] = []
    call = Call()

    assert _retries(waits).call(call) == "answer"
    assert (call.tries, waits) == (1, [])


def test_waits_double_up_to_the_ceiling() -> None:
    waits: list[float] = []

    assert _retries(waits).call(Call(BUSY, BUSY, BUSY)) == "answer"
    assert waits == [1.0, 2.0, 3.0]


def test_the_last_fault_is_raised_when_the_tries_are_used_up() -> None:
    waits: list[float] = []
    call = Call(*[BUSY] * 9)

    with pytest.raises(ServiceUnavailableError):
        _retries(waits).call(call)

    assert call.tries == 4
    assert len(waits) == 3


def test_chance_shortens_a_wait_by_half_at_most() -> None:
    waits: list[float] = []

    _retries(waits, chance=lambda: 1.0).call(Call(BUSY, BUSY))

    assert waits == [0.5, 1.0]


@pytest.mark.parametrize(
    ("asked", "waited"), [(7.0, 7.0), (0.0, 0.0), (-5.0, 0.0), (86_400.0, MAX_RETRY_AFTER_SECONDS), (None, 1.0)]
)
def test_the_servers_wish_goes_before_our_rule_but_not_for_ever(asked: float | None, waited: float) -> None:
    waits: list[float] = []
    fault = ServiceUnavailableError("Dievio", "search", status=429, retry_after_seconds=asked)

    _retries(waits).call(Call(fault))

    assert waits == [waited]


@pytest.mark.parametrize(
    "fault",
    [
        ConfigurationError("Dievio", what="refused", repair="Mend it"),
        OutOfCreditsError("segment"),
        TransportFaultError("Dievio", "search", cause="read timeout", is_sent=True),
    ],
    ids=["permanent", "out of credits", "perhaps done"],
)
def test_what_is_permanent_or_perhaps_done_is_never_repeated(fault: LeadPipelineError) -> None:
    waits: list[float] = []
    call = Call(fault)

    with pytest.raises(type(fault)):
        _retries(waits).call(call)

    assert (call.tries, waits) == (1, [])


def test_a_call_that_never_left_is_repeated() -> None:
    call = Call(TransportFaultError("Dievio", "search", cause="connect timeout", is_sent=False))

    assert _retries([]).call(call) == "answer"
    assert call.tries == 2


@pytest.mark.parametrize("policy", [BATCH_RETRIES, REALTIME_RETRIES])
def test_both_policies_make_one_try_and_three_retries(policy: RetryPolicy) -> None:
    call = Call(*[BUSY] * 9)

    with pytest.raises(ServiceUnavailableError):
        _retries([], policy=policy).call(call)

    assert call.tries == 4


@pytest.mark.parametrize(("policy", "longest"), [(BATCH_RETRIES, [1.0, 2.0, 4.0]), (REALTIME_RETRIES, [0.2, 0.4, 0.8])])
@pytest.mark.parametrize(("chance", "share"), [(0.0, 1.0), (0.5, 0.75), (1.0, 0.5)])
def test_a_night_waits_longer_than_a_webhook_and_chance_moves_both_within_their_bounds(
    policy: RetryPolicy, longest: list[float], chance: float, share: float
) -> None:
    waits: list[float] = []

    _retries(waits, policy=policy, chance=lambda: chance).call(Call(BUSY, BUSY, BUSY))

    assert waits == pytest.approx([wait * share for wait in longest])


def test_a_realtime_call_gives_up_within_seconds() -> None:
    waits = [REALTIME_RETRIES.wait_seconds(failures) for failures in range(1, REALTIME_RETRIES.attempts)]

    assert sum(waits) < 10


@given(
    failures=st.integers(min_value=1, max_value=60),
    chance=st.floats(min_value=0.0, max_value=1.0),
    asked=st.none() | st.floats(min_value=0.0, max_value=10_000.0),
)
def test_a_wait_is_between_half_and_whole_never_above_its_cap_and_never_below_what_is_asked(
    failures: int, chance: float, asked: float | None
) -> None:
    for policy in (BATCH_RETRIES, REALTIME_RETRIES):
        wait = policy.wait_seconds(failures, retry_after_seconds=asked, chance=chance)
        whole = min(policy.base_seconds * 2.0 ** (failures - 1), policy.ceiling_seconds)

        if asked is not None:
            assert wait == min(asked, MAX_RETRY_AFTER_SECONDS)
        else:
            assert whole / 2 <= wait <= whole <= policy.ceiling_seconds

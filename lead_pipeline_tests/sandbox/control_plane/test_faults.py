from typing import Any

import pytest

from lead_pipeline.sandbox.control_plane import FaultBook, FaultRule, InvalidFaultError

CALLS = 12

STRIKES: list[tuple[str, dict[str, Any], list[int]]] = [
    ("no criterion strikes always", {}, list(range(1, 13))),
    ("nth strikes once", {"nth": 3}, [3]),
    ("every strikes at each so many", {"every": 5}, [5, 10]),
    ("times limits the strikes", {"times": 2}, [1, 2]),
    ("every and times", {"every": 2, "times": 3}, [2, 4, 6]),
    ("another method never matches", {"method": "GET"}, []),
    ("the method's case does not matter", {"method": "post", "nth": 1}, [1]),
    ("part of the route is enough", {"route": "/leads", "nth": 2}, [2]),
    ("part of the path is enough", {"route": "/leads/7", "nth": 2}, [2]),
    ("another route never matches", {"route": "/contacts"}, []),
    ("text in the body", {"body_contains": "call 4", "nth": 1}, [4]),
    ("no chance", {"probability": 0}, []),
    ("certainty", {"probability": 1, "times": 1}, [1]),
]


def strikes_of(rule: FaultRule) -> list[int]:
    book = FaultBook()
    book.add(rule)
    return [
        call
        for call in range(1, CALLS + 1)
        if book.fire(method="POST", names=("/leads/{id}", "/leads/7"), body=f"call {call} ".encode())
    ]


@pytest.mark.parametrize(("criteria", "expected"), [case[1:] for case in STRIKES], ids=[case[0] for case in STRIKES])
def test_a_rule_strikes_exactly_the_calls_it_describes(criteria: dict[str, Any], expected: list[int]) -> None:
    assert strikes_of(FaultRule("slow", **criteria)) == expected


def test_chance_is_drawn_from_the_seed() -> None:
    drawn = {seed: strikes_of(FaultRule("slow", probability=0.5, seed=seed)) for seed in range(5)}

    assert drawn == {seed: strikes_of(FaultRule("slow", probability=0.5, seed=seed)) for seed in range(5)}
    assert len({tuple(calls) for calls in drawn.values()}) > 1


INVALID: list[tuple[object, str]] = [
    ("slow", "JSON object"),
    ({}, "kind"),
    ({"kind": ""}, "kind"),
    ({"kind": "slow", "nth": 0}, "nth"),
    ({"kind": "slow", "every": "2"}, "every"),
    ({"kind": "slow", "probability": 2}, "probability"),
    ({"kind": "slow", "secs": 2}, "secs; it knows seconds"),
    ({"kind": "slow", "seconds": "long"}, "number"),
    ({"kind": "slow", "method": 7}, "method"),
    ({"kind": "slow", "record_index": -1}, "record_index"),
    ({"kind": "slow", "seed": "x"}, "seed"),
]


@pytest.mark.parametrize(("document", "culprit"), INVALID)
def test_a_rule_that_cannot_work_is_refused_by_name(document: object, culprit: str) -> None:
    with pytest.raises(InvalidFaultError, match=culprit):
        FaultRule.from_json(document)


def test_keys_that_are_no_criteria_are_parameters_of_the_fault() -> None:
    rule = FaultRule.from_json({"kind": "row_lock", "nth": 2, "record_index": 5, "code": "UNABLE_TO_LOCK_ROW"})

    assert (rule.nth, rule.record_index, rule.params) == (2, 5, {"code": "UNABLE_TO_LOCK_ROW"})
    assert rule.to_json()["code"] == "UNABLE_TO_LOCK_ROW"


def test_the_book_tells_how_often_each_rule_matched_and_fired() -> None:
    book = FaultBook()
    book.add(FaultRule("slow", every=2))
    for _ in range(5):
        book.fire(method="GET", names=("/",), body=b"")

    assert book.to_json() == [
        {"id": 1, "kind": "slow", "every": 2, "seed": 0, "matched": 5, "fired": 2},
    ]

"""Who goes first: every part of the batch is shown, the choice can be repeated, and nobody is chosen twice."""

from dataclasses import replace

import pytest

from lead_pipeline.domain.decisions import Decision, FieldVerdict
from lead_pipeline.domain.sampling import (
    BY_LOT,
    Candidate,
    EdgeCase,
    ScopeKind,
    choose_next,
    choose_sample,
    find_edge_cases,
    measure_coverage,
)

PLAIN = {"first_name": "Erika", "last_name": "Beispiel", "email": "erika@acme.example", "phone": "+4930123456"}


def candidate(name: str, **changes: object) -> Candidate:
    entry = Candidate(
        dievio_lead_id=name,
        segment="dach",
        decision=Decision.CREATE,
        reason_code="new_person",
        object_name="Lead",
        values=PLAIN,
    )
    return replace(entry, **changes)  # type: ignore[arg-type]  # the fields of a candidate


MANY = [candidate(f"plain-{number}") for number in range(300)]
RARE = [
    candidate("update", decision=Decision.UPDATE, reason_code="fields_changed"),
    candidate("review", decision=Decision.REVIEW, reason_code="several_candidates", candidate_count=2),
    candidate("skip", decision=Decision.SKIP, reason_code="no_change"),
    candidate("other-search", segment="us"),
    candidate("role", flags=("email_role",)),
    candidate("no-mail", values=PLAIN | {"email": None}),
    candidate("contact", object_name="Contact", decision=Decision.UPDATE, reason_code="fields_changed"),
]


@pytest.mark.parametrize(
    ("changes", "case"),
    [
        ({"values": PLAIN | {"last_name": "B" * 41}}, EdgeCase.LONG_TEXT),
        ({"values": PLAIN | {"first_name": "Jürgen"}}, EdgeCase.FOREIGN_LETTERS),
        ({"values": PLAIN | {"email": ""}}, EdgeCase.NO_EMAIL),
        ({"values": PLAIN | {"phone": None}}, EdgeCase.NO_PHONE),
        ({"candidate_count": 1}, EdgeCase.NEAR_DUPLICATE),
        ({"has_namesake": True}, EdgeCase.NAMESAKE),
        ({"object_name": "Contact"}, EdgeCase.EXISTING_CONTACT),
        ({"verdicts": frozenset({FieldVerdict.KEPT_REP_VALUE})}, EdgeCase.REP_VALUE),
        ({"verdicts": frozenset({FieldVerdict.REFUSED_INVALID})}, EdgeCase.REFUSED_VALUE),
        ({"is_trimmed": True}, EdgeCase.TRIMMED),
        ({"flags": ("email_placeholder",)}, "email_placeholder"),
    ],
)
def test_what_makes_a_lead_an_edge_case(changes: dict[str, object], case: str) -> None:
    assert find_edge_cases(candidate("x")) == ()
    assert find_edge_cases(candidate("x", **changes)) == (case,)


def test_a_certain_match_is_no_near_duplicate() -> None:
    assert find_edge_cases(candidate("x", decision=Decision.UPDATE, candidate_count=1)) == ()


def test_a_sample_shows_every_search_decision_and_edge_case() -> None:
    chosen = choose_sample([*MANY, *RARE], 20)

    assert len(chosen) == 20
    assert {entry.dievio_lead_id for entry in RARE} <= {choice.dievio_lead_id for choice in chosen}
    reasons = {choice.dievio_lead_id: choice.reason for choice in chosen}
    assert reasons["role"] == "edge case: email_role"
    assert BY_LOT in reasons.values()


def test_the_same_leads_give_the_same_sample_in_any_order() -> None:
    leads = [*MANY, *RARE]

    assert set(choose_sample(leads, 50)) == set(choose_sample(list(reversed(leads)), 50))


def test_a_sample_that_was_chosen_is_not_chosen_again_and_a_larger_one_only_adds() -> None:
    leads = [*MANY, *RARE]
    first = {choice.dievio_lead_id for choice in choose_sample(leads, 30)}
    after = [
        replace(entry, chosen_for=ScopeKind.SAMPLE, is_settled=True) if entry.dievio_lead_id in first else entry
        for entry in leads
    ]

    assert choose_sample(after, 30) == []
    further = {choice.dievio_lead_id for choice in choose_sample(after, 40)}
    assert len(further) == 10
    assert further.isdisjoint(first)


@pytest.mark.parametrize("size", [1, 7, 306, 307, 1000])
def test_a_sample_is_never_larger_than_asked_or_than_the_batch(size: int) -> None:
    chosen = choose_sample([*MANY, *RARE], size)

    assert len({choice.dievio_lead_id for choice in chosen}) == len(chosen) == min(size, len(MANY) + len(RARE))


def test_settled_leads_and_an_empty_batch_give_nobody() -> None:
    assert choose_sample([replace(entry, is_settled=True) for entry in MANY], 10) == []
    assert choose_sample([], 10) == []


def test_the_next_ones_come_in_the_order_of_delivery_after_those_under_way() -> None:
    leads = [
        candidate("done", is_settled=True, chosen_for=ScopeKind.SAMPLE),
        candidate("under-way", chosen_for=ScopeKind.LIMIT),
        *(candidate(f"next-{number}") for number in range(5)),
    ]

    assert [choice.dievio_lead_id for choice in choose_next(leads, 3)] == ["next-0", "next-1"]
    assert choose_next(leads, 1) == []


def test_coverage_counts_planned_and_chosen_leads_of_each_part() -> None:
    lines = measure_coverage([candidate("a", chosen_for=ScopeKind.SAMPLE), candidate("b", flags=("email_role",))])

    assert {line.stratum: (line.planned, line.chosen) for line in lines} == {
        "create: new_person": (2, 1),
        "edge case: email_role": (1, 0),
        "search dach: create": (2, 1),
    }

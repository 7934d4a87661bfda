"""What agrees and what contradicts between two sets of keys."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.matching.comparison import Fit, PairComparison, compare_keys

NAMES = st.sampled_from([None, "", "anna", "ann", "a", "robert", "bob", "wei", "mathew", "matthew"])
EMAILS = st.sampled_from([None, "a@acme.example", "b@mail.acme.example", "c@gmail.example"])
KEY_SETS = st.builds(
    MatchKeys,
    em=EMAILS,
    li=st.sampled_from([None, "x", "y"]),
    dm=st.sampled_from([None, "acme.example"]),
    fn=NAMES,
    ln=NAMES,
)


@pytest.mark.parametrize(
    ("left", "right", "fit"),
    [
        ("anna", "anna", Fit.EQUAL),
        ("robert", "bob", Fit.COMPATIBLE),
        ("anna", "peter", Fit.DIFFERENT),
        (None, "anna", Fit.UNKNOWN),
        ("anna", None, Fit.UNKNOWN),
    ],
)
def test_given_names_fit(left: str | None, right: str | None, fit: Fit) -> None:
    assert compare_keys(MatchKeys(fn=left), MatchKeys(fn=right)).given is fit


@pytest.mark.parametrize(
    ("fit", "agrees"), [(Fit.EQUAL, True), (Fit.COMPATIBLE, True), (Fit.DIFFERENT, False), (Fit.UNKNOWN, False)]
)
def test_only_values_that_may_belong_together_agree(fit: Fit, agrees: bool) -> None:  # noqa: FBT001  # the case
    assert fit.agrees is agrees


WORK_EMAIL_CASES = {
    "another mailbox at the domain": ("a@acme.example", "b@acme.example", "acme.example", True),
    "another mailbox at a subdomain": ("a@acme.example", "b@eu.acme.example", "acme.example", True),
    "the same mailbox": ("a@acme.example", "a@acme.example", "acme.example", False),
    "a private mailbox": ("a@acme.example", "b@gmail.example", "acme.example", False),
    "a domain that only ends alike": ("a@acme.example", "b@notacme.example", "acme.example", False),
    "no mailbox": ("a@acme.example", None, "acme.example", False),
    "no domain": ("a@acme.example", "b@acme.example", None, False),
}


@pytest.mark.parametrize(("left", "right", "domain", "differs"), WORK_EMAIL_CASES.values(), ids=WORK_EMAIL_CASES)
def test_two_mailboxes_at_one_company_are_noticed(
    left: str,
    right: str | None,
    domain: str | None,
    differs: bool,  # noqa: FBT001  # the case
) -> None:
    pair = compare_keys(MatchKeys(em=left, dm=domain), MatchKeys(em=right, dm=domain))
    assert pair.has_different_work_email is differs


@given(KEY_SETS, KEY_SETS)
def test_a_comparison_does_not_depend_on_the_order(left: MatchKeys, right: MatchKeys) -> None:
    assert compare_keys(left, right) == compare_keys(right, left)


def test_evidence_names_every_key_that_both_sides_have_and_no_value() -> None:
    left = MatchKeys(em="a@acme.example", fn="anna", ln="beispiel", dm="acme.example")
    evidence = compare_keys(left, MatchKeys(em="b@acme.example", fn="ann", dm="acme.example")).as_evidence()
    assert evidence == {
        "given": "compatible",
        "email": "different",
        "domain": "equal",
        "has_different_work_email": True,
    }


def test_evidence_can_hold_every_comparison() -> None:
    full = MatchKeys(**{entry.name: "x" for entry in fields(MatchKeys)})
    assert set(compare_keys(full, full).as_evidence()) == {entry.name for entry in fields(PairComparison)}

"""Near names within one company."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lead_pipeline.domain.decisions import MatchGrade
from lead_pipeline.domain.matching import (
    CandidateRecord,
    LeadToMatch,
    MatchingPolicy,
    NameBlock,
    RuleName,
    find_near_names,
    find_near_twins,
    needs_near_names,
    remark_cut,
)
from lead_pipeline_tests.domain.matching.builders import answer, lead, record

POLICY = MatchingPolicy()


def near(of: LeadToMatch, *records: CandidateRecord, policy: MatchingPolicy = POLICY) -> list[str]:
    return [hit.record.salesforce_id for hit in find_near_names(of, [NameBlock(records=records)], policy=policy)]


QUIET: dict[str, Any] = {"em": None, "li": None}

FOUND = {
    "one letter lost": record(ln="beispil", **QUIET),
    "two letters swapped": record(ln="beispeil", **QUIET),
    "given name near as well": record(fn="erica", ln="beispil", **QUIET),
    "given name abbreviated": record(fn="e", ln="beispil", **QUIET),
    "another initial": record(ln="peispiel", **QUIET),
}
NOT_FOUND = {
    "another family name": record(ln="kovacs", **QUIET),
    "another given name": record(fn="peter", ln="beispil", **QUIET),
    "no given name": record(fn=None, ln="beispil", **QUIET),
    "another profile": record(ln="beispil", em=None, li="erika-2"),
    "another mailbox at the company": record(ln="beispil", em="e@acme.example", li=None),
}


@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND)
def test_a_near_name_is_found(found: CandidateRecord) -> None:
    assert near(lead(), found) == [found.salesforce_id]


@pytest.mark.parametrize("other", NOT_FOUND.values(), ids=NOT_FOUND)
def test_a_name_is_not_near_enough_or_contradicted(other: CandidateRecord) -> None:
    assert near(lead(), other) == []


def test_the_nearest_come_first_and_only_so_many() -> None:
    records = [
        record("00Q3", fn="erica", ln="beispil", **QUIET),
        record("00Q2", ln="beispil", **QUIET),
        record("00Q1", **QUIET),
    ]
    policy = replace(POLICY, max_candidates_per_rule=2)
    assert near(lead(), *records, policy=policy) == ["00Q1", "00Q2"]


def test_a_record_at_the_same_domain_and_company_is_found_once() -> None:
    block = NameBlock(records=[record(ln="beispil", **QUIET)])
    (hit,) = find_near_names(lead(), [block, block], policy=POLICY)
    assert hit.rule == RuleName.NEAR_NAME
    assert hit.score == pytest.approx(0.988, abs=0.01)


def test_near_names_are_sought_only_where_the_exact_rules_found_nobody() -> None:
    assert needs_near_names(lead(), answer().result)
    assert needs_near_names(lead(), answer((RuleName.JOB_CHANGE, record())).result)
    assert not needs_near_names(lead(), answer((RuleName.EMAIL, record())).result)
    assert not needs_near_names(lead(), answer((RuleName.NAME_AND_COMPANY, record())).result)


@pytest.mark.parametrize("keys", [{"fn": None}, {"ln": None}, {"dm": None, "co": None}])
def test_a_lead_without_names_or_company_has_no_near_names(keys: dict[str, None]) -> None:
    assert not needs_near_names(lead(**keys), answer().result)


def test_a_cut_block_is_said_in_the_result() -> None:
    outcome = remark_cut(answer(), POLICY)
    assert outcome.result.grade is MatchGrade.NONE
    assert "more than 500 people" in outcome.result.reason


def new_lead(number: int, **keys: str | None) -> LeadToMatch:
    return replace(lead(**{**QUIET, **keys}), dievio_lead_id=f"new-{number}")


def twins(*leads: LeadToMatch, policy: MatchingPolicy = POLICY) -> set[str]:
    return set(find_near_twins(leads, policy=policy))


def test_of_two_new_leads_with_like_names_at_one_company_the_later_waits() -> None:
    first, second = new_lead(1), new_lead(2, ln="beispil")
    assert twins(first, second) == {"new-2"}
    assert twins(second, first) == {"new-1"}
    assert twins(first, new_lead(2, ln="beispil", dm=None)) == {"new-2"}  # by the company's name
    assert twins(first, new_lead(2, ln="beispil", dm="other.example", co="other")) == set()


@pytest.mark.parametrize("other", NOT_FOUND.values(), ids=NOT_FOUND)
def test_new_leads_that_something_sets_apart_are_both_made(other: CandidateRecord) -> None:
    assert twins(lead(), LeadToMatch(dievio_lead_id="new-2", keys=other.keys)) == set()


def test_a_new_lead_is_compared_with_its_neighbours_only_in_a_company_of_many() -> None:
    crowd = [new_lead(number, ln=f"b{chr(97 + number)}nnnnnn") for number in range(20)]
    every, near_ones = twins(*crowd), twins(*crowd, policy=replace(POLICY, max_block_records=1))
    assert len(every) == 19
    assert near_ones <= every


def test_leads_without_a_name_or_a_company_are_twins_of_nobody() -> None:
    assert twins(new_lead(1, fn=None), new_lead(2, ln=None), new_lead(3, dm=None, co=None), new_lead(4)) == set()

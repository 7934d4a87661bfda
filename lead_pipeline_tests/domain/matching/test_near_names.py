"""Near names within one company."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lead_pipeline.domain.decisions import MatchGrade
from lead_pipeline.domain.matching import (
    CandidateRecord,
    LeadToMatch,
    MatchingPolicy,
    NameBlock,
    RuleName,
    find_near_names,
    needs_near_names,
    remark_cut,
)
from lead_pipeline_tests.domain.matching.builders import answer, lead, record

POLICY = MatchingPolicy()


def near(of: LeadToMatch, *records: CandidateRecord, policy: MatchingPolicy = POLICY) -> list[str]:
    return [hit.record.salesforce_id for hit in find_near_names(of, [NameBlock(records=records)], policy=policy)]


QUIET = {"em": None, "li": None}

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
    assert (hit.rule, hit.score) == (RuleName.NEAR_NAME, pytest.approx(0.988, abs=0.01))


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

"""The golden set of the match ladder: for each rule what is automatic, what is a question, and what outranks what."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_pipeline.domain.decisions import MatchGrade
from lead_pipeline.domain.matching import (
    LADDER,
    NEVER_AUTOMATIC,
    REASON_TEXTS,
    RULES,
    CandidateRecord,
    MatchingPolicy,
    MatchReason,
    PairAnswer,
    RuleName,
    RuleOutcome,
)
from lead_pipeline.domain.matching.policy import DEFAULT_OUTCOMES
from lead_pipeline_tests.domain.matching.builders import answer, contact, lead, record

ID, LINK, ANSWER = RuleName.EXTERNAL_ID, RuleName.LINK, RuleName.REMEMBERED_ANSWER
EM, LI, ND = RuleName.EMAIL, RuleName.LINKEDIN, RuleName.NAME_AND_DOMAIN
NC, NN, JC = RuleName.NAME_AND_COMPANY, RuleName.NEAR_NAME, RuleName.JOB_CHANGE

OTHER: dict[str, Any] = {"fn": "peter", "ln": "kovacs", "em": "p@x.example", "li": "p", "dm": "x.example", "co": "x"}

CERTAIN_CASES: dict[str, tuple[RuleName, CandidateRecord]] = {
    "id on the same person": (ID, record()),
    "id on a person who moved and changed the address": (ID, record(em="e@new.example", dm="new.example", co="new")),
    "id on a person who married": (ID, record(ln="kovacs", em="erika.kovacs@acme.example", li=None)),
    "id on a person whose profile agrees": (ID, record(fn="peter", ln="kovacs", em="p@x.example")),
    "id on a record without names": (ID, record(fn=None, ln=None, em=None, li=None)),
    "link to the same person": (LINK, record()),
    "answer of a person": (ANSWER, record(**OTHER)),
    "address and name equal": (EM, record()),
    "address and name of a contact": (EM, contact()),
    "address and initial": (EM, record(fn="e")),
    "address and nickname": (EM, record(fn="erica")),
    "address and another family name": (EM, record(ln="kovacs")),
    "profile and name": (LI, record(em=None)),
    "profile and another family name": (LI, record(em=None, ln="kovacs")),
    "profile and another given name": (LI, record(em=None, fn="peter")),
    "profile without names": (LI, record(em=None, fn=None, ln=None)),
    "name and domain, nothing else known": (ND, record(em=None, li=None)),
    "name and domain with a private address": (ND, record(em="erika@gmail.example", li=None)),
}


@pytest.mark.parametrize(("rule", "found"), CERTAIN_CASES.values(), ids=CERTAIN_CASES)
def test_one_person_is_linked_when(rule: RuleName, found: CandidateRecord) -> None:
    result = answer((rule, found)).result
    assert (result.grade, result.rule, result.salesforce_id, result.object_name, result.candidate_count) == (
        MatchGrade.CERTAIN,
        rule,
        found.salesforce_id,
        found.object_name,
        1,
    )


QUESTION_CASES: dict[str, tuple[RuleName, CandidateRecord, MatchReason]] = {
    "id on another person": (ID, record(**OTHER), MatchReason.ID_ON_OTHER_PERSON),
    "id on a namesake's sister": (ID, record(fn="peter", em="p@acme.example", li=None), MatchReason.ID_ON_OTHER_PERSON),
    "id on a deleted record": (ID, record(is_deleted=True), MatchReason.RECORD_GONE),
    "link to a deleted record": (LINK, record(is_deleted=True), MatchReason.RECORD_GONE),
    "id on a converted lead without contact": (ID, record(is_converted=True), MatchReason.RECORD_GONE),
    "address of somebody else": (EM, record(fn="peter"), MatchReason.NAMES_CONFLICT),
    "address without a given name": (EM, record(fn=None), MatchReason.NAMES_MISSING),
    "profile with both names different": (LI, record(em=None, fn="peter", ln="kovacs"), MatchReason.NAMES_CONFLICT),
    "name and domain, another profile": (ND, record(em=None, li="erika-2"), MatchReason.LINKEDIN_DIFFERS),
    "name and domain, another mailbox": (
        ND,
        record(em="e.beispiel@acme.example", li=None),
        MatchReason.WORK_EMAIL_DIFFERS,
    ),
    "name and company": (NC, record(em=None, li=None, dm=None), MatchReason.NAME_AND_COMPANY_ONLY),
    "near name": (NN, record(em=None, li=None, ln="beispeil"), MatchReason.NEAR_NAME),
    "name and phone elsewhere": (JC, record(em=None, li=None, co="new"), MatchReason.MAY_HAVE_CHANGED_JOB),
}


@pytest.mark.parametrize(("rule", "found", "reason"), QUESTION_CASES.values(), ids=QUESTION_CASES)
def test_a_person_is_asked_when(rule: RuleName, found: CandidateRecord, reason: MatchReason) -> None:
    result = answer((rule, found)).result
    assert (result.grade, result.rule, result.reason_code, result.salesforce_id) == (
        MatchGrade.POSSIBLE,
        rule,
        reason,
        None,
    )
    assert result.reason == REASON_TEXTS[reason]


def test_a_lead_whom_nobody_resembles_has_no_match() -> None:
    result = answer().result
    assert (result.grade, result.rule, result.reason_code, result.candidate_count) == (
        MatchGrade.NONE,
        None,
        MatchReason.NO_CANDIDATE,
        0,
    )


@pytest.mark.parametrize("rule", list(RuleName))
def test_two_people_are_always_a_question(rule: RuleName) -> None:
    result = answer((rule, record("00Q1")), (rule, record("00Q2"))).result
    assert (result.grade, result.reason_code, result.candidate_count) == (
        MatchGrade.POSSIBLE,
        MatchReason.SEVERAL_CANDIDATES,
        2,
    )


def test_a_contact_wins_over_a_lead_of_the_same_person() -> None:
    result = answer((EM, record("00Q1")), (EM, contact("0031"))).result
    assert (result.grade, result.object_name, result.salesforce_id) == (MatchGrade.CERTAIN, "Contact", "0031")


def test_a_lead_and_a_contact_with_other_names_on_one_address_are_two_people() -> None:
    result = answer((EM, record("00Q1")), (EM, contact("0031", fn="peter"))).result
    assert (result.reason_code, result.candidate_count) == (MatchReason.SEVERAL_CANDIDATES, 2)


@pytest.mark.parametrize("rule", [ID, LINK, EM, LI, ND])
def test_a_converted_lead_and_its_contact_are_one_person(rule: RuleName) -> None:
    converted, person = record("00Q1", contact="0031"), contact("0031")
    result = answer((rule, converted), (rule, person), directory=[converted, person]).result
    assert (result.grade, result.salesforce_id, result.candidate_count) == (MatchGrade.CERTAIN, "0031", 1)


def test_a_merged_record_with_our_id_leads_to_its_master() -> None:
    merged, master = record("00Q1", master="00Q2"), record("00Q2", em="other@acme.example")
    outcome = answer((ID, merged), directory=[merged, master])
    assert outcome.result.salesforce_id == "00Q2"
    assert outcome.evidence[0].salesforce_id == "00Q1"
    assert outcome.evidence[0].evidence["leads_to"] == "00Q2"


def test_a_deleted_record_is_forgotten_where_a_live_one_carries_our_id() -> None:
    result = answer((LINK, record("00Q1", is_deleted=True)), (ID, record("00Q2"))).result
    assert (result.grade, result.salesforce_id, result.rule) == (MatchGrade.CERTAIN, "00Q2", ID)


def test_an_id_and_a_link_on_two_records_are_a_question() -> None:
    result = answer((ID, record("00Q1")), (LINK, record("00Q2"))).result
    assert result.reason_code == MatchReason.SEVERAL_CANDIDATES


def test_an_address_and_a_profile_that_name_two_people_are_a_question() -> None:
    result = answer((EM, record("00Q1", li=None)), (LI, record("00Q2", em=None))).result
    assert (result.rule, result.reason_code) == (EM, MatchReason.SEVERAL_CANDIDATES)


def test_an_address_and_a_doubtful_profile_elsewhere_follow_the_address() -> None:
    stranger = record("00Q2", em=None, fn="peter", ln="kovacs")
    result = answer((EM, record("00Q1", li=None)), (LI, stranger)).result
    assert (result.grade, result.salesforce_id) == (MatchGrade.CERTAIN, "00Q1")


def test_a_namesake_at_the_same_domain_does_not_disturb_an_equal_address() -> None:
    namesake = record("00Q2", em="erika.beispiel2@acme.example", li=None)
    result = answer((EM, record("00Q1")), (ND, namesake)).result
    assert (result.grade, result.salesforce_id) == (MatchGrade.CERTAIN, "00Q1")


@given(st.permutations([ANSWER, ID, EM, LI, ND, NC, NN, JC]), st.integers(min_value=1, max_value=8))
def test_the_first_rule_of_the_ladder_decides_whatever_the_order_of_the_hits(order: list[RuleName], count: int) -> None:
    hits = order[:count]
    same = record("00Q1")
    first = min(hits, key=[rule.name for step in LADDER for rule in step].index)
    assert answer(*[(rule, same) for rule in hits]).result.rule == first


@pytest.mark.parametrize("rule", [EM, LI, ND, NC, NN, JC])
def test_a_pair_that_a_person_told_apart_is_never_asked_again(rule: RuleName) -> None:
    outcome = answer((rule, record("00Q1")), answers={"00Q1": PairAnswer.NOT_SAME})
    assert outcome.result.grade is MatchGrade.NONE
    assert [(entry.grade, entry.evidence["reason"]) for entry in outcome.evidence] == [
        (MatchGrade.NONE, MatchReason.ANSWERED_NOT_SAME)
    ]


def test_an_answer_about_a_contact_holds_for_the_lead_it_was_converted_from() -> None:
    converted, person = record("00Q1", contact="0031"), contact("0031")
    outcome = answer((EM, converted), directory=[person], answers={"0031": PairAnswer.NOT_SAME})
    assert outcome.result.grade is MatchGrade.NONE


@pytest.mark.parametrize("rule", [ID, LINK])
def test_our_id_on_a_record_that_a_person_told_apart_is_a_question(rule: RuleName) -> None:
    result = answer((rule, record()), answers={"00Q1": PairAnswer.NOT_SAME}).result
    assert result.reason_code == MatchReason.ID_ON_OTHER_PERSON


def test_an_answer_of_a_person_outranks_our_id() -> None:
    result = answer((ID, record("00Q1")), (ANSWER, record("00Q2", **OTHER))).result
    assert (result.grade, result.salesforce_id, result.rule) == (MatchGrade.CERTAIN, "00Q2", ANSWER)


def with_outcome(rule: RuleName, outcome: RuleOutcome) -> MatchingPolicy:
    return MatchingPolicy(outcomes=MappingProxyType({**DEFAULT_OUTCOMES, rule: outcome}))


@pytest.mark.parametrize("rule", [ID, LINK, EM, LI, ND])
def test_an_automatic_rule_may_be_set_to_review_or_skip(rule: RuleName) -> None:
    review = answer(
        (rule, record(em=None, li=None) if rule is ND else record()), policy=with_outcome(rule, RuleOutcome.REVIEW)
    )
    skip = answer(
        (rule, record(em=None, li=None) if rule is ND else record()), policy=with_outcome(rule, RuleOutcome.SKIP)
    )
    assert (review.result.grade, review.result.reason_code) == (MatchGrade.POSSIBLE, MatchReason.RULE_SET_TO_REVIEW)
    assert (skip.result.salesforce_id, skip.result.reason_code) == (None, MatchReason.RULE_SET_TO_SKIP)


@pytest.mark.parametrize("rule", sorted(NEVER_AUTOMATIC))
def test_a_resemblance_may_be_set_to_skip(rule: RuleName) -> None:
    result = answer((rule, record()), policy=with_outcome(rule, RuleOutcome.SKIP)).result
    assert result.reason_code == MatchReason.RULE_SET_TO_SKIP


def test_a_doubt_about_a_pair_stays_a_question_where_the_rule_is_set_to_skip() -> None:
    result = answer((EM, record(fn="peter")), policy=with_outcome(EM, RuleOutcome.SKIP)).result
    assert result.reason_code == MatchReason.NAMES_CONFLICT


def test_another_mailbox_is_no_contradiction_where_the_setting_is_off() -> None:
    policy = replace(MatchingPolicy(), is_work_email_contradiction=False)
    result = answer((ND, record(em="e@acme.example", li=None)), policy=policy).result
    assert result.grade is MatchGrade.CERTAIN


def test_every_candidate_leaves_evidence_under_every_rule_that_found_it() -> None:
    outcome = answer((EM, record("00Q1")), (ND, record("00Q1")), (NC, record("00Q2", em=None)))
    assert [(entry.rule, entry.salesforce_id, entry.grade) for entry in outcome.evidence] == [
        (EM, "00Q1", MatchGrade.CERTAIN),
        (ND, "00Q1", MatchGrade.CERTAIN),
        (NC, "00Q2", MatchGrade.POSSIBLE),
    ]


def test_evidence_holds_no_value_of_a_person() -> None:
    evidence = str(answer((EM, record(fn="peter"))).evidence[0].evidence)
    assert not any(value in evidence for value in ("erika", "peter", "beispiel@", "+4930"))


def test_the_ladder_holds_every_rule_once_in_the_order_of_the_tiers() -> None:
    rules = [rule for step in LADDER for rule in step]
    assert sorted(rule.name for rule in rules) == sorted(RuleName)
    assert [rule.tier for rule in rules] == [0, 0, 0, 1, 2, 3, 4, 5, 6]
    assert all(rule.reason for rule in rules)


@pytest.mark.parametrize("rule", sorted(NEVER_AUTOMATIC))
@given(data=st.data())
def test_a_resemblance_is_never_certain(rule: RuleName, data: st.DataObject) -> None:
    keys: dict[str, Any] = data.draw(
        st.fixed_dictionaries({name: st.sampled_from([None, "x", "erika"]) for name in ("fn", "ln", "em")})
    )
    assert answer((rule, record(**keys)), of=lead()).result.grade is MatchGrade.POSSIBLE
    assert RULES[rule].name is rule

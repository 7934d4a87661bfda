"""Who becomes a member of which Campaign, and what an answer makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.call_costs import estimate_calls
from lead_pipeline.domain.campaigns import (
    NO_CAMPAIGNS,
    CampaignRule,
    CampaignRules,
    Membership,
    MembershipEnd,
    MembershipState,
    end_of_answer,
    end_of_reading,
    examine_campaigns,
    parse_campaign_rules,
)
from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer, Remedy
from lead_pipeline.domain.segments import Segment
from lead_pipeline.errors import InvalidDocumentError

CAMPAIGN = "701000000000001AAA"
WANTED = Membership(
    dievio_lead_id="lead-1",
    campaign_id=CAMPAIGN,
    object_name="Lead",
    salesforce_id="00Q000000000001AAA",
    member_status="Sent",
    state=MembershipState.SENT,
)


def search(name: str) -> Segment:
    return Segment(name=name, filters={}, rows_per_night=1, credit_budget=1)


def test_the_packaged_rules_add_nobody() -> None:
    rules = parse_campaign_rules(load_document("campaigns"))

    assert rules == NO_CAMPAIGNS
    assert not rules.is_on


def test_a_rule_takes_what_is_given_and_new_leads_only_unless_told() -> None:
    document = {"campaigns": {"dach": {"campaign_id": CAMPAIGN}, "us": {
        "campaign_id": CAMPAIGN, "member_status": "Sent", "include_updated": True}}}  # fmt: skip

    rules = parse_campaign_rules(document, segments=[search("dach"), search("us")])

    assert rules == CampaignRules(
        rules=(
            CampaignRule(segment="dach", campaign_id=CAMPAIGN),
            CampaignRule(segment="us", campaign_id=CAMPAIGN, member_status="Sent", includes_updated=True),
        )
    )
    assert rules.is_on
    assert rules.campaign_ids == (CAMPAIGN,)


def test_a_rule_for_a_search_that_does_not_exist_is_refused_at_its_place() -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        parse_campaign_rules({"campaigns": {"dch": {"campaign_id": CAMPAIGN}}}, segments=[search("dach")])

    assert [(entry.code, entry.path) for entry in caught.value.problems] == [("unknown_name", ("campaigns", "dch"))]


@pytest.mark.parametrize(("object_name", "field"), [("Lead", "LeadId"), ("Contact", "ContactId")])
def test_a_member_names_its_person_by_what_it_is(object_name: str, field: str) -> None:
    member = replace(WANTED, object_name=object_name)

    assert member.payload == {"CampaignId": CAMPAIGN, field: WANTED.salesforce_id, "Status": "Sent"}


def test_a_member_without_a_status_takes_the_default_of_its_campaign() -> None:
    assert "Status" not in replace(WANTED, member_status=None).payload


@pytest.mark.parametrize(
    ("before", "after"),
    [(MembershipState.PLANNED, MembershipState.PRESENT), (MembershipState.SENT, MembershipState.ADDED)],
)
def test_a_member_that_is_found_is_ours_only_where_we_sent_it(before: MembershipState, after: MembershipState) -> None:
    wanted = replace(WANTED, state=before)

    assert end_of_reading(wanted, "00v1") == MembershipEnd(membership=wanted, state=after, member_id="00v1")


@pytest.mark.parametrize("before", [MembershipState.PLANNED, MembershipState.SENT])
@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (RecordAnswer(kind=AnswerKind.DONE, remedy=Remedy.NONE, salesforce_id="00v1"), MembershipState.ADDED),
        (RecordAnswer(kind=AnswerKind.UNKNOWN, remedy=Remedy.READ), MembershipState.SENT),
        (RecordAnswer(kind=AnswerKind.NOT_DONE, remedy=Remedy.READ, error_code="DUPLICATE_VALUE"), None),
        (RecordAnswer(kind=AnswerKind.NOT_DONE, remedy=Remedy.RETRY, is_transient=True), None),
        (
            RecordAnswer(kind=AnswerKind.NOT_DONE, remedy=Remedy.READ, error_code="ENTITY_IS_DELETED"),
            MembershipState.REFUSED,
        ),
        (RecordAnswer(kind=AnswerKind.NOT_DONE, remedy=Remedy.DEAD_LETTER, error_code="X"), MembershipState.REFUSED),
    ],
)
def test_an_answer_ends_a_membership_leaves_it_to_a_reading_or_leaves_it_as_it_was(
    before: MembershipState, answer: RecordAnswer, state: MembershipState | None
) -> None:
    end = end_of_answer(replace(WANTED, state=before), answer)

    assert end.state is (state or before)
    assert end.member_id == answer.salesforce_id
    assert end.error_code == (answer.error_code or None)


def test_the_calls_of_memberships_are_counted_for_each_campaign() -> None:
    def campaigns(*people: int) -> int:
        return estimate_calls(creates=0, updates=0, has_owner_guard=True, memberships=people).campaigns

    assert campaigns() == 0
    assert campaigns(1_000) == 1 + 5
    assert campaigns(201, 1) == (1 + 2) + (1 + 1)


def test_the_doctor_names_each_campaign_that_is_gone_or_not_running() -> None:
    missing, ended, running = "701000000000001AAA", "701000000000002AAA", "701000000000003"
    rules = CampaignRules(
        rules=tuple(CampaignRule(segment=f"s{place}", campaign_id=each) for place, each in enumerate([
            missing, ended, running]))
    )  # fmt: skip

    found = examine_campaigns(rules, active={ended: False, f"{running}AAA": True}, may_create=True)

    assert [(finding.code, finding.subject) for finding in found] == [
        ("campaign_missing", f"Campaign {missing}"),
        ("campaign_inactive", f"Campaign {ended}"),
    ]


def test_the_doctor_says_when_our_user_may_not_add_members() -> None:
    rules = CampaignRules(rules=(CampaignRule(segment="dach", campaign_id=CAMPAIGN),))

    found = examine_campaigns(rules, active={CAMPAIGN: True}, may_create=False)

    assert [finding.code for finding in found] == ["campaign_members_locked"]
    assert list(examine_campaigns(NO_CAMPAIGNS, active={}, may_create=False)) == []

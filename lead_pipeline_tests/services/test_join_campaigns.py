"""Leads become members of their Campaign after the gates, once, whatever becomes of an answer."""

from __future__ import annotations

import pytest

from lead_pipeline.domain.campaigns import NO_CAMPAIGNS, CampaignRule, CampaignRules
from lead_pipeline.errors import ApiBudgetReachedError, GateClosedError, HandOverUnfinishedError
from lead_pipeline.services.hand_over import HandOverSummary
from lead_pipeline.services.join_campaigns import (
    CampaignSummary,
    join_campaigns,
    join_campaigns_session,
    require_finished,
)
from lead_pipeline.services.plan import plan_batch
from lead_pipeline.services.revert import preview_revert
from lead_pipeline.services.write import open_session
from lead_pipeline.services.writing.ports import WriteTools
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench, org_lead, person

INSERT = {"route": "composite/sobjects", "method": "POST"}


@pytest.fixture
def rules(bench: WriteBench) -> CampaignRules:
    """The campaign of the only search, its status given."""
    (campaign_id,) = bench.load("Campaign", {"Name": "Spring", "IsActive": True})
    return CampaignRules(rules=(CampaignRule(segment="dach", campaign_id=campaign_id, member_status="Sent"),))


@pytest.fixture
def handed_over(bench: WriteBench) -> WriteBench:
    """A batch of three new leads that passed every gate and reached their owners."""
    prepare(bench, count=3)
    return bench


def write(bench: WriteBench, *, count: int) -> None:
    bench.add_leads(*(person(number) for number in range(1, count + 1)))
    bench.prepare()
    bench.write()
    bench.wait(5)


def prepare(bench: WriteBench, *, count: int) -> None:
    write(bench, count=count)
    bench.read_back()
    bench.look()
    bench.hand_over()


def join(bench: WriteBench, rules: CampaignRules, *, run_id: str = "joining") -> CampaignSummary:
    tools = WriteTools(now=bench.now, wait=bench.wait)
    with open_session(
        bench.database, bench.client, tools, bench.limits, batch_id=BATCH_ID, run_id=run_id, actor="test"
    ) as session:
        return join_campaigns_session(session, rules)


def members(bench: WriteBench) -> list[str]:
    return sorted(str(row["LeadId"]) for row in bench.client.query("SELECT LeadId FROM CampaignMember"))


def commits(bench: WriteBench) -> int:
    return len(bench.emulated.org.store.journal())


def log(bench: WriteBench) -> list[tuple[str, str | None]]:
    rows = bench.ask(
        "SELECT outcome, error_code FROM sync_log WHERE operation = 'join_campaign' ORDER BY dievio_lead_id"
    )
    return [(row["outcome"], row["error_code"]) for row in rows]


def test_new_leads_become_members_and_the_log_says_so(handed_over: WriteBench, rules: CampaignRules) -> None:
    summary = join(handed_over, rules)

    assert (summary.added_by_run, summary.added, summary.unknown, summary.refused) == (3, 3, 0, 0)
    assert members(handed_over) == sorted(record["Id"] for record in handed_over.records())
    assert log(handed_over) == [("applied", None)] * 3


def test_joining_again_asks_nothing_and_commits_nothing(handed_over: WriteBench, rules: CampaignRules) -> None:
    join(handed_over, rules)
    before, calls = commits(handed_over), handed_over.client.calls

    summary = join(handed_over, rules, run_id="again")

    assert (summary.added_by_run, summary.added) == (0, 3)
    assert (commits(handed_over), handed_over.client.calls) == (before, calls)


def test_without_a_campaign_nothing_is_asked(handed_over: WriteBench) -> None:
    calls = handed_over.client.calls

    summary = join_campaigns(
        handed_over.database, handed_over.client, NO_CAMPAIGNS, batch_id=BATCH_ID, run_id="r", actor="t",
        now=handed_over.now,
    )  # fmt: skip

    assert summary.as_metadata() == {}
    assert handed_over.client.calls == calls


def test_a_member_that_is_there_already_stays_untouched(handed_over: WriteBench, rules: CampaignRules) -> None:
    lead_id = handed_over.records()[0]["Id"]
    handed_over.create(
        {"CampaignId": rules.campaign_ids[0], "LeadId": lead_id, "Status": "Responded"}, object_name="CampaignMember"
    )

    summary = join(handed_over, rules)

    assert (summary.added, summary.present) == (2, 1)
    kept = handed_over.client.query(f"SELECT Status FROM CampaignMember WHERE LeadId = '{lead_id}'")
    assert [row["Status"] for row in kept] == ["Responded"]


@pytest.mark.parametrize("kind", ["reset_after_commit", "reset_before_commit"])
def test_a_lost_answer_is_settled_by_reading(handed_over: WriteBench, rules: CampaignRules, kind: str) -> None:
    handed_over.fault(kind, times=1, **INSERT)

    summary = join(handed_over, rules)
    before = commits(handed_over)
    again = join(handed_over, rules, run_id="again")

    assert (summary.added, summary.present, summary.unknown) == (3, 0, 0)
    assert len(members(handed_over)) == len(set(members(handed_over))) == 3
    assert log(handed_over) == [("applied", None)] * 3
    assert (again.added_by_run, commits(handed_over)) == (0, before)


def test_a_call_that_lands_late_makes_no_second_member(handed_over: WriteBench, rules: CampaignRules) -> None:
    # The reading after the lost answer finds nothing; the call lands before the next one, which the org refuses.
    handed_over.fault("late_commit", delay_seconds=2, times=1, **INSERT)

    summary = join(handed_over, rules)

    assert (summary.added, summary.refused) == (3, 0)
    assert len(members(handed_over)) == len(set(members(handed_over))) == 3


def test_a_refusal_is_logged_and_tried_anew_by_the_next_run(handed_over: WriteBench, rules: CampaignRules) -> None:
    handed_over.delete(rules.campaign_ids[0])

    summary = join(handed_over, rules)

    assert (summary.added, summary.refused) == (0, 3)
    assert log(handed_over) == [("refused", "INVALID_CROSS_REFERENCE_KEY")] * 3
    (mended,) = handed_over.load("Campaign", {"Name": "Autumn", "IsActive": True})
    assert join(handed_over, CampaignRules(rules=(CampaignRule(segment="dach", campaign_id=mended),))).added == 3


def test_members_that_the_org_turns_away_for_now_end_the_run_and_the_next_one_adds_them(
    handed_over: WriteBench, rules: CampaignRules
) -> None:
    handed_over.fault("status", status=503, **INSERT)
    handed_over_well = HandOverSummary(done=3, kept=0, refused=0, waiting=0, without_owner=0)

    turned_away = join(handed_over, rules)
    handed_over.end_faults()
    mended = join(handed_over, rules, run_id="again")

    assert (turned_away.added, turned_away.waiting + turned_away.unknown, mended.added) == (0, 3, 3)
    with pytest.raises(HandOverUnfinishedError, match="3 of the Campaign members got no clear answer"):
        require_finished(BATCH_ID, handed_over_well, turned_away)
    require_finished(BATCH_ID, handed_over_well, mended)


def test_a_spent_share_of_calls_ends_the_run_and_is_named_once() -> None:
    reason = str(ApiBudgetReachedError(used=80, allowed=80))
    cut_short = HandOverSummary(done=3, kept=0, refused=0, waiting=2, without_owner=0, stopped_reason=reason)

    with pytest.raises(HandOverUnfinishedError) as caught:
        require_finished(BATCH_ID, cut_short, CampaignSummary(waiting=3, stopped_reason=reason))

    assert str(caught.value).count("80 of 80 calls") == 1


def test_updated_records_become_members_only_where_the_rule_says_so(bench: WriteBench, rules: CampaignRules) -> None:
    bench.load("Lead", org_lead(1))
    prepare(bench, count=2)
    wide = CampaignRules(
        rules=(CampaignRule(segment="dach", campaign_id=rules.campaign_ids[0], includes_updated=True),)
    )

    assert bench.outcomes() == {"lead-00001": "updated", "lead-00002": "created"}
    assert join(bench, rules).added == 1
    assert join(bench, wide).added == 2


def test_undoing_a_run_names_its_memberships_and_leaves_them(handed_over: WriteBench, rules: CampaignRules) -> None:
    join(handed_over, rules)
    handed_over.wait(10)

    summary = preview_revert(handed_over.database, handed_over.client, reverted_run_id="joining", now=handed_over.now)

    assert len(summary.memberships_left) == len(members(handed_over)) == 3
    assert (summary.fields_put_back, summary.created_records) == (0, ())


def test_a_closed_gate_keeps_everybody_out(bench: WriteBench, rules: CampaignRules) -> None:
    write(bench, count=3)
    bench.edit(bench.records()[0]["Id"], {"Phone": "030 12 34"}, user="integration")
    bench.read_back()
    bench.look()
    before = commits(bench)

    with pytest.raises(GateClosedError):
        join_campaigns(bench.database, bench.client, rules, batch_id=BATCH_ID, run_id="r", actor="t", now=bench.now)

    assert commits(bench) == before


def test_the_plan_says_how_many_would_become_members_and_what_that_costs(
    bench: WriteBench, rules: CampaignRules
) -> None:
    bench.add_leads(*(person(number) for number in range(1, 4)))
    bench.prepare()

    def plan(wanted: CampaignRules) -> dict[str, int | float | str]:
        summary = plan_batch(bench.database, bench.rules.mappings, batch_id=BATCH_ID, now=bench.now, campaigns=wanted)
        return dict(summary.as_metadata())

    counted, plain = plan(rules), plan(NO_CAMPAIGNS)

    assert (counted.pop("campaign_members_to_add"), counted.pop("campaign_calls")) == (3, 2)
    assert counted["salesforce_calls"] == int(plain["salesforce_calls"]) + 2
    assert counted.keys() == plain.keys()


@pytest.mark.slow
def test_a_thousand_leads_cost_the_calls_that_the_plan_says(bench: WriteBench, rules: CampaignRules) -> None:
    prepare(bench, count=1_000)
    calls = bench.client.calls

    summary = join(bench, rules)

    assert summary.added == 1_000
    assert bench.client.calls - calls == 1 + 5

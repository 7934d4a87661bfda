"""Matching a batch on a real database: candidates by key, people by the ladder, once and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.matching import MatchingPolicy, RuleName
from lead_pipeline.sandbox.embedded_postgres import ServerAddress
from lead_pipeline.services.match import match_batch
from lead_pipeline.store import matches
from lead_pipeline.store.database import Database
from lead_pipeline_tests.domain.plan_builders import BATCH
from lead_pipeline_tests.services.plan_bench import (
    NOW,
    PERSON,
    BatchLead,
    PlanBench,
    build_record,
    planning_database,
)

NOBODY = MatchKeys()


@pytest.fixture(scope="module")
def database(postgres_server: ServerAddress) -> Iterator[Database]:
    with planning_database(postgres_server, "test_match_batch") as database:
        yield database


@pytest.fixture
def bench(database: Database) -> PlanBench:
    return PlanBench(database)


def person(lead_id: str, **keys: str | None) -> BatchLead:
    return BatchLead(dievio_lead_id=lead_id, keys=replace(PERSON, **keys))


ONLY = {"em": None, "li": None, "dm": None, "co": None}

RULE_CASES: dict[RuleName, dict[str, str | None]] = {
    RuleName.EMAIL: {"em": PERSON.em},
    RuleName.LINKEDIN: {"li": PERSON.li},
    RuleName.NAME_AND_DOMAIN: {"dm": PERSON.dm},
    RuleName.NAME_AND_COMPANY: {"co": PERSON.co},
    RuleName.NEAR_NAME: {"co": PERSON.co, "ln": "beispeil"},
    RuleName.JOB_CHANGE: {"co": "elsewhere", "ph": "+4930123456"},
}


@pytest.mark.parametrize(("rule", "keys"), RULE_CASES.items(), ids=[rule.value for rule in RULE_CASES])
def test_each_rule_finds_its_candidate(bench: PlanBench, rule: RuleName, keys: dict[str, str | None]) -> None:
    bench.add_record("00Q1", keys={**ONLY, **keys})
    bench.add_leads(person("li:a", ph="+4930123456"))
    summary = bench.match()
    assert summary.by_rule == {rule: 1}
    assert [row["salesforce_id"] for row in bench.rows("SELECT salesforce_id FROM match_candidate")] == ["00Q1"]


@pytest.mark.parametrize("keys", [{"pe": "erika@private.example"}, {"st": "hauptstr 1 10115"}])
def test_private_data_elsewhere_hint_at_a_new_job(bench: PlanBench, keys: dict[str, str]) -> None:
    bench.add_record("00Q1", keys={**ONLY, "co": "elsewhere", **keys})
    bench.add_leads(person("li:a", **keys))
    bench.match()
    assert bench.results() == {"li:a": ("possible", None, "may_have_changed_job")}


def test_our_id_and_our_link_find_the_record_whatever_it_says(bench: PlanBench) -> None:
    bench.add_record("00Q1", keys=ONLY, dievio_lead_id="li:a")
    bench.add_record("00Q2", keys=ONLY)
    bench.link("li:b", "00Q2")
    bench.add_leads(person("li:a", em="a@x.example"), person("li:b", em="b@x.example"))
    bench.match()
    assert bench.results() == {
        "li:a": ("certain", "00Q1", "certain_match"),
        "li:b": ("certain", "00Q2", "certain_match"),
    }


def test_a_link_to_a_record_that_the_mirror_does_not_know_is_a_question(bench: PlanBench) -> None:
    bench.link("li:a", "00Q9")
    bench.add_leads(person("li:a"))
    bench.match()
    assert bench.results() == {"li:a": ("possible", None, "record_gone")}


def test_merges_and_conversions_are_followed(bench: PlanBench) -> None:
    bench.add_record("00Q1", dievio_lead_id="li:a", is_deleted=True, master_record_id="00Q2")
    bench.add_record("00Q2", keys=ONLY, is_converted=True, converted_contact_id="0031")
    bench.add_record("0031", object_name="Contact", keys=ONLY)
    bench.add_leads(person("li:a"))
    bench.match()
    assert bench.results() == {"li:a": ("certain", "0031", "certain_match")}


def test_a_deleted_record_is_no_candidate_by_address(bench: PlanBench) -> None:
    bench.add_record("00Q1", is_deleted=True)
    bench.add_leads(person("li:a"))
    bench.match()
    assert bench.results() == {"li:a": ("none", None, "no_candidate")}


def test_an_account_is_no_person(bench: PlanBench) -> None:
    bench.add_record("0011", object_name="Account")
    bench.add_leads(person("li:a"))
    assert bench.match().none == 1


def test_answers_of_people_are_remembered(bench: PlanBench) -> None:
    bench.add_record("00Q1")
    bench.add_record("00Q2", keys=ONLY)
    bench.answer("li:a", "00Q1", "not_same")
    bench.answer("li:b", "00Q2", "same")
    bench.add_leads(person("li:a"), person("li:b", em="b@x.example"))
    bench.match()
    assert bench.results() == {"li:a": ("none", None, "no_candidate"), "li:b": ("certain", "00Q2", "certain_match")}


def test_further_copies_and_settled_leads_are_left_alone(bench: PlanBench) -> None:
    bench.add_leads(person("li:a"), person("li:b", em="b@x.example", li="b", fn="peter"))
    bench.add_leads(BatchLead(dievio_lead_id="li:a", duplicate_of="li:a"))
    bench.match()
    bench.settle("li:a")
    bench.add_record("00Q1")
    summary = bench.match()
    assert summary.leads == 1
    assert bench.results()["li:a"] == ("none", None, "no_candidate")


def test_matching_again_replaces_what_was_found_before(bench: PlanBench) -> None:
    bench.add_record("00Q1")
    bench.add_leads(person("li:a"))
    first = bench.match()
    assert bench.match() == first
    bench.add_record("00Q2")
    bench.match()
    assert bench.results() == {"li:a": ("possible", None, "several_candidates")}
    count = bench.rows("SELECT count(DISTINCT salesforce_id) AS count FROM match_candidate")
    assert count == [{"count": 2}]


def test_single_leads_are_matched_again_without_the_others(bench: PlanBench) -> None:
    bench.add_leads(person("li:a"), person("li:b"))
    bench.match()
    bench.add_record("00Q1")
    assert bench.match(only=["li:a"]).leads == 1
    assert bench.results() == {"li:a": ("certain", "00Q1", "certain_match"), "li:b": ("none", None, "no_candidate")}


def test_leads_that_are_no_longer_there_leave_no_results(bench: PlanBench) -> None:
    bench.add_leads(person("li:a"))
    bench.match()
    bench.rows("DELETE FROM lead RETURNING 1")
    assert bench.match().leads == 0
    assert bench.results() == {}


def test_two_leads_never_share_a_record(bench: PlanBench) -> None:
    bench.add_record("00Q1", dievio_lead_id="li:b")
    bench.add_leads(person("li:a"), person("li:b", em="other@x.example", li=None))
    assert bench.match().claimed_twice == 1
    assert bench.results() == {
        "li:a": ("possible", None, "target_claimed_twice"),
        "li:b": ("certain", "00Q1", "certain_match"),
    }


def test_a_settled_lead_keeps_its_record(bench: PlanBench) -> None:
    bench.add_record("00Q1", dievio_lead_id="li:b")
    bench.add_leads(person("li:a"))
    bench.match()
    bench.settle("li:a")
    bench.add_leads(person("li:b", em="other@x.example", li=None))
    bench.match()
    assert bench.results()["li:a"][:2] == ("certain", "00Q1")
    assert bench.results()["li:b"] == ("possible", None, "target_claimed_twice")


def test_a_large_company_is_compared_in_part_and_says_so(bench: PlanBench) -> None:
    quiet = {"em": None, "li": None}
    bench.add_records(
        build_record(f"00Q{number:04}", keys={**quiet, "fn": "erika", "ln": f"{letter}eispiel{number:04}"})
        for number, letter in enumerate("abcdefghij" * 6)
    )
    bench.add_record("00Qnear", keys={**quiet, "ln": "beispeil"})
    bench.add_leads(person("li:a"), person("li:b", ln="zzz", em="z@x.example", li="z"))
    summary = bench.match(MatchingPolicy(max_block_records=50))
    assert summary.cut_blocks == 2
    assert bench.results()["li:a"][2] in {"near_name", "several_candidates"}
    assert "00Qnear" in {row["salesforce_id"] for row in bench.rows("SELECT salesforce_id FROM match_candidate")}
    (unmatched,) = bench.rows("SELECT reason FROM match_result WHERE dievio_lead_id = 'li:b'")
    assert "more than 50 people" in unmatched["reason"]


def test_pages_cover_the_batch_and_progress_is_told(bench: PlanBench) -> None:
    bench.add_leads(*(BatchLead(dievio_lead_id=f"li:{number}", keys=NOBODY) for number in range(5)))
    told: list[tuple[str, int, int]] = []
    match_batch(
        bench.database,
        MatchingPolicy(),
        batch_id=BATCH,
        now=lambda: NOW,
        on_progress=lambda *step: told.append(step),
    )
    assert told == [("match", 5, 5)]
    with bench.database.connect() as connection:
        pages = [len(page) for page in matches.read_open_leads(connection, batch_id=BATCH, page_leads=2)]
    assert pages == [2, 2, 1]


def test_a_summary_counts_what_the_table_holds(bench: PlanBench) -> None:
    bench.add_record("00Q1")
    bench.add_leads(person("li:a"), person("li:b", em="b@x.example", li="b", dm="x.example", co="x"))
    metadata: dict[str, Any] = bench.match().as_metadata()
    assert metadata == {
        "leads": 2,
        "certain": 1,
        "possible": 0,
        "none": 1,
        "claimed_twice": 0,
        "cut_blocks": 0,
        "rule_block_em_match_fn": 1,
        "reason_certain_match": 1,
        "reason_no_candidate": 1,
    }

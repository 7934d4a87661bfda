"""Where records lead, and how many people they are."""

from __future__ import annotations

import pytest

from lead_pipeline.domain.matching import CandidateRecord, follow_record, group_persons
from lead_pipeline_tests.domain.matching.builders import contact, record


def follow(start: CandidateRecord, *others: CandidateRecord) -> str | None:
    found = follow_record(start, {entry.salesforce_id: entry for entry in others})
    return found.salesforce_id if found else None


def test_a_live_record_stands_for_itself() -> None:
    assert follow(record("00Q1")) == "00Q1"


def test_a_converted_lead_leads_to_its_contact() -> None:
    assert follow(record("00Q1", contact="0031"), contact("0031")) == "0031"


def test_a_merged_record_leads_to_its_master() -> None:
    assert follow(record("00Q1", master="00Q2"), record("00Q2")) == "00Q2"


def test_merges_and_conversions_are_followed_to_the_end() -> None:
    chain = (record("00Q2", master="00Q3"), record("00Q3", contact="0031"), contact("0031"))
    assert follow(record("00Q1", master="00Q2"), *chain) == "0031"


@pytest.mark.parametrize(
    ("start", "others"),
    [
        (record("00Q1", is_deleted=True), ()),
        (record("00Q1", is_converted=True), ()),
        (record("00Q1", contact="0039"), ()),
        (record("00Q1", master="00Q2"), (record("00Q2", is_deleted=True),)),
    ],
    ids=["deleted", "converted into nothing", "contact unknown", "master deleted"],
)
def test_a_record_without_successor_is_gone(start: CandidateRecord, others: tuple[CandidateRecord, ...]) -> None:
    assert follow(start, *others) is None


def test_records_that_point_at_each_other_are_gone() -> None:
    first, second = record("00Q1", master="00Q2"), record("00Q2", master="00Q1")
    assert follow(first, first, second) is None


PERSON_CASES = {
    "one record found twice": ((record("00Q1"), record("00Q1")), ["00Q1"]),
    "a lead and a contact of one person": ((record("00Q1"), contact("0031")), ["0031"]),
    "a contact before its lead": ((contact("0031"), record("00Q1")), ["0031"]),
    "two leads and the contact of one person": ((record("00Q1"), record("00Q2"), contact("0031")), ["0031"]),
    "two leads": ((record("00Q1"), record("00Q2")), ["00Q1", "00Q2"]),
    "two contacts": ((contact("0031"), contact("0032")), ["0031", "0032"]),
    "two contacts and a lead that fits both": (
        (record("00Q1"), contact("0031"), contact("0032")),
        ["00Q1", "0031", "0032"],
    ),
    "a lead and a contact with other names": ((record("00Q1"), contact("0031", fn="peter")), ["00Q1", "0031"]),
    "a lead and a contact with other addresses": (
        (record("00Q1"), contact("0031", em="other@acme.example")),
        ["00Q1", "0031"],
    ),
    "a lead without address": ((record("00Q1", em=None), contact("0031", em=None)), ["00Q1", "0031"]),
    "a contact without given name": ((record("00Q1"), contact("0031", fn=None)), ["00Q1", "0031"]),
}


@pytest.mark.parametrize(("records", "persons"), PERSON_CASES.values(), ids=PERSON_CASES)
def test_records_are_counted_as_people(records: tuple[CandidateRecord, ...], persons: list[str]) -> None:
    assert [entry.salesforce_id for entry in group_persons(records)] == persons

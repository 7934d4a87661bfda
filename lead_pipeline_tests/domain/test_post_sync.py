"""The rules behind the nine gates, value by value."""

from __future__ import annotations

from typing import Any

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.gate_settings import parse_gate_settings
from lead_pipeline.domain.post_sync import (
    SampleLine,
    WrittenRecord,
    check_formats,
    check_freshness,
    check_required_fields,
    check_source_attribution,
    check_whole_texts,
    check_written_values,
    choose_sample,
    ownership_frame,
    type_of,
)

SETTINGS = parse_gate_settings(load_document("gates"))


def record(
    sent: dict[str, object] | None = None, held: dict[str, object] | None = None, **overrides: Any
) -> WrittenRecord:
    values: dict[str, Any] = {
        "dievio_lead_id": "lead-1",
        "object_name": "Lead",
        "is_created": True,
        "sent": sent or {},
        "held": held or {"Id": "00Q1"},
        "trims": {},
        "expected_owner_id": "00G1",
        "active_owner_ids": frozenset({"00G1", "0051"}),
        "is_out_of_hands": False,
    }
    return WrittenRecord(**(values | overrides))


def failed(rows: Any) -> list[str]:
    return [field for _, field, is_right in rows if not is_right]


@pytest.mark.parametrize(
    ("sent", "held", "is_right"),
    [
        ("Head", "Head", True),
        ("Head", "Tail", False),
        ("Head", None, False),
        ("A@B.example", "a@b.example", True),
        ("2026-05-04T08:15:00+00:00", "2026-05-04T08:15:00.000+0000", True),
        ("2026-05-04T08:15:00+00:00", "2026-05-04T09:15:00.000+0000", False),
        (12, 12.0, True),
        (True, "true", True),
    ],
)
def test_a_written_value_is_compared_by_meaning(sent: object, held: object, *, is_right: bool) -> None:
    assert (failed(check_written_values([record({"F": sent}, {"F": held})], SETTINGS)) == []) is is_right


@pytest.mark.parametrize(
    ("sent", "held", "trims", "is_right"),
    [
        ("Head of Operations", "Head of Operations", {}, True),
        ("Head of Operations", "Head of Oper", {}, False),
        ("Head of Operations", "Head of Operations and more", {}, True),
        ("Head of", "Head of", {"F": "Head of Operations"}, True),
        ("Tail of", "Tail of", {"F": "Head of Operations"}, False),
    ],
)
def test_a_text_stands_in_full_or_as_its_declared_trim(
    sent: str, held: str, trims: dict[str, str], *, is_right: bool
) -> None:
    assert (failed(check_whole_texts([record({"F": sent}, {"F": held}, trims=trims)], SETTINGS)) == []) is is_right


def test_numbers_are_no_texts_to_be_cut() -> None:
    assert list(check_whole_texts([record({"F": 5}, {"F": 5})], SETTINGS)) == []


@pytest.mark.parametrize(
    ("field", "value", "is_right"),
    [
        ("Phone", "+493012345", True),
        ("Phone", "030 12345", False),
        ("Email", "a@b.example", True),
        ("Email", "a@b", False),
        ("Country", "Germany", True),
        ("Country", "DE", True),
        ("Country", "Deutschland", False),
        ("Website", "https://firm.example/about", True),
        ("Website", "firm.example", False),
        ("Title", "anything", True),
    ],
)
def test_written_values_have_their_form(field: str, value: str, *, is_right: bool) -> None:
    assert (failed(check_formats([record({field: value}, {field: value})], SETTINGS)) == []) is is_right


def test_a_value_that_a_person_typed_is_not_our_form_to_judge() -> None:
    assert list(check_formats([record({}, {"Phone": "030"})], SETTINGS)) == []


def test_created_records_need_their_fields_and_updated_ones_do_not() -> None:
    assert failed(check_required_fields([record({}, {"LastName": "P", "Company": " "})], SETTINGS)) == ["Company"]
    assert list(check_required_fields([record(is_created=False)], SETTINGS)) == []


def test_created_leads_say_where_they_come_from() -> None:
    rows = check_source_attribution([record({}, {"Original_Source__c": "x"})], SETTINGS)

    assert failed(rows) == ["Search_Segment__c"]
    assert list(check_source_attribution([record(object_name="Contact")], SETTINGS)) == []


@pytest.mark.parametrize(
    ("held", "is_right"),
    [
        ("2026-05-04T02:00:00.000+0000", True),
        ("2026-05-05T02:00:00.000+0000", True),
        ("2026-05-01T02:00:00.000+0000", False),
        (None, False),
    ],
)
def test_a_stamp_is_there_and_no_older_than_what_was_written(held: str | None, *, is_right: bool) -> None:
    field = "Dievio_Last_Synced_At__c"

    assert (
        failed(check_freshness([record({field: "2026-05-04T02:00:00+00:00"}, {field: held})], SETTINGS)) == []
    ) is is_right


def test_missing_records_are_the_record_counts_affair_alone() -> None:
    gone = [record({"Title": "x"}, held=None)]
    gone = [WrittenRecord(**{**{n: getattr(gone[0], n) for n in gone[0].__slots__}, "held": None})]

    assert list(check_written_values(gone, SETTINGS)) == []
    assert ownership_frame(gone).empty


def test_records_that_people_work_with_are_left_alone() -> None:
    taken = [record({"Title": "x"}, {"Title": "y"}, is_out_of_hands=True)]

    assert list(check_written_values(taken, SETTINGS)) == []
    assert ownership_frame(taken).empty


@pytest.mark.parametrize(
    ("owner", "expected", "answer"),
    [
        ("00G1", "00G1", (True, True)),
        ("0051", "00G1", (False, True)),
        ("0059", None, (True, False)),
        ("0051", None, (True, True)),
    ],
)
def test_a_new_lead_waits_with_the_holding_owner(owner: str, expected: str | None, answer: tuple[bool, bool]) -> None:
    frame = ownership_frame([record({}, {"OwnerId": owner}, expected_owner_id=expected)])

    assert tuple(frame.loc[0, ["is_expected_owner", "is_active_owner"]]) == answer


def test_a_sample_holds_every_segment_kind_and_edge_case() -> None:
    lines = [
        SampleLine(
            dievio_lead_id=f"{segment}-{flag}-{n}", segment=segment, is_created=True, flags=(flag,) if flag else ()
        )
        for segment in ("a", "b")
        for flag in ("", "title_trimmed")
        for n in range(50)
    ]

    sample = choose_sample(lines, 8)

    assert len(sample) == 8
    assert {entry.rsplit("-", 1)[0] for entry in sample} == {"a-", "a-title_trimmed", "b-", "b-title_trimmed"}
    assert sample == choose_sample(list(reversed(lines)), 8)
    assert sorted(choose_sample(lines[:3], 99)) == sorted(line.dievio_lead_id for line in lines[:3])


@pytest.mark.parametrize(
    ("value", "name"),
    [(True, "boolean"), (3, "double"), ("2026-05-04T02:00:00Z", "datetime"), ("a@b.example", "email"), ("x", "string")],
)
def test_the_type_of_a_value_is_read_off_its_form(value: object, name: str) -> None:
    assert type_of(value) == name

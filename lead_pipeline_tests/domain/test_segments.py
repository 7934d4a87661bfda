"""Saved searches: what the packaged file says, what is refused, and when two batches ask the same question."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lead_pipeline.config.loading import SCHEMA_DIRECTORY, load_document
from lead_pipeline.domain.searches import EmailStatus
from lead_pipeline.domain.segments import Segment, parse_segments
from lead_pipeline.errors import ConfigurationError
from lead_pipeline.sandbox import scenarios

SEGMENT = Segment(name="any", filters={"job_titles": ["CTO", "CIO"]}, rows_per_night=500, credit_budget=600)


def _write(directory: Path, *, filters: str, rest: str = "") -> Path:
    (directory / "segments.yaml").write_text(
        "segments:\n  demo:\n    description: d\n    owner: o\n    rows_per_night: 100\n    credit_budget: 200\n"
        f"{rest}    filters:\n{filters}"
    )
    return directory


def test_the_packaged_searches_ask_for_what_the_demo_sells() -> None:
    demo = json.loads((Path(scenarios.__file__).parent / "data" / "demo_segments.json").read_text())

    segments = parse_segments(load_document("segments"))

    assert [(segment.name, segment.filters, segment.email_status) for segment in segments] == [
        (entry["name"], entry["filters"], entry["email_status"]) for entry in demo
    ]
    assert all(segment.owner and segment.description for segment in segments)


def test_all_twenty_filters_are_known() -> None:
    schema = json.loads((SCHEMA_DIRECTORY / "segments.schema.json").read_text())

    assert len(schema["$defs"]["segment"]["properties"]["filters"]["properties"]) == 20


def test_optional_keys_have_defaults(tmp_path: Path) -> None:
    (segment,) = parse_segments(
        load_document("segments", directory=_write(tmp_path, filters="      job_titles: [CTO]\n"))
    )

    assert segment.email_status is EmailStatus.ALL
    assert (segment.page_size, segment.include_phones, segment.restart_after_days) == (100, False, 1)


@pytest.mark.parametrize(
    ("filters", "rest", "message"),
    [
        (
            "      job_title: [CTO]\n",
            "",
            ":8:7: segments.demo.filters.job_title: unknown key. Did you mean job_titles?",
        ),
        ("      job_title_seniority: [vice]\n", "", "job_title_seniority[0]: vice is not allowed"),
        ("      employee_size: [1-50]\n", "", "employee_size[0]: 1-50 is not allowed. Did you mean 11-50?"),
        ("      person_location_country: [NO]\n", "", "false is not text. Write it in quotes"),
        ("      job_titles: CTO\n", "", "job_titles: CTO is not a list"),
        ("      funding_start_date: 2021\n", "", "funding_start_date: 2021 is not text. Write it in quotes"),
        ("      {}\n", "", "filters: {} has fewer than 1 keys. Give at least one filter"),
        ("      first_name: A\n", "    email_status: good\n", "email_status: good is not allowed"),
        ("      first_name: A\n", "    page_size: 500\n", "page_size: 500 is more than 100"),
        (
            "      first_name: A\n",
            "    include_phone: true\n",
            "include_phone: unknown key. Did you mean include_phones?",
        ),
    ],
)
def test_a_wrong_search_is_told_with_its_place(tmp_path: Path, filters: str, rest: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_document("segments", directory=_write(tmp_path, filters=filters, rest=rest))

    assert message in str(caught.value)


def test_values_that_contradict_each_other_are_named_at_once() -> None:
    entry = {
        "filters": {"funding_start_date": "2024", "funding_end_date": "2021"},
        "rows_per_night": 500,
        "credit_budget": 50,
    }

    with pytest.raises(ConfigurationError) as caught:
        parse_segments({"segments": {"demo": entry}})

    budget, years = str(caught.value).splitlines()
    assert "segments.demo.credit_budget: 50 credits do not pay for one page of 100 rows. Raise it" in budget
    assert "segments.demo.filters.funding_start_date: lies after funding_end_date. Swap the two years" in years


@pytest.mark.parametrize(
    ("changed", "is_same_question"),
    [
        (replace(SEGMENT, filters={"job_titles": ["CIO", "CTO"]}), True),
        (replace(SEGMENT, name="renamed", credit_budget=9_000, rows_per_night=900), True),
        (replace(SEGMENT, filters={"job_titles": ["CTO"]}), False),
        (replace(SEGMENT, email_status=EmailStatus.VERIFIED), False),
        (replace(SEGMENT, page_size=50), False),
    ],
)
def test_only_what_changes_the_rows_of_a_page_changes_the_question(changed: Segment, *, is_same_question: bool) -> None:
    assert (changed.filters_sha256 == SEGMENT.filters_sha256) is is_same_question


@pytest.mark.parametrize(
    ("rows_per_night", "first_page", "max_results"),
    [(500, 1, 500), (500, 6, 1000), (20, 1, 20), (20, 3, 60), (250, 1, 250)],
)
def test_the_cap_lets_one_nights_rows_through_from_any_page(
    rows_per_night: int, first_page: int, max_results: int
) -> None:
    assert replace(SEGMENT, rows_per_night=rows_per_night).max_results(first_page) == max_results


def test_a_request_always_carries_its_cap_and_asks_for_the_provider_object() -> None:
    body = replace(SEGMENT, include_phones=True).request(2, max_results=500).as_body()

    assert body == {
        "job_titles": ["CTO", "CIO"],
        "email_status": "all",
        "include_emails": True,
        "include_phones": True,
        "_include_raw": True,
        "_page": 2,
        "_per_page": 100,
        "max_results": 500,
    }

"""The pandera models of delivered rows and of normalized leads."""

from dataclasses import replace
from typing import Any

import pandera.errors
import pytest

from lead_pipeline.domain.leads import MatchKeys, NormalizedLead
from lead_pipeline.domain.normalize.lead import LeadDraft, normalize_row
from lead_pipeline.domain.schemas import RawLeadModel, StagedLeadModel, build_raw_frame, build_staged_frame
from lead_pipeline_tests.lead_builders import FETCHED_AT, NOW, article_row, load_mapping, raw_lead


def staged(number: int = 1, **values: object) -> NormalizedLead:
    draft = normalize_row(raw_lead(article_row(), raw_lead_id=number), load_mapping(), now=NOW)
    assert isinstance(draft, LeadDraft)
    return NormalizedLead(
        raw_lead_id=number, batch_id="b", segment="s", dievio_lead_id=f"li-{number}", is_weak_id=False,
        values={**draft.values, **values}, confidences={}, source_paths={}, flags=(), keys=MatchKeys(),
        fetched_at=FETCHED_AT,
    )  # fmt: skip


def broken_checks(model: Any, frame: Any) -> set[str]:
    try:
        model.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return set(errors.failure_cases["check"])
    return set()


def test_a_tidy_lead_passes_and_so_does_an_empty_batch() -> None:
    assert broken_checks(StagedLeadModel, build_staged_frame([staged()])) == set()
    assert broken_checks(StagedLeadModel, build_staged_frame([])) == set()


@pytest.mark.parametrize(
    ("values", "check"),
    [
        ({"email": "Jane@acme.com"}, "e-mails are not valid lower-case addresses"),
        ({"email": "jane"}, "e-mails are not valid lower-case addresses"),
        ({"phone": "415-555"}, "phones are not in E.164"),
        ({"company_domain": "Acme"}, "company domains are no lower-case domain names"),
        ({"linkedin_url": "linkedin.com/in/x"}, "profile addresses are not in the canonical form"),
        ({"country": "UK"}, "countries are no ISO 3166-1 alpha-2 codes"),
        ({"employee_count": 0}, "employee counts are not positive"),
        ({"last_name": None}, "not_nullable"),
        ({"company_name": None}, "not_nullable"),
        ({"last_enriched_at": None}, "not_nullable"),
    ],
)
def test_each_broken_value_is_named_in_words(values: dict[str, Any], check: str) -> None:
    assert broken_checks(StagedLeadModel, build_staged_frame([staged(**values)])) == {check}


def test_an_id_that_cannot_stand_in_an_address_is_named() -> None:
    lead = replace(staged(), dievio_lead_id="li:jane")

    assert broken_checks(StagedLeadModel, build_staged_frame([lead])) == {
        "ids hold other letters than A-Z, a-z, 0-9, _ and -"
    }


def test_a_person_stands_once_and_copies_point_to_the_row_that_counts() -> None:
    copy = replace(staged(2), dievio_lead_id="li-1")

    assert broken_checks(StagedLeadModel, build_staged_frame([staged(1), copy])) == {
        "a person stands in the batch more than once"
    }
    pointed = replace(copy, duplicate_of_raw_lead_id=1)
    assert broken_checks(StagedLeadModel, build_staged_frame([staged(1), pointed])) == set()


def test_delivered_rows_of_the_documented_kinds_pass() -> None:
    rows = [
        raw_lead(article_row(phone=4155552671, location="Austin", source="x", email=None)),
        raw_lead("no row", raw_lead_id=2),
    ]

    assert broken_checks(RawLeadModel, build_raw_frame(rows)) == set()
    assert broken_checks(RawLeadModel, build_raw_frame([])) == set()


@pytest.mark.parametrize(
    "overrides", [{"email": ["a"]}, {"first_name": True}, {"industry": {"a": 1}}, {"job_title": 7}]
)
def test_a_delivered_value_of_another_kind_is_named(overrides: dict[str, object]) -> None:
    assert broken_checks(RawLeadModel, build_raw_frame([raw_lead(article_row(**overrides))])) == {
        "a value is written as something else than its contract says"
    }


@pytest.mark.parametrize("model", [RawLeadModel, StagedLeadModel])
def test_every_column_is_described(model: Any) -> None:
    assert all(column.description for column in model.to_schema().columns.values())

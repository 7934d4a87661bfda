"""What a provider's row says, once it is cleaned."""

from dataclasses import replace

import pytest

from lead_pipeline.domain.enrichment.reading import UNMEASURED_SHARE, RowRules, read_row
from lead_pipeline.domain.extraction import CellPath
from lead_pipeline.domain.leads import Confidence, ConfidenceOrigin
from lead_pipeline_tests.domain.enrichment.builders import question
from lead_pipeline_tests.lead_builders import FETCHED_AT, article_row, load_mapping

MAPPING = load_mapping()


def test_a_row_gives_clean_values_with_their_confidence_and_its_origin() -> None:
    reading = read_row(article_row(), MAPPING, fetched_at=FETCHED_AT)

    assert reading.findings["email"].value == "jane.doe@acme.com"
    assert reading.findings["email"].confidence == Confidence(share=0.98, origin=ConfidenceOrigin.STATUS)
    assert reading.findings["phone"].value == "+14155552671"
    assert reading.findings["phone"].confidence == Confidence(share=0.85, origin=ConfidenceOrigin.PRIOR)
    assert reading.keys.li == "jane-doe"
    assert reading.observed_at is not None
    assert "first_name" not in reading.findings


def test_the_name_of_a_country_is_as_sure_as_its_code() -> None:
    findings = read_row(article_row(), MAPPING, fetched_at=FETCHED_AT).findings

    assert findings["country_name"].confidence == findings["country"].confidence


def test_a_private_address_is_a_key_and_never_a_finding() -> None:
    row = article_row(email=None, personal_emails=["jane@gmail.com"])

    reading = read_row(row, MAPPING, fetched_at=FETCHED_AT)

    assert reading.keys.pe == "jane@gmail.com"
    assert "email" not in reading.findings


@pytest.mark.parametrize("address", ["email_not_unlocked@domain.com", "no mail", "a@x.com, b@x.com"])
def test_a_placeholder_or_broken_address_is_no_finding(address: str) -> None:
    assert "email" not in read_row(article_row(email=address), MAPPING, fetched_at=FETCHED_AT).findings


def test_revenue_and_technologies_are_kept_as_context() -> None:
    row = article_row(company_revenue="$10M-$25M", company_revenue_confidence=0.4)

    findings = read_row(row, MAPPING, fetched_at=FETCHED_AT).findings

    assert findings["company_revenue"].value == "$10M-$25M"
    assert findings["company_revenue"].confidence == Confidence(share=0.4, origin=ConfidenceOrigin.EXPLICIT)
    assert "technologies" not in findings


def test_a_kind_of_value_that_nobody_measured_is_not_trusted() -> None:
    row = {"technologies": "Dagster"}
    known = replace(MAPPING, fields={"technologies": (CellPath(text="technologies", steps=("technologies",)),)})

    finding = read_row(row, known, fetched_at=FETCHED_AT).findings["technologies"]

    assert finding.confidence == Confidence(share=UNMEASURED_SHARE, origin=ConfidenceOrigin.PRIOR)


def test_a_row_that_is_no_object_says_nothing() -> None:
    reading = read_row("not a row", MAPPING, fetched_at=FETCHED_AT)

    assert (dict(reading.findings), reading.observed_at) == ({}, None)


def test_a_row_answers_the_question_with_what_it_says_and_when_it_was_seen() -> None:
    reading = RowRules(mapping=MAPPING, org_vocabulary={}).read(article_row(), fetched_at=FETCHED_AT)

    answer = reading.answer(question(7))

    assert (answer.dievio_lead_id, answer.state.value) == (question(7).dievio_lead_id, "found")
    assert (answer.findings, answer.observed_at) == (reading.findings, reading.observed_at)

"""A probe of Dievio: what it asks, what it may spend, and that nobody's data stands in what it writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from lead_pipeline.config.loading import load_document
from lead_pipeline.dievio.client import DievioClient
from lead_pipeline.domain.extraction import extract_fields, parse_source_mapping
from lead_pipeline.services.probing.dievio import DievioProbe, probe_dievio
from lead_pipeline_tests.dievio_worlds import DievioWorld
from lead_pipeline_tests.lead_builders import ARTICLE_ROW, load_mapping
from lead_pipeline_tests.services.probing.conftest import TrialBench

FILTERS = {"person_location_country": ["United States"]}
PRIVATE = ("Jane", "Doe", "acme", "415", "Austin")


@pytest.fixture
def dievio(trials: TrialBench) -> DievioWorld:
    return trials.dievio


def probe(dievio: DievioWorld, *, most_credits: int = 5, client: DievioClient | None = None) -> DievioProbe:
    with client or dievio.client() as opened:
        return probe_dievio(
            opened,
            load_mapping(),
            document=load_document("sources/dievio"),
            filters=FILTERS,
            most_credits=most_credits,
        )


def told(result: DievioProbe) -> Mapping[str, str]:
    return {step.question: step.told for step in result.steps}


def test_every_open_question_is_asked_for_five_credits(dievio: DievioWorld) -> None:
    result = probe(dievio)

    assert [step.question for step in result.steps] == [
        "one row of a search",
        "the same search again",
        "pages of 500 rows",
        "a known and an invented profile",
        "a value outside a documented list",
        "no filter at all",
    ]
    assert result.credits == dievio.rows_charged == 5
    answers = told(result)
    assert answers["pages of 500 rows"] == "the answer says per_page 100"
    assert answers["a known and an invented profile"] == "1 of 2 profiles came back"
    assert answers["a value outside a documented list"] == "refused"
    assert answers["the same search again"].startswith("the same row came; no header tells")


@pytest.mark.parametrize("most_credits", [1, 2, 3, 4])
def test_no_call_is_made_that_could_pass_the_limit(dievio: DievioWorld, most_credits: int) -> None:
    result = probe(dievio, most_credits=most_credits)

    assert result.credits == dievio.rows_charged <= most_credits
    assert "not asked: it could have passed the limit of credits" in told(result).values()


def test_a_lost_answer_counts_as_spent(dievio: DievioWorld) -> None:
    dievio.set_fault("reset_after_commit", nth=2, times=1)

    result = probe(dievio, most_credits=2)

    assert dievio.rows_charged == 2
    assert "may be billed" in told(result)["the same search again"]


@pytest.mark.parametrize(("repeated", "expected"), [("billed", "billed again"), ("free", "not billed again")])
def test_a_balance_in_the_headers_tells_what_a_repetition_costs(
    dievio: DievioWorld, repeated: str, expected: str
) -> None:
    dievio.switch(credit_headers="on", repeated_rows=repeated)
    assert told(probe(dievio))["the same search again"] == f"the same row came; {expected}"


def test_a_refused_key_ends_the_probe(dievio: DievioWorld) -> None:
    result = probe(dievio, client=dievio.client(key="wrong"))
    assert [finding.code for finding in result.findings] == ["probe_key_refused"]
    assert (len(result.steps), result.draft) == (1, "")


def test_an_empty_balance_ends_the_probe(dievio: DievioWorld) -> None:
    dievio.set_credits(0)
    assert [finding.code for finding in probe(dievio).findings] == ["probe_no_credits"]


def test_a_search_that_finds_nobody_is_told(dievio: DievioWorld) -> None:
    dievio.sell()
    result = probe(dievio)
    assert [finding.code for finding in result.findings] == ["probe_no_rows"]
    assert told(result)["a known and an invented profile"] == "no profile was delivered"


def test_values_that_no_row_carries_are_named(dievio: DievioWorld) -> None:
    dievio.sell({key: value for key, value in ARTICLE_ROW.items() if key != "industry"} | {"sector": "Software"})
    result = probe(dievio)
    assert [finding.code for finding in result.findings] == ["probe_values_missing", "probe_rows_read"]
    assert "no row carried industry" in result.findings[0].what
    assert "# Keys that no field uses: sector" in result.draft


def test_report_and_draft_hold_nobodys_data(dievio: DievioWorld) -> None:
    result = probe(dievio)
    for text in (result.report, result.draft):
        assert [word for word in PRIVATE if word.lower() in text.lower()] == []
    assert "- `email`: e-mail" in result.report
    assert "- `location.country`: text" in result.report
    assert "- header `content-type`: application/json" in result.report


def test_the_draft_reads_the_rows_it_was_made_from(dievio: DievioWorld) -> None:
    draft = parse_source_mapping(yaml.safe_load(probe(dievio).draft))
    assert draft.fields["title"][0].text == "job_title"
    assert draft.expected == load_mapping().expected
    assert extract_fields(ARTICLE_ROW, draft).values == extract_fields(ARTICLE_ROW, load_mapping()).values


def test_the_doctor_says_what_a_probe_made_and_spent_and_writes_both_files(trials: TrialBench) -> None:
    answer: dict[str, Any] = trials.probe("--credits", "3")

    spent = answer["probe"]
    assert (spent["leads_made"], spent["leads_removed"], spent["credits"]) == (3, 3, trials.dievio.rows_charged)
    assert spent["credits"] <= 3
    assert {Path(name).name for name in spent["files"]} == {"probe.md", "probe.yaml"}
    assert {"probe_bulk", "probe_rows_read"} <= {finding["code"] for finding in answer["findings"]}
    assert answer["ok"] is True


def test_files_that_exist_are_never_written_over(trials: TrialBench) -> None:
    (trials.directory / "probe.md").write_text("mine")
    result = trials.doctor()
    assert "exists already" in str(result.exception)
    assert trials.dievio.rows_charged == 0

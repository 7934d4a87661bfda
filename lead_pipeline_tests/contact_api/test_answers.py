"""What each answer of the contact provider means, the odd ones too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.contact_api.answers import MatchAnswer, read_match_answer
from lead_pipeline.contact_api.options import ContactApiOptions, parse_contact_api_options
from lead_pipeline.domain.enrichment.questions import AnswerState
from lead_pipeline.errors import (
    ConfigurationError,
    LeadPipelineError,
    OutOfCreditsError,
    ServiceUnavailableError,
    UnreadablePageError,
)
from lead_pipeline.transport.json_answers import Answer, Call

CALL = Call(name="match", path="/v1/people/match", segment="us")


def read(document: Any, *, status: int = 200) -> MatchAnswer:
    answer = Answer(status=status, media_type="application/json", text=json.dumps(document), wait_seconds=3.0)
    return read_match_answer(answer, call=CALL, references={"0", "1"})


def test_an_answer_under_a_reference_of_nobody_is_left_out_but_paid_for() -> None:
    answer = read(
        {"results": [{"reference": "9", "status": "matched", "person": {}}, 7, {"reference": "1", "status": "later"}]}
    )

    assert {reference: result.state for reference, result in answer.results.items()} == {"1": AnswerState.UNANSWERED}
    assert answer.credits == 1


def test_what_the_answer_says_that_it_cost_counts_more_than_its_matches() -> None:
    results = [{"reference": "0", "status": "matched", "person": {}}]

    assert read({"results": results, "usage": {"charged": 0}}).credits == 0
    assert read({"results": results, "usage": {"charged": "many"}}).credits == 1
    assert read({"results": results, "usage": 5}).credits == 1


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        (402, {"error": {"code": "insufficient_credits"}}, OutOfCreditsError),
        (429, {"error": {"code": "too_many_requests"}}, ServiceUnavailableError),
        (404, {}, ConfigurationError),
        (200, {"result": []}, UnreadablePageError),
        (200, [], UnreadablePageError),
    ],
)
def test_an_answer_that_is_none_says_whose_it_is(status: int, document: Any, error: type[LeadPipelineError]) -> None:
    with pytest.raises(error, match="Contact API"):
        read(document, status=status)


def test_a_refusal_for_credentials_names_its_own_variables() -> None:
    with pytest.raises(ConfigurationError, match="CONTACT_API_KEY and CONTACT_API_BASE_URL"):
        read({"error": "no"}, status=401)


def test_the_packaged_file_states_the_defaults() -> None:
    assert parse_contact_api_options(load_document("contact_api")) == ContactApiOptions()

"""What every enrichment provider promises, held against each of them: the fake, and the real ones over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lead_pipeline.domain.enrichment.questions import (
    CONTEXT_FIELDS,
    ENRICHABLE_FIELDS,
    AnswerState,
    Question,
    QuestionKey,
)
from lead_pipeline.domain.pulling import CallState
from lead_pipeline.errors import OutOfCreditsError, ServiceUnavailableError, TransportFaultError
from lead_pipeline.services.paid_calls import NOTHING_DONE_STATUSES, state_after
from lead_pipeline_tests.provider_worlds import PROVIDER_WORLDS, ContractPerson, ProviderWorld

ANNA = ContractPerson(
    first_name="Anna",
    last_name="Berg",
    slug="anna-berg",
    email="Anna.Berg@acme.com",
    phone="+49 30 901820",
    title="VP Sales",
)
LI = ContractPerson(first_name="Li", last_name="Wei", slug="li-wei", email="li.wei@acme.com")
BY_PROFILE, BY_NAME = QuestionKey.LINKEDIN_URL, QuestionKey.NAME_AND_DOMAIN
WANTED = frozenset({"email", "phone", "title"})


@pytest.fixture(params=PROVIDER_WORLDS)
def world(request: pytest.FixtureRequest) -> Iterator[ProviderWorld]:
    with PROVIDER_WORLDS[request.param]() as opened:
        opened.know(ANNA, LI)
        yield opened


def ask_about(number: int, slug: str) -> Question:
    return Question(
        dievio_lead_id=f"lead-{number}",
        segment="us",
        wanted=WANTED,
        linkedin_url=f"https://www.linkedin.com/in/{slug}",
    )


def ask_by_name(first_name: str, last_name: str, domain: str = "acme.com") -> Question:
    return Question(
        dievio_lead_id="lead-1",
        segment="us",
        wanted=WANTED,
        first_name=first_name,
        last_name=last_name,
        company_domain=domain,
    )


def test_a_batch_holds_ten_to_a_hundred_profiles(world: ProviderWorld) -> None:
    terms = world.provider.capabilities.terms[BY_PROFILE]

    assert 10 <= terms.batch_size <= 100
    assert terms.credits_at_most >= 1


def test_every_question_is_answered_in_order_and_a_miss_is_free(world: ProviderWorld) -> None:
    questions = [ask_about(1, "nobody-at-all"), ask_about(2, "li-wei"), ask_about(3, "anna-berg")]

    answer = world.provider.ask(questions, key=BY_PROFILE)

    assert [(one.dievio_lead_id, one.state) for one in answer.answers] == [
        ("lead-1", AnswerState.MISS),
        ("lead-2", AnswerState.FOUND),
        ("lead-3", AnswerState.FOUND),
    ]
    assert answer.credits == world.charged == 2
    assert answer.body
    assert world.provider.calls == 1


def test_findings_are_clean_values_with_a_confidence_each(world: ProviderWorld) -> None:
    (answer,) = world.provider.ask([ask_about(1, "anna-berg")], key=BY_PROFILE).answers

    assert answer.findings["email"].value == "anna.berg@acme.com"
    assert answer.findings["phone"].value == "+4930901820"
    assert answer.findings["title"].value == "VP Sales"
    assert set(answer.findings) <= ENRICHABLE_FIELDS | CONTEXT_FIELDS
    assert set(answer.findings) <= world.provider.capabilities.fields
    assert all(0 <= finding.confidence.share <= 1 for finding in answer.findings.values())


def test_a_person_without_profile_is_found_by_name_and_domain(world: ProviderWorld) -> None:
    answer = world.provider.ask([ask_by_name("Anna", "Berg")], key=BY_NAME)

    assert answer.answers[0].state is AnswerState.FOUND
    assert answer.answers[0].findings["phone"].value == "+4930901820"
    assert answer.credits == world.charged == 1


def test_two_people_of_one_name_at_one_company_are_nobody(world: ProviderWorld) -> None:
    world.know(ANNA, ContractPerson(first_name="Anna", last_name="Berg", slug="anna-berg-2", email="a.b@acme.com"))

    answer = world.provider.ask([ask_by_name("Anna", "Berg")], key=BY_NAME)

    assert answer.answers[0].state is AnswerState.MISS
    assert answer.credits == world.charged
    assert answer.credits <= world.provider.capabilities.terms[BY_NAME].credits_at_most


@pytest.mark.parametrize("domain", ["other.com", "acme.co.uk"])
def test_a_namesake_at_another_company_is_somebody_else(world: ProviderWorld, domain: str) -> None:
    answer = world.provider.ask([ask_by_name("Anna", "Berg", domain)], key=BY_NAME)

    assert answer.answers[0].state is AnswerState.MISS


def test_a_low_balance_answers_whom_it_can_and_leaves_the_rest_open(world: ProviderWorld) -> None:
    world.set_balance(1)

    answer = world.provider.ask([ask_about(1, "anna-berg"), ask_about(2, "li-wei")], key=BY_PROFILE)

    assert sorted(one.state for one in answer.answers) == [AnswerState.FOUND, AnswerState.UNANSWERED]
    assert answer.credits == world.charged == 1


def test_an_empty_balance_stops_and_charges_nothing(world: ProviderWorld) -> None:
    world.set_balance(0)

    with pytest.raises(OutOfCreditsError):
        world.provider.ask([ask_about(1, "anna-berg")], key=BY_PROFILE)

    assert world.charged == 0


def test_a_lost_answer_says_that_it_may_have_been_billed(world: ProviderWorld) -> None:
    world.lose_answers()

    with pytest.raises((TransportFaultError, ServiceUnavailableError)) as raised:
        world.provider.ask([ask_about(1, "anna-berg")], key=BY_PROFILE)

    assert state_after(raised.value) is CallState.UNCERTAIN


def test_a_refusal_for_now_says_how_long_to_wait_and_costs_nothing(world: ProviderWorld) -> None:
    world.refuse_for_now()

    with pytest.raises(ServiceUnavailableError) as raised:
        world.provider.ask([ask_about(1, "anna-berg")], key=BY_PROFILE)

    assert raised.value.status in NOTHING_DONE_STATUSES
    assert raised.value.retry_after_seconds == pytest.approx(2, abs=1)
    assert world.charged == 0

"""What the contact provider alone does, beside the contract that all providers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lead_pipeline.domain.enrichment.questions import AnswerState, Question, QuestionKey
from lead_pipeline.domain.leads import ConfidenceOrigin
from lead_pipeline_tests.provider_worlds import ContactApiProviderWorld, ContractPerson, contact_api_world

ANNA = ContractPerson(
    first_name="Anna", last_name="Berg", slug="anna-berg", email="anna.berg@acme.com", phone="+49 30 901820"
)
LI = ContractPerson(first_name="Li", last_name="Wei", slug="li-wei", email="li.wei@acme.com")


@pytest.fixture(scope="module")
def running() -> Iterator[ContactApiProviderWorld]:
    with contact_api_world() as world:
        yield world


@pytest.fixture
def world(running: ContactApiProviderWorld) -> ContactApiProviderWorld:
    running.reset()
    running.know(ANNA, LI)
    return running


def ask_about(number: int, slug: str, *wanted: str) -> Question:
    return Question(
        dievio_lead_id=f"lead-{number}",
        segment="us",
        wanted=frozenset(wanted or ("email",)),
        linkedin_url=f"https://www.linkedin.com/in/{slug}",
    )


def test_its_confidence_counts_from_0_to_100(world: ContactApiProviderWorld) -> None:
    [answer] = world.provider.ask([ask_about(1, "anna-berg")], key=QuestionKey.LINKEDIN_URL).answers

    confidence = answer.findings["email"].confidence
    assert (confidence.share, confidence.origin) == (0.97, ConfidenceOrigin.EXPLICIT)


def test_a_phone_is_only_bought_when_it_is_wanted(world: ContactApiProviderWorld) -> None:
    [plain] = world.provider.ask([ask_about(1, "anna-berg")], key=QuestionKey.LINKEDIN_URL).answers
    [wanting] = world.provider.ask([ask_about(1, "anna-berg", "phone")], key=QuestionKey.LINKEDIN_URL).answers

    assert "phone" not in plain.findings
    assert wanting.findings["phone"].value == "+4930901820"


def test_an_answer_with_a_wrong_reference_is_given_to_nobody(world: ContactApiProviderWorld) -> None:
    world.set_fault("wrong_reference", record_index=0, value="7")

    answer = world.provider.ask([ask_about(1, "anna-berg"), ask_about(2, "li-wei")], key=QuestionKey.LINKEDIN_URL)

    assert [one.state for one in answer.answers] == [AnswerState.UNANSWERED, AnswerState.FOUND]
    assert answer.credits == world.charged == 2


def test_a_person_that_is_no_object_says_nothing(world: ContactApiProviderWorld) -> None:
    world.set_fault("broken_person", value="broken")

    [answer] = world.provider.ask([ask_about(1, "anna-berg")], key=QuestionKey.LINKEDIN_URL).answers

    assert (answer.state, dict(answer.findings)) == (AnswerState.FOUND, {})


def test_people_that_a_short_answer_did_not_reach_are_asked_about_again(world: ContactApiProviderWorld) -> None:
    world.set_fault("short_answer", items=1)

    answer = world.provider.ask([ask_about(1, "anna-berg"), ask_about(2, "li-wei")], key=QuestionKey.LINKEDIN_URL)

    assert [one.state for one in answer.answers] == [AnswerState.FOUND, AnswerState.UNANSWERED]


def test_a_whole_batch_by_name_is_one_call(world: ContactApiProviderWorld) -> None:
    people = [
        Question(
            dievio_lead_id=f"lead-{number}",
            segment="us",
            wanted=frozenset({"email"}),
            first_name=person.first_name,
            last_name=person.last_name,
            company_domain="acme.com",
        )
        for number, person in enumerate((LI, ANNA))
    ]
    before = world.provider.calls

    answer = world.provider.ask(people, key=QuestionKey.NAME_AND_DOMAIN)

    assert [one.findings["email"].value for one in answer.answers] == ["li.wei@acme.com", "anna.berg@acme.com"]
    assert world.provider.calls == before + 1

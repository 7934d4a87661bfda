"""How people become calls, and answers come back to people."""

from lead_pipeline.domain.enrichment.questions import (
    AnswerState,
    CallTerms,
    QuestionAnswer,
    QuestionKey,
    pair_answers,
    plan_calls,
)
from lead_pipeline_tests.domain.enrichment.builders import capabilities, nameless, question


def test_questions_fill_as_few_calls_as_the_batch_size_allows() -> None:
    calls = list(plan_calls([question(number) for number in range(5)], capabilities()))

    assert [len(call.questions) for call in calls] == [2, 2, 1]
    assert [call.credits_at_most for call in calls] == [2, 2, 1]
    assert {call.provider for call in calls} == {"dievio"}


def test_a_call_belongs_to_one_segment() -> None:
    questions = [question(number, segment=("a", "b")[number % 2]) for number in range(4)]

    calls = list(plan_calls(questions, capabilities()))

    assert [(call.segment, len(call.questions)) for call in calls] == [("a", 2), ("b", 2)]


def test_people_without_profile_are_asked_about_one_by_one_after_the_others() -> None:
    calls = list(plan_calls([nameless(1), question(2), nameless(3)], capabilities()))

    assert [(call.key, len(call.questions), call.credits_at_most) for call in calls] == [
        (QuestionKey.LINKEDIN_URL, 1, 1),
        (QuestionKey.NAME_AND_DOMAIN, 1, 2),
        (QuestionKey.NAME_AND_DOMAIN, 1, 2),
    ]


def test_a_provider_is_not_asked_what_it_cannot_answer() -> None:
    by_profile_only = capabilities(terms={QuestionKey.LINKEDIN_URL: CallTerms(batch_size=2)})
    unanswerable = [
        nameless(1),
        nameless(2, first_name=None),
        question(3, wanted=frozenset({"industry"})),
    ]

    assert list(plan_calls(unanswerable, by_profile_only)) == []


def test_a_name_alone_finds_nobody() -> None:
    assert not nameless(company_domain=None).can_be_found_by(QuestionKey.NAME_AND_DOMAIN)


def test_every_question_gets_its_answer_in_the_order_of_the_questions() -> None:
    found = QuestionAnswer(dievio_lead_id="li-0002", state=AnswerState.FOUND)

    answers = pair_answers([question(1), question(2)], {"li-0002": found}, absent=AnswerState.MISS)

    assert [(answer.dievio_lead_id, answer.state) for answer in answers] == [
        ("li-0001", AnswerState.MISS),
        ("li-0002", AnswerState.FOUND),
    ]

"""The contact provider behind the port: one call of `ask` is one paid request about up to ten people.

People are told apart by a reference of our own in each item, which says nothing about them. When a call is made and who
pays is decided in the services; what a person says is read by `domain/enrichment/reading` through the source mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from lead_pipeline.contact_api.answers import ItemResult, read_match_answer
from lead_pipeline.contact_api.options import ContactApiOptions
from lead_pipeline.domain.enrichment.questions import (
    CONTEXT_FIELDS,
    ENRICHABLE_FIELDS,
    AnswerState,
    CallTerms,
    ProviderAnswer,
    ProviderCapabilities,
    Question,
    QuestionKey,
    pair_answers,
)
from lead_pipeline.domain.enrichment.reading import RowReading, RowRules
from lead_pipeline.transport.json_answers import Call
from lead_pipeline.transport.json_calls import JsonCalls

NAME = "contact_api"
DIRECT_LINE = "direct_line"  # revealed only when asked for
#: Companions of what the mapping names: normalization tells them from the same cells.
_TOLD_BY: Mapping[str, tuple[str, ...]] = {
    "country": ("country_name",),
    "employee_count": ("employee_band",),
    "email": ("email_status",),
    "company_domain": ("website",),
    "title": ("seniority", "department"),
}


class ContactApiEnrichment:
    """Answers questions about people from the contact provider.

    Args:
        calls: Makes the calls.
        rules: How people are read.
        options: The path, and people a call.
        now: The clock, aware UTC.
    """

    def __init__(
        self, calls: JsonCalls, rules: RowRules, *, options: ContactApiOptions, now: Callable[[], datetime]
    ) -> None:
        self._calls = calls
        self._rules = rules
        self._path = options.match_path
        self._now = now
        terms = CallTerms(batch_size=options.batch_size)
        self._capabilities = ProviderCapabilities(
            name=NAME,
            label=rules.mapping.enrichment_source,
            fields=_fields_of(rules),
            terms={QuestionKey.LINKEDIN_URL: terms, QuestionKey.NAME_AND_DOMAIN: terms},
        )

    @property
    def capabilities(self) -> ProviderCapabilities:
        """What it can be asked: 1 credit a match; who is unknown, or one of several, is free."""
        return self._capabilities

    @property
    def address(self) -> str:
        """Where it is, for messages."""
        return self._calls.address

    @property
    def calls(self) -> int:
        """Requests made so far, failed ones included."""
        return self._calls.calls

    def close(self) -> None:
        """Close the connections."""
        self._calls.close()

    def ask(self, questions: Sequence[Question], *, key: QuestionKey) -> ProviderAnswer:
        """Make one paid call; see `EnrichmentProvider.ask`.

        Raises:
            LeadPipelineError: As for every paid call.
        """
        by_reference = {str(place): question for place, question in enumerate(questions)}
        items = [{"reference": reference, **_ITEMS[key](question)} for reference, question in by_reference.items()]
        wants_phone = any("phone" in question.wanted for question in questions)
        body: dict[str, object] = {"items": items, "reveal": [DIRECT_LINE] if wants_phone else []}
        call = Call(name="match", path=self._path, segment=questions[0].segment, keys=frozenset(body))
        answer = read_match_answer(self._calls.post(call, body), call=call, references=by_reference.keys())
        found = {
            by_reference[reference].dievio_lead_id: self._read(result).answer(
                by_reference[reference], state=result.state
            )
            for reference, result in answer.results.items()
        }
        # A person of whom the answer says nothing at all was not looked at: misses come back as such.
        return ProviderAnswer(
            answers=pair_answers(questions, found, absent=AnswerState.UNANSWERED),
            credits=answer.credits,
            body=answer.body,
        )

    def _read(self, result: ItemResult) -> RowReading:
        if result.state is not AnswerState.FOUND:
            return RowReading()
        return self._rules.read(result.person, fetched_at=self._now())


def _item_of_profile(question: Question) -> dict[str, str]:
    return {"profile": str(question.linkedin_url)}


def _item_of_name(question: Question) -> dict[str, str]:
    return {
        "given_name": str(question.first_name),
        "family_name": str(question.last_name),
        "employer_domain": str(question.company_domain),
    }


_ITEMS: Mapping[QuestionKey, Callable[[Question], dict[str, str]]] = {
    QuestionKey.LINKEDIN_URL: _item_of_profile,
    QuestionKey.NAME_AND_DOMAIN: _item_of_name,
}


def _fields_of(rules: RowRules) -> frozenset[str]:
    """Return the fields that an answer may hold: those of the mapping, and what is told by them."""
    named = set(rules.mapping.fields)
    told = {name for source in named for name in _TOLD_BY.get(source, ())}
    return frozenset((named | told) & (ENRICHABLE_FIELDS | CONTEXT_FIELDS))

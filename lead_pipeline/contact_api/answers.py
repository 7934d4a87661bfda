"""What an answer of the contact provider means: one result for each item, or an error that says what to do next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lead_pipeline.domain.enrichment.questions import AnswerState
from lead_pipeline.transport.json_answers import (
    Answer,
    Call,
    PaidService,
    read_answer,
    read_count,
    storable,
    storable_text,
    unreadable,
)

CONTACT_API = PaidService(
    name="Contact API",
    address_variable="CONTACT_API_BASE_URL",
    key_variable="CONTACT_API_KEY",
    document="contact_api.yaml",
)


class ItemStatus(StrEnum):
    """What the provider says about one item."""

    MATCHED = "matched"
    NOT_FOUND = "not_found"
    AMBIGUOUS = "ambiguous"
    NOT_PROCESSED = "not_processed"  # the balance ended before this item


#: A status that we do not know is no answer: the person is asked about again.
STATES: Mapping[str, AnswerState] = {
    ItemStatus.MATCHED: AnswerState.FOUND,
    ItemStatus.NOT_FOUND: AnswerState.MISS,
    ItemStatus.AMBIGUOUS: AnswerState.MISS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """What came back about one item; `person` is what stood there, not always an object."""

    state: AnswerState
    person: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchAnswer:
    """One answer: reference -> result, what it cost, and its text."""

    results: Mapping[str, ItemResult]
    credits: int
    body: str


def read_match_answer(answer: Answer, *, call: Call, references: Collection[str]) -> MatchAnswer:
    """Return what an answer says about the items that were sent; a reference of nobody is left out.

    Raises:
        LeadPipelineError: The answer is an error; its type says what to do next.
    """
    document = read_answer(answer, call=call, service=CONTACT_API)
    entries = document.get("results")
    if not isinstance(entries, list):
        raise unreadable(answer, "200 without results", call=call, service=CONTACT_API)
    objects = [entry for entry in entries if isinstance(entry, Mapping)]
    results = {str(entry.get("reference")): _read_result(entry) for entry in objects}
    return MatchAnswer(
        results={reference: result for reference, result in results.items() if reference in references},
        credits=_read_credits(document, objects),
        body=storable_text(answer.text),
    )


def _read_result(entry: Mapping[str, Any]) -> ItemResult:
    state = STATES.get(str(entry.get("status")), AnswerState.UNANSWERED)
    return ItemResult(state=state, person=storable(entry.get("person")) if state is AnswerState.FOUND else None)


def _read_credits(document: Mapping[str, Any], entries: list[Mapping[str, Any]]) -> int:
    """Return what the answer says that it cost; one that does not say is counted by its matches."""
    usage = document.get("usage")
    charged = read_count(usage.get("charged")) if isinstance(usage, Mapping) else None
    return sum(entry.get("status") == ItemStatus.MATCHED for entry in entries) if charged is None else charged

"""The one endpoint: people matched in bulk. One credit a match; who is unknown, or one of several, costs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lead_pipeline.sandbox.contact_api.state import ContactState, Person
from lead_pipeline.sandbox.control_plane import FaultKind, FiredFault

MAX_ITEMS = 10
DIRECT_LINE = "direct_line"  # sold only to who asks for it
NAME_KEYS = ("given_name", "family_name", "employer_domain")

#: The faults that only this API has, with what their parameters are.
FAULT_KINDS: Mapping[str, FaultKind] = {
    "charged_but_lost": FaultKind("The matches are charged, but the answer is an error.", {"status": 502}),
    "short_answer": FaultKind("Only so many items are looked at; the others come back as not processed.", {"items": 0}),
    "broken_person": FaultKind("The person of the item at record_index (0) is replaced.", {"value": None}),
    "wrong_reference": FaultKind("The item at record_index (0) comes back under another reference.", {"value": None}),
}


class RefusedRequestError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Match:
    """What was found about one item: whom, or how it ended without."""

    reference: str
    status: str
    person: Person | None = None

    def to_json(self) -> dict[str, Any]:
        result: dict[str, Any] = {"reference": self.reference, "status": self.status}
        return result if self.person is None else result | {"person": self.person}


def match_people(state: ContactState, body: Mapping[str, Any], faults: Sequence[FiredFault]) -> dict[str, Any]:
    """Answer a request: everybody who was found first, then the others.

    Raises:
        RefusedRequestError: The answer is an error.
    """
    items = _read_items(body)
    struck = {fault.kind: fault for fault in faults}
    balance = state.get("balance")
    if balance <= 0:
        raise RefusedRequestError(402, "insufficient_credits", "The balance is empty.")
    reached = struck["short_answer"].params.get("items", 0) if "short_answer" in struck else len(items)
    has_lines = DIRECT_LINE in _read_reveal(body)
    matches: list[_Match] = []
    for place, item in enumerate(items):
        is_reached = place < reached and sum(match.person is not None for match in matches) < balance
        matches.append(_match(state, item, has_lines=has_lines) if is_reached else _not_processed(item))
    charged = sum(match.person is not None for match in matches)
    state.charge(charged)
    if "charged_but_lost" in struck:
        raise RefusedRequestError(
            struck["charged_but_lost"].params.get("status", 502), "upstream_error", "The answer was lost."
        )
    results = [_disturb(match.to_json(), place, struck) for place, match in enumerate(matches)]
    results.sort(key=lambda result: result["status"] != "matched")
    return {"results": results, "usage": {"charged": charged, "balance": balance - charged}}


def _match(state: ContactState, item: Mapping[str, str], *, has_lines: bool) -> _Match:
    if "profile" in item:
        person = state.find_profile(item["profile"])
        found = [] if person is None else [person]
    else:
        given, family, domain = (item[key] for key in NAME_KEYS)
        found = list(state.find_names(given, family, domain=domain))
    if len(found) != 1:
        return _Match(item["reference"], "ambiguous" if found else "not_found")
    return _Match(item["reference"], "matched", found[0] if has_lines else _without_line(found[0]))


def _not_processed(item: Mapping[str, str]) -> _Match:
    return _Match(item["reference"], "not_processed")


def _without_line(person: Person) -> Person:
    scores = {key: score for key, score in (person.get("confidence") or {}).items() if key != DIRECT_LINE}
    kept = {key: value for key, value in person.items() if key != DIRECT_LINE}
    return kept | {"confidence": scores} if "confidence" in kept else kept


def _disturb(result: dict[str, Any], place: int, struck: Mapping[str, FiredFault]) -> dict[str, Any]:
    for kind, key in (("broken_person", "person"), ("wrong_reference", "reference")):
        fault = struck.get(kind)
        if fault is not None and place == (fault.record_index or 0) and key in result:
            result[key] = fault.params.get("value", "?")
    return result


def _read_items(body: Mapping[str, Any]) -> list[dict[str, str]]:
    items = body.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_ITEMS:
        raise RefusedRequestError(422, "invalid_items", f"items has to be an array of 1 to {MAX_ITEMS} objects")
    for item in items:
        if not isinstance(item, dict) or not all(isinstance(value, str) and value for value in item.values()):
            raise RefusedRequestError(422, "invalid_items", "an item is an object of texts that are not empty")
        if "reference" not in item or not ("profile" in item or all(key in item for key in NAME_KEYS)):
            wanted = f"a reference, and a profile or {', '.join(NAME_KEYS)}"
            raise RefusedRequestError(422, "invalid_items", f"an item needs {wanted}")
    if len({item["reference"] for item in items}) < len(items):
        raise RefusedRequestError(422, "invalid_items", "a reference may come only once")
    return items


def _read_reveal(body: Mapping[str, Any]) -> list[str]:
    reveal = body.get("reveal", [])
    if not isinstance(reveal, list) or not set(reveal) <= {DIRECT_LINE}:
        raise RefusedRequestError(422, "invalid_reveal", f"reveal is an array that may hold {DIRECT_LINE}")
    return reveal

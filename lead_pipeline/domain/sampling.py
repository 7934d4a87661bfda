"""Which leads go first when an org is synced for the first time: a sample, then so many more of the rest.

A sample has to show within a few hundred leads what the whole batch may show: every saved search, kind of decision,
reason and edge case. The choice is a pure function of what was planned: the same leads give the same sample, and each
chosen lead says what it stands for. Letting leads through is `services/choose_leads`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lead_pipeline.domain.decisions import ASKING_VERDICTS, Decision, FieldVerdict
from lead_pipeline.domain.value_equality import is_blank

DEFAULT_SAMPLE_LEADS = 200
LONG_TEXT_CHARACTERS = 40  # the shortest text fields of a Lead: FirstName, City
LONG_FIELDS = ("first_name", "last_name", "company_name", "title", "city")
RARE_SHARE = 0.5  # of a sample goes at most to strata by turns; the rest shows what an ordinary night looks like
BY_LOT = "by lot among all leads"
IN_ORDER = "next in the order of delivery"


class ScopeKind(StrEnum):
    """How leads of a batch are let through."""

    SAMPLE = "sample"  # so many that represent the batch
    LIMIT = "limit"  # so many more, in the order of delivery
    EVERYTHING = "everything"


class EdgeCase(StrEnum):
    """What makes a lead worth looking at twice."""

    LONG_TEXT = "long text"
    FOREIGN_LETTERS = "letters beyond ASCII"
    NO_EMAIL = "no e-mail"
    NO_PHONE = "no phone"
    NEAR_DUPLICATE = "resembles a record of the org"
    NAMESAKE = "shares name and company with another lead"
    EXISTING_CONTACT = "is a contact already"
    REP_VALUE = "a person's value stands there"
    REFUSED_VALUE = "a value was refused"
    TRIMMED = "a text is cut as declared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A planned lead with what choosing looks at.

    Attributes:
        dievio_lead_id: Its id.
        segment: The saved search that it comes from.
        decision: What is to happen with it.
        reason_code: Why.
        object_name: The object of the target; None without one.
        values: Canonical field -> value.
        flags: Remarks of normalization, e.g. `email_role`.
        verdicts: What happens to its fields.
        candidate_count: Records of the org that may be the person.
        is_trimmed: Whether a declared trim shortens a text.
        has_namesake: Whether another lead of the batch shares family name and company.
        is_settled: Whether it has its outcome.
        chosen_for: For which step it was chosen before; None when it was not.
    """

    dievio_lead_id: str
    segment: str
    decision: Decision
    reason_code: str
    object_name: str | None
    values: Mapping[str, object]
    flags: tuple[str, ...] = ()
    verdicts: frozenset[FieldVerdict] = frozenset()
    candidate_count: int = 0
    is_trimmed: bool = False
    has_namesake: bool = False
    is_settled: bool = False
    chosen_for: ScopeKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A lead to let through, and what it stands for."""

    dievio_lead_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageLine:
    """How well a sample shows one part of the batch."""

    stratum: str
    planned: int
    chosen: int


def choose_sample(candidates: Sequence[Candidate], size: int) -> list[Choice]:
    """Return whom to let through so that the sample of a batch has `size` leads.

    Strata take turns, the rarest first, until each has its part or half of the sample is used; lots fill the rest.
    Leads of an earlier sample count, so that a larger one only adds and the same one adds nobody.

    Args:
        candidates: Every planned lead of the batch, chosen and settled ones included.
        size: Leads of the whole sample.
    """
    strata = _strata(candidates)
    sampled = {entry.dievio_lead_id for entry in candidates if entry.chosen_for is ScopeKind.SAMPLE}
    free = [entry.dievio_lead_id for entry in candidates if not entry.is_settled and entry.chosen_for is None]
    missing = min(size - len(sampled), len(free))
    most_by_turns = max(RARE_SHARE * size, len(strata)) - len(sampled)
    chosen: dict[str, str] = {}
    for name, lead_id in _take_turns(strata, taken=sampled, free=set(free)):
        if len(chosen) >= min(missing, most_by_turns):
            break
        chosen[lead_id] = name
    for lead_id in sorted(set(free) - chosen.keys(), key=_lot)[: max(missing - len(chosen), 0)]:
        chosen[lead_id] = BY_LOT
    return [Choice(dievio_lead_id=lead_id, reason=reason) for lead_id, reason in chosen.items()]


def choose_next(candidates: Sequence[Candidate], size: int) -> list[Choice]:
    """Return whom to let through so that `size` leads are under way: those chosen and not settled count first.

    Args:
        candidates: Every planned lead of the batch, in the order of delivery.
        size: Leads that one run brings to their end.
    """
    unsettled = [entry for entry in candidates if not entry.is_settled]
    under_way = sum(entry.chosen_for is not None for entry in unsettled)
    free = [entry for entry in unsettled if entry.chosen_for is None]
    return [Choice(dievio_lead_id=entry.dievio_lead_id, reason=IN_ORDER) for entry in free[: max(size - under_way, 0)]]


def measure_coverage(candidates: Sequence[Candidate]) -> tuple[CoverageLine, ...]:
    """Return for each part of the batch how many of its leads were chosen by now."""
    chosen = {entry.dievio_lead_id for entry in candidates if entry.chosen_for is not None}
    return tuple(
        CoverageLine(stratum=name, planned=len(members), chosen=len(chosen.intersection(members)))
        for name, members in sorted(_strata(candidates).items())
    )


def find_edge_cases(candidate: Candidate) -> tuple[str, ...]:
    """Return what makes a lead worth looking at twice; remarks of normalization are edge cases too."""
    values = candidate.values
    texts = [str(values.get(name) or "") for name in LONG_FIELDS]
    tests = {
        EdgeCase.LONG_TEXT: any(len(text) > LONG_TEXT_CHARACTERS for text in texts),
        EdgeCase.FOREIGN_LETTERS: not all(text.isascii() for text in texts),
        EdgeCase.NO_EMAIL: is_blank(values.get("email")),
        EdgeCase.NO_PHONE: is_blank(values.get("phone")),
        EdgeCase.NEAR_DUPLICATE: candidate.candidate_count > 0 and candidate.decision is not Decision.UPDATE,
        EdgeCase.NAMESAKE: candidate.has_namesake,
        EdgeCase.EXISTING_CONTACT: candidate.object_name == "Contact",
        EdgeCase.REP_VALUE: FieldVerdict.KEPT_REP_VALUE in candidate.verdicts,
        EdgeCase.REFUSED_VALUE: not candidate.verdicts.isdisjoint(_REFUSALS),
        EdgeCase.TRIMMED: candidate.is_trimmed,
    }
    return (*(case.value for case, holds in tests.items() if holds), *candidate.flags)


_REFUSALS = ASKING_VERDICTS | {FieldVerdict.REFUSED_CONFIDENCE, FieldVerdict.REFUSED_INVALID}


def _strata(candidates: Sequence[Candidate]) -> dict[str, list[str]]:
    """Return the parts of a batch that a sample has to show, each with its leads by lot."""
    strata: dict[str, list[str]] = defaultdict(list)
    for entry in candidates:
        for name in (
            f"search {entry.segment}: {entry.decision}",
            f"{entry.decision}: {entry.reason_code}",
            *(f"edge case: {case}" for case in find_edge_cases(entry)),
        ):
            strata[name].append(entry.dievio_lead_id)
    return {name: sorted(members, key=_lot) for name, members in strata.items()}


def _take_turns(strata: Mapping[str, Sequence[str]], *, taken: set[str], free: set[str]) -> Iterator[tuple[str, str]]:
    """Yield a lead of each stratum in turn, the rarest first; in a turn, strata that are served already pass."""
    served = set(taken)
    queues = {
        name: deque(member for member in strata[name] if member in free)
        for name in sorted(strata, key=lambda name: (len(strata[name]), name))
    }
    turn = 0
    while queues := {name: queue for name, queue in queues.items() if queue}:
        for name, queue in queues.items():
            is_served = len(served.intersection(strata[name])) > turn
            while queue and not is_served:
                lead_id = queue.popleft()
                if lead_id not in served:
                    served.add(lead_id)
                    yield name, lead_id
                    is_served = True
        turn += 1


def _lot(dievio_lead_id: str) -> str:
    return hashlib.sha256(dievio_lead_id.encode()).hexdigest()

"""Near names within one company: the one comparison that SQL cannot make.

Postgres brings the records of a company together; similarity is measured here. Its answer is always a question for a
person, so a block may be cut short, but never in silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from lead_pipeline.domain.decisions import MatchGrade, MatchResult
from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.matching.candidates import CandidateRecord, Hit, LeadToMatch
from lead_pipeline.domain.matching.comparison import compare_keys
from lead_pipeline.domain.matching.ladder import LadderAnswer
from lead_pipeline.domain.matching.policy import MatchingPolicy, RuleName
from lead_pipeline.domain.matching.rules import find_contradiction
from lead_pipeline.domain.name_compatibility import given_names_compatible

_Placed = tuple[str, int, LeadToMatch]  # family name, place in the batch, lead


@dataclass(frozen=True, slots=True, kw_only=True)
class NameBlock:
    """The records of one company that a lead is compared with.

    Attributes:
        records: Live records with both names.
        is_cut: Whether the company has more records than may be compared, so that some were left out.
    """

    records: Sequence[CandidateRecord]
    is_cut: bool = False


def needs_near_names(lead: LeadToMatch, result: MatchResult) -> bool:
    """Tell whether the ladder got past the exact rules, so that near names have a say."""
    has_names = bool(lead.keys.fn and lead.keys.ln)
    has_block = bool(lead.keys.dm or lead.keys.co)
    is_open = result.grade is MatchGrade.NONE or result.rule == RuleName.JOB_CHANGE
    return has_names and has_block and is_open


def find_near_names(lead: LeadToMatch, blocks: Iterable[NameBlock], *, policy: MatchingPolicy) -> tuple[Hit, ...]:
    """Return the records of the blocks whose names are close to the lead's and that nothing contradicts.

    Args:
        lead: A lead with both names.
        blocks: The records at its domain and at its company.
        policy: The two least similarities.
    """
    hits: dict[str, Hit] = {}
    for block in blocks:
        close = _extract_close(str(lead.keys.ln), [record.keys.ln for record in block.records], policy)
        for _name, family_similarity, position in close:
            hit = _rate(lead, block.records[position], family_similarity=family_similarity, policy=policy)
            if hit is not None:
                hits.setdefault(hit.record.salesforce_id, hit)
    best_first = sorted(hits.values(), key=lambda hit: (-(hit.score or 0.0), hit.record.salesforce_id))
    return tuple(best_first[: policy.max_candidates_per_rule])


def find_near_twins(leads: Sequence[LeadToMatch], *, policy: MatchingPolicy) -> frozenset[str]:
    """Return those of some new leads that may be the person of an earlier one among them.

    No record of the org can tell, because neither has one yet. Each lead is compared with at most
    `policy.max_block_records` others of its company, its neighbours by family name, so that the work grows with the
    leads and not with their square.

    Args:
        leads: New leads; of two that look like one person the later is returned.
        policy: The two least similarities and the cap.
    """
    companies: dict[tuple[str, str], list[_Placed]] = defaultdict(list)
    for place, lead in enumerate(leads):
        if lead.keys.fn and (family_name := lead.keys.ln):
            for kind, key in (("dm", lead.keys.dm), ("co", lead.keys.co)):
                if key:
                    companies[kind, key].append((family_name, place, lead))
    return frozenset(lead_id for people in companies.values() for lead_id in _find_later_twins(people, policy))


def _find_later_twins(people: list[_Placed], policy: MatchingPolicy) -> Iterator[str]:
    by_name = sorted(people, key=lambda entry: entry[:2])
    for position, (name, place, lead) in enumerate(by_name):
        neighbours = by_name[max(position - policy.max_block_records, 0) : position]
        for _name, _similarity, at in _extract_close(name, [entry[0] for entry in neighbours], policy):
            _, other_place, other = neighbours[at]
            if _measure_given(lead.keys, other.keys, policy) is not None:
                yield lead.dievio_lead_id if place > other_place else other.dievio_lead_id


def _extract_close(
    family_name: str, family_names: Sequence[str | None], policy: MatchingPolicy
) -> list[tuple[str, float, int]]:
    """Return the family names that are close enough, each with its similarity and its place."""
    return process.extract(
        family_name,
        family_names,
        scorer=JaroWinkler.similarity,
        score_cutoff=policy.min_family_similarity,
        limit=None,
    )


def _rate(
    lead: LeadToMatch, record: CandidateRecord, *, family_similarity: float, policy: MatchingPolicy
) -> Hit | None:
    given_similarity = _measure_given(lead.keys, record.keys, policy)
    if given_similarity is None:
        return None
    return Hit(rule=RuleName.NEAR_NAME, record=record, score=round((given_similarity + family_similarity) / 2, 3))


def _measure_given(keys: MatchKeys, others: MatchKeys, policy: MatchingPolicy) -> float | None:
    """Return how similar two given names are; None where they do not fit, or where anything speaks against the pair."""
    if not keys.fn or not others.fn:
        return None
    similarity = JaroWinkler.similarity(keys.fn, others.fn)
    if similarity < policy.min_given_similarity and not given_names_compatible(keys.fn, others.fn):
        return None
    return similarity if find_contradiction(compare_keys(keys, others), policy) is None else None


def remark_cut(answer: LadderAnswer, policy: MatchingPolicy) -> LadderAnswer:
    """Say in a result that the lead's company was too large to be compared whole."""
    remark = (
        f"its company has more than {policy.max_block_records} people in the org: "
        "near names were sought only among those with the same initial"
    )
    return replace(answer, result=replace(answer.result, reason=f"{answer.result.reason}; {remark}"))

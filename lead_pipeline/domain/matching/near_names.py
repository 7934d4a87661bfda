"""Near names within one company: the one comparison that SQL cannot make.

Postgres brings the records of a company together; similarity is measured here. Its answer is always a question for a
person, so a block may be cut short, but never in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from lead_pipeline.domain.decisions import MatchGrade, MatchResult
from lead_pipeline.domain.matching.candidates import CandidateRecord, Hit, LeadToMatch
from lead_pipeline.domain.matching.comparison import compare_keys
from lead_pipeline.domain.matching.ladder import LadderAnswer
from lead_pipeline.domain.matching.policy import MatchingPolicy, RuleName
from lead_pipeline.domain.matching.rules import find_contradiction
from lead_pipeline.domain.name_compatibility import given_names_compatible


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
        family_names = [record.keys.ln for record in block.records]
        close = process.extract(
            lead.keys.ln,
            family_names,
            scorer=JaroWinkler.similarity,
            score_cutoff=policy.min_family_similarity,
            limit=None,
        )
        for _name, family_similarity, position in close:
            hit = _rate(lead, block.records[position], family_similarity=family_similarity, policy=policy)
            if hit is not None:
                hits.setdefault(hit.record.salesforce_id, hit)
    best_first = sorted(hits.values(), key=lambda hit: (-(hit.score or 0.0), hit.record.salesforce_id))
    return tuple(best_first[: policy.max_candidates_per_rule])


def _rate(
    lead: LeadToMatch, record: CandidateRecord, *, family_similarity: float, policy: MatchingPolicy
) -> Hit | None:
    given, other = lead.keys.fn, record.keys.fn
    if not given or not other:
        return None
    given_similarity = JaroWinkler.similarity(given, other)
    if given_similarity < policy.min_given_similarity and not given_names_compatible(given, other):
        return None
    if find_contradiction(compare_keys(lead.keys, record.keys), policy) is not None:
        return None
    return Hit(rule=RuleName.NEAR_NAME, record=record, score=round((given_similarity + family_similarity) / 2, 3))


def remark_cut(answer: LadderAnswer, policy: MatchingPolicy) -> LadderAnswer:
    """Say in a result that the lead's company was too large to be compared whole."""
    remark = (
        f"its company has more than {policy.max_block_records} people in the org: "
        "near names were sought only among those with the same initial"
    )
    return replace(answer, result=replace(answer.result, reason=f"{answer.result.reason}; {remark}"))

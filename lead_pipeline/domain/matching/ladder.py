"""The match ladder: the first step that finds somebody decides, and every pair seen leaves evidence.

It knows no keys and no thresholds: what a pair is worth is told by `rules`, where a record leads by `candidates`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lead_pipeline.domain.decisions import MatchCandidate, MatchGrade, MatchResult
from lead_pipeline.domain.matching.candidates import (
    CandidateRecord,
    Hit,
    LeadToMatch,
    PairAnswer,
    follow_record,
    group_persons,
)
from lead_pipeline.domain.matching.comparison import compare_keys
from lead_pipeline.domain.matching.policy import MatchingPolicy, RuleName, RuleOutcome
from lead_pipeline.domain.matching.rules import (
    LADDER,
    REASON_TEXTS,
    RULES,
    MatchReason,
    MatchRule,
    PairJudgement,
)

#: Rules that assert our own id; an answer "not the same" about their record is a contradiction, not a dismissal.
_ID_RULES = frozenset({RuleName.EXTERNAL_ID, RuleName.LINK})


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderAnswer:
    """The result for one lead and the evidence behind it."""

    result: MatchResult
    evidence: tuple[MatchCandidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A hit, the live record it leads to, and what its rule says."""

    hit: Hit
    target: CandidateRecord | None
    grade: MatchGrade
    reason: MatchReason
    evidence: dict[str, object]


def match_lead(
    lead: LeadToMatch,
    hits: Iterable[Hit],
    *,
    directory: Mapping[str, CandidateRecord],
    answers: Mapping[str, PairAnswer],
    policy: MatchingPolicy,
) -> LadderAnswer:
    """Decide which record is the person of a lead.

    Args:
        lead: The lead and its keys.
        hits: Records that share a key with it, by rule.
        directory: Salesforce id -> record, for everything that a merge or conversion of a hit leads to.
        answers: Salesforce id -> what a person said about the lead and that record.
        policy: Thresholds and the outcome of each rule.
    """
    pairs = tuple(_judge(lead, hit, directory=directory, answers=answers, policy=policy) for hit in hits)
    return LadderAnswer(
        result=_decide(lead, pairs, policy=policy),
        evidence=tuple(_as_candidate(lead, pair) for pair in pairs),
    )


def _judge(
    lead: LeadToMatch,
    hit: Hit,
    *,
    directory: Mapping[str, CandidateRecord],
    answers: Mapping[str, PairAnswer],
    policy: MatchingPolicy,
) -> _Pair:
    target = follow_record(hit.record, directory)
    comparison = compare_keys(lead.keys, (target or hit.record).keys)
    judgement = RULES[hit.rule].judge(comparison, policy)
    asked = {hit.record.salesforce_id, target.salesforce_id if target else hit.record.salesforce_id}
    if hit.rule is not RuleName.REMEMBERED_ANSWER and any(answers.get(key) is PairAnswer.NOT_SAME for key in asked):
        judgement = _judge_denied(hit.rule)
    elif target is None:
        judgement = PairJudgement(grade=MatchGrade.POSSIBLE, reason=MatchReason.RECORD_GONE)
    evidence = {**comparison.as_evidence(), "reason": str(judgement.reason)}
    if target is not None and target is not hit.record:
        evidence["leads_to"] = target.salesforce_id
    return _Pair(hit=hit, target=target, grade=judgement.grade, reason=judgement.reason, evidence=evidence)


def _judge_denied(rule: RuleName) -> PairJudgement:
    if rule in _ID_RULES:
        return PairJudgement(grade=MatchGrade.POSSIBLE, reason=MatchReason.ID_ON_OTHER_PERSON)
    return PairJudgement(grade=MatchGrade.NONE, reason=MatchReason.ANSWERED_NOT_SAME)


def _decide(lead: LeadToMatch, pairs: Sequence[_Pair], *, policy: MatchingPolicy) -> MatchResult:
    for step in LADDER:
        names = {rule.name for rule in step}
        found = [pair for pair in pairs if pair.hit.rule in names and pair.grade is not MatchGrade.NONE]
        if found:
            return _answer_step(lead, found, others=_find_rivals(step, pairs), policy=policy)
    return _as_result(lead, MatchReason.NO_CANDIDATE, grade=MatchGrade.NONE, candidate_count=0)


def _find_rivals(step: Sequence[MatchRule], pairs: Sequence[_Pair]) -> list[_Pair]:
    """Return the certain pairs of other identifying rules: an address and a profile must not name two people."""
    names = {rule.name for rule in step}
    if not all(rule.is_identifying for rule in step):
        return []
    return [
        pair
        for pair in pairs
        if pair.hit.rule not in names and RULES[pair.hit.rule].is_identifying and pair.grade is MatchGrade.CERTAIN
    ]


def _answer_step(
    lead: LeadToMatch, found: Sequence[_Pair], *, others: Sequence[_Pair], policy: MatchingPolicy
) -> MatchResult:
    live = [pair for pair in found if pair.target is not None]
    rule = (live or found)[0].hit.rule
    if not live:
        return _as_result(lead, MatchReason.RECORD_GONE, rule=rule, candidate_count=len(found))
    persons = group_persons(pair.target for pair in (*live, *others) if pair.target is not None)
    if len(persons) > 1:
        return _as_result(lead, MatchReason.SEVERAL_CANDIDATES, rule=rule, candidate_count=len(persons))
    doubt = next((pair.reason for pair in live if pair.grade is not MatchGrade.CERTAIN), None)
    return _apply_outcome(lead, persons[0], rule=rule, doubt=doubt, policy=policy)


def _apply_outcome(
    lead: LeadToMatch,
    person: CandidateRecord,
    *,
    rule: RuleName,
    doubt: MatchReason | None,
    policy: MatchingPolicy,
) -> MatchResult:
    outcome = policy.outcomes[rule]
    is_resemblance = doubt in _RESEMBLANCES
    if outcome is RuleOutcome.SKIP and (doubt is None or is_resemblance):
        return _as_result(lead, MatchReason.RULE_SET_TO_SKIP, rule=rule, candidate_count=1)
    if doubt is not None:
        return _as_result(lead, doubt, rule=rule, candidate_count=1)
    if outcome is RuleOutcome.REVIEW:
        return _as_result(lead, MatchReason.RULE_SET_TO_REVIEW, rule=rule, candidate_count=1)
    return _as_result(
        lead,
        MatchReason.CERTAIN_MATCH,
        grade=MatchGrade.CERTAIN,
        rule=rule,
        target=person,
        candidate_count=1,
    )


#: The ordinary answers of the rules that never link on their own, as opposed to doubts about a particular pair.
_RESEMBLANCES = frozenset({MatchReason.NAME_AND_COMPANY_ONLY, MatchReason.NEAR_NAME, MatchReason.MAY_HAVE_CHANGED_JOB})


def _as_result(
    lead: LeadToMatch,
    reason: MatchReason,
    *,
    candidate_count: int,
    grade: MatchGrade = MatchGrade.POSSIBLE,
    rule: RuleName | None = None,
    target: CandidateRecord | None = None,
) -> MatchResult:
    return MatchResult(
        dievio_lead_id=lead.dievio_lead_id,
        grade=grade,
        rule=rule,
        object_name=target.object_name if target else None,
        salesforce_id=target.salesforce_id if target else None,
        reason_code=reason,
        reason=REASON_TEXTS[reason],
        candidate_count=candidate_count,
    )


def _as_candidate(lead: LeadToMatch, pair: _Pair) -> MatchCandidate:
    return MatchCandidate(
        dievio_lead_id=lead.dievio_lead_id,
        rule=pair.hit.rule,
        object_name=pair.hit.record.object_name,
        salesforce_id=pair.hit.record.salesforce_id,
        grade=pair.grade,
        evidence=pair.evidence,
        score=pair.hit.score,
    )

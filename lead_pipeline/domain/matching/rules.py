"""The match rules as data: what each compares on a pair, how sure it may be, and why.

Their labels and the outcomes an operator may choose are in `policy`; the engine that runs them is `ladder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from lead_pipeline.domain.decisions import MatchGrade
from lead_pipeline.domain.matching.comparison import Fit, PairComparison
from lead_pipeline.domain.matching.policy import MatchingPolicy, RuleName


class MatchReason(StrEnum):
    """Why the ladder answered as it did."""

    NO_CANDIDATE = "no_candidate"
    CERTAIN_MATCH = "certain_match"
    SEVERAL_CANDIDATES = "several_candidates"
    NAMES_CONFLICT = "names_conflict"
    NAMES_MISSING = "names_missing"
    LINKEDIN_DIFFERS = "linkedin_differs"
    WORK_EMAIL_DIFFERS = "work_email_differs"
    ID_ON_OTHER_PERSON = "id_on_other_person"
    RECORD_GONE = "record_gone"
    NAME_AND_COMPANY_ONLY = "name_and_company_only"
    NEAR_NAME = "near_name"
    MAY_HAVE_CHANGED_JOB = "may_have_changed_job"
    ANSWERED_NOT_SAME = "answered_not_same"
    TARGET_CLAIMED_TWICE = "target_claimed_twice"
    RULE_SET_TO_REVIEW = "rule_set_to_review"
    RULE_SET_TO_SKIP = "rule_set_to_skip"


REASON_TEXTS: Mapping[MatchReason, str] = MappingProxyType(
    {
        MatchReason.NO_CANDIDATE: "no record of the org shares a key with this lead",
        MatchReason.CERTAIN_MATCH: "one person found, nothing contradicts",
        MatchReason.SEVERAL_CANDIDATES: "more than one person fits",
        MatchReason.NAMES_CONFLICT: "the key is the same but the names are not",
        MatchReason.NAMES_MISSING: "the key is the same but a given name is missing to confirm it",
        MatchReason.LINKEDIN_DIFFERS: "same name and domain, but another LinkedIn profile",
        MatchReason.WORK_EMAIL_DIFFERS: "same name and domain, but another mailbox at that domain",
        MatchReason.ID_ON_OTHER_PERSON: "our id sits on a record that looks like another person",
        MatchReason.RECORD_GONE: "the record was deleted in the org, or what it became cannot be found",
        MatchReason.NAME_AND_COMPANY_ONLY: "only name and company agree",
        MatchReason.NEAR_NAME: "a similar name at the same company",
        MatchReason.MAY_HAVE_CHANGED_JOB: "same name and private data at another company: may have changed job",
        MatchReason.ANSWERED_NOT_SAME: "a person said that these are two people",
        MatchReason.TARGET_CLAIMED_TWICE: "another lead of this batch fits the same record better",
        MatchReason.RULE_SET_TO_REVIEW: "one person found, and this rule is set to review",
        MatchReason.RULE_SET_TO_SKIP: "one person found, and this rule is set to skip",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairJudgement:
    """What one rule says about one pair."""

    grade: MatchGrade
    reason: MatchReason


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRule:
    """One rule of the ladder.

    Attributes:
        name: Label, as stored with results and evidence.
        tier: Position in the ladder as people count it, from 0.
        keys: Keys that must be equal for a pair to come up; the near-name rule takes one of two.
        reason: Why the rule is worth having.
        judge: What the rule says about a pair that its keys brought together.
        is_identifying: Whether its key belongs to one person, so that two such rules must not name two people.
    """

    name: RuleName
    tier: int
    keys: tuple[str, ...]
    reason: str
    judge: Callable[[PairComparison, MatchingPolicy], PairJudgement]
    is_identifying: bool = False


def _certain() -> PairJudgement:
    return PairJudgement(grade=MatchGrade.CERTAIN, reason=MatchReason.CERTAIN_MATCH)


def _possible(reason: MatchReason) -> PairJudgement:
    return PairJudgement(grade=MatchGrade.POSSIBLE, reason=reason)


def _judge_answer(_pair: PairComparison, _policy: MatchingPolicy) -> PairJudgement:
    return _certain()


def _judge_identity(pair: PairComparison, _policy: MatchingPolicy) -> PairJudgement:
    if Fit.DIFFERENT not in (pair.given, pair.family):
        return _certain()
    has_same_key = Fit.EQUAL in (pair.email, pair.linkedin)
    has_changed_family_name = pair.given.agrees and Fit.EQUAL in (pair.domain, pair.company)
    return _certain() if has_same_key or has_changed_family_name else _possible(MatchReason.ID_ON_OTHER_PERSON)


def _judge_email(pair: PairComparison, _policy: MatchingPolicy) -> PairJudgement:
    if pair.given.agrees:
        return _certain()
    is_missing = pair.given is Fit.UNKNOWN
    return _possible(MatchReason.NAMES_MISSING if is_missing else MatchReason.NAMES_CONFLICT)


def _judge_linkedin(pair: PairComparison, _policy: MatchingPolicy) -> PairJudgement:
    is_conflict = pair.given is Fit.DIFFERENT and pair.family is Fit.DIFFERENT
    return _possible(MatchReason.NAMES_CONFLICT) if is_conflict else _certain()


def find_contradiction(pair: PairComparison, policy: MatchingPolicy) -> MatchReason | None:
    """Return what speaks against two records with like names being one person."""
    if pair.linkedin is Fit.DIFFERENT:
        return MatchReason.LINKEDIN_DIFFERS
    if policy.is_work_email_contradiction and pair.has_different_work_email:
        return MatchReason.WORK_EMAIL_DIFFERS
    return None


def _judge_name_and_domain(pair: PairComparison, policy: MatchingPolicy) -> PairJudgement:
    contradiction = find_contradiction(pair, policy)
    return _certain() if contradiction is None else _possible(contradiction)


def _judge_name_and_company(_pair: PairComparison, _policy: MatchingPolicy) -> PairJudgement:
    return _possible(MatchReason.NAME_AND_COMPANY_ONLY)


def _judge_near_name(_pair: PairComparison, _policy: MatchingPolicy) -> PairJudgement:
    return _possible(MatchReason.NEAR_NAME)


def _judge_job_change(_pair: PairComparison, _policy: MatchingPolicy) -> PairJudgement:
    return _possible(MatchReason.MAY_HAVE_CHANGED_JOB)


#: The ladder: rules of one step are asked together, the first step with a candidate decides.
LADDER: tuple[tuple[MatchRule, ...], ...] = (
    (
        MatchRule(
            name=RuleName.REMEMBERED_ANSWER,
            tier=0,
            keys=("dievio_lead_id",),
            reason="a person decided about this pair, and a person outranks every rule",
            judge=_judge_answer,
        ),
    ),
    (
        MatchRule(
            name=RuleName.EXTERNAL_ID,
            tier=0,
            keys=("dievio_lead_id",),
            reason="the record carries our own unique id",
            judge=_judge_identity,
        ),
        MatchRule(
            name=RuleName.LINK,
            tier=0,
            keys=("dievio_lead_id",),
            reason="we wrote this lead to that record before; a merge in the org may have lost the id on it",
            judge=_judge_identity,
        ),
    ),
    (
        MatchRule(
            name=RuleName.EMAIL,
            tier=1,
            keys=("em",),
            reason="a personal work address belongs to one person, except where families or teams share it",
            judge=_judge_email,
            is_identifying=True,
        ),
    ),
    (
        MatchRule(
            name=RuleName.LINKEDIN,
            tier=2,
            keys=("li",),
            reason="a profile stays with its person through a change of job, address and family name",
            judge=_judge_linkedin,
            is_identifying=True,
        ),
    ),
    (
        MatchRule(
            name=RuleName.NAME_AND_DOMAIN,
            tier=3,
            keys=("fn", "ln", "dm"),
            reason="namesakes within one company are rare, and rarer still without a second mailbox or profile",
            judge=_judge_name_and_domain,
        ),
    ),
    (
        MatchRule(
            name=RuleName.NAME_AND_COMPANY,
            tier=4,
            keys=("fn", "ln", "co"),
            reason="company names repeat between firms, so the same name at one proves little",
            judge=_judge_name_and_company,
        ),
    ),
    (
        MatchRule(
            name=RuleName.NEAR_NAME,
            tier=5,
            keys=("dm", "co"),
            reason="a misspelt name at the same company is often the same person, and often a colleague",
            judge=_judge_near_name,
        ),
    ),
    (
        MatchRule(
            name=RuleName.JOB_CHANGE,
            tier=6,
            keys=("fn", "ln"),
            reason="the same name with the same private phone, address or street is likely the person in a new job",
            judge=_judge_job_change,
        ),
    ),
)

RULES: Mapping[RuleName, MatchRule] = MappingProxyType({rule.name: rule for step in LADDER for rule in step})

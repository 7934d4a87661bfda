"""Which record of the org is the person of a lead: rules, evidence and the ladder that decides.

Finding candidates by key is SQL (`sql/queries/matches.sql`); which value wins afterwards is `survivorship`.
"""

from lead_pipeline.domain.matching.candidates import (
    CandidateRecord,
    Hit,
    LeadToMatch,
    PairAnswer,
    follow_record,
    group_persons,
)
from lead_pipeline.domain.matching.ladder import LadderAnswer, match_lead
from lead_pipeline.domain.matching.near_names import (
    NameBlock,
    find_near_names,
    find_near_twins,
    needs_near_names,
    remark_cut,
)
from lead_pipeline.domain.matching.policy import (
    NEVER_AUTOMATIC,
    MatchingPolicy,
    RuleName,
    RuleOutcome,
    parse_matching_policy,
    rule_in_words,
)
from lead_pipeline.domain.matching.rules import LADDER, REASON_TEXTS, RULES, MatchReason, MatchRule

__all__ = [
    "LADDER",
    "NEVER_AUTOMATIC",
    "REASON_TEXTS",
    "RULES",
    "CandidateRecord",
    "Hit",
    "LadderAnswer",
    "LeadToMatch",
    "MatchReason",
    "MatchRule",
    "MatchingPolicy",
    "NameBlock",
    "PairAnswer",
    "RuleName",
    "RuleOutcome",
    "find_near_names",
    "find_near_twins",
    "follow_record",
    "group_persons",
    "match_lead",
    "needs_near_names",
    "parse_matching_policy",
    "remark_cut",
    "rule_in_words",
]

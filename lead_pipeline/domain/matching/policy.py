"""What an operator may set about matching: the outcome of each rule, the thresholds and the caps.

The rules themselves are data in `rules`; an operator chooses among them, but cannot make an uncertain rule write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import cast

from lead_pipeline.errors import InvalidDocumentError
from lead_pipeline.problems import ConfigurationProblem


class RuleName(StrEnum):
    """Label of a match rule: the keys that bring a pair together, then what is compared on the pair."""

    REMEMBERED_ANSWER = "BLOCK_ANSWER_MATCH_ANSWER"
    LINK = "BLOCK_LINK_MATCH_PERSON"
    EXTERNAL_ID = "BLOCK_ID_MATCH_PERSON"
    EMAIL = "BLOCK_EM_MATCH_FN"
    LINKEDIN = "BLOCK_LI_MATCH_FN_LN"
    NAME_AND_DOMAIN = "BLOCK_FN_LN_DM_MATCH_LI_EM"
    NAME_AND_COMPANY = "BLOCK_FN_LN_CO_MATCH_TI"
    NEAR_NAME = "BLOCK_DM_CO_MATCH_NEAR_FN_LN"
    JOB_CHANGE = "BLOCK_FN_LN_MATCH_PH_ST_PE"


#: What a rule went by, in the words of a person who asks why two records were brought together.
RULE_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        RuleName.REMEMBERED_ANSWER: "a person's answer",
        RuleName.LINK: "our link to the record",
        RuleName.EXTERNAL_ID: "our external id",
        RuleName.EMAIL: "the same e-mail address",
        RuleName.LINKEDIN: "the same LinkedIn profile",
        RuleName.NAME_AND_DOMAIN: "the same name and domain",
        RuleName.NAME_AND_COMPANY: "the same name and company",
        RuleName.NEAR_NAME: "a near name at the same company",
        RuleName.JOB_CHANGE: "the same name and private data",
    }
)


def rule_in_words(rule: str) -> str:
    """Return what a rule went by; a name that is none of the ladder's, as `no candidate`, stays as it is."""
    return RULE_TEXTS.get(rule, rule)


class RuleOutcome(StrEnum):
    """What follows when a rule has found its one person."""

    UPDATE = "update"
    REVIEW = "review"
    SKIP = "skip"


#: Key in matching.yaml -> the rules it governs. A remembered answer of a person is not up for choice.
CONFIGURABLE_RULES: Mapping[str, tuple[RuleName, ...]] = MappingProxyType(
    {
        "external_id": (RuleName.EXTERNAL_ID, RuleName.LINK),
        "email": (RuleName.EMAIL,),
        "linkedin": (RuleName.LINKEDIN,),
        "name_and_domain": (RuleName.NAME_AND_DOMAIN,),
        "name_and_company": (RuleName.NAME_AND_COMPANY,),
        "near_name": (RuleName.NEAR_NAME,),
        "job_change": (RuleName.JOB_CHANGE,),
    }
)

NEVER_AUTOMATIC = frozenset({RuleName.NAME_AND_COMPANY, RuleName.NEAR_NAME, RuleName.JOB_CHANGE})

DEFAULT_OUTCOMES: Mapping[RuleName, RuleOutcome] = MappingProxyType(
    {rule: RuleOutcome.REVIEW if rule in NEVER_AUTOMATIC else RuleOutcome.UPDATE for rule in RuleName}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingPolicy:
    """The settings of the match ladder; similarities are Jaro-Winkler shares from 0 to 1."""

    outcomes: Mapping[RuleName, RuleOutcome] = field(default_factory=lambda: DEFAULT_OUTCOMES)
    min_given_similarity: float = 0.85  # below it Mary and Mark begin to look alike
    min_family_similarity: float = 0.88  # keeps Meier/Meyer and Smyth/Smith, drops Martin/Marin
    is_work_email_contradiction: bool = True  # two mailboxes at one domain are two people
    max_block_records: int = 500  # records compared for one company; a bigger one is cut to the same initial
    max_candidates_per_rule: int = 20  # more than one is a question anyway; a reviewer reads no longer list


def parse_matching_policy(document: Mapping[str, object]) -> MatchingPolicy:
    """Turn matching.yaml, which obeys its schema, into a policy.

    Raises:
        InvalidDocumentError: A rule that never links on its own is told to update.
    """
    outcomes = dict(DEFAULT_OUTCOMES)
    problems = []
    for key, text in cast("Mapping[str, str]", document["outcomes"]).items():
        outcome = RuleOutcome(text)
        for rule in CONFIGURABLE_RULES[key]:
            if rule in NEVER_AUTOMATIC and outcome is RuleOutcome.UPDATE:
                problems.append(_refuse_update(key))
            outcomes[rule] = outcome
    if problems:
        raise InvalidDocumentError(problems)
    near = cast("Mapping[str, float]", document["near_name"])
    limits = cast("Mapping[str, int]", document["limits"])
    return MatchingPolicy(
        outcomes=MappingProxyType(outcomes),
        min_given_similarity=near["min_given_similarity"],
        min_family_similarity=near["min_family_similarity"],
        is_work_email_contradiction=bool(document["different_work_email_contradicts"]),
        max_block_records=limits["max_block_records"],
        max_candidates_per_rule=limits["max_candidates_per_rule"],
    )


def _refuse_update(key: str) -> ConfigurationProblem:
    return ConfigurationProblem(
        f"matching: outcomes.{key}",
        what="this rule is a resemblance, not an identity, and never updates on its own",
        repair="Use review or skip",
        code="uncertain_rule_writes",
        path=("outcomes", key),
    )

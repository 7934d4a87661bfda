"""Who of a batch becomes a member of which Campaign, and what an answer makes of a membership.

A membership is made or left alone, never changed and never taken away. Making it is `services/join_campaigns`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lead_pipeline.domain.findings import Finding, Severity
from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer
from lead_pipeline.domain.segments import Segment
from lead_pipeline.errors import InvalidDocumentError
from lead_pipeline.problems import ConfigurationProblem

MEMBER_OBJECT = "CampaignMember"
PAIR_EXISTS = "DUPLICATE_VALUE"  # the code with which an org refuses a second membership of a pair
SHORT_ID_CHARS = 15  # what tells a record apart; the other three of an id are a check sum
PERSON_FIELDS: Mapping[str, str] = {"Lead": "LeadId", "Contact": "ContactId"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRule:
    """The Campaign of one saved search."""

    segment: str
    campaign_id: str
    member_status: str | None = None  # None: the Campaign's own default
    includes_updated: bool = False  # records that were there before, too


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRules:
    """The Campaigns of all saved searches; none means that no call is made."""

    rules: tuple[CampaignRule, ...] = ()

    @property
    def is_on(self) -> bool:
        """Whether anybody is to become a member of anything."""
        return bool(self.rules)

    @property
    def campaign_ids(self) -> tuple[str, ...]:
        """The Campaigns, each once, in the order of the file."""
        return tuple(dict.fromkeys(rule.campaign_id for rule in self.rules))


NO_CAMPAIGNS = CampaignRules()


class MembershipState(StrEnum):
    """Where a membership stands."""

    PLANNED = "planned"  # not sent, or sent and certainly not made
    SENT = "sent"  # may have been made: only reading can tell
    ADDED = "added"  # made by us
    PRESENT = "present"  # there before we sent anything
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A person who is to be a member of a Campaign. The pair is the identity: an org holds it at most once."""

    dievio_lead_id: str
    campaign_id: str
    object_name: str  # Lead or Contact
    salesforce_id: str
    member_status: str | None
    state: MembershipState

    @property
    def payload(self) -> dict[str, object]:
        """The fields of the CampaignMember to insert."""
        status = {} if self.member_status is None else {"Status": self.member_status}
        return {"CampaignId": self.campaign_id, PERSON_FIELDS[self.object_name]: self.salesforce_id, **status}


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipEnd:
    """What became of a membership, or where it stands now."""

    membership: Membership
    state: MembershipState
    member_id: str | None = None
    error_code: str | None = None
    request_id: str | None = None


def parse_campaign_rules(document: Mapping[str, Any], *, segments: Collection[Segment] | None = None) -> CampaignRules:
    """Read the rules of a document that obeys `campaigns.schema.json`.

    Args:
        document: The document.
        segments: The saved searches; None where they cannot be read themselves.

    Raises:
        InvalidDocumentError: A rule is for a saved search that does not exist.
    """
    entries: Mapping[str, Mapping[str, Any]] = document["campaigns"]
    names = None if segments is None else sorted(segment.name for segment in segments)
    problems = [
        ConfigurationProblem(
            "",
            what="there is no such saved search",
            repair=f"Use one of {', '.join(names)}",
            code="unknown_name",
            path=("campaigns", name),
        )
        for name in entries
        if names is not None and name not in names
    ]
    if problems:
        raise InvalidDocumentError(problems)
    return CampaignRules(
        rules=tuple(
            CampaignRule(
                segment=name,
                campaign_id=entry["campaign_id"],
                member_status=entry.get("member_status"),
                includes_updated=entry.get("include_updated", False),
            )
            for name, entry in entries.items()
        )
    )


def end_of_reading(membership: Membership, member_id: str) -> MembershipEnd:
    """Return what a member found in the org says: one that may be ours is ours."""
    is_ours = membership.state is MembershipState.SENT
    state = MembershipState.ADDED if is_ours else MembershipState.PRESENT
    return MembershipEnd(membership=membership, state=state, member_id=member_id)


def end_of_answer(membership: Membership, answer: RecordAnswer) -> MembershipEnd:
    """Return what an answer makes of a membership that stood as given before it was sent.

    Only an unknown answer leaves it to the next reading. A passing refusal, and that of a pair that exists, say that
    this call made nothing: the membership stands as before, and an earlier call without an answer may still land.
    """
    if answer.is_done:
        state = MembershipState.ADDED
    elif answer.kind is AnswerKind.UNKNOWN:
        state = MembershipState.SENT
    elif answer.is_transient or answer.error_code == PAIR_EXISTS:
        state = membership.state
    else:
        state = MembershipState.REFUSED
    return MembershipEnd(
        membership=membership,
        state=state,
        member_id=answer.salesforce_id if answer.is_done else None,
        error_code=answer.error_code or None,
        request_id=answer.request_id,
    )


def examine_campaigns(rules: CampaignRules, *, active: Mapping[str, bool], may_create: bool) -> Iterator[Finding]:
    """Yield what keeps leads from becoming members of the Campaigns of the configuration.

    Args:
        rules: The configuration.
        active: Campaign id -> whether it is active, for those that our user sees; ids of 18 characters.
        may_create: Whether our user may create members.
    """
    if rules.is_on and not may_create:
        yield Finding(
            code="campaign_members_locked",
            severity=Severity.WARNING,
            subject=MEMBER_OBJECT,
            what="our user may not create members of Campaigns",
            why="campaigns.yaml asks for it; the leads are written and handed over, then the run ends with an error",
            repair="Give the integration user the Marketing User feature, read on Campaign and create on "
            "CampaignMember, or take the Campaigns out of campaigns.yaml",
        )
    known = {campaign_id[:SHORT_ID_CHARS]: is_active for campaign_id, is_active in active.items()}
    for campaign_id in rules.campaign_ids:
        is_active = known.get(campaign_id[:SHORT_ID_CHARS])
        if not is_active:
            yield Finding(
                code="campaign_missing" if is_active is None else "campaign_inactive",
                severity=Severity.WARNING,
                subject=f"Campaign {campaign_id}",
                what="our user sees no Campaign of this id" if is_active is None else "the Campaign is not active",
                why="campaigns.yaml names it, and nobody looks at the members of a Campaign that is not running",
                repair="Activate it, share it with the integration user, or name another in campaigns.yaml",
            )

"""Why a person is asked, what the question means, and which answers settle it: one table for queue, help and documents.

Who raises a question is `matching`, `planning`, `field_judges`, a refused write (`refusals`) or the gate on duplicates;
what an answer does is `review_decisions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from lead_pipeline.domain.matching import MatchReason
from lead_pipeline.domain.plan_subjects import PlanReason
from lead_pipeline.domain.refusals import ADMIN, SALES_OPS, ReviewReason


class ReviewChoice(StrEnum):
    """What a person may answer."""

    SAME = "same"  # the lead is the person of this record
    NOT_SAME = "not_same"  # it is somebody else than these records
    CREATE = "create"  # it is nobody of the org: make a record
    SKIP = "skip"  # leave the lead alone
    AGAIN = "again"  # the cause was mended: plan it anew
    FIELDS = "fields"  # field by field, which value is right


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewGuide:
    """What a reviewer has to know about one reason.

    Attributes:
        code: The reason as stored with the question.
        meaning: What happened, in one sentence.
        advice: How to find the answer.
        choices: The answers that settle the question, the usual one first.
        owner: Role that looks after it.
    """

    code: str
    meaning: str
    advice: str
    choices: tuple[ReviewChoice, ...]
    owner: str = SALES_OPS


_ABOUT_PERSONS = (ReviewChoice.SAME, ReviewChoice.NOT_SAME, ReviewChoice.CREATE, ReviewChoice.SKIP)
_AFTER_REPAIR = (ReviewChoice.AGAIN, ReviewChoice.SKIP)

_TABLE = (
    # --- who is this? -------------------------------------------------------------------------------------------------
    ReviewGuide(
        code=MatchReason.SEVERAL_CANDIDATES,
        meaning="More than one person of the org fits the lead",
        advice="Say which record it is; two records of one person should be merged in Salesforce first",
        choices=_ABOUT_PERSONS,
    ),
    ReviewGuide(
        code=MatchReason.NAMES_CONFLICT,
        meaning="Address or profile is the same, the names are not",
        advice="Families and teams share addresses: another given name is usually another person",
        choices=(ReviewChoice.CREATE, ReviewChoice.SAME, ReviewChoice.NOT_SAME, ReviewChoice.SKIP),
    ),
    ReviewGuide(
        code=MatchReason.NAMES_MISSING,
        meaning="The address is the same, but a given name is missing to confirm it",
        advice="Same, unless the family names speak against it",
        choices=_ABOUT_PERSONS,
    ),
    ReviewGuide(
        code=MatchReason.LINKEDIN_DIFFERS,
        meaning="Same name at the same domain, but another LinkedIn profile",
        advice="Open both profiles: one may be an old address of the other",
        choices=_ABOUT_PERSONS,
    ),
    ReviewGuide(
        code=MatchReason.WORK_EMAIL_DIFFERS,
        meaning="Same name at the same domain, but another mailbox there",
        advice="Two mailboxes of one company are usually two people",
        choices=_ABOUT_PERSONS,
    ),
    ReviewGuide(
        code=MatchReason.NAME_AND_COMPANY_ONLY,
        meaning="Only name and company agree",
        advice="Compare title, place and phone",
        choices=_ABOUT_PERSONS,
    ),
    ReviewGuide(
        code=MatchReason.NEAR_NAME,
        meaning="A similar name at the same company, in the org or among the new people of one batch (a twin)",
        advice="A slip of the pen is the same person; a colleague is not",
        choices=_ABOUT_PERSONS,
    ),
    ReviewGuide(
        code=MatchReason.MAY_HAVE_CHANGED_JOB,
        meaning="Same name and private data at another company",
        advice="Same, when the person moved; what reps typed stays unless you take the new employer's values",
        choices=_ABOUT_PERSONS,
    ),
    ReviewGuide(
        code=MatchReason.RULE_SET_TO_REVIEW,
        meaning="One person was found, and the settings want this rule looked at",
        advice="Same, unless something speaks against it",
        choices=_ABOUT_PERSONS,
    ),
    ReviewGuide(
        code=MatchReason.TARGET_CLAIMED_TWICE,
        meaning="Another lead of the same night fits the same record better",
        advice="Create when they are two people, skip when Dievio delivered one person twice",
        choices=(ReviewChoice.SKIP, ReviewChoice.CREATE, ReviewChoice.NOT_SAME),
    ),
    ReviewGuide(
        code=MatchReason.ID_ON_OTHER_PERSON,
        meaning="Our id stands on a record that looks like another person",
        advice="Same, when the person was renamed; otherwise clear the id on that record and plan it again",
        choices=(ReviewChoice.SAME, ReviewChoice.AGAIN, ReviewChoice.SKIP),
    ),
    ReviewGuide(
        code=PlanReason.WEAK_IDENTITY,
        meaning="Only name and company identify the lead; a namesake would share its id",
        advice="Look the person up; skip when in doubt",
        choices=(ReviewChoice.SKIP, ReviewChoice.CREATE, ReviewChoice.SAME),
    ),
    ReviewGuide(
        code=PlanReason.MIXED_IDENTITY,
        meaning="The lead carries the profile of one known person and the address of another",
        advice="Say which record it is, or skip and tell Dievio",
        choices=(ReviewChoice.SAME, ReviewChoice.CREATE, ReviewChoice.SKIP),
    ),
    ReviewGuide(
        code=PlanReason.UNCERTAIN_NAME,
        meaning="Given and family name had to be guessed from one text (low confidence)",
        advice="Create or same when the guess is right, skip when it is not",
        choices=(ReviewChoice.CREATE, ReviewChoice.SAME, ReviewChoice.SKIP),
    ),
    ReviewGuide(
        code=PlanReason.LARGE_CHANGE,
        meaning="The update would replace many filled values of the record at once, as a wrong match would",
        advice="Same, when all of it is news; where our id stands on somebody else, clear it there and plan it again",
        # no `create`: where our id stands on the record it would be taken for a yes to the update
        choices=(ReviewChoice.SAME, ReviewChoice.NOT_SAME, ReviewChoice.AGAIN, ReviewChoice.SKIP),
    ),
    # --- the record is not what it was --------------------------------------------------------------------------------
    ReviewGuide(
        code=MatchReason.RECORD_GONE,
        meaning="The record of this lead was deleted, or what it became cannot be found",
        advice="Skip when it was deleted on purpose, create when it was not",
        choices=(ReviewChoice.SKIP, ReviewChoice.CREATE, ReviewChoice.SAME, ReviewChoice.AGAIN),
    ),
    ReviewGuide(
        code=PlanReason.CONVERTED_LEAD,
        meaning="The lead was converted and its contact is unknown",
        advice="Name the contact, or let the integration user see it and plan it again",
        choices=(ReviewChoice.SAME, ReviewChoice.AGAIN, ReviewChoice.SKIP),
    ),
    ReviewGuide(
        code=ReviewReason.CONVERTED_OR_DELETED,
        meaning="The record was converted, deleted or hidden while we wrote to it",
        advice="Plan it again once the record is what it should be, or name the record it became",
        choices=(ReviewChoice.AGAIN, ReviewChoice.SAME, ReviewChoice.SKIP),
    ),
    ReviewGuide(
        code=ReviewReason.RECORD_CHANGED,
        meaning="Somebody edited the record again and again while we wrote to it",
        advice="Plan it again once the work on the record is done",
        choices=_AFTER_REPAIR,
    ),
    # --- another record stands in the way -----------------------------------------------------------------------------
    ReviewGuide(
        code=ReviewReason.LINK_CONFLICT,
        meaning="The record or the id belongs to another lead, and links never move",
        advice="Create when they are two people; otherwise mend the ids in Salesforce and plan it again",
        choices=(ReviewChoice.CREATE, ReviewChoice.AGAIN, ReviewChoice.NOT_SAME, ReviewChoice.SKIP),
        owner=ADMIN,
    ),
    ReviewGuide(
        code=ReviewReason.DUPLICATE_RULE,
        meaning="A duplicate rule of the org found records that may be this person, and refused a new one",
        advice="Say which record it is, or mend the rule and plan it again",
        choices=(ReviewChoice.SAME, ReviewChoice.AGAIN, ReviewChoice.SKIP),
    ),
    ReviewGuide(
        code=ReviewReason.TWIN_CREATED,
        meaning="The org holds a second record of the person, made by somebody else while we wrote ours",
        advice="Same, and merge the two in Salesforce; the gate on duplicates opens once they are one",
        choices=(ReviewChoice.SAME, ReviewChoice.NOT_SAME, ReviewChoice.SKIP),
    ),
    # --- values -------------------------------------------------------------------------------------------------------
    ReviewGuide(
        code=PlanReason.MISSING_REQUIRED,
        meaning="A new record needs a value that the lead does not have",
        advice="Give the field a value in the mapping, then plan it again",
        choices=_AFTER_REPAIR,
    ),
    ReviewGuide(
        code=PlanReason.INVALID_VALUE,
        meaning="A value does not fit its field",
        advice="Correct mapping or field, then plan it again",
        choices=_AFTER_REPAIR,
    ),
    ReviewGuide(
        code=ReviewReason.POLICY_CONFLICT,
        meaning="A validation rule of the org refused the values",
        advice="Mend the rule or the mapping, then plan it again",
        choices=_AFTER_REPAIR,
    ),
    ReviewGuide(
        code=PlanReason.FIELD_CONFLICT,
        meaning="Another value than a person's is offered",
        advice="Take the lead's value or keep what the record holds, field by field",
        choices=(ReviewChoice.FIELDS,),
    ),
    ReviewGuide(
        code=PlanReason.LOW_CONFIDENCE,
        meaning="Enrichment found a value and is not sure enough of it to write it",
        advice="Look it up; take the found value or keep what the record holds, field by field",
        choices=(ReviewChoice.FIELDS,),
    ),
)

GUIDES: Mapping[str, ReviewGuide] = MappingProxyType({entry.code: entry for entry in _TABLE})

_UNKNOWN_REASON = ReviewGuide(
    code="",
    meaning="A question of an earlier version of this product",
    advice="Plan it again: it is asked anew if it still stands",
    choices=_AFTER_REPAIR,
)


def guide_of(reason: str) -> ReviewGuide:
    """Return the guide of a reason; one that only an earlier version knew can be planned again or skipped."""
    return GUIDES.get(reason, _UNKNOWN_REASON)

"""Leads and records of the match tests: one ordinary person, and what a case varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.matching import (
    CandidateRecord,
    Hit,
    LadderAnswer,
    LeadToMatch,
    MatchingPolicy,
    PairAnswer,
    RuleName,
    match_lead,
)

LEAD_ID = "li:erika-beispiel"
KEYS = MatchKeys(
    em="erika.beispiel@acme.example",
    li="erika-beispiel",
    dm="acme.example",
    fn="erika",
    ln="beispiel",
    co="acme",
    ti="vice president sales",
    ph="+4930123456",
)
NO_KEYS = MatchKeys()


def lead(**keys: str | None) -> LeadToMatch:
    return LeadToMatch(dievio_lead_id=LEAD_ID, keys=replace(KEYS, **keys))


def record(
    salesforce_id: str = "00Q1",
    *,
    object_name: str = "Lead",
    master: str | None = None,
    contact: str | None = None,
    is_deleted: bool = False,
    is_converted: bool = False,
    **keys: str | None,
) -> CandidateRecord:
    return CandidateRecord(
        object_name=object_name,
        salesforce_id=salesforce_id,
        keys=replace(KEYS, **keys),
        is_deleted=is_deleted or master is not None,
        master_record_id=master,
        is_converted=is_converted or contact is not None,
        converted_contact_id=contact,
    )


def contact(salesforce_id: str = "0031", **keys: Any) -> CandidateRecord:
    return record(salesforce_id, object_name="Contact", **keys)


def answer(
    *hits: tuple[RuleName, CandidateRecord],
    of: LeadToMatch | None = None,
    directory: Sequence[CandidateRecord] = (),
    answers: Mapping[str, PairAnswer] | None = None,
    policy: MatchingPolicy | None = None,
) -> LadderAnswer:
    return match_lead(
        of or lead(),
        [Hit(rule=rule, record=found) for rule, found in hits],
        directory={entry.salesforce_id: entry for entry in directory},
        answers=answers or {},
        policy=policy or MatchingPolicy(),
    )

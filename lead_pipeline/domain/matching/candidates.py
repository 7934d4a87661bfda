"""Candidates of a lead: the records that share a key, where they lead, and how many people they are.

How sure a pair is belongs to `rules`; the order of the rules to `ladder`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.matching.policy import RuleName
from lead_pipeline.domain.name_compatibility import given_names_compatible


class PairAnswer(StrEnum):
    """What a person said about a lead and a record."""

    SAME = "same"
    NOT_SAME = "not_same"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadToMatch:
    """A lead as the ladder sees it: its id and its keys."""

    dievio_lead_id: str
    keys: MatchKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRecord:
    """A Lead or Contact of the org as the ladder sees it."""

    object_name: str
    salesforce_id: str
    keys: MatchKeys
    is_deleted: bool = False
    master_record_id: str | None = None
    is_converted: bool = False
    converted_contact_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A record that one rule's keys found for one lead; near names carry their score."""

    rule: RuleName
    record: CandidateRecord
    score: float | None = None


def follow_record(record: CandidateRecord, directory: Mapping[str, CandidateRecord]) -> CandidateRecord | None:
    """Return the live record that stands for `record` today, or None when it is gone.

    A merge leads to the master record, a conversion to the Contact; both may have happened several times over.

    Args:
        record: Where to start.
        directory: Salesforce id -> record, at least for everything reachable from `record`.
    """
    seen: set[str] = set()
    current: CandidateRecord | None = record
    while current is not None and (current.is_deleted or current.is_converted):
        if current.salesforce_id in seen:
            return None
        seen.add(current.salesforce_id)
        successor = current.master_record_id if current.is_deleted else current.converted_contact_id
        current = directory.get(successor) if successor else None
    return current


def group_persons(records: Iterable[CandidateRecord]) -> tuple[CandidateRecord, ...]:
    """Return one live record per person, in the order given; where a person has both, the Contact stands for the Lead.

    A Lead and a Contact are one person when they share the e-mail address and their given names fit. Two Leads, or two
    Contacts, stay two people however alike: which of them to write to is a question for a person.
    """
    distinct = tuple({record.salesforce_id: record for record in records}.values())
    contacts = tuple(record for record in distinct if record.object_name == "Contact")
    return tuple(record for record in distinct if record.object_name == "Contact" or not _has_contact(record, contacts))


def _has_contact(lead: CandidateRecord, contacts: tuple[CandidateRecord, ...]) -> bool:
    twins = [contact for contact in contacts if _is_same_person(lead.keys, contact.keys)]
    return len(twins) == 1


def _is_same_person(lead: MatchKeys, contact: MatchKeys) -> bool:
    if lead.em is None or lead.em != contact.em or not lead.fn or not contact.fn:
        return False
    return given_names_compatible(lead.fn, contact.fn)

"""What a lead is on its way from a Dievio row to a normalized, keyed person.

The rules that turn one into the other live in `normalize/`, `identity` and `match_keys`; what Salesforce holds lives in
`directory`; what is decided about a lead lives in `decisions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

KEY_VERSION = 1  # raise when a key rule changes: stored keys of an older version are computed anew


class ConfidenceOrigin(StrEnum):
    """Where a confidence number comes from, strongest first."""

    EXPLICIT = "explicit"  # the row carries a number for this field
    STATUS = "status"  # derived from the e-mail status of the row, else of the request
    PRIOR = "prior"  # expected accuracy of this kind of data
    SPLIT = "split"  # our own certainty about a name we had to split


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How sure we are of one value: `share` from 0 to 1, and why."""

    share: float
    origin: ConfidenceOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLead:
    """One row as Dievio returned it. `payload` is the parsed JSON value, which is not always an object."""

    raw_lead_id: int
    batch_id: str
    segment: str
    page_number: int
    row_number: int
    payload: object
    request_email_status: str | None  # the `email_status` the search asked for; it vouches for every row
    fetched_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchKeys:
    """Values that bring two records of one person together; None where the value may not serve as a key."""

    em: str | None = None  # lower-cased address; none for role, disposable and placeholder addresses
    li: str | None = None  # LinkedIn slug
    dm: str | None = None  # registrable domain of the website, else of a work e-mail
    fn: str | None = None  # given name, ASCII lower case
    ln: str | None = None  # family name, ASCII lower case
    co: str | None = None  # company without its legal form, ASCII lower case
    ti: str | None = None  # title, ASCII lower case, abbreviations written out
    ph: str | None = None  # personal phone in E.164; none for toll-free numbers
    pe: str | None = None  # a free-mail (personal) address
    st: str | None = None  # street with postal code, ASCII lower case


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizedLead:
    """One lead with clean values. `values` holds canonical fields (see CANONICAL_FIELDS); a missing value is absent."""

    raw_lead_id: int
    batch_id: str
    segment: str
    dievio_lead_id: str
    is_weak_id: bool  # minted from name and domain only: never linked without a person
    values: Mapping[str, object]
    confidences: Mapping[str, Confidence]
    source_paths: Mapping[str, str]  # canonical field -> path in the row that won
    flags: tuple[str, ...]  # remarks for people, e.g. "email_role", "title_trimmed"
    keys: MatchKeys
    fetched_at: datetime
    duplicate_of_raw_lead_id: int | None = None  # set on the second copy of a person within the batch


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineReason:
    """One reason why a row cannot go on. `message` is for people and holds no personal data."""

    code: str
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedLead:
    """A row that breaks the contract, with every reason at once."""

    raw_lead_id: int
    batch_id: str
    segment: str
    reasons: tuple[QuarantineReason, ...] = field(default_factory=tuple)


class ValueKind(StrEnum):
    """What a canonical value is, so that it can be held against the type of a field."""

    TEXT = "text"
    NUMBER = "number"
    MOMENT = "moment"


#: Canonical fields whose values are no text.
CANONICAL_KINDS: Mapping[str, ValueKind] = {
    "employee_count": ValueKind.NUMBER,
    "lead_confidence_percent": ValueKind.NUMBER,
    "last_enriched_at": ValueKind.MOMENT,
    "synced_at": ValueKind.MOMENT,
}

#: Canonical field -> meaning. These names are what a mapping file may use in `from:`.
CANONICAL_FIELDS: Mapping[str, str] = {
    "dievio_lead_id": "our stable id of the person at Dievio",
    "first_name": "given name as written",
    "last_name": "family name as written",
    "full_name": "whole name as written",
    "email": "work e-mail, lower case",
    "email_status": "verified, likely or unknown",
    "phone": "phone in E.164",
    "title": "job title as written",
    "seniority": "owner, cxo, partner, vp, director, manager, senior, entry, training or unpaid",
    "department": "department as Dievio names it",
    "company_name": "employer as written",
    "company_domain": "registrable domain of the employer",
    "website": "https address of the employer",
    "linkedin_url": "canonical https profile address",
    "industry": "industry in the org's vocabulary",
    "employee_count": "number of employees, integer",
    "employee_band": "size band, e.g. 51-200",
    "street": "street and number",
    "postal_code": "postal code",
    "city": "city",
    "state": "state or region",
    "country": "ISO 3166-1 alpha-2 code",
    "country_name": "English country name",
    "source": "where the row comes from, e.g. Dievio search",
    "search_segment": "name of the saved search",
    "enrichment_source": "provider of the enrichment",
    "last_enriched_at": "when Dievio last refreshed the row, UTC",
    "synced_at": "when this batch was normalized, UTC",
    "lead_confidence_percent": "lowest confidence among the identifying values, 0 to 100",
    "update_reason": "why the record was touched",
    "enrichment_reason": "what enrichment changed in the lead and why; part of update_reason",
    "updated_by_system": "name of this system, for loop prevention",
    "account_id": "id of the Account of the employer, where companies.yaml has it looked up",
    "account_found_by": "domain or name, for account_id",
    "unmapped_values": "values whose field the org lacks, each with its label (on_unmapped: notes)",
}

"""The suppression list: by what a person or a company is named on it, and what it means for a lead.

Whoever stands on it is neither looked up nor written. Who is meant by an entry is asked of the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lead_pipeline.domain.decisions import Decision, MatchResult, SyncDecision
from lead_pipeline.domain.leads import NormalizedLead
from lead_pipeline.domain.normalize.domains import company_domain
from lead_pipeline.domain.normalize.emails import email_key, read_email
from lead_pipeline.domain.normalize.linkedin import read_linkedin
from lead_pipeline.domain.normalize.text import clean_text

SUPPRESSED = "suppressed"  # reason code of a decision


class SuppressionKind(StrEnum):
    """By what an entry names somebody."""

    LEAD = "dievio_lead_id"
    EMAIL = "email"
    LINKEDIN = "linkedin"
    DOMAIN = "domain"  # everybody of a company


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionKey:
    """Whom an entry names, spelled as leads and records are keyed."""

    kind: SuppressionKind
    alias: str


def read_suppression_key(kind: SuppressionKind, text: str) -> SuppressionKey | None:
    """Return the key that a person typed; None where it names nobody.

    A shared or placeholder mailbox names nobody: an entry for it would look like protection and be none.

    Args:
        kind: What the text is.
        text: As typed: an id, an address, the address of a profile, a domain or website.
    """
    alias = _READERS[kind](text)
    return None if alias is None else SuppressionKey(kind=kind, alias=alias)


def leave_alone(
    lead: NormalizedLead,
    match: MatchResult,
    *,
    mapping_version: str,
) -> SyncDecision:
    """Return the decision about a lead whose person stands on the list: nothing is made and nothing is changed.

    Args:
        lead: The lead.
        match: Which record it is; shown, and not touched.
        mapping_version: The mapping that the batch is planned with.
    """
    return SyncDecision(
        batch_id=lead.batch_id,
        dievio_lead_id=lead.dievio_lead_id,
        raw_lead_id=lead.raw_lead_id,
        decision=Decision.SKIP,
        object_name=match.object_name,
        salesforce_id=match.salesforce_id,
        reason_code=SUPPRESSED,
        reason="the person or the company stands on the suppression list",
        fields=(),
        mapping_version=mapping_version,
        base_last_modified_at=None,
    )


def _read_address(text: str) -> str | None:
    address = read_email(text).address
    return email_key(address) if address else None


def _read_slug(text: str) -> str | None:
    return read_linkedin(text).slug


_READERS: Mapping[SuppressionKind, Callable[[str], str | None]] = {
    SuppressionKind.LEAD: clean_text,
    SuppressionKind.EMAIL: _read_address,
    SuppressionKind.LINKEDIN: _read_slug,
    SuppressionKind.DOMAIN: company_domain,
}

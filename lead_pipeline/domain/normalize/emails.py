"""E-mail addresses: one valid lower-case address or none, and what kind of mailbox it is.

How sure we are of an address is `confidence`; which addresses may serve as a key is decided in `match_keys` from the
kinds given here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from email_validator import EmailNotValidError, validate_email

from lead_pipeline.domain.normalize.domains import registrable_domain
from lead_pipeline.domain.normalize.mail_domains import is_disposable, is_free_mail, is_placeholder_domain
from lead_pipeline.domain.normalize.reference_data import read_table
from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text


class EmailKind(StrEnum):
    """What kind of mailbox an address names. Several may hold."""

    ROLE = "role"  # a function, read by several people
    DISPOSABLE = "disposable"
    PLACEHOLDER = "placeholder"  # typed in order to get past a form
    FREE = "free"  # a private mailbox, no evidence of a company


class EmailProblem(StrEnum):
    """Why a cell gave no address."""

    MALFORMED = "malformed"
    SEVERAL = "several_addresses"
    PLACEHOLDER = "placeholder"


class EmailStatus(StrEnum):
    """Whether the provider vouches for an address."""

    VERIFIED = "verified"
    LIKELY = "likely"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailReading:
    """What a cell says: an address, or the problem, or neither when it is blank."""

    address: str | None = None
    kinds: frozenset[EmailKind] = frozenset()
    problem: EmailProblem | None = None


_STATUS_WORDS = {
    "verified": EmailStatus.VERIFIED,
    "valid": EmailStatus.VERIFIED,
    "deliverable": EmailStatus.VERIFIED,
    "likely": EmailStatus.LIKELY,
    "probable": EmailStatus.LIKELY,
    "catch-all": EmailStatus.LIKELY,
    "catch_all": EmailStatus.LIKELY,
    "accept_all": EmailStatus.LIKELY,
    "risky": EmailStatus.LIKELY,
}
_PLACEHOLDER_MAILBOXES = frozenset(
    {
        "none", "noemail", "no-email", "no.email", "nomail", "null", "test", "test1", "testing", "xxx", "asdf",
        "asd", "qwerty", "unknown", "na", "n.a", "fake", "example", "email", "dummy", "abc",
    }
)  # fmt: skip
_KEYLESS = frozenset({EmailKind.ROLE, EmailKind.DISPOSABLE, EmailKind.PLACEHOLDER})
_ADDRESS = re.compile(r"[^\s<>()\[\]:,;/|\"@]+@[^\s<>()\[\]:,;/|\"'@]+")
_TORN_OFF = frozenset(",;")  # right before an address: the cell holds a local part that no mailbox has
#: Parts that the full syntax check always accepts; it costs 100 microseconds, these tests one.
_PLAIN_LOCAL = re.compile(r"[a-z0-9]+(?:[._+\-][a-z0-9]+)*")
_PLAIN_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){0,62}\.)+[a-z]{2,63}")
_LONGEST_LOCAL = 64  # octets, RFC 5321
_BLANK = EmailReading()


@lru_cache(maxsize=CACHE_SIZE)
def read_email(raw: str) -> EmailReading:
    """Return what a cell says about a person's e-mail.

    Wrappings (`mailto:`, `Name <a@b>`, a full stop at the end) are removed. Two addresses in one cell give none,
    because nobody can tell which is meant; a placeholder gives none as well.
    """
    text = clean_text(raw)
    if text is None:
        return _BLANK
    addresses = _find_addresses(text)
    if len(addresses) > 1:
        return EmailReading(problem=EmailProblem.SEVERAL)
    address = check_address(addresses.pop()) if addresses else None
    if address is None:
        return EmailReading(problem=EmailProblem.MALFORMED)
    kinds = classify_email(address)
    if EmailKind.PLACEHOLDER in kinds:
        return EmailReading(kinds=kinds, problem=EmailProblem.PLACEHOLDER)
    return EmailReading(address=address, kinds=kinds)


@lru_cache(maxsize=CACHE_SIZE)
def classify_email(address: str) -> frozenset[EmailKind]:
    """Return the kinds of a valid lower-case address."""
    mailbox, _, domain = address.partition("@")
    mailbox = mailbox.partition("+")[0]
    kinds = {
        EmailKind.ROLE: mailbox in _role_mailboxes(),
        EmailKind.DISPOSABLE: is_disposable(domain),
        EmailKind.PLACEHOLDER: mailbox in _PLACEHOLDER_MAILBOXES or is_placeholder_domain(domain),
        EmailKind.FREE: is_free_mail(domain),
    }
    return frozenset(kind for kind, holds in kinds.items() if holds)


def email_key(address: str) -> str | None:
    """Return the key of a valid address: itself, or None where several people or nobody may read it."""
    return None if _KEYLESS & classify_email(address) else address


def email_domain(address: str) -> str | None:
    """Return the registrable domain of an address where it tells the company, so not for free mail."""
    if classify_email(address) & {EmailKind.FREE, EmailKind.DISPOSABLE, EmailKind.PLACEHOLDER}:
        return None
    return registrable_domain(address.partition("@")[2])


def read_email_status(raw: str | None) -> EmailStatus:
    """Return what the provider says about an address, in one vocabulary."""
    return _STATUS_WORDS.get((raw or "").strip().lower(), EmailStatus.UNKNOWN)


def check_address(text: str) -> str | None:
    """Return a bare lower-case address if its syntax and its top-level domain hold, else None."""
    local, _, domain = text.rpartition("@")
    ascii_domain = _check_domain(domain)
    if ascii_domain is None or len(local) > _LONGEST_LOCAL:
        return None
    if _PLAIN_LOCAL.fullmatch(local):
        return f"{local}@{ascii_domain}"
    try:
        checked = validate_email(f"{local}@{ascii_domain}", check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return None
    return checked.normalized.lower()


@lru_cache(maxsize=CACHE_SIZE)
def _check_domain(domain: str) -> str | None:
    if _PLAIN_DOMAIN.fullmatch(domain):
        return domain if registrable_domain(domain) else None
    # check_deliverability asks the DNS: offline it would refuse every address there is.
    try:
        checked = validate_email(f"a@{domain}", check_deliverability=False).ascii_domain
    except EmailNotValidError:
        return None
    return checked.lower() if registrable_domain(checked) else None


@cache
def _role_mailboxes() -> frozenset[str]:
    return frozenset(row["mailbox"] for row in read_table("role_mailboxes"))


def _find_addresses(text: str) -> set[str]:
    bare = text.lower().removeprefix("mailto:").strip(".'")
    if _ADDRESS.fullmatch(bare):
        return {bare}
    matches = list(_ADDRESS.finditer(bare))
    if len(matches) == 1 and bare[max(matches[0].start() - 1, 0)] in _TORN_OFF:
        return set()
    return {match[0].strip(".'") for match in matches}

"""Which contact data a row may carry: a request decides about e-mails, phones and the provider's object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lead_pipeline.sandbox.dievio_api.filters import RAW_KEYS

WORK_EMAIL_KEYS = frozenset({"email", "work_email", "workEmail", "email_status"})
PERSONAL_EMAIL_KEYS = frozenset({"personal_emails", "personal_emails_count", "personalEmails"})
SHARED_EMAIL_KEYS = frozenset({"emails", "has_email"})
PHONE_KEYS = frozenset({"phone", "mobile_phone", "mobilePhone", "phone_numbers", "phones", "has_phone"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a request wants in its rows."""

    has_raw: bool
    has_work_emails: bool
    has_personal_emails: bool
    has_phones: bool

    @property
    def unwanted_keys(self) -> frozenset[str]:
        """The keys that are left out of rows."""
        return frozenset().union(
            frozenset() if self.has_raw else RAW_KEYS,
            frozenset() if self.has_work_emails else WORK_EMAIL_KEYS,
            frozenset() if self.has_personal_emails else PERSONAL_EMAIL_KEYS,
            frozenset() if self.has_work_emails or self.has_personal_emails else SHARED_EMAIL_KEYS,
            frozenset() if self.has_phones else PHONE_KEYS,
        )


def strip_row(row: object, contents: Contents) -> object:
    """Return a row, and the provider's object in it, without what the request does not want."""
    if not isinstance(row, Mapping):
        return row
    unwanted = contents.unwanted_keys
    kept: dict[str, Any] = {key: value for key, value in row.items() if key not in unwanted}
    return {key: strip_row(value, contents) if key in RAW_KEYS else value for key, value in kept.items()}


def has_email(row: object) -> bool:
    """Whether a row carries any address."""
    if not isinstance(row, Mapping):
        return False
    keys = (WORK_EMAIL_KEYS | PERSONAL_EMAIL_KEYS | SHARED_EMAIL_KEYS) - {"email_status", "has_email"}
    return any(row.get(key) for key in keys) or any(has_email(row.get(key)) for key in RAW_KEYS)

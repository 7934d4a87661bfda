"""What is asked of Dievio and what comes back, as plain values: one page of a lead search or of a profile lookup.

How a request travels and how an answer is read is `dievio`; which searches a team has saved is `segments`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class EmailStatus(StrEnum):
    """Which rows a search wants, by what Dievio knows about their e-mail addresses."""

    ALL = "all"
    VERIFIED = "verified"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """One page of a lead search.

    Attributes:
        segment: Name of the saved search, for messages; not sent.
        filters: Filter -> wanted value or values, in Dievio's names.
        page: Page number from 1.
        per_page: Rows a page.
        max_results: Most rows over all pages. Always sent: the default of 500 truncates without a word.
        email_status: Which rows are wanted.
        include_phones: Whether rows carry phone numbers.
    """

    segment: str
    filters: Mapping[str, object]
    page: int
    per_page: int
    max_results: int
    email_status: EmailStatus = EmailStatus.ALL
    include_phones: bool = False

    def as_body(self) -> dict[str, object]:
        """Return the JSON body as documented for `POST /api/public/search`."""
        return {
            **self.filters,
            "email_status": self.email_status.value,
            "include_emails": True,
            "include_phones": self.include_phones,
            "_include_raw": True,
            "_page": self.page,
            "_per_page": self.per_page,
            "max_results": self.max_results,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupRequest:
    """One page of a profile lookup. Misses are asked for too: absent profiles are told by the pipeline itself."""

    linkedin_urls: tuple[str, ...]
    page: int = 1
    per_page: int = 100
    include_phones: bool = False
    only_with_emails: bool = False

    def as_body(self) -> dict[str, object]:
        """Return the JSON body as documented for `POST /api/linkedin/lookup`; its keys are camel case."""
        return {
            "linkedinUrls": list(self.linkedin_urls),
            "includeWorkEmails": True,
            "includePersonalEmails": True,
            "onlyWithEmails": self.only_with_emails,
            "includePhones": self.include_phones,
            "_page": self.page,
            "_per_page": self.per_page,
            "max_results": max(len(self.linkedin_urls), self.page * self.per_page),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """One page as it arrived. `body` is verbatim; rows are what stood in it, not always objects."""

    body: str
    rows: tuple[object, ...] = field(repr=False)
    has_more: bool
    next_page: int | None
    total_count: int | None = None  # hits of the whole search as the server counts them; advisory
    is_total_exact: bool = True
    per_page: int | None = None  # what the server made of our wish

    @property
    def credits(self) -> int:
        """What the page cost: Dievio bills each row it returns, so the rows themselves are counted."""
        return len(self.rows)

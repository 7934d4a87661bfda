"""What the org knows of a lead's company: the policy, and which Account is taken.

An Account is looked up, never made: the company stays in the fields of the lead. Looking is `services/find_accounts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ACCOUNT_ID = "account_id"  # canonical fields that a row of the mapping may keep on the lead
ACCOUNT_FOUND_BY = "account_found_by"


class AccountLookUp(StrEnum):
    """How the Account of a company is looked for."""

    NEVER = "never"
    DOMAIN = "domain"
    DOMAIN_THEN_NAME = "domain_then_name"


class AccountFinding(StrEnum):
    """What a look-up ended with."""

    DOMAIN = "domain"
    NAME = "name"
    SEVERAL = "several"  # more than one fits, so none is taken
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyPolicy:
    """How companies are looked up."""

    look_up: AccountLookUp = AccountLookUp.NEVER

    @property
    def looks_up(self) -> bool:
        """Whether Accounts are looked for at all."""
        return self.look_up is not AccountLookUp.NEVER


NO_COMPANIES = CompanyPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """A live Account of the mirror with its match keys."""

    salesforce_id: str
    domain: str | None
    company: str | None  # name without legal form


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMatch:
    """What a look-up found; the id only where exactly one Account fits."""

    finding: AccountFinding
    account_id: str | None = None
    candidate_count: int = 0


def parse_company_policy(document: Mapping[str, Any]) -> CompanyPolicy:
    """Read the policy of a document that obeys `companies.schema.json`."""
    return CompanyPolicy(look_up=AccountLookUp(document["accounts"]["look_up"]))


def choose_account(
    accounts: Iterable[AccountRecord], *, domain: str | None, company: str | None, look_up: AccountLookUp
) -> AccountMatch:
    """Return the Account of a company, by its domain, then by its name where the policy says so.

    Of several Accounts at one domain the only one of the same name is taken. An Account of the same name at another
    domain is another company.

    Args:
        accounts: Live Accounts that share domain or name.
        domain: Registrable domain of the company.
        company: Its name without legal form.
        look_up: The policy.
    """
    known = list(accounts)
    at_domain = [account for account in known if domain is not None and account.domain == domain]
    named = [account for account in known if company is not None and account.company == company]
    if at_domain:
        both = [account for account in at_domain if account in named]
        return _only(both if len(at_domain) > 1 and both else at_domain, AccountFinding.DOMAIN)
    alike = [account for account in named if domain is None or account.domain is None]
    if alike and look_up is AccountLookUp.DOMAIN_THEN_NAME:
        return _only(alike, AccountFinding.NAME)
    return AccountMatch(finding=AccountFinding.NONE)


def _only(fitting: Sequence[AccountRecord], finding: AccountFinding) -> AccountMatch:
    if len(fitting) > 1:
        return AccountMatch(finding=AccountFinding.SEVERAL, candidate_count=len(fitting))
    return AccountMatch(finding=finding, account_id=fitting[0].salesforce_id, candidate_count=1)


def account_values(match: AccountMatch) -> dict[str, object]:
    """Return the canonical values that a found Account gives a lead."""
    if match.account_id is None:
        return {}
    return {ACCOUNT_ID: match.account_id, ACCOUNT_FOUND_BY: match.finding.value}

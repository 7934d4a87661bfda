"""Which Account is a lead's company: by domain, then by name, and none where several fit."""

from __future__ import annotations

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.companies import (
    NO_COMPANIES,
    AccountFinding,
    AccountLookUp,
    AccountMatch,
    AccountRecord,
    account_values,
    choose_account,
    parse_company_policy,
)

BY_NAME = AccountLookUp.DOMAIN_THEN_NAME


def account(salesforce_id: str, domain: str | None = None, company: str | None = None) -> AccountRecord:
    return AccountRecord(salesforce_id=salesforce_id, domain=domain, company=company)


def choose(*accounts: AccountRecord, look_up: AccountLookUp = BY_NAME, domain: str | None = "acme.com") -> AccountMatch:
    return choose_account(accounts, domain=domain, company="acme", look_up=look_up)


def test_the_only_account_at_the_domain_is_taken_whatever_its_name() -> None:
    match = choose(account("001A", "acme.com", "other"), account("001B", None, "acme"))

    assert (match.finding, match.account_id, match.candidate_count) == (AccountFinding.DOMAIN, "001A", 1)


def test_of_several_at_the_domain_the_only_one_of_the_same_name_is_taken() -> None:
    assert choose(account("001A", "acme.com", "other"), account("001B", "acme.com", "acme")).account_id == "001B"


@pytest.mark.parametrize("names", [("acme", "acme"), ("other", "third")])
def test_of_several_at_the_domain_none_is_taken_when_the_name_does_not_tell(names: tuple[str, str]) -> None:
    match = choose(*(account(f"001{place}", "acme.com", name) for place, name in enumerate(names)))

    assert match == AccountMatch(finding=AccountFinding.SEVERAL, candidate_count=2)
    assert account_values(match) == {}


def test_the_name_decides_only_where_the_policy_says_so() -> None:
    alike = account("001A", None, "acme")

    assert choose(alike).finding is AccountFinding.NAME
    assert choose(alike, look_up=AccountLookUp.DOMAIN).finding is AccountFinding.NONE
    assert choose(alike, account("001B", None, "acme")).finding is AccountFinding.SEVERAL


def test_an_account_of_the_same_name_at_another_domain_is_another_company() -> None:
    elsewhere = account("001A", "acme.example", "acme")

    assert choose(elsewhere) == AccountMatch(finding=AccountFinding.NONE)
    assert choose(elsewhere, domain=None).account_id == "001A"


def test_a_found_account_gives_the_lead_values_that_a_mapping_may_keep() -> None:
    assert account_values(choose(account("001A", "acme.com"))) == {"account_id": "001A", "account_found_by": "domain"}


def test_the_packaged_policy_looks_nothing_up() -> None:
    policy = parse_company_policy(load_document("companies"))

    assert policy == NO_COMPANIES
    assert not policy.looks_up


def test_a_policy_with_a_look_up_is_read() -> None:
    assert parse_company_policy({"version": 1, "accounts": {"look_up": "domain"}}).looks_up

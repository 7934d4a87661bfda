"""Finds the Accounts of the companies of some leads in the mirror: no call leaves, and no Account is ever made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg

from lead_pipeline.domain.companies import CompanyPolicy, account_values, choose_account
from lead_pipeline.store import companies
from lead_pipeline.store.plans import MatchedLead


def find_accounts(
    connection: psycopg.Connection[Any],
    policy: CompanyPolicy,
    page: Sequence[MatchedLead],
    *,
    batch_id: str,
    at: datetime,
) -> list[MatchedLead]:
    """Return the leads with the Account of their company among their values, and keep what was found.

    Args:
        connection: The product's database, the mirror filled.
        policy: How companies are looked up.
        page: Leads to be planned.
        batch_id: Their batch.
        at: Now, aware UTC.
    """
    if not policy.looks_up:
        return list(page)
    known = companies.read_companies(connection, batch_id, dievio_lead_ids=[each.lead.dievio_lead_id for each in page])
    matches = {
        lead_id: choose_account(
            company.accounts, domain=company.domain, company=company.company, look_up=policy.look_up
        )
        for lead_id, company in known.items()
    }
    companies.save_account_matches(connection, batch_id, matches, at=at)
    return [_with_account(each, account_values(matches[each.lead.dievio_lead_id])) for each in page]


def _with_account(each: MatchedLead, values: dict[str, object]) -> MatchedLead:
    return replace(each, lead=replace(each.lead, values={**each.lead.values, **values}))

"""Accounts of the mirror that may be a lead's company, and which was found. Choosing is `domain/companies`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.companies import AccountMatch, AccountRecord
from lead_pipeline.store.queries import load_queries

_Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyOfLead:
    """The keys of a lead's company and the Accounts that share one of them."""

    domain: str | None
    company: str | None
    accounts: list[AccountRecord] = field(default_factory=list)


def read_companies(
    connection: _Connection, batch_id: str, *, dievio_lead_ids: Collection[str]
) -> dict[str, CompanyOfLead]:
    """Return lead id -> its company with the Accounts that may be it."""
    companies: dict[str, CompanyOfLead] = {}
    rows = load_queries("companies").list_accounts(connection, batch_id=batch_id, dievio_lead_ids=list(dievio_lead_ids))
    for row in rows:
        company = companies.setdefault(
            row["dievio_lead_id"], CompanyOfLead(domain=row["lead_domain"], company=row["lead_company"])
        )
        if row["salesforce_id"] is not None:
            company.accounts.append(
                AccountRecord(salesforce_id=row["salesforce_id"], domain=row["domain"], company=row["company"])
            )
    return companies


def save_account_matches(
    connection: _Connection, batch_id: str, matches: Mapping[str, AccountMatch], *, at: datetime
) -> None:
    """Keep what was found, by lead id."""
    rows = Jsonb([{"dievio_lead_id": lead_id, **asdict(match)} for lead_id, match in matches.items()])
    load_queries("companies").upsert_account_matches(connection, batch_id=batch_id, matches=rows, at=at)


def count_account_matches(connection: _Connection, batch_id: str) -> dict[str, int]:
    """Count the look-ups of a batch by what they ended with; empty where none was made."""
    rows = load_queries("companies").count_account_matches(connection, batch_id=batch_id)
    return {row["finding"]: row["leads"] for row in rows}


def read_doubtful_accounts(connection: _Connection, batch_id: str) -> tuple[str, ...]:
    """Return the leads whose Account is not the only one that fits, or is gone."""
    rows = load_queries("companies").list_doubtful_accounts(connection, batch_id=batch_id)
    return tuple(row["dievio_lead_id"] for row in rows)

"""A batch of normalized leads before enrichment, with a clock that tests move and retries that do not wait."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from lead_pipeline.domain.enrichment.policy import BudgetRules, EnrichmentPolicy
from lead_pipeline.services.enriching.enrich import EnrichSummary, enrich_batch
from lead_pipeline.services.normalize import normalize_batch
from lead_pipeline.store.database import Database
from lead_pipeline.transport.retries import BATCH_RETRIES, Retries
from lead_pipeline_tests.lead_builders import BATCH_ID, NOW, article_row, load_mapping
from lead_pipeline_tests.services.night_bench import OWNERS

RETRIES = Retries(BATCH_RETRIES, sleep=lambda _seconds: None)
POLICY = EnrichmentPolicy(budget=BudgetRules(daily_credits=1_000), providers=("fake",))
FRESH = (NOW - timedelta(days=1)).isoformat()
STALE = (NOW - timedelta(days=200)).isoformat()
_Rows = list[dict[str, Any]]


def person(number: int, **changes: Any) -> dict[str, Any]:
    """A delivered row that is complete and fresh."""
    name = f"Person{chr(65 + number // 26 % 26)}{chr(97 + number % 26)}"
    return article_row(
        **{
            "first_name": "Jane",
            "last_name": name,
            "full_name": f"Jane {name}",
            "email": f"jane.{number:05}@acme.com",
            "linkedin_url": f"https://www.linkedin.com/in/jane-{number:05}",
            "last_enriched_at": FRESH,
            **changes,
        }
    )


@dataclass
class EnrichBench:
    """What the tests do and see.

    Attributes:
        database: A database of one's own.
        policy: Who is asked about, and within what.
        at: The present moment.
    """

    database: Database
    policy: EnrichmentPolicy = POLICY
    at: datetime = NOW
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def deliver(self, rows: Sequence[object], *, batch_id: str = BATCH_ID, segment: str = "us") -> None:
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO batch (batch_id, source, created_at) VALUES (%s, 'search', %s) ON CONFLICT DO NOTHING",
                (batch_id, self.at),
            )
            connection.cursor().executemany(
                "INSERT INTO raw_lead (batch_id, segment, page_number, row_number, payload, request_email_status,"
                " fetched_at) VALUES (%s, %s, 1, %s, %s, 'verified', %s)",
                [(batch_id, segment, next(self._ids), Jsonb(row), self.at) for row in rows],
            )
        self.normalize(batch_id)

    def normalize(self, batch_id: str = BATCH_ID) -> None:
        normalize_batch(self.database, load_mapping(), owners=OWNERS, batch_id=batch_id, now=lambda: self.at)

    def enrich(self, *providers: Any, batch_id: str = BATCH_ID, reason: str = "nightly") -> EnrichSummary:
        named = {provider.capabilities.name: provider for provider in providers}
        return enrich_batch(
            self.database,
            named,
            replace(self.policy, providers=tuple(named)),
            batch_id=batch_id,
            now=lambda: self.at,
            reason=reason,
            retries=RETRIES,
            new_id=lambda: UUID(int=next(self._ids)),
        )

    def rows(self, query: str) -> _Rows:
        with self.database.connect() as connection:
            return list(connection.execute(query.encode()).fetchall())

    def leads(self, batch_id: str = BATCH_ID) -> _Rows:
        return self.rows(f"SELECT * FROM lead WHERE batch_id = '{batch_id}' ORDER BY raw_lead_id")

    def values(self, batch_id: str = BATCH_ID) -> dict[str, Any]:
        """Return the values of the only lead."""
        (lead,) = self.leads(batch_id)
        values: dict[str, Any] = lead["field_values"]
        return values

    def requests(self) -> list[tuple[str, str]]:
        found = self.rows("SELECT reason, state FROM enrichment_request ORDER BY batch_id, dievio_lead_id")
        return [(row["reason"], row["state"]) for row in found]

    def booked(self) -> Mapping[str, int]:
        """Return state -> credits of enrichment calls."""
        found = self.rows(
            "SELECT state, sum(coalesce(settled_credits, reserved_credits))::int AS credits FROM credit_ledger"
            " WHERE purpose = 'enrichment' GROUP BY state"
        )
        return {row["state"]: row["credits"] for row in found}

"""What enrichment costs a lead: selection, lookup, merge and plan, on the sandbox and a Postgres of one's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import uuid4

from psycopg.types.json import Jsonb
from pydantic import SecretStr

from lead_pipeline.config.pipeline import PipelineConfig, load_pipeline_config
from lead_pipeline.dievio.client import DievioClient
from lead_pipeline.dievio.enrichment import DievioEnrichment
from lead_pipeline.dievio.options import DievioOptions
from lead_pipeline.domain.enrichment.policy import BudgetRules
from lead_pipeline.domain.enrichment.reading import RowRules
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.sandbox.embedded_postgres import ServerAddress, drop_database, ensure_database
from lead_pipeline.sandbox.scenarios.volume import build_volume_scenario
from lead_pipeline.services.enriching.enrich import EnrichSummary, enrich_batch
from lead_pipeline.services.match import match_batch
from lead_pipeline.services.normalize import normalize_batch
from lead_pipeline.services.plan import plan_batch
from lead_pipeline.services.refresh_directory import refresh_directory
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations
from lead_pipeline_tests.bench.sandbox import BenchSandbox

BATCH_ID = "2026-05-04"
UNHURRIED = DievioOptions(calls_per_second=1_000_000, burst_calls=1_000_000)
MILLISECONDS = 1_000
SMALL_TURNS = 3  # so often is each smaller size measured before the largest, and again after it

ReadCpu = Callable[[], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentSpeed:
    """The figures of one size. CPU counts our process and the database's, not the sandbox's."""

    leads: int
    calls: int
    credits: int
    filled: int
    cpu_seconds: float
    database_cpu_seconds: float
    wall_seconds: float

    @property
    def total_cpu_ms_per_lead(self) -> float:
        """CPU of both processes a lead."""
        return (self.cpu_seconds + self.database_cpu_seconds) / self.leads * MILLISECONDS


def in_turns(sizes: Sequence[int]) -> list[int]:
    """Return the sizes in the order in which they are measured: the smaller ones before and after the largest.

    The same work takes half as long again at one moment as at another on a shared machine. Measured once, seconds
    before the large size, the small one would tell more of the machine than of the growth.
    """
    largest = max(sizes)
    smaller = [size for size in sizes if size != largest] * SMALL_TURNS
    return [*smaller, largest, *smaller]


def medians(speeds: Sequence[EnrichmentSpeed]) -> list[EnrichmentSpeed]:
    """Return one measurement for each size, the one with the median CPU, the smallest size first."""
    by_cpu = sorted(speeds, key=lambda speed: (speed.leads, speed.total_cpu_ms_per_lead))
    groups = [list(group) for _, group in groupby(by_cpu, key=lambda speed: speed.leads)]
    return [group[len(group) // 2] for group in groups]


def growth(speeds: Sequence[EnrichmentSpeed]) -> float | None:
    """Return how many times the work of the smallest size the largest takes, by their medians; None with one size."""
    sizes = medians(speeds)
    if len(sizes) < 2:  # two points make a growth
        return None
    first, last = sizes[0], sizes[-1]
    return (last.total_cpu_ms_per_lead * last.leads) / (first.total_cpu_ms_per_lead * first.leads)


def measure_enrichment(
    sandbox: BenchSandbox, postgres: ServerAddress, *, leads: int, read_database_cpu: ReadCpu
) -> EnrichmentSpeed:
    """Enrich and plan so many leads of which each lacks its title.

    Args:
        sandbox: Sells the people; its org is read once, for the schema.
        postgres: The server on which a database is made for it.
        leads: How many.
        read_database_cpu: CPU seconds of the server so far.
    """
    rows: list[Any] = list(build_volume_scenario(leads).dievio_rows)
    people = [dict(row) for row in rows]
    sandbox.sell(people)
    config = load_pipeline_config(None)
    with _prepared(sandbox, postgres, people, config=config) as database:
        before, started, wall = read_database_cpu() or 0.0, time.process_time(), time.perf_counter()
        enriched = _enrich(sandbox, database, config, leads=leads)
        spent, database_spent = time.process_time() - started, (read_database_cpu() or 0.0) - before
        walled = time.perf_counter() - wall
        match_batch(database, config.matching, batch_id=BATCH_ID, now=_now)
        before, started, wall = read_database_cpu() or 0.0, time.process_time(), time.perf_counter()
        plan_batch(database, config.mappings, batch_id=BATCH_ID, now=_now)
        spent += time.process_time() - started
        database_spent += (read_database_cpu() or 0.0) - before
    return EnrichmentSpeed(
        leads=leads,
        calls=enriched.calls,
        credits=enriched.credits,
        filled=enriched.verdicts.get("filled", 0),
        cpu_seconds=spent,
        database_cpu_seconds=database_spent,
        wall_seconds=walled + time.perf_counter() - wall,
    )


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _prepared(
    sandbox: BenchSandbox, postgres: ServerAddress, people: Sequence[dict[str, object]], *, config: PipelineConfig
) -> Iterator[Database]:
    """Lend a database with the org's schema and the normalized leads; nothing of this is measured."""
    name = f"enrichment_{uuid4().hex[:12]}"
    ensure_database(postgres, name)
    database = Database(postgres.dsn(name))
    apply_migrations(database)
    credentials = SalesforceCredentials(
        instance_url=sandbox.addresses.salesforce_url,
        client_id=sandbox.addresses.salesforce_client_id,
        client_secret=SecretStr(sandbox.addresses.salesforce_client_secret),
    )
    client = connect(credentials)
    refresh_directory(database, client, fields_by_object=config.fields_by_object, now=_now)
    client.close()
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO batch (batch_id, source, created_at) VALUES (%s, 'search', %s)", (BATCH_ID, _now())
        )
        connection.cursor().executemany(
            "INSERT INTO raw_lead (batch_id, segment, page_number, row_number, payload, request_email_status,"
            " fetched_at) VALUES (%s, 'bench', 1, %s, %s, 'verified', %s)",
            [
                (BATCH_ID, place, Jsonb({**row, "job_title": None, "raw": None}), _now())
                for place, row in enumerate(people)
            ],
        )
    normalize_batch(database, config.source, owners=config.owners, batch_id=BATCH_ID, now=_now)
    yield database
    database.close()
    drop_database(postgres, name)


def _enrich(sandbox: BenchSandbox, database: Database, config: PipelineConfig, *, leads: int) -> EnrichSummary:
    policy = replace(config.enrichment, budget=BudgetRules(daily_credits=10 * leads))
    with DievioClient(
        sandbox.addresses.dievio_url, SecretStr(sandbox.addresses.dievio_api_key), options=UNHURRIED
    ) as client:
        provider = DievioEnrichment(client, RowRules(mapping=config.source, org_vocabulary={}), now=_now)
        return enrich_batch(
            database,
            {provider.capabilities.name: provider},
            policy,
            batch_id=BATCH_ID,
            now=_now,
        )

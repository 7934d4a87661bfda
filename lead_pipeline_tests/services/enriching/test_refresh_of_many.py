"""A refresh night at release size: ten thousand stale records, a credit a person, nothing written but changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from lead_pipeline.dievio.enrichment import DEFAULT_BATCH_SIZE, DievioEnrichment
from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.enrichment.policy import BudgetRules, EnrichmentPolicy
from lead_pipeline.domain.enrichment.reading import RowRules
from lead_pipeline.services.enriching.refreshing import Refresh, RefreshSummary, refresh_stale_records
from lead_pipeline_tests.dievio_worlds import DievioWorld, running_dievio
from lead_pipeline_tests.lead_builders import load_mapping
from lead_pipeline_tests.services.enriching.enrich_bench import person
from lead_pipeline_tests.services.night_bench import OWNERS, NightBench, day
from lead_pipeline_tests.services.rework_bench import new_rework
from lead_pipeline_tests.services.write_bench import WriteBench

RECORDS, PROMOTED, CORRECTED = 10_000, 1_000, 50
POLICY = EnrichmentPolicy(budget=BudgetRules(daily_credits=2 * RECORDS), refresh_records=RECORDS)


@pytest.fixture(scope="module")
def dievio() -> Iterator[DievioWorld]:
    with running_dievio() as world:
        yield world


def somebody(place: int, **changes: object) -> dict[str, object]:
    """A person with a company and a phone of one's own: namesakes who share one would be taken for doubles."""
    firm = f"firm{place:05}"
    own = {
        "company_name": f"Firm {place:05}",
        "company_domain": f"{firm}.com",
        "email": f"jane.{place:05}@{firm}.com",
        "phone": f"+1 415 {2_000_000 + place}",
    }
    return person(place, **{**own, **changes})


def sync_everybody(nights: NightBench) -> None:
    """Bring ten thousand people into the org, a hundred days ago."""
    at = nights.now()
    with nights.database.transaction() as connection:
        connection.execute("INSERT INTO batch (batch_id, source, created_at) VALUES (%s, 'search', %s)", (day(1), at))
        connection.cursor().executemany(
            "INSERT INTO raw_lead (batch_id, segment, page_number, row_number, payload, request_email_status,"
            " fetched_at) VALUES (%s, 'plain', 1, %s, %s, 'verified', %s)",
            [(day(1), place, Jsonb(somebody(place, last_enriched_at=at.isoformat())), at) for place in range(RECORDS)],
        )
    summary = nights.finish(day(1))
    assert summary.is_complete
    assert summary.outcomes[Outcome.CREATED] == RECORDS
    nights.wait(timedelta(days=100).total_seconds())


def everybody(nights: NightBench) -> list[Mapping[str, Any]]:
    return list(nights.client.query("SELECT Id, Email, Title FROM Lead"))


def refresh(nights: NightBench, dievio: DievioWorld, batch_id: str) -> RefreshSummary:
    with dievio.client() as client:
        provider = DievioEnrichment(client, RowRules(mapping=load_mapping(), org_vocabulary={}), now=nights.now)
        looking = Refresh(
            work=new_rework(nights),
            providers={"dievio": provider},
            policy=replace(POLICY, providers=("dievio",)),
            source=load_mapping("directory"),
            owners=OWNERS,
        )
        return refresh_stale_records(looking, batch_id=batch_id)


@pytest.mark.slow
def test_ten_thousand_stale_records_cost_a_credit_each_and_only_changes_are_written(
    bench: WriteBench, dievio: DievioWorld
) -> None:
    bench.emulated.org.reset()
    nights = NightBench(database=bench.database, emulated=bench.emulated, client=bench.client)
    sync_everybody(nights)
    for record in everybody(nights):
        if int(str(record["Email"]).partition("@")[0].removeprefix("jane.")) < CORRECTED:
            nights.edit(record["Id"], {"Title": "What the rep typed"})
    fresh = nights.now().isoformat()
    titles = ["CFO" if place < PROMOTED else "VP Sales" for place in range(RECORDS)]
    dievio.sell(*(somebody(place, job_title=title, last_enriched_at=fresh) for place, title in enumerate(titles)))
    journal = len(nights.emulated.org.store.journal())

    first = refresh(nights, dievio, "refresh-1")
    written = nights.emulated.org.store.journal()[journal:]
    nights.wait(timedelta(days=1).total_seconds())
    second = refresh(nights, dievio, "refresh-2")

    assert (first.failed_gates, first.records) == ((), RECORDS)
    assert first.enrichment is not None
    # Answered calls: on a busy machine a try may break and be made again, which the credits below would show if billed.
    assert first.enrichment.calls == ceil(RECORDS / DEFAULT_BATCH_SIZE)
    assert first.enrichment.credits == dievio.rows_charged == RECORDS
    assert first.write is not None
    # Seniority and department belong to the machine, so that a promotion shows there though the rep's title stays.
    assert first.write.outcomes[Outcome.UPDATED] == len(written) == PROMOTED
    held = [record["Title"] for record in everybody(nights)]
    assert (held.count("What the rep typed"), held.count("CFO")) == (CORRECTED, PROMOTED - CORRECTED)
    assert (second.records, second.enrichment, dievio.rows_charged) == (0, None, RECORDS)

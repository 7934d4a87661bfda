"""The counts behind the measures of enrichment, against rows in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from lead_pipeline.domain.enrichment.measure_rules import StaleRules
from lead_pipeline.domain.enrichment.measures import (
    AgeBucket,
    CompletenessLine,
    DaySpend,
    FindingCount,
    FunnelLine,
    PeopleCount,
    SpendLine,
    StandingCount,
)
from lead_pipeline.store import enrichment_measures
from lead_pipeline.store.database import Database
from lead_pipeline.store.enrichment_measures import FieldPlace, Window
from lead_pipeline_tests.domain.enrichment.roi_builders import build_roi

BATCH = "2026-11-20"
NIGHT = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
WINDOW = Window(since=NIGHT - timedelta(days=30), until=NIGHT + timedelta(hours=1))
LAST_LOOK = "Last_Enriched_At__c"
UNTOUCHED, RESPONDED = ["Open"], ["Responded"]

Connection = psycopg.Connection[Any]


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.transaction() as opened:
        insert(opened, "batch", batch_id=BATCH, source="search", created_at=NIGHT)
        yield opened


def insert(connection: Connection, table: str, **values: object) -> None:
    places = ", ".join(["%s"] * len(values))
    connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", list(values.values()))


def add_call(connection: Connection, state: str, *, settled: int | None, known: int = 0, **values: object) -> None:
    insert(
        connection,
        "credit_ledger",
        **{
            "call_id": uuid4(),
            "batch_id": BATCH,
            "segment": "us",
            "endpoint": "lookup",
            "state": state,
            "reserved_credits": 20,
            "settled_credits": settled,
            "known_credits": known,
            "purpose": "enrichment",
            "reason": "nightly",
            "requested_at": NIGHT,
            **values,
        },
    )


def add_lead(
    connection: Connection, number: int, *, before: dict[str, Any], after: dict[str, Any], flags: str = ""
) -> None:
    row = connection.execute(
        "INSERT INTO raw_lead (batch_id, segment, page_number, row_number, payload, fetched_at)"
        " VALUES (%s, 'us', 1, %s, '{}', %s) RETURNING raw_lead_id",
        [BATCH, number, NIGHT],
    ).fetchone()
    insert(
        connection,
        "lead",
        batch_id=BATCH,
        raw_lead_id=next(iter(row.values())) if isinstance(row, dict) else row[0] if row else None,
        segment="us",
        dievio_lead_id=f"lead-{number}",
        is_weak_id=False,
        field_values=Jsonb(after),
        delivered_values=None if before == after else Jsonb(before),
        confidences=Jsonb({}),
        source_paths=Jsonb({}),
        flags=[flags] if flags else [],
        key_version=1,
        fetched_at=NIGHT,
        normalized_at=NIGHT,
    )


def add_created(
    connection: Connection,
    number: int,
    *,
    status: str = "Open",
    is_enriched: bool = False,
    is_converted: bool = False,
    activity: str | None = None,
    touched_after_hours: float = 0,
) -> None:
    salesforce_id = f"00Q{number:015d}"
    insert(
        connection,
        "lead_outcome",
        batch_id=BATCH,
        raw_lead_id=number,
        dievio_lead_id=f"lead-{number}",
        outcome="created",
        reason_code="no_candidate",
        object_name="Lead",
        salesforce_id=salesforce_id,
        settled_at=NIGHT - timedelta(hours=100),
    )
    add_record(
        connection,
        number,
        {"Status": status, "LastActivityDate": activity},
        is_converted=is_converted,
        at=NIGHT - timedelta(hours=100 - touched_after_hours),
    )
    if is_enriched:
        add_result(connection, number, "phone", "filled")


def add_record(
    connection: Connection, number: int, fields: dict[str, Any], *, at: datetime = NIGHT, is_converted: bool = False
) -> None:
    insert(
        connection,
        "directory_record",
        object_name="Lead",
        salesforce_id=f"00Q{number:015d}",
        fields=Jsonb(fields),
        dievio_lead_id=f"lead-{number}",
        is_deleted=False,
        is_converted=is_converted,
        last_modified_at=at,
        system_modstamp=at,
        key_version=1,
    )


def add_result(connection: Connection, number: int, field: str, verdict: str, *, share: float = 0.9) -> None:
    insert(
        connection,
        "enrichment_result",
        batch_id=BATCH,
        dievio_lead_id=f"lead-{number}",
        field=field,
        provider="dievio",
        verdict=verdict,
        reason="",
        value=Jsonb("x"),
        share=share,
        origin="prior",
        required_share=0.7,
        answered_at=NIGHT - timedelta(days=5),
        merged_at=NIGHT - timedelta(days=5),
    )


def test_credits_are_summed_by_what_became_of_their_calls(connection: Connection) -> None:
    add_call(connection, "settled", settled=12, known=2)
    add_call(connection, "settled", settled=0)
    add_call(connection, "uncertain", settled=None, requested_at=NIGHT - timedelta(days=1))
    add_call(connection, "released", settled=None)
    add_call(connection, "settled", settled=5, provider="contact_api")
    add_call(connection, "settled", settled=99, purpose="search")
    add_call(connection, "settled", settled=99, requested_at=NIGHT - timedelta(days=31))

    spend = enrichment_measures.read_spend(connection, WINDOW)
    days = enrichment_measures.read_days(connection, WINDOW)

    assert spend[0] == SpendLine(
        segment="us",
        provider="dievio",
        reason="nightly",
        calls=3,
        answered=2,
        matched=1,
        credits=12,
        known_credits=2,
        uncertain_credits=20,
    )
    assert (spend[1].provider, spend[1].credits, len(spend)) == ("contact_api", 5, 2)
    assert days == (
        DaySpend(day="2026-11-20", credits=0, uncertain_credits=20),
        DaySpend(day="2026-11-21", credits=17, uncertain_credits=0),
    )


def test_a_person_whom_one_of_the_providers_knew_was_found(connection: Connection) -> None:
    for number, provider, state in (
        (1, "dievio", "miss"),
        (1, "contact_api", "found"),
        (2, "dievio", "miss"),
        (3, "dievio", "asked"),
    ):
        insert(
            connection,
            "enrichment_lookup",
            dievio_lead_id=f"lead-{number}",
            provider=provider,
            batch_id=BATCH,
            call_id=uuid4(),
            state=state,
            asked_at=NIGHT,
        )

    assert enrichment_measures.read_people(connection, WINDOW) == PeopleCount(asked=3, found=1, missed=1)


def test_completeness_counts_values_that_were_delivered_and_those_that_count_afterwards(connection: Connection) -> None:
    add_lead(connection, 1, before={"title": "CTO"}, after={"title": "CTO", "email": "a@acme.example"})
    add_lead(
        connection, 2, before={"title": "CTO"}, after={"title": "CTO", "email": "b@x.example"}, flags="unverified_email"
    )
    add_lead(connection, 3, before={"email": "c@acme.example"}, after={"email": "c@acme.example"})

    lines = enrichment_measures.read_completeness(connection, WINDOW, ["email", "title", "phone"])
    complete = enrichment_measures.read_complete_leads(connection, WINDOW, ["email", "title"])

    assert lines == (
        CompletenessLine(field="email", leads=3, before=1, after=2),
        CompletenessLine(field="title", leads=3, before=2, after=2),
        CompletenessLine(field="phone", leads=3, before=0, after=0),
    )
    assert (complete.leads, complete.before, complete.after) == (3, 0, 1)


def test_findings_are_counted_by_what_became_of_them(connection: Connection) -> None:
    add_result(connection, 1, "email", "filled")
    add_result(connection, 2, "email", "unverified")
    add_result(connection, 3, "email", "filled")

    assert enrichment_measures.read_findings(connection, WINDOW) == (
        FindingCount(field="email", verdict="filled", findings=2),
        FindingCount(field="email", verdict="unverified", findings=1),
    )


def test_a_value_stands_until_somebody_corrects_it_and_an_older_mirror_says_nothing(connection: Connection) -> None:
    for number, held, hours in ((1, "A@Acme.example", 1), (2, "typed@acme.example", 1), (3, "old", -1)):
        add_result(connection, number, "email", "filled", share=0.9)
        add_record(connection, number, {"Email": held}, at=NIGHT + timedelta(hours=hours))
        salesforce_id = f"00Q{number:015d}"
        insert(
            connection,
            "salesforce_link",
            dievio_lead_id=f"lead-{number}",
            object_name="Lead",
            salesforce_id=salesforce_id,
            linked_at=NIGHT,
        )
        insert(
            connection,
            "field_value",
            salesforce_id=salesforce_id,
            field="Email",
            value=Jsonb("a@acme.example"),
            op_id=uuid4(),
            written_at=NIGHT,
        )
    places = [
        FieldPlace(field="email", object_name="Lead", target="Email"),
        FieldPlace(field="email", object_name="Contact", target="Email"),
    ]

    (standing,) = enrichment_measures.read_standing(connection, WINDOW, places)
    assert standing.stated_share == pytest.approx(0.9)
    assert replace(standing, stated_share=None) == StandingCount(
        field="email", written=2, standing=1, stated_share=None
    )


def test_records_are_put_into_buckets_by_their_age(connection: Connection) -> None:
    for number, days in enumerate((0, 29, 30, 400)):
        look = (NIGHT - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        add_record(connection, number, {LAST_LOOK: look})
    add_record(connection, 10, {LAST_LOOK: None})
    add_record(connection, 11, {LAST_LOOK: "yesterday"})
    add_record(connection, 12, {LAST_LOOK: "2026-01-01T00:00:00.000+0000"}, is_converted=True)

    ages = enrichment_measures.read_ages(connection, target=LAST_LOOK, until=NIGHT)

    assert [bucket for bucket in ages if bucket.records] == [
        AgeBucket(from_days=None, records=2),
        AgeBucket(from_days=0, records=2),
        AgeBucket(from_days=30, records=1),
        AgeBucket(from_days=360, records=1),
    ]


def test_enriched_leads_and_others_are_followed_apart(connection: Connection) -> None:
    add_created(connection, 1, is_enriched=True, status="Responded", touched_after_hours=10)
    add_created(connection, 2, is_enriched=True, status="Open", activity="2026-11-20", touched_after_hours=30)
    add_created(connection, 3, is_converted=True, touched_after_hours=5)
    add_created(connection, 4)

    funnel = enrichment_measures.read_funnel(connection, WINDOW, untouched=UNTOUCHED, responded=RESPONDED)

    assert funnel == (
        FunnelLine(
            is_enriched=True, leads=2, touched=2, responded=1, converted=0, with_activity=1, median_hours_to_touch=20.0
        ),
        FunnelLine(
            is_enriched=False, leads=2, touched=1, responded=1, converted=1, with_activity=0, median_hours_to_touch=5.0
        ),
    )


def test_the_first_touch_stays_when_the_record_changes_again(connection: Connection) -> None:
    add_created(connection, 1, status="Working", touched_after_hours=10)
    enrichment_measures.read_funnel(connection, WINDOW, untouched=UNTOUCHED, responded=RESPONDED)
    connection.execute("UPDATE directory_record SET last_modified_at = %s", [NIGHT])

    _, other = enrichment_measures.read_funnel(connection, WINDOW, untouched=UNTOUCHED, responded=RESPONDED)

    assert other.median_hours_to_touch == 10.0


def stale_ids(connection: Connection, table: str) -> list[str]:
    rows = connection.execute(f"SELECT dievio_lead_id FROM {table} ORDER BY 1").fetchall()
    return [next(iter(row.values())) if isinstance(row, dict) else row[0] for row in rows]


def test_old_records_are_flagged_and_only_suppressed_when_the_configuration_says_so(connection: Connection) -> None:
    for number, days in enumerate((89, 91, 400)):
        look = (NIGHT - timedelta(days=days)).isoformat()
        add_record(connection, number, {LAST_LOOK: look})
    flag_only = StaleRules(flag_after=timedelta(days=90), suppress=False, suppress_after=timedelta(days=365))
    suppressing = StaleRules(flag_after=timedelta(days=90), suppress=True, suppress_after=timedelta(days=365))

    first = enrichment_measures.flag_stale_records(connection, flag_only, target=LAST_LOOK, now=NIGHT)
    shown_first = stale_ids(connection, "suppressed_record")
    second = enrichment_measures.flag_stale_records(connection, suppressing, target=LAST_LOOK, now=NIGHT)

    assert (first, shown_first) == ((2, 0), [])
    assert second == (2, 1)
    assert stale_ids(connection, "stale_record") == ["lead-1", "lead-2"]
    assert stale_ids(connection, "suppressed_record") == ["lead-2"]


def test_a_record_that_was_looked_at_again_loses_its_flag(connection: Connection) -> None:
    rules = StaleRules(flag_after=timedelta(days=90), suppress=True, suppress_after=timedelta(days=90))
    add_record(connection, 1, {LAST_LOOK: (NIGHT - timedelta(days=100)).isoformat()})
    add_record(connection, 2, {LAST_LOOK: (NIGHT - timedelta(days=100)).isoformat()})
    enrichment_measures.flag_stale_records(connection, rules, target=LAST_LOOK, now=NIGHT)
    connection.execute(
        "UPDATE directory_record SET fields = %s WHERE dievio_lead_id = 'lead-1'",
        [Jsonb({LAST_LOOK: NIGHT.isoformat()})],
    )

    left = enrichment_measures.flag_stale_records(connection, rules, target=LAST_LOOK, now=NIGHT)

    assert left == (1, 1)
    assert stale_ids(connection, "suppressed_record") == ["lead-2"]


def test_the_measures_of_a_batch_are_kept_and_replaced(connection: Connection) -> None:
    for _ in range(2):
        enrichment_measures.save_roi(connection, build_roi(), batch_id=BATCH, made_at=NIGHT)

    assert enrichment_measures.find_roi(connection, BATCH) == build_roi()
    assert enrichment_measures.find_roi(connection, "2026-11-19") is None

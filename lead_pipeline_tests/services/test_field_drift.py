"""Fields that change under a run: each kind, before it and in the middle of it, on real servers.

Leads go on without the field, nothing unfit is sent, and gate and alert name it; what our id rests on stops the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.connections import Connections
from lead_pipeline.defs.sensors import warning_lines
from lead_pipeline.domain.findings import Finding
from lead_pipeline.domain.routing import parse_routing_rules
from lead_pipeline.errors import OrgNotReadyError
from lead_pipeline.sandbox.embedded_postgres import ServerAddress
from lead_pipeline.services.examine import examine, require_ready
from lead_pipeline.services.gates import evaluate_gates
from lead_pipeline.services.write import WriteSummary
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.settings import load_settings
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench, org_lead, person

Change = Mapping[str, Any]
Alert = Callable[[str, str], str]
NEXT_NIGHT = "2026-05-05"
COLLECTIONS = {"route": "composite/sobjects", "method": "POST"}
JOBS = {"route": "jobs/ingest", "method": "PATCH"}
ALL_IN_JOBS = WriteLimits(bulk_threshold=1)


def revoke(bench: WriteBench, name: str) -> Change:
    schema = bench.emulated.org.schema("Lead")
    assert schema is not None
    locked = schema.access_of("integration").not_editable
    return {"access": {"integration": {"not_editable": sorted({*locked, name})}}}


#: Kind of change -> the field that it hits, what an admin does, and the code of the finding.
KINDS: dict[str, tuple[str, Callable[[WriteBench], Change], str]] = {
    "removed": ("Department__c", lambda _: {"remove": ["Department__c"]}, "field_gone"),
    "narrowed": (
        "Company_Domain__c",
        lambda _: {"fields": [{"name": "Company_Domain__c", "length": 6}]},
        "field_narrow",
    ),
    "of another type": (
        "Department__c",
        lambda _: {"fields": [{"name": "Department__c", "type": "double", "precision": 4, "length": 0}]},
        "type_differs",
    ),
    "without a picklist value": (
        "Seniority__c",
        lambda _: {"fields": [{"name": "Seniority__c", "values": ["owner", "cxo"]}]},
        "picklist_values_missing",
    ),
    "locked": ("Phone", lambda bench: revoke(bench, "Phone"), "field_locked"),
}
#: What our id rests on.
FATAL: dict[str, Change] = {
    "gone": {"remove": ["Dievio_Lead_ID__c"]},
    "no external id": {"fields": [{"name": "Dievio_Lead_ID__c", "external_id": False}]},
    "not unique": {"fields": [{"name": "Dievio_Lead_ID__c", "unique": False}]},
    "of another type": {"fields": [{"name": "Dievio_Lead_ID__c", "type": "double", "precision": 18, "length": 0}]},
    "narrow": {"fields": [{"name": "Dievio_Lead_ID__c", "length": 8}]},
}


def full_person(number: int) -> dict[str, Any]:
    return person(number, seniority="manager", department="Operations")


def look_at_org(bench: WriteBench) -> tuple[Finding, ...]:
    """What `org_preflight` does."""
    examination = examine(
        bench.database,
        bench.client,
        mappings=bench.rules.mappings,
        routing=parse_routing_rules(load_document("routing")),
        now=bench.now,
    )
    require_ready(examination)
    return examination.findings


def play_first_night(bench: WriteBench) -> None:
    """Let every field be written once, as it was meant."""
    look_at_org(bench)
    bench.add_leads(full_person(1))
    bench.prepare()
    assert bench.write().created_by_run == 1
    bench.wait(3_600)


def change_org(bench: WriteBench, change: Change) -> None:
    bench.emulated.org.change_schema("Lead", change)


@pytest.fixture
def alert(bench: WriteBench, postgres_server: ServerAddress) -> Iterator[Alert]:
    """Evaluate a gate that warns, and return what people are told in the morning."""
    dsn = postgres_server.dsn(bench.database.address.rpartition("/")[2])
    with Connections(load_settings({"LEAD_PIPELINE_DATABASE_URL": dsn})) as connections:

        def evaluate(batch_id: str, gate: str) -> str:
            (result,) = evaluate_gates(
                bench.database, [gate], batch_id=batch_id, run_id="run", now=bench.now, config=bench.settings
            )
            assert not result.is_blocking
            return "\n".join(warning_lines(connections, batch_id))

        yield evaluate


def sent_values(bench: WriteBench, name: str) -> set[object]:
    """What our writes brought into a field since the first night."""
    return {entry["after"].get(name) for entry in bench.journal()[1:]} - {None}


def assert_all_written(bench: WriteBench, summary: WriteSummary, *, batch_id: str, created: int, updated: int) -> None:
    assert summary.is_complete, summary
    rows = bench.ask("SELECT outcome, count(*) AS n FROM lead_outcome WHERE batch_id = %s GROUP BY 1", batch_id)
    assert {row["outcome"]: row["n"] for row in rows} == {
        outcome: count for outcome, count in (("created", created), ("updated", updated)) if count
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_changed_before_the_run_is_switched_off(bench: WriteBench, alert: Alert, kind: str) -> None:
    name, make_change, code = KINDS[kind]
    play_first_night(bench)
    change_org(bench, make_change(bench))

    findings = look_at_org(bench)
    bench.add_leads(*(full_person(number) for number in range(2, 6)), batch_id=NEXT_NIGHT)
    bench.prepare(NEXT_NIGHT)
    summary = bench.write(batch_id=NEXT_NIGHT)

    assert [entry.code for entry in findings if entry.subject == f"Lead.{name}"] == [code]
    assert_all_written(bench, summary, batch_id=NEXT_NIGHT, created=4, updated=0)
    assert sent_values(bench, name) == set()
    told = alert(NEXT_NIGHT, "stg_salesforce__directory__fields")
    assert told.startswith("gate stg_salesforce__directory__fields: 1 of ")
    assert "fields are gone, locked, narrower or of another kind" in told
    assert f"(Lead.{name}) Next: Run `lead-pipeline doctor`" in told


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_changes_between_plan_and_write_is_switched_off(
    bench: WriteBench, alert: Alert, kind: str
) -> None:
    name, make_change, _ = KINDS[kind]
    look_at_org(bench)
    known, *_ = bench.load("Lead", org_lead(1, Phone=None))
    bench.add_leads(*(full_person(number) for number in range(1, 6)))
    bench.prepare()
    change_org(bench, make_change(bench))

    summary = bench.write()

    assert_all_written(bench, summary, batch_id=BATCH_ID, created=4, updated=1)
    assert {entry["after"].get(name) for entry in bench.journal()} <= {None}
    assert known in {entry["id"] for entry in bench.journal()}
    told = alert(BATCH_ID, "sync_salesforce__writes__fields")
    assert told == (
        "gate sync_salesforce__writes__fields: 1 of 1 changes of fields failed: fields changed during the write and "
        f"were switched off (1). (Lead.{name}) Next: Run `lead-pipeline doctor`: it names the repair of each; leads "
        "went on without the field meanwhile."
    )


@pytest.mark.parametrize("limits", [WriteLimits(collection_records=2), ALL_IN_JOBS], ids=["calls", "jobs"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_changes_under_the_very_write_is_switched_off(
    bench: WriteBench, alert: Alert, kind: str, limits: WriteLimits
) -> None:
    name, make_change, _ = KINDS[kind]
    look_at_org(bench)
    bench.limits = limits
    bench.add_leads(*(full_person(number) for number in range(1, 6)))
    bench.prepare()
    place = JOBS if limits is ALL_IN_JOBS else COLLECTIONS
    bench.fault("change_schema", **place, object="Lead", change=make_change(bench), times=1)

    summary = bench.write()

    assert_all_written(bench, summary, batch_id=BATCH_ID, created=5, updated=0)
    assert {entry["after"].get(name) for entry in bench.journal()} <= {None}
    assert f"Lead.{name}" in alert(BATCH_ID, "sync_salesforce__writes__fields")


@pytest.mark.parametrize("kind", FATAL)
def test_an_id_field_that_was_hit_before_the_run_ends_it_before_anything_is_written(
    bench: WriteBench, kind: str
) -> None:
    play_first_night(bench)
    change_org(bench, FATAL[kind])

    with pytest.raises(OrgNotReadyError, match=r"Lead\.Dievio_Lead_ID__c"):
        look_at_org(bench)


@pytest.mark.parametrize("kind", FATAL)
def test_an_id_field_that_is_hit_between_plan_and_write_ends_it_before_anything_is_written(
    bench: WriteBench, kind: str
) -> None:
    look_at_org(bench)
    bench.add_leads(*(full_person(number) for number in range(1, 4)))
    bench.prepare()
    change_org(bench, FATAL[kind])

    with pytest.raises(OrgNotReadyError, match=r"Lead\.Dievio_Lead_ID__c"):
        bench.write()

    assert bench.journal() == []
    assert bench.outcomes() == {}


def test_a_night_without_a_change_asks_about_fields_in_calls_that_it_makes_anyway(bench: WriteBench) -> None:
    look_at_org(bench)
    bench.add_leads(*(full_person(number) for number in range(1, 4)))
    bench.prepare()
    before = bench.client.calls

    bench.write()

    assert bench.client.calls - before == 2  # one reading, one write


def test_a_field_that_is_removed_after_the_write_keeps_nobody_from_their_owner(bench: WriteBench) -> None:
    look_at_org(bench)
    bench.add_leads(*(full_person(number) for number in range(1, 4)))
    bench.prepare()
    bench.write()
    change_org(bench, {"remove": ["Department__c"]})

    bench.read_back()

    results = bench.look(["writes", "readback"])
    assert [gate for gate, result in results.items() if not result.passed] == ["sync_salesforce__writes__fields"]
    assert results["sync_salesforce__writes__fields"].failed_ids == ("Lead.Department__c",)


@pytest.mark.parametrize("kind", KINDS)
def test_leads_that_were_written_before_the_change_pass_their_gates_without_the_field(
    bench: WriteBench, alert: Alert, kind: str
) -> None:
    name, make_change, _ = KINDS[kind]
    look_at_org(bench)
    bench.limits = WriteLimits(collection_records=2)
    bench.add_leads(*(full_person(number) for number in range(1, 6)))
    bench.prepare()
    bench.fault("change_schema", **COLLECTIONS, object="Lead", change=make_change(bench), nth=2, times=1)

    summary = bench.write()
    bench.read_back()

    assert_all_written(bench, summary, batch_id=BATCH_ID, created=5, updated=0)
    assert [entry["after"].get(name) is not None for entry in bench.journal()] == [True] * 2 + [False] * 3
    closed = [gate for gate, result in bench.look(["writes", "readback"]).items() if not result.passed]
    assert closed == ["sync_salesforce__writes__fields"]
    assert f"Lead.{name}" in alert(BATCH_ID, "sync_salesforce__writes__fields")

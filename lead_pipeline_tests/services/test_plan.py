"""Planning a batch on a real database: one decision per lead, once and again, and what it will cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from lead_pipeline.domain.call_costs import estimate_calls
from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.suppression import SuppressionKey, SuppressionKind
from lead_pipeline.errors import ConfigurationError, InvalidDocumentError, SchemaUnknownError, StageMissingError
from lead_pipeline.sandbox.embedded_postgres import ServerAddress
from lead_pipeline.services.org_schemas import MAX_SCHEMA_AGE
from lead_pipeline.services.plan import plan_batch
from lead_pipeline.store import plans
from lead_pipeline.store.database import Database
from lead_pipeline.store.org_facts import keep_owner_guard
from lead_pipeline.store.suppressions import add_suppression, remove_suppression
from lead_pipeline_tests.domain.plan_builders import BATCH, FETCHED_AT, MODIFIED_AT, SYNCED_FIELDS, field, org_schema
from lead_pipeline_tests.services.plan_bench import (
    MAPPINGS,
    NOW,
    PERSON,
    BatchLead,
    PlanBench,
    planned_changes,
    planning_database,
)

SYNCED = {name: value for name, value in SYNCED_FIELDS.items() if name != "Dievio_Lead_ID__c"}


@pytest.fixture(scope="module")
def database(postgres_server: ServerAddress) -> Iterator[Database]:
    with planning_database(postgres_server, "test_plan_batch") as database:
        yield database


@pytest.fixture
def bench(database: Database) -> PlanBench:
    return PlanBench(database)


def known(bench: PlanBench, salesforce_id: str = "00Q1", *, lead_id: str = "li:a", **changed: object) -> None:
    """Add a record that an earlier sync filled for a lead."""
    held = {**SYNCED, "Dievio_Lead_ID__c": lead_id, **changed}
    bench.add_record(salesforce_id, fields=held, dievio_lead_id=lead_id)


def stranger(lead_id: str, **attributes: object) -> BatchLead:
    keys = MatchKeys(em=f"{lead_id[3:]}@x.example", fn="peter", ln=lead_id[3:])
    return replace(BatchLead(dievio_lead_id=lead_id, keys=keys), **attributes)  # type: ignore[arg-type]


def test_every_kind_of_decision_is_stored_with_its_reason(bench: PlanBench) -> None:
    known(bench)
    bench.add_record("00Q2", keys={"em": "c@x.example", "fn": "anna", "li": None, "dm": None, "co": None})
    bench.add_record("00Q3", keys={"em": "d@x.example", "fn": "peter", "li": None, "dm": None, "co": None})
    bench.add_leads(BatchLead(dievio_lead_id="li:a"), stranger("li:b"), stranger("li:c"), stranger("li:d"))
    bench.match()
    summary = bench.plan()
    found = {key: (row["decision"], row["reason_code"], row["salesforce_id"]) for key, row in bench.decisions().items()}
    assert found == {
        "li:a": ("skip", "no_change", "00Q1"),
        "li:b": ("create", "new_person", None),
        "li:c": ("review", "names_conflict", None),
        "li:d": ("update", "fields_changed", "00Q3"),
    }
    assert summary.leads == 4
    assert summary.decisions == {"create": 1, "review": 1, "skip": 1, "update": 1}


def test_an_update_stores_each_field_with_before_after_and_why(bench: PlanBench) -> None:
    known(bench, Phone=None, Title="Founder")
    bench.add_leads(BatchLead(dievio_lead_id="li:a"))
    bench.match()
    bench.plan()
    decision = bench.decisions()["li:a"]
    entries = {entry["field"]: entry for entry in decision["fields"]}
    assert entries["Phone"] == {
        "field": "Phone",
        "before": None,
        "after": "+4930123456",
        "policy": "fill_blank",
        "verdict": "filled_blank",
        "reason": "the field was blank",
        "trimmed_from": None,
    }
    assert (entries["Title"]["verdict"], entries["Title"]["after"]) == ("kept_rep_value", "Founder")
    assert decision["base_last_modified_at"] == MODIFIED_AT
    assert decision["mapping_version"] == MAPPINGS.mapping_version
    assert bench.rows("SELECT mapping_version FROM batch") == [{"mapping_version": MAPPINGS.mapping_version}]


def test_what_we_wrote_last_is_refreshed(bench: PlanBench) -> None:
    known(bench, Title="Director")
    bench.remember_value("00Q1", "Title", "Director")
    bench.add_leads(BatchLead(dievio_lead_id="li:a"))
    bench.match()
    bench.plan()
    assert planned_changes(bench.decisions()["li:a"])["Title"] == "VP Sales"


def test_a_value_that_came_from_a_later_fetch_is_not_replaced_by_an_older_day(bench: PlanBench) -> None:
    known(bench, Title="Director")
    op_id = uuid4()
    bench.rows(
        "INSERT INTO write_intent (op_id, batch_id, run_id, dievio_lead_id, person_key, purpose, kind, object_name,"
        " payload, payload_sha256, before, mapping_version, attempt, state)"
        " VALUES (%s, '2026-05-05', 'r', 'li:a', 'p', 'sync', 'update', 'Lead', '{}', '', '{}', '1', 1, 'applied')"
        " RETURNING 1",
        op_id,
    )
    bench.rows("INSERT INTO field_value VALUES ('00Q1', 'Title', '\"Director\"', %s, %s) RETURNING 1", op_id, NOW)
    bench.rows("INSERT INTO batch VALUES ('2026-05-05', 'search', %s) RETURNING 1", NOW)
    bench.add_leads(BatchLead(dievio_lead_id="li:a"))
    with bench.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(
            "INSERT INTO lead SELECT '2026-05-05', raw_lead_id, segment, dievio_lead_id, is_weak_id, NULL,"
            " field_values, confidences, source_paths, flags, key_version, em, li, dm, fn, ln, co, ti, ph, pe, st,"
            " fetched_at + interval '1 day', normalized_at FROM lead"
        )
    bench.match()
    bench.plan()
    assert bench.decisions()["li:a"]["decision"] == "skip"


def test_a_persons_decision_about_a_field_is_carried_out(bench: PlanBench) -> None:
    known(bench, Title="Founder")
    bench.decide_field("li:a", "Title", choice="take", value="VP Sales")
    bench.add_leads(BatchLead(dievio_lead_id="li:a"))
    bench.match()
    bench.plan()
    assert planned_changes(bench.decisions()["li:a"])["Title"] == "VP Sales"


def test_a_record_that_another_lead_is_linked_to_is_a_question(bench: PlanBench) -> None:
    bench.add_record("00Q1")
    bench.link("li:other", "00Q1")
    bench.add_leads(BatchLead(dievio_lead_id="li:a"))
    bench.match()
    bench.plan()
    assert bench.decisions()["li:a"]["reason_code"] == "link_conflict"


def test_planning_again_replaces_open_decisions_and_leaves_settled_ones(bench: PlanBench) -> None:
    bench.add_leads(stranger("li:a"), stranger("li:b"))
    bench.match()
    first = bench.plan()
    assert bench.plan() == first
    bench.settle("li:a", "created")
    bench.rows("UPDATE sync_decision SET reason = 'as it was' RETURNING 1")
    summary = bench.plan()
    assert summary.leads == 1
    assert {key: row["reason"] == "as it was" for key, row in bench.decisions().items()} == {
        "li:a": True,
        "li:b": False,
    }


def test_a_lead_whose_planned_row_became_a_copy_is_planned_by_the_row_that_counts_now(bench: PlanBench) -> None:
    bench.add_leads(stranger("li:a"))
    bench.match()
    bench.plan()
    before = bench.decisions()["li:a"]["raw_lead_id"]
    bench.deliver_better_copy(stranger("li:a"))
    bench.match()
    bench.plan()
    assert bench.decisions()["li:a"]["raw_lead_id"] == before + 1


def test_single_leads_are_planned_again_without_the_others(bench: PlanBench) -> None:
    bench.add_leads(stranger("li:a"), stranger("li:b"))
    bench.match()
    bench.plan()
    bench.rows("UPDATE sync_decision SET reason = 'as it was' RETURNING 1")
    assert bench.plan(only=["li:b"]).leads == 1
    assert bench.decisions()["li:a"]["reason"] == "as it was"


def test_planning_settles_no_outcome(bench: PlanBench) -> None:
    known(bench)
    bench.add_leads(BatchLead(dievio_lead_id="li:a"))
    bench.match()
    bench.plan()
    assert bench.rows("SELECT * FROM lead_outcome") == []


def test_the_summary_says_what_is_at_stake_and_what_it_costs(bench: PlanBench) -> None:
    known(bench, Title="Director", Phone=None)
    bench.remember_value("00Q1", "Title", "Director")
    bench.add_leads(BatchLead(dievio_lead_id="li:a"), stranger("li:b"))
    bench.match()
    summary = bench.plan()
    assert (summary.creates, summary.replaced_values, summary.guarded_touches) == (1, 1, 0)
    assert summary.calls == estimate_calls(creates=1, updates=1, has_owner_guard=False)
    assert summary.credits_at_most == 400
    assert summary.field_verdicts["tracked: updated"] == 1
    metadata = summary.as_metadata()
    assert (metadata["create"], metadata["update"], metadata["skip"], metadata["review"]) == (1, 1, 0, 0)
    assert metadata["reason create: new_person"] == 1
    assert metadata["fields_left_out"] == ""
    assert all(isinstance(value, int | float | str) for value in metadata.values())


def test_the_plan_reckons_with_a_job_where_the_org_was_seen_to_guard_owners(bench: PlanBench) -> None:
    bench.add_leads(*(stranger(f"li:{number}") for number in range(201)))
    bench.match()
    one_by_one = bench.plan().calls
    with bench.database.transaction() as connection:
        keep_owner_guard(connection, is_active=True, at=NOW)

    guarded = bench.plan().calls

    assert one_by_one == estimate_calls(creates=201, updates=0, has_owner_guard=False)
    assert guarded == estimate_calls(creates=201, updates=0, has_owner_guard=True)
    assert guarded.total < one_by_one.total


def test_a_settled_lead_is_counted_and_not_left_to_do(bench: PlanBench) -> None:
    bench.add_leads(stranger("li:a"), stranger("li:b"))
    bench.match()
    assert bench.plan().writes_to_do == 2
    bench.settle("li:a", "created")

    summary = bench.plan()

    assert (summary.decisions, summary.open_decisions) == ({"create": 2}, {"create": 1})
    assert (summary.leads, summary.writes_to_do) == (1, 1)
    assert summary.as_metadata()["leads_settled"] == 1
    assert summary.calls == estimate_calls(creates=1, updates=0, has_owner_guard=False)


def test_a_field_that_has_left_the_org_is_left_out_and_named(bench: PlanBench) -> None:
    bench.remember_value("00Q9", "Seniority__c", "vp")  # so it was there once
    bench.keep_schemas(org_schema(Seniority__c=None))
    bench.add_leads(stranger("li:a"))
    bench.match()
    summary = bench.plan()
    assert summary.as_metadata()["fields_left_out"] == "Lead.Seniority__c"
    assert "Seniority__c" not in planned_changes(bench.decisions()["li:a"])


def test_a_field_that_never_was_in_the_org_stops_the_plan_and_the_nearest_is_named(bench: PlanBench) -> None:
    bench.keep_schemas(org_schema(Seniority__c=None, Senority__c=field("Senority__c")))
    with pytest.raises(ConfigurationError) as caught:
        bench.plan()
    assert "Seniority__c is not in the org" in str(caught.value)
    assert "Did you mean Senority__c?" in str(caught.value)


def test_an_org_without_our_id_field_stops_the_plan_and_names_all_that_is_missing(bench: PlanBench) -> None:
    bench.keep_schemas(org_schema(Dievio_Lead_ID__c=None, Seniority__c=None))
    with pytest.raises(ConfigurationError) as caught:
        bench.plan()
    assert "Dievio_Lead_ID__c, Seniority__c" in str(caught.value)


def test_an_org_that_was_refused_is_asked_anew_by_the_next_run(bench: PlanBench) -> None:
    bench.keep_schemas(org_schema(Dievio_Lead_ID__c=None))
    (asked,) = bench.rows("SELECT max(last_seen_at) AS at FROM org_schema")
    with pytest.raises(ConfigurationError):
        bench.plan()

    (doubted,) = bench.rows("SELECT max(last_seen_at) AS at, count(last_modified_header) AS conditions FROM org_schema")

    assert asked["at"] - doubted["at"] >= MAX_SCHEMA_AGE
    assert doubted["conditions"] == 0


def test_a_row_that_its_field_type_contradicts_stops_the_plan(bench: PlanBench) -> None:
    bench.keep_schemas(org_schema(Phone=field("Phone", "boolean")))
    with pytest.raises(InvalidDocumentError) as caught:
        bench.plan()
    assert "Phone is of type boolean, not phone(40)" in caught.value.what


def test_leads_that_were_never_matched_are_not_planned(bench: PlanBench) -> None:
    bench.add_leads(stranger("li:a"))
    with pytest.raises(StageMissingError) as caught:
        bench.plan()
    assert caught.value.stage == "match"


def test_an_org_that_was_never_asked_about_its_fields_is_not_planned_for(bench: PlanBench) -> None:
    bench.rows("DELETE FROM org_schema RETURNING 1")
    with pytest.raises(SchemaUnknownError, match="Lead"):
        bench.plan()


def test_pages_cover_the_batch_and_progress_is_told(bench: PlanBench) -> None:
    bench.add_leads(*(stranger(f"li:{number}") for number in range(5)))
    bench.match()
    told: list[tuple[str, int, int]] = []
    plan_batch(bench.database, MAPPINGS, batch_id=BATCH, now=lambda: NOW, on_progress=lambda *step: told.append(step))
    assert told == [("plan", 5, 5)]
    with bench.database.connect() as connection:
        pages = [len(page) for page in plans.read_matched_leads(connection, batch_id=BATCH, page_leads=2)]
    assert pages == [2, 2, 1]


def test_the_plan_is_made_of_what_was_fetched(bench: PlanBench) -> None:
    bench.add_leads(BatchLead(dievio_lead_id="li:a", keys=PERSON))
    bench.match()
    with bench.database.connect() as connection:
        ((entry,),) = plans.read_matched_leads(connection, batch_id=BATCH)
    assert (entry.lead.fetched_at, entry.lead.segment, entry.target) == (FETCHED_AT, "vp_sales_dach", None)


def test_whoever_stands_on_the_suppression_list_is_neither_made_nor_changed(bench: PlanBench) -> None:
    known(bench, Phone=None)
    bench.add_leads(BatchLead(dievio_lead_id="li:a"), stranger("li:b"), stranger("li:c"))
    bench.match()
    keys = [
        SuppressionKey(kind=SuppressionKind.LEAD, alias="li:a"),
        SuppressionKey(kind=SuppressionKind.EMAIL, alias="b@x.example"),
    ]
    with bench.database.transaction() as connection:
        for key in keys:
            add_suppression(connection, key, reason="objected", by="privacy", at=NOW)
    bench.plan()
    listed = {lead_id: (row["decision"], row["reason_code"]) for lead_id, row in bench.decisions().items()}

    with bench.database.transaction() as connection:
        for key in keys:
            remove_suppression(connection, key, reason="agreed", by="privacy", at=NOW)
    bench.plan()

    assert listed == {"li:a": ("skip", "suppressed"), "li:b": ("skip", "suppressed"), "li:c": ("create", "new_person")}
    assert {lead_id: row["decision"] for lead_id, row in bench.decisions().items()} == {
        "li:a": "update",
        "li:b": "create",
        "li:c": "create",
    }

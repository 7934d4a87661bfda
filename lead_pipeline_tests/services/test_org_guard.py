"""The product's own writes in an org that guards itself: what the mapping allows passes, what it forbids is refused."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from pydantic import SecretStr

from lead_pipeline.domain.org_package.build import build_org_package
from lead_pipeline.domain.record_answers import AnswerKind, ConditionalUpdate, RecordAnswer
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.sandbox.salesforce_org.metadata_files import read_element
from lead_pipeline.sandbox.salesforce_org.page_parts import list_view_query
from lead_pipeline.services.org_setup import SetupTarget, apply_org_package
from lead_pipeline.services.revert import revert_run
from lead_pipeline.services.writing.org_guard import OrgGuard
from lead_pipeline.services.writing.ports import WriteTools
from lead_pipeline.store.org_facts import had_update_guard
from lead_pipeline_tests.services.write_bench import WriteBench, org_lead, person


@pytest.fixture
def guarded(bench: WriteBench) -> WriteBench:
    """The bench's org after `lead-pipeline org apply`."""
    org = bench.emulated.org
    admin = org.find_user("admin")
    assert admin is not None
    token = org.sessions.issue(admin.user_id, org_id=org.id, now=org.clock.now(), lifetime_seconds=None)
    client = connect(SalesforceCredentials(instance_url=bench.emulated.base_url, access_token=SecretStr(token)))
    apply_org_package(
        client,
        build_org_package(bench.rules.mappings, queues=[bench.routing.holding_queue]),
        SetupTarget(holding_queue=bench.routing.holding_queue, user_name="integration@sandbox.example"),
        is_dry_run=False,
        may_be_production=False,
        wait=bench.wait,
    )
    client.close()
    return bench


def update(bench: WriteBench, record_id: str, **fields: object) -> RecordAnswer:
    """Write into a lead as our user, past everything the product decides."""
    change = ConditionalUpdate(salesforce_id=record_id, fields=fields, unmodified_since=bench.now())
    return bench.client.update_conditionally("Lead", [change])[0]


CASES: tuple[tuple[dict[str, object], bool], ...] = (
    ({"Phone": "+1 555 0100"}, False),
    ({"Phone": "+1 555 0100", "Dievio_Decision__c": "a decision"}, True),
    ({"Title": "Chief"}, False),
    ({"Title": "Chief", "Dievio_Seen_Title__c": "Somebody else's title"}, False),
    ({"Title": "Chief", "Dievio_Seen_Title__c": "Rep's title"}, True),
    ({"City": "Bern"}, True),
    ({"Department__c": "Sales"}, True),
)


def test_the_org_takes_from_our_user_what_the_mapping_allows(guarded: WriteBench) -> None:
    """One lead for each case: with a phone and a title that a rep typed, and a placeholder for a city."""
    leads = [org_lead(number, Phone="+1 555 0199", Title="Rep's title", City="unknown") for number in range(len(CASES))]
    record_ids = guarded.load("Lead", *leads)
    guarded.wait(10)
    for record_id, (fields, passes) in zip(record_ids, CASES, strict=True):
        assert (update(guarded, record_id, **fields).kind is AnswerKind.DONE) is passes, fields


def test_our_id_never_moves_not_even_by_decision(guarded: WriteBench) -> None:
    (record_id,) = guarded.load("Lead", org_lead(1, Dievio_Lead_ID__c="lead-00001"))
    guarded.wait(10)
    refused = update(guarded, record_id, Dievio_Lead_ID__c="lead-00002", Dievio_Decision__c="a decision")
    assert refused.error_code == "FIELD_CUSTOM_VALIDATION_EXCEPTION"


def write_some(bench: WriteBench, count: int) -> None:
    bench.load("Lead", *(org_lead(number, Company="Own Words") for number in range(1, count + 1)))
    bench.add_leads(*(person(number) for number in range(1, count + 1)))
    bench.prepare()
    bench.write()


def test_a_run_and_its_undoing_pass_the_guard(guarded: WriteBench) -> None:
    write_some(guarded, 1)
    (written,) = guarded.records()
    assert written["Phone"]

    guarded.wait(10)
    tools = WriteTools(now=guarded.now, wait=guarded.wait)
    summary = revert_run(
        guarded.database, guarded.client, tools, reverted_run_id="run-1", run_id="undo-1", actor="test"
    )

    (record,) = guarded.records()
    assert (summary.records_changed, summary.fields_refused) == (1, 0)
    assert (record["Phone"], record["Company"]) == (None, "Own Words")
    guarded.assert_log_equals_journal()


def test_whether_the_org_guards_itself_is_kept_for_the_forecast(guarded: WriteBench) -> None:
    guard = OrgGuard(guarded.database, guarded.client, guarded.rules.mappings)
    before = guarded.client.calls
    assert guard.covers("Lead", at=guarded.now())
    assert guard.covers("Lead", at=guarded.now())
    assert guarded.client.calls == before + 1  # asked once
    with guarded.database.connect() as connection:
        assert had_update_guard(connection, "Lead")
        assert not had_update_guard(connection, "Contact")


def test_an_org_with_its_owner_rule_alone_is_not_guarded(bench: WriteBench) -> None:
    assert not OrgGuard(bench.database, bench.client, bench.rules.mappings).covers("Lead", at=bench.now())


def test_the_list_views_of_the_package_find_whom_they_are_for(guarded: WriteBench) -> None:
    stale, _fresh, asked = guarded.load(
        "Lead",
        org_lead(1, Last_Enriched_At__c="2025-01-01T00:00:00.000+0000"),
        org_lead(2, Last_Enriched_At__c=guarded.now().strftime("%Y-%m-%dT%H:%M:%S.000+0000")),
        org_lead(3, Dievio_Review_Status__c="Needs review"),
    )
    files = build_org_package(guarded.rules.mappings, queues=[])
    entries = {file.path.rpartition("/")[2].partition(".")[0]: file.text for file in files if "listViews" in file.path}
    schema = guarded.emulated.org.schemas["Lead"]

    def listed(name: str) -> list[str]:
        view = read_element(ET.fromstring(entries[name]))  # noqa: S314 - we wrote it ourselves
        return [str(row["Id"]) for row in guarded.client.query(list_view_query(schema, view))]

    assert listed("Dievio_Stale") == [stale]
    assert listed("Dievio_Needs_Review") == [asked]

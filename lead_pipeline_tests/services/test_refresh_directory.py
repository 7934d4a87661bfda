"""The mirror against an emulated org over HTTP and a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from lead_pipeline.domain.record_answers import ConditionalUpdate
from lead_pipeline.errors import CredentialsRefusedError
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.salesforce.records import QueryPage
from lead_pipeline.sandbox.control_plane import SandboxClock
from lead_pipeline.sandbox.salesforce_org import Org, create_app, make_id
from lead_pipeline.sandbox.salesforce_org.lifecycle import Lifecycle
from lead_pipeline.sandbox.salesforce_org.saving import SaveContext, Saver
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline.services.refresh_directory import DirectorySummary, changed_since, read_targets, refresh_directory
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import latest_counts
from lead_pipeline.store.org_facts import find_integration_user

START = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
FIELDS = {"Lead": ("Email", "Title", "Employee_Count__c", "Nope__c"), "Contact": ("Title",)}


@dataclass
class World:
    """An org, a database and the clock both live by."""

    org: Org
    database: Database
    client: SalesforceClient
    base_url: str

    def advance(self, **span: float) -> None:
        self.org.clock.set(self.org.clock.now() + timedelta(**span), frozen=True)

    def refresh(self, fields: Mapping[str, tuple[str, ...]] = FIELDS) -> DirectorySummary:
        return refresh_directory(self.database, self.client, fields_by_object=fields, now=self.org.clock.now)

    def rows(self, text: str) -> list[dict[str, Any]]:
        with self.database.connect() as connection:
            return connection.execute(text.encode()).fetchall()

    def mirror(self) -> dict[str, dict[str, Any]]:
        return {row["salesforce_id"]: row for row in self.rows("SELECT * FROM directory_record")}


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    clock = SandboxClock()
    clock.set(START, frozen=True)
    app = create_app(clock=clock)
    with ServerThread(app) as server:
        credentials = SalesforceCredentials(
            instance_url=server.base_url, client_id="sandbox-client", client_secret=SecretStr("sandbox-secret")
        )
        client = connect(credentials)
        yield World(app.state.org, database, client, server.base_url)
        client.close()


def lead(number: int, **more: object) -> dict[str, object]:
    stamp = (START - timedelta(days=9) + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return {
        "Id": make_id("00Q", number),
        "LastName": f"Sample{number}",
        "FirstName": "Anna",
        "Company": "Acme GmbH",
        "Email": f"anna{number}@acme.example",
        "SystemModstamp": stamp,
        "LastModifiedDate": stamp,
        **more,
    }


def seed_leads(world: World, count: int) -> list[str]:
    return world.org.load("Lead", [lead(number) for number in range(1, count + 1)])


def test_the_first_fill_holds_every_record_with_its_keys(world: World) -> None:
    ids = seed_leads(world, 3)
    accounts = world.org.load("Account", [{"Name": "Acme GmbH", "Website": "https://www.acme.example"}])
    contacts = world.org.load("Contact", [{"LastName": "Other", "Email": "Bo@acme.example", "AccountId": accounts[0]}])

    summary = world.refresh()

    mirror = world.mirror()
    assert set(mirror) == {*ids, *accounts, *contacts}
    assert mirror[ids[0]]["em"] == "anna1@acme.example"
    assert mirror[ids[0]]["ln"] == "sample1"
    assert mirror[contacts[0]]["fields"]["Account.Name"] == "Acme GmbH"
    assert summary.tallies["Lead"].changed_count == 3
    assert summary.unknown_fields == {"Lead": ("Nope__c",)}
    owners = {row["kind"]: row["count"] for row in world.rows("SELECT kind, count(*) FROM roster GROUP BY kind")}
    assert owners == {"user": 3, "queue": 2}


def test_a_repeated_refresh_costs_one_call_and_changes_nothing(world: World) -> None:
    seed_leads(world, 3)
    world.refresh()
    before = world.mirror()
    summary = world.refresh()
    assert (summary.calls, summary.changed) == (1, 0)
    assert world.mirror() == before


def test_a_day_later_describes_and_counts_are_asked_again(world: World) -> None:
    seed_leads(world, 3)
    world.refresh()
    world.advance(days=1)
    summary = world.refresh()
    assert summary.calls == 3  # each one composite: three describes, five queries, three counts
    assert [(count.org_count, count.mirror_count) for count in summary.counts] == [(3, 3), (0, 0), (0, 0)]
    with world.database.connect() as connection:
        assert {count.counted_at for count in latest_counts(connection)} == {world.org.clock.now()}


def test_changes_deletions_and_new_records_arrive(world: World) -> None:
    ids = seed_leads(world, 3)
    world.refresh()
    world.advance(minutes=30)
    world.client.update_conditionally("Lead", [changed(ids[0], world, Title="Head of Sales")])
    delete(world, ids[1])
    (created,) = world.client.insert_records("Lead", [{"LastName": "New", "Company": "Beta"}])

    summary = world.refresh()

    mirror = world.mirror()
    assert mirror[ids[0]]["fields"]["Title"] == "Head of Sales"
    assert mirror[ids[1]]["is_deleted"]
    assert created.salesforce_id in mirror
    assert summary.tallies["Lead"].changed_count == 3


def test_a_merged_record_names_its_master(world: World) -> None:
    ids = seed_leads(world, 2)
    world.refresh()
    world.advance(minutes=30)
    caller = world.org.find_user("admin")
    assert caller is not None
    Lifecycle(world.org, caller).merge(ids[0], [ids[1]])

    world.refresh()

    loser = world.mirror()[ids[1]]
    assert (loser["is_deleted"], loser["master_record_id"]) == (True, ids[0])


def test_records_that_lay_still_since_the_last_reading_are_not_read_again(world: World) -> None:
    seed_leads(world, 3)
    world.refresh()
    world.advance(minutes=3)
    world.refresh()
    world.advance(minutes=3)
    (created,) = world.client.insert_records("Lead", [{"LastName": "New", "Company": "Beta"}])

    changes = changed_since(world.database, world.client, fields_by_object=FIELDS, now=world.org.clock.now)

    assert changes.record_ids == {created.salesforce_id}
    assert changes.summary.tallies["Lead"].read_count == 1


def test_a_record_that_commits_late_with_an_earlier_stamp_is_caught_by_the_overlap(world: World) -> None:
    seed_leads(world, 3)
    world.advance(minutes=30)
    stamp = f"{world.org.clock.now() - timedelta(seconds=90):%Y-%m-%dT%H:%M:%S.000+0000}"
    world.refresh()
    late = world.org.load("Lead", [lead(9, SystemModstamp=stamp, LastModifiedDate=stamp)])

    world.refresh()

    assert late[0] in world.mirror()


def test_an_older_row_never_replaces_a_newer_one(world: World) -> None:
    ids = seed_leads(world, 1)
    world.refresh()
    with world.database.transaction() as connection:
        connection.execute(
            b"UPDATE directory_record SET system_modstamp = system_modstamp + interval '1 minute', "
            b"fields = jsonb_set(fields, '{Title}', '\"Newer\"')"
        )
    world.refresh()
    assert world.mirror()[ids[0]]["fields"]["Title"] == "Newer"


class BreakingClient:
    """The org, until the connection dies after so many further pages."""

    def __init__(self, client: SalesforceClient, *, pages: int) -> None:
        self._client = client
        self._pages = pages

    def next_page(self, next_path: str) -> QueryPage:
        if self._pages == 0:
            raise CredentialsRefusedError("Salesforce", code="gone", settings="nothing")
        self._pages -= 1
        return self._client.next_page(next_path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_after_a_crash_between_pages_the_next_refresh_goes_on_from_there(world: World) -> None:
    seed_leads(world, 4_100)
    with pytest.raises(CredentialsRefusedError):
        refresh_directory(
            world.database, BreakingClient(world.client, pages=1), fields_by_object=FIELDS, now=world.org.clock.now
        )
    held = len(world.mirror())
    assert held == 4_000

    summary = world.refresh()

    assert len(world.mirror()) == 4_100
    assert summary.tallies["Lead"].read_count < 300  # the rest and the overlap, not everything again
    assert summary.tallies["Lead"].changed_count == 100


def test_a_large_first_fill_goes_through_bulk_and_ends_the_same(world: World) -> None:
    ids = seed_leads(world, 2_050)
    accounts = world.org.load("Account", [{"Name": "Acme", "NumberOfEmployees": 7}])

    summary = refresh_directory(
        world.database,
        world.client,
        fields_by_object=FIELDS,
        now=world.org.clock.now,
        bulk_threshold_rows=2_000,
    )

    in_bulk = world.mirror()
    assert set(in_bulk) == {*ids, *accounts}
    assert summary.calls <= 12
    world.rows("DELETE FROM directory_record RETURNING salesforce_id")
    world.rows("DELETE FROM watermark RETURNING name")
    world.refresh()
    assert world.mirror() == in_bulk


def test_a_wider_mapping_reads_everything_again(world: World) -> None:
    ids = seed_leads(world, 2)
    world.refresh()
    summary = world.refresh({**FIELDS, "Lead": (*FIELDS["Lead"], "Description")})
    assert summary.tallies["Lead"].read_count == 2
    assert "Description" in world.mirror()[ids[0]]["fields"]


def test_a_field_that_vanished_since_the_describe_is_left_out_and_reported(world: World) -> None:
    seed_leads(world, 1)
    world.refresh()
    world.advance(minutes=10)
    world.org.change_schema("Lead", {"remove": ["Employee_Count__c"]})
    summary = world.refresh()
    assert summary.unknown_fields["Lead"] == ("Employee_Count__c", "Nope__c")


def test_contacts_follow_a_renamed_account(world: World) -> None:
    accounts = world.org.load("Account", [{"Name": "Old Name"}])
    contacts = world.org.load("Contact", [{"LastName": "Other", "AccountId": accounts[0]}])
    world.refresh()
    before = world.mirror()[contacts[0]]["co"]
    world.advance(minutes=30)
    world.client.update_conditionally("Account", [changed(accounts[0], world, Name="Zebra Works")])

    world.refresh()

    contact = world.mirror()[contacts[0]]
    assert contact["fields"]["Account.Name"] == "Zebra Works"
    assert contact["co"] != before


def test_a_deactivated_user_and_a_deleted_queue_may_no_longer_own(world: World) -> None:
    world.refresh()
    world.rows(
        "INSERT INTO roster VALUES ('00G000000000000AAA', 'queue', 'Gone', 'Gone', true, '{}', now()) RETURNING kind"
    )
    world.refresh()
    assert world.rows("SELECT is_active FROM roster WHERE salesforce_id = '00G000000000000AAA'") == [
        {"is_active": False}
    ]


def test_the_user_we_write_as_is_known_after_a_refresh(world: World) -> None:
    world.refresh()

    integration = world.org.find_user("integration")
    with world.database.connect() as connection:
        user_id = find_integration_user(connection)
    assert integration is not None
    assert user_id is not None
    assert user_id[:15] == integration.user_id[:15]


def test_a_fresh_read_names_what_changed_in_one_call(world: World) -> None:
    ids = seed_leads(world, 3)
    world.refresh()
    world.advance(minutes=5)
    world.client.update_conditionally("Lead", [changed(ids[2], world, Title="Owner")])
    changes = changed_since(world.database, world.client, fields_by_object=FIELDS, now=world.org.clock.now)
    assert changes.record_ids == {ids[2]}
    assert changes.summary.calls == 1


def changed(record_id: str, world: World, **fields: object) -> ConditionalUpdate:
    return ConditionalUpdate(salesforce_id=record_id, fields=fields, unmodified_since=world.org.clock.now())


def delete(world: World, record_id: str) -> None:
    caller = world.org.find_user("admin")
    assert caller is not None
    token = world.org.sessions.issue(
        caller.user_id, org_id=world.org.id, now=world.org.clock.now(), lifetime_seconds=None
    )
    answer = httpx.delete(
        f"{world.base_url}/services/data/v66.0/sobjects/Lead/{record_id}", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 204


def test_single_records_are_read_in_one_call_and_everything_else_waits_for_the_next_reading(world: World) -> None:
    changed, deleted, unread = seed_leads(world, 3)
    world.refresh()
    world.advance(minutes=5)
    admin = world.org.find_user("admin")
    assert admin is not None
    writer = Saver(world.org, SaveContext(admin, 66.0))
    schema = world.org.schemas["Lead"]
    for record_id in (changed, unread):
        writer.update(schema, record_id, payload={"Title": "Chief"})
    writer.delete(schema, deleted)
    marks, calls = world.rows("SELECT * FROM watermark ORDER BY name"), world.client.calls

    read_targets(
        world.database,
        world.client,
        fields_by_object=FIELDS,
        targets={"Lead": [changed, deleted]},
        now=world.org.clock.now,
    )

    mirror = world.mirror()
    assert world.client.calls - calls == 1
    assert mirror[changed]["fields"]["Title"] == "Chief"
    assert mirror[deleted]["is_deleted"]
    assert mirror[unread]["fields"]["Title"] is None
    assert world.rows("SELECT * FROM watermark ORDER BY name") == marks
    world.refresh()
    assert world.mirror()[unread]["fields"]["Title"] == "Chief"

"""Every row of the demo ends where its label says, and the org's own journal shows that nobody was harmed.

One night is run and shared; the tests only look at what it left behind, and the last ones run it again.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lead_pipeline.apps.demo_history import remember_earlier_sync
from lead_pipeline.apps.nightly import NightlyRun
from lead_pipeline.connections import Connections
from lead_pipeline.domain.run_report import RunReport, Verdict
from lead_pipeline.local_servers import sandbox_filled_on
from lead_pipeline.sandbox.embedded_postgres import ServerAddress, drop_database, ensure_database
from lead_pipeline.sandbox.scenarios.demo import build_demo_scenario
from lead_pipeline.sandbox.scenarios.scenario import CaseLabel, DemoScenario, label_key
from lead_pipeline_tests.end_to_end.nights import YESTERDAY, Sandbox, open_sandbox, run_night

pytestmark = pytest.mark.xdist_group("demo_night")

Row = dict[str, Any]
MAX_CALLS_OF_A_SECOND_RUN = 12
NEVER_FIELDS = ("Status", "Qualification_Notes__c", "Owner_Notes__c", "Description", "Rating", "LeadSource")


@dataclass(frozen=True)
class Night:
    """A finished demo night."""

    sandbox: Sandbox
    scenario: DemoScenario
    ended: NightlyRun
    report: RunReport
    journal: list[Row]

    def rows(self, query: str) -> list[Row]:
        """Rows of the product's database."""
        with Connections(self.sandbox.settings) as connections, connections.database.connect() as connection:
            return connection.execute(query, {"batch_id": YESTERDAY}).fetchall()


@pytest.fixture(scope="module")
def night(postgres_server: ServerAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """The demo after one night."""
    home: Path = tmp_path_factory.mktemp("home")
    ensure_database(postgres_server, "demo_night")
    with open_sandbox(home, postgres_server.dsn("demo_night")) as sandbox:
        filled_on = sandbox_filled_on(sandbox.settings)
        with Connections(sandbox.settings) as connections:
            remember_earlier_sync(connections.database, filled_on=filled_on)
        ended, report = run_night(sandbox)
        yield Night(
            sandbox=sandbox,
            scenario=build_demo_scenario(partition_on=filled_on),
            ended=ended,
            report=report,
            journal=sandbox.journal(),
        )
    drop_database(postgres_server, "demo_night")


def labelled_rows(night: Night) -> Iterator[tuple[CaseLabel, Row]]:
    """Every delivered row with its label."""
    pool = {
        (segment.name, position): index
        for segment in night.scenario.segments
        for position, index in enumerate(segment.row_indexes)
    }
    positions: Counter[str] = Counter()
    for row in night.rows(
        """
        SELECT r.segment, o.outcome, o.reason_code, o.salesforce_id, o.dievio_lead_id
        FROM raw_lead AS r LEFT JOIN lead_outcome AS o USING (batch_id, raw_lead_id)
        WHERE r.batch_id = %(batch_id)s ORDER BY r.segment, r.page_number, r.row_number
        """
    ):
        segment = row["segment"]
        index = pool[segment, positions[segment]]
        positions[segment] += 1
        yield night.scenario.labels[label_key(segment, index)], row


def test_the_night_is_whole(night: Night) -> None:
    assert night.ended.is_success
    assert night.ended.errors == ()
    assert night.report.verdict is Verdict.OK
    assert night.report.is_conserved
    assert night.report.unknown == 0
    assert night.report.failed_gates == ()
    assert len(night.report.gates) > 15


def test_every_labelled_row_ends_where_its_label_says(night: Night) -> None:
    seen, strays = 0, []
    for label, row in labelled_rows(night):
        seen += 1
        wanted: tuple[object, ...] = (label.outcome.value, label.reason or row["reason_code"])
        found = (row["outcome"], row["reason_code"])
        if found != wanted:
            strays.append((label.case, wanted, found))

    assert seen == len(night.scenario.labels)
    assert strays == []


def test_every_match_finds_the_record_it_should(night: Night) -> None:
    strays = [
        (label.case, label.target_id, row["salesforce_id"])
        for label, row in labelled_rows(night)
        if label.target_id
        and (label.outcome == "updated" or (label.outcome == "skipped" and label.reason != "duplicate_in_batch"))
        and row["salesforce_id"] != label.target_id
    ]

    assert strays == []


def test_fields_change_and_stay_as_labelled(night: Night) -> None:
    changed = changed_fields(night)
    strays = [
        (label.case, "must change", field)
        for label, _ in labelled_rows(night)
        for field in label.changed_fields
        if field not in changed[str(label.target_id)]
    ]
    strays += [
        (label.case, "must stay", field)
        for label, _ in labelled_rows(night)
        for field in label.kept_fields
        if field in changed[str(label.target_id)]
    ]

    assert strays == []


def test_records_hold_the_labelled_values(night: Night) -> None:
    held = records_after(night)
    strays = [
        (label.case, field, value, held[row["salesforce_id"]].get(field))
        for label, row in labelled_rows(night)
        for field, value in label.set_fields
        if row["salesforce_id"] and not is_same_value(held[row["salesforce_id"]].get(field), value)
    ]

    assert strays == []


def records_after(night: Night) -> dict[str, Row]:
    """Record -> what it holds after the night: the org as it was filled, and every commit on top."""
    held = {
        str(record["Id"]): dict(record) for name in ("Lead", "Contact") for record in night.scenario.org_records[name]
    }
    for entry in night.journal:
        held.setdefault(entry["id"], {}).update(entry["after"])
    return held


def is_same_value(held: object, wanted: object) -> bool:
    """Whether a record holds a value; Salesforce gives whole numbers back as floats, and None for blanks."""
    if isinstance(wanted, int | float) and isinstance(held, int | float):
        return float(held) == float(wanted)
    return (held or None) == (wanted or None)


def changed_fields(night: Night) -> dict[str, set[str]]:
    """Record -> fields that our updates changed, from the org's own journal."""
    changed: dict[str, set[str]] = defaultdict(set)
    for entry in night.journal:
        if entry["op"] == "update":
            before = entry["before"]
            changed[entry["id"]] |= {name for name, value in entry["after"].items() if before.get(name) != value}
    return changed


def test_no_rep_owned_field_was_ever_touched(night: Night) -> None:
    touched = {
        (entry["id"], field)
        for entry in night.journal
        if entry["op"] == "update"
        for field in NEVER_FIELDS
        if entry["after"].get(field) != entry["before"].get(field)
    }

    assert touched == set()


def test_owners_changed_only_on_leads_that_this_night_created(night: Night) -> None:
    created = {entry["id"] for entry in night.journal if entry["op"] in {"create", "insert"}}
    moved = {
        entry["id"]
        for entry in night.journal
        if entry["op"] == "update" and entry["after"].get("OwnerId") != entry["before"].get("OwnerId")
    }

    assert moved
    assert moved <= created


def test_no_value_was_cleared(night: Night) -> None:
    cleared = [
        (entry["id"], field)
        for entry in night.journal
        if entry["op"] == "update"
        for field, value in entry["before"].items()
        if value not in (None, "") and entry["after"].get(field) in (None, "")
    ]

    assert cleared == []


def test_nobody_has_a_second_record(night: Night) -> None:
    created = [entry["after"] for entry in night.journal if entry["op"] in {"create", "insert"}]
    ids = [record["Dievio_Lead_ID__c"] for record in created]
    addresses = [record["Email"].lower() for record in created if record.get("Email")]
    old_addresses = {
        str(record["Email"]).lower()
        for name in ("Lead", "Contact")
        for record in night.scenario.org_records[name]
        if record.get("Email") and not record.get("IsDeleted")
    }

    assert len(ids) == len(set(ids))
    shared = {address for address, count in Counter(addresses).items() if count > 1}
    assert {address for address in shared if not is_shared_by_design(address)} == set()
    assert {address for address in addresses if address in old_addresses and not is_shared_by_design(address)} == set()


def is_shared_by_design(address: str) -> bool:
    """Whether an address names a role or nobody, and so is no sign of one person."""
    return bool(re.match(r"(info|sales|contact|office|hello|marketing|team|kontakt|support|test|admin)@", address))


def test_no_lead_stands_on_a_contacts_address(night: Night) -> None:
    contacts = {str(record["Email"]).lower() for record in night.scenario.org_records["Contact"] if record.get("Email")}
    created = [
        entry["after"]["Email"].lower()
        for entry in night.journal
        if entry["op"] in {"create", "insert"} and entry["object"] == "Lead" and entry["after"].get("Email")
    ]

    assert [address for address in created if address in contacts] == []


def test_every_commit_has_one_log_row_and_back(night: Night) -> None:
    logged = Counter(
        row["op_id"]
        for row in night.rows("SELECT op_id::text FROM sync_log WHERE batch_id = %(batch_id)s AND outcome = 'applied'")
    )
    committed = Counter(entry["after"]["Dievio_Last_Op__c"] for entry in night.journal)

    assert logged == committed


def test_credits_booked_are_credits_charged(night: Night) -> None:
    enriched = night.rows(
        "SELECT sum(settled_credits)::int AS credits, sum(known_credits)::int AS known FROM credit_ledger"
        " WHERE batch_id = %(batch_id)s AND purpose = 'enrichment'"
    )[0]

    assert night.report.batch_credits == night.sandbox.rows_charged() == night.report.delivered + enriched["credits"]
    assert enriched["credits"] > 0


def test_no_personal_data_reaches_the_run_report(night: Night) -> None:
    page = night.rows("SELECT html, summary::text FROM run_report WHERE batch_id = %(batch_id)s")[0]

    assert not re.search(r"[\w.+-]+@[\w-]+\.\w+", page["html"] + page["summary"])
    assert not re.search(r"\+\d{8,}", page["html"] + page["summary"])


def test_a_second_run_writes_nothing_buys_nothing_and_asks_little(night: Night) -> None:
    night.sandbox.clear_ledgers()

    ended, report = run_night(night.sandbox)

    assert ended.is_success
    assert night.sandbox.journal() == night.journal
    assert night.sandbox.rows_charged() == 0
    assert night.sandbox.calls() <= MAX_CALLS_OF_A_SECOND_RUN
    assert (report.writes, report.credits) == (0, 0)
    assert (report.created, report.updated) == (night.report.created, night.report.updated)

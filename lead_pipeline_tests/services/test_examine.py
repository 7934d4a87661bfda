"""The doctor before emulated orgs: what it lists, what it keeps for the gate, and that no night begins without it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from lead_pipeline.apps.cli.examining import doctor
from lead_pipeline.config.pipeline import load_pipeline_config
from lead_pipeline.connections import Connections
from lead_pipeline.defs.assets.dievio import raw_dievio__leads
from lead_pipeline.defs.assets.preflight import org_preflight
from lead_pipeline.defs.failures import explain_failures
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.defs.resources import SilentProgress
from lead_pipeline.domain.campaigns import NO_CAMPAIGNS, CampaignRule, CampaignRules
from lead_pipeline.domain.findings import Severity
from lead_pipeline.errors import OrgNotReadyError
from lead_pipeline.sandbox.control_plane import ControlPlane
from lead_pipeline.sandbox.embedded_postgres import ServerAddress
from lead_pipeline.sandbox.salesforce_org import Org, create_app
from lead_pipeline.sandbox.salesforce_org.schema import Edition
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline.services.examine import Examination, examine, require_ready
from lead_pipeline.services.gates import evaluate_gates
from lead_pipeline.settings import load_settings
from lead_pipeline.store.database import Database
from lead_pipeline.store.org_facts import had_owner_guard
from lead_pipeline.store.pulls import add_batch

CONFIG = load_pipeline_config(None)
NIGHT = nightly_partitions.get_first_partition_key() or ""
GATE = "stg_salesforce__directory__fields"


@dataclass
class Clinic:
    """An org, a database, and the way to the doctor."""

    base_url: str
    org: Org
    plane: ControlPlane
    database: Database
    dsn: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SALESFORCE_INSTANCE_URL": self.base_url,
            "SALESFORCE_CLIENT_ID": "sandbox-client",
            "SALESFORCE_CLIENT_SECRET": "sandbox-secret",
            "DIEVIO_BASE_URL": self.base_url,  # whoever answers there: the doctor buys nothing
            "DIEVIO_API_KEY": "key",
            "LEAD_PIPELINE_DATABASE_URL": self.dsn,
            "LEAD_PIPELINE_HOME": "/nowhere",
        }

    def connections(self) -> Connections:
        return Connections(load_settings(self.environment))

    def examine(self, *, campaigns: CampaignRules = NO_CAMPAIGNS) -> Examination:
        with self.connections() as connections:
            return examine(
                self.database,
                connections.salesforce,
                mappings=CONFIG.mappings,
                routing=CONFIG.routing,
                now=lambda: datetime.now(UTC),
                campaigns=campaigns,
            )

    def doctor(self, *options: str, **environment: str) -> Result:
        return CliRunner().invoke(doctor, options, env={**self.environment, **environment})

    def written(self) -> int:
        return len(self.org.store.journal(0))


@pytest.fixture
def clinic(request: pytest.FixtureRequest, database: Database, postgres_server: ServerAddress) -> Iterator[Clinic]:
    edition: Edition = getattr(request, "param", "demo")
    app = create_app(org=edition)
    dsn = postgres_server.dsn(database.address.rpartition("/")[2])
    with ServerThread(app) as server:
        yield Clinic(server.base_url, app.state.org, app.state.plane, database, dsn)


stock = pytest.mark.parametrize("clinic", ["stock"], indirect=True)


def test_what_a_look_learns_about_the_owner_guard_is_there_for_the_plan(clinic: Clinic) -> None:
    clinic.examine()
    with clinic.database.connect() as connection:
        assert had_owner_guard(connection)


@stock
def test_a_stock_org_is_told_everything_it_lacks_in_one_run(clinic: Clinic) -> None:
    answer = json.loads(clinic.doctor("--json").stdout)

    errors = {finding["subject"] for finding in answer["findings"] if finding["severity"] == "error"}
    needed = {
        f"{mapping.object_name}.{row.to}"
        for mapping in (CONFIG.mappings.lead, CONFIG.mappings.contact)
        for row in mapping.written_fields
        if row.is_custom and row.on_unmapped == "create_field"
    }
    assert errors == needed | {"Lead.Dievio_Last_Op__c", "Contact.Dievio_Last_Op__c"}
    codes = Counter(finding["code"] for finding in answer["findings"])
    assert codes["field_dropped"] == 4
    assert {"may_delete", "queue_missing", "protected_fields_editable", "no_owner_guard"} <= codes.keys()
    assert answer["ok"] is False
    assert all(finding.keys() >= {"code", "severity", "subject", "what", "repair"} for finding in answer["findings"])
    assert clinic.written() == 0


@stock
def test_a_night_does_not_begin_before_an_org_that_lacks_fields(clinic: Clinic) -> None:
    with clinic.connections() as connections:
        result = dg.materialize(
            [org_preflight, raw_dievio__leads],
            partition_key=NIGHT,
            resources={"connections": connections, "progress": SilentProgress()},
            raise_on_error=False,
        )
        bought = connections.dievio.calls

    (failure,) = explain_failures(result.all_events)
    assert (failure.step, failure.exit_code) == ("org_preflight", 4)
    assert failure.message.startswith("Org: not ready for a run: Lead.Dievio_Lead_ID__c, Lead.LinkedIn_URL__c, ")
    assert "Contact.Seniority__c" in failure.message
    assert (bought, clinic.written()) == (0, 0)


def test_the_demo_org_is_ready_and_the_look_at_it_costs_five_calls(clinic: Clinic) -> None:
    before = clinic.org.calls_used()

    result = clinic.doctor()

    assert result.exit_code == 0
    assert "ready: a run may write" in result.output
    assert clinic.org.calls_used() - before == 5
    assert clinic.written() == 0


def test_fields_whose_history_the_org_keeps_are_not_asked_for(clinic: Clinic) -> None:
    contested = [row.to for row in CONFIG.mappings.lead.written_fields if row.write == "tracked"]
    before = [entry.what for entry in clinic.examine().findings if entry.code == "history_untracked"]
    clinic.org.change_schema("Lead", {"fields": [{"name": name, "tracked": True} for name in contested]})

    assert before == [f"the org keeps no history of fields that we replace and people correct: {', '.join(contested)}"]
    assert "history_untracked" not in {entry.code for entry in clinic.examine().findings}


def test_a_field_that_we_wrote_and_that_left_the_org_warns_by_name(clinic: Clinic) -> None:
    with clinic.database.transaction() as connection:
        add_batch(connection, NIGHT, source="search", at=datetime.now(UTC))
        connection.execute(
            "INSERT INTO field_value (salesforce_id, field, value, op_id, written_at)"
            " VALUES ('00Q000000000001AAA', 'Company_Domain__c', '\"acme.com\"', gen_random_uuid(), now())"
        )
    clinic.org.change_schema("Lead", {"remove": ["Company_Domain__c"]})

    examination = clinic.examine()
    (gate,) = evaluate_gates(
        clinic.database, [GATE], batch_id=NIGHT, run_id="run", now=lambda: datetime.now(UTC), config=CONFIG.gates
    )

    require_ready(examination)
    assert [entry.subject for entry in examination.findings if entry.code == "field_gone"] == ["Lead.Company_Domain__c"]
    assert (gate.passed, gate.is_blocking, gate.failed_ids) == (False, False, ("Lead.Company_Domain__c",))


def test_a_gate_without_a_look_before_it_has_nothing_to_say(clinic: Clinic) -> None:
    with clinic.database.transaction() as connection:
        add_batch(connection, NIGHT, source="search", at=datetime.now(UTC))
    (gate,) = evaluate_gates(
        clinic.database, [GATE], batch_id=NIGHT, run_id="run", now=lambda: datetime.now(UTC), config=CONFIG.gates
    )
    assert gate.passed


def test_an_external_id_that_is_no_longer_unique_stops_before_any_write(clinic: Clinic) -> None:
    clinic.org.change_schema("Lead", {"fields": [{"name": "Dievio_Lead_ID__c", "unique": False}]})

    examination = clinic.examine()

    assert examination.count(Severity.ERROR) == 1
    with pytest.raises(OrgNotReadyError, match=r"Lead\.Dievio_Lead_ID__c: the field of our id is not Unique"):
        require_ready(examination)


def test_a_refused_sign_in_is_a_finding_and_no_traceback(clinic: Clinic) -> None:
    result = clinic.doctor("--json", SALESFORCE_CLIENT_SECRET="wrong")

    findings = {finding["subject"]: finding for finding in json.loads(result.stdout)["findings"]}
    assert findings["Salesforce"]["code"] == "system_refused"
    assert findings["Dievio"]["code"] == "key_untested"
    assert result.exit_code == 1


def test_an_address_at_which_nobody_answers_is_a_finding(clinic: Clinic) -> None:
    result = clinic.doctor("--json", DIEVIO_BASE_URL="http://127.0.0.1:9")

    (finding,) = (entry for entry in json.loads(result.stdout)["findings"] if entry["subject"] == "Dievio")
    assert (finding["code"], result.exit_code) == ("system_refused", 1)
    assert "ConnectError" in finding["what"]


def test_a_database_that_does_not_answer_is_a_finding(clinic: Clinic) -> None:
    result = clinic.doctor("--json", LEAD_PIPELINE_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")

    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["subject"], finding["code"], result.exit_code) == ("database", "system_refused", 1)


def test_an_invalid_configuration_is_told_as_findings_with_exit_code_4(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "segments.yaml").write_text("segments: none\n")

    result = clinic.doctor("--json", LEAD_PIPELINE_CONFIG_DIR=str(tmp_path))

    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["code"], result.exit_code) == ("wrong_type", 4)
    assert "segments.yaml:1:1" in finding["subject"]


def test_campaigns_are_looked_up_once_somebody_asks_for_them(clinic: Clinic) -> None:
    running, ended = clinic.org.load("Campaign", [{"Name": "Spring", "IsActive": True}, {"Name": "Autumn"}])
    rules = CampaignRules(
        rules=tuple(
            CampaignRule(segment=segment, campaign_id=campaign_id)
            for segment, campaign_id in (("a", running), ("b", ended), ("c", "701000000000009AAA"))
        )
    )

    findings = clinic.examine(campaigns=rules).findings

    codes = {entry.subject: entry.code for entry in findings if "campaign" in entry.code}
    assert codes == {f"Campaign {ended}": "campaign_inactive", "Campaign 701000000000009AAA": "campaign_missing"}

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from lead_pipeline.domain.org_package.markup import PackageFile
from lead_pipeline.domain.org_package.parts import SETTING_FILE, queue_file, read_setting_values, setting_record
from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer, Remedy
from lead_pipeline.errors import ConfigurationError, OrgSetupError
from lead_pipeline.salesforce.deployments import ComponentResult, DeploymentState
from lead_pipeline.services.org_setup import SetupSummary, SetupTarget, apply_org_package

USER = "0055e0000000002AAA"
QUEUE = "00G5e0000000001EAA"
TARGET = SetupTarget(holding_queue="Dievio_Holding", user_id=USER)


@dataclass
class FakeOrgAdmin:
    """An org that an admin sets up: deployments end after some looks, the queue exists after the first real one."""

    is_sandbox: bool = True
    has_queue: bool = False
    has_assignment: bool = False
    looks_before_done: int = 0
    problem: str = ""
    answer: AnswerKind = AnswerKind.DONE
    settings: Mapping[str, object] | None = None  # None: the org has no such type yet
    sent: list[tuple[bool, Mapping[str, str]]] = field(default_factory=list)
    looks: int = 0

    @property
    def deployments(self) -> FakeOrgAdmin:
        return self

    def start(self, entries: Mapping[str, str], *, is_check_only: bool) -> str:
        self.sent.append((is_check_only, entries))
        self.looks = 0
        return f"0Af{len(self.sent)}"

    def read(self, deployment_id: str) -> DeploymentState:
        self.looks += 1
        is_done = self.looks > self.looks_before_done
        row = ComponentResult(kind="Queue", name="Dievio_Holding", is_created=True, is_changed=True)
        failed = ComponentResult(kind="Queue", name="X", is_created=False, is_changed=False, problem=self.problem)
        self.has_queue = self.has_queue or (is_done and not self.sent[-1][0])
        return DeploymentState(
            deployment_id=deployment_id,
            is_done=is_done,
            is_success=is_done and not self.problem,
            status="Succeeded" if is_done else "InProgress",
            components=(failed if self.problem else row,),
        )

    def query(self, soql: str) -> Iterator[dict[str, object]]:
        if "FROM Organization" in soql:
            yield {"Name": "Org", "OrganizationType": "Enterprise Edition", "IsSandbox": self.is_sandbox}
        elif "FROM Dievio_Setting__mdt" in soql:
            if self.settings is None:
                raise ConfigurationError("Salesforce", what="no such type", repair="none")
            yield dict(self.settings)
        elif "FROM Group" in soql and self.has_queue:
            yield {"Id": QUEUE, "DeveloperName": "Dievio_Holding"}
        elif "FROM PermissionSet WHERE" in soql:
            yield {"Id": "0PS5e0000000001AAA"}
        elif "FROM PermissionSetAssignment" in soql and self.has_assignment:
            yield {"Id": "0Pa5e0000000001AAA"}

    def insert_records(self, object_name: str, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        assert object_name == "PermissionSetAssignment"
        assert records[0]["AssigneeId"] == USER
        is_done = self.answer is AnswerKind.DONE
        remedy = Remedy.NONE if is_done else Remedy.STOP
        return [RecordAnswer(kind=self.answer, remedy=remedy, error_code="" if is_done else "X")]


def apply(org: FakeOrgAdmin, target: SetupTarget = TARGET, *, dry: bool = False, prod: bool = False) -> SetupSummary:
    files: list[PackageFile] = [setting_record(holding_queue_id=None), queue_file("Dievio_Holding")]
    return apply_org_package(org, files, target, is_dry_run=dry, may_be_production=prod, wait=lambda _: None)


def test_a_dry_run_only_lets_the_org_check() -> None:
    org = FakeOrgAdmin()
    assert apply(org, dry=True).created == 1
    assert [is_check for is_check, _ in org.sent] == [True]


def test_the_package_is_checked_before_it_is_deployed_and_the_new_queue_named_after() -> None:
    org = FakeOrgAdmin()
    summary = apply(org)
    assert [is_check for is_check, _ in org.sent] == [True, False, False]
    assert QUEUE[:15] in org.sent[-1][1]["customMetadata/Dievio_Setting.Default.md"]
    assert summary.is_set_assigned


def test_a_queue_that_exists_is_named_at_once() -> None:
    org = FakeOrgAdmin(has_queue=True, has_assignment=True)
    summary = apply(org)
    assert len(org.sent) == 2
    assert all(QUEUE[:15] in entries["customMetadata/Dievio_Setting.Default.md"] for _, entries in org.sent)
    assert not any("queues/Dievio_Holding.queue" in entries for _, entries in org.sent)  # its members stay
    assert not summary.is_set_assigned


def test_a_deployment_is_waited_for() -> None:
    org = FakeOrgAdmin(looks_before_done=3)
    apply(org, dry=True)
    assert org.looks == 4


def test_an_org_that_never_ends_a_deployment_is_given_up() -> None:
    with pytest.raises(OrgSetupError, match="InProgress"):
        apply(FakeOrgAdmin(looks_before_done=10_000), dry=True)


def test_a_refusal_names_the_component_and_stops_before_deploying() -> None:
    org = FakeOrgAdmin(problem="no such field")
    with pytest.raises(OrgSetupError, match="Queue X: no such field"):
        apply(org)
    assert [is_check for is_check, _ in org.sent] == [True]


def test_production_needs_to_be_allowed_by_name() -> None:
    with pytest.raises(ConfigurationError, match="--production"):
        apply(FakeOrgAdmin(is_sandbox=False))
    assert apply(FakeOrgAdmin(is_sandbox=False), prod=True).created == 1
    assert apply(FakeOrgAdmin(is_sandbox=False), dry=True).is_dry_run


def test_somebody_has_to_be_the_integration_user() -> None:
    with pytest.raises(ConfigurationError, match="--user"):
        apply(FakeOrgAdmin(), SetupTarget(holding_queue="Dievio_Holding", user_name="nobody@example.com"))


def test_an_assignment_that_fails_is_told() -> None:
    with pytest.raises(OrgSetupError, match="could not be assigned"):
        apply(FakeOrgAdmin(answer=AnswerKind.NOT_DONE))


def test_the_settings_stand_where_the_package_has_them() -> None:
    assert SETTING_FILE.endswith("customMetadata/Dievio_Setting.Default.md-meta.xml")


SETTING_ENTRY = "customMetadata/Dievio_Setting.Default.md"
ENDPOINT = "https://intake.example/a?b=1&c=2"


def settings_sent(org: FakeOrgAdmin, *files: PackageFile) -> dict[str, str | bool | None]:
    apply_org_package(org, files, TARGET, is_dry_run=False, may_be_production=False, wait=lambda _: None)
    return read_setting_values(PackageFile(SETTING_ENTRY, org.sent[-1][1][SETTING_ENTRY]))


def test_what_an_admin_set_in_the_org_stays_when_the_package_comes_again() -> None:
    held = {"Intake_Endpoint__c": ENDPOINT, "Is_Inbound_Active__c": False, "Is_Outbound_Active__c": True}
    org = FakeOrgAdmin(settings=held, has_queue=True, has_assignment=True)
    sent = settings_sent(org, setting_record(holding_queue_id=None), queue_file("Dievio_Holding"))
    assert sent == {**held, "Holding_Queue_Id__c": QUEUE[:15]}


def test_what_somebody_wrote_into_the_package_wins() -> None:
    org = FakeOrgAdmin(settings={"Intake_Endpoint__c": "https://old.example"}, has_assignment=True)
    values: dict[str, str | bool | None] = {"Intake_Endpoint__c": ENDPOINT, "Is_Inbound_Active__c": True}
    sent = settings_sent(org, setting_record(holding_queue_id=None, values=values), queue_file("Dievio_Holding"))
    assert sent["Intake_Endpoint__c"] == ENDPOINT
    assert (sent["Is_Inbound_Active__c"], sent["Is_Outbound_Active__c"]) == (True, False)

"""Brings an org into the state that the mapping needs: checks the package, deploys it, and gives our user its set.

What the package holds is `domain/org_package`; how files travel, `salesforce/deployments`. Only an admin may do this;
the integration user itself never can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from lead_pipeline.domain.org_package.build import deployment_entries
from lead_pipeline.domain.org_package.markup import PackageFile
from lead_pipeline.domain.org_package.parts import SETTING_FILE, queue_path, read_setting_values, setting_record
from lead_pipeline.domain.org_package.permissions import INTEGRATION_SET
from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer
from lead_pipeline.errors import ConfigurationError, CredentialsRefusedError, OrgSetupError
from lead_pipeline.salesforce.deployments import ComponentResult, DeploymentState
from lead_pipeline.salesforce.soql import soql

POLL_SECONDS = 1.0  # before the second look; doubles with each further one
MAX_POLL_SECONDS = 15.0
MAX_WAIT_SECONDS = 1_800.0  # a deployment of so few components takes a minute or two; a queue before it may take longer

_ORGANIZATION = "SELECT Id, Name, IsSandbox, OrganizationType FROM Organization"
_SETTINGS = (
    "SELECT Intake_Endpoint__c, Is_Inbound_Active__c, Is_Outbound_Active__c FROM Dievio_Setting__mdt "
    "WHERE DeveloperName = 'Default'"
)
_QUEUES = "SELECT Id, DeveloperName FROM Group WHERE Type = 'Queue'"
_USER = "SELECT Id FROM User WHERE IsActive = true AND Username = {name}"
_SET = "SELECT Id FROM PermissionSet WHERE Name = {name}"
_ASSIGNMENT = "SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = {user_id} AND PermissionSetId = {set_id}"


_Settings = Mapping[str, str | bool | None]


class OrgDeployments(Protocol):
    """The part of the Salesforce client that deploys metadata."""

    def start(self, entries: Mapping[str, str], *, is_check_only: bool) -> str:
        """Hand over files and return the id of the deployment."""

    def read(self, deployment_id: str) -> DeploymentState:
        """Return where a deployment stands."""


class OrgAdmin(Protocol):
    """Salesforce as an admin sees it."""

    @property
    def deployments(self) -> OrgDeployments:
        """Deployments of metadata."""

    def query(self, soql: str) -> Iterator[dict[str, object]]:
        """Yield the records of a query."""

    def insert_records(self, object_name: str, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        """Create records, one answer each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgFacts:
    """Which org it is."""

    name: str
    edition: str
    is_sandbox: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupTarget:
    """Whom and what the package is for.

    Attributes:
        holding_queue: DeveloperName of the queue that owns new leads.
        user_id: The integration user; None where signing in does not tell.
        user_name: Its user name, instead of the id.
    """

    holding_queue: str
    user_id: str | None = None
    user_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupSummary:
    """What was done to the org, or would be."""

    org: OrgFacts
    is_dry_run: bool
    components: tuple[ComponentResult, ...]
    is_set_assigned: bool = False  # by this run

    @property
    def created(self) -> int:
        """Components that the org lacked."""
        return sum(row.is_created for row in self.components)

    @property
    def changed(self) -> int:
        """Components that the org held with another content."""
        return sum(row.is_changed and not row.is_created for row in self.components)

    @property
    def unchanged(self) -> int:
        """Components that are as they should be."""
        return len(self.components) - self.created - self.changed


def apply_org_package(
    admin: OrgAdmin,
    files: Iterable[PackageFile],
    target: SetupTarget,
    *,
    is_dry_run: bool,
    may_be_production: bool,
    wait: Callable[[float], None],
) -> SetupSummary:
    """Check a package in the org and, unless it is a dry run, deploy it and assign its permission set.

    Repeating it is safe: what is there already stays as it is.

    Args:
        admin: The org, signed in as an admin.
        files: The package in source format.
        target: Whom and what it is for.
        is_dry_run: Whether the org only says what would change.
        may_be_production: Whether the org may be one in production.
        wait: Waits so many seconds.

    Raises:
        ConfigurationError: The org is in production and that was not allowed, or nobody knows the integration user.
        OrgSetupError: The org refuses the package; nothing of it was saved.
    """
    org = _read_org(admin)
    if not org.is_sandbox and not is_dry_run and not may_be_production:
        raise ConfigurationError(
            "org apply",
            what=f"{org.name} is an org in production",
            repair="Try the package in a sandbox first; then add --production",
        )
    user_id = _find_user(admin, target)
    queue_ids = _read_queues(admin)
    settings = _read_settings(admin, files)
    entries = deployment_entries(_fit(files, queue_ids, settings=settings, holding_queue=target.holding_queue))
    checked = _deploy(admin.deployments, entries, is_check_only=True, wait=wait)
    if is_dry_run:
        return SetupSummary(org=org, is_dry_run=True, components=checked.components)
    _deploy(admin.deployments, entries, is_check_only=False, wait=wait)
    if target.holding_queue not in queue_ids:
        _name_queue(admin, target, settings=settings, wait=wait)
    is_assigned = _assign_set(admin, user_id)
    return SetupSummary(org=org, is_dry_run=False, components=checked.components, is_set_assigned=is_assigned)


def _read_org(admin: OrgAdmin) -> OrgFacts:
    record = next(admin.query(_ORGANIZATION))
    return OrgFacts(
        name=str(record["Name"]), edition=str(record["OrganizationType"]), is_sandbox=record["IsSandbox"] is True
    )


def _find_user(admin: OrgAdmin, target: SetupTarget) -> str:
    user_id = _find_id(admin, soql(_USER, name=target.user_name)) if target.user_name else target.user_id
    if user_id is None:
        raise ConfigurationError(
            "org apply",
            what="the org does not tell who the integration user is",
            repair="Name an active user with --user",
        )
    return user_id


def _read_queues(admin: OrgAdmin) -> dict[str, str]:
    """Return DeveloperName -> id of every queue."""
    return {str(record["DeveloperName"]): str(record["Id"]) for record in admin.query(_QUEUES)}


def _read_settings(admin: OrgAdmin, files: Iterable[PackageFile]) -> _Settings:
    """Return the settings to deploy: what the package says, and where it says nothing, what the org holds."""
    packaged = next((read_setting_values(file) for file in files if file.path == SETTING_FILE), {})
    try:
        held = dict(next(admin.query(_SETTINGS), {}))
    except CredentialsRefusedError:
        raise
    except ConfigurationError:
        held = {}  # an org that has no such type, or an older one
    return {
        name: value if value not in (None, False) else cast("str | bool | None", held.get(name))
        for name, value in packaged.items()
    }


def _fit(
    files: Iterable[PackageFile], queue_ids: Mapping[str, str], *, settings: _Settings, holding_queue: str
) -> list[PackageFile]:
    """Leave out queues that exist, whose members a deployment would remove, and fill in the settings of the org."""
    present = {queue_path(name) for name in queue_ids}
    record = setting_record(holding_queue_id=queue_ids.get(holding_queue), values=settings)
    return [record if file.path == SETTING_FILE else file for file in files if file.path not in present]


def _name_queue(admin: OrgAdmin, target: SetupTarget, *, settings: _Settings, wait: Callable[[float], None]) -> None:
    record = setting_record(holding_queue_id=_read_queues(admin).get(target.holding_queue), values=settings)
    entries = deployment_entries([record])
    _deploy(admin.deployments, entries, is_check_only=False, wait=wait)


def _assign_set(admin: OrgAdmin, user_id: str) -> bool:
    set_id = _find_id(admin, soql(_SET, name=INTEGRATION_SET))
    if set_id is None:
        raise OrgSetupError([f"permission set {INTEGRATION_SET} is not in the org"])
    if _find_id(admin, soql(_ASSIGNMENT, user_id=user_id, set_id=set_id)) is not None:
        return False
    (answer,) = admin.insert_records("PermissionSetAssignment", [{"AssigneeId": user_id, "PermissionSetId": set_id}])
    if answer.kind is not AnswerKind.DONE:
        raise OrgSetupError([f"permission set {INTEGRATION_SET} could not be assigned: {answer.error_code}"])
    return True


def _find_id(admin: OrgAdmin, query: str) -> str | None:
    record = next(admin.query(query), None)
    return None if record is None else str(record["Id"])


def _deploy(
    deployments: OrgDeployments, entries: Mapping[str, str], *, is_check_only: bool, wait: Callable[[float], None]
) -> DeploymentState:
    deployment_id = deployments.start(entries, is_check_only=is_check_only)
    waited, pause = 0.0, POLL_SECONDS
    state = deployments.read(deployment_id)
    while not state.is_done and waited < MAX_WAIT_SECONDS:
        wait(pause)
        waited, pause = waited + pause, min(pause * 2, MAX_POLL_SECONDS)
        state = deployments.read(deployment_id)
    if not state.is_success:
        problems = [f"{row.kind} {row.name}: {row.problem}" for row in state.components if not row.is_success]
        raise OrgSetupError(problems or [state.error or f"the deployment ended as {state.status}"])
    return state

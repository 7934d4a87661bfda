"""Deployments of metadata through the REST resource `metadata/deployRequest`.

What is deployed is `domain/org_package`; in which order, and what is told about it, `services/org_setup`.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from lead_pipeline.errors import UnexpectedAnswerError
from lead_pipeline.salesforce.calls import SYSTEM, ApiCalls

RESOURCE = "metadata/deployRequest"
# Zip entries carry a time; a fixed one keeps equal content equal bytes. The first that the format knows.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentResult:
    """What a deployment did, or would do, to one component."""

    kind: str  # metadata type, e.g. CustomField
    name: str
    is_created: bool
    is_changed: bool
    problem: str = ""  # why it failed; Salesforce's own words

    @property
    def is_success(self) -> bool:
        """Whether it was accepted."""
        return not self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentState:
    """Where a deployment stands."""

    deployment_id: str
    is_done: bool
    is_success: bool
    status: str  # Salesforce's own word, e.g. Pending, InProgress, Succeeded, Failed
    components: tuple[ComponentResult, ...] = ()
    error: str = ""  # a failure of the deployment as a whole


class Deployments:
    """Starts and reads deployments of one org.

    Args:
        calls: The way to the org.
    """

    def __init__(self, calls: ApiCalls) -> None:
        self._calls = calls

    def start(self, entries: Mapping[str, str], *, is_check_only: bool) -> str:
        """Hand over files and return the id of the deployment; a check saves nothing.

        Args:
            entries: Path within the zip -> text; `package.xml` lists the others.
            is_check_only: Whether the org only validates.
        """
        options = {
            "allowMissingFiles": False,
            "checkOnly": is_check_only,
            "ignoreWarnings": False,
            "rollbackOnError": True,
            "singlePackage": True,
        }
        reply = self._calls.multipart(
            RESOURCE,
            call="deploy",
            # the name that Salesforce's own JavaScript client gives this part
            document=("entity_content", json.dumps({"deployOptions": options})),
            file=("file", "package.zip", zip_entries(entries)),
        )
        body = self._calls.require(reply, call="deploy")
        deployment_id = body.get("id") if isinstance(body, dict) else None
        if not isinstance(deployment_id, str):
            raise UnexpectedAnswerError(SYSTEM, "deploy", what="no id of a deployment")
        return deployment_id

    def read(self, deployment_id: str) -> DeploymentState:
        """Return where a deployment stands, with every component once it is done."""
        body = self._calls.read_json(
            "GET", f"{RESOURCE}/{deployment_id}", call="deployment status", params={"includeDetails": "true"}
        )
        try:
            return _read_state(deployment_id, body["deployResult"])
        except (KeyError, TypeError):
            raise UnexpectedAnswerError(SYSTEM, "deployment status", what="no deployResult") from None


def zip_entries(entries: Mapping[str, str]) -> bytes:
    """Return a zip of texts; equal entries give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(entries):
            archive.writestr(zipfile.ZipInfo(path, _ZIP_TIME), entries[path], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _read_state(deployment_id: str, result: Mapping[str, object]) -> DeploymentState:
    details = result.get("details")
    lists = details if isinstance(details, dict) else {}
    rows = [
        *_rows(lists.get("componentFailures")),
        *(row for row in _rows(lists.get("componentSuccesses")) if row.get("componentType")),
    ]
    return DeploymentState(
        deployment_id=deployment_id,
        is_done=result["done"] is True,
        is_success=result.get("success") is True,
        status=str(result["status"]),
        components=tuple(_component(row) for row in rows),
        error=str(result.get("errorMessage") or ""),
    )


def _rows(value: object) -> list[dict[str, object]]:
    """Return a list that Salesforce writes as a single object when it has one member."""
    rows = value if isinstance(value, list) else [value]
    return [row for row in rows if isinstance(row, dict)]


def _component(row: Mapping[str, object]) -> ComponentResult:
    return ComponentResult(
        kind=str(row.get("componentType") or "Package"),
        name=str(row.get("fullName") or row.get("fileName") or ""),
        is_created=row.get("created") is True,
        is_changed=row.get("changed") is True,
        problem=str(row.get("problem") or ""),
    )

"""What is known of the org beside its records. Who learns it, and what follows from it, is up to the services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.findings import Finding, Severity
from lead_pipeline.store.queries import load_queries

_INTEGRATION_USER, _OWNER_GUARD, _FINDINGS = "integration_user_id", "owner_guard", "findings"  # names in the table
RUN_DATABASE = "dagster"  # as in dagster.yaml: on the same server as ours
_UPDATE_GUARD = "update_guard:"  # before the name of an object

_Connection = psycopg.Connection[Any]


def keep_integration_user(connection: _Connection, user_id: str, *, at: datetime) -> None:
    """Keep the id of the user we write as."""
    _keep(connection, _INTEGRATION_USER, user_id, at=at)


def find_integration_user(connection: _Connection) -> str | None:
    """Return the id of the user we write as; None where signing in did not tell it."""
    user_id = load_queries("org_facts").find_org_fact(connection, name=_INTEGRATION_USER)
    return None if user_id is None else str(user_id)


def keep_owner_guard(connection: _Connection, *, is_active: bool, at: datetime) -> None:
    """Keep whether the org itself guarded the owners of leads when it was last asked."""
    _keep(connection, _OWNER_GUARD, is_active, at=at)


def keep_update_guard(connection: _Connection, object_name: str, *, is_active: bool, at: datetime) -> None:
    """Keep whether the org itself guarded an object's values when it was last asked."""
    _keep(connection, f"{_UPDATE_GUARD}{object_name}", is_active, at=at)


def had_update_guard(connection: _Connection, object_name: str) -> bool:
    """Tell whether the org guarded an object's values when it was last asked; False when it never was."""
    return load_queries("org_facts").find_org_fact(connection, name=f"{_UPDATE_GUARD}{object_name}") is True


def had_owner_guard(connection: _Connection) -> bool:
    """Tell whether the org guarded owners when it was last asked; False when it never was."""
    return load_queries("org_facts").find_org_fact(connection, name=_OWNER_GUARD) is True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What our own database server is: `version_number` as Postgres writes it, e.g. 160004."""

    version_number: int
    may_create: bool
    may_use_run_database: bool  # Dagster's own database is there for us, or we may make it


def find_server_facts(connection: _Connection) -> ServerFacts:
    """Return what the database server is and lets us do."""
    return ServerFacts(**load_queries("org_facts").find_server_facts(connection, run_database=RUN_DATABASE))


def find_last_conversion(connection: _Connection) -> bool | None:
    """Tell whether our id went from the last converted lead to its contact; None when none of ours was converted."""
    carries: bool | None = load_queries("org_facts").find_last_conversion(connection)
    return carries


def keep_findings(connection: _Connection, findings: Sequence[Finding], *, at: datetime) -> None:
    """Keep what the last look at org and database found."""
    _keep(connection, _FINDINGS, [asdict(finding) for finding in findings], at=at)


def read_findings(connection: _Connection) -> tuple[Finding, ...]:
    """Return what the last look found; nothing when there was none."""
    rows = load_queries("org_facts").find_org_fact(connection, name=_FINDINGS) or ()
    return tuple(Finding(**{**row, "severity": Severity(row["severity"])}) for row in rows)


def _keep(connection: _Connection, name: str, value: object, *, at: datetime) -> None:
    load_queries("org_facts").keep_org_fact(connection, name=name, value=Jsonb(value), seen_at=at)

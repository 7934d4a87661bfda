"""Asks org and database what a run needs to know before it writes, and what follows from the answers.

What is wrong is decided in `domain/field_findings` and `domain/org_findings`. Reads only. Keeps the findings, so
that the gate of the same run and people see them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lead_pipeline.domain.campaigns import MEMBER_OBJECT, NO_CAMPAIGNS, CampaignRules, examine_campaigns
from lead_pipeline.domain.field_findings import FieldExamination, examine_fields
from lead_pipeline.domain.findings import Finding, Severity, sort_findings
from lead_pipeline.domain.mapping import MappingSet, WritePolicy
from lead_pipeline.domain.org_findings import (
    OrgFacts,
    examine_conversion,
    examine_database,
    examine_guard,
    examine_history,
    examine_org,
)
from lead_pipeline.domain.routing import RoutingRules
from lead_pipeline.errors import ConfigurationError, CredentialsRefusedError, OrgNotReadyError
from lead_pipeline.salesforce.describe import ObjectDescribe
from lead_pipeline.salesforce.records import QueryPage, Record
from lead_pipeline.salesforce.soql import soql_in_chunks
from lead_pipeline.services.directory_queries import count_query
from lead_pipeline.store.database import Database
from lead_pipeline.store.directory import KnownSchema, keep_org_schema
from lead_pipeline.store.field_drift import read_field_pasts
from lead_pipeline.store.org_facts import find_last_conversion, find_server_facts, keep_findings, keep_owner_guard
from lead_pipeline.store.plans import read_written_fields

EXAMINED_OBJECTS = ("Lead", "Contact")
_ORGANIZATION = "SELECT OrganizationType, IsSandbox FROM Organization"
_QUEUES = "SELECT Queue.DeveloperName FROM QueueSobject WHERE SobjectType = 'Lead'"
_DUPLICATE_RULES = "SELECT DeveloperName FROM DuplicateRule WHERE SobjectType = 'Lead' AND IsActive = true"
# Few columns of this object may be filtered by, so what is tracked is picked from the answer.
_TRACKED_FIELDS = (
    "SELECT QualifiedApiName, IsFieldHistoryTracked FROM FieldDefinition WHERE EntityDefinitionId = 'Lead'"
)
_CAMPAIGNS = "SELECT Id, IsActive FROM Campaign WHERE Id IN {ids}"
_ASSIGNMENT_RULES = "SELECT Name FROM AssignmentRule WHERE SobjectType = 'Lead' AND Active = true"


class ExaminedOrg(Protocol):
    """The part of the Salesforce client that tells about the org itself."""

    @property
    def server_time(self) -> datetime | None:
        """Date header of the last answer."""

    def describe_objects(self, last_modified: Mapping[str, str | None]) -> dict[str, ObjectDescribe | None]:
        """Return what the org says about some objects."""

    def query_pages(self, soqls: Sequence[str]) -> list[QueryPage]:
        """Return the first page of up to five queries in one call."""

    def query(self, soql: str) -> Iterator[Record]:
        """Yield the records of a query."""

    def active_validation_rules(self, object_name: str) -> Collection[str]:
        """Return the names of an object's active validation rules."""

    def daily_calls(self) -> tuple[int, int]:
        """Return how many calls the org may take a day, and how many are left."""

    def record_counts(self, objects: Sequence[str]) -> dict[str, int]:
        """Return object -> records there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was found, the worst first."""

    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """Return how many findings are that bad."""
        return sum(finding.severity is severity for finding in self.findings)

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster."""
        return {f"{severity.value}s": self.count(severity) for severity in Severity}


def examine(
    database: Database,
    salesforce: ExaminedOrg,
    *,
    mappings: MappingSet,
    routing: RoutingRules,
    now: Callable[[], datetime],
    campaigns: CampaignRules = NO_CAMPAIGNS,
) -> Examination:
    """Hold the mapping against the org, and look at what else a run rests on, in some five calls.

    What the org said about its fields is kept, so that the stages behind need not ask for it again. Campaigns take two
    calls more, where the configuration names any.

    Raises:
        LeadPipelineError: A system does not answer or refuses us.
    """
    answers = salesforce.describe_objects(dict.fromkeys(EXAMINED_OBJECTS))
    describes = {name: found for name, found in answers.items() if found is not None}
    facts = _read_facts(salesforce, describes, now=now)
    findings = [
        *examine_org(facts, queues_needed=_queues_of(routing)),
        *examine_guard(mappings.lead, facts.active_rules),
        *examine_history(facts.tracked_fields, contested=_contested_fields(mappings)),
        *_examine_campaigns(salesforce, campaigns),
    ]
    with database.transaction() as connection:
        server = find_server_facts(connection)
        findings += examine_database(
            server.version_number, may_create=server.may_create, may_use_run_database=server.may_use_run_database
        )
        findings += examine_conversion(keeps_id=find_last_conversion(connection))
        for name, found in describes.items():
            mapping = mappings.for_object(name)
            written = read_written_fields(connection, [row.to for row in mapping.written_fields])
            pasts = read_field_pasts(connection, name)
            findings += examine_fields(
                FieldExamination(mapping=mapping, schema=found.schema, written_before=written, pasts=pasts)
            )
            keep_org_schema(
                connection,
                KnownSchema(schema=found.schema, last_modified_header=found.last_modified, last_seen_at=now()),
            )
        examination = Examination(findings=sort_findings(findings))
        keep_findings(connection, examination.findings, at=now())
        keep_owner_guard(connection, is_active=facts.has_owner_guard, at=now())
    return examination


def require_ready(examination: Examination) -> None:
    """Refuse a run that cannot be safe.

    Raises:
        OrgNotReadyError: Something is wrong that no run can do without; all of it is named.
    """
    errors = [entry for entry in examination.findings if entry.severity is Severity.ERROR]
    if errors:
        raise OrgNotReadyError([(entry.subject, entry.what, entry.repair) for entry in errors])


def _read_facts(
    salesforce: ExaminedOrg, describes: Mapping[str, ObjectDescribe], *, now: Callable[[], datetime]
) -> OrgFacts:
    counts = [count_query(name) for name in EXAMINED_OBJECTS]
    organization, queues, *counted = salesforce.query_pages([_ORGANIZATION, _QUEUES, *counts])
    org = organization.records[0] if organization.records else {}
    server_time = salesforce.server_time
    daily, left = salesforce.daily_calls()
    duplicate_rules, assignment_rules, tracked_fields = _setup_names(salesforce)
    return OrgFacts(
        edition=str(org.get("OrganizationType")),
        is_sandbox=org.get("IsSandbox") is True,
        daily_calls=daily,
        calls_left=left,
        access={name: found.access for name, found in describes.items()},
        visible_counts={name: page.total_count for name, page in zip(EXAMINED_OBJECTS, counted, strict=True)},
        total_counts=salesforce.record_counts(EXAMINED_OBJECTS),
        duplicate_rules=duplicate_rules,
        assignment_rules=assignment_rules,
        tracked_fields=tracked_fields,
        queues=frozenset(str(record["Queue.DeveloperName"]) for record in queues.records),
        clock_skew=server_time - now() if server_time is not None else None,
        active_rules=salesforce.active_validation_rules("Lead"),
    )


def _examine_campaigns(salesforce: ExaminedOrg, campaigns: CampaignRules) -> Sequence[Finding]:
    """Ask for the Campaigns of the configuration, and nothing where it names none."""
    if not campaigns.is_on:
        return ()
    active: dict[str, bool] = {}
    may_create = False
    try:
        described = salesforce.describe_objects({MEMBER_OBJECT: None})[MEMBER_OBJECT]
        may_create = described is not None and described.access.may_create
        for query in soql_in_chunks(_CAMPAIGNS, name="ids", members=campaigns.campaign_ids):
            active |= {str(row["Id"]): row["IsActive"] is True for row in salesforce.query(query)}
    except CredentialsRefusedError:
        raise
    except ConfigurationError:
        pass  # an object that is hidden from our user: what could not be asked counts as not there
    return tuple(examine_campaigns(campaigns, active=active, may_create=may_create))


#: Query of the setup -> the field that holds the name.
_SETUP = ((_DUPLICATE_RULES, "DeveloperName"), (_ASSIGNMENT_RULES, "Name"), (_TRACKED_FIELDS, "QualifiedApiName"))


def _setup_names(salesforce: ExaminedOrg) -> list[frozenset[str] | None]:
    """Return duplicate rules, assignment rules and tracked fields, asked together; one by one where some are hidden."""
    try:
        pages = salesforce.query_pages([query for query, _ in _SETUP])
    except CredentialsRefusedError:
        raise
    except ConfigurationError:
        return [_names(salesforce, query, field) for query, field in _SETUP]
    return [_pick(page.records, field) for page, (_, field) in zip(pages, _SETUP, strict=True)]


def _pick(records: Iterable[Record], field: str) -> frozenset[str]:
    return frozenset(str(record[field]) for record in records if record.get("IsFieldHistoryTracked", True) is True)


def _names(salesforce: ExaminedOrg, query: str, field: str) -> frozenset[str] | None:
    """Return the names that a query of the setup lists; None when our user may not see it."""
    try:
        return _pick(salesforce.query(query), field)
    except CredentialsRefusedError:
        raise
    except ConfigurationError:
        return None


def _contested_fields(mappings: MappingSet) -> list[str]:
    """Return the fields of leads whose value we replace and people may correct."""
    return [row.to for row in mappings.lead.written_fields if row.write is WritePolicy.TRACKED]


def _queues_of(routing: RoutingRules) -> list[str]:
    return list(dict.fromkeys((routing.holding_queue, routing.fallback_queue)))

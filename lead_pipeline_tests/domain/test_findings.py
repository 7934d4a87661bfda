"""Broken orgs: each is answered with the exact words about what is wrong, why it matters and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from lead_pipeline.domain.field_drift import FieldPast, FieldPasts
from lead_pipeline.domain.field_findings import FieldExamination, examine_fields, find_drift
from lead_pipeline.domain.findings import Finding, Severity, may_write, sort_findings
from lead_pipeline.domain.mapping import ObjectMapping, WritePolicy
from lead_pipeline.domain.org_findings import (
    MEBIBYTE,
    ObjectAccess,
    OrgFacts,
    examine_conversion,
    examine_database,
    examine_guard,
    examine_history,
    examine_org,
    examine_space,
    note_untested_key,
    refuse_system,
)
from lead_pipeline.domain.org_guard import OWNER_RULE, guard_rules
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema
from lead_pipeline_tests.domain.plan_builders import field, mapping_set, org_schema

QUEUES = ("Dievio_Holding", "Inbound_Leads")
GUARDED = mapping_set().lead
FULL_ACCESS = ObjectAccess(may_create=True, may_update=True, may_delete=False)
GOOD_ORG = OrgFacts(
    edition="Enterprise Edition",
    is_sandbox=True,
    daily_calls=100_000,
    calls_left=90_000,
    access={"Lead": FULL_ACCESS, "Contact": FULL_ACCESS},
    visible_counts={"Lead": 1_000},
    total_counts={"Lead": 1_000},
    duplicate_rules=(),
    assignment_rules=(),
    queues=QUEUES,
    clock_skew=timedelta(seconds=1),
    active_rules=(OWNER_RULE,),
)
IDENTITY = field("Dievio_Lead_ID__c", length=64, is_external_id=True, is_unique=True, is_case_sensitive=True)
SENIORITIES = ("owner", "cxo", "partner", "vp", "director", "manager", "senior", "entry", "training", "unpaid")


def good_lead(**changed: FieldSchema | None) -> ObjectSchema:
    fields: dict[str, FieldSchema | None] = {
        "Dievio_Lead_ID__c": IDENTITY,
        "Dievio_Last_Op__c": field("Dievio_Last_Op__c", length=36),
        "Seniority__c": field(
            "Seniority__c", "picklist", 255, is_restricted_picklist=True, picklist_values=SENIORITIES
        ),
        **dict.fromkeys(("LeadSource", "Status", "Description", "Rating", "Owner_Notes__c", "Qualification_Notes__c")),
        "Dievio_Review_Status__c": None,
        **changed,
    }
    return org_schema("Lead", **fields)


def lead_findings(
    schema: ObjectSchema,
    *,
    written_before: tuple[str, ...] = (),
    mapping: ObjectMapping | None = None,
    pasts: FieldPasts = MappingProxyType({}),
) -> list[Finding]:
    examination = FieldExamination(
        mapping=mapping or mapping_set().lead, schema=schema, written_before=written_before, pasts=pasts
    )
    return list(examine_fields(examination))


def org_findings(**changed: Any) -> list[Finding]:
    facts = replace(GOOD_ORG, **{"duplicate_rules": ("Standard_Lead_Duplicate_Rule",), **changed})
    return [found for found in examine_org(facts, queues_needed=QUEUES) if found.code != "duplicate_rule_active"]


def locked(name: str, **flags: Any) -> ObjectSchema:
    return good_lead(**{name: replace(good_lead().fields[name], **flags)})


def with_policy(name: str, write: WritePolicy, **changed: Any) -> ObjectMapping:
    lead = mapping_set().lead
    rows = tuple(replace(row, write=write, **changed) if row.to == name else row for row in lead.fields)
    return replace(lead, fields=rows)


CASES: dict[str, Callable[[], list[Finding]]] = {
    "a field is missing": lambda: lead_findings(good_lead(Company_Domain__c=None)),
    "a field has another name": lambda: lead_findings(
        good_lead(LinkedIn_URL__c=None, Linkedin_Url_2__c=field("Linkedin_Url_2__c", "url", 255))
    ),
    "a standard field is hidden": lambda: lead_findings(good_lead(Website=None)),
    "a field that may be dropped is missing": lambda: lead_findings(good_lead(Employee_Band__c=None)),
    "a field that was written is gone": lambda: lead_findings(good_lead(Title=None), written_before=("Title",)),
    "the field of our id is gone": lambda: lead_findings(
        good_lead(Dievio_Lead_ID__c=None), written_before=("Dievio_Lead_ID__c",)
    ),
    "the field of our id is no external id": lambda: lead_findings(locked("Dievio_Lead_ID__c", is_external_id=False)),
    "the field of our id is not unique": lambda: lead_findings(locked("Dievio_Lead_ID__c", is_unique=False)),
    "the field of our id ignores case": lambda: lead_findings(locked("Dievio_Lead_ID__c", is_case_sensitive=False)),
    "the field of our id became a number": lambda: lead_findings(
        good_lead(Dievio_Lead_ID__c=replace(IDENTITY, type="double", length=0)), written_before=("Dievio_Lead_ID__c",)
    ),
    "a field may not be edited": lambda: lead_findings(locked("Phone", is_updateable=False)),
    "a field may not be written at all": lambda: lead_findings(
        locked("Phone", is_updateable=False, is_createable=False)
    ),
    "a field has another type": lambda: lead_findings(good_lead(Employee_Count__c=field("Employee_Count__c", "date"))),
    "a field changed its type": lambda: lead_findings(
        good_lead(Employee_Count__c=field("Employee_Count__c", "boolean")), written_before=("Employee_Count__c",)
    ),
    "a field is narrow": lambda: lead_findings(good_lead(Company_Domain__c=field("Company_Domain__c", length=80))),
    "a field that is cut is narrow": lambda: lead_findings(good_lead(Department__c=field("Department__c", length=20))),
    "a number has few digits": lambda: lead_findings(
        good_lead(Employee_Count__c=field("Employee_Count__c", "double", precision=4))
    ),
    "a picklist lacks values": lambda: lead_findings(locked("Seniority__c", picklist_values=SENIORITIES[:8])),
    "a field became narrow": lambda: lead_findings(
        good_lead(Company_Domain__c=field("Company_Domain__c", length=80)),
        pasts={"Company_Domain__c": FieldPast(size=255)},
    ),
    "a picklist lost values": lambda: lead_findings(
        locked("Seniority__c", picklist_values=SENIORITIES[:8]),
        pasts={"Seniority__c": FieldPast(size=255, picklist_values=frozenset(SENIORITIES))},
    ),
    "the field of our id is narrow": lambda: lead_findings(
        good_lead(Dievio_Lead_ID__c=replace(IDENTITY, length=20)), pasts={"Dievio_Lead_ID__c": FieldPast(size=64)}
    ),
    "a required field has no source": lambda: lead_findings(
        good_lead(Region__c=field("Region__c", length=40, is_nillable=False))
    ),
    "a boolean is to be filled": lambda: lead_findings(
        good_lead(Website=field("Website", "boolean")),
        mapping=with_policy("Website", WritePolicy.FILL_BLANK, type=None),
    ),
    "the receipt is missing": lambda: lead_findings(good_lead(Dievio_Last_Op__c=None)),
    "the receipt is too short": lambda: lead_findings(
        good_lead(Dievio_Last_Op__c=field("Dievio_Last_Op__c", length=18))
    ),
    "a protected field is open": lambda: lead_findings(good_lead(Rating=field("Rating", "picklist", 255))),
    "the edition has no API": lambda: org_findings(edition="Group Edition"),
    "few calls are left": lambda: org_findings(calls_left=1_500),
    "the clocks differ": lambda: org_findings(clock_skew=timedelta(seconds=-400)),
    "the clock is unknown": lambda: org_findings(clock_skew=None),
    "leads may not be created": lambda: org_findings(
        access={"Lead": replace(FULL_ACCESS, may_create=False), "Contact": FULL_ACCESS}
    ),
    "contacts may not be updated": lambda: org_findings(
        access={"Lead": FULL_ACCESS, "Contact": replace(FULL_ACCESS, may_update=False)}
    ),
    "leads may be deleted": lambda: org_findings(access={"Lead": replace(FULL_ACCESS, may_delete=True)}),
    "some records are hidden": lambda: org_findings(visible_counts={"Lead": 950}),
    "most records are hidden": lambda: org_findings(visible_counts={"Lead": 10}),
    "no duplicate rule is active": lambda: org_findings(duplicate_rules=()),
    "rules may not be seen": lambda: org_findings(duplicate_rules=None),
    "an assignment rule is active": lambda: org_findings(assignment_rules=("Standard Lead Assignment",)),
    "a queue is missing": lambda: org_findings(queues=QUEUES[:1]),
    "owners are not guarded": lambda: org_findings(active_rules=()),
    "the guard is of an earlier version": lambda: list(examine_guard(GUARDED, {"Dievio_Tracked_Title"})),
    "Postgres is old": lambda: list(examine_database(120_011, may_create=True, may_use_run_database=True)),
    "Postgres is locked": lambda: list(examine_database(160_004, may_create=False, may_use_run_database=True)),
    "Dagster has no database": lambda: list(examine_database(160_004, may_create=True, may_use_run_database=False)),
    "the disk is full": lambda: list(examine_space(200 * MEBIBYTE, place="/data")),
    "the disk fills up": lambda: list(examine_space(1_000 * MEBIBYTE, place="/data")),
    "no history is kept": lambda: list(examine_history({"Title"}, contested=("Title", "Email"))),
    "history may not be seen": lambda: list(examine_history(None, contested=("Email",))),
    "conversions lose our id": lambda: list(examine_conversion(keeps_id=False)),
    "no conversion was seen": lambda: list(examine_conversion(keeps_id=None)),
    "Salesforce refuses us": lambda: [
        refuse_system("Salesforce", "credentials refused", setting="SALESFORCE_USERNAME")
    ],
    "the key of Dievio was not tried": lambda: [note_untested_key()],
}
GOLDEN: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("broken_orgs.yaml").read_text("utf-8"))


def say(findings: list[Finding]) -> Iterator[str]:
    for found in findings:
        yield f"{found.severity} {found.code} {found.subject}: {found.what} | so: {found.why} | do: {found.repair}"


def test_there_are_twenty_five_of_them_each_with_its_words() -> None:
    assert len(CASES) >= 25
    assert CASES.keys() == GOLDEN.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_broken_org_is_answered_in_these_words(name: str) -> None:
    assert list(say(CASES[name]())) == GOLDEN[name]


def test_a_good_org_has_nothing_to_mend() -> None:
    assert lead_findings(good_lead()) == []
    assert org_findings() == []
    assert list(examine_guard(GUARDED, {rule.name for rule in guard_rules(GUARDED)})) == []
    assert list(examine_database(180_000, may_create=True, may_use_run_database=True)) == []
    assert list(examine_space(10_000 * MEBIBYTE, place="/data")) == []
    assert list(examine_conversion(keeps_id=True)) == []
    assert list(examine_history({"Email"}, contested=("Email",))) == []


def test_every_problem_of_an_org_is_told_at_once() -> None:
    names = ("Company_Domain__c", "Dievio_Last_Op__c", "Website", "Search_Segment__c")
    found = lead_findings(good_lead(**dict.fromkeys(names)))
    assert {finding.subject for finding in found} == {f"Lead.{name}" for name in names}


def test_a_duplicate_rule_is_told_with_its_difference_from_ours() -> None:
    (found,) = examine_org(replace(GOOD_ORG, duplicate_rules=("Strict",)), queues_needed=QUEUES)
    assert (found.code, found.severity, found.subject) == ("duplicate_rule_active", Severity.NOTE, "Lead, Strict")


def test_the_worst_stands_first_and_only_an_error_keeps_a_run_from_writing() -> None:
    warnings = org_findings(visible_counts={"Lead": 950}, active_rules=(), edition="Base Edition")

    ordered = sort_findings(reversed(warnings))

    assert [finding.severity for finding in ordered] == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
    assert not may_write(ordered)
    assert may_write(ordered[1:])


def test_drift_is_what_became_wrong_since_and_a_field_that_was_there_counts_as_known() -> None:
    before = good_lead(Company_Domain__c=field("Company_Domain__c", length=80))
    now = good_lead(
        Company_Domain__c=field("Company_Domain__c", length=80),
        Title=None,
        Dievio_Lead_ID__c=replace(IDENTITY, is_unique=False),
    )
    examination = FieldExamination(mapping=mapping_set().lead, schema=now)

    found = find_drift(examination, before=before)

    assert [(entry.code, entry.subject, entry.severity) for entry in found] == [
        ("field_gone", "Lead.Title", Severity.WARNING),
        ("id_not_unique", "Lead.Dievio_Lead_ID__c", Severity.ERROR),
    ]


def test_what_an_admin_may_edit_more_than_before_is_no_drift() -> None:
    examination = FieldExamination(
        mapping=mapping_set().lead, schema=good_lead(Rating=field("Rating", "picklist", 255))
    )
    assert find_drift(examination, before=good_lead()) == ()

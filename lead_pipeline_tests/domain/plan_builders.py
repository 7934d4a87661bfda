"""Schemas, mappings, leads and records of the plan tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.decisions import MatchGrade, MatchResult
from lead_pipeline.domain.directory import DirectoryRecord
from lead_pipeline.domain.leads import Confidence, ConfidenceOrigin, MatchKeys, NormalizedLead
from lead_pipeline.domain.mapping import MappingSet, build_mapping_set
from lead_pipeline.domain.mapping_document import parse_mapping
from lead_pipeline.domain.matching import MatchReason, RuleName
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema
from lead_pipeline.domain.plan_subjects import PlanTarget
from lead_pipeline.domain.planning import PlanRules
from lead_pipeline.domain.survivorship import WrittenValue

BATCH = "2026-05-04"
FETCHED_AT = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)
MODIFIED_AT = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
LEAD_ID = "li:erika-beispiel"

_TEXT = {"FirstName": 40, "LastName": 80, "Company": 255, "Title": 128, "City": 40, "State": 80, "PostalCode": 20}
_CUSTOM_TEXT = {
    "Dievio_Lead_ID__c": 64,
    "Company_Domain__c": 255,
    "Employee_Band__c": 40,
    "Original_Source__c": 255,
    "Search_Segment__c": 80,
    "Enrichment_Source__c": 80,
    "Dievio_Email_Status__c": 40,
    "Dievio_Update_Reason__c": 255,
    "Last_Updated_By_System__c": 40,
    "Department__c": 80,
    "Country": 80,
    "Street": 255,
}
_MAILING = {"MailingStreet": 255, "MailingCity": 40, "MailingState": 80, "MailingPostalCode": 20, "MailingCountry": 80}


def field(name: str, field_type: str = "string", length: int = 0, **flags: object) -> FieldSchema:
    return FieldSchema(name=name, label=name, type=field_type, length=length, **flags)  # type: ignore[arg-type]


def org_schema(object_name: str = "Lead", **changed: FieldSchema | None) -> ObjectSchema:
    """Build an object with every field of the packaged mapping; a field changed to None is not in the org."""
    texts = {**_TEXT, **_CUSTOM_TEXT, **_MAILING}
    fields = {name: field(name, length=length) for name, length in texts.items()}
    fields |= {
        "LastName": field("LastName", length=80, is_nillable=False),
        "Company": field("Company", length=255, is_nillable=False),
        "Email": field("Email", "email", 80),
        "Phone": field("Phone", "phone", 40),
        "Website": field("Website", "url", 255),
        "LinkedIn_URL__c": field("LinkedIn_URL__c", "url", 255),
        "Industry": field("Industry", "picklist", 255),
        "NumberOfEmployees": field("NumberOfEmployees", "int"),
        "Employee_Count__c": field("Employee_Count__c", "double", precision=18),
        "Seniority__c": field(
            "Seniority__c", "picklist", 255, is_restricted_picklist=True, picklist_values=("vp", "cxo")
        ),
        "Dievio_Confidence__c": field("Dievio_Confidence__c", "double", precision=3),
        "Last_Enriched_At__c": field("Last_Enriched_At__c", "datetime"),
        "Dievio_Last_Synced_At__c": field("Dievio_Last_Synced_At__c", "datetime"),
        "OwnerId": field("OwnerId", "reference", 18, is_nillable=False, is_defaulted=True),
        "Status": field("Status", "picklist", 255, is_nillable=False, is_defaulted=True),
    }
    for name, schema in changed.items():
        fields.pop(name, None)
        if schema is not None:
            fields[name] = schema
    return ObjectSchema(object_name=object_name, fields=fields)


def mapping_set() -> MappingSet:
    return build_mapping_set(
        parse_mapping(load_document("mapping/lead")), parse_mapping(load_document("mapping/contact"))
    )


def plan_rules(mappings: MappingSet | None = None, **changed: Any) -> PlanRules:
    return PlanRules(
        mappings=mappings or mapping_set(),
        schemas={"Lead": org_schema(**changed), "Contact": org_schema("Contact")},
    )


VALUES: Mapping[str, object] = {
    "dievio_lead_id": LEAD_ID,
    "first_name": "Erika",
    "last_name": "Beispiel",
    "email": "erika@acme.example",
    "email_status": "verified",
    "phone": "+4930123456",
    "title": "VP Sales",
    "seniority": "vp",
    "company_name": "Acme GmbH",
    "company_domain": "acme.example",
    "linkedin_url": "https://www.linkedin.com/in/erika-beispiel",
    "employee_count": 250,
    "country_name": "Germany",
    "source": "Dievio",
    "search_segment": "vp_sales_dach",
    "last_enriched_at": "2026-05-01T00:00:00Z",
    "synced_at": "2026-05-04T02:05:00Z",
    "lead_confidence_percent": 90,
}

#: The record that the lead above makes, as Salesforce gives it back.
SYNCED_FIELDS: Mapping[str, object] = {
    "Dievio_Lead_ID__c": LEAD_ID,
    "FirstName": "Erika",
    "LastName": "Beispiel",
    "Email": "erika@acme.example",
    "Dievio_Email_Status__c": "verified",
    "Phone": "+4930123456",
    "Title": "VP Sales",
    "Seniority__c": "vp",
    "Company": "Acme GmbH",
    "Company_Domain__c": "acme.example",
    "LinkedIn_URL__c": "https://www.linkedin.com/in/erika-beispiel",
    "NumberOfEmployees": 250,
    "Employee_Count__c": 250.0,
    "Country": "Germany",
    "MailingCountry": "Germany",
    "Original_Source__c": "Dievio",
    "Search_Segment__c": "another_search",
    "Last_Enriched_At__c": "2026-01-01T00:00:00.000+0000",
    "Dievio_Last_Synced_At__c": "2026-01-02T00:00:00.000+0000",
    "Dievio_Confidence__c": 80.0,
    "Dievio_Update_Reason__c": "new from vp_sales_dach",
    "Last_Updated_By_System__c": "lead_pipeline",
}


def lead(
    *,
    flags: tuple[str, ...] = (),
    is_weak_id: bool = False,
    shares: Mapping[str, float] | None = None,
    fetched_at: datetime = FETCHED_AT,
    **values: object,
) -> NormalizedLead:
    """Build a lead; a value changed to None is absent, as after normalization."""
    merged = {**VALUES, **values}
    return NormalizedLead(
        raw_lead_id=1,
        batch_id=BATCH,
        segment="vp_sales_dach",
        dievio_lead_id=LEAD_ID,
        is_weak_id=is_weak_id,
        values={name: value for name, value in merged.items() if value is not None},
        confidences={
            name: Confidence(share=share, origin=ConfidenceOrigin.PRIOR) for name, share in (shares or {}).items()
        },
        source_paths={},
        flags=flags,
        keys=MatchKeys(),
        fetched_at=fetched_at,
    )


def target(
    *,
    object_name: str = "Lead",
    linked_lead_id: str | None = None,
    written: Mapping[str, object] | None = None,
    is_deleted: bool = False,
    is_converted: bool = False,
    dievio_lead_id: str | None = LEAD_ID,
    **fields: object,
) -> PlanTarget:
    return PlanTarget(
        record=DirectoryRecord(
            object_name=object_name,
            salesforce_id="00Q000000000001AAA" if object_name == "Lead" else "003000000000001AAA",
            fields={**SYNCED_FIELDS, "Dievio_Lead_ID__c": dievio_lead_id, **fields},
            keys=MatchKeys(),
            last_modified_at=MODIFIED_AT,
            system_modstamp=MODIFIED_AT,
            dievio_lead_id=dievio_lead_id,
            is_deleted=is_deleted,
            is_converted=is_converted,
        ),
        linked_lead_id=linked_lead_id,
        written={name: WrittenValue(value=value, source_at=None) for name, value in (written or {}).items()},
    )


def match(
    grade: MatchGrade = MatchGrade.CERTAIN,
    *,
    rule: str | None = RuleName.EXTERNAL_ID,
    reason_code: str = MatchReason.CERTAIN_MATCH,
) -> MatchResult:
    return MatchResult(
        dievio_lead_id=LEAD_ID,
        grade=grade,
        rule=rule,
        object_name=None,
        salesforce_id=None,
        reason_code=reason_code,
        reason="as the ladder said",
        candidate_count=int(grade is not MatchGrade.NONE),
    )


def no_match() -> MatchResult:
    return match(MatchGrade.NONE, rule=None, reason_code=MatchReason.NO_CANDIDATE)

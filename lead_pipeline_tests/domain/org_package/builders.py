"""A small mapping whose package fits on a few screens, and the elements of metadata files by type."""

from __future__ import annotations

from lead_pipeline.domain.mapping import (
    Bucket,
    FieldMapping,
    MappingSet,
    ObjectMapping,
    OnConflict,
    SourceOfTruth,
    WritePolicy,
    build_mapping_set,
)
from lead_pipeline.domain.org_package.build import build_org_package
from lead_pipeline.domain.org_package.markup import PackageFile

#: Type -> its elements, in the order in which Salesforce's own tools write them: the full name first, then by name.
#: Names as in the Metadata API's types of version 66.
ELEMENTS = {
    "CustomField": "caseSensitive defaultValue description externalId fieldManageability inlineHelpText label length "
    "precision required scale type unique valueSet visibleLines",
    "ValidationRule": "active description errorConditionFormula errorDisplayField errorMessage",
    "ApexClass": "apiVersion status",
    "ApexTrigger": "apiVersion status",
    "PermissionSet": "classAccesses customPermissions description fieldPermissions hasActivationRequired label "
    "objectPermissions userPermissions",
    "CustomObject": "deploymentStatus description enableReports label nameField pluralLabel sharingModel visibility",
    "CustomPermission": "description isLicensed label",
    "ListView": "columns filterScope filters label",
    "Queue": "doesSendEmailToMembers name queueSobject",
    "CustomMetadata": "label protected values",
    "LeadConvertSettings": "objectMapping",
    "Layout": "layoutSections showEmailCheckbox showHighlightsPanel showInteractionLogPanel "
    "showRunAssignmentRulesCheckbox showSubmitAndAttachButton",
}


def row(to: str, source: str, write: WritePolicy, *, on_conflict: OnConflict = OnConflict.KEEP) -> FieldMapping:
    return FieldMapping(
        to=to,
        source=source,
        label=to.removesuffix("__c").replace("_", " "),
        owner=SourceOfTruth.DIEVIO,
        write=write,
        bucket=Bucket.CORE,
        reason=f"why {source}",
        on_conflict=on_conflict,
    )


def never(to: str) -> FieldMapping:
    return FieldMapping(
        to=to,
        source=None,
        label=to,
        owner=SourceOfTruth.REP,
        write=WritePolicy.NEVER,
        bucket=Bucket.DO_NOT_WRITE,
        reason="theirs",
    )


ID_ROW = row("Dievio_Lead_ID__c", "dievio_lead_id", WritePolicy.FILL_BLANK)


def mapping_of(
    object_name: str, *rows: FieldMapping, placeholders: frozenset[str] = frozenset({"n/a", "-"})
) -> ObjectMapping:
    return ObjectMapping(object_name=object_name, version="1", fields=(ID_ROW, *rows), placeholders=placeholders)


def small_mappings() -> MappingSet:
    return build_mapping_set(
        mapping_of(
            "Lead",
            row("LastName", "last_name", WritePolicy.FILL_BLANK),
            row("Title", "title", WritePolicy.TRACKED),
            row("Phone", "phone", WritePolicy.FILL_BLANK),
            row("City", "city", WritePolicy.FILL_BLANK),
            row("Seniority__c", "seniority", WritePolicy.ALWAYS),
            row("Original_Source__c", "source", WritePolicy.WRITE_ONCE),
            never("Rating"),
            never("Owner_Notes__c"),
        ),
        mapping_of("Contact", row("Seniority__c", "seniority", WritePolicy.ALWAYS)),
    )


def package_files(mappings: MappingSet | None = None) -> dict[str, str]:
    """Return the package by path, without the folders above the types."""
    files: tuple[PackageFile, ...] = build_org_package(mappings or small_mappings(), queues=["Dievio_Holding"])
    return {file.path.removeprefix("force-app/main/default/"): file.text for file in files}

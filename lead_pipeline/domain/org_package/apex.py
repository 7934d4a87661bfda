"""The optional Apex parts: a REST resource for leads from outside, and a trigger that tells which leads people changed.

The pipeline itself needs neither: it reads the org. Their sources are packaged files, which the caller reads; here they
are fitted to the mapping and get the files that a deployment wants beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from lead_pipeline.domain.mapping import ObjectMapping
from lead_pipeline.domain.org_package.markup import (
    API_VERSION,
    SOURCE_ROOT,
    PackageFile,
    render_document,
    text_elements,
)
from lead_pipeline.errors import ConfigurationError

RESOURCE_CLASS = "DievioLeadIntake"  # that our user, or whoever sends leads, has to have access to
SYSTEM_SOURCE = "updated_by_system"
_ID_FIELD, _SYSTEM_FIELD = "Dievio_Lead_ID__c", "Last_Updated_By_System__c"  # as the sources name them
#: Suffix -> folder and metadata type.
_KINDS: Mapping[str, tuple[str, str]] = {".cls": ("classes", "ApexClass"), ".trigger": ("triggers", "ApexTrigger")}


def apex_files(sources: Mapping[str, str], mapping: ObjectMapping) -> Iterator[PackageFile]:
    """Yield the Apex files and their metadata.

    Args:
        sources: File name -> text.
        mapping: The mapping of the Lead, whose field names the sources are to use.

    Raises:
        ConfigurationError: No field tells which system changed a lead: news would go in circles.
    """
    system_field = next((row.to for row in mapping.written_fields if row.source == SYSTEM_SOURCE), None)
    if sources and system_field is None:
        raise ConfigurationError(
            "mapping of Lead",
            what=f"no row writes {SYSTEM_SOURCE}, which keeps the trigger from telling our own changes",
            repair=f"Add a row with from: {SYSTEM_SOURCE}, or leave out --with-apex",
        )
    for name, text in sorted(sources.items()):
        folder, kind = _KINDS[PurePosixPath(name).suffix]
        fitted = text.replace(_ID_FIELD, mapping.identity_field).replace(_SYSTEM_FIELD, str(system_field))
        path = f"{SOURCE_ROOT}/{folder}/{name}"
        yield PackageFile(path, fitted)
        yield PackageFile(
            f"{path}-meta.xml", render_document(kind, text_elements(apiVersion=API_VERSION, status="Active"))
        )

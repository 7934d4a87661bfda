"""The Apex parts of the package: beside their metadata, in the words of the mapping, and never without a loop guard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from lead_pipeline.config.loading import load_apex_sources
from lead_pipeline.config.pipeline import load_pipeline_config
from lead_pipeline.domain.mapping import MappingSet
from lead_pipeline.domain.org_package.build import build_org_package, deployment_entries
from lead_pipeline.errors import ConfigurationError

DEFAULT = load_pipeline_config(None).mappings
SOURCES = load_apex_sources()


def files_of(mappings: MappingSet = DEFAULT) -> dict[str, str]:
    files = build_org_package(mappings, queues=[], apex=SOURCES)
    return {file.path.removeprefix("force-app/main/default/"): file.text for file in files}


def test_every_source_is_deployed_with_its_metadata() -> None:
    entries = deployment_entries(build_org_package(DEFAULT, queues=[], apex=SOURCES))
    for name in SOURCES:
        folder = "triggers" if name.endswith(".trigger") else "classes"
        assert entries[f"{folder}/{name}"] == SOURCES[name]
        assert "<status>Active</status>" in entries[f"{folder}/{name}-meta.xml"]
        assert f"<members>{PurePosixPath(name).stem}</members>" in entries["package.xml"]


def test_our_user_gets_access_to_the_resource_only_when_it_is_there() -> None:
    access = "<apexClass>DievioLeadIntake</apexClass>"
    path = "permissionsets/Dievio_Integration.permissionset-meta.xml"
    assert access in files_of()[path]
    plain = build_org_package(DEFAULT, queues=[])
    assert not [file.path for file in plain if access in file.text or "classes" in file.path]


def test_the_sources_use_the_field_names_of_the_mapping() -> None:
    names = {"Dievio_Lead_ID__c": "Our_Id__c", "Last_Updated_By_System__c": "Changed_By__c"}
    rows = tuple(replace(row, to=names.get(row.to, row.to)) for row in DEFAULT.lead.fields)
    files = files_of(replace(DEFAULT, lead=replace(DEFAULT.lead, fields=rows)))
    apex = "".join(text for path, text in files.items() if path.startswith(("classes/", "triggers/")))
    assert {name for name in names if name in apex} == set()
    assert {name for name in names.values() if name in apex} == set(names.values())


def test_a_mapping_that_marks_no_writes_of_ours_gets_no_trigger() -> None:
    rows = tuple(row for row in DEFAULT.lead.fields if row.source != "updated_by_system")
    with pytest.raises(ConfigurationError, match="updated_by_system"):
        files_of(replace(DEFAULT, lead=replace(DEFAULT.lead, fields=rows)))

"""Puts the package together, and turns its source files into what the Metadata API deploys.

Everything here is a function of the mapping: the same mapping gives the same bytes.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from types import MappingProxyType

from lead_pipeline.domain.mapping import MappingSet, ObjectMapping, OnUnmapped
from lead_pipeline.domain.org_package.apex import RESOURCE_CLASS, apex_files
from lead_pipeline.domain.org_package.fields import custom_fields, field_file
from lead_pipeline.domain.org_package.layouts import layout_file
from lead_pipeline.domain.org_package.markup import (
    API_VERSION,
    NAMESPACE,
    SOURCE_ROOT,
    Element,
    PackageFile,
    render_document,
    text_element,
)
from lead_pipeline.domain.org_package.parts import (
    agent_files,
    conversion_file,
    list_view_files,
    queue_file,
    rule_files,
    setting_files,
)
from lead_pipeline.domain.org_package.permissions import custom_permission, integration_set, reader_set

MANIFEST = "manifest/package.xml"
PROJECT_FILE = "sfdx-project.json"
_META = "-meta.xml"

#: Folder below an object -> the element its files become in the object's one file, and their type in the manifest.
_CHILDREN: Mapping[str, tuple[str, str]] = {
    "fields": ("fields", "CustomField"),
    "listViews": ("listViews", "ListView"),
    "validationRules": ("validationRules", "ValidationRule"),
}
#: Folder -> type in the manifest.
_TYPES: Mapping[str, str] = {
    "LeadConvertSettings": "LeadConvertSettings",
    "classes": "ApexClass",
    "customMetadata": "CustomMetadata",
    "customPermissions": "CustomPermission",
    "layouts": "Layout",
    "permissionsets": "PermissionSet",
    "queues": "Queue",
    "triggers": "ApexTrigger",
}
_WITH_SOURCE = frozenset({"classes", "triggers"})  # whose metadata stands beside a source of the same name
_DOCUMENT = re.compile(r"\s*(?:<\?xml[^>]*\?>)?\s*<(?P<root>\w+)[^>]*>\n?(?P<inner>.*?)\s*</(?P=root)>\s*", re.DOTALL)


def build_org_package(
    mappings: MappingSet, *, queues: Iterable[str], apex: Mapping[str, str] = MappingProxyType({})
) -> tuple[PackageFile, ...]:
    """Return every file of the package in source format, sorted by path.

    Args:
        mappings: What is written to the org, and how.
        queues: DeveloperNames of the queues that leads are given to.
        apex: File name -> source of the optional parts; empty leaves them out.
    """
    mappings = replace(mappings, lead=_without_noted(mappings.lead), contact=_without_noted(mappings.contact))
    fields = [*custom_fields(mappings.lead), *custom_fields(mappings.contact)]
    files = [
        *(field_file(field) for field in fields),
        *rule_files(mappings),
        *agent_files(),
        *setting_files(),
        *list_view_files({field.name for field in fields if field.object_name == "Lead"}),
        layout_file(mappings.lead, (field for field in fields if field.object_name == "Lead")),
        *(queue_file(name) for name in sorted(set(queues))),
        conversion_file(mappings),
        custom_permission(),
        *apex_files(apex, mappings.lead),
        integration_set(mappings, fields, apex_classes=[RESOURCE_CLASS] if apex else []),
        reader_set(fields),
    ]
    files.append(PackageFile(MANIFEST, _manifest(file.path for file in files)))
    files.append(PackageFile(PROJECT_FILE, _project()))
    return tuple(sorted(files, key=lambda file: file.path))


def deployment_entries(files: Iterable[PackageFile]) -> dict[str, str]:
    """Return path -> text of the zip that the Metadata API takes, made from files in source format.

    Parts of an object, which are files of their own in source format, become one file.

    Raises:
        ValueError: A file is no metadata of a kind that this package holds.
    """
    entries: dict[str, str] = {}
    objects: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    paths: list[str] = []
    for file in sorted(files, key=lambda file: file.path):
        if not file.path.startswith(f"{SOURCE_ROOT}/"):
            continue
        paths.append(file.path)
        folder, *rest = PurePosixPath(file.path).relative_to(SOURCE_ROOT).parts
        if folder == "objects":
            part = _CHILDREN[rest[1]][0] if rest[1] in _CHILDREN else ""
            objects[rest[0]][part].append(_inner(file))
        else:
            path = "/".join((folder, *rest))
            entries[path if folder in _WITH_SOURCE else path.removesuffix(_META)] = file.text
    for name, parts in objects.items():
        entries[f"objects/{name}.object"] = _object_text(parts)
    entries["package.xml"] = _manifest(paths)
    return dict(sorted(entries.items()))


def _without_noted(mapping: ObjectMapping) -> ObjectMapping:
    """Leave out the values that get no field of their own, because the mapping sends them into the notes."""
    return replace(mapping, fields=tuple(row for row in mapping.fields if row.on_unmapped is not OnUnmapped.NOTES))


def _object_text(parts: Mapping[str, Sequence[str]]) -> str:
    """Join an object's own elements and its parts; equal elements stand together, as the API asks for."""
    own = "".join(f"{text}\n" for text in parts.get("", ()))
    children = "".join(
        f"    <{name}>\n{text}\n    </{name}>\n" for name in sorted(set(parts) - {""}) for text in parts[name]
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<CustomObject xmlns="{NAMESPACE}">\n{own}{children}</CustomObject>\n'
    )


def _inner(file: PackageFile) -> str:
    found = _DOCUMENT.fullmatch(file.text)
    if found is None:
        raise ValueError(f"{file.path} is no metadata file")
    return found["inner"]


def _manifest(paths: Iterable[str]) -> str:
    members: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        for kind, member in _members_of(PurePosixPath(path).relative_to(SOURCE_ROOT).parts):
            members[kind].add(member)
    types = tuple(
        Element("types", (*(text_element("members", name) for name in sorted(names)), text_element("name", kind)))
        for kind, names in sorted(members.items())
    )
    return render_document("Package", (*types, text_element("version", API_VERSION)))


def _members_of(parts: Sequence[str]) -> Iterator[tuple[str, str]]:
    folder, name = parts[0], parts[-1].removesuffix(_META).rpartition(".")[0]
    if folder != "objects":
        yield _TYPES[folder], name
    elif parts[2] in _CHILDREN:
        yield _CHILDREN[parts[2]][1], f"{parts[1]}.{name}"
    else:
        yield "CustomObject", parts[1]


def _project() -> str:
    document = {
        "packageDirectories": [{"path": "force-app", "default": True}],
        "namespace": "",
        "sourceApiVersion": API_VERSION,
    }
    return json.dumps(document, indent=2) + "\n"

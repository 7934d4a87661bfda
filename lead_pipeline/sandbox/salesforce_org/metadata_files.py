"""Reading of a deployment's zip: its manifest, its files, their elements.

Belongs here: what is well formed, listed and known. What a component does to the org: metadata.py. The elements are
those of the Metadata API's types, as far as this org takes them; others are refused, never ignored.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

MANIFEST: Final = "package.xml"
NAMESPACE: Final = "http://soap.sforce.com/2006/04/metadata"
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
MAX_ZIP_BYTES: Final = 39 * 1024 * 1024  # limit of a deployment
_REPEATED: Final = frozenset(
    {
        *("fields", "validationRules", "listViews", "fieldPermissions", "objectPermissions", "userPermissions"),
        *(
            "classAccesses",
            "customPermissions",
            "columns",
            "filters",
            "values",
            "value",
            "mappingFields",
            "objectMapping",
        ),
        *("queueSobject", "types", "members", "layoutSections", "layoutColumns", "layoutItems"),
    }
)
_OF_ONE_VALUE: Final = frozenset({"values", "filters"})  # a setting, a condition of a list view
_FIELD: Final = frozenset(
    {
        *("fullName", "caseSensitive", "defaultValue", "description", "externalId", "fieldManageability"),
        *("inlineHelpText", "label", "length", "precision", "required", "scale", "type", "unique", "valueSet"),
        "visibleLines",
    }
)
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "CustomField": _FIELD,
    "ValidationRule": frozenset(
        {"fullName", "active", "description", "errorConditionFormula", "errorDisplayField", "errorMessage"}
    ),
    "ListView": frozenset({"fullName", "columns", "filterScope", "filters", "label"}),
    "CustomObject": frozenset(
        {
            *("deploymentStatus", "description", "enableReports", "fields", "label", "listViews", "nameField"),
            *("pluralLabel", "sharingModel", "validationRules", "visibility"),
        }
    ),
    "PermissionSet": frozenset(
        {
            *("classAccesses", "customPermissions", "description", "fieldPermissions", "hasActivationRequired"),
            *("label", "objectPermissions", "userPermissions"),
        }
    ),
    "CustomPermission": frozenset({"description", "isLicensed", "label"}),
    "Queue": frozenset({"doesSendEmailToMembers", "name", "queueSobject"}),
    "CustomMetadata": frozenset({"label", "protected", "values"}),
    "LeadConvertSettings": frozenset({"allowOwnerChange", "objectMapping", "opportunityCreationOptions"}),
    "Layout": frozenset(
        {
            *("excludeButtons", "layoutSections", "relatedLists", "showEmailCheckbox", "showHighlightsPanel"),
            *("showInteractionLogPanel", "showRunAssignmentRulesCheckbox", "showSubmitAndAttachButton"),
        }
    ),
}
_FOLDERS: Final = {
    "objects": "CustomObject",
    "permissionsets": "PermissionSet",
    "customPermissions": "CustomPermission",
    "queues": "Queue",
    "customMetadata": "CustomMetadata",
    "LeadConvertSettings": "LeadConvertSettings",
    "layouts": "Layout",
}
#: Folder of sources -> their type, suffix, and the word that names one in its text.
_SOURCES: Final = {"classes": ("ApexClass", ".cls", "class"), "triggers": ("ApexTrigger", ".trigger", "trigger")}
_META: Final = "-meta.xml"
_PARTS: Final = {"fields": "CustomField", "validationRules": "ValidationRule", "listViews": "ListView"}


@dataclass(frozen=True)
class Component:
    """One component of a deployment: its type, full name, file and content."""

    kind: str
    name: str
    file: str
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """Why one component, or the package, is refused."""

    kind: str
    name: str
    file: str
    text: str


def read_package(content: bytes) -> tuple[list[Component], list[Problem]]:
    """Read a zip: the components in the order they have to be made, and everything wrong with it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except zipfile.BadZipFile:
        return [], [Problem("", MANIFEST, MANIFEST, "the zip file is not readable")]
    if MANIFEST not in texts:
        return [], [Problem("", MANIFEST, MANIFEST, "No package.xml found")]
    components: list[Component] = []
    problems: list[Problem] = []
    sources = {path: text for path, text in texts.items() if path.partition("/")[0] in _SOURCES}
    for path, text in sorted(texts.items()):
        if path != MANIFEST and path not in sources:
            _read_file(path, text, components=components, problems=problems)
    _read_sources(sources, components=components, problems=problems)
    problems += _compare_with_manifest(texts[MANIFEST], components)
    return components, problems


def _read_file(path: str, text: bytes, *, components: list[Component], problems: list[Problem]) -> None:
    folder, _, file = path.partition("/")
    kind = _FOLDERS.get(folder)
    name = file.rpartition(".")[0]
    if kind is None:
        problems.append(Problem("", path, path, f"Unknown folder {folder}"))
        return
    try:
        root = ET.fromstring(text)  # noqa: S314 - the sandbox serves this machine alone
    except ET.ParseError as error:
        problems.append(Problem(kind, name, path, f"Error parsing file: {error}"))
        return
    if root.tag != f"{{{NAMESPACE}}}{kind}":
        problems.append(Problem(kind, name, path, f"Entity of type {kind} expected, found {_local(root)}"))
        return
    problems += [Problem(kind, name, path, text) for text in _flaws(root, kind)]
    document = read_element(root)
    if kind == "CustomObject":
        for element, part_kind in _PARTS.items():
            parts = document.pop(element, ())
            components += [Component(part_kind, f"{name}.{part['fullName']}", path, part) for part in parts]
        if not document:
            return
    components.append(Component(kind, name, path, document))


def _read_sources(files: Mapping[str, bytes], *, components: list[Component], problems: list[Problem]) -> None:
    """Apex: each source with its metadata beside it. It is looked at, not compiled: this org runs none."""
    for path, text in sorted(files.items()):
        folder, _, file = path.partition("/")
        kind, suffix, head = _SOURCES[folder]
        name = file.removesuffix(_META).removesuffix(suffix)
        if path.endswith(_META):
            if path.removesuffix(_META) not in files:
                problems.append(Problem(kind, name, path, f"A source file is missing for {path}"))
            continue
        meta = files.get(path + _META)
        document = _read_meta(meta, kind)
        source = text.decode("utf-8", "replace")
        if document is None or document.get("status") not in {"Active", "Inactive"} or "apiVersion" not in document:
            problems.append(Problem(kind, name, path, f"Metadata file is missing or torn for {path}"))
        elif re.search(rf"\b{head}\s+{re.escape(name)}\b", source) is None:
            problems.append(Problem(kind, name, path, f"File name does not match the {head}'s name: {name}"))
        else:
            components.append(Component(kind, name, path, {**document, "body": source}))


def _read_meta(text: bytes | None, kind: str) -> dict[str, Any] | None:
    try:
        root = None if text is None else ET.fromstring(text)  # noqa: S314 - as below
    except ET.ParseError:
        return None
    return None if root is None or root.tag != f"{{{NAMESPACE}}}{kind}" else read_element(root)


def _flaws(root: Element, kind: str) -> Iterator[str]:
    """Unknown elements, and repeated ones that do not stand together."""
    seen: list[str] = []
    for child in root:
        name = _local(child)
        if name not in _KNOWN[kind]:
            yield f"Element {{{NAMESPACE}}}{name} invalid at this location in type {kind}"
        elif name in seen and (name not in _REPEATED or seen[-1] != name):
            yield f"Element {name} is duplicated at this location in type {kind}"
        seen.append(name)
        if name in _PARTS and kind == "CustomObject":
            yield from _flaws(child, _PARTS[name])


def _compare_with_manifest(text: bytes, components: list[Component]) -> Iterator[Problem]:
    root = ET.fromstring(text)  # noqa: S314 - as above
    listed = {
        (str(group["name"]), str(member))
        for group in read_element(root).get("types", ())
        for member in group.get("members", ())
    }
    found = {(component.kind, component.name): component.file for component in components}
    for kind, name in sorted(listed - set(found)):
        yield Problem(
            kind, name, MANIFEST, f"An object '{name}' of type {kind} was named in package.xml, but was not found"
        )
    for kind, name in sorted(set(found) - listed):
        yield Problem(kind, name, found[kind, name], f"{name} of type {kind} is not in package.xml")


def read_element(element: Element) -> dict[str, Any]:
    """An element's children by name: texts, further elements, and lists where the type repeats them."""
    content: dict[str, Any] = {}
    for child in element:
        name = _local(child)
        value: Any = read_element(child) if len(child) else (child.text or "")
        if child.get(_NIL) == "true":
            value = None
        if name in _REPEATED and not (name == "value" and _local(element) in _OF_ONE_VALUE):
            content.setdefault(name, []).append(value)
        else:
            content[name] = value
    return content


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]

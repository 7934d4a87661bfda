"""The package obeys the types of the Metadata API, as a client that nobody here wrote knows them."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from lead_pipeline.config.loading import load_apex_sources
from lead_pipeline.config.pipeline import load_pipeline_config
from lead_pipeline.domain.org_package.build import build_org_package, deployment_entries
from lead_pipeline_tests.clients.conftest import HERE

pytestmark = pytest.mark.slow

Types = Mapping[str, Mapping[str, Any]]
BASIC = {"string", "number", "boolean", "any"}
NEWER = {("CustomPermission", "isLicensed")}  # elements that came after the version that the client knows
FITS = {"boolean": re.compile("true|false"), "number": re.compile(r"[0-9]+(\.[0-9]+)?")}


@pytest.fixture(scope="module")
def types(node_modules: Path) -> Types:
    command = [str(node_modules / ".bin" / "node"), str(HERE / "metadata_schema.cjs")]
    environment = {**os.environ, "NODE_PATH": str(node_modules)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    found: Types = json.loads(done.stdout)
    return found


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def properties(types: Types, name: str) -> dict[str, Any]:
    """Return the elements of a type, those of the types above it included."""
    above = types[name].get("extends")
    return {**(properties(types, above) if above else {}), **types[name]["props"]}


def find_flaws(types: Types, element: ET.Element, type_name: str) -> Iterator[str]:
    known = properties(types, type_name)
    present = [local(child) for child in element]
    for name, wanted in known.items():
        is_needed = isinstance(wanted, str) and not wanted.startswith("?")
        if is_needed and present.count(name) != 1:
            yield f"{type_name} has {present.count(name)} of {name}"
    for child in element:
        wanted = known.get(local(child))
        if (type_name, local(child)) in NEWER:
            continue
        if wanted is None:
            yield f"{type_name} knows no {local(child)}"
            continue
        if isinstance(wanted, str) and present.count(local(child)) > 1:
            yield f"{type_name} takes one {local(child)}"
        inner = (wanted[0] if isinstance(wanted, list) else wanted).removeprefix("?")
        if inner not in BASIC:
            yield from find_flaws(types, child, inner)
        elif len(child):
            yield f"{type_name}.{local(child)} is a text"
        elif inner in FITS and FITS[inner].fullmatch(str(child.text)) is None:
            yield f"{type_name}.{local(child)} is {child.text}"


def test_every_file_obeys_its_type(types: Types) -> None:
    config = load_pipeline_config(None)
    package = build_org_package(config.mappings, queues=[config.routing.holding_queue], apex=load_apex_sources())
    documents = {path: text for path, text in deployment_entries(package).items() if text.startswith("<?xml")}
    flaws = {
        path: found
        for path, text in documents.items()
        if (found := list(find_flaws(types, root := ET.fromstring(text), local(root))))  # noqa: S314 - our own files
    }
    assert len(documents) > 10
    assert flaws == {}


def test_the_types_would_refuse_what_is_wrong(types: Types) -> None:
    text = "<CustomField><fullName>A__c</fullName><length>x</length><shoe>1</shoe></CustomField>"
    field = ET.fromstring(text)  # noqa: S314 - our own
    assert list(find_flaws(types, field, "CustomField")) == ["CustomField.length is x", "CustomField knows no shoe"]

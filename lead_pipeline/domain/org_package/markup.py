"""Metadata XML: elements, their text form, and what a file holds. Which elements there are, the modules beside say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
SOURCE_ROOT = "force-app/main/default"
API_VERSION = "66.0"  # that the files are written for
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Element:
    """One XML element: a text, or further elements."""

    name: str
    content: str | tuple[Element, ...]
    attributes: str = ""


@dataclass(frozen=True, slots=True)
class PackageFile:
    """One file of the package; `path` is relative, with slashes."""

    path: str
    text: str


def text_element(name: str, value: object) -> Element:
    """Return an element with a text; booleans are written as Salesforce does."""
    return Element(name, str(value).lower() if isinstance(value, bool) else str(value))


def text_elements(**values: object) -> tuple[Element, ...]:
    """Return one element per value that is not None, in the given order."""
    return tuple(text_element(name, value) for name, value in values.items() if value is not None)


def render_document(root: str, children: Iterable[Element], *, attributes: str = "") -> str:
    """Return a whole metadata file."""
    body = "".join(_render(child, depth=1) for child in children)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}"{attributes}>\n{body}</{root}>\n'


def _render(element: Element, *, depth: int) -> str:
    pad = _INDENT * depth
    start = f"{pad}<{element.name}{element.attributes}>"
    if isinstance(element.content, str):
        return f"{start}{escape(element.content)}</{element.name}>\n"
    inner = "".join(_render(child, depth=depth + 1) for child in element.content)
    return f"{start}\n{inner}{pad}</{element.name}>\n"

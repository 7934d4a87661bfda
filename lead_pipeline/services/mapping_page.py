"""Draws the mapping as one self-contained HTML page to read, print and sign: no script, nothing fetched."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from lead_pipeline.domain.mapping_docs import MappingDocument

_TEMPLATES = Path(__file__).parent / "templates"


def draw_mapping_page(document: MappingDocument) -> str:
    """Return the HTML of a mapping document."""
    return _template().render(document=document)


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("mapping.html.j2")

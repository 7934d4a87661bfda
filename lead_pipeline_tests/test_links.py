"""Every link of the documentation leads somewhere: to a file that exists, at a heading that exists."""

from __future__ import annotations

import re
from pathlib import Path

import lead_pipeline

TOP = Path(lead_pipeline.__file__).parent.parent
PAGES = (TOP / "README.md", TOP / "CHANGELOG.md", *sorted((TOP / "docs").rglob("*.md")))
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")


def anchors(page: Path) -> set[str]:
    """Return the headings of a page as a link names them: lower case, without punctuation, words joined."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_leads_to_a_file_and_a_heading_that_exist() -> None:
    dead = []
    for page in PAGES:
        for file, anchor in LINK.findall(page.read_text("utf-8")):
            target = page.parent / file if file else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                dead.append(f"{page.relative_to(TOP)}: {file}#{anchor}")

    assert dead == []

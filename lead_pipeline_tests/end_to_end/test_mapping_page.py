"""The mapping as a page in a real browser: everything can be read on a screen and on paper, and signed."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from playwright.sync_api import Page

from lead_pipeline.apps.cli.mapping import mapping
from lead_pipeline.config.pipeline import load_pipeline_config
from lead_pipeline_tests.end_to_end.browser import open_page

#: Kind of medium -> pixels of a line: a laptop, and A4 landscape without its margins at 96 dots an inch.
WIDTHS = {"screen": 1_280, "print": 1_032}
CUT_CELLS = """() => [...document.querySelectorAll('td, th, dd, .sign div')]
    .filter(cell => cell.scrollWidth > cell.clientWidth + 1 || cell.clientHeight === 0)
    .map(cell => cell.textContent.trim().slice(0, 60))"""
SHOWN_TEXTS = """selector => [...document.querySelectorAll(selector)]
    .filter(entry => entry.checkVisibility() && entry.clientHeight + entry.getClientRects().length > 0)
    .map(entry => entry.textContent.trim())"""
PAGE_WIDTH = "() => document.documentElement.scrollWidth"
BLANK_BYTES = 20_000  # a screenshot of an empty page of this size is smaller


def write_page(directory: Path) -> Path:
    target = directory / "mapping.html"
    result = CliRunner().invoke(mapping, ["docs", "--html", str(target)], env={"LEAD_PIPELINE_HOME": "/nowhere"})
    assert result.exit_code == 0, result.output
    return target


def lay_out(page: Page, target: Path, *, medium: str) -> None:
    page.set_viewport_size({"width": WIDTHS[medium], "height": 900})
    page.emulate_media(media="print" if medium == "print" else "screen")
    page.goto(target.as_uri())


def test_nothing_of_the_document_is_cut_and_it_can_be_signed(tmp_path: Path) -> None:
    target = write_page(tmp_path)
    mappings = load_pipeline_config(None).mappings
    names = [row.to for row in (*mappings.lead.fields, *mappings.contact.fields)]
    asked: list[str] = []
    with open_page() as page:
        page.on("request", lambda request: asked.append(request.url))
        for medium, width in WIDTHS.items():
            lay_out(page, target, medium=medium)

            assert page.evaluate(CUT_CELLS) == [], medium
            assert page.evaluate(PAGE_WIDTH) <= width, medium
            shown = page.evaluate(SHOWN_TEXTS, "td code")
            assert set(names) <= set(shown), medium
            assert len(list(filter(None, page.evaluate(SHOWN_TEXTS, ".sign div")))) >= 3
        lay_out(page, target, medium="screen")
        assert len(page.screenshot(path=tmp_path / "page.png")) > BLANK_BYTES
        page.add_style_tag(content="td { white-space: nowrap; overflow: hidden; max-width: 20px; }")
        assert page.evaluate(CUT_CELLS), "a cell that is cut would not be seen"
    assert set(asked) == {target.as_uri()}

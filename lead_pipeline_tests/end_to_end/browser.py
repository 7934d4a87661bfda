"""A real Chromium for tests, driven by Playwright. Its own copy of a browser is not used: the machine's is."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET_FLAGS = (
    "--no-sandbox",  # Chromium refuses its sandbox to root, as which tests run in containers
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WINDOW_PIXELS = {"width": 2400, "height": 900}  # the graph draws only what is in sight
PATIENCE_MILLISECONDS = 60_000  # for one element to appear; a busy machine draws slowly


def find_chromium() -> str | None:
    """Path of the machine's Chromium: CHROMIUM names one, else the PATH is searched."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def open_page() -> Iterator[Page]:
    """An empty page; the test is skipped where the machine has no browser."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine: install it (Debian: apt-get install chromium) or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET_FLAGS))
        page = browser.new_page(viewport=WINDOW_PIXELS)  # type: ignore[arg-type]  # the literal is the wanted shape
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)  # it does not heed the page's
        yield page
        browser.close()

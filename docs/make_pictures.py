#!/usr/bin/env python3
"""Makes the pictures of the README anew: the run report, Dagit's asset graph and a check page, all of a demo night.

    .venv/bin/python docs/make_pictures.py        # needs Chromium; CHROMIUM=/path/to/it when it is not on the PATH

The night runs in a temporary home, so the state of the checkout is left alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
COMMAND = str(Path(sys.executable).with_name("lead-pipeline"))
PORT = 3917
WIDTH = 1400  # pixels; what a README shows without scaling text away
GRAPH_WIDTH = 1700  # the whole graph fits
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
START_SECONDS = 240  # a busy machine takes its time
SETTLE_MILLISECONDS = 4_000  # Dagit lays the graph out in a worker and animates it

GROUPS = ("extract", "normalize", "enrich", "match", "sync", "verify", "hand_over", "report")
GRAPH = f"http://127.0.0.1:{PORT}/asset-groups?expanded={','.join(f'global@global:{group}' for group in GROUPS)}"
CHECK = (
    f"http://127.0.0.1:{PORT}/assets/sync_salesforce__readback"
    "?view=checks&checkDetail=sync_salesforce__readback__duplicates"
)


@contextlib.contextmanager
def dagit(environment: dict[str, str]) -> Iterator[None]:
    """Serve Dagit on the demo's state."""
    with subprocess.Popen([COMMAND, "ui", "--port", str(PORT)], env=environment) as process:
        try:
            wait_for(f"http://127.0.0.1:{PORT}/server_info")
            yield
        finally:
            process.terminate()


def wait_for(url: str) -> None:
    """Return when a server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(url, timeout=START_SECONDS):  # noqa: S310  # our own address
            return
        time.sleep(1)
    raise TimeoutError(url)


def picture(page: Page, url: str, *, name: str, shows: str, height: int, width: int = WIDTH) -> None:
    """Save a page once it shows a text."""
    page.set_viewport_size({"width": width, "height": height})
    page.goto(url, timeout=START_SECONDS * 1_000)
    page.get_by_text(shows).first.wait_for(timeout=START_SECONDS * 1_000)
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    page.screenshot(path=IMAGES / name)


def main() -> None:
    """Run a demo night and look at it."""
    IMAGES.mkdir(exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        environment = {**os.environ, "LEAD_PIPELINE_HOME": home}
        report = Path(home) / "report.html"
        try:
            subprocess.run([COMMAND, "demo"], env=environment, check=True)
            subprocess.run([COMMAND, "report", "--html", str(report)], env=environment, check=True)
            page = playwright.chromium.launch(executable_path=chromium, args=FLAGS).new_page()
            picture(page, report.as_uri(), name="run_report.png", shows="Gates", height=1000)
            with dagit(environment):
                picture(page, GRAPH, name="asset_graph.png", shows="raw_dievio__leads", height=520, width=GRAPH_WIDTH)
                picture(page, CHECK, name="check_page.png", shows="Latest execution", height=760)
        finally:
            subprocess.run([COMMAND, "sandbox", "stop"], env=environment, check=True)


if __name__ == "__main__":
    main()

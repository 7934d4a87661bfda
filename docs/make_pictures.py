#!/usr/bin/env python3
"""Makes the pictures of the README anew: Dagit's asset graph and the run report, both of a demo night.

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
START_SECONDS = 90
SETTLE_MILLISECONDS = 4_000  # Dagit lays the graph out in a worker and animates it

GROUPS = ("extract", "normalize", "match", "sync", "verify", "hand_over", "report")
GRAPH = f"http://127.0.0.1:{PORT}/asset-groups?expanded={','.join(f'global@global:{group}' for group in GROUPS)}"


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


def picture(page: Page, url: str, *, name: str, height: int) -> None:
    """Save what a page shows."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.goto(url)
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
            page = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]).new_page()
            picture(page, report.as_uri(), name="run_report.png", height=1000)
            with dagit(environment):
                picture(page, GRAPH, name="asset_graph.png", height=560)
        finally:
            subprocess.run([COMMAND, "sandbox", "stop"], env=environment, check=True)


if __name__ == "__main__":
    main()

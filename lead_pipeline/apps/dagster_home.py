"""Where Dagster keeps its instance file and logs for the command line: a directory of the product's home."""

from __future__ import annotations

import shutil
from pathlib import Path

from lead_pipeline.settings import Settings

PROJECT_DIRECTORY = Path(__file__).parents[2]
INSTANCE_FILE = PROJECT_DIRECTORY / "dagster.yaml"
WORKSPACE_FILE = PROJECT_DIRECTORY / "workspace.yaml"


def prepare_dagster_home(settings: Settings) -> Path:
    """Return Dagster's home with the project's instance file in it, as it is now."""
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(INSTANCE_FILE, home / INSTANCE_FILE.name)
    return home

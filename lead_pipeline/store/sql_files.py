"""Where the project's SQL files are. What they say is read by `migrations` and `queries`."""

from __future__ import annotations

from pathlib import Path

import lead_pipeline
from lead_pipeline.errors import ConfigurationError

SQL_DIRECTORY = Path(lead_pipeline.__file__).resolve().parent.parent / "sql"
MIGRATIONS = "migrations"
QUERIES = "queries"


def find_sql_directory(name: str) -> Path:
    """Return a directory below `sql/`.

    Raises:
        ConfigurationError: It is not there, as in an installation without the project's tree.
    """
    directory = SQL_DIRECTORY / name
    if not directory.is_dir():
        raise ConfigurationError(
            str(directory), what="the SQL files are missing", repair="Install the project from its source tree"
        )
    return directory

"""The reviewed tables in `data/`, read once: mailbox words, mail providers, industries."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

DATA_DIRECTORY = Path(__file__).parent / "data"


@cache
def read_table(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of `data/<name>.csv` by column."""
    with (DATA_DIRECTORY / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))

"""Kinds of values that several commands take: a batch, a number of lines, a port.

A wrong one is refused before anything is opened; otherwise a slip would look like an empty answer.
"""

from __future__ import annotations

import re
from datetime import date

import click

COUNT = click.IntRange(min=1)
PORT = click.IntRange(min=1, max=65_535)
PORT_OR_ANY = click.IntRange(min=0, max=65_535)  # 0: any free one
_NO_NIGHT = re.compile(r"[a-z_]+-.+")  # a night is named by its day, others by what they are: refresh-2026-11-20


class BatchName(click.ParamType):
    """The name of a batch: a day, or what `status` shows for one that is no night."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as it was given, or refuse it."""
        if not _NO_NIGHT.fullmatch(value):
            try:
                date.fromisoformat(value)
            except ValueError:
                self.fail(f"{value!r} is no day. Write it as 2026-11-20", param, ctx)
        return value


BATCH = BatchName()

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


def check_batch(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return the name of a batch as it was given: a day, or what `status` shows for one that is no night.

    Raises:
        BadParameter: It is neither.
    """
    if value is not None and not _NO_NIGHT.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            message = f"{value!r} is no day. Write it as 2026-11-20"
            raise click.BadParameter(message, ctx=context, param=option) from None
    return value

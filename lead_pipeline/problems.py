"""What is to be mended in a configuration file, with its place. The error that carries it is in `errors`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NEAREST = re.compile(r"Did you mean ([^?]+)\?")


@dataclass(frozen=True, slots=True)
class ConfigurationProblem:
    """One thing to mend in a file.

    Attributes:
        place: file:line:column and the key, or the name of a part where no file is known.
        what: What is wrong.
        repair: What to do about it.
        code: Kind of mistake, one word for programs.
        path: Keys and list positions from the top of the document; a reader of files turns it into a place.
        file: The file; empty where none is known.
        line: Line in it, from 1; 0 where none is known.
        column: Column in it, from 1; 0 where none is known.
        key: The key, as people write a path; empty where none is known.
    """

    place: str
    what: str
    repair: str
    code: str = "contradiction"
    path: tuple[str | int, ...] = ()
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""

    @property
    def nearest(self) -> str:
        """The name that was probably meant; empty where none is near."""
        found = _NEAREST.match(self.repair)
        return found[1] if found else ""

    def __str__(self) -> str:
        """Return the sentence for people."""
        return f"{self.place}: {self.what}. {self.repair}"

"""The rows of a long result by their SQLite row numbers, packed: a million of them wait in ten megabytes.

Belongs here: packing and cutting. Gathering them: store.py; pages made from them: queries.py.
"""

from dataclasses import dataclass
from typing import Final

FIRST_NUMBER: Final = 1_000_000_000
"""Added to every row number, so that each takes the same number of digits and a page is a slice of the text."""
_DIGITS: Final = len(str(FIRST_NUMBER))


@dataclass(frozen=True)
class RowNumbers:
    """Row numbers in the order of a result; `packed` is None for no rows."""

    packed: str | None

    def __len__(self) -> int:
        """How many there are."""
        return len(self.packed or "") // _DIGITS

    def page(self, start: int, size: int) -> list[int]:
        """The numbers from one place on, at most so many."""
        text = (self.packed or "")[start * _DIGITS : (start + size) * _DIGITS]
        return [int(text[place : place + _DIGITS]) - FIRST_NUMBER for place in range(0, len(text), _DIGITS)]

"""How the platform compares text: without regard to case, in every script.

Belongs here: the comparison and LIKE. Which columns use it: store.py.
"""

import re
from functools import lru_cache
from typing import Final

ESCAPE: Final = "\\"


def compare_text(left: str, right: str) -> int:
    """Order two texts without regard to case (SQLite collation)."""
    if left == right:
        return 0
    first, second = left.casefold(), right.casefold()
    return (first > second) - (first < second)


def matches_pattern(pattern: str | None, text: object) -> bool:
    r"""Whether text matches a LIKE pattern: `%` any run, `_` one character, `\%` and `\_` themselves."""
    if pattern is None or text is None:
        return False
    return _compiled(pattern).fullmatch(str(text)) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    place = 0
    while place < len(pattern):
        char = pattern[place]
        if char == ESCAPE and place + 1 < len(pattern):
            place += 1
            parts.append(re.escape(pattern[place]))
        else:
            parts.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
        place += 1
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)

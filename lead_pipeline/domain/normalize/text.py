"""Text of any field: repaired, trimmed, and one null for all the ways a cell can say "nothing".

What a text means (a name, an address, a place) is decided in the module of that kind.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import ftfy
from anyascii import anyascii

CACHE_SIZE = 65_536  # distinct raw values kept per rule; a nightly batch repeats companies, places and titles

#: What people and programs write where they have nothing; compared in lower case.
PLACEHOLDERS = frozenset(
    {
        "n/a", "#n/a", "n.a.", "n.a", "#na", "#ref!", "#value!", "#name?", "none", "null", "nil", "nan", "nat",
        "undefined", "unknown", "[unknown]", "[[unknown]]", "(unknown)", "[not provided]", "not provided",
        "not available", "not applicable", "not specified", "no data", "tbd", "tba", "(blank)", "(null)", "(none)",
        "<null>", "<none>", "[null]", "k.a.", "keine angabe", "s/o", "xxx",
    }
)  # fmt: skip

#: Only in capitals: "Na" is a family name, and "NA" in a column is what R and spreadsheets write for nothing.
CAPITAL_PLACEHOLDERS = frozenset({"NA"})

_BLANKS = re.compile(r"\s+")
_NO_WORD = re.compile(r"[\W_]+")
_ALNUM = re.compile(r"[^0-9a-z]+")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
#: Joiners that spell words in Persian and in Indic scripts: invisible, yet part of the name while between letters.
_SPELLING_JOINERS = frozenset("\u200c\u200d")
_LOOSE_JOINER = re.compile("(?<!\\w)[\u200c\u200d]+|[\u200c\u200d]+(?!\\w)")


def clean_value(raw: object) -> str | None:
    """Return the text of a JSON cell, or None when it holds nothing or no scalar."""
    if isinstance(raw, str):
        return clean_text(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return clean_text(str(raw))


@lru_cache(maxsize=CACHE_SIZE)
def clean_text(raw: str) -> str | None:
    """Return a text repaired and trimmed, or None when it is blank or a placeholder.

    Broken encodings and HTML entities are mended, invisible characters and emoji go, blanks collapse to one. Letters
    keep their case and their script.
    """
    text = _trim(raw)
    while (again := _trim(text)) != text:  # a blank that went may have hidden a broken encoding; mending shortens
        text = again
    return None if is_placeholder(text) else text


def is_placeholder(text: str) -> bool:
    """Tell whether a trimmed text says "nothing here"."""
    return not _NO_WORD.sub("", text) or text.lower() in PLACEHOLDERS or text in CAPITAL_PLACEHOLDERS


@lru_cache(maxsize=CACHE_SIZE)
def fold(text: str) -> str:
    """Return a text as ASCII lower-case words: the form in which two values are compared, never one that is stored."""
    ascii_text = text if text.isascii() else anyascii(text)
    return _ALNUM.sub(" ", ascii_text.lower().replace("'", "").replace("&", " and ")).strip()


def _trim(raw: str) -> str:
    return _BLANKS.sub(" ", raw if _is_plain(raw) else _repair(raw)).strip()


def _is_plain(raw: str) -> bool:
    # The repair costs 50 times as much as this test, and most cells need none.
    return raw.isascii() and raw.isprintable() and "&" not in raw


def _repair(raw: str) -> str:
    # Hidden characters go first: between two letters they keep broken encodings from being recognized.
    fixed = ftfy.fix_text(_drop_hidden(raw))
    return _drop_hidden(unicodedata.normalize("NFC", fixed))


def _drop_hidden(text: str) -> str:
    return _LOOSE_JOINER.sub("", "".join(map(_visible, text)))


def _visible(char: str) -> str:
    if char.isspace():
        return " "
    category = unicodedata.category(char)
    if category == "So":
        return " "  # emoji and ornaments separate words
    is_hidden = category in _INVISIBLE or unicodedata.name(char, "").startswith("VARIATION SELECTOR")
    return "" if is_hidden and char not in _SPELLING_JOINERS else char

"""Whether two names may belong to one person: what identity and matching ask before they trust a shared address.

Names are compared in any script and spelling; what follows from the answer is decided by the caller.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache, lru_cache

from nicknames import NickNamer
from rapidfuzz.distance import DamerauLevenshtein

from lead_pipeline.domain.normalize.names import SUFFIX_WORDS, TITLE_WORDS
from lead_pipeline.domain.normalize.text import CACHE_SIZE, fold

#: A slip of the pen turns short names into other names: "Mark" and "Mary" are two people.
SHORTEST_SLIPPED_NAME = 5  # letters
SHORTEST_PREFIX = 3  # letters; "Alex" for "Alexander"


class NameComparison(StrEnum):
    """What two names say about being one person."""

    EQUAL = "equal"
    COMPATIBLE = "compatible"  # one may stand for the other
    CONFLICTING = "conflicting"
    UNKNOWN = "unknown"  # a name is missing


def compare_names(first: tuple[str | None, str | None], second: tuple[str | None, str | None]) -> NameComparison:
    """Return what two (given, family) pairs say: the weaker answer of the two parts.

    A missing part leaves the answer open, unless the other part already conflicts.
    """
    given = compare_given_names(first[0], second[0])
    family = compare_family_names(first[1], second[1])
    for verdict in (NameComparison.CONFLICTING, NameComparison.UNKNOWN, NameComparison.COMPATIBLE):
        if verdict in (given, family):
            return verdict
    return NameComparison.EQUAL


def given_names_compatible(first: str | None, second: str | None) -> bool:
    """Tell whether two given names are equal or one may stand for the other; a missing name is not compatible."""
    return compare_given_names(first, second) in {NameComparison.EQUAL, NameComparison.COMPATIBLE}


def family_names_compatible(first: str | None, second: str | None) -> bool:
    """Tell whether two family names are equal or differ as spellings of one name do."""
    return compare_family_names(first, second) in {NameComparison.EQUAL, NameComparison.COMPATIBLE}


@lru_cache(maxsize=CACHE_SIZE)
def compare_given_names(first: str | None, second: str | None) -> NameComparison:
    """Return whether two given names are equal, or one is an initial, nickname, prefix or slip of the other."""
    left, right = given_words(first), given_words(second)
    if not left or not right:
        return NameComparison.UNKNOWN
    if left == right or "".join(left) == "".join(right):
        return NameComparison.EQUAL
    if _stands_for(left[0], right[0]):
        return NameComparison.COMPATIBLE
    # "J. Robert" and "Robert": the name in use is the second one
    is_second_name = _has_second_name(left, right[0]) or _has_second_name(right, left[0])
    return NameComparison.COMPATIBLE if is_second_name else NameComparison.CONFLICTING


@lru_cache(maxsize=CACHE_SIZE)
def compare_family_names(first: str | None, second: str | None) -> NameComparison:
    """Return whether two family names are equal, or one is a part of a double name or a slip of the other."""
    left, right = family_words(first), family_words(second)
    if not left or not right:
        return NameComparison.UNKNOWN
    joined_left, joined_right = "".join(left), "".join(right)
    if joined_left == joined_right:
        return NameComparison.EQUAL
    is_part_of_double = {left[0], left[-1]} & {right[0], right[-1]} and (len(left) == 1 or len(right) == 1)
    if is_part_of_double or _is_slip(joined_left, joined_right):
        return NameComparison.COMPATIBLE
    return NameComparison.CONFLICTING


@lru_cache(maxsize=CACHE_SIZE)
def given_words(name: str | None) -> tuple[str, ...]:
    """Return the ASCII words of a given name without salutation."""
    return tuple(word for word in fold(name or "").split() if word not in TITLE_WORDS)


@lru_cache(maxsize=CACHE_SIZE)
def family_words(name: str | None) -> tuple[str, ...]:
    """Return the ASCII words of a family name without credentials."""
    words = fold((name or "").replace(".", "")).split()
    return tuple(word for word in words if word not in SUFFIX_WORDS) or tuple(words)


def _has_second_name(words: tuple[str, ...], name: str) -> bool:
    return len(words) > 1 and len(words[0]) == 1 and words[1] == name


def _stands_for(first: str, second: str) -> bool:
    if first == second:
        return True
    shorter, longer = sorted((first, second), key=len)
    if longer.startswith(shorter) and (len(shorter) == 1 or len(shorter) >= SHORTEST_PREFIX):
        return True
    return _share_a_name(first, second) or _is_slip(first, second)


def _without_umlauts(word: str) -> str:
    """Return a word as if its umlauts had lost their dots: "joerg" and "jorg" are two ways to write one name."""
    return word.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def _share_a_name(first: str, second: str) -> bool:
    if _without_umlauts(first) == _without_umlauts(second):
        return True
    names = _nicknames()
    return second in names.nicknames_of(first) or first in names.nicknames_of(second)


def _is_slip(first: str, second: str) -> bool:
    if min(len(first), len(second)) < SHORTEST_SLIPPED_NAME:
        return False
    return DamerauLevenshtein.distance(first, second, score_cutoff=1) <= 1


@cache
def _nicknames() -> NickNamer:
    return NickNamer()

"""Names of persons: cleaned parts, and the split of a whole name with the certainty it deserves.

Whether two names may be one person is `name_compatibility`; what becomes of a lead without a family name is `lead`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from nameparser import ParsedName, parse

from lead_pipeline.domain.normalize.companies import has_legal_form
from lead_pipeline.domain.normalize.reference_data import read_table
from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text, fold

#: How far a split can be trusted, 0 to 1 (measured on ugly names: what the parser reports and what it misses).
SHARE_SEPARATE_FIELDS = 1.0  # the source itself told the parts apart
SHARE_TWO_PLAIN_WORDS = 0.95
SHARE_MORE_WORDS = 0.8
SHARE_AMBIGUOUS = 0.5
SHARE_NO_PERSON = 0.2
#: Below this a split never overwrites and goes to review.
LOWEST_TRUSTED_SPLIT = 0.6


def _words(kind: str) -> frozenset[str]:
    return frozenset(row["word"] for row in read_table("name_words") if row["kind"] == kind)


SUFFIX_WORDS = _words("suffix")
TITLE_WORDS = _words("title")

#: Words that make a "name" a mailbox, a team or a test entry.
_NO_PERSON_WORDS = _words("no_person")
#: Words that tell a job description from a credential after a comma.
_JOB_WORDS = _words("job")
_PARTICLES = _words("particle")
_CUT = re.compile(r"\s+[-–—|/•·]+\s+|\s*\|\s*")  # noqa: RUF001  # the dashes people really type
_ORDINAL = re.compile(r"\b(?:2nd|3rd|4th)\b", re.IGNORECASE)
_WORD_STARTS = re.compile(r"(^|[\s\-'’.(])(\w)")  # noqa: RUF001  # the typographic apostrophe
_MC = re.compile(r"\bMc(\w)")
_LONGEST_INITIALS = 3  # "JP" and "AJD" are written in capitals on purpose


class NameFlag(StrEnum):
    """Remarks on how a name was read."""

    SPLIT = "name_split"
    SPLIT_LOW_CONFIDENCE = "name_split_low_confidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonName:
    """A name in parts. `share` is how sure the parts are, 0 to 1."""

    given: str | None = None
    family: str | None = None
    share: float = SHARE_SEPARATE_FIELDS
    is_split: bool = False
    is_person: bool = True


def read_name(
    given: str | None, family: str | None, *, full: str | None, use_full_as_family: bool = False
) -> PersonName:
    """Return the name of a person from the cells that hold it.

    Separate fields win; a missing one is what remains of the whole name; a whole name alone is split.

    Args:
        given: Raw given name.
        family: Raw family name.
        full: Raw whole name.
        use_full_as_family: Let a whole name that cannot be split stand as family name. Off unless the operator asks
            for it, because it fills the org with malformed leads.
    """
    cleaned_given, cleaned_family = clean_name_part(given), clean_name_part(family)
    if not all(is_person_name(part) for part in (cleaned_given, cleaned_family) if part):
        return PersonName(given=None, family=None, share=SHARE_NO_PERSON, is_person=False)
    if cleaned_given and cleaned_family:
        return _separate(cleaned_given, cleaned_family, is_shouted=f"{given}{family}".isupper())
    whole = clean_text(full) if full else None
    if whole is None:
        return PersonName(given=cleaned_given, family=cleaned_family)
    if cleaned_given or cleaned_family:
        return _complete(cleaned_given, cleaned_family, whole)
    return split_full_name(whole, use_full_as_family=use_full_as_family)


@lru_cache(maxsize=CACHE_SIZE)
def clean_name_part(raw: str | None) -> str | None:
    """Return one part of a name without salutation and credentials, upper- or lower-case spelling mended."""
    text = clean_text(raw) if raw else None
    if text is None:
        return None
    before_comma, _, after_comma = text.partition(",")
    if all(word in SUFFIX_WORDS for word in fold(after_comma.replace(".", "")).split()):
        text = before_comma
    words = text.split()
    while len(words) > 1 and fold(words[0]) in TITLE_WORDS:
        words.pop(0)
    return repair_case(" ".join(words).strip(" ,;"))


@lru_cache(maxsize=CACHE_SIZE)
def split_full_name(text: str, *, use_full_as_family: bool = False) -> PersonName:
    """Return the parts of a whole name (already cleaned text)."""
    core, is_cut = _cut_description(text)
    if not is_person_name(core):
        return PersonName(share=SHARE_NO_PERSON, is_split=True, is_person=False)
    parsed = parse(_ORDINAL.sub("", core))
    given, family = _join(parsed.given, parsed.middle), parsed.family
    if not family or not (given or parsed.title):
        # One word, or a script without blanks: nobody can tell which part it is.
        return PersonName(
            given=None if use_full_as_family else repair_case(given) or None,
            family=repair_case(core) if use_full_as_family else None,
            share=SHARE_AMBIGUOUS,
            is_split=True,
        )
    share = _judge_split(core, parsed, has_given=bool(given))
    is_shouted = core.isupper()
    return PersonName(
        given=repair_case(given, is_shouted=is_shouted) or None,
        family=repair_case(family, is_shouted=is_shouted),
        share=min(share, SHARE_MORE_WORDS) if is_cut else share,
        is_split=True,
    )


@lru_cache(maxsize=CACHE_SIZE)
def is_person_name(text: str) -> bool:
    """Tell whether a text can be the name of a person: no address, number, organization, mailbox or test entry."""
    if "@" in text or any(char.isdigit() for char in _ORDINAL.sub("", text)):
        return False
    words = fold(text).split()
    return not _NO_PERSON_WORDS.intersection(words) and not has_legal_form(text)


def repair_case(text: str, *, is_shouted: bool = False) -> str:
    """Return a name with capital initials where it came all in one case; anything else stays as written.

    Args:
        text: A name or a part of one.
        is_shouted: The whole name is in capitals, so a short part is no set of initials either.
    """
    has_many_letters = sum(char.isalpha() for char in text) > _LONGEST_INITIALS
    if not (text.islower() or (text.isupper() and (is_shouted or has_many_letters))):
        return text
    words = [_capitalize(word) for word in text.lower().split(" ")]
    return " ".join(words)


def _capitalize(word: str) -> str:
    if word in _PARTICLES:
        return word
    started = _WORD_STARTS.sub(lambda match: match[1] + match[2].upper(), word)
    return _MC.sub(lambda match: "Mc" + match[1].upper(), started)


def _separate(given: str, family: str, *, is_shouted: bool) -> PersonName:
    return PersonName(
        given=repair_case(given, is_shouted=is_shouted), family=repair_case(family, is_shouted=is_shouted)
    )


def _complete(given: str | None, family: str | None, whole: str) -> PersonName:
    """Return both parts where the whole name is the known part plus something."""
    core, _ = _cut_description(whole)
    words, known = (clean_name_part(core) or "").split(), (given or family or "").split()
    count = len(known)
    missing = words[count:] if given else words[:-count]
    meets = words[:count] if given else words[-count:]
    if not missing or fold(" ".join(meets)) != fold(" ".join(known)):
        return PersonName(given=given, family=family)
    rest = clean_name_part(" ".join(missing))
    if rest is None or not is_person_name(rest):
        return PersonName(given=given, family=family)
    return PersonName(given=given or rest, family=family or rest, share=SHARE_TWO_PLAIN_WORDS, is_split=True)


def _cut_description(text: str) -> tuple[str, bool]:
    """Return a name without what follows a dash or bar, and without a job after the comma."""
    core = _CUT.split(text, maxsplit=1)[0].strip()
    head, comma, tail = core.partition(",")
    if comma and _JOB_WORDS.intersection(fold(tail).split()):
        core = head.strip()
    return core, core != text


def _judge_split(core: str, parsed: ParsedName, *, has_given: bool) -> float:
    if parsed.ambiguities or not has_given or (core.isupper() and "," in core):
        return SHARE_AMBIGUOUS
    words = f"{parsed.given} {parsed.middle} {parsed.family}".split()
    if len(set(words)) < len(words):  # "Ali Ali" is a name, and a form filled in twice looks the same
        return SHARE_AMBIGUOUS
    return SHARE_TWO_PLAIN_WORDS if len(words) == 2 else SHARE_MORE_WORDS  # noqa: PLR2004  # given and family


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)

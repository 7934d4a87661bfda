"""Company names: the form stored, and the key without legal form by which two spellings of one firm meet.

Domains of companies are `domains`; what a similar name means for a match is `matching`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from cleanco import termdata

from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text, fold

#: Legal forms that the term list lacks, seen in demo and public data.
_MORE_FORMS = (
    "gmbh & co. kg", "gmbh & co. kgaa", "kg", "ug", "ug (haftungsbeschränkt)", "e.v.", "ohg", "gbr", "kgaa", "mbh",
    "pty ltd", "pty. ltd.", "pte ltd", "pvt ltd", "private limited", "co., ltd.", "k.k.", "kabushiki kaisha",
    "sp. z o.o.", "s.r.o.", "a.s.", "d.o.o.", "s.r.l.", "s.a.r.l.", "sarl", "sas", "s.a.s.", "s.l.", "s.l.u.",
    "s.a. de c.v.", "s. de r.l. de c.v.", "ltda", "eireli", "b.v.", "n.v.", "oyj", "oy", "aps", "a/s", "ab", "as",
    "asa", "nyrt", "zrt", "kft", "plc", "llp", "lp", "sdn bhd", "tbk", "a.ş.", "ltd. şti.", "ooo", "oao", "pao", "zao",
)  # fmt: skip
#: Written before the name in their languages.
_PREFIX_FORMS = frozenset({"ooo", "oao", "pao", "zao", "ao", "pt", "tov", "the"})
#: Words after which the name is the same firm to a reader.
_TRAILING_WORDS = frozenset({"group", "holding", "holdings"})
#: Forms in scripts without blanks, cut out before the name becomes ASCII.
_CJK_FORMS = re.compile("株式会社|有限会社|合同会社|股份有限公司|有限责任公司|有限公司|주식회사|\\(株\\)|㈱")
_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_LONGEST_FORM = 5  # words of the longest legal form, "s de rl de cv"
#: Legal forms that are also everyday words or initials: alone they do not make a text an organization.
_WEAK_FORMS = frozenset(
    {"as", "ab", "co", "sa", "lp", "ag", "pc", "sc", "pa", "kg", "ug", "se", "ay", "ky", "sl", "ac"}
)


def clean_company(raw: str | None) -> str | None:
    """Return a company name as it will be stored: repaired text, legal form included."""
    return clean_text(raw) if raw else None


@lru_cache(maxsize=CACHE_SIZE)
def company_key(name: str) -> str | None:
    """Return the name without legal form, article and trailing "group", in ASCII; None when nothing is left of it."""
    words = _words(_BRACKETED.sub(" ", _CJK_FORMS.sub(" ", name))) or _words(name)
    forms = legal_forms()
    while (shorter := _strip_once(words, forms)) != words:
        words = shorter
    return " ".join(words) or None


@lru_cache(maxsize=CACHE_SIZE)
def has_legal_form(text: str) -> bool:
    """Tell whether a text ends in a legal form, so that it names an organization and no person."""
    if _CJK_FORMS.search(text):
        return True
    words = _words(text)
    sizes = range(1, min(_LONGEST_FORM, len(words) - 1) + 1)
    endings = {tuple(words[-size:]) for size in sizes}
    return any(ending in legal_forms() and (len(ending) > 1 or ending[0] not in _WEAK_FORMS) for ending in endings)


@cache
def legal_forms() -> frozenset[tuple[str, ...]]:
    """Return every known legal form as folded words."""
    listed = [term for terms in termdata.terms_by_type.values() for term in terms]
    return frozenset(words for term in (*listed, *_MORE_FORMS) if (words := tuple(_words(term))))


def _strip_once(words: list[str], forms: frozenset[tuple[str, ...]]) -> list[str]:
    """Return the words without one form, longest first; never an empty list."""
    for size in range(min(_LONGEST_FORM, len(words) - 1), 0, -1):
        if tuple(words[-size:]) in forms:
            return words[:-size]
    if len(words) > 1 and words[-1] in _TRAILING_WORDS:
        return words[:-1]
    if len(words) > 1 and words[0] in _PREFIX_FORMS:
        return words[1:]
    if len(words) > 1 and words[-1] == "and":  # what "& Co." leaves behind
        return words[:-1]
    return words


def _words(text: str) -> list[str]:
    """Return folded words, with dotted initials as one word: "S.p.A." is "spa"."""
    joined = " ".join(_join_initials(token) for token in text.split())
    return fold(joined).split()


def _join_initials(token: str) -> str:
    pieces = [piece for piece in re.split(r"[./]", token.strip(",;")) if piece]
    is_initials = len(pieces) > 1 and all(len(piece) <= 2 for piece in pieces)  # noqa: PLR2004  # "Sp.z.o.o."
    return "".join(pieces) if is_initials else token

"""Job titles: the text stored, the key compared, and the seniority and department they tell."""

from __future__ import annotations

import re
from functools import lru_cache

from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text, fold

_ABBREVIATIONS = {
    "vp": "vice president", "svp": "senior vice president", "evp": "executive vice president",
    "avp": "assistant vice president", "sr": "senior", "snr": "senior", "jr": "junior", "mgr": "manager",
    "dir": "director", "eng": "engineer", "engr": "engineer", "exec": "executive", "asst": "assistant",
    "assoc": "associate", "dept": "department", "mktg": "marketing", "ops": "operations", "hr": "human resources",
    "it": "information technology", "ceo": "chief executive officer", "cfo": "chief financial officer",
    "cto": "chief technology officer", "coo": "chief operating officer", "cmo": "chief marketing officer",
    "cio": "chief information officer", "cro": "chief revenue officer", "cpo": "chief product officer",
    "md": "managing director", "gm": "general manager", "pm": "project manager", "dev": "development",
    "biz": "business", "intl": "international", "natl": "national", "acct": "account", "rep": "representative",
}  # fmt: skip
_SMALL_WORDS = frozenset({"of", "and", "for", "the", "in", "at", "to", "&"})
_CAPITAL_WORDS = frozenset(
    {
        "vp", "svp", "evp", "avp", "ceo", "cfo", "cto", "coo", "cmo", "cio", "ciso", "cro", "cpo", "cdo", "hr",
        "it", "qa", "ui", "ux", "seo", "b2b", "b2c", "emea", "apac", "dach", "us", "uk", "eu", "pr", "r&d", "ai",
        "ml", "iot", "crm", "erp", "saas",
    }
)  # fmt: skip

#: Seniority by the first rule that matches, in Dievio's ten words.
_SENIORITIES = (
    ("owner", r"\b(?:owner|founder|co ?founder|proprietor|inhaber(?:in)?|grunder(?:in)?)\b"),
    ("cxo", r"\bchief\b.*\bofficer\b|\b(?:chief of staff|managing director|geschaftsfuhrer(?:in)?)\b"),
    ("cxo", r"(?<!vice )\bpresident\b"),
    ("partner", r"(?<!business )\bpartner\b(?! manager| marketing| sales| success| development)"),
    ("vp", r"\bvice president\b"),
    ("director", r"\b(?:director|head of|leiter(?:in)?|bereichsleiter(?:in)?|directeur|directora?)\b"),
    ("training", r"\b(?:trainee|apprentice|azubi|intern|praktikant(?:in)?|working student|werkstudent(?:in)?)\b"),
    ("unpaid", r"\b(?:volunteer|unpaid)\b"),
    ("manager", r"\b(?:manager|supervisor|team lead|teamleiter(?:in)?)\b"),
    ("senior", r"\b(?:senior|lead|principal|staff)\b"),
    ("entry", r"\b(?:junior|assistant|entry level)\b"),
)
#: Department by the first rule that matches, in Dievio's fourteen words.
_DEPARTMENTS = (
    ("human_resources", r"\b(?:human resources|people operations|talent|recruit\w*|personal\w*)\b"),
    ("business_development", r"\b(?:business development|partnerships?)\b"),
    ("customer_service", r"\bcustomer (?:service|success|support|care|experience)\b"),
    ("marketing", r"\b(?:marketing|brand|communications?|content|seo|growth)\b"),
    ("sales", r"\b(?:sales|account executive|account manager|revenue|vertrieb\w*)\b"),
    ("product", r"\bproduct (?:manager|owner|management|lead|director|officer)\b|\bof product\b"),
    ("design", r"\b(?:design\w*|ux|ui|creative)\b"),
    ("data", r"\b(?:data|analytics|machine learning)\b"),
    ("engineering", r"\b(?:engineer\w*|developer|software|information technology|technology|devops|architect)\b"),
    ("finance", r"\b(?:financ\w*|account(?:ing|ant)|controller|controlling|treasur\w*|tax|audit\w*)\b"),
    ("legal", r"\b(?:legal|counsel|attorney|lawyer|compliance)\b"),
    ("consulting", r"\b(?:consult\w*|advisor|berater(?:in)?)\b"),
    ("education", r"\b(?:teacher|professor|lecturer|education)\b"),
    ("operations", r"\b(?:operations|operating|logistics|supply chain|procurement|purchasing|plant)\b"),
)
SENIORITIES = frozenset(name for name, _ in _SENIORITIES)
DEPARTMENTS = frozenset(name for name, _ in _DEPARTMENTS)
_SENIORITY_RULES = tuple((name, re.compile(pattern)) for name, pattern in _SENIORITIES)
_DEPARTMENT_RULES = tuple((name, re.compile(pattern)) for name, pattern in _DEPARTMENTS)


@lru_cache(maxsize=CACHE_SIZE)
def clean_title(raw: str) -> str | None:
    """Return a title as it will be stored; one that came in lower case gets capital initials."""
    text = clean_text(raw)
    return " ".join(_capitalize(word) for word in text.split(" ")) if text and text.islower() else text


@lru_cache(maxsize=CACHE_SIZE)
def title_key(title: str) -> str | None:
    """Return a title as ASCII words with its abbreviations written out."""
    words = [_ABBREVIATIONS.get(word, word) for word in fold(title).split()]
    return " ".join(words) or None


@lru_cache(maxsize=CACHE_SIZE)
def derive_seniority(title: str) -> str | None:
    """Return the seniority that a title tells, in Dievio's words, else None."""
    return _first_match(_SENIORITY_RULES, title_key(title) or "")


@lru_cache(maxsize=CACHE_SIZE)
def derive_department(title: str) -> str | None:
    """Return the department that a title tells, in Dievio's words, else None."""
    return _first_match(_DEPARTMENT_RULES, title_key(title) or "")


def _first_match(rules: tuple[tuple[str, re.Pattern[str]], ...], key: str) -> str | None:
    return next((name for name, pattern in rules if pattern.search(key)), None)


def _capitalize(word: str) -> str:
    if word in _SMALL_WORDS:
        return word
    return word.upper() if word.strip(",.") in _CAPITAL_WORDS else word[:1].upper() + word[1:]

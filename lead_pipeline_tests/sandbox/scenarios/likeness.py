"""A plain second opinion on who resembles whom: every key of the match ladder, compared by brute force.

It knows the generator's habits (a company's name is its first two words) and nothing of the product.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import phonenumbers
from rapidfuzz.distance import JaroWinkler

from lead_pipeline.sandbox.scenarios.scenario import CaseRule, DemoScenario
from lead_pipeline.sandbox.scenarios.word_lists import fold, load_word_lists

PRIVATE_HOSTS: Final = frozenset(
    {
        "gmail.com",
        "gmx.de",
        "outlook.com",
        "web.de",
        "yahoo.co.uk",
        "mailinator.com",
        "yopmail.com",
        "guerrillamail.com",
    }
)
_ADDRESS: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
_PROFILE: Final = re.compile(r"^(?:https?://)?(?:\w+\.)?linkedin\.com/in/([^/?#]+)")
_OLD_PROFILE: Final = re.compile(r"linkedin\.com/pub/([^/]+)/(\w+)/(\w+)/(\w+)$")
_COUNTRY_CODES: Final = {name.lower(): country.code for name, country in load_word_lists().countries.items()}
_LIKE_GIVEN: Final = 0.85
_LIKE_FAMILY: Final = 0.88


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What a row or a record is recognized by."""

    record_id: str = ""
    external_ids: frozenset[str] = frozenset()
    email: str | None = None
    profile: str | None = None
    given: str = ""
    family: str = ""
    domain: str | None = None
    company: str | None = None
    phone: str | None = None
    private_emails: frozenset[str] = frozenset()


def row_keys(row: Mapping[str, object]) -> Keys:
    """Read the keys of a Dievio row."""
    given, family = _names(row)
    addresses = _ADDRESS.findall(str(row.get("email") or "").lower().replace("\u200b", ""))
    profile = _profile(row.get("linkedin_url"))
    raw = row["raw"]
    assert isinstance(raw, dict)
    ids = {str(row["id"])} if row.get("id") else {_profile_id(profile)} if profile else set()
    return Keys(
        external_ids=frozenset(ids),
        email=addresses[0] if len(addresses) == 1 else None,
        profile=profile,
        given=_fold_name(given),
        family=_fold_name(family),
        domain=_domain(row.get("company_domain")),
        company=_company(row.get("company_name")),
        phone=_phone(row.get("phone"), raw["location_country"]),
        private_emails=frozenset(str(address) for address in raw.get("personal_emails", ())),
    )


def record_keys(record: Mapping[str, object], account: Mapping[str, object]) -> Keys:
    """Read the keys of a Lead or, with its account, of a Contact."""
    email = str(record["Email"]) if "Email" in record else None
    host = email.rpartition("@")[2] if email else None
    return Keys(
        record_id=str(record["Id"]),
        external_ids=frozenset({str(record["Dievio_Lead_ID__c"])} if "Dievio_Lead_ID__c" in record else ()),
        email=email,
        profile=_profile(record.get("LinkedIn_URL__c")),
        given=_fold_name(str(record.get("FirstName", ""))),
        family=_fold_name(str(record["LastName"])),
        domain=_domain(record.get("Company_Domain__c") or record.get("Website") or account.get("Website"))
        or (host if host not in PRIVATE_HOSTS else None),
        company=_company(record.get("Company") or account.get("Name")),
        phone=_phone(record.get("Phone"), record.get("Country") or record.get("MailingCountry")),
        private_emails=frozenset({email} if email and host in PRIVATE_HOSTS else ()),
    )


class Directory:
    """All live people of the org, found by any of their keys."""

    def __init__(self, demo: DemoScenario) -> None:
        accounts = {account["Id"]: account for account in demo.org_records["Account"]}
        people = (*demo.org_records["Lead"], *demo.org_records["Contact"])
        live = [person for person in people if not person["IsDeleted"] and not person.get("IsConverted")]
        self._people = [record_keys(person, accounts.get(person.get("AccountId"), {})) for person in live]
        self._index: dict[tuple[str, object], list[Keys]] = defaultdict(list)
        for person in self._people:
            for key in _index_keys(person):
                self._index[key].append(person)

    def hits(self, row: Keys) -> dict[CaseRule, set[str]]:
        """Return the ids of the records that each rule of the ladder would bring up for a row."""
        found: dict[CaseRule, set[str]] = defaultdict(set)
        for key in _index_keys(row):
            for person in self._index.get(key, ()):
                for rule in _shared(row, person):
                    found[rule].add(person.record_id)
        return dict(found)


def _index_keys(keys: Keys) -> Iterable[tuple[str, object]]:
    yield from (("id", value) for value in keys.external_ids)
    singles = {"email": keys.email, "profile": keys.profile, "domain": keys.domain, "company": keys.company}
    yield from ((name, value) for name, value in singles.items() if value)
    if keys.given and keys.family:
        yield "name", (keys.given, keys.family)


def _shared(row: Keys, person: Keys) -> Iterable[CaseRule]:
    """Name every rule whose keys two people share."""
    has_name = bool(row.given) and (row.given, row.family) == (person.given, person.family)
    has_domain = row.domain is not None and row.domain == person.domain
    has_company = row.company is not None and row.company == person.company
    has_private = row.phone is not None and row.phone == person.phone
    has_private = has_private or bool(row.private_emails & person.private_emails)
    tests = {
        CaseRule.EXTERNAL_ID: bool(row.external_ids & person.external_ids),
        CaseRule.EMAIL: row.email is not None and row.email == person.email,
        CaseRule.LINKEDIN: row.profile is not None and row.profile == person.profile,
        CaseRule.NAME_AND_DOMAIN: has_name and has_domain,
        CaseRule.NAME_AND_COMPANY: has_name and has_company,
        CaseRule.NEAR_NAME: (has_domain or has_company) and _is_near(row, person),
        CaseRule.JOB_CHANGE: has_name and has_private and not has_company,
    }
    return (rule for rule, is_shared in tests.items() if is_shared)


def _is_near(row: Keys, person: Keys) -> bool:
    return (
        JaroWinkler.similarity(row.family, person.family) >= _LIKE_FAMILY
        and JaroWinkler.similarity(row.given, person.given) >= _LIKE_GIVEN
    )


def _names(row: Mapping[str, object]) -> tuple[str, str]:
    full = str(row.get("full_name") or "")
    split = full.partition(", ")[::-2] if ", " in full else full.rpartition(" ")[::2]
    return str(row.get("first_name") or split[0]), str(row.get("last_name") or split[1])


def _fold_name(name: str) -> str:
    return fold(name.strip("\ufeff\u200b\u2060\u00a0 ")) or name


def _profile_id(profile: str) -> str:
    return f"li-{hashlib.sha256(profile.encode()).hexdigest()[:24]}"


def _profile(url: object) -> str | None:
    if old := _OLD_PROFILE.search(str(url)):
        stem, first, middle, last = old.groups()
        return f"{stem}-{last}{middle}{first}"
    found = _PROFILE.match(str(url).lower())
    return found[1] if found and not found[1].startswith("acoaa") else None


def _domain(address: object) -> str | None:
    host = re.sub(r"^(https?://)?(www\.)?", "", str(address or "")).strip("/")
    return host if host and host not in PRIVATE_HOSTS else None


def _company(name: object) -> str | None:
    words = re.findall(r"\w+", str(name or "").lower())
    return " ".join(words[:2]) or None


def _phone(value: object, country: object) -> str | None:
    """Read a phone number as people of the country write it."""
    code = _COUNTRY_CODES.get(str(country).lower())
    try:
        number = phonenumbers.parse(str(value).partition("(mobile)")[0], code)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

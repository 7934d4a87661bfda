"""The keys by which a lead and a record of the org are brought together: one rule for both sides.

A key is computed once, when its row is written, and stored with `KEY_VERSION`: raise that number with every change of
a rule here. What equal keys prove is `matching`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.name_compatibility import family_words, given_words
from lead_pipeline.domain.normalize.companies import company_key
from lead_pipeline.domain.normalize.countries import find_country
from lead_pipeline.domain.normalize.domains import company_domain
from lead_pipeline.domain.normalize.emails import EmailKind, classify_email, email_domain, email_key, read_email
from lead_pipeline.domain.normalize.linkedin import read_linkedin
from lead_pipeline.domain.normalize.phones import phone_key
from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text, fold
from lead_pipeline.domain.normalize.titles import title_key

_STREET_WORDS = {"street": "st", "avenue": "ave", "road": "rd", "boulevard": "blvd", "drive": "dr", "lane": "ln",
                 "strasse": "str", "place": "pl", "square": "sq", "suite": "ste"}  # fmt: skip

#: Canonical value -> API name, per object. What an object lacks has no key.
_LEAD_FIELDS: Mapping[str, tuple[str, ...]] = {
    "email": ("Email",),
    "linkedin": ("LinkedIn_URL__c",),
    "website": ("Website", "Company_Domain__c"),
    "given": ("FirstName",),
    "family": ("LastName",),
    "company": ("Company",),
    "title": ("Title",),
    "phone": ("MobilePhone", "Phone"),
    "street": ("Street",),
    "postal_code": ("PostalCode",),
    "country": ("CountryCode", "Country"),
}
_CONTACT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "email": ("Email",),
    "linkedin": ("LinkedIn_URL__c",),
    "website": ("Account.Website", "Company_Domain__c"),
    "given": ("FirstName",),
    "family": ("LastName",),
    "company": ("Account.Name",),
    "title": ("Title",),
    "phone": ("MobilePhone", "Phone"),
    "street": ("MailingStreet",),
    "postal_code": ("MailingPostalCode",),
    "country": ("MailingCountryCode", "MailingCountry"),
}
_ACCOUNT_FIELDS: Mapping[str, tuple[str, ...]] = {"website": ("Website",), "company": ("Name",)}
_OBJECT_FIELDS = {"Lead": _LEAD_FIELDS, "Contact": _CONTACT_FIELDS, "Account": _ACCOUNT_FIELDS}


def lead_keys(
    values: Mapping[str, object], *, personal_email: str | None = None, is_phone_shared: bool = False
) -> MatchKeys:
    """Return the keys of a lead from its canonical values.

    Args:
        values: Canonical field -> normalized value.
        personal_email: A valid private address that the row carries beside the work address.
        is_phone_shared: Whether the number is a switchboard's, which is no person's.
    """
    website = _text(values, "company_domain") or _text(values, "website")
    email = _text(values, "email")
    return MatchKeys(
        em=email_key(email) if email else None,
        li=_linkedin_key(_text(values, "linkedin_url")),
        dm=_domain_key(website, email),
        fn=given_name_key(_text(values, "first_name")),
        ln=family_name_key(_text(values, "last_name")),
        co=_company_key(_text(values, "company_name")),
        ti=_title_key(_text(values, "title")),
        ph=None if is_phone_shared else _text(values, "phone"),
        pe=_personal_key(email) or _personal_key(personal_email),
        st=_street_key(_text(values, "street"), _text(values, "postal_code")),
    )


def directory_keys(object_name: str, fields: Mapping[str, object]) -> MatchKeys:
    """Return the keys of a record of the org, whose values are as people typed them.

    Args:
        object_name: Lead, Contact or Account.
        fields: API name -> value; of a Contact also `Account.Name` and `Account.Website`.
    """
    cells = {name: _first_text(fields, sources) for name, sources in _OBJECT_FIELDS[object_name].items()}
    email = _read_address(cells.get("email"))
    country = cells.get("country")
    return MatchKeys(
        em=email_key(email) if email else None,
        li=_linkedin_key(cells.get("linkedin")),
        dm=_domain_key(cells.get("website"), email),
        fn=given_name_key(cells.get("given")),
        ln=family_name_key(cells.get("family")),
        co=_company_key(cells.get("company")),
        ti=_title_key(cells.get("title")),
        ph=_phone_key(cells.get("phone"), find_country(country) if country else None),
        pe=_personal_key(email),
        st=_street_key(cells.get("street"), cells.get("postal_code")),
    )


def shared_keys(keys: MatchKeys) -> frozenset[str]:
    """Return everything by which a rule could bring a lead together with another one of its batch.

    The org holds neither of them before the first is written, so no lookup there can tell that they are one person: of
    leads that share one of these, only one is written before the org is read again.
    """
    name = f"{keys.fn}|{keys.ln}" if keys.fn and keys.ln else None
    alone = {"em": keys.em, "li": keys.li}
    beside_name = {"dm": keys.dm, "co": keys.co, "ph": keys.ph, "pe": keys.pe, "st": keys.st}
    return frozenset(
        [f"{kind}:{value}" for kind, value in alone.items() if value]
        + [f"{kind}:{name}|{value}" for kind, value in beside_name.items() if value and name]
    )


@lru_cache(maxsize=CACHE_SIZE)
def given_name_key(name: str | None) -> str | None:
    """Return a given name as ASCII words, without salutation and without middle initials."""
    words = given_words(clean_text(name) if name else None)
    kept = words[:1] + tuple(word for word in words[1:] if len(word) > 1)
    return " ".join(kept) or None


@lru_cache(maxsize=CACHE_SIZE)
def family_name_key(name: str | None) -> str | None:
    """Return a family name as ASCII words, without credentials."""
    return " ".join(family_words(clean_text(name) if name else None)) or None


def _linkedin_key(address: str | None) -> str | None:
    return read_linkedin(address).slug if address else None


def _domain_key(website: str | None, email: str | None) -> str | None:
    return (company_domain(website) if website else None) or (email_domain(email) if email else None)


def _company_key(name: str | None) -> str | None:
    text = clean_text(name) if name else None
    return company_key(text) if text else None


def _title_key(title: str | None) -> str | None:
    text = clean_text(title) if title else None
    return title_key(text) if text else None


def _phone_key(phone: str | None, region: str | None) -> str | None:
    return phone_key(phone, region) if phone else None


def _personal_key(email: str | None) -> str | None:
    if email is None or email_key(email) is None:
        return None
    return email if EmailKind.FREE in classify_email(email) else None


@lru_cache(maxsize=CACHE_SIZE)
def _street_key(street: str | None, postal_code: str | None) -> str | None:
    """Return street with postal code; one without the other is shared by too many people."""
    line, code = fold(street or ""), fold(postal_code or "")
    if not line or not code:
        return None
    return " ".join([*(_STREET_WORDS.get(word, word) for word in line.split()), code])


def _read_address(cell: str | None) -> str | None:
    return read_email(cell).address if cell else None


def _text(values: Mapping[str, object], name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) else None


def _first_text(fields: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value), None)

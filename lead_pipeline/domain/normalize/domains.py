"""Websites: the registrable domain that stands for a company, and the address as it will be stored.

Profile addresses are `linkedin`; whether a domain belongs to a mail provider is asked of `mail_domains`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from tldextract import TLDExtract
from yarl import URL

from lead_pipeline.domain.normalize.mail_domains import is_mail_provider
from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text

#: A page on one of these says nothing about the domain of the company behind it.
_SHARED_HOSTS = frozenset(
    {
        "linkedin.com", "facebook.com", "fb.com", "instagram.com", "twitter.com", "x.com", "youtube.com", "tiktok.com",
        "linktr.ee", "crunchbase.com", "xing.com", "github.com", "medium.com", "google.com", "bit.ly", "t.co",
    }
)  # fmt: skip
_TRACKING_PREFIXES = ("utm_", "mc_", "hsa_")
_TRACKING_NAMES = frozenset({"gclid", "fbclid", "msclkid", "trk", "ref", "yclid", "igshid"})
_HAS_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*://")
#: Reserved by RFC 2606 for tests and documents: nobody's address, and harmless to read as a suffix.
_RESERVED_SUFFIXES = ("example",)


@cache
def _extractor() -> TLDExtract:
    # The snapshot alone: the default goes to the network and fills the log when it cannot.
    # Private suffixes count, so that two shops on one shop platform are not one company.
    return TLDExtract(
        suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True, extra_suffixes=_RESERVED_SUFFIXES
    )


@lru_cache(maxsize=CACHE_SIZE)
def registrable_domain(raw: str) -> str | None:
    """Return the registrable domain of an address, host or mail address in lower case, else None."""
    text = clean_text(raw)
    return (_extractor()(text).top_domain_under_public_suffix.lower() or None) if text else None


@lru_cache(maxsize=CACHE_SIZE)
def company_domain(raw: str) -> str | None:
    """Return the domain that stands for a company; None for mail providers and pages on shared sites."""
    domain = registrable_domain(raw)
    if domain is None or is_mail_provider(domain):
        return None
    if domain in _SHARED_HOSTS:
        url = _parse(raw)
        return None if url is None or url.path.strip("/") else domain
    return domain


@lru_cache(maxsize=CACHE_SIZE)
def normalize_website(raw: str) -> str | None:
    """Return an https address without tracking, fragment and trailing slash, or None when it is no website."""
    url = _parse(raw)
    if url is None or url.host is None or registrable_domain(url.host) is None:
        return None
    return _write_website(url)


def _write_website(url: URL) -> str | None:
    query = [(key, value) for key, value in url.query.items() if not _is_tracking(key)]
    is_plain_port = url.scheme == "http" and url.explicit_port is not None
    try:
        clean = URL.build(
            scheme="http" if is_plain_port else "https",
            host=(url.host or "").lower(),
            port=url.explicit_port,
            path=url.path.rstrip("/"),
            query=query,
        )
    except ValueError:  # a host with characters that no name has
        return None
    return str(clean).rstrip("/")


def _parse(raw: str) -> URL | None:
    text = clean_text(raw)
    if text is None or " " in text or "@" in text:
        return None
    try:
        url = URL(text if _HAS_SCHEME.match(text) else f"https://{text}")
        is_website = url.scheme in {"http", "https"} and bool(url.host)
    except ValueError:  # yarl refuses impossible ports at once, and hosts that no IDNA word stands for when asked
        return None
    return url if is_website else None


def _is_tracking(name: str) -> bool:
    return name.lower() in _TRACKING_NAMES or name.lower().startswith(_TRACKING_PREFIXES)

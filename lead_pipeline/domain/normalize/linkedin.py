"""LinkedIn profile addresses: the slug that names a person, and the one address stored for it.

Company pages and short links name no person. Member ids of the sales and recruiter products are opaque: they are kept
apart and never equal a slug.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text

PROFILE_ADDRESS = "https://www.linkedin.com/in/"
_HOST = re.compile(r"(?:[a-z0-9-]+\.)*linkedin\.com")
_OPAQUE = re.compile(r"AC[ow]AA[A-Za-z0-9_-]+")
_SLUG = re.compile(r"[^\s/?#@,:]{2,100}")  # LinkedIn allows 3 to 100 characters; old ones are shorter
_PUB_PART = re.compile(r"[0-9a-f]{1,3}")
_PUB_PARTS = 4  # name and three numbers
_PUB_WIDTH = 3  # digits of the last two numbers in the new form


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedinReading:
    """What a cell says: `slug` is the key; `url` the address to store; `is_foreign` a text that names no person."""

    slug: str | None = None
    url: str | None = None
    is_foreign: bool = False


_BLANK = LinkedinReading()
_FOREIGN = LinkedinReading(is_foreign=True)


@lru_cache(maxsize=CACHE_SIZE)
def read_linkedin(raw: str) -> LinkedinReading:
    """Return the profile that an address names.

    Any country host, with or without scheme; query, fragment and language segment fall away; the slug is
    percent-decoded and lower case. `/pub/name/a/b/c` becomes the `/in/` form that LinkedIn redirects it to.
    """
    text = clean_text(raw)
    if text is None:
        return _BLANK
    parts = _path_of(text)
    if len(parts) < 2:  # noqa: PLR2004  # kind of page and name
        return _FOREIGN
    kind, name = parts[0].lower(), parts[1]
    if kind == "pub":
        return _profile(_modernize(parts[1:]))
    if kind != "in":
        return _FOREIGN
    if _OPAQUE.fullmatch(name):
        return LinkedinReading(url=PROFILE_ADDRESS + name)  # case carries meaning here
    return _profile(name)


def profile_url(username: str) -> str:
    """Return the address of a bare profile name."""
    return username if "/" in username else PROFILE_ADDRESS + username.strip()


def _path_of(text: str) -> list[str]:
    try:
        address = urlsplit(text if "://" in text else f"https://{text}")
        host = (address.hostname or "").lower()
    except ValueError:  # a bracket where a host should be
        return []
    return [part for part in address.path.split("/") if part] if _HOST.fullmatch(host) else []


def _profile(name: str | None) -> LinkedinReading:
    slug = unquote(name).lower().strip() if name else ""
    if not _SLUG.fullmatch(slug) or "\ufffd" in slug:
        return _FOREIGN
    return LinkedinReading(slug=slug, url=PROFILE_ADDRESS + quote(slug, safe="-_.~"))


def _modernize(parts: list[str]) -> str | None:
    """Return the slug of an address of the old form; its three numbers turn round and the inner ones get zeros."""
    if len(parts) == 1:
        return parts[0]
    numbers = [part.lower() for part in parts[1:_PUB_PARTS]]
    if len(numbers) != _PUB_PARTS - 1 or not all(_PUB_PART.fullmatch(number) for number in numbers):
        return None
    first, second, third = numbers
    return f"{parts[0]}-{third.zfill(_PUB_WIDTH)}{second.zfill(_PUB_WIDTH)}{first}"

"""Whether two values of a Salesforce field mean the same, so that equal records cause no write.

Salesforce gives values back in its own form: addresses in lower case, times with +0000, numbers as floats, text without
outer blanks. Which of two different values wins is `survivorship`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import urlsplit

import phonenumbers

CACHED_PHONES = 65_536  # parsing one takes about 70 microseconds, and a batch asks for the same ones again

_BLANKS = re.compile(r"\s+")


def is_blank(value: object, placeholders: frozenset[str] = frozenset()) -> bool:
    """Tell whether a value says nothing: empty, blanks only, or one of the placeholder texts (in lower case)."""
    if value is None:
        return True
    if not isinstance(value, str):
        return False
    text = value.strip().lower()
    return not text or text in placeholders


def are_equal(left: object, right: object, *, field_type: str) -> bool:
    """Tell whether two values of a field mean the same.

    Args:
        left: A value, as JSON gives it.
        right: Another one.
        field_type: Salesforce's word for the field's type, e.g. email, phone, datetime.
    """
    if is_blank(left) or is_blank(right):
        return is_blank(left) and is_blank(right)
    reduce = _REDUCTIONS.get(field_type, _reduce_text)
    if field_type == "phone":
        return _are_same_phone(str(left), str(right))
    return reduce(left) == reduce(right)


def _reduce_text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return format(Decimal(str(value)).normalize(), "f")
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", str(value))).strip()


def _reduce_email(value: object) -> object:
    return str(value).strip().lower()


def _reduce_url(value: object) -> object:
    """Drop what makes no other page: scheme, www, case of the host, the last slash."""
    text = str(value).strip()
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
    except ValueError:
        return text
    host = parts.netloc.lower().removeprefix("www.")
    path = parts.path.rstrip("/")
    is_linkedin = host == "linkedin.com" or host.endswith(".linkedin.com")
    return host, path.lower() if is_linkedin else path, parts.query


def _reduce_number(value: object) -> object:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return str(value)
    return number if number.is_finite() else str(value)  # the text `nan` reads as a number that equals nothing


def _reduce_moment(value: object) -> object:
    """Reduce to whole seconds of UTC: Salesforce stores no finer ones."""
    moment = value if isinstance(value, datetime) else _parse_moment(str(value))
    if moment is None:
        return str(value)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC) - timedelta(microseconds=aware.microsecond)
    except OverflowError:  # before the year 1 or after 9999 by UTC
        return str(value)


def _parse_moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _reduce_date(value: object) -> object:
    return str(value).strip()[:10]


def _reduce_boolean(value: object) -> object:
    return str(value).strip().lower()


def _reduce_record_id(value: object) -> object:
    return str(value).strip()[:15]  # the last three of 18 characters repeat the case of the first fifteen


_REDUCTIONS: Mapping[str, Callable[[object], object]] = MappingProxyType(
    {
        "email": _reduce_email,
        "url": _reduce_url,
        "int": _reduce_number,
        "double": _reduce_number,
        "currency": _reduce_number,
        "percent": _reduce_number,
        "datetime": _reduce_moment,
        "date": _reduce_date,
        "boolean": _reduce_boolean,
        "reference": _reduce_record_id,
        "id": _reduce_record_id,
    }
)


def _are_same_phone(left: str, right: str) -> bool:
    """Compare two numbers; one written without its country is read in the country of the other."""
    region = _region_of(left) or _region_of(right)
    return _reduce_phone(left, region) == _reduce_phone(right, region)


@lru_cache(maxsize=CACHED_PHONES)
def _region_of(text: str) -> str | None:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=CACHED_PHONES)
def _reduce_phone(text: str, region: str | None) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return re.sub(r"\D", "", text) or text
    extension = f";{number.extension}" if number.extension else ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) + extension

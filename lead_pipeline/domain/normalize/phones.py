"""Phone numbers: E.164 when the number can exist, else none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from lead_pipeline.domain.normalize.text import CACHE_SIZE, clean_text

_SHARED_TYPES = frozenset(
    {PhoneNumberType.TOLL_FREE, PhoneNumberType.SHARED_COST, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.UAN}
)
_SPREADSHEET_NUMBER = re.compile(r"(\+?[0-9]+)\.0+")
_INTERNATIONAL_PREFIX = "00"  # dialled in most countries; no national number starts with two zeros


class PhoneProblem(StrEnum):
    """What was wrong with a cell."""

    INVALID = "invalid"
    NO_COUNTRY = "without_country"
    SEVERAL = "several_numbers"  # the first was taken


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneReading:
    """What a cell says. `is_personal` is False for toll-free and shared numbers: a switchboard is no person."""

    e164: str | None = None
    is_personal: bool = True
    problem: PhoneProblem | None = None


_BLANK = PhoneReading()


@lru_cache(maxsize=CACHE_SIZE)
def read_phone(raw: str, region: str | None = None) -> PhoneReading:
    """Return the number of a cell in E.164.

    Args:
        raw: The cell as text.
        region: ISO 3166-1 alpha-2 code of the person's country, for numbers written without their country code.
    """
    text = clean_text(raw)
    if text is None:
        return _BLANK
    if (spreadsheet_number := _SPREADSHEET_NUMBER.fullmatch(text)) is not None:
        text = spreadsheet_number[1]
    if text.startswith(_INTERNATIONAL_PREFIX):
        text = "+" + text.removeprefix(_INTERNATIONAL_PREFIX)
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return _search(text, region)
    return _judge(number) or _search(text, region)


@lru_cache(maxsize=CACHE_SIZE)
def phone_key(raw: str, region: str | None = None) -> str | None:
    """Return the number in E.164 when it belongs to a person, else None."""
    reading = read_phone(raw, region)
    return reading.e164 if reading.is_personal else None


def _search(text: str, region: str | None) -> PhoneReading:
    """Return the first of several numbers in one text, else the problem."""
    found = [_judge(match.number) for match in phonenumbers.PhoneNumberMatcher(text, region)]
    first = next((reading for reading in found if reading), None)
    if first is not None:
        return PhoneReading(e164=first.e164, is_personal=first.is_personal, problem=PhoneProblem.SEVERAL)
    is_homeless = region is None and "+" not in text
    return PhoneReading(problem=PhoneProblem.NO_COUNTRY if is_homeless else PhoneProblem.INVALID)


def _judge(number: PhoneNumber) -> PhoneReading | None:
    # is_possible accepts 000-000-0000 and 555-555-5555; only the numbering plans refuse them. A number without a type
    # is what is_valid_number calls invalid; asking for the type answers both questions in one pass.
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        return None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return PhoneReading(e164=e164, is_personal=kind not in _SHARED_TYPES)

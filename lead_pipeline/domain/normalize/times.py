"""Moments: always UTC. A moment without a zone is refused, because nobody can tell when it was."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum

from lead_pipeline.domain.normalize.text import clean_text

_DATE_ONLY = re.compile(r"\d{4}-?\d{2}-?\d{2}")
_DIGITS = re.compile(r"-?\d+(?:\.\d+)?")
_MILLISECONDS = 1_000


class TimeForm(StrEnum):
    """How a source writes a moment; declared per field in the mapping, never guessed from the size of a number."""

    ISO = "iso"
    EPOCH_SECONDS = "epoch_seconds"
    EPOCH_MILLISECONDS = "epoch_milliseconds"


class NoMomentError(ValueError):
    """A cell holds something that is no moment in the declared form."""


def read_time(raw: object, form: TimeForm = TimeForm.ISO) -> datetime | None:
    """Return a moment in UTC, or None for a blank cell. A date alone means its first moment in UTC.

    Raises:
        NoMomentError: The cell is not in the declared form, or has no zone.
    """
    text = clean_text(raw) if isinstance(raw, str) else raw
    if text is None:
        return None
    if form is TimeForm.ISO:
        return _read_iso(text)
    return _read_epoch(text, _MILLISECONDS if form is TimeForm.EPOCH_MILLISECONDS else 1)


def write_time(moment: datetime) -> str:
    """Return a moment in ISO 8601 with Z, to the second where it has no fraction."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_iso(text: object) -> datetime:
    if not isinstance(text, str):
        raise NoMomentError
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise NoMomentError from error
    if _DATE_ONLY.fullmatch(text):
        return moment.replace(tzinfo=UTC)
    if moment.tzinfo is None:
        raise NoMomentError
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:  # the first or last hours of the calendar, seen from another zone
        raise NoMomentError from error


def _read_epoch(text: object, divisor: int) -> datetime:
    is_number = isinstance(text, int | float) and not isinstance(text, bool)
    if not is_number and not (isinstance(text, str) and _DIGITS.fullmatch(text)):
        raise NoMomentError
    try:
        return datetime.fromtimestamp(float(str(text)) / divisor, tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NoMomentError from error

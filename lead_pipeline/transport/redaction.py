"""Taking secrets and personal data out of text before anybody sees it: logs, error texts, reports of answers.

Fields of a lead are masked where they are shown; this module works on free text of unknown origin.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

MASK = "***"
MIN_SECRET_CHARACTERS = 6  # a shorter one would mask ordinary words; the sandbox has such keys, real systems do not
MAX_TEXT_CHARACTERS = 2_000  # of one masked excerpt; nobody reads more in a log line, and patterns stay cheap

_EMAIL = re.compile(r"([A-Za-z0-9])[A-Za-z0-9._%+'-]*(@|%40)((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})")
_PHONES = (
    re.compile(r"(?<![\w+])\+\d[\d\s().\-]{5,}\d"),  # +49 30 1234567
    re.compile(r"(?<![\w(])\(\d{2,5}\)\s?\d[\d\s.\-]{4,}\d"),  # (030) 123 4567
    re.compile(r"(?<![\w.\-])\d{3}[-. ]\d{3}[-. ]\d{4}(?![\w\-])"),  # 415-555-0100
    re.compile(r"(?<![\w.\-])00[1-9]\d{8,13}(?!\w)"),  # 0049301234567
)
_CREDENTIALS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=!-]{6,}"), rf"\1 {MASK}"),
    (
        re.compile(
            r"(?i)(\b(?:authorization|x-api-key|api[_-]?key|access[_-]?token|refresh[_-]?token|client[_-]?secret"
            r"|assertion|password|passwd|secret|token|sid)\b[\"']?\s*[:=]\s*[\"']?)(?!bearer\b|basic\b)[^\s\"'&,;}]+"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+@"), rf"\1{MASK}@"),  # scheme://user:password@host
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), MASK),  # a JSON web token
    (re.compile(r"\b00D[A-Za-z0-9]{12,15}![\w.]+"), MASK),  # a Salesforce session id
)


def mask_text(text: str, *, secrets: Iterable[str] = ()) -> str:
    """Return a text without secrets, e-mail addresses (`a***@domain`) and phone numbers.

    Args:
        text: Any text.
        secrets: Values known to be secret, masked wherever they stand.
    """
    for secret in sorted(secrets, key=len, reverse=True):  # one secret may begin with another
        if len(secret) >= MIN_SECRET_CHARACTERS:
            text = text.replace(secret, MASK)
    for pattern, replacement in _CREDENTIALS:
        text = pattern.sub(replacement, text)
    text = _EMAIL.sub(rf"\1{MASK}\2\3", text)
    for pattern in _PHONES:
        text = pattern.sub(MASK, text)
    return text


def mask_excerpt(text: str, *, secrets: Iterable[str] = ()) -> str:
    """Return the masked beginning of a text on one line, for error texts."""
    return " ".join(mask_text(text[:MAX_TEXT_CHARACTERS], secrets=secrets).split())


class RedactingFilter(logging.Filter):
    """Masks the message and the traceback of each log record.

    Args:
        secrets: Values known to be secret.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record in place and let it pass."""
        record.msg = mask_text(_message_of(record), secrets=self._secrets)
        record.args = ()
        if record.exc_info and not record.exc_text:
            # formatters reuse this text instead of writing the traceback themselves
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask_text(record.exc_text, secrets=self._secrets)
        return True


class _RedactingFactory:
    """Makes log records that are masked from the start."""

    def __init__(self, make: object, redact: RedactingFilter) -> None:
        self.make = make
        self._redact = redact

    def __call__(self, *arguments: object, **options: object) -> logging.LogRecord:
        record: logging.LogRecord = self.make(*arguments, **options)  # type: ignore[operator]  # whatever logging had
        self._redact.filter(record)
        return record


def install_redaction(secrets: Iterable[str] = ()) -> None:
    """Mask every log record of this process, whichever logger makes it; a second call replaces the secrets.

    A filter on a logger does not see the records of its children (`urllib3.connectionpool`, `dagster.builtin`), and
    handlers may be added later, so the mask is put where records are made.
    """
    make = logging.getLogRecordFactory()
    if isinstance(make, _RedactingFactory):
        make = make.make  # type: ignore[assignment]  # what logging had before us
    logging.setLogRecordFactory(_RedactingFactory(make, RedactingFilter(secrets)))
    for chatty in ("httpx", "httpcore", "urllib3"):  # they log whole addresses, with every query, at INFO and DEBUG
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg} (arguments do not fit)"

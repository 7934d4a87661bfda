"""A corpus of texts that leak, texts that must stay readable, and log records on their way out."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from lead_pipeline.transport.redaction import MAX_TEXT_CHARACTERS, install_redaction, mask_excerpt, mask_text

CANARY = "canary7f3kq9"


@pytest.mark.parametrize(
    "text",
    [
        f"key is {CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"authorization: basic {CANARY}==",
        f"{{'Authorization': 'Bearer {CANARY}'}}",
        f'{{"X-API-Key": "{CANARY}"}}',
        f"x-api-key={CANARY}",
        f"POST /token grant_type=x&client_secret={CANARY}&client_id=abc",
        f"access_token={CANARY}; next",
        f'"refresh_token": "{CANARY}"',
        f"password={CANARY}",
        f"postgresql://pipeline:{CANARY}@db.example:5432/leads",
        f"redis://:{CANARY}@cache/0",
        f"Cookie sid={CANARY}",
        f"assertion={CANARY}",
        f"eyJhbGciOi.{CANARY}.sig",
        f"session 00D5g000004abcde!{CANARY}.rest",
    ],
)
def test_no_secret_survives(text: str) -> None:
    masked = mask_text(text, secrets=[CANARY] if text.startswith("key is") else [])

    assert CANARY not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("from anna.berg@acme.example to x", "from a***@acme.example to x"),
        ("ZOE@SUB.ACME.CO.UK", "Z***@SUB.ACME.CO.UK"),
        ("GET /leads?email=anna%40acme.example", "GET /leads?email=a***%40acme.example"),
        ("o'neil+news@acme.example,b@c.de", "o***@acme.example,b***@c.de"),
        ("call +49 30 1234567 now", "call *** now"),
        ("call +1 (415) 555-0100 now", "call *** now"),
        ("call (030) 123 4567 now", "call *** now"),
        ("call 415-555-0100 now", "call *** now"),
        ("call 415.555.0100 now", "call *** now"),
        ("call 0049301234567 now", "call *** now"),
    ],
)
def test_addresses_and_phones_are_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21 04:13:33,123 batch 2026-11-20 page 3 of 12",
        "10000 rows, 1234567 calls, 0.85 share, 99.95 %",
        "op 3f2504e0-4f89-11d3-9a0c-0305e82c3301 lead 00Q5g00000AbCdEfGh",
        "http://127.0.0.1:8701/api/public/search answered 503",
        "lead-pipeline[12345]: segment us_saas_executives paused",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "the token bucket holds 5 tokens; the secret of speed",
        "postgresql://db.example:5432/leads",
        "version 10.20.300.4000",
    ],
)
def test_what_is_needed_for_diagnosis_stays_readable(text: str) -> None:
    assert mask_text(text) == text


def test_the_longer_of_two_nested_secrets_is_masked_whole() -> None:
    assert mask_text("abcdef-ghi", secrets=["abcdef", "abcdef-ghi"]) == "***"


def test_an_excerpt_is_one_short_masked_line() -> None:
    excerpt = mask_excerpt("<html>\n<p>anna@acme.example</p>\r\n" + "x" * 10_000)

    assert excerpt.startswith("<html> <p>a***@acme.example</p> xxx")
    assert len(excerpt) <= MAX_TEXT_CHARACTERS


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a handler on the root logger writes once redaction is installed."""
    made_by = logging.getLogRecordFactory()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    install_redaction([CANARY])
    yield stream
    logging.getLogger().removeHandler(handler)
    logging.setLogRecordFactory(made_by)


@pytest.mark.parametrize("logger", ["", "httpx", "urllib3.connectionpool", "simple_salesforce.api", "dagster.builtin"])
def test_every_logger_is_redacted_children_included(log: io.StringIO, logger: str) -> None:
    logging.getLogger(logger).warning("key %s of %s", CANARY, "anna@acme.example")

    assert log.getvalue() == "key *** of a***@acme.example\n"


def test_a_traceback_is_redacted(log: io.StringIO) -> None:
    try:
        int(f"refused {CANARY} for anna@acme.example")
    except ValueError:
        logging.getLogger("any").exception("failed")

    assert "Traceback" in log.getvalue()
    assert CANARY not in log.getvalue()
    assert "anna@" not in log.getvalue()


def test_addresses_of_requests_are_not_logged_at_all(log: io.StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: GET https://x.example/?name=Anna")

    assert log.getvalue() == ""


def test_a_record_whose_arguments_do_not_fit_is_still_written(log: io.StringIO) -> None:
    logging.getLogger("any").warning("only %s", "one", "two")  # noqa: PLE1205  # the fault under test

    assert "arguments do not fit" in log.getvalue()


def test_a_second_installation_replaces_the_secrets(log: io.StringIO) -> None:
    install_redaction(["another-secret"])
    logging.getLogger("any").warning("another-secret and %s", CANARY)

    assert log.getvalue() == f"*** and {CANARY}\n"

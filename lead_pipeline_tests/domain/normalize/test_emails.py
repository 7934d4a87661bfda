"""E-mail cells: one address, or the problem, and what kind of mailbox it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.normalize.emails import (
    EmailKind,
    EmailProblem,
    EmailStatus,
    check_address,
    classify_email,
    email_domain,
    email_key,
    read_email,
    read_email_status,
)


@pytest.mark.parametrize(
    "raw",
    [
        "jane@acme.com", "  JANE@ACME.COM ", "mailto:jane@acme.com", "MAILTO:jane@acme.com", "Jane Doe <jane@acme.com>",
        "jane@acme.com\u200b", "jane@acme.com.", "(jane@acme.com)", "'jane@acme.com'", "jane@acme.com JANE@acme.com",
        "jane@acme.com\n", "ｊａｎｅ@acme.com",
    ],
)  # fmt: skip
def test_an_address_is_found_in_every_wrapping(raw: str) -> None:
    assert read_email(raw).address == "jane@acme.com"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("a@acme.com; b@acme.com", EmailProblem.SEVERAL),
        ("a@acme.com, b@gmail.com", EmailProblem.SEVERAL),
        ("a@acme.com / b@acme.com", EmailProblem.SEVERAL),
        ("jane@", EmailProblem.MALFORMED),
        ("@acme.com", EmailProblem.MALFORMED),
        ("jane@@acme.com", EmailProblem.MALFORMED),
        ("jane@acme", EmailProblem.MALFORMED),
        ("jane at acme.com", EmailProblem.MALFORMED),
        ("jane@acme.con", EmailProblem.MALFORMED),
        ("jane,doe@acme.com", EmailProblem.MALFORMED),
        ("jane..doe@acme.com", EmailProblem.MALFORMED),
        ("jörg@acme.de", EmailProblem.MALFORMED),
        ("jane@xn--a.de", EmailProblem.MALFORMED),
        ("jane@[127.0.0.1]", EmailProblem.MALFORMED),
        ("x" * 65 + "@acme.com", EmailProblem.MALFORMED),
        ("test@test.com", EmailProblem.PLACEHOLDER),
        ("none@none.com", EmailProblem.PLACEHOLDER),
        ("example@example.com", EmailProblem.PLACEHOLDER),
        ("noemail@acme.com", EmailProblem.PLACEHOLDER),
        ("n/a", None),
    ],
)
def test_a_cell_without_one_usable_address_gives_none(raw: str, problem: EmailProblem | None) -> None:
    reading = read_email(raw)

    assert (reading.address, reading.problem) == (None, problem)


@pytest.mark.parametrize(
    ("address", "kinds"),
    [
        ("jane@acme.com", set()),
        ("info@acme.com", {EmailKind.ROLE}),
        ("sales+de@acme.com", {EmailKind.ROLE}),
        ("jane@hey.com", {EmailKind.FREE}),
        ("jane@gmail.com", {EmailKind.FREE}),
        ("jane@yopmail.com", {EmailKind.DISPOSABLE}),
        ("jane@example.com", {EmailKind.PLACEHOLDER}),
    ],
)
def test_mailboxes_are_told_apart(address: str, kinds: set[EmailKind]) -> None:
    assert classify_email(address) >= kinds
    assert bool(classify_email(address)) == bool(kinds)


@pytest.mark.parametrize(
    ("address", "key", "domain"),
    [
        ("jane@mail.acme.co.uk", "jane@mail.acme.co.uk", "acme.co.uk"),
        ("info@acme.com", None, "acme.com"),
        ("jane@gmail.com", "jane@gmail.com", None),
        ("jane@mailinator.com", None, None),
        ("o'neil@acme.ie", "o'neil@acme.ie", "acme.ie"),
    ],
)
def test_only_a_personal_address_is_a_key_and_only_a_work_address_tells_the_company(
    address: str, key: str | None, domain: str | None
) -> None:
    assert (email_key(address), email_domain(address)) == (key, domain)


def test_an_international_domain_is_written_in_ascii() -> None:
    assert read_email("jane@münchen.de").address == "jane@xn--mnchen-3ya.de"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("Verified", "verified"),
        ("valid", "verified"),
        ("likely", "likely"),
        ("accept_all", "likely"),
        ("all", "unknown"),
        (None, "unknown"),
    ],
)
def test_every_status_word_is_one_of_three(raw: str | None, status: str) -> None:
    assert read_email_status(raw) is EmailStatus(status)


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"[A-Za-z0-9.+_'\-]{1,20}@[a-z0-9\-]{1,12}\.(com|de|co\.uk)", fullmatch=True))
def test_an_address_that_is_taken_passes_its_own_check(raw: str) -> None:
    address = read_email(raw).address

    assert address is None or check_address(address) == address

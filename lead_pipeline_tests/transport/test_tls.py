"""Which failures of a connection are the fault of its encryption."""

import ssl

import httpx
import pytest
import requests
import urllib3

from lead_pipeline.transport.tls import find_tls_flaw

PLAIN_SERVER = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
PLAIN_SERVER.reason = "WRONG_VERSION_NUMBER"
BROKEN_OFF = ssl.SSLEOFError(8, "EOF occurred in violation of protocol")


def untrusted(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = message
    return error


def caused(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


def as_requests_tells(inner: ssl.SSLError) -> Exception:
    pool = urllib3.HTTPSConnectionPool("org.example")
    return requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(pool, "/", urllib3.exceptions.SSLError(inner)))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (caused(httpx.ConnectError("x"), PLAIN_SERVER), "does not speak https"),
        (as_requests_tells(PLAIN_SERVER), "does not speak https"),
        (as_requests_tells(untrusted("self-signed certificate")), "not accepted (self-signed certificate)"),
        (untrusted(""), "not accepted (no reason given)"),
    ],
)
def test_a_connection_that_cannot_be_trusted_is_told(error: Exception, words: str) -> None:
    assert words in (find_tls_flaw(error) or "")


@pytest.mark.parametrize(
    "error",
    [
        caused(httpx.ConnectError("x"), ConnectionRefusedError()),
        as_requests_tells(BROKEN_OFF),
        requests.exceptions.ConnectionError("reset"),
    ],
    ids=["nobody listens", "broken off, perhaps after the request", "reset"],
)
def test_other_faults_are_not_the_encryptions(error: Exception) -> None:
    assert find_tls_flaw(error) is None


def test_errors_that_name_each_other_come_to_an_end() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first

    assert find_tls_flaw(first) is None

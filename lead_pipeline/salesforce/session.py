"""The HTTP sessions to Salesforce: bounded in time and size, tied to allowed hosts, and observant.

simple-salesforce sets no timeout, follows redirects and hands back bodies only; everything it sends goes through here.
What an answer means for a record is `answers`; how a token is obtained is `tokens`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from lead_pipeline.salesforce.addresses import is_loopback, require_allowed

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 120.0  # between two bytes; wide query pages take tens of seconds to begin
TOTAL_TIMEOUT_SECONDS = 660.0  # Salesforce itself ends a call after 10 minutes; a dripping answer ends here
MAX_ANSWER_BYTES = 256 * 1024 * 1024  # one Bulk result page of 50,000 wide records is about 60 MB
CLIENT_NAME = "lead_pipeline"  # shows up as changeOrigin of change events, so that our own echo can be told
EXPIRED_SESSION_CODE = b"INVALID_SESSION_ID"
UNAUTHORIZED = 401
_API_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d+)/(\d+)")


class AnswerTooLargeError(requests.exceptions.RequestException):
    """An answer is larger than any Salesforce sends."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds a call may take: to connect, between two bytes, and in all."""

    connect_seconds: float = CONNECT_TIMEOUT_SECONDS
    read_seconds: float = READ_TIMEOUT_SECONDS
    total_seconds: float = TOTAL_TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """Calls of the whole org within the last 24 hours, as `Sforce-Limit-Info` says. It lags and may step back."""

    used: int
    allowed: int


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What the headers of one answer say."""

    status: int
    request_id: str | None
    retry_after_seconds: float | None
    server_time: datetime | None
    content_type: str
    last_modified: str | None


class TokenSource(Protocol):
    """Where the session gets its access token."""

    def current(self) -> str:
        """Return the token to use now."""

    def renew(self, refused: str) -> str:
        """Return a token other than the refused one."""

    @property
    def user_id(self) -> str | None:
        """As whom the token was given out, as far as that is known."""


class BoundedSession(requests.Session):
    """A session that sends to allowed hosts only, follows no redirect and waits for nothing without end.

    Args:
        host: The configured host name.
        timeouts: Bounds of each call.
    """

    def __init__(self, host: str, *, timeouts: Timeouts | None = None) -> None:
        super().__init__()
        self._host = host
        self._timeouts = timeouts or Timeouts()
        # A proxy of the environment must not see calls to this machine.
        self.trust_env = not is_loopback(host)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - as requests
        """Send one request within the bounds.

        Raises:
            ConfigurationError: The address is not an allowed one.
            requests.exceptions.RequestException: No complete answer arrived.
        """
        require_allowed(request.url or "", configured_host=self._host)
        kwargs["timeout"] = (self._timeouts.connect_seconds, self._timeouts.read_seconds)
        kwargs["allow_redirects"] = False
        deadline = time.monotonic() + self._timeouts.total_seconds
        kwargs["stream"] = True  # the body is read below, against the deadline
        response = super().send(request, **kwargs)
        response.raw = _BoundedBody(response.raw, deadline=deadline)
        try:
            _ = response.content
        finally:
            response.close()
        return response


class SalesforceSession(BoundedSession):
    """A bounded session that signs in, renews its token once when it expired, and keeps count.

    Args:
        host: The configured host name.
        tokens: Source of access tokens.
        timeouts: Bounds of each call.
    """

    def __init__(self, host: str, *, tokens: TokenSource, timeouts: Timeouts | None = None) -> None:
        super().__init__(host, timeouts=timeouts)
        self._tokens = tokens
        self._lock = threading.Lock()
        self._of_thread = threading.local()
        self.calls = 0
        self.usage: ApiUsage | None = None
        self.server_time: datetime | None = None
        # An auth object of ours also keeps requests from putting a .netrc password in place of the token.
        self.auth = _KeepHeaders()

    @property
    def user_id(self) -> str | None:
        """The user who is signed in; None before the first call, and with a ready token."""
        return self._tokens.user_id

    @property
    def last_answer(self) -> AnswerFacts | None:
        """Headers of the last answer this thread received, None when its last call got none."""
        facts: AnswerFacts | None = getattr(self._of_thread, "facts", None)
        return facts

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - as requests
        """Send one request, signed in. A 401 means it was not executed, so it is sent once more with a new token."""
        self._of_thread.facts = None
        token = self._tokens.current()
        response = self._send_counted(request, token, **kwargs)
        if response.status_code == UNAUTHORIZED and EXPIRED_SESSION_CODE in response.content:
            response = self._send_counted(request.copy(), self._tokens.renew(token), **kwargs)
        return response

    def _send_counted(self, request: requests.PreparedRequest, token: str, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - as requests
        request.headers["Authorization"] = f"Bearer {token}"
        request.headers["Sforce-Call-Options"] = f"client={CLIENT_NAME}"
        with self._lock:
            self.calls += 1
        response = super().send(request, **kwargs)
        facts = read_facts(response)
        self._of_thread.facts = facts
        with self._lock:
            self.usage = parse_usage(response.headers.get("Sforce-Limit-Info", "")) or self.usage
            self.server_time = facts.server_time or self.server_time
        return response


class _KeepHeaders(AuthBase):
    """Leaves a request as it is: `send` signs it with the token of that moment."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _BoundedBody:
    """The raw body of an answer, read against a deadline and a byte limit."""

    def __init__(self, raw: Any, *, deadline: float) -> None:  # noqa: ANN401 - urllib3's response or a test's
        self._raw = raw
        self._deadline = deadline

    def stream(self, chunk_bytes: int, *, decode_content: bool = True) -> Iterator[bytes]:
        """Yield decoded chunks.

        Raises:
            requests.exceptions.ReadTimeout: The answer is still dripping at the deadline.
            AnswerTooLargeError: The answer has no end in sight.
        """
        received = 0
        # read1 hands over what has arrived; stream would wait for a full chunk, on a dripping answer for ever.
        while chunk := self._raw.read1(max(chunk_bytes, _CHUNK_BYTES), decode_content=decode_content):
            received += len(chunk)
            if time.monotonic() > self._deadline:
                raise requests.exceptions.ReadTimeout("the answer took longer than a call may take")
            if received > MAX_ANSWER_BYTES:
                raise AnswerTooLargeError("the answer is larger than any Salesforce sends")
            yield chunk

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a transparent wrapper
        return getattr(self._raw, name)


_CHUNK_BYTES = 64 * 1024


def parse_usage(header: str) -> ApiUsage | None:
    """Read `api-usage=18/15000` out of a Sforce-Limit-Info header, None when it holds none."""
    found = _API_USAGE.search(header)
    return ApiUsage(int(found[1]), int(found[2])) if found else None


def read_facts(response: requests.Response) -> AnswerFacts:
    """Collect what the headers of an answer say."""
    headers = response.headers
    return AnswerFacts(
        status=response.status_code,
        request_id=headers.get("X-Sfdc-Request-Id"),
        retry_after_seconds=_parse_retry_after(
            headers.get("Retry-After", ""), now=_parse_http_date(headers.get("Date"))
        ),
        server_time=_parse_http_date(headers.get("Date")),
        content_type=headers.get("Content-Type", ""),
        last_modified=headers.get("Last-Modified"),
    )


def _parse_http_date(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parse_retry_after(value: str, *, now: datetime | None) -> float | None:
    """Read Retry-After in seconds or as a date; Salesforce sends none, proxies in front of it do."""
    if value.isascii() and value.isdigit():
        return float(value)
    moment = _parse_http_date(value)
    if moment is None or now is None:
        return None
    return max(0.0, (moment - now).total_seconds())


def host_of(url: str) -> str:
    """Return the host name of an address, without its port."""
    return urlsplit(url).hostname or ""

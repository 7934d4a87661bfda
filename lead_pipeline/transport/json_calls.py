"""One paid call over HTTP: a JSON body out, one answer in, within a rate limit, a time and a size.

What an answer means is `json_answers`. Nothing is repeated here: each try may cost credits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import SecretStr

from lead_pipeline.errors import TransportFaultError, UnreadablePageError, UntrustedConnectionError
from lead_pipeline.transport.egress import LOOPBACK_HOSTS, AllowedHosts, clean_base_url
from lead_pipeline.transport.json_answers import Answer, Call, PaidService
from lead_pipeline.transport.rate_limits import CallLimit, LimitHeaders, TokenBucket, read_limit_hints
from lead_pipeline.transport.tls import find_tls_flaw

MAX_ANSWER_BYTES = 32 * 1024 * 1024  # 100 rows with their provider objects are below 2 MB
USER_AGENT = "lead_pipeline"
#: Idle connections are given up sooner than servers close them, usually after 5 s or more: a call that meets the end
#: of its connection gets no answer and has to count as perhaps billed.
IDLE_SECONDS = 2.0
NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRules:
    """How a system is called: its authentication header, rate and patience."""

    auth_header: str = "Authorization"
    auth_prefix: str = "Bearer "
    calls_per_second: float = 1.0
    burst_calls: int = 5
    limit_headers: LimitHeaders = field(default_factory=LimitHeaders)
    connect_seconds: float = 10.0
    read_seconds: float = 60.0  # between two bytes
    total_seconds: float = 180.0


def call_rule_values(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of `CallRules` that the parts auth, rate and timeouts of a configuration document hold."""
    rate, timeouts = document["rate"], document["timeouts"]
    return {
        "auth_header": document["auth"]["header"],
        "auth_prefix": document["auth"]["prefix"],
        "calls_per_second": rate["per_second"],
        "burst_calls": rate["burst"],
        "limit_headers": LimitHeaders(**{name: tuple(headers) for name, headers in rate["headers"].items()}),
        "connect_seconds": timeouts["connect_seconds"],
        "read_seconds": timeouts["read_seconds"],
        "total_seconds": timeouts["total_seconds"],
    }


class JsonCalls:
    """Makes the calls of one system with one key.

    Args:
        service: The system, for messages.
        base_url: Its address.
        api_key: The key.
        rules: Authentication header, rate and patience.
        limit: Lets calls through; a bucket of this client alone unless given.
        transport: What carries the requests; the network unless given.
        clock: Seconds that only move forward.
        sleep: Waits so many seconds, for the rate limit.

    Raises:
        ConfigurationError: The address is not one to send a key to.
    """

    def __init__(
        self,
        service: PaidService,
        base_url: str,
        *,
        api_key: SecretStr,
        rules: CallRules,
        limit: CallLimit | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._rules = rules
        self.address = clean_base_url(base_url, setting=service.address_variable)
        self._clock = clock
        self._limit = limit or TokenBucket(
            per_second=rules.calls_per_second, burst=rules.burst_calls, clock=clock, sleep=sleep
        )
        self.calls = 0  # requests that left or tried to, failed ones included
        self._http = httpx.Client(
            headers={
                rules.auth_header: f"{rules.auth_prefix}{api_key.get_secret_value()}",
                "Accept": "application/json",
                "User-Agent": USER_AGENT,
            },
            timeout=httpx.Timeout(rules.read_seconds, connect=rules.connect_seconds),
            limits=httpx.Limits(keepalive_expiry=IDLE_SECONDS),
            follow_redirects=False,
            # a proxy of the environment must not see calls to this machine
            trust_env=httpx.URL(self.address).host not in LOOPBACK_HOSTS,
            transport=transport,
            event_hooks={"request": [AllowedHosts(self.address), self._count]},
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def post(self, call: Call, body: dict[str, object]) -> Answer:
        """Make one call and return its answer, whatever its status.

        Raises:
            TransportFaultError: No complete answer came; `is_sent` tells whether it may have been billed.
            UnreadablePageError: The answer is larger than any answer is.
        """
        self._limit.acquire()
        try:
            return self._send(call, body)
        except NEVER_LEFT as error:
            if flaw := find_tls_flaw(error):
                raise UntrustedConnectionError(self._service.address_variable, flaw=flaw) from error
            raise TransportFaultError(
                self._service.name, call.name, cause=type(error).__name__, is_sent=False
            ) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise TransportFaultError(
                self._service.name, call.name, cause=type(error).__name__, is_sent=True
            ) from error

    def _send(self, call: Call, body: dict[str, object]) -> Answer:
        deadline = self._clock() + self._rules.total_seconds
        with self._http.stream("POST", f"{self.address}{call.path}", json=body) as response:
            content = bytearray()
            for piece in response.iter_bytes():
                content += piece
                if self._clock() > deadline:
                    raise TransportFaultError(self._service.name, call.name, cause="answer took too long", is_sent=True)
                if len(content) > MAX_ANSWER_BYTES:
                    what = f"more than {MAX_ANSWER_BYTES} bytes"
                    raise UnreadablePageError(self._service.name, call.name, what=what, body="")
        hints = read_limit_hints(response.headers, names=self._rules.limit_headers, now=datetime.now(UTC))
        self._limit.heed(hints)
        return Answer(
            status=response.status_code,
            media_type=response.headers.get("content-type", "").partition(";")[0].strip(),
            text=content.decode("utf-8", errors="replace"),
            wait_seconds=hints.wait_seconds,
            headers={name.lower(): value for name, value in response.headers.items()},
        )

    def _count(self, _request: httpx.Request) -> None:
        self.calls += 1

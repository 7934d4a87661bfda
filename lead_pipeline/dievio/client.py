"""Talks to Dievio: one call, one answer, within a rate limit, a time and a size.

What an answer means is `answers`. Nothing is repeated here: each try may cost credits, so that is decided where they
are booked, in the service `paid_calls`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpx
from pydantic import SecretStr

from lead_pipeline.dievio.answers import SYSTEM, Answer, Call, read_page
from lead_pipeline.dievio.options import DievioOptions
from lead_pipeline.domain.searches import LookupRequest, SearchPage, SearchRequest
from lead_pipeline.errors import TransportFaultError, UnreadablePageError, UntrustedConnectionError
from lead_pipeline.transport.egress import LOOPBACK_HOSTS, AllowedHosts, clean_base_url
from lead_pipeline.transport.rate_limits import CallLimit, TokenBucket, read_limit_hints
from lead_pipeline.transport.tls import find_tls_flaw

BASE_URL_SETTING = "DIEVIO_BASE_URL"
MAX_ANSWER_BYTES = 32 * 1024 * 1024  # 100 rows with their provider objects are below 2 MB
USER_AGENT = "lead_pipeline"
NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class DievioClient:
    """One Dievio workspace; use it as a context manager or close it.

    Args:
        base_url: Address of the API.
        api_key: Key of the workspace.
        options: Paths, headers, answer keys, rate and patience.
        limit: Lets calls through; a bucket of this client alone unless given.
        transport: What carries the requests; the network unless given.
        clock: Seconds that only move forward.
        sleep: Waits so many seconds, for the rate limit.

    Raises:
        ConfigurationError: The address is not one to send a key to.
    """

    def __init__(
        self,
        base_url: str,
        api_key: SecretStr,
        *,
        options: DievioOptions | None = None,
        limit: CallLimit | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._options = options or DievioOptions()
        self.address = clean_base_url(base_url, setting="DIEVIO_BASE_URL")
        self._clock = clock
        self._limit = limit or TokenBucket(
            per_second=self._options.calls_per_second, burst=self._options.burst_calls, clock=clock, sleep=sleep
        )
        self.calls = 0  # requests that left or tried to, failed ones included
        self._http = httpx.Client(
            headers={
                self._options.auth_header: f"{self._options.auth_prefix}{api_key.get_secret_value()}",
                "Accept": "application/json",
                "User-Agent": USER_AGENT,
            },
            timeout=httpx.Timeout(self._options.read_seconds, connect=self._options.connect_seconds),
            follow_redirects=False,
            # a proxy of the environment must not see calls to this machine
            trust_env=httpx.URL(self.address).host not in LOOPBACK_HOSTS,
            transport=transport,
            event_hooks={"request": [AllowedHosts(self.address), self._count]},
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def search(self, request: SearchRequest) -> SearchPage:
        """Buy one page of a lead search. 1 credit a row.

        Raises:
            LeadPipelineError: No page came; the type says what to do next, and for a `TransportFaultError` whether the
                call may have been billed.
        """
        body = request.as_body()
        path = self._options.search_path
        return self._buy(Call(name="search", path=path, segment=request.segment, keys=frozenset(body)), body)

    def lookup(self, request: LookupRequest) -> SearchPage:
        """Buy one page of a profile lookup. 1 credit a row; misses cost nothing.

        Raises:
            LeadPipelineError: As `search`.
        """
        body = request.as_body()
        return self._buy(Call(name="lookup", path=self._options.lookup_path, keys=frozenset(body)), body)

    def _buy(self, call: Call, body: dict[str, object]) -> SearchPage:
        self._limit.acquire()
        try:
            answer = self._send(call, body)
        except NEVER_LEFT as error:
            if flaw := find_tls_flaw(error):
                raise UntrustedConnectionError(BASE_URL_SETTING, flaw=flaw) from error
            raise TransportFaultError(SYSTEM, call.name, cause=type(error).__name__, is_sent=False) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise TransportFaultError(SYSTEM, call.name, cause=type(error).__name__, is_sent=True) from error
        return read_page(answer, call=call, keys=self._options.keys)

    def _send(self, call: Call, body: dict[str, object]) -> Answer:
        deadline = self._clock() + self._options.total_seconds
        with self._http.stream("POST", f"{self.address}{call.path}", json=body) as response:
            content = bytearray()
            for piece in response.iter_bytes():
                content += piece
                if self._clock() > deadline:
                    raise TransportFaultError(SYSTEM, call.name, cause="answer took too long", is_sent=True)
                if len(content) > MAX_ANSWER_BYTES:
                    what = f"more than {MAX_ANSWER_BYTES} bytes"
                    raise UnreadablePageError(SYSTEM, call.name, what=what, body="")
        hints = read_limit_hints(response.headers, names=self._options.limit_headers, now=datetime.now(UTC))
        self._limit.heed(hints)
        return Answer(
            status=response.status_code,
            media_type=response.headers.get("content-type", "").partition(";")[0].strip(),
            text=content.decode("utf-8", errors="replace"),
            wait_seconds=hints.wait_seconds,
        )

    def _count(self, _request: httpx.Request) -> None:
        self.calls += 1

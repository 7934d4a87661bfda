"""Talks to Dievio: one call, one page. How a call travels is `transport/json_calls`, what an answer means `answers`.

Nothing is repeated here: each try may cost credits, so that is decided where they are booked, in the service
`paid_calls`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import httpx
from pydantic import SecretStr

from lead_pipeline.dievio.answers import DIEVIO, read_page
from lead_pipeline.dievio.options import AnswerKeys, DievioOptions
from lead_pipeline.domain.searches import LookupRequest, SearchPage, SearchRequest
from lead_pipeline.transport.json_answers import Answer, Call
from lead_pipeline.transport.json_calls import JsonCalls
from lead_pipeline.transport.rate_limits import CallLimit


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
        self._calls = JsonCalls(
            DIEVIO,
            base_url,
            api_key=api_key,
            rules=self._options,
            limit=limit,
            transport=transport,
            clock=clock,
            sleep=sleep,
        )

    @property
    def address(self) -> str:
        """Where it is, for messages."""
        return self._calls.address

    @property
    def calls(self) -> int:
        """Requests that left or tried to, failed ones included."""
        return self._calls.calls

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
        self._calls.close()

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

    def try_search(self, body: Mapping[str, object]) -> Answer:
        """Return the answer to a body of one's own as it came, an error too. Its rows are billed.

        Raises:
            LeadPipelineError: No answer came.
        """
        return self._calls.post(Call(name="search", path=self._options.search_path), dict(body))

    def try_lookup(self, body: Mapping[str, object]) -> Answer:
        """As `try_search` for a profile lookup."""
        return self._calls.post(Call(name="lookup", path=self._options.lookup_path), dict(body))

    @property
    def answer_keys(self) -> AnswerKeys:
        """Where an answer holds what."""
        return self._options.keys

    def _buy(self, call: Call, body: dict[str, object]) -> SearchPage:
        return read_page(self._calls.post(call, body), call=call, keys=self._options.keys)

"""The emulated contact provider as an ASGI application: authentication, limit, error form and control routes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lead_pipeline.sandbox.contact_api.matching import FAULT_KINDS, RefusedRequestError, match_people
from lead_pipeline.sandbox.contact_api.state import DEFAULT_BALANCE_CREDITS, ContactState, Person
from lead_pipeline.sandbox.control_plane import (
    ControlPlane,
    ControlPlaneMiddleware,
    RequestLedger,
    control_routes,
    fired_faults,
    route_namer,
)
from lead_pipeline.sandbox.control_plane.routes import read_json

DEFAULT_API_KEY = "sandbox-contact-key"
KEY_HEADER = "X-Contact-Key"
MINUTE_SECONDS = 60
MAX_COUNT = 2**63 - 1  # SQLite keeps no larger number


def create_app(
    *,
    state_path: Path | None = None,
    api_key: str = DEFAULT_API_KEY,
    people: Sequence[Person] = (),
    balance: int = DEFAULT_BALANCE_CREDITS,
) -> Starlette:
    """Build the emulated contact provider.

    Args:
        state_path: SQLite file that keeps people and credits between processes; the request counts lie beside it.
            Everything is in memory without one.
        api_key: The key that callers have to send.
        people: Who is on sale at first and after a reset, served verbatim.
        balance: Credits at first and after a reset.
    """
    return _ContactApi(state_path, api_key=api_key, people=people, balance=balance).build()


class _ContactApi:
    """Holds the parts together that the routes share."""

    def __init__(self, state_path: Path | None, *, api_key: str, people: Sequence[Person], balance: int) -> None:
        self._state = ContactState(state_path, people=people, balance=balance)
        self._api_key = api_key
        self._minute = (0, 0)  # which minute of the sandbox's clock, and its calls so far
        ledger_path = state_path.with_suffix(".ledger.sqlite") if state_path else None
        self._plane = ControlPlane(
            ledger=RequestLedger(ledger_path),
            reset=self._reset,
            ledger_extra=lambda: {name: self._state.get(name) for name in ("matches_charged", "balance")},
            ledger_cleared=lambda: self._state.set("matches_charged", 0),
            own_fault_kinds=FAULT_KINDS,
            error_body=lambda status: _error_body("injected", f"Injected fault {status}."),
        )

    def build(self) -> Starlette:
        routes = [
            Route("/v1/people/match", self._match, methods=["POST"]),
            Route("/_sandbox/people", self._put_people, methods=["PUT"]),
            Route("/_sandbox/credits", self._put_credits, methods=["PUT"]),
            Route("/_sandbox/limits", self._put_limits, methods=["PUT"]),
            *control_routes(self._plane),
        ]
        faulty = Middleware(ControlPlaneMiddleware, plane=self._plane, name_route=route_namer(routes))
        handlers: Mapping[Any, Any] = {HTTPException: _answer_http_error}
        return Starlette(routes=routes, middleware=[faulty], exception_handlers=handlers)

    async def _match(self, request: Request) -> Response:
        left, reset_seconds = self._count_call()
        try:
            self._refuse(request, left)
            response: Response = JSONResponse(
                match_people(self._state, await _read_body(request), fired_faults(request))
            )
        except RefusedRequestError as error:
            content, media_type = _error_body(error.code, error.detail)
            response = Response(content, error.status, media_type=media_type)
        response.headers["X-Minute-Request-Left"] = str(max(left, 0))
        response.headers["X-Minute-Request-Reset-Seconds"] = str(reset_seconds)
        return response

    def _refuse(self, request: Request, left: int) -> None:
        if request.headers.get(KEY_HEADER) != self._api_key:
            raise RefusedRequestError(401, "invalid_key", "The key is missing or wrong.")
        if left < 0:
            raise RefusedRequestError(429, "too_many_requests", "This minute's calls are spent.")

    def _count_call(self) -> tuple[int, int]:
        """Return how many calls are left in this minute after this one, and the seconds until the next."""
        second = int(self._plane.clock.now().timestamp())
        minute = second // MINUTE_SECONDS
        calls = self._minute[1] + 1 if self._minute[0] == minute else 1
        self._minute = (minute, calls)
        return self._state.get("calls_per_minute") - calls, MINUTE_SECONDS - second % MINUTE_SECONDS

    async def _put_people(self, request: Request) -> Response:
        people = await read_json(request)
        if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
            raise HTTPException(400, "people have to be an array of objects")
        self._state.put_people(people)
        return JSONResponse({"people": len(people)})

    async def _put_credits(self, request: Request) -> Response:
        return await self._put_count(request, "balance")

    async def _put_limits(self, request: Request) -> Response:
        return await self._put_count(request, "calls_per_minute")

    async def _put_count(self, request: Request, name: str) -> Response:
        document = await read_json(request)
        count = document.get(name) if isinstance(document, dict) else None
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_COUNT:
            raise HTTPException(400, f'"{name}" has to be a whole number from 0 to {MAX_COUNT}')
        self._state.set(name, count)
        return JSONResponse({name: count})

    def _reset(self, _options: Mapping[str, object]) -> None:
        self._minute = (0, 0)
        self._state.reset()


def _error_body(code: str, detail: str) -> tuple[bytes, str]:
    return json.dumps({"error": {"code": code, "detail": detail}}).encode(), "application/json"


async def _answer_http_error(_request: Request, error: HTTPException) -> Response:
    content, media_type = _error_body(f"http_{error.status_code}", error.detail)
    return Response(content, error.status_code, media_type=media_type)


async def _read_body(request: Request) -> Mapping[str, Any]:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:  # the second for brackets nested by the thousand
        raise RefusedRequestError(400, "invalid_json", "The body has to be JSON.") from error
    if not isinstance(body, dict):
        raise RefusedRequestError(400, "invalid_json", "The body has to be a JSON object.")
    return body

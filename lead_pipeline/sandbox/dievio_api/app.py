"""The emulated Dievio as an ASGI application: authentication, error forms, headers and control routes.

What is answered to a valid request is in `endpoints`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lead_pipeline.sandbox.control_plane import (
    ControlPlane,
    ControlPlaneMiddleware,
    RequestLedger,
    control_routes,
    fired_faults,
    route_namer,
)
from lead_pipeline.sandbox.control_plane.routes import read_json
from lead_pipeline.sandbox.dievio_api.endpoints import FAULT_KINDS, Body, Endpoints, Faults
from lead_pipeline.sandbox.dievio_api.paging import RefusedRequestError
from lead_pipeline.sandbox.dievio_api.pool import DEFAULT_BALANCE_CREDITS, Pool
from lead_pipeline.sandbox.dievio_api.switches import InvalidSwitchError

DEFAULT_API_KEY = "sandbox-key"
ERROR_CODES: Mapping[int, str] = {
    400: "invalid_request",
    401: "unauthorized",
    402: "insufficient_credits",
    404: "not_found",
    405: "method_not_allowed",
    422: "invalid_request",
    429: "rate_limited",
    500: "internal_error",
    502: "upstream_error",
    503: "unavailable",
}

Answer = Callable[[Body, Faults], dict[str, Any]]


def create_app(
    *,
    state_path: Path | None = None,
    api_key: str = DEFAULT_API_KEY,
    seed_rows: Sequence[object] = (),
    balance: int = DEFAULT_BALANCE_CREDITS,
) -> Starlette:
    """Build the emulated Dievio.

    Args:
        state_path: SQLite file that keeps rows, credits and switches between processes; the request counts lie beside
            it. Everything is in memory without one.
        api_key: The key that callers have to send.
        seed_rows: What is on sale at first and after a reset: {"_person": {...}} or rows served verbatim.
        balance: Credits at first and after a reset.
    """
    return _DievioApp(state_path, api_key=api_key, seed_rows=seed_rows, balance=balance).build()


class _DievioApp:
    """Holds the parts together that the routes share."""

    def __init__(self, state_path: Path | None, *, api_key: str, seed_rows: Sequence[object], balance: int) -> None:
        self._pool = Pool(state_path, seed_rows=seed_rows, balance=balance)
        self._endpoints = Endpoints(self._pool)
        self._api_key = api_key
        self._calls_until_limit = 0
        ledger_path = state_path.with_suffix(".ledger.sqlite") if state_path else None
        self._plane = ControlPlane(
            ledger=RequestLedger(ledger_path),
            reset=self._reset,
            ledger_extra=lambda: {"rows_charged": self._pool.rows_charged, "balance": self._pool.balance},
            ledger_cleared=self._clear_charges,
            own_fault_kinds=FAULT_KINDS,
            error_body=lambda status: self._error_body(status, ERROR_CODES.get(status, "error"), "Injected fault."),
        )

    def build(self) -> Starlette:
        routes = [
            Route("/api/public/search", self._endpoint(self._endpoints.search), methods=["POST"]),
            Route("/api/linkedin/lookup", self._endpoint(self._endpoints.look_up), methods=["POST"]),
            Route("/_sandbox/rows", self._put_rows, methods=["PUT"]),
            Route("/_sandbox/credits", self._put_credits, methods=["PUT"]),
            Route("/_sandbox/switches", self._show_switches, methods=["GET"]),
            Route("/_sandbox/switches", self._put_switches, methods=["PUT"]),
            *control_routes(self._plane),
        ]
        faulty = Middleware(ControlPlaneMiddleware, plane=self._plane, name_route=route_namer(routes))
        handlers: Mapping[Any, Any] = {HTTPException: self._answer_http_error}
        return Starlette(routes=routes, middleware=[faulty], exception_handlers=handlers)

    def _endpoint(self, answer: Answer) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            before = self._pool.rows_charged
            try:
                self._refuse_stranger(request)
                self._refuse_over_limit()
                document = answer(await _read_body(request), fired_faults(request))
            except RefusedRequestError as error:
                response = self._error_response(error.status, error.code, error.message)
            else:
                response = JSONResponse(document)
            if self._pool.switches.credit_headers == "on":
                response.headers["X-Credits-Used"] = str(self._pool.rows_charged - before)
                response.headers["X-Credits-Remaining"] = str(self._pool.balance)
            return response

        return handle

    def _refuse_stranger(self, request: Request) -> None:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        keys = (bearer.strip() if scheme.lower() == "bearer" else "", request.headers.get("x-api-key", ""))
        if self._api_key not in keys:
            raise RefusedRequestError(401, ERROR_CODES[401], "Missing or invalid API key.")

    def _refuse_over_limit(self) -> None:
        every = self._pool.switches.rate_limit_every
        self._calls_until_limit = (self._calls_until_limit + 1) % every if every else 0
        if every and self._calls_until_limit == 0:
            raise RefusedRequestError(429, ERROR_CODES[429], "Too many requests.")

    def _error_response(self, status: int, code: str, message: str) -> Response:
        content, media_type = self._error_body(status, code, message)
        response = Response(content, status, media_type=media_type)
        if status == 429:  # noqa: PLR2004  # Too Many Requests
            response.headers["Retry-After"] = str(self._pool.switches.rate_limit_retry_after_seconds)
        return response

    def _error_body(self, status: int, code: str, message: str) -> tuple[bytes, str]:
        form = self._pool.switches.error_body
        if form == "text":
            return f"{status} {message}".encode(), "text/plain"
        flat = {"success": False, "error": code, "message": message}
        nested = {"error": {"type": code, "message": message}}
        return json.dumps(nested if form == "nested" else flat).encode(), "application/json"

    async def _answer_http_error(self, _request: Request, error: HTTPException) -> Response:
        return self._error_response(error.status_code, ERROR_CODES.get(error.status_code, "error"), error.detail)

    async def _put_rows(self, request: Request) -> Response:
        rows = await read_json(request)
        if not isinstance(rows, list):
            raise HTTPException(400, "The rows have to be a JSON array")
        try:
            self._pool.put_rows(rows)
        except ValueError as error:  # a person that cannot be rendered, or a number that JSON does not have
            raise HTTPException(400, str(error)) from error
        return JSONResponse({"rows": len(self._pool)})

    async def _put_credits(self, request: Request) -> Response:
        document = await read_json(request)
        balance = document.get("balance") if isinstance(document, dict) else None
        if isinstance(balance, bool) or not isinstance(balance, int) or balance < 0:
            raise HTTPException(400, '"balance" has to be a whole number from 0')
        self._pool.balance = balance
        return JSONResponse({"balance": balance})

    async def _show_switches(self, _request: Request) -> Response:
        return JSONResponse(self._pool.switches.to_json())

    async def _put_switches(self, request: Request) -> Response:
        try:
            self._pool.switches = self._pool.switches.changed(await read_json(request))
        except InvalidSwitchError as error:
            raise HTTPException(400, str(error)) from error
        return await self._show_switches(request)

    def _reset(self, _options: Mapping[str, object]) -> None:
        self._calls_until_limit = 0
        self._pool.reset()

    def _clear_charges(self) -> None:
        self._pool.rows_charged = 0


async def _read_body(request: Request) -> Body:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:  # the second for brackets nested by the thousand
        raise RefusedRequestError(400, ERROR_CODES[400], "The body has to be JSON.") from error
    if not isinstance(body, dict):
        raise RefusedRequestError(400, ERROR_CODES[400], "The body has to be a JSON object.")
    return body

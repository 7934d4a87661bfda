"""The org as an ASGI application: bytes in, bytes out, around the dispatcher.

Belongs here: reading requests (size, coding) and writing answers. What is answered: dispatch.py; faults and ledger:
the control plane.
"""

import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from lead_pipeline.sandbox.control_plane import (
    ControlPlane,
    ControlPlaneMiddleware,
    RequestLedger,
    SandboxClock,
    control_routes,
    fired_faults,
)
from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.control import OrgControls
from lead_pipeline.sandbox.salesforce_org.dispatch import Dispatcher
from lead_pipeline.sandbox.salesforce_org.disturbances import OWN_FAULT_KINDS
from lead_pipeline.sandbox.salesforce_org.ingest import MAX_UPLOAD_BYTES
from lead_pipeline.sandbox.salesforce_org.messages import JSON_TYPE, Answer, Call, refusal
from lead_pipeline.sandbox.salesforce_org.oauth import ConnectedApp
from lead_pipeline.sandbox.salesforce_org.org import Org
from lead_pipeline.sandbox.salesforce_org.schema import Edition

MAX_BODY_BYTES: Final = 50 * 1024 * 1024  # Salesforce limit of REST requests
MAX_URI_BYTES: Final = 16_384  # Salesforce limit, also for URI and headers together
_UNKNOWN: Final = "(unknown)"
_BODYLESS: Final = frozenset({204, 304})
_STATUS_CODES: Final = {401: "INVALID_SESSION_ID", 403: "REQUEST_LIMIT_EXCEEDED", 503: "SERVER_UNAVAILABLE"}


def create_app(
    *,
    state_path: Path | None = None,
    org: Edition = "demo",
    clock: SandboxClock | None = None,
    connected_app: ConnectedApp | None = None,
) -> Starlette:
    """Build the org's server; `app.state.org` is the org itself, `app.state.plane` its control plane.

    Args:
        state_path: SQLite file of the org; None keeps it for the life of the application only.
        org: `demo` with our custom fields, `stock` without.
        clock: time of the sandbox; real time by default.
        connected_app: client id and secret, the user behind them, the key of JWT assertions.
    """
    emulated = Org(state_path=state_path, edition=org, clock=clock)
    dispatcher = Dispatcher(emulated, connected_app or ConnectedApp())
    ledger_path = None if state_path is None else state_path.with_suffix(".ledger.sqlite")
    plane = ControlPlane(
        clock=emulated.clock,
        ledger=RequestLedger(ledger_path),
        reset=lambda _options: emulated.reset(),
        error_body=_error_body,
        own_fault_kinds=OWN_FAULT_KINDS,
    )

    def name_route(scope: Scope) -> str:
        return dispatcher.template(_raw_path(scope)) or _UNKNOWN

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        dispatcher.close()
        plane.ledger.close()
        emulated.close()

    app = Starlette(
        routes=[*control_routes(plane), *OrgControls(emulated).routes(), Mount("/", app=_Front(dispatcher))],
        middleware=[Middleware(ControlPlaneMiddleware, plane=plane, name_route=name_route)],
        lifespan=lifespan,
    )
    app.state.org = emulated
    app.state.plane = plane
    return app


class _Front:
    """Turns ASGI requests into calls and answers into ASGI responses."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except SalesforceFault as refused:
            answer = refusal([refused])
        except ClientDisconnect:
            return
        response = _response(answer, pretty="x-prettyprint" in request.headers, head=request.method == "HEAD")
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Answer:
        _check_size(request)
        raw_path = _raw_path(request.scope)
        body = await _read_body(request, limit=MAX_UPLOAD_BYTES if raw_path.endswith("/batches") else MAX_BODY_BYTES)
        call = Call(
            org=self._dispatcher.org,
            method=request.method,
            path=raw_path,
            query=dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers=dict(request.headers),
            body=body,
            base_url=f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}",
            faults=fired_faults(request),
        )
        return await run_in_threadpool(self._dispatcher.answer, call)


def _raw_path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")


def _check_size(request: Request) -> None:
    uri = len(_raw_path(request.scope)) + len(request.scope["query_string"])
    if uri > MAX_URI_BYTES:
        raise fault("URI_TOO_LONG")
    if uri + sum(len(name) + len(value) for name, value in request.scope["headers"]) > MAX_URI_BYTES:
        raise fault("HEADERS_TOO_LARGE")


async def _read_body(request: Request, *, limit: int) -> bytes:
    """Read a body, chunked or not, inflating gzip; a body over the limit is read to its end and refused."""
    inflate = zlib.decompressobj(wbits=31) if request.headers.get("content-encoding", "").lower() == "gzip" else None
    parts: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            part = inflate.decompress(chunk, limit + 1) if inflate else chunk
            size += len(part)
            if size <= limit:
                parts.append(part)
    except zlib.error:
        raise fault("BAD_REQUEST", text="the body is not gzip") from None
    if size > limit:
        raise fault("REQUEST_TOO_LARGE", size=limit)
    return b"".join(parts)


def _response(answer: Answer, *, pretty: bool, head: bool) -> Response:
    content = b"" if head or answer.status in _BODYLESS else answer.encoded(pretty=pretty)
    # Said as a header, because the framework would add a charset to text that goes without one.
    media_type = {} if answer.body is None else {"Content-Type": answer.media_type}
    return Response(content, answer.status, {**answer.headers, **media_type})


def _error_body(status: int) -> tuple[bytes, str]:
    """The platform's error array for a scripted status."""
    refused = fault(_STATUS_CODES.get(status, "UNKNOWN_EXCEPTION"))
    return json.dumps([refused.as_rest()]).encode(), JSON_TYPE

"""Counts each request and carries out the generic faults, around any ASGI application.

What a fault means inside one system (a locked row, rows charged though the answer is lost) is carried out by that
system, which finds the fault with `fired_faults(request)`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lead_pipeline.sandbox.control_plane.faults import FiredFault
from lead_pipeline.sandbox.control_plane.plane import CONTROL_PREFIX, ControlPlane, LateCommit

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close sends RST instead of FIN
PROXY_PAGE = b"<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Please stand by</h1></body></html>"


@dataclass
class _Answer:
    """An answer of the application, held back instead of sent."""

    start: Message = field(default_factory=lambda: {"type": "http.response.start", "status": 500, "headers": []})
    body: bytes = b""

    async def collect(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    def start_with_length(self, length: int) -> Message:
        kept = [(key, value) for key, value in self.start.get("headers", []) if key.lower() != b"content-length"]
        return {**self.start, "headers": [*kept, (b"content-length", str(length).encode())]}


@dataclass
class _Exchange:
    """One request on its way, with everything a fault needs to deal with it."""

    app: ASGIApp
    plane: ControlPlane
    scope: Scope
    receive: Receive
    send: Send
    body: bytes

    async def run(self, send: Send) -> None:
        """Let the application handle the request, from the body that was read ahead."""
        await self.app(self.scope, _replay(self.body, self.receive), send)

    async def run_held_back(self) -> _Answer:
        answer = _Answer()
        await self.run(answer.collect)
        return answer

    async def respond(self, response: Response) -> None:
        await response(self.scope, self.receive, self.send)


class ControlPlaneMiddleware:
    """ASGI middleware; put it outermost.

    Args:
        app: The emulated system.
        plane: Its control plane.
        name_route: Gives the route template of a request for the ledger and for fault rules (see `route_namer`).
    """

    def __init__(self, app: ASGIApp, *, plane: ControlPlane, name_route: Callable[[Scope], str]) -> None:
        self._app = app
        self._plane = plane
        self._name_route = name_route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or pass lifespan events through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._plane.run_due_commits()
        if scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, send)
            return
        await self._handle_counted(scope, receive, send)

    async def _handle_counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        template = self._name_route(scope)
        sizes = {"in": 0, "out": 0}

        async def counting_receive() -> Message:
            message = await receive()
            sizes["in"] += len(message.get("body", b""))
            return message

        async def counting_send(message: Message) -> None:
            sizes["out"] += len(message.get("body", b""))
            await send(self._dated(message))

        try:
            if self._plane.faults.is_empty:
                await self._app(scope, counting_receive, counting_send)
            else:
                await self._handle_with_faults(scope, counting_receive, counting_send, template=template)
        finally:
            self._plane.ledger.add(f"{scope['method']} {template}", bytes_in=sizes["in"], bytes_out=sizes["out"])

    def _dated(self, message: Message) -> Message:
        """Date an answer by the sandbox's clock, as clients compare it with stamps of records."""
        if message["type"] != "http.response.start":
            return message
        date = format_datetime(self._plane.clock.now(), usegmt=True).encode()
        return {**message, "headers": [*message.get("headers", []), (b"date", date)]}

    async def _handle_with_faults(self, scope: Scope, receive: Receive, send: Send, *, template: str) -> None:
        body = await _read_body(receive)
        fired = self._plane.faults.fire(method=scope["method"], names=(template, scope["path"]), body=body)
        scope.setdefault("state", {})["faults"] = tuple(fault for fault in fired if not fault.is_generic)
        exchange = _Exchange(self._app, self._plane, scope, receive, send, body)
        generic = next((fault for fault in fired if fault.is_generic), None)
        if generic is None:
            await exchange.run(send)
        else:
            await _CARRY_OUT[generic.kind](exchange, generic)


async def _answer_status(exchange: _Exchange, fault: FiredFault) -> None:
    headers = dict(fault.parameter("headers"))
    seconds, date_seconds = fault.parameter("retry_after_seconds"), fault.parameter("retry_after_date_seconds")
    if seconds is not None:
        headers["Retry-After"] = str(seconds)
    elif date_seconds is not None:
        moment = exchange.plane.clock.now() + timedelta(seconds=date_seconds)
        headers["Retry-After"] = format_datetime(moment, usegmt=True)
    content, media_type = exchange.plane.error_body(fault.parameter("status"))
    body = fault.parameter("body")
    if body is not None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
    await exchange.respond(Response(content, fault.parameter("status"), headers, media_type))


async def _answer_expired_session(exchange: _Exchange, _fault: FiredFault) -> None:
    content, media_type = exchange.plane.error_body(401)
    await exchange.respond(Response(content, 401, media_type=media_type))


async def _reset_before_commit(exchange: _Exchange, _fault: FiredFault) -> None:
    await reset_connection(exchange.scope, exchange.receive)


async def _reset_after_commit(exchange: _Exchange, _fault: FiredFault) -> None:
    await exchange.run_held_back()
    await reset_connection(exchange.scope, exchange.receive)


async def _commit_late(exchange: _Exchange, fault: FiredFault) -> None:
    async def work() -> None:
        await exchange.run_held_back()

    due_at = exchange.plane.clock.now() + timedelta(seconds=fault.parameter("delay_seconds"))
    exchange.plane.late_commits.append(LateCommit(due_at, work))
    await reset_connection(exchange.scope, exchange.receive)


async def _answer_slowly(exchange: _Exchange, fault: FiredFault) -> None:
    answer = await exchange.run_held_back()
    await asyncio.sleep(fault.parameter("seconds"))
    await exchange.send(answer.start)
    await exchange.send({"type": "http.response.body", "body": answer.body})


async def _drip(exchange: _Exchange, fault: FiredFault) -> None:
    answer = await exchange.run_held_back()
    size = max(1, -(-len(answer.body) // fault.parameter("pieces")))
    await exchange.send(answer.start_with_length(len(answer.body)))
    for at in range(0, len(answer.body), size):
        await exchange.send({"type": "http.response.body", "body": answer.body[at : at + size], "more_body": True})
        await asyncio.sleep(fault.parameter("pause_seconds"))
    await exchange.send({"type": "http.response.body", "body": b""})


async def _answer_truncated(exchange: _Exchange, fault: FiredFault) -> None:
    answer = await exchange.run_held_back()
    kept = answer.body[: int(len(answer.body) * fault.parameter("share"))]
    await exchange.send(answer.start_with_length(len(kept)))
    await exchange.send({"type": "http.response.body", "body": kept})


async def _answer_html(exchange: _Exchange, _fault: FiredFault) -> None:
    await exchange.respond(Response(PROXY_PAGE, 200, media_type="text/html"))


_CARRY_OUT = {
    "status": _answer_status,
    "expired_session": _answer_expired_session,
    "reset_before_commit": _reset_before_commit,
    "reset_after_commit": _reset_after_commit,
    "late_commit": _commit_late,
    "slow": _answer_slowly,
    "drip": _drip,
    "truncated_json": _answer_truncated,
    "html_200": _answer_html,
}


async def reset_connection(scope: Scope, receive: Receive) -> None:
    """Abort the TCP connection of a request with RST and wait until the server has noticed.

    Needs the server of `lead_pipeline.sandbox.serving`, which hands the transport on in the scope.
    """
    transport: asyncio.Transport = scope["state"]["transport"]
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replaying_receive() -> Message:
        return pending.pop() if pending else await receive()

    return replaying_receive

"""The emulated lead platform as an ASGI application."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
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
    route_namer,
)
from lead_pipeline.sandbox.control_plane.routes import read_json
from lead_pipeline.sandbox.lead_platform_api.state import Document, PlatformState
from lead_pipeline.sandbox.lead_platform_api.webhooks import Subscription, WebhookSender

DEFAULT_TOKEN = "sandbox-platform-token"  # noqa: S105  # published default of an emulator
MAX_PAGE_LEADS = 200
ORIGIN_HEADER = "X-Origin"  # names the system a change comes from, so that a change never travels back to it
UNKNOWN_ORIGIN = "unknown"


def create_app(*, state_path: Path | None = None, token: str = DEFAULT_TOKEN) -> Starlette:
    """Build the emulated lead platform.

    Args:
        state_path: SQLite file that keeps the state between processes; in memory without one.
        token: The bearer token that callers have to send.
    """
    return _LeadPlatform(state_path, token=token).build()


class _LeadPlatform:
    """Holds the parts together that the routes share."""

    def __init__(self, state_path: Path | None, *, token: str) -> None:
        self._state = PlatformState(state_path)
        self._token = token
        ledger_path = state_path.with_suffix(".ledger.sqlite") if state_path else None
        self._plane = ControlPlane(ledger=RequestLedger(ledger_path), reset=self._reset, error_body=_error_body)
        self._webhooks = WebhookSender(self._plane.clock)

    def build(self) -> Starlette:
        routes = [
            Route("/platform/leads", self._guard(self._list_leads), methods=["GET"]),
            Route("/platform/leads/{lead_id}", self._guard(self._show_lead), methods=["GET"]),
            Route("/platform/leads/{lead_id}", self._guard(self._once(self._patch_lead)), methods=["PATCH"]),
            Route("/platform/roster", self._guard(self._show_roster), methods=["GET"]),
            Route("/platform/roster", self._guard(self._once(self._put_roster)), methods=["PUT"]),
            Route("/_sandbox/leads", self._seed_leads, methods=["PUT"]),
            Route("/_sandbox/journal", self._show_journal, methods=["GET"]),
            Route("/_sandbox/webhooks", self._subscribe, methods=["PUT"]),
            Route("/_sandbox/webhooks", self._show_deliveries, methods=["GET"]),
            Route("/_sandbox/webhooks/events", self._send_events, methods=["POST"]),
            Route("/_sandbox/webhooks/due", self._send_due, methods=["POST"]),
            *control_routes(self._plane),
        ]
        faulty = Middleware(ControlPlaneMiddleware, plane=self._plane, name_route=route_namer(routes))
        handlers: Mapping[Any, Any] = {HTTPException: _answer_http_error}
        return Starlette(routes=routes, middleware=[faulty], exception_handlers=handlers)

    # --- what every call has to bring -------------------------------------------------------------------------------

    def _guard(self, handle: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            if request.headers.get("authorization", "") != f"Bearer {self._token}":
                raise HTTPException(401, "missing or invalid token")
            response: Response = await handle(request)
            return response

        return guarded

    def _once(self, change: Callable[[Request, object], tuple[int, Document]]) -> Callable[[Request], Any]:
        """Carry a change out once per idempotency key; the key's next request gets the first answer again."""

        async def handle(request: Request) -> Response:
            key = request.headers.get("idempotency-key", "")
            if not key:
                raise HTTPException(400, "the header Idempotency-Key is missing")
            body = await read_json(request)
            fingerprint = json.dumps([request.method, request.url.path, body], sort_keys=True)
            if kept := self._state.find_answer(key):
                first, status, answer = kept
                if first != fingerprint:
                    raise HTTPException(422, "this Idempotency-Key came with another request")
                return JSONResponse(answer, status, {"Idempotent-Replayed": "true"})
            with self._state.transaction():
                status, answer = change(request, body)
                self._state.keep_answer(key, request=fingerprint, status=status, body=answer)
            return JSONResponse(answer, status, background=BackgroundTask(self._webhooks.send_due))

        return handle

    # --- leads and agents -------------------------------------------------------------------------------------------

    async def _list_leads(self, request: Request) -> Response:
        page = _read_page(request)
        leads, total = self._state.list_leads(offset=(page - 1) * MAX_PAGE_LEADS, limit=MAX_PAGE_LEADS)
        next_page = page + 1 if page * MAX_PAGE_LEADS < total else None
        return JSONResponse({"leads": leads, "total_count": total, "next_page": next_page})

    async def _show_lead(self, request: Request) -> Response:
        lead, version = self._find_lead(request)
        return JSONResponse(lead, headers={"ETag": f'"{version}"'})

    def _patch_lead(self, request: Request, body: object) -> tuple[int, Document]:
        lead, version = self._find_lead(request)
        if not isinstance(body, dict) or "id" in body:
            raise HTTPException(400, "a change has to be a JSON object without the id")
        if request.headers.get("if-match", f'"{version}"') != f'"{version}"':
            raise HTTPException(412, "the lead has changed since it was read")
        changed = lead | body
        if changed != lead:
            self._state.save_lead(lead["id"], changed)
            self._commit(request, "update", lead["id"], object_name="lead", change=(lead, changed))
        return 200, changed

    async def _show_roster(self, _request: Request) -> Response:
        return JSONResponse({"agents": self._state.list_agents()})

    def _put_roster(self, request: Request, body: object) -> tuple[int, Document]:
        agents = _read_documents(body.get("agents") if isinstance(body, dict) else None, "agents")
        before = self._state.list_agents()
        self._state.replace_agents(agents)
        after = self._state.list_agents()
        if after != before:
            self._commit(request, "replace", "roster", object_name="roster", change=(before, after))
        return 200, {"agents": after}

    def _find_lead(self, request: Request) -> tuple[Document, int]:
        found = self._state.get_lead(request.path_params["lead_id"])
        if found is None:
            raise HTTPException(404, "no such lead")
        return found

    def _commit(
        self, request: Request, op: str, record_id: str, *, object_name: str, change: tuple[object, object]
    ) -> None:
        """Write the journal and tell the subscriber, with the origin of the change."""
        origin = request.headers.get(ORIGIN_HEADER, UNKNOWN_ORIGIN)
        key = request.headers["idempotency-key"]
        at = self._plane.clock.now()
        self._state.record(op, record_id, object_name=object_name, at=at, change=change, origin=origin, key=key)
        self._webhooks.add(f"{object_name}.{op}d", {"id": record_id, "origin": origin, object_name: change[1]})

    # --- control plane ----------------------------------------------------------------------------------------------

    async def _seed_leads(self, request: Request) -> Response:
        leads = _read_documents(await read_json(request), "leads")
        self._state.put_leads(leads)
        return JSONResponse({"leads": len(leads)})

    async def _show_journal(self, _request: Request) -> Response:
        return JSONResponse(self._state.journal())

    async def _subscribe(self, request: Request) -> Response:
        """Take {"url", "secret"}; null ends the subscription."""
        document = await read_json(request)
        try:
            self._webhooks.subscription = None if document is None else Subscription(**document)
        except TypeError as error:
            raise HTTPException(400, 'a subscription is {"url", "secret"} or null') from error
        return Response(status_code=204)

    async def _show_deliveries(self, _request: Request) -> Response:
        return JSONResponse([delivery.to_json() for delivery in self._webhooks.deliveries])

    async def _send_events(self, request: Request) -> Response:
        """Take an array of {"type", "data", "id"} and send them in order; a repeated id is the same event again."""
        events = await read_json(request)
        if not isinstance(events, list) or not all(map(_is_event, events)):
            raise HTTPException(400, 'events are an array of {"type", "data", "id"}')
        for event in events:
            self._webhooks.add(event["type"], event.get("data", {}), event_id=event.get("id"))
        return await self._send_due(request)

    async def _send_due(self, _request: Request) -> Response:
        return JSONResponse({"taken": await self._webhooks.send_due()})

    def _reset(self, _options: Mapping[str, object]) -> None:
        self._webhooks.reset()
        self._state.clear()


def _is_event(event: object) -> bool:
    return isinstance(event, dict) and "type" in event and isinstance(event.get("id", ""), str)


def _read_documents(document: object, name: str) -> list[Document]:
    if not isinstance(document, list) or not all(isinstance(item, dict) and "id" in item for item in document):
        raise HTTPException(400, f"{name} have to be an array of objects with an id")
    return document


def _read_page(request: Request) -> int:
    text = request.query_params.get("page", "1")
    if not text.isdecimal() or int(text) < 1:
        raise HTTPException(400, "page has to be a whole number from 1")
    return int(text)


def _error_body(status: int, message: str = "injected fault") -> tuple[bytes, str]:
    return json.dumps({"error": {"status": status, "message": message}}).encode(), "application/json"


async def _answer_http_error(_request: Request, error: HTTPException) -> Response:
    content, media_type = _error_body(error.status_code, error.detail)
    return Response(content, error.status_code, media_type=media_type)

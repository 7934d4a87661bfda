"""The control routes that every emulated system has under `/_sandbox/`. Routes of one system alone live with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lead_pipeline.sandbox.control_plane.faults import FaultRule, InvalidFaultError
from lead_pipeline.sandbox.control_plane.plane import ControlPlane


async def read_json(request: Request) -> Any:  # noqa: ANN401  # any JSON document
    """Return the JSON body of a control request, `{}` when it is empty.

    Raises:
        HTTPException: 400, the body is not JSON.
    """
    if not await request.body():
        return {}
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:  # the second for brackets nested by the thousand
        raise HTTPException(400, "The body has to be JSON") from error


async def _read_object(request: Request) -> dict[str, Any]:
    document = await read_json(request)
    if not isinstance(document, dict):
        raise HTTPException(400, "The body has to be a JSON object")
    return document


def control_routes(plane: ControlPlane) -> list[Route]:
    """Build the shared control routes of one system."""
    clock = _ClockRoutes(plane)
    faults = _FaultRoutes(plane)
    ledger = _LedgerRoutes(plane)

    async def reset(request: Request) -> Response:
        plane.reset_everything(await _read_object(request))
        return Response(status_code=204)

    return [
        Route("/_sandbox/ledger", ledger.show, methods=["GET"]),
        Route("/_sandbox/ledger", ledger.clear, methods=["DELETE"]),
        Route("/_sandbox/clock", clock.show, methods=["GET"]),
        Route("/_sandbox/clock", clock.set, methods=["PUT"]),
        Route("/_sandbox/faults", faults.show, methods=["GET"]),
        Route("/_sandbox/faults", faults.add, methods=["POST"]),
        Route("/_sandbox/faults", faults.clear, methods=["DELETE"]),
        Route("/_sandbox/faults/{rule_id:int}", faults.remove, methods=["DELETE"]),
        Route("/_sandbox/faults/kinds", faults.show_kinds, methods=["GET"]),
        Route("/_sandbox/reset", reset, methods=["POST"]),
    ]


class _LedgerRoutes:
    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    async def show(self, _request: Request) -> Response:
        return JSONResponse(self._plane.ledger.totals().to_json() | self._plane.ledger_extra())

    async def clear(self, _request: Request) -> Response:
        self._plane.ledger.clear()
        self._plane.ledger_cleared()
        return Response(status_code=204)


class _ClockRoutes:
    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    async def show(self, _request: Request) -> Response:
        clock = self._plane.clock
        return JSONResponse({"now": clock.now().isoformat(), "frozen": clock.is_frozen})

    async def set(self, request: Request) -> Response:
        """Take {"now": moment or null, "frozen": bool} or {"advance_seconds": number}; no zone means UTC."""
        document = await _read_object(request)
        try:
            self._move(document)
        except (TypeError, ValueError, OverflowError) as error:
            raise HTTPException(400, f"The clock cannot be set so: {error}") from error
        await self._plane.run_due_commits()
        return await self.show(request)

    def _move(self, document: dict[str, Any]) -> None:
        clock = self._plane.clock
        if "advance_seconds" in document:
            clock.advance(timedelta(seconds=document["advance_seconds"]))
        elif "now" not in document:
            raise ValueError('give "now" or "advance_seconds"')
        elif document["now"] is None:
            clock.reset()
        else:
            moment = datetime.fromisoformat(document["now"])
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            clock.set(aware, frozen=bool(document.get("frozen", False)))


class _FaultRoutes:
    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    async def show(self, _request: Request) -> Response:
        return JSONResponse(self._plane.faults.to_json())

    async def add(self, request: Request) -> Response:
        """Take one rule or an array of rules; all or none of them come into force."""
        document = await read_json(request)
        try:
            rules = [FaultRule.from_json(item) for item in (document if isinstance(document, list) else [document])]
            ids = self._plane.add_faults(rules)
        except (InvalidFaultError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ids": ids}, 201)

    async def show_kinds(self, _request: Request) -> Response:
        return JSONResponse({name: kind.to_json() for name, kind in self._plane.fault_kinds().items()})

    async def clear(self, _request: Request) -> Response:
        self._plane.faults.clear()
        return Response(status_code=204)

    async def remove(self, request: Request) -> Response:
        rule_id = request.path_params["rule_id"]
        if not self._plane.faults.remove(rule_id):
            return JSONResponse({"error": f"there is no fault {rule_id}"}, 404)
        return Response(status_code=204)

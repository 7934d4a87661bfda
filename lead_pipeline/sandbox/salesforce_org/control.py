"""The org's own control routes under /_sandbox/: journal, tokens, schema, limits, seeding, admin operations.

Belongs here: what scenarios and tests do to this org. Clock, ledger, faults and reset: the shared control plane.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lead_pipeline.sandbox.control_plane.routes import read_json
from lead_pipeline.sandbox.salesforce_org.lifecycle import Lifecycle
from lead_pipeline.sandbox.salesforce_org.org import Caller, Org
from lead_pipeline.sandbox.salesforce_org.saving import Refused

_BAD_REQUEST: Final = 400
_ADMIN: Final = "admin"
_SETTING_NAMES: Final = {
    "daily": "daily_calls",
    "session_seconds": "session_seconds",
    "api_disabled": "is_api_disabled",
    "changed_ids": "changed_ids",
}
_FLAG: Final = "api_disabled"
_ENDLESS: Final = "session_seconds"  # null: sessions do not expire
_PLACES: Final = "place_picklists"


class ControlError(ValueError):
    """A control request that cannot be carried out, with what is wrong with it."""


class OrgControls:
    """The control routes of one org.

    Args:
        org: the org.
    """

    def __init__(self, org: Org) -> None:
        self._org = org

    def routes(self) -> list[Route]:
        """The routes of this org alone."""
        return [
            Route("/_sandbox/journal", self._journal, methods=["GET"]),
            Route("/_sandbox/tokens", self._with_body(self._issue_token), methods=["POST"]),
            Route("/_sandbox/schema/{object}", self._with_body(self._change_schema), methods=["PUT"]),
            Route("/_sandbox/limits", self._with_body(self._set_limits), methods=["PUT"]),
            Route("/_sandbox/switches", self._with_body(self._turn_switches), methods=["GET", "PUT"]),
            Route("/_sandbox/load", self._with_body(self._load), methods=["POST"]),
            Route("/_sandbox/merge", self._with_body(self._merge), methods=["POST"]),
            Route("/_sandbox/convert", self._with_body(self._convert), methods=["POST"]),
            Route("/_sandbox/undelete", self._with_body(self._undelete), methods=["POST"]),
        ]

    def _with_body(self, work: Callable[[Request, Any], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            document = await read_json(request)
            if not isinstance(document, dict):
                return JSONResponse({"error": "the body has to be a JSON object"}, _BAD_REQUEST)
            try:
                return JSONResponse(await run_in_threadpool(work, request, document))
            except Refused as refused:
                return JSONResponse({"errors": [item.as_row() for item in refused.faults]}, _BAD_REQUEST)
            except KeyError as missing:
                return JSONResponse({"error": f"the body lacks {missing.args[0]}"}, _BAD_REQUEST)
            except ValueError as error:
                return JSONResponse({"error": str(error)}, _BAD_REQUEST)
            except (TypeError, AttributeError, IndexError, ArithmeticError, sqlite3.Error) as error:
                return JSONResponse({"error": f"a value has the wrong shape: {error}"}, _BAD_REQUEST)

        return endpoint

    async def _journal(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            return JSONResponse({"error": "since has to be a sequence number"}, _BAD_REQUEST)
        return JSONResponse(await run_in_threadpool(self._org.store.journal, int(since)))

    def _issue_token(self, _request: Request, document: Mapping[str, Any]) -> dict[str, str]:
        org = self._org
        caller = self._user(str(document.get("user", "")))
        seconds = document.get("lifetime_seconds", org.settings.session_seconds)
        token = org.sessions.issue(caller.user_id, org_id=org.id, now=org.clock.now(), lifetime_seconds=seconds)
        return {
            "access_token": token,
            "refresh_token": org.sessions.issue_refresh(caller.user_id),
            "user_id": caller.user_id,
        }

    def _user(self, name: str) -> Caller:
        caller = self._org.find_user(name)
        if caller is None:
            raise ControlError(f"no active user answers to {name!r}: take integration, rep, admin, a username or an id")
        return caller

    def _change_schema(self, request: Request, document: Mapping[str, Any]) -> dict[str, Any]:
        schema = self._org.change_schema(request.path_params["object"], document)
        return {"object": schema.name, "fields": list(schema.fields)}

    def _set_limits(self, _request: Request, document: Mapping[str, Any]) -> dict[str, Any]:
        known = {*_SETTING_NAMES, _PLACES}
        if unknown := set(document) - known:
            raise ControlError(f"unknown limits {sorted(unknown)}: known are {sorted(known)}")
        for name in document.keys() & _SETTING_NAMES.keys():
            _check_setting(name, document[name])
        for name in document.keys() & _SETTING_NAMES.keys():
            setattr(self._org.settings, _SETTING_NAMES[name], document[name])
        if _PLACES in document:
            self._org.switch_place_picklists(on=bool(document[_PLACES]))
        shown = {name: getattr(self._org.settings, attribute) for name, attribute in _SETTING_NAMES.items()}
        return {**shown, _PLACES: self._org.has_place_picklists}

    def _turn_switches(self, _request: Request, document: Mapping[str, Any]) -> dict[str, str]:
        self._org.switches.turn(document)
        return self._org.switches.to_json()

    def _load(self, _request: Request, document: Mapping[str, Any]) -> dict[str, int]:
        return {name: len(self._org.load(name, rows)) for name, rows in document.items()}

    def _merge(self, _request: Request, document: Mapping[str, Any]) -> dict[str, Any]:
        master, losers = str(document["master_id"]), [str(item) for item in document["loser_ids"]]
        self._lifecycle(document).merge(master, losers, values=document.get("fields"))
        return {"master_id": master, "merged": losers}

    def _convert(self, _request: Request, document: Mapping[str, Any]) -> dict[str, Any]:
        done = self._lifecycle(document).convert(str(document["lead_id"]), document)
        return {"account_id": done.account_id, "contact_id": done.contact_id, "opportunity_id": done.opportunity_id}

    def _undelete(self, _request: Request, document: Mapping[str, Any]) -> dict[str, Any]:
        self._lifecycle(document).undelete(str(document["id"]))
        return {"id": document["id"]}

    def _lifecycle(self, document: Mapping[str, Any]) -> Lifecycle:
        return Lifecycle(self._org, self._user(str(document.get("user", _ADMIN))))


def _check_setting(name: str, value: object) -> None:
    """Refuse a value that the setting cannot take.

    Raises:
        ControlError: it is no flag, or no whole number from 0.
    """
    if name == _FLAG:
        if not isinstance(value, bool):
            raise ControlError(f"{name} has to be true or false")
    elif not (value is None and name == _ENDLESS) and (type(value) is not int or value < 0):
        raise ControlError(f"{name} has to be a whole number from 0")

"""From a request to its answer: route, version, session, limits, media type, handler, refusals.

Belongs here: the order of these checks and the table of routes. Bytes and sockets: app.py.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from secrets import token_hex
from typing import Final
from urllib.parse import quote

from lead_pipeline.sandbox.salesforce_org import collection_calls, discovery, metadata, soap, sobjects
from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.composite import CompositeHandler
from lead_pipeline.sandbox.salesforce_org.disturbances import disturb
from lead_pipeline.sandbox.salesforce_org.ingest import IngestHandlers
from lead_pipeline.sandbox.salesforce_org.job_store import JobStore
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call, refusal, refusal_of
from lead_pipeline.sandbox.salesforce_org.oauth import ConnectedApp, OAuthHandlers
from lead_pipeline.sandbox.salesforce_org.org import Caller, Org
from lead_pipeline.sandbox.salesforce_org.queries import QueryHandlers
from lead_pipeline.sandbox.salesforce_org.query_jobs import QueryJobHandlers
from lead_pipeline.sandbox.salesforce_org.routing import DATA_ROOT, Route, Router
from lead_pipeline.sandbox.salesforce_org.row_faults import RowFaults
from lead_pipeline.sandbox.salesforce_org.saving import Refused
from lead_pipeline.sandbox.salesforce_org.values import UnreadableValueError

_LOG: Final = logging.getLogger(__name__)
_WRITES: Final = frozenset({"POST", "PATCH", "PUT"})
_SCHEMES: Final = frozenset({"bearer", "oauth"})
_SINGLE: Final = "/sobjects/"
_REQUEST_ID_BYTES: Final = 16


class Dispatcher:
    """Answers every request of one org.

    Args:
        org: the org.
        app: the connected app that clients log in through.
    """

    def __init__(self, org: Org, app: ConnectedApp) -> None:
        self.org = org
        jobs = JobStore(org)
        self.ingest = IngestHandlers(org, jobs)
        self.router = Router(
            [
                *_open_routes(OAuthHandlers(app)),
                *_query_routes(QueryHandlers()),
                *_job_routes(self.ingest, QueryJobHandlers(jobs)),
                Route(f"{DATA_ROOT}/composite", {"POST": CompositeHandler(self.answer_inner)}),
                *_RECORD_ROUTES,
            ]
        )

    def close(self) -> None:
        """Stop background work."""
        self.ingest.close()

    def template(self, raw_path: str) -> str | None:
        """The route template of a path."""
        found = self.router.find(raw_path)
        return None if found is None else found[0].template

    def answer(self, call: Call) -> Answer:
        """Answer a request of a client."""
        answer = self._guarded(call, self._answer_outer).with_headers(
            {"X-Sfdc-Request-Id": token_hex(_REQUEST_ID_BYTES)}
        )
        if not call.path.lower().startswith("/services/data/"):
            return answer
        usage = self.org.switches.usage(self.org.calls_used(), self.org.settings.daily_calls)
        return answer.with_headers({"Sforce-Limit-Info": usage})

    def answer_inner(self, call: Call) -> Answer:
        """Answer a subrequest of a composite: session and limits have been checked."""
        return self._guarded(call, self._answer_routed)

    def _guarded(self, call: Call, answer: Callable[[Call], Answer]) -> Answer:
        try:
            return answer(call)
        except (SalesforceFault, Refused, UnreadableValueError) as error:
            return refusal_of(error, call)
        except Exception:  # noqa: BLE001 - the outermost loop: whatever breaks reaches the client in the platform's form
            _LOG.exception("the sandbox org failed at %s", self.template(quote(call.path)))
            return refusal([fault("UNKNOWN_EXCEPTION")])

    def _answer_outer(self, call: Call) -> Answer:
        disturb(self.org, call.faults)
        found = self.router.find(quote(call.path, safe="/%"))
        route = None if found is None else found[0]
        if route is None or not route.is_open:
            call = replace(call, caller=_caller_of(self.org, call.headers))
            self._check_limits(call)
        elif "authorization" in call.headers and route.template != _TOKEN_PATH:
            call = replace(call, caller=_known_caller(self.org, call.headers))
        return self._answer_routed(call)

    def _answer_routed(self, call: Call) -> Answer:
        found = self.router.find(quote(call.path, safe="/%"))
        if found is None:
            raise fault("NOT_FOUND")
        route, parts = found
        version = _version_of(parts.get("version"))
        method = "GET" if call.method == "HEAD" else call.method
        handler = route.handlers.get(method)
        if handler is None:
            allowed = sorted({*route.handlers, *(["HEAD"] if "GET" in route.handlers else [])})
            refused = refusal([fault("METHOD_NOT_ALLOWED", method=call.method, allowed=", ".join(allowed))])
            return refused.with_headers({"Allow": ", ".join(allowed)})
        if method in _WRITES and call.body and not route.takes_any_body:
            _check_media_type(call.headers.get("content-type", ""))
        if method != "GET" and _SINGLE in route.template and "/composite/" not in route.template:
            RowFaults(call.faults).strike(0, parts.get("id"))
        return handler(replace(call, version=version, parts=parts))

    def _check_limits(self, call: Call) -> None:
        org = self.org
        if not call.path.lower().startswith("/services/data/v"):
            return
        if org.settings.is_api_disabled:
            raise fault("API_DISABLED_FOR_ORG")
        if org.calls_used() >= org.settings.daily_calls:
            raise fault("REQUEST_LIMIT_EXCEEDED")
        org.count_call()


def _caller_of(org: Org, headers: Mapping[str, str]) -> Caller:
    caller = _known_caller(org, headers)
    if not caller.user_id:
        raise fault("INVALID_SESSION_ID")
    return caller


def _known_caller(org: Org, headers: Mapping[str, str]) -> Caller:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    user_id = org.sessions.find(token.strip(), org.now_text()) if scheme.lower() in _SCHEMES else None
    return org.caller(user_id or "")


def _version_of(text: str | None) -> float:
    if text is None:
        return float(discovery.NEWEST_VERSION)
    try:
        version = float(text.lower().removeprefix("v"))
    except ValueError:
        raise fault("NOT_FOUND") from None
    if version < discovery.OLDEST_VERSION:
        raise fault("UNSUPPORTED_API_VERSION")
    if version > discovery.NEWEST_VERSION or version % 1:
        raise fault("NOT_FOUND")
    return version


def _check_media_type(text: str) -> None:
    if text.partition(";")[0].strip().lower() != "application/json":
        raise fault("UNSUPPORTED_MEDIA_TYPE", value=text)


# --- the table --------------------------------------------------------------------------------------------------------

_TOKEN_PATH: Final = "/services/oauth2/token"  # noqa: S105 - a path
_SOAP: Final = "/services/Soap"
_OBJECT: Final = f"{DATA_ROOT}/sobjects/{{object}}"
_RECORD_ROUTES: Final = (
    Route(DATA_ROOT, {"GET": discovery.resources}),
    Route(f"{DATA_ROOT}/limits", {"GET": discovery.limits}),
    Route(f"{DATA_ROOT}/limits/recordCount", {"GET": discovery.record_counts}),
    Route(f"{DATA_ROOT}/sobjects", {"GET": discovery.list_objects}),
    Route(_OBJECT, {"GET": discovery.show_object, "POST": sobjects.create}),
    Route(f"{_OBJECT}/describe", {"GET": discovery.describe}),
    Route(f"{_OBJECT}/updated", {"GET": discovery.updated}),
    Route(f"{_OBJECT}/deleted", {"GET": discovery.deleted}),
    Route(
        f"{_OBJECT}/{{id}}",
        {"GET": sobjects.read, "PATCH": sobjects.update, "DELETE": sobjects.delete, "POST": sobjects.create_by_id_path},
    ),
    Route(
        f"{_OBJECT}/{{field}}/{{value}}",
        {"GET": sobjects.read_by_key, "PATCH": sobjects.upsert, "DELETE": sobjects.delete_by_key},
    ),
    Route(
        f"{DATA_ROOT}/composite/sobjects",
        {
            "POST": collection_calls.create_many,
            "PATCH": collection_calls.update_many,
            "DELETE": collection_calls.delete_many,
        },
    ),
    Route(
        f"{DATA_ROOT}/composite/sobjects/{{object}}",
        {"GET": collection_calls.read_many, "POST": collection_calls.read_many},
    ),
    Route(f"{DATA_ROOT}/metadata/deployRequest", {"POST": metadata.start}, takes_any_body=True),
    Route(f"{DATA_ROOT}/metadata/deployRequest/{{id}}", {"GET": metadata.show}),
    Route(f"{DATA_ROOT}/composite/sobjects/{{object}}/{{field}}", {"PATCH": collection_calls.upsert_many}),
)


def _open_routes(oauth: OAuthHandlers) -> list[Route]:
    return [
        Route("/services/data", {"GET": discovery.versions}, is_open=True),
        Route(_TOKEN_PATH, {"POST": oauth.token}, is_open=True, takes_any_body=True),
        Route(
            "/services/oauth2/revoke", {"POST": oauth.revoke, "GET": oauth.revoke}, is_open=True, takes_any_body=True
        ),
        Route("/services/oauth2/userinfo", {"GET": oauth.userinfo, "POST": oauth.userinfo}, takes_any_body=True),
        Route("/id/{org}/{user}", {"GET": oauth.identity}),
        *(
            Route(
                f"/services/Soap/{kind}/{{soap_version}}{tail}",
                {"POST": soap.answer},
                is_open=True,
                takes_any_body=True,
            )
            for kind in ("u", "c")
            for tail in ("", "/{org}")
        ),
    ]


def _query_routes(queries: QueryHandlers) -> list[Route]:
    return [
        Route(f"{DATA_ROOT}/query", {"GET": queries.query}),
        Route(f"{DATA_ROOT}/queryAll", {"GET": queries.query_all}),
        Route(f"{DATA_ROOT}/query/{{locator}}", {"GET": queries.more}),
        Route(f"{DATA_ROOT}/queryAll/{{locator}}", {"GET": queries.more}),
        Route(f"{DATA_ROOT}/tooling/query", {"GET": queries.query}),
        Route(f"{DATA_ROOT}/tooling/query/{{locator}}", {"GET": queries.more}),
    ]


def _job_routes(ingest: IngestHandlers, queries: QueryJobHandlers) -> list[Route]:
    jobs = f"{DATA_ROOT}/jobs"
    return [
        Route(f"{jobs}/ingest", {"POST": ingest.open, "GET": ingest.list_jobs}),
        Route(f"{jobs}/ingest/{{id}}", {"GET": ingest.show, "PATCH": ingest.change_state, "DELETE": ingest.remove}),
        Route(f"{jobs}/ingest/{{id}}/batches", {"PUT": ingest.upload}, takes_any_body=True),
        *(
            Route(f"{jobs}/ingest/{{id}}/{name}", {"GET": ingest.results})
            for name in ("successfulResults", "failedResults", "unprocessedrecords")
        ),
        Route(f"{jobs}/query", {"POST": queries.open, "GET": queries.list_jobs}),
        Route(f"{jobs}/query/{{id}}", {"GET": queries.show, "PATCH": queries.change_state, "DELETE": queries.remove}),
        Route(f"{jobs}/query/{{id}}/results", {"GET": queries.results}),
    ]

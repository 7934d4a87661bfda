"""The composite resource: up to 25 subrequests in one call, with references between them.

Belongs here: subrequests, their headers, references and allOrNone. The subrequests themselves go through the
dispatcher like any request.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call, refusal

MAX_SUBREQUESTS: Final = 25  # Salesforce limit per call
MAX_QUERIES: Final = 5  # of them queries and collections
_REFERENCE: Final = re.compile(r"@\{([A-Za-z0-9_]+)((?:\.[A-Za-z0-9_]+|\[\d+\])*)\}")
_STEP: Final = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]")
_REFERENCE_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FORBIDDEN_HEADERS: Final = frozenset({"accept", "authorization", "content-type"})
_COUNTED_PATHS: Final = re.compile(r"/(query|queryall|composite/sobjects)\b", re.IGNORECASE)
_TAKEN_PATHS: Final = re.compile(
    r"/services/data/v[\d.]+/(sobjects|query|queryall|composite/sobjects)(/|$)", re.IGNORECASE
)
_METHODS: Final = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"})

Dispatch = Callable[[Call], Answer]


class _RollBack(Exception):  # noqa: N818 - control flow inside one transaction
    """Leaves the transaction of an allOrNone call."""


class CompositeHandler:
    """POST composite.

    Args:
        dispatch: answers one subrequest, refusals included.
    """

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    def __call__(self, call: Call) -> Answer:
        """Answer a composite request."""
        document = call.json_object()
        requests = _subrequests(document)
        results: list[dict[str, Any]] = []
        if document.get("allOrNone") is not True:
            self._run(call, requests, results=results)
            return Answer(body={"compositeResponse": results})
        try:
            with call.org.store.transaction(undoable=True):
                self._run(call, requests, results=results, stop=True)
        except _RollBack:
            halted = _halted(requests, results)
            return Answer(body={"compositeResponse": halted})
        return Answer(body={"compositeResponse": results})

    def _run(
        self, call: Call, requests: Sequence[Mapping[str, Any]], *, results: list[dict[str, Any]], stop: bool = False
    ) -> None:
        known: dict[str, Any] = {}
        for place, request in enumerate(requests):
            answer = self._answer(call, request, known=known, place=place)
            body = (
                json.loads(answer.encoded())
                if answer.body is not None and answer.media_type.startswith("application/json")
                else None
            )
            results.append(
                {
                    "body": body,
                    "httpHeaders": dict(answer.headers),
                    "httpStatusCode": answer.status,
                    "referenceId": request["referenceId"],
                }
            )
            if not answer.is_refusal:
                known[request["referenceId"]] = body
            elif stop:
                raise _RollBack

    def _answer(self, call: Call, request: Mapping[str, Any], *, known: Mapping[str, Any], place: int) -> Answer:
        try:
            url = _resolve(request["url"], known)
            body = _resolve(request.get("body"), known)
            parts = _taken(url)
        except SalesforceFault as unresolved:
            return refusal([unresolved])
        headers = {name.lower(): value for name, value in (request.get("httpHeaders") or {}).items()}
        inherited = {
            name: value
            for name, value in call.headers.items()
            if name not in {"if-unmodified-since", "if-modified-since"}
        }
        due = tuple(item for item in call.faults if item.record_index is None or item.record_index == place)
        return self._dispatch(
            replace(
                call,
                method=request["method"].upper(),
                path=parts.path,
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers={**inherited, **headers, "content-type": "application/json"},
                body=b"" if body is None else json.dumps(body).encode(),
                faults=tuple(replace(item, record_index=None) for item in due),
                parts={},
            )
        )


def _taken(url: str) -> SplitResult:
    """The parts of a subrequest's address.

    Raises:
        SalesforceFault: NOT_FOUND, a resource that Salesforce does not document for subrequests.
    """
    parts = urlsplit(url)
    if _TAKEN_PATHS.match(parts.path) is None:
        raise fault("NOT_FOUND")
    return parts


def _subrequests(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    requests = document.get("compositeRequest")
    if not isinstance(requests, list) or not requests:
        raise fault("REQUIRED_FIELD_MISSING.empty")
    if len(requests) > MAX_SUBREQUESTS:
        text = f"The composite request exceeds the maximum of {MAX_SUBREQUESTS} subrequests"
        raise fault("TOO_MANY_SUBREQUESTS", text=text)
    for request in requests:
        _check_form(request)
    counted = sum(1 for request in requests if _COUNTED_PATHS.search(urlsplit(request["url"]).path))
    if counted > MAX_QUERIES:
        text = f"The composite request exceeds the maximum of {MAX_QUERIES} query and collection subrequests"
        raise fault("TOO_MANY_SUBREQUESTS", text=text)
    ids = [request["referenceId"] for request in requests]
    if len(set(ids)) < len(ids):
        raise fault("INVALID_INPUT", text="Each subrequest needs a referenceId of its own")
    return requests


def _check_form(request: object) -> None:
    if not isinstance(request, dict):
        raise fault("JSON_PARSER_ERROR", text="A subrequest has to be a JSON object at [line:1, column:1]")
    method, url, reference = (request.get(name) for name in ("method", "url", "referenceId"))
    if not isinstance(method, str) or method.upper() not in _METHODS or not isinstance(url, str):
        raise fault("INVALID_INPUT", text="Each subrequest needs a method and a url")
    if not isinstance(reference, str) or _REFERENCE_ID.fullmatch(reference) is None:
        raise fault(
            "INVALID_INPUT",
            text="Provided referenceId must start with a letter and hold letters, digits and underscores",
        )
    headers = request.get("httpHeaders") or {}
    if not isinstance(headers, dict) or any(not isinstance(value, str) for value in headers.values()):
        raise fault("INVALID_INPUT", text="httpHeaders has to be an object of texts")
    if forbidden := [name for name in headers if name.lower() in _FORBIDDEN_HEADERS]:
        raise fault("INVALID_INPUT", text=f"The header {forbidden[0]} is not allowed in a subrequest")


def _resolve(value: Any, known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON document
    """Replace @{ref.path} by what an earlier subrequest answered."""
    if isinstance(value, dict):
        return {name: _resolve(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, known) for item in value]
    if not isinstance(value, str) or "@{" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        return _look_up(whole, known)
    return _REFERENCE.sub(lambda match: str(_look_up(match, known)), value)


def _look_up(match: re.Match[str], known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON document
    if match[1] not in known:
        raise fault("PROCESSING_HALTED.reference", reference=match[1])
    found = known[match[1]]
    for name, index in _STEP.findall(match[2]):
        try:
            found = found[int(index)] if index else found[name]
        except (KeyError, IndexError, TypeError):
            raise fault("PROCESSING_HALTED.reference", reference=match[1]) from None
    return found


def _halted(requests: Sequence[Mapping[str, Any]], results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers of a rolled-back call: the culprit keeps its own, all others are halted."""
    halted = [fault("PROCESSING_HALTED").as_rest()]
    culprit = len(results) - 1
    return [
        results[place]
        if place == culprit
        else {"body": halted, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": request["referenceId"]}
        for place, request in enumerate(requests)
    ]

"""Reads that share one call: describes and queries as the parts of a composite request.

Which objects and fields are read is decided in services and domain; how a call travels is `calls`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from lead_pipeline.errors import ConfigurationError, CredentialsRefusedError, UnexpectedAnswerError
from lead_pipeline.salesforce.answers import reference_name
from lead_pipeline.salesforce.calls import SYSTEM, ApiCalls, Reply
from lead_pipeline.salesforce.describe import ObjectDescribe, read_access, read_describe
from lead_pipeline.salesforce.ids import KEY_PREFIXES
from lead_pipeline.salesforce.records import QueryPage, read_page

MAX_COMPOSITE_QUERIES = 5  # Salesforce limit: of the 25 parts of a composite call, how many may be queries
_NOT_MODIFIED = 304
_Describes = dict[str, ObjectDescribe | None]


def object_path(object_name: str) -> str:
    """Let an object's name into an address only if it is one of those this product works with.

    Raises:
        ValueError: It is not.
    """
    if object_name not in KEY_PREFIXES:
        raise ValueError("not an object this product works with")
    return object_name


class CompositeReads:
    """Describes and queries of one org, several in a call.

    Args:
        calls: The way to the org.
    """

    def __init__(self, calls: ApiCalls) -> None:
        self._calls = calls

    def describe_objects(self, last_modified: Mapping[str, str | None]) -> _Describes:
        """Return object -> its describe; None where nothing changed since the known one."""
        requests = self._describe_requests(last_modified)

        def ask() -> _Describes:
            replies = self._composite(requests, call="describe")
            return {name: self._describe(reply, name) for name, reply in zip(last_modified, replies, strict=True)}

        return self._calls.read(ask) if requests else {}

    def query_pages(self, soqls: Sequence[str], *, include_deleted: bool) -> list[QueryPage]:
        """Return the first page of up to five queries.

        Raises:
            ValueError: More than five queries.
        """
        resource = _resource(soqls, include_deleted=include_deleted)
        if len(soqls) == 1:
            body = self._calls.read_json("GET", resource, call="query", params={"q": soqls[0]})
            return [self.page(body)]
        requests = self._query_requests(soqls, resource)
        return self._calls.read(lambda: self._pages(self._composite(requests, call="query"))) if soqls else []

    def describe_and_query(
        self, last_modified: Mapping[str, str | None], soqls: Sequence[str], *, include_deleted: bool
    ) -> tuple[_Describes, list[QueryPage] | None]:
        """Return both in one call; None instead of pages when a query was refused.

        Raises:
            ValueError: More than five queries.
        """
        describes = self._describe_requests(last_modified)
        queries = self._query_requests(soqls, _resource(soqls, include_deleted=include_deleted), start=len(describes))

        def ask() -> tuple[_Describes, list[QueryPage] | None]:
            replies = self._composite([*describes, *queries], call="query")
            first, rest = replies[: len(describes)], replies[len(describes) :]
            found = {name: self._describe(reply, name) for name, reply in zip(last_modified, first, strict=True)}
            try:
                return found, self._pages(rest)
            except CredentialsRefusedError:
                raise
            except ConfigurationError:
                return found, None

        return self._calls.read(ask)

    def page(self, body: Mapping[str, object]) -> QueryPage:
        """Read a page of a query.

        Raises:
            UnexpectedAnswerError: It is none.
        """
        try:
            return read_page(body, version_path=self._calls.path)
        except (KeyError, TypeError, ValueError):
            raise UnexpectedAnswerError(SYSTEM, "query", what="no page of records") from None

    def _pages(self, replies: Sequence[Reply]) -> list[QueryPage]:
        return [self.page(self._calls.require(reply, call="query")) for reply in replies]

    def _describe_requests(self, last_modified: Mapping[str, str | None]) -> list[Mapping[str, object]]:
        return [
            {
                "method": "GET",
                "url": f"{self._calls.path}sobjects/{object_path(name)}/describe",
                "referenceId": reference_name(place),
                "httpHeaders": {"If-Modified-Since": known} if known else {},
            }
            for place, (name, known) in enumerate(last_modified.items())
        ]

    def _query_requests(self, soqls: Sequence[str], resource: str, *, start: int = 0) -> list[Mapping[str, object]]:
        return [
            {
                "method": "GET",
                "url": f"{self._calls.path}{resource}?q={quote(query, safe='')}",
                "referenceId": reference_name(place),
            }
            for place, query in enumerate(soqls, start=start)
        ]

    def _composite(self, requests: Sequence[Mapping[str, object]], *, call: str) -> list[Reply]:
        """Send several reads in one call and return an answer for each, in their order."""
        whole = self._calls.json("POST", "composite", call=call, body={"compositeRequest": requests})
        body = self._calls.require(whole, call=call)
        entries = body.get("compositeResponse") if isinstance(body, dict) else None
        if not isinstance(entries, list) or len(entries) != len(requests):
            raise UnexpectedAnswerError(SYSTEM, call, what="not one answer per request")
        return [_reply_within(whole, entry) for entry in entries]

    def _describe(self, reply: Reply, object_name: str) -> ObjectDescribe | None:
        call = f"describe {object_name}"
        if reply.facts.status == _NOT_MODIFIED:
            return None
        try:
            body = self._calls.require(reply, call=call)
            schema, access = read_describe(body, object_name=object_name), read_access(body)
        except (KeyError, TypeError, ValueError):
            raise UnexpectedAnswerError(SYSTEM, call, what="no describe") from None
        return ObjectDescribe(schema=schema, last_modified=reply.facts.last_modified, access=access)


def _resource(soqls: Sequence[str], *, include_deleted: bool) -> str:
    if len(soqls) > MAX_COMPOSITE_QUERIES:
        raise ValueError(f"one call takes {MAX_COMPOSITE_QUERIES} queries")
    return "queryAll" if include_deleted else "query"


def _reply_within(whole: Reply, entry: Mapping[str, object]) -> Reply:
    """Return one answer of a composite call as if it had come alone."""
    status, headers = entry.get("httpStatusCode"), entry.get("httpHeaders")
    last_modified = headers.get("Last-Modified") if isinstance(headers, dict) else None
    facts = replace(
        whole.facts,
        status=status if isinstance(status, int) else 0,
        last_modified=str(last_modified) if last_modified else None,
    )
    return Reply(facts, entry.get("body"))

"""Running queries: pages, locators and their bodies.

Belongs here: query, queryAll, more. The language: soql/.
"""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import fault
from lead_pipeline.sandbox.salesforce_org.ids import ISSUED_POD, make_id
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call
from lead_pipeline.sandbox.salesforce_org.org import Org
from lead_pipeline.sandbox.salesforce_org.query_columns import describe_columns
from lead_pipeline.sandbox.salesforce_org.row_numbers import RowNumbers
from lead_pipeline.sandbox.salesforce_org.soql.compiler import Statement, compile_query
from lead_pipeline.sandbox.salesforce_org.soql.names import World

LARGEST_PAGE: Final = 2_000  # rows, Salesforce limit
SMALLEST_PAGE: Final = 200
_LOCATOR_PREFIX: Final = "01g"
_OPEN_LOCATORS: Final = 200  # the oldest is forgotten beyond that
_READ_AHEAD: Final = 5 * LARGEST_PAGE  # rows found within milliseconds, while those of a million take a while
_NO_LIMIT: Final = -1


@dataclass(frozen=True)
class OpenQuery:
    """A query with pages left: its rows are fixed at the first page, their values are read page by page."""

    statement: Statement
    total: int
    head: Future[RowNumbers]
    rows: Future[RowNumbers]

    def numbers(self, start: int, size: int) -> list[int]:
        """The row numbers of a page."""
        found = self.head if start + size <= _READ_AHEAD else self.rows
        return found.result().page(start, size)


@dataclass
class Locators:
    """The open queries of an org by locator id; they do not outlive the server."""

    _open: OrderedDict[str, OpenQuery] = field(default_factory=OrderedDict)
    _serial: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, query: OpenQuery) -> str:
        """Remember a query and return its locator id."""
        with self._lock:
            locator = make_id(_LOCATOR_PREFIX, next(self._serial), pod=ISSUED_POD)
            self._open[locator] = query
            if len(self._open) > _OPEN_LOCATORS:
                self._open.popitem(last=False)
            return locator

    def find(self, locator: str) -> OpenQuery:
        """The query behind a locator.

        Raises:
            SalesforceFault: INVALID_QUERY_LOCATOR.
        """
        with self._lock:
            query = self._open.get(locator)
        if query is None:
            raise fault("INVALID_QUERY_LOCATOR")
        return query


class QueryHandlers:
    """Handlers of query, queryAll and their further pages."""

    def __init__(self) -> None:
        self._locators = Locators()

    def query(self, call: Call) -> Answer:
        """GET query?q=."""
        return self._first_page(call, include_deleted=False)

    def query_all(self, call: Call) -> Answer:
        """GET queryAll?q= (recycle bin and merged records included)."""
        return self._first_page(call, include_deleted=True)

    def more(self, call: Call) -> Answer:
        """GET query/{locator}: the locator carries the place of its page."""
        locator, _, place = call.parts["locator"].partition("-")
        if not place.isdigit():
            raise fault("INVALID_QUERY_LOCATOR")
        query = self._locators.find(locator)
        return self._page(call, query, locator=locator, start=int(place))

    def _first_page(self, call: Call, *, include_deleted: bool) -> Answer:
        text = call.query.get("q")
        if text is None:
            raise fault("MALFORMED_QUERY", text="A query string has to be specified")
        statement = compile_query(text, world_of(call, include_deleted=include_deleted))
        if call.query.get("columns", "").lower() == "true":
            return Answer(body=describe_columns(statement))
        if statement.shape is None:
            return Answer(body={"totalSize": count_rows(call.org, statement), "done": True, "records": []})
        size = page_size(call)
        # Page, count and snapshot see the same state, because nobody writes while the lock is held.
        with call.org.store.lock:
            rows = fetch(call.org, statement, at_most=size + 1)
            if len(rows) <= size:
                return Answer(body=_body(call, statement, rows=rows, total=len(rows)))
            if statement.is_aggregate:
                raise fault("EXCEEDED_ID_LIMIT.aggregate")
            query = OpenQuery(
                statement,
                total=count_rows(call.org, statement),
                head=_gather_rows(call.org, statement, at_most=_READ_AHEAD),
                rows=_gather_rows(call.org, statement),
            )
        body = _body(call, statement, rows=rows[:size], total=query.total)
        return Answer(body=_with_next(call, body, locator=self._locators.keep(query), place=size))

    def _page(self, call: Call, query: OpenQuery, *, locator: str, start: int) -> Answer:
        if start > query.total:
            raise fault("INVALID_QUERY_LOCATOR")
        size = page_size(call)
        rows = fetch_rows(call.org, query.statement, chosen=query.numbers(start, size))
        body = _body(call, query.statement, rows=rows, total=query.total)
        if start + size < query.total:
            return Answer(body=_with_next(call, body, locator=locator, place=start + size))
        return Answer(body=body)


def world_of(call: Call, *, include_deleted: bool = False) -> World:
    """What a query of this request may see."""
    return World(call.find_object, call.caller.key, call.org.clock.now(), include_deleted)


def page_size(call: Call) -> int:
    """Rows per page, as Sforce-Query-Options asks within the platform's bounds."""
    largest = int(call.org.switches["page_rows"])
    for option in call.headers.get("sforce-query-options", "").split(","):
        name, _, value = option.partition("=")
        if name.strip().lower() == "batchsize" and value.strip().isdigit():
            return min(max(int(value), SMALLEST_PAGE), largest)
    return largest


def count_rows(org: Org, statement: Statement) -> int:
    """How many rows a statement has, within its LIMIT and OFFSET."""
    row = org.store.one(statement.count_sql, statement.count_parameters)
    total = max(int(row[0] if row else 0) - statement.offset, 0)
    return total if statement.limit is None else min(total, statement.limit)


def fetch(org: Org, statement: Statement, *, at_most: int | None = None) -> list[tuple[Any, ...]]:
    """The first rows of a statement."""
    return org.store.all(f"{statement.sql} LIMIT ? OFFSET ?", _bounded(statement, at_most))


def row_numbers(org: Org, statement: Statement) -> RowNumbers:
    """The row numbers of every row of a statement, in its order."""
    return _gather_rows(org, statement).result()


def _gather_rows(org: Org, statement: Statement, *, at_most: int | None = None) -> Future[RowNumbers]:
    return org.store.numbers_aside(f"{statement.rows_sql} LIMIT ? OFFSET ?", _bounded(statement, at_most))


def _bounded(statement: Statement, at_most: int | None) -> list[Any]:
    bounds = [bound for bound in (statement.limit, at_most) if bound is not None]
    return [*statement.parameters, min(bounds, default=_NO_LIMIT), statement.offset]


def fetch_rows(org: Org, statement: Statement, *, chosen: Sequence[int]) -> list[tuple[Any, ...]]:
    """The rows of the given numbers, in that order, with today's values."""
    rows = org.store.all(f"{statement.page_sql}({', '.join(map(str, chosen))})")
    by_number = {row[-1]: row for row in rows}
    return [by_number[number] for number in chosen if number in by_number]


def _body(call: Call, statement: Statement, *, rows: Sequence[tuple[Any, ...]], total: int) -> dict[str, Any]:
    shape = statement.shape
    records = [] if shape is None else [shape.record(row, call.root) for row in rows]
    return {"totalSize": total, "done": True, "records": records}


def _with_next(call: Call, body: dict[str, Any], *, locator: str, place: int) -> dict[str, Any]:
    url = f"{call.root}/query/{locator}-{place}"
    return {"totalSize": body["totalSize"], "done": False, "nextRecordsUrl": url, "records": body["records"]}

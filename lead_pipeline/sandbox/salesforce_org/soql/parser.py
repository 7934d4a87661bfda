"""Recursive descent over SOQL tokens.

Belongs here: the grammar. Left out on purpose, and refused: child subqueries in SELECT, TYPEOF, functions other than
the aggregates and FIELDS(), WITH, USING SCOPE, GROUP BY ROLLUP and CUBE, FOR VIEW/REFERENCE/UPDATE, ALL ROWS, binds,
currency literals. Names and types are checked by compiler.py.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from lead_pipeline.sandbox.salesforce_org.soql.dates import PERIODS, PERIODS_WITH_COUNT
from lead_pipeline.sandbox.salesforce_org.soql.syntax import (
    Aggregate,
    Comparison,
    Condition,
    FieldGroup,
    FieldRef,
    Literal,
    Logic,
    Ordering,
    Query,
    SelectItem,
)
from lead_pipeline.sandbox.salesforce_org.soql.tokens import Token, cut, malformed, unescape, unexpected

T = TypeVar("T")

AGGREGATES: Final = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
_KEYWORDS: Final = frozenset(
    {
        "SELECT",
        "FROM",
        "WHERE",
        "GROUP",
        "HAVING",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "AND",
        "OR",
        "NOT",
        "IN",
        "LIKE",
        "USING",
        "WITH",
        "FOR",
        "ALL",
    }
)
_OBJECTS_NAMED_AS_KEYWORDS: Final = frozenset({"GROUP", "ORDER"})
_SIGNS: Final = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
_FIELD_GROUPS: Final = frozenset({"ALL", "STANDARD", "CUSTOM"})
_MAX_DEPTH: Final = 50  # nested brackets; a guard for the parser's own stack


def parse(text: str) -> Query:
    """Parse a query.

    Raises:
        SalesforceFault: MALFORMED_QUERY.
    """
    return _Parser(text).whole_query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = cut(text)
        self._place = 0
        self._depth = 0

    # --- tokens ---------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += 1
        return token

    def _accept(self, *words: str) -> bool:
        """Take the given keywords or signs if they come next, all of them."""
        following = self._tokens[self._place : self._place + len(words)]
        if [token.word or token.text for token in following] != list(words):
            return False
        self._place += len(words)
        return True

    def _expect(self, *words: str) -> None:
        for word in words:
            if not self._accept(word):
                raise unexpected(self._text, self._next)

    def _name(self) -> Token:
        token = self._take()
        if token.kind != "name" or token.word in _KEYWORDS:
            raise unexpected(self._text, token)
        return token

    def _whole_number(self) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.isdigit():
            raise unexpected(self._text, token)
        return int(token.text)

    # --- clauses --------------------------------------------------------------------------------------------------

    def whole_query(self) -> Query:
        query = self._query()
        if self._next.kind != "end":
            raise unexpected(self._text, self._next)
        return query

    def _query(self) -> Query:
        self._expect("SELECT")
        select = self._listed(self._select_item)
        self._expect("FROM")
        target = self._take() if self._next.word in _OBJECTS_NAMED_AS_KEYWORDS else self._name()
        alias = self._name().text if self._next.kind == "name" and self._next.word not in _KEYWORDS else None
        where = self._condition() if self._accept("WHERE") else None
        group_by = self._listed(self._field) if self._accept("GROUP", "BY") else ()
        having = self._condition() if self._accept("HAVING") else None
        order_by = self._listed(self._ordering) if self._accept("ORDER", "BY") else ()
        limit = self._whole_number() if self._accept("LIMIT") else None
        offset = self._whole_number() if self._accept("OFFSET") else None
        return Query(select, target.text, target.place, alias, where, group_by, having, order_by, limit, offset)

    def _listed(self, read: Callable[[], T]) -> tuple[T, ...]:
        items = [read()]
        while self._accept(","):
            items.append(read())
        return tuple(items)

    def _select_item(self) -> SelectItem:
        token = self._name()
        value = self._call(token) if self._next.text == "(" else FieldRef(tuple(token.text.split(".")), token.place)
        alias = None
        if self._next.kind == "name" and self._next.word not in _KEYWORDS:
            if isinstance(value, FieldGroup):
                raise unexpected(self._text, self._next)
            alias = self._take().text
        return SelectItem(value, alias)

    def _call(self, token: Token) -> Aggregate | FieldGroup:
        self._expect("(")
        if token.word == "FIELDS":
            kind = self._take()
            if kind.word not in _FIELD_GROUPS:
                raise unexpected(self._text, kind)
            self._expect(")")
            return FieldGroup(kind.word, token.place)
        if token.word not in AGGREGATES:
            raise malformed(self._text, token.place, message=f"unexpected token: '{token.text}'")
        if token.word == "COUNT" and self._accept(")"):
            return Aggregate("COUNT", None, token.place)
        argument = self._field()
        self._expect(")")
        return Aggregate(token.word, argument, token.place)

    def _field(self) -> FieldRef:
        token = self._name()
        if self._next.text == "(":
            raise unexpected(self._text, self._next)
        return FieldRef(tuple(token.text.split(".")), token.place)

    def _field_or_aggregate(self) -> FieldRef | Aggregate:
        token = self._name()
        if self._next.text != "(":
            return FieldRef(tuple(token.text.split(".")), token.place)
        call = self._call(token)
        if isinstance(call, FieldGroup):
            raise unexpected(self._text, token)
        return call

    def _ordering(self) -> Ordering:
        value = self._field_or_aggregate()
        descending = self._accept("DESC") or (self._accept("ASC") and False)
        nulls_last = False
        if self._accept("NULLS"):
            nulls_last = self._accept("LAST")
            if not nulls_last:
                self._expect("FIRST")
        return Ordering(value, descending=descending, nulls_last=nulls_last)

    # --- conditions -----------------------------------------------------------------------------------------------

    def _condition(self) -> Condition:
        """One level of conditions: AND and OR never meet on it without brackets."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise malformed(self._text, self._next.place, message="query is too complicated")
        parts = [self._negation()]
        operator = self._next.word if self._next.word in {"AND", "OR"} else ""
        while operator and self._accept(operator):
            parts.append(self._negation())
        if operator and self._next.word in {"AND", "OR"}:
            raise unexpected(self._text, self._next)
        self._depth -= 1
        return Logic(operator, tuple(parts)) if operator else parts[0]

    def _negation(self) -> Condition:
        if self._accept("NOT"):
            return Logic("NOT", (self._negation(),))
        if self._accept("("):
            inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        left = self._field_or_aggregate()
        token = self._take()
        if token.kind == "sign" and token.text in _SIGNS:
            return Comparison(left, token.text.replace("<>", "!="), self._literal(), token.place)
        if token.word == "LIKE":
            return Comparison(left, "LIKE", self._literal(), token.place)
        if token.word == "NOT":
            self._expect("IN")
            return Comparison(left, "NOT IN", self._members(), token.place)
        if token.word == "IN":
            return Comparison(left, "IN", self._members(), token.place)
        raise unexpected(self._text, token)

    def _members(self) -> tuple[Literal, ...] | Query:
        self._expect("(")
        members: tuple[Literal, ...] | Query = (
            self._query() if self._next.word == "SELECT" else self._listed(self._literal)
        )
        self._expect(")")
        return members

    def _literal(self) -> Literal:
        token = self._take()
        if token.kind == "string":
            pattern = unescape(self._text, token, pattern=True)
            return Literal("string", unescape(self._text, token), token.place, pattern)
        if token.kind == "number":
            return Literal("number", float(token.text), token.place)
        if token.kind in {"date", "datetime"}:
            return Literal(token.kind, token.text, token.place)
        if token.word in {"TRUE", "FALSE"}:
            return Literal("boolean", token.word == "TRUE", token.place)
        if token.word == "NULL":
            return Literal("null", None, token.place)
        return self._period(token)

    def _period(self, token: Token) -> Literal:
        if token.word in PERIODS:
            return Literal("period", (token.word, 0), token.place)
        if token.word in PERIODS_WITH_COUNT and self._accept(":"):
            return Literal("period", (token.word, self._whole_number()), token.place)
        raise unexpected(self._text, token)

"""WHERE and HAVING: operators, literals and their types.

Belongs here: which comparisons a field's type allows and what they mean. A comparison with an empty field is false
(never unknown), except `!=`, NOT IN and NOT, which it satisfies; text comparisons follow the column's case rule.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import fault
from lead_pipeline.sandbox.salesforce_org.ids import normalize_id
from lead_pipeline.sandbox.salesforce_org.schema import NUMBER_TYPES
from lead_pipeline.sandbox.salesforce_org.soql.dates import period_range
from lead_pipeline.sandbox.salesforce_org.soql.names import Column
from lead_pipeline.sandbox.salesforce_org.soql.syntax import Aggregate, Comparison, Condition, FieldRef, Literal, Query
from lead_pipeline.sandbox.salesforce_org.soql.tokens import framed, malformed
from lead_pipeline.sandbox.salesforce_org.values import format_moment, parse_moment

if TYPE_CHECKING:
    from lead_pipeline.sandbox.salesforce_org.soql.compiler import QueryCompiler

Sql = tuple[str, list[Any]]

_LITERALS_OF: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "boolean": frozenset({"boolean"}),
        "int": frozenset({"number"}),
        **dict.fromkeys(NUMBER_TYPES, frozenset({"number"})),
        "date": frozenset({"date", "period"}),
        "datetime": frozenset({"datetime", "period"}),
    }
)
_TEXT_LITERALS: Final = frozenset({"string"})
_EQUALITY: Final = frozenset({"=", "!=", "IN", "NOT IN"})
_ID_TYPES: Final = frozenset({"id", "reference"})


class ConditionWriter:
    """Writes the conditions of one query as SQL.

    Args:
        compiler: resolves names and semi-joins.
        aggregates: whether aggregate functions may stand on the left (HAVING).
    """

    def __init__(self, compiler: "QueryCompiler", *, aggregates: bool) -> None:
        self._compiler = compiler
        self._text = compiler.text
        self._aggregates = aggregates

    def write(self, condition: Condition) -> Sql:
        """The SQL of a condition with its parameters.

        Raises:
            SalesforceFault: the query's refusal.
        """
        if isinstance(condition, Comparison):
            return self._comparison(condition)
        written = [self.write(part) for part in condition.parts]
        parameters = [value for _, values in written for value in values]
        if condition.operator == "NOT":
            return f"NOT coalesce({written[0][0]}, 0)", parameters
        return "(" + f" {condition.operator} ".join(sql for sql, _ in written) + ")", parameters

    def _comparison(self, comparison: Comparison) -> Sql:
        column = self._left(comparison.left)
        if isinstance(comparison.right, Query):
            return self._semi_join(comparison, column, query=comparison.right)
        self._check_operator(comparison, column)
        if isinstance(comparison.right, tuple):
            return self._membership(comparison, column, members=comparison.right)
        literal = comparison.right
        self._check_type(column, literal)
        if comparison.operator == "LIKE":
            return f"like(?, {column.sql})", [literal.pattern]
        if literal.kind == "period":
            return self._in_period(column, comparison.operator, literal=literal)
        if literal.value == "" and comparison.operator not in _EQUALITY:
            return f"{column.sql} {comparison.operator} ''", []
        return _compare(column.sql, comparison.operator, value=self._bound(column, literal))

    def _left(self, left: FieldRef | Aggregate) -> Column:
        if isinstance(left, Aggregate):
            if not self._aggregates:
                raise malformed(self._text, left.place, message="aggregate functions are not allowed in WHERE")
            return self._compiler.aggregate_sql(left)
        column = self._compiler.resolve(left)
        if not column.field.filterable:
            message = f"field '{column.field.name}' can not be filtered in a query call"
            raise fault("INVALID_FIELD.query", text=framed(self._text, left.place, message=message))
        grouped = {self._compiler.resolve(reference).sql for reference in self._compiler.query.group_by}
        if self._aggregates and column.sql not in grouped:
            raise malformed(self._text, left.place, message=f"Field must be grouped or aggregated: {column.field.name}")
        return column

    def _check_operator(self, comparison: Comparison, column: Column) -> None:
        operator, kind = comparison.operator, column.field.type
        is_wrong = (operator == "LIKE" and not column.field.is_text) or (
            kind in {"boolean", *_ID_TYPES} and operator not in _EQUALITY
        )
        if is_wrong:
            raise fault(
                "INVALID_QUERY_FILTER_OPERATOR", text=framed(self._text, comparison.place, message="invalid operator")
            )
        if operator not in _EQUALITY and isinstance(comparison.right, Literal) and comparison.right.kind == "null":
            raise malformed(self._text, comparison.place, message=f"invalid operator on null: {operator}")

    def _check_type(self, column: Column, literal: Literal) -> None:
        allowed = _LITERALS_OF.get(column.field.type, _TEXT_LITERALS)
        if literal.kind == "null" or literal.kind in allowed:
            return
        kind = {"datetime": "dateTime", "id": "string", "reference": "string"}.get(column.field.type, column.field.type)
        kind = "string" if column.field.is_text else kind
        quotes = "should be enclosed in quotes" if kind == "string" else "should not be enclosed in quotes"
        message = f"value of filter criterion for field '{column.field.name}' must be of type {kind} and {quotes}"
        raise fault("INVALID_FIELD.query", text=framed(self._text, literal.place, message=message))

    def _membership(self, comparison: Comparison, column: Column, *, members: tuple[Literal, ...]) -> Sql:
        values: list[Any] = []
        for literal in members:
            self._check_type(column, literal)
            if literal.kind == "period":
                raise malformed(self._text, literal.place, message="date literals are not allowed in IN")
            values.append(self._bound(column, literal))
        marks = ", ".join("?" for value in values if value is not None)
        sql = f"{column.sql} IN ({marks})"
        if None in values:
            sql = f"({sql} OR {column.sql} IS NULL)"
        bound = [value for value in values if value is not None]
        return (f"NOT coalesce({sql}, 0)" if comparison.operator == "NOT IN" else sql), bound

    def _semi_join(self, comparison: Comparison, column: Column, *, query: Query) -> Sql:
        if column.field.type not in _ID_TYPES or comparison.operator not in {"IN", "NOT IN"}:
            raise malformed(self._text, comparison.place, message="semi joins need an Id field on the left")
        sub = type(self._compiler)(self._text, query, self._compiler.world, prefix=self._compiler.prefix + "s")
        sql, parameters = sub.semi_join()
        text = f"{column.sql} IN ({sql})"
        return (f"NOT coalesce({text}, 0)" if comparison.operator == "NOT IN" else text), parameters

    def _bound(self, column: Column, literal: Literal) -> Any:  # noqa: ANN401 - SQLite scalars
        if literal.kind == "null" or literal.value == "":
            return None
        if column.field.type in _ID_TYPES:
            return self._record_id(literal)
        try:
            if literal.kind == "datetime":
                return format_moment(parse_moment(literal.value))
            if literal.kind == "date":
                return date.fromisoformat(literal.value).isoformat()
        except (ValueError, OverflowError):
            raise malformed(self._text, literal.place, message=f"invalid date: {literal.value}") from None
        return int(literal.value) if literal.kind == "boolean" else literal.value

    def _record_id(self, literal: Literal) -> str:
        record_id = normalize_id(literal.value)
        if record_id is None:
            raise fault(
                "INVALID_QUERY_FILTER_OPERATOR",
                text=framed(self._text, literal.place, message=f"invalid ID field: {literal.value}"),
            )
        return record_id

    def _in_period(self, column: Column, operator: str, *, literal: Literal) -> Sql:
        name, count = literal.value
        try:
            first, after = period_range(name, count, today=self._compiler.world.now.date())
            start, end = (_edge(column.field.type, day) for day in (first, after))
        except OverflowError:
            raise malformed(self._text, literal.place, message=f"date literal out of range: {name}") from None
        return _PERIOD_SQL[operator](column.sql, start, end)


def _edge(kind: str, day: date) -> str:
    return day.isoformat() if kind == "date" else format_moment(datetime.combine(day, time(0), UTC))


_PERIOD_SQL: Final[Mapping[str, Callable[[str, str, str], Sql]]] = MappingProxyType(
    {
        "=": lambda sql, start, end: (f"({sql} >= ? AND {sql} < ?)", [start, end]),
        "!=": lambda sql, start, end: (f"({sql} IS NULL OR {sql} < ? OR {sql} >= ?)", [start, end]),
        "<": lambda sql, start, _: (f"{sql} < ?", [start]),
        "<=": lambda sql, _, end: (f"{sql} < ?", [end]),
        ">": lambda sql, _, end: (f"{sql} >= ?", [end]),
        ">=": lambda sql, start, _: (f"{sql} >= ?", [start]),
    }
)


def _compare(sql: str, operator: str, *, value: Any) -> Sql:  # noqa: ANN401 - SQLite scalars
    if value is None:
        return (f"{sql} IS NULL" if operator == "=" else f"{sql} IS NOT NULL"), []
    if operator == "!=":
        return f"{sql} IS NOT ?", [value]
    return f"{sql} {operator} ?", [value]

"""Generated queries give the rows that a naive evaluator over the same records gives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.sandbox.salesforce_org import Org
from lead_pipeline.sandbox.salesforce_org.queries import fetch
from lead_pipeline.sandbox.salesforce_org.soql.compiler import compile_query
from lead_pipeline.sandbox.salesforce_org.soql.names import World
from lead_pipeline_tests.sandbox.salesforce_org.conftest import NOON

Record = dict[str, Any]
Test = Callable[[Record], bool]
TEXTS = ["Alpha", "alpha", "Beta", "be_ta", "100%", "O'Neil", "Ünal", "ünal", "back\\slash", "zz top"]
NUMBERS = [-3.0, 0.0, 1.0, 2.5, 1000.0]
MOMENTS = [f"2026-0{month}-15T0{month}:00:00.000+0000" for month in range(1, 7)]


@dataclass(frozen=True)
class Condition:
    """A piece of SOQL with the same meaning in Python."""

    text: str
    holds: Test
    is_compound: bool = False

    def bracketed(self) -> str:
        return f"({self.text})" if self.is_compound else self.text


def records() -> list[Record]:
    """Every mix of a few values, empty ones included, in a fixed order."""
    return [
        {
            "LastName": TEXTS[place % len(TEXTS)],
            "City": ([None, *TEXTS])[place * 7 % 11],
            "AnnualRevenue": ([None, *NUMBERS])[place * 5 % 6],
            "CreatedDate": MOMENTS[place % len(MOMENTS)],
            "IsUnreadByOwner": place % 3 == 0,
        }
        for place in range(60)
    ]


def quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def compared(name: str, operator: str, value: Any) -> Test:
    """The meaning of a comparison: an empty field satisfies only !=."""

    def holds(record: Record) -> bool:
        left, right = fold(record[name]), fold(value)
        if operator == "=":
            return bool(left == right)
        if operator == "!=":
            return bool(left != right)
        if left is None:
            return False
        return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator])

    return holds


SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def text_conditions() -> st.SearchStrategy[Condition]:
    return st.builds(
        lambda name, sign, value: Condition(f"{name} {sign} {quote(value)}", compared(name, sign, value)),
        st.sampled_from(["LastName", "City"]), SIGNS, st.sampled_from(TEXTS),
    )  # fmt: skip


def number_conditions() -> st.SearchStrategy[Condition]:
    return st.builds(
        lambda sign, value: Condition(f"AnnualRevenue {sign} {value}", compared("AnnualRevenue", sign, value)),
        SIGNS, st.sampled_from(NUMBERS),
    )  # fmt: skip


def moment_conditions() -> st.SearchStrategy[Condition]:
    return st.builds(
        lambda sign, value: Condition(
            f"CreatedDate {sign} {value.replace('.000+0000', 'Z')}", compared("CreatedDate", sign, value)
        ),
        SIGNS, st.sampled_from(MOMENTS),
    )  # fmt: skip


def null_conditions() -> st.SearchStrategy[Condition]:
    return st.builds(
        lambda name, sign: Condition(f"{name} {sign} null", compared(name, sign, None)),
        st.sampled_from(["City", "AnnualRevenue"]), st.sampled_from(["=", "!="]),
    )  # fmt: skip


def flag_conditions() -> st.SearchStrategy[Condition]:
    return st.builds(
        lambda sign, value: Condition(
            f"IsUnreadByOwner {sign} {str(value).lower()}", compared("IsUnreadByOwner", sign, value)
        ),
        st.sampled_from(["=", "!="]), st.booleans(),
    )  # fmt: skip


def member_conditions() -> st.SearchStrategy[Condition]:
    def build(values: list[str], *, negated: bool) -> Condition:
        members = {fold(value) for value in values}
        listed = ", ".join(quote(value) for value in values)
        return Condition(
            f"City {'NOT ' if negated else ''}IN ({listed})", lambda row: (fold(row["City"]) in members) != negated
        )

    values = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4)
    return st.builds(lambda chosen, negated: build(chosen, negated=negated), values, st.booleans())


def prefix_conditions() -> st.SearchStrategy[Condition]:
    def build(start: str) -> Condition:
        pattern = start.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("'", "\\'")
        return Condition(
            f"City LIKE '{pattern}%'",
            lambda row: row["City"] is not None and fold(row["City"]).startswith(fold(start)),
        )

    return st.builds(lambda text, length: build(text[:length]), st.sampled_from(TEXTS), st.integers(1, 4))


def joined(parts: list[Condition], operator: str) -> Condition:
    combine = all if operator == "AND" else any
    text = f" {operator} ".join(part.bracketed() for part in parts)
    return Condition(text, lambda row: combine(part.holds(row) for part in parts), is_compound=True)


CONDITIONS = st.recursive(
    st.one_of(
        text_conditions(), number_conditions(), moment_conditions(), null_conditions(),
        flag_conditions(), member_conditions(), prefix_conditions(),
    ),
    lambda inner: st.one_of(
        st.builds(joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"])),
        inner.map(lambda part: Condition(f"NOT ({part.text})", lambda row: not part.holds(row))),
    ),
    max_leaves=6,
)  # fmt: skip


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    emulated = Org()
    emulated.load("Lead", [{**row, "Company": "c"} for row in records()])
    yield emulated
    emulated.close()


def check(org: Org, condition: Condition, *, descending: bool, limit: int) -> None:
    """Compare the rows of a query with the naive evaluator's, order and limit included."""
    names = ["LastName", "City", "AnnualRevenue", "CreatedDate", "IsUnreadByOwner"]
    direction = "DESC" if descending else "ASC"
    bounds = f"ORDER BY AnnualRevenue {direction}, Id LIMIT {limit}"
    text = f"SELECT {', '.join(names)} FROM Lead WHERE {condition.text} {bounds}"
    compiled = compile_query(text, World(org.schema, "admin", NOON))

    found = [dict(zip(names, row[1:-1], strict=True)) for row in fetch(org, compiled)]

    kept = [row for row in records() if condition.holds(row)]
    empty_first = [row for row in kept if row["AnnualRevenue"] is None]
    filled = sorted(
        (row for row in kept if row["AnnualRevenue"] is not None),
        key=lambda row: row["AnnualRevenue"],
        reverse=descending,
    )
    assert found == (empty_first + filled)[:limit]


@settings(max_examples=400, deadline=None)
@given(condition=CONDITIONS, descending=st.booleans(), limit=st.integers(0, 70))
def test_a_generated_query_finds_what_the_naive_evaluator_finds(
    org: Org, condition: Condition, *, descending: bool, limit: int
) -> None:
    check(org, condition, descending=descending, limit=limit)


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@given(condition=CONDITIONS, descending=st.booleans(), limit=st.integers(0, 70))
def test_five_thousand_generated_queries_find_what_the_naive_evaluator_finds(
    org: Org, condition: Condition, *, descending: bool, limit: int
) -> None:
    check(org, condition, descending=descending, limit=limit)

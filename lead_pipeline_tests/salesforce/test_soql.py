import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.errors import ConfigurationError, UnsendableValueError
from lead_pipeline.salesforce.soql import MAX_URI_CHARS, Names, allowed_names, soql, soql_in_chunks, uri_chars

BY_NAME = "SELECT Id FROM Lead WHERE LastName = {name} AND Company != null"
TAIL = " AND Company != null"

INJECTIONS = (
    "' OR '1'='1",
    "\\' OR Id != null OR Name = \\'",
    "x\\",
    "\\\\'",
    "'' OR Name LIKE '%",
    "') OR (Id != null",
    "x' LIMIT 1 //",
    'x" OR ""="',
    "%' OR Name LIKE '%",
    "\n' OR Id != null",
    "\u2019 OR 1=1",
    "\uff07 OR 1=1",
    "{name}",
    "{0}",
    "{fields.__class__}",
    "%s",
    "\\u0027 OR 1=1",
    "x\t' AND Id = '",
)


def decode_literal(query: str, start: int) -> tuple[str, int]:
    """Read a SOQL string literal as the SOQL reference describes it, written without a look at the builder."""
    assert query[start] == "'"
    escapes = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
    text, place = [], start + 1
    while query[place] != "'":
        if query[place] == "\\":
            text.append(escapes[query[place + 1]])
            place += 2
        else:
            text.append(query[place])
            place += 1
    return "".join(text), place + 1


sendable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@settings(max_examples=500, deadline=None)
@given(sendable | st.lists(st.sampled_from([*"'\\\"%_{}", "' OR ", "\\'", "--", "x"]), max_size=12).map("".join))
def test_any_text_comes_out_of_the_query_as_it_went_in(text: str) -> None:
    query = soql(BY_NAME, name=text)
    start = len("SELECT Id FROM Lead WHERE LastName = ")
    decoded, end = decode_literal(query, start)
    assert decoded == text
    assert query[end:] == TAIL


@pytest.mark.parametrize("injection", INJECTIONS)
def test_an_injection_stays_a_value(injection: str) -> None:
    query = soql(BY_NAME, name=injection)
    decoded, end = decode_literal(query, len("SELECT Id FROM Lead WHERE LastName = "))
    assert (decoded, query[end:]) == (injection, TAIL)


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (-3, "-3"),
        (0.1, "0.1"),
        (1e20, "100000000000000000000"),
        (Decimal("2.50"), "2.50"),
        (date(2026, 5, 4), "2026-05-04"),
        (datetime(2026, 5, 4, 8, 15, tzinfo=UTC), "2026-05-04T08:15:00.000Z"),
        (datetime(2026, 5, 4, 8, 15, tzinfo=timezone(timedelta(hours=2))), "2026-05-04T06:15:00.000Z"),
        (datetime(2026, 5, 4, 8, 15, 0, 123_999, tzinfo=UTC), "2026-05-04T08:15:00.123Z"),
        (["a", "b'c"], "('a','b\\'c')"),
    ],
)
def test_each_type_has_its_literal(value: object, literal: str) -> None:
    assert soql("{value}", value=value) == literal  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "a\0b", "\ud800", "x" * 4001, {"a": 1}, b"x"])
def test_what_no_literal_can_hold_is_refused(value: object) -> None:
    with pytest.raises(UnsendableValueError) as refusal:
        soql("{value}", value=value)  # type: ignore[arg-type]
    assert "x" * 50 not in str(refusal.value)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        soql("{at}", at=datetime(2026, 5, 4))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    "template", ["{value!r}", "{value:literal}", "{value:>5}", "{value:{x}}", "{0}", "{value.x}", "{}"]
)
def test_a_template_knows_two_forms_only(template: str) -> None:
    with pytest.raises(ValueError, match="knows"):
        soql(template, value="x")


def test_a_pattern_escapes_its_wildcards() -> None:
    assert soql("Name LIKE '{text:like}%'", text="50%_'\\") == "Name LIKE '50\\%\\_\\'\\\\%'"


def test_an_empty_list_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="empty"):
        soql("Id IN {ids}", ids=[])


def test_names_come_from_an_allow_list() -> None:
    fields = allowed_names(("Id", "Account.Name"), allowed={"Id", "Account.Name", "Email"})
    assert soql("SELECT {fields} FROM Contact", fields=fields) == "SELECT Id, Account.Name FROM Contact"


@pytest.mark.parametrize("name", ["Nope__c", "Id, (SELECT Id FROM Contacts)", "Id FROM User--", ""])
def test_a_name_off_the_list_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        allowed_names((name,), allowed={"Id"})


def test_a_list_entry_that_is_no_api_name_is_refused_although_allowed() -> None:
    with pytest.raises(ConfigurationError):
        allowed_names(("Id FROM User",), allowed={"Id FROM User"})


def test_no_members_means_no_query() -> None:
    assert list(soql_in_chunks("SELECT Id FROM Lead WHERE Email IN {mails}", name="mails", members=[])) == []


@pytest.mark.parametrize("member", ["00Q5e000001AbCdEFG", "ü" * 60, "a'b\\c" * 20])
def test_a_long_list_is_cut_to_what_a_uri_holds(member: str) -> None:
    members = [f"{member}{number}" for number in range(1_000)]
    template = "SELECT {fields} FROM Lead WHERE Email IN {mails}"

    queries = list(soql_in_chunks(template, name="mails", members=members, fields=Names(("Id", "Email"))))

    assert all(uri_chars(query) <= MAX_URI_CHARS for query in queries)
    assert all(query.count("','") < 200 for query in queries)
    found = [literal for query in queries for literal in _literals(query)]
    assert found == members


def _literals(query: str) -> list[str]:
    place, found = query.index("("), []
    while query[place] != ")":
        literal, place = decode_literal(query, place + 1)
        found.append(literal)
    return found

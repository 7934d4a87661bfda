"""What each answer of Dievio means, whatever the shape of its body."""

from __future__ import annotations

import json

import pytest

from lead_pipeline.dievio.answers import read_page
from lead_pipeline.dievio.options import AnswerKeys
from lead_pipeline.domain.searches import SearchPage
from lead_pipeline.errors import (
    ConfigurationError,
    CredentialsRefusedError,
    LeadPipelineError,
    OutOfCreditsError,
    RequestRefusedError,
    ServiceUnavailableError,
    TransportFaultError,
    UnreadablePageError,
)
from lead_pipeline.transport.json_answers import Answer, Call, read_error, storable

CALL = Call(
    name="search", path="/api/public/search", segment="us_saas", keys=frozenset({"email_status", "last_name", "page"})
)
PERSONAL = "anna.berg@acme.example, phone +49 30 1234567"


def _read(text: str, *, status: int = 200, keys: AnswerKeys | None = None) -> SearchPage:
    answer = Answer(status=status, media_type="application/json", text=text, wait_seconds=7.0)
    return read_page(answer, call=CALL, keys=keys or AnswerKeys())


def _read_document(document: object, *, keys: AnswerKeys | None = None) -> SearchPage:
    return _read(json.dumps(document), keys=keys)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, CredentialsRefusedError),
        (403, CredentialsRefusedError),
        (402, OutOfCreditsError),
        (400, RequestRefusedError),
        (409, RequestRefusedError),
        (410, RequestRefusedError),
        (422, RequestRefusedError),
        (404, ConfigurationError),
        (429, ServiceUnavailableError),
        (500, ServiceUnavailableError),
        (502, ServiceUnavailableError),
        (503, ServiceUnavailableError),
        (504, ServiceUnavailableError),
        (204, UnreadablePageError),
        (302, UnreadablePageError),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"success": False, "error": "some_code", "message": PERSONAL}),
        json.dumps({"error": {"type": "some_code", "message": PERSONAL}}),
        json.dumps({"errors": [{"id": "some_code", "details": PERSONAL}]}),
        json.dumps({"detail": [{"msg": PERSONAL}]}),
        json.dumps([PERSONAL]),
        json.dumps(None),
        f"{PERSONAL} went wrong",
        f"<html><body>{PERSONAL}</body></html>",
        "",
    ],
    ids=["flat", "nested", "list", "detail", "array", "null", "text", "html", "empty"],
)
def test_the_status_decides_and_no_body_leaks_a_person(status: int, error: type[LeadPipelineError], body: str) -> None:
    with pytest.raises(error) as caught:
        _read(body, status=status)

    assert type(caught.value) is error
    assert "anna.berg" not in str(caught.value)
    assert "1234567" not in str(caught.value)


def test_a_busy_server_is_given_the_time_it_asks_for() -> None:
    with pytest.raises(ServiceUnavailableError) as caught:
        _read("{}", status=429)

    assert caught.value.retry_after_seconds == 7.0


def test_a_refusal_names_its_code_and_our_keys_but_never_quotes() -> None:
    message = "email_status has to be one of all, verified; there is no last_name Featherstonehaugh"
    body = json.dumps({"error": {"type": "invalid_request", "message": message}})

    with pytest.raises(RequestRefusedError) as caught:
        _read(body, status=422)

    assert "(422 invalid_request: about email_status, last_name)" in str(caught.value)
    assert caught.value.exit_code == 4


def test_an_empty_balance_names_the_segment() -> None:
    with pytest.raises(OutOfCreditsError, match="us_saas"):
        _read("{}", status=402)


@pytest.mark.parametrize(
    ("text", "error", "what"),
    [
        ("<!doctype html><p>Welcome</p>", UnreadablePageError, "instead of JSON"),
        ("plain text", UnreadablePageError, "instead of JSON"),
        ("", UnreadablePageError, "instead of JSON"),
        ("[1, 2]", UnreadablePageError, "JSON that is no object"),
        ('{"rows_are": "elsewhere"}', UnreadablePageError, "200 without rows"),
        ('{"preview_data": "not a list"}', UnreadablePageError, "200 without rows"),
        ('{"preview_data": [{"first_name": "An', TransportFaultError, "truncated JSON"),
        ('{"preview_data": ' + "[" * 5_000 + "]" * 5_000 + "}", UnreadablePageError, "nested too deeply"),
        ('{"success": false, "error": "quota"}', RequestRefusedError, "200 quota"),
        ('{"success": false, "preview_data": []}', RequestRefusedError, "200"),
    ],
)
def test_a_200_that_is_no_page_is_an_error(text: str, error: type[LeadPipelineError], what: str) -> None:
    with pytest.raises(error) as caught:
        _read(text)

    assert what in str(caught.value)


def test_an_unreadable_answer_is_kept_and_a_truncated_one_may_have_been_billed() -> None:
    with pytest.raises(UnreadablePageError) as unreadable:
        _read("<p>proxy\x00</p>")
    with pytest.raises(TransportFaultError) as truncated:
        _read('{"preview_data": [')

    assert unreadable.value.body == "<p>proxy\N{REPLACEMENT CHARACTER}</p>"
    assert truncated.value.is_sent


@pytest.mark.parametrize("junk", ["9" * 5_000, "[" * 900 + "]" * 900], ids=["endless number", "endless nesting"])
def test_one_absurd_value_costs_no_other_row_of_its_page(junk: str) -> None:
    page = _read('{"preview_data": [{"first_name": "Anna"}, {"first_name": "Li", "score": ' + junk + "}]}")

    assert [row["first_name"] for row in page.rows if isinstance(row, dict)] == ["Anna", "Li"]


def test_a_page_keeps_its_text_and_every_row_whatever_it_is() -> None:
    text = json.dumps(
        {
            "success": True,
            "preview_data": [{"a": 1}, "text", None, [1]],
            "has_more": True,
            "next_page": 2,
            "per_page": 50,
        }
        | {"total_count": 1_234, "counting": True}
    )

    page = _read(text)

    assert page.body == text
    assert page.rows == ({"a": 1}, "text", None, [1])
    assert (page.has_more, page.next_page, page.per_page, page.total_count) == (True, 2, 50, 1_234)
    assert not page.is_total_exact
    assert page.credits == 4


@pytest.mark.parametrize(
    ("paging", "has_more", "next_page"),
    [
        ({"has_more": True, "next_page": 2}, True, 2),
        ({"has_more": True, "next_page": "2"}, True, 2),
        ({"next_page": 2}, True, 2),
        ({"has_more": False, "next_page": 2}, False, 2),
        ({"has_more": True, "next_page": None}, False, None),
        ({"has_more": True, "next_page": "later"}, False, None),
        ({"has_more": True, "next_page": True}, False, None),
        ({}, False, None),
    ],
)
def test_paging_ends_when_either_key_says_so(paging: dict[str, object], has_more: bool, next_page: int | None) -> None:  # noqa: FBT001  # a table of cases
    page = _read_document({"data": [], **paging})

    assert (page.has_more, page.next_page) == (has_more, next_page)


def test_keys_can_lie_elsewhere_by_configuration() -> None:
    keys = AnswerKeys(rows=("result.people",), next_page=("meta.paging.next",), total_count=("meta.hits", "meta.total"))
    document = {"result": {"people": [1]}, "meta": {"paging": {"next": 5}, "total": 9}}

    page = _read_document(document, keys=keys)

    assert (page.rows, page.next_page, page.total_count) == ((1,), 5, 9)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
        (float("nan"), None),
        (float("inf"), None),
        ({"k\x00": [1.5, {"x": float("-inf")}]}, {"k\N{REPLACEMENT CHARACTER}": [1.5, {"x": None}]}),
        (True, True),
        (10**40, 10**40),
    ],
)
def test_what_the_database_cannot_keep_is_replaced(value: object, kept: object) -> None:
    assert storable(value) == kept


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"error": "invalid_key", "message": "Key is gone"}', ("invalid_key", "Key is gone")),
        ('{"error": {"type": "quota", "message": "No more"}}', ("quota", "No more")),
        ('{"error": "Something went wrong"}', ("", "Something went wrong")),
        ('{"errors": [{"code": "bad", "details": "Very bad"}]}', ("bad", "Very bad")),
        ("401 Missing key", ("", "401 Missing key")),
        ("<html>x</html>", ("", "")),
        ("", ("", "")),
    ],
)
def test_code_and_message_are_found_in_every_shape(body: str, expected: tuple[str, str]) -> None:
    assert read_error(body) == expected

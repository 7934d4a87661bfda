"""What a caller sees when the other side misbehaves: reads stop or retry, writes answer per record."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from lead_pipeline.domain.record_answers import AnswerKind, ConditionalUpdate, Remedy
from lead_pipeline.errors import (
    ApiBudgetReachedError,
    ConfigurationError,
    CredentialsRefusedError,
    LeadPipelineError,
    RetryableError,
    ServiceUnavailableError,
    SystemUnreachableError,
    UnexpectedAnswerError,
    UnsendableValueError,
)
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.salesforce.ids import checksum
from lead_pipeline_tests.salesforce.clients import NO_WAIT, QUICK, quick_client
from lead_pipeline_tests.salesforce.scripted_server import (
    Script,
    hang,
    reply,
    reset,
    scripted_server,
    send_bytes,
)

MAIL = "anna.sample@example.com"
RECORDS = [{"LastName": "Sample", "Company": "Acme", "Email": MAIL}, {"LastName": "Other", "Company": "Acme"}]
LEAD = "00Q5e000001AbCd" + checksum("00Q5e000001AbCd")
HTML = b"<html><body>Please log in</body></html>"
TRUNCATED = send_bytes(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n[{"id":"00Q')
PAGE = {"totalSize": 0, "done": True, "records": []}


def error(code: str, message: str = "m") -> list[dict[str, str]]:
    return [{"errorCode": code, "message": message}]


UNKNOWN_CASES: dict[str, Script] = {
    "500 without a body": reply(500, b""),
    "502 from a proxy": reply(502, HTML, media_type="text/html"),
    "504 from a proxy": reply(504, HTML, media_type="text/html"),
    "500 of Salesforce itself": reply(500, error("UNKNOWN_EXCEPTION")),
    "200 with a web page": reply(200, HTML, media_type="text/html"),
    "200 with truncated JSON": reply(200, b'[{"id":"00Q'),
    "a body cut off": TRUNCATED,
    "200 with null": reply(200, b"null"),
    "200 with one row too few": reply(200, [{"id": LEAD, "success": True}]),
    "a reset": reset,
    "408": reply(408, b""),
    "a refusal by something that is not Salesforce": reply(403, HTML, media_type="text/html"),
}


@pytest.mark.parametrize("case", UNKNOWN_CASES)
def test_a_write_without_a_clear_answer_is_unknown_and_sent_only_once(case: str) -> None:
    with scripted_server(UNKNOWN_CASES[case]) as server:
        answers = quick_client(server.base_url).insert_records("Lead", RECORDS)
    assert [(answer.kind, answer.remedy) for answer in answers] == [(AnswerKind.UNKNOWN, Remedy.READ)] * 2
    assert len(server.requests) == 1


def test_a_write_that_times_out_is_unknown() -> None:
    stop = threading.Event()
    with scripted_server(hang(stop)) as server:
        answers = quick_client(server.base_url).insert_records("Lead", RECORDS)
        stop.set()
    assert {answer.kind for answer in answers} == {AnswerKind.UNKNOWN}


def test_a_write_nobody_listened_to_is_not_done_and_may_be_sent_again() -> None:
    with scripted_server(reply(200, {})) as server:
        address = server.base_url
    answers = quick_client(address).insert_records("Lead", RECORDS)
    assert [(answer.kind, answer.remedy) for answer in answers] == [(AnswerKind.NOT_DONE, Remedy.RETRY)] * 2


@pytest.mark.parametrize(
    ("script", "remedy", "retry_after"),
    [
        (reply(429, b"", headers={"Retry-After": "7"}), Remedy.RETRY, 7.0),
        (reply(503, error("SERVER_UNAVAILABLE")), Remedy.RETRY, None),
        (reply(403, error("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded")), Remedy.RETRY, None),
        (reply(400, error("JSON_PARSER_ERROR")), Remedy.DEAD_LETTER, None),
    ],
)
def test_a_write_refused_as_a_whole_is_not_done(script: Script, remedy: Remedy, retry_after: float | None) -> None:
    with scripted_server(script) as server:
        answers = quick_client(server.base_url).insert_records("Lead", RECORDS)
    assert {(answer.kind, answer.remedy, answer.retry_after_seconds) for answer in answers} == {
        (AnswerKind.NOT_DONE, remedy, retry_after)
    }


STOPS: tuple[tuple[Script, type[LeadPipelineError], str], ...] = (
    (reply(401, error("INVALID_SESSION_ID")), CredentialsRefusedError, "SALESFORCE_ACCESS_TOKEN"),
    (reply(401, error("INVALID_AUTH_HEADER")), CredentialsRefusedError, "INVALID_AUTH_HEADER"),
    (
        reply(403, error("REQUEST_LIMIT_EXCEEDED"), headers={"Sforce-Limit-Info": "api-usage=15000/15000"}),
        ApiBudgetReachedError,
        "15000 of 15000",
    ),
    (reply(403, error("API_DISABLED_FOR_ORG")), ConfigurationError, "API Enabled"),
    (reply(400, error("INVALID_FIELD", "No such column 'Nope__c' on sobject")), ConfigurationError, "Nope__c"),
    (reply(410, error("UNSUPPORTED_API_VERSION")), ConfigurationError, "API version"),
    (reply(302, b"", headers={"Location": "/login"}), UnexpectedAnswerError, "SALESFORCE_INSTANCE_URL"),
)


@pytest.mark.parametrize(("script", "kind", "words"), STOPS)
def test_what_every_call_would_meet_stops_reads_and_writes(
    script: Script, kind: type[LeadPipelineError], words: str
) -> None:
    with scripted_server(script) as server:
        client = quick_client(server.base_url)
        with pytest.raises(kind, match=words):
            client.insert_records("Lead", RECORDS)
        with pytest.raises(kind, match=words):
            list(client.query("SELECT Id FROM Lead"))
    assert len(server.requests) <= 2  # never repeated; a refused token is not even tried again


@pytest.mark.parametrize(
    "script", [reply(200, HTML, media_type="text/html"), reply(404, HTML, media_type="text/html"), reply(200, {"a": 1})]
)
def test_a_read_that_meets_a_web_page_says_where_to_look(script: Script) -> None:
    with scripted_server(script) as server, pytest.raises(UnexpectedAnswerError, match="address is the API"):
        list(quick_client(server.base_url).query("SELECT Id FROM Lead"))


@pytest.mark.parametrize(
    "fault", [reply(503, b""), reply(429, b""), reply(400, error("QUERY_TIMEOUT")), TRUNCATED, reset]
)
def test_a_read_outlasts_a_passing_fault(fault: Script) -> None:
    with scripted_server(fault, reply(200, PAGE)) as server:
        assert list(quick_client(server.base_url).query("SELECT Id FROM Lead")) == []
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(reply(503, b""), ServiceUnavailableError), (TRUNCATED, RetryableError), (reset, RetryableError)],
)
def test_a_read_gives_up_after_its_tries(fault: Script, kind: type[LeadPipelineError]) -> None:
    with scripted_server(fault) as server, pytest.raises(kind):
        list(quick_client(server.base_url).query("SELECT Id FROM Lead"))
    assert len(server.requests) == 3


def test_an_org_that_nobody_answers_for_is_named_with_its_setting() -> None:
    with scripted_server(reply(200, {})) as server:
        address = server.base_url
    with pytest.raises(SystemUnreachableError, match=f"{address}. Check SALESFORCE_INSTANCE_URL"):
        list(quick_client(address).query("SELECT Id FROM Lead"))


def test_a_write_whose_sign_in_fails_for_the_moment_is_not_done() -> None:
    with scripted_server(reply(503, b"")) as server:
        credentials = SalesforceCredentials(
            instance_url=server.base_url, client_id="app", client_secret=SecretStr("topsecret")
        )
        answers = connect(credentials, timeouts=QUICK, retries=NO_WAIT).insert_records("Lead", RECORDS)
    assert {(answer.kind, answer.remedy) for answer in answers} == {(AnswerKind.NOT_DONE, Remedy.RETRY)}
    assert server.paths() == ["/services/oauth2/token"]


def test_a_next_page_outside_the_api_is_not_followed() -> None:
    page = {"totalSize": 2, "done": False, "nextRecordsUrl": "https://evil.example/x", "records": []}
    with scripted_server(reply(200, page)) as server, pytest.raises(UnexpectedAnswerError):
        list(quick_client(server.base_url).query("SELECT Id FROM Lead"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "script", [reply(400, error("FIELD_CUSTOM_VALIDATION_EXCEPTION", f"no {MAIL}")), reply(500, HTML), TRUNCATED, reset]
)
def test_no_error_repeats_a_query_or_a_value(script: Script) -> None:
    with scripted_server(script) as server, pytest.raises(LeadPipelineError) as raised:
        list(quick_client(server.base_url).query(f"SELECT Id FROM Lead WHERE Email = '{MAIL}'"))
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert "anna" not in str(raised.value)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda client: client.insert_records("Lead", [{"LastName": "x"}] * 201), "200 records"),
        (lambda client: client.update_conditionally("Lead", [update()] * 26), "25 updates"),
        (lambda client: client.insert_records("Lead; x", [{}]), "not an object"),
        (lambda client: client.query_pages(["SELECT Id FROM Lead"] * 6), "5 queries"),
    ],
)
def test_more_than_a_call_takes_is_refused_before_anything_is_sent(write: Callable[..., object], message: str) -> None:
    with scripted_server(reply(200, {})) as server, pytest.raises(ValueError, match=message):
        write(quick_client(server.base_url))
    assert server.requests == []


def test_an_empty_text_is_refused_before_anything_is_sent() -> None:
    with scripted_server(reply(200, {})) as server:
        client = quick_client(server.base_url)
        with pytest.raises(UnsendableValueError, match="Title"):
            client.insert_records("Lead", [{"LastName": "x", "Title": ""}])
        with pytest.raises(UnsendableValueError, match="Title"):
            client.update_conditionally("Lead", [update(Title="")])
    assert server.requests == []


def test_nothing_to_write_costs_no_call() -> None:
    with scripted_server(reply(200, {})) as server:
        client = quick_client(server.base_url)
        assert client.insert_records("Lead", []) == []
        assert client.update_conditionally("Lead", []) == []
        assert client.query_pages([]) == []
    assert server.requests == []


def update(**fields: object) -> ConditionalUpdate:
    return ConditionalUpdate(
        salesforce_id=LEAD, fields=fields or {"Title": "x"}, unmodified_since=datetime(2026, 5, 4, tzinfo=UTC)
    )

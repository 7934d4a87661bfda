"""What the sessions guarantee whatever the other side does; the other side is a scripted loopback server."""

import threading
import time
from collections.abc import Callable

import pytest
import requests

from lead_pipeline.errors import ConfigurationError
from lead_pipeline.salesforce.session import ApiUsage, SalesforceSession, Timeouts, parse_usage
from lead_pipeline_tests.salesforce.scripted_server import drip, hang, reply, scripted_server, send_bytes

EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
QUICK = Timeouts(connect_seconds=0.5, read_seconds=0.3, total_seconds=0.6)


class FakeTokens:
    """Gives out a new token whenever the old one is refused."""

    user_id = None

    def __init__(self) -> None:
        self.issued = 1

    def current(self) -> str:
        return f"token-{self.issued}"

    def renew(self, refused: str) -> str:
        assert refused == self.current()
        self.issued += 1
        return self.current()


def open_session(host: str = "127.0.0.1") -> SalesforceSession:
    return SalesforceSession(host, tokens=FakeTokens(), timeouts=QUICK)


def test_each_request_is_signed_and_names_us() -> None:
    with scripted_server(reply(200, {})) as server:
        open_session().get(f"{server.base_url}/services/data")
    assert server.requests[0].headers["authorization"] == "Bearer token-1"
    assert server.requests[0].headers["sforce-call-options"] == "client=lead_pipeline"


def test_a_netrc_password_never_takes_the_place_of_the_token(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="utf-8") as file:  # noqa: PTH123 - a plain file for the standard library
        file.write("machine 127.0.0.1 login somebody password other\n")
    monkeypatch.setenv("NETRC", netrc)
    session = open_session()
    session.trust_env = True
    with scripted_server(reply(200, {})) as server:
        session.get(server.base_url)
    assert server.requests[0].headers["authorization"] == "Bearer token-1"


def test_what_the_headers_say_is_kept() -> None:
    headers = {
        "Sforce-Limit-Info": "api-usage=18/15000; per-app-api-usage=17/250(appName=x)",
        "Date": "Mon, 04 May 2026 08:15:00 GMT",
        "X-Sfdc-Request-Id": "req-7",
        "Retry-After": "Mon, 04 May 2026 08:15:30 GMT",
    }
    session = open_session()
    with scripted_server(reply(200, {}, headers=headers)) as server:
        session.get(server.base_url)
    assert session.usage == ApiUsage(18, 15000)
    assert session.server_time is not None
    assert session.server_time.isoformat() == "2026-05-04T08:15:00+00:00"
    assert session.last_answer is not None
    assert (session.last_answer.request_id, session.last_answer.retry_after_seconds) == ("req-7", 30.0)


@pytest.mark.parametrize("header", ["", "api-usage=", "per-app-api-usage=17/250(appName=x)", "api-usage=x/y"])
def test_a_limit_header_without_the_orgs_figures_says_nothing(header: str) -> None:
    assert parse_usage(header) is None


def test_an_expired_session_is_renewed_and_the_request_sent_once_more() -> None:
    session = open_session()
    with scripted_server(reply(401, EXPIRED), reply(200, {"ok": True})) as server:
        response = session.post(server.base_url, data=b"payload")
    assert response.status_code == 200
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer token-1", "Bearer token-2"]
    assert [request.body for request in server.requests] == [b"payload", b"payload"]
    assert session.calls == 2


def test_a_second_refusal_is_the_answer() -> None:
    with scripted_server(reply(401, EXPIRED)) as server:
        response = open_session().get(server.base_url)
    assert response.status_code == 401
    assert len(server.requests) == 2


def test_another_401_is_not_an_expired_session() -> None:
    with scripted_server(reply(401, [{"errorCode": "INVALID_AUTH_HEADER", "message": "m"}])) as server:
        open_session().get(server.base_url)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with scripted_server(reply(200, {})) as elsewhere:
        with scripted_server(reply(status, b"", headers={"Location": f"{elsewhere.base_url}/steal"})) as server:
            response = open_session().get(server.base_url)
        assert response.status_code == status
        assert elsewhere.requests == []


def test_a_request_to_another_host_is_refused_before_it_leaves() -> None:
    with scripted_server(reply(200, {})) as server, pytest.raises(ConfigurationError):
        open_session("mycompany.my.salesforce.com").get(f"{server.base_url}/x")
    assert server.requests == []


@pytest.mark.parametrize("behaviour", [hang, drip])
def test_no_call_waits_without_end(behaviour: Callable[[threading.Event], object]) -> None:
    stop = threading.Event()
    begun = time.monotonic()
    with scripted_server(behaviour(stop)) as server:  # type: ignore[arg-type]
        with pytest.raises(requests.exceptions.RequestException):
            open_session().get(server.base_url)
        stop.set()
    assert time.monotonic() - begun < 3


def test_a_truncated_body_is_no_answer() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
    with scripted_server(send_bytes(raw)) as server, pytest.raises(requests.exceptions.RequestException):
        open_session().get(server.base_url)

"""Generic faults as a real client meets them, over a real socket."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lead_pipeline.sandbox.control_plane import (
    ControlPlane,
    ControlPlaneMiddleware,
    FaultKind,
    control_routes,
    fired_faults,
    route_namer,
)
from lead_pipeline.sandbox.serving import ServerThread


class Notebook:
    """A system that remembers what was posted to it."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.resets: list[Any] = []
        self.plane = ControlPlane(
            reset=self.reset,
            ledger_extra=lambda: {"notes": len(self.notes)},
            own_fault_kinds={"smudged_ink": FaultKind("Write unreadably.")},
            error_body=lambda status: (json.dumps([{"errorCode": status}]).encode(), "application/json"),
        )

    def reset(self, options: Any) -> None:
        self.notes.clear()
        self.resets.append(dict(options))

    async def add(self, request: Request) -> Response:
        self.notes.append((await request.body()).decode())
        own = [{"kind": fault.kind, "record_index": fault.record_index} for fault in fired_faults(request)]
        return JSONResponse({"notes": self.notes, "shelf": request.path_params["shelf"], "faults": own}, 201)

    def app(self) -> Starlette:
        routes = [Route("/shelves/{shelf}", self.add, methods=["POST"]), *control_routes(self.plane)]
        namer = route_namer(routes)
        return Starlette(
            routes=routes, middleware=[Middleware(ControlPlaneMiddleware, plane=self.plane, name_route=namer)]
        )


@pytest.fixture(scope="module")
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture(scope="module")
def server(notebook: Notebook) -> Iterator[ServerThread]:
    with ServerThread(notebook.app()) as running:
        yield running


@pytest.fixture
def client(server: ServerThread) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, timeout=5) as opened:
        opened.post("/_sandbox/reset")
        yield opened


def set_fault(client: httpx.Client, **rule: Any) -> None:
    assert client.post("/_sandbox/faults", json=rule).status_code == 201


def post(client: httpx.Client, note: str = "milk") -> httpx.Response:
    return client.post("/shelves/7", content=note)


def test_without_faults_a_request_goes_through(client: httpx.Client) -> None:
    answer = post(client)

    assert (answer.status_code, answer.json()) == (201, {"notes": ["milk"], "shelf": "7", "faults": []})


def test_a_status_fault_answers_in_the_form_of_the_system_and_does_no_work(
    client: httpx.Client, notebook: Notebook
) -> None:
    set_fault(client, kind="status", status=429, retry_after_seconds=7)

    answer = post(client)

    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (429, "7", [{"errorCode": 429}])
    assert notebook.notes == []


def test_retry_after_can_be_a_date_of_the_sandbox_clock(client: httpx.Client) -> None:
    client.put("/_sandbox/clock", json={"now": "2030-05-01T06:00:00Z", "frozen": True})
    set_fault(client, kind="status", status=503, retry_after_date_seconds=90, body="busy", headers={"X-Kind": "test"})

    answer = post(client)

    assert parsedate_to_datetime(answer.headers["retry-after"]) == datetime(2030, 5, 1, 6, 1, 30, tzinfo=UTC)
    assert (answer.text, answer.headers["x-kind"]) == ("busy", "test")


def test_a_body_that_is_no_text_is_sent_as_json(client: httpx.Client) -> None:
    set_fault(client, kind="status", status=503, body=[{"errorCode": "BUSY"}])

    assert post(client).json() == [{"errorCode": "BUSY"}]


def test_an_expired_session_answers_401(client: httpx.Client) -> None:
    set_fault(client, kind="expired_session", nth=1)

    assert [post(client).status_code for _ in range(2)] == [401, 201]


@pytest.mark.parametrize(("kind", "notes"), [("reset_before_commit", []), ("reset_after_commit", ["milk"])])
def test_a_reset_breaks_the_connection_before_or_after_the_work(
    client: httpx.Client, notebook: Notebook, kind: str, notes: list[str]
) -> None:
    set_fault(client, kind=kind, nth=1)

    with pytest.raises(httpx.ReadError, match="reset"):
        post(client)

    assert notebook.notes == notes
    assert post(client).status_code == 201


def test_a_late_commit_lands_when_the_sandbox_clock_has_moved_on(client: httpx.Client, notebook: Notebook) -> None:
    client.put("/_sandbox/clock", json={"now": "2030-05-01T06:00:00Z", "frozen": True})
    set_fault(client, kind="late_commit", delay_seconds=600, nth=1)
    with pytest.raises(httpx.ReadError):
        post(client, "late")
    post(client, "soon")
    before = list(notebook.notes)

    client.put("/_sandbox/clock", json={"advance_seconds": 601})

    assert (before, notebook.notes) == (["soon"], ["soon", "late"])


def test_a_reset_of_the_sandbox_forgets_pending_commits(client: httpx.Client, notebook: Notebook) -> None:
    set_fault(client, kind="late_commit", delay_seconds=600, nth=1)
    with pytest.raises(httpx.ReadError):
        post(client)

    client.post("/_sandbox/reset", json={"scenario": "empty"})
    client.put("/_sandbox/clock", json={"advance_seconds": 601})

    assert (notebook.notes, notebook.resets[-1]) == ([], {"scenario": "empty"})


def test_a_slow_answer_comes_after_the_time_the_client_waits(client: httpx.Client, notebook: Notebook) -> None:
    set_fault(client, kind="slow", seconds=0.4)

    with pytest.raises(httpx.ReadTimeout):
        client.post("/shelves/7", content="milk", timeout=0.1)

    assert notebook.notes == ["milk"]


def test_a_dripping_answer_is_whole_but_takes_its_time(client: httpx.Client) -> None:
    set_fault(client, kind="drip", pieces=4, pause_seconds=0.05)
    started = time.monotonic()

    answer = post(client)

    assert answer.json()["notes"] == ["milk"]
    assert time.monotonic() - started >= 0.15


def test_a_truncated_answer_is_no_json(client: httpx.Client, notebook: Notebook) -> None:
    set_fault(client, kind="truncated_json")

    answer = post(client)

    assert answer.status_code == 201
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert notebook.notes == ["milk"]


def test_a_web_page_with_status_200_does_no_work(client: httpx.Client, notebook: Notebook) -> None:
    set_fault(client, kind="html_200")

    answer = post(client)

    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert notebook.notes == []


def test_a_fault_of_the_systems_own_kind_reaches_its_endpoint(client: httpx.Client) -> None:
    set_fault(client, kind="smudged_ink", record_index=3)

    assert post(client).json()["faults"] == [{"kind": "smudged_ink", "record_index": 3}]


def test_the_ledger_counts_templates_and_bodies_but_not_control_requests(client: httpx.Client) -> None:
    answer = post(client, "12345")
    client.get("/nowhere")

    ledger = client.get("/_sandbox/ledger").json()

    assert ledger["calls"] == {"GET (unknown)": 1, "POST /shelves/{shelf}": 1}
    assert (ledger["total"], ledger["bytes_in"], ledger["notes"]) == (2, 5, 1)
    assert ledger["bytes_out"] >= len(answer.content)


def test_a_request_that_was_reset_is_counted(client: httpx.Client) -> None:
    set_fault(client, kind="reset_after_commit")
    with pytest.raises(httpx.ReadError):
        post(client)

    assert client.get("/_sandbox/ledger").json()["calls"] == {"POST /shelves/{shelf}": 1}


def test_a_moment_without_a_zone_is_taken_as_utc(client: httpx.Client) -> None:
    answer = client.put("/_sandbox/clock", json={"now": "2030-05-01T06:00:00", "frozen": True})

    assert answer.json() == {"now": "2030-05-01T06:00:00+00:00", "frozen": True}


REFUSED: list[tuple[str, str, str]] = [
    ("POST", "/_sandbox/faults", "{"),
    ("POST", "/_sandbox/faults", '{"kind": "slow", "nth": 0}'),
    ("POST", "/_sandbox/faults", '[{"kind": "slow"}, 7]'),
    ("PUT", "/_sandbox/clock", "{}"),
    ("PUT", "/_sandbox/clock", '{"now": "tomorrow"}'),
    ("PUT", "/_sandbox/clock", '{"advance_seconds": "x"}'),
    ("POST", "/_sandbox/reset", "[]"),
]


@pytest.mark.parametrize(("method", "path", "body"), REFUSED)
def test_a_wrong_control_request_is_refused_and_changes_nothing(
    client: httpx.Client, method: str, path: str, body: str
) -> None:
    assert client.request(method, path, content=body).status_code == 400
    assert client.get("/_sandbox/faults").json() == []

"""Leads, roster, idempotency, journal and webhooks of the emulated lead platform."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lead_pipeline.sandbox.lead_platform_api import DEFAULT_TOKEN, create_app
from lead_pipeline.sandbox.serving import ServerThread

SECRET_KEY = b"a secret of the test"
SECRET = "whsec_" + base64.b64encode(SECRET_KEY).decode()


class Subscriber:
    """A webhook receiver that answers as it is told."""

    def __init__(self) -> None:
        self.status = 202
        self.received: list[tuple[dict[str, str], bytes]] = []

    async def take(self, request: Request) -> Response:
        self.received.append((dict(request.headers), await request.body()))
        return Response(status_code=self.status)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerThread]:
    with ServerThread(create_app()) as running:
        yield running


@pytest.fixture
def client(server: ServerThread) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {DEFAULT_TOKEN}"}
    with httpx.Client(base_url=server.base_url, headers=headers) as opened:
        opened.post("/_sandbox/reset")
        opened.put("/_sandbox/leads", json=[{"id": "a", "status": "new"}, {"id": "b", "status": "new"}])
        yield opened


@pytest.fixture
def subscriber(client: httpx.Client) -> Iterator[Subscriber]:
    subscriber = Subscriber()
    app = Starlette(routes=[Route("/hook", subscriber.take, methods=["POST"])])
    with ServerThread(app) as receiving:
        client.put("/_sandbox/webhooks", json={"url": f"{receiving.base_url}/hook", "secret": SECRET})
        yield subscriber


def patch(client: httpx.Client, lead_id: str, change: Any, *, key: str, **headers: str) -> httpx.Response:
    return client.patch(f"/platform/leads/{lead_id}", json=change, headers={"Idempotency-Key": key, **headers})


def journal(client: httpx.Client) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = client.get("/_sandbox/journal").json()
    return entries


def test_a_change_is_kept_and_journalled_with_its_origin(client: httpx.Client) -> None:
    answer = patch(client, "a", {"status": "working"}, key="k1", **{"X-Origin": "salesforce"})

    [entry] = journal(client)

    assert answer.json() == client.get("/platform/leads/a").json() == {"id": "a", "status": "working"}
    assert (entry["op"], entry["id"], entry["origin"], entry["key"]) == ("update", "a", "salesforce", "k1")
    assert (entry["before"]["status"], entry["after"]["status"]) == ("new", "working")


def test_the_same_key_gets_the_same_answer_and_changes_nothing_again(client: httpx.Client) -> None:
    first = patch(client, "a", {"status": "working"}, key="k1")
    patch(client, "a", {"status": "won"}, key="k2")
    again = patch(client, "a", {"status": "working"}, key="k1")

    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert client.get("/platform/leads/a").json()["status"] == "won"
    assert len(journal(client)) == 2


def test_a_key_that_came_with_another_request_is_refused(client: httpx.Client) -> None:
    patch(client, "a", {"status": "working"}, key="k1")

    assert patch(client, "b", {"status": "working"}, key="k1").status_code == 422


def test_a_change_that_changes_nothing_leaves_no_journal_entry(client: httpx.Client) -> None:
    assert patch(client, "a", {"status": "new"}, key="k1").status_code == 200
    assert journal(client) == []


def test_a_change_on_top_of_an_old_version_is_refused(client: httpx.Client) -> None:
    version = client.get("/platform/leads/a").headers["etag"]
    patch(client, "a", {"status": "working"}, key="k1", **{"If-Match": version})

    assert patch(client, "a", {"status": "won"}, key="k2", **{"If-Match": version}).status_code == 412


def test_an_answer_that_was_lost_is_found_by_its_key(client: httpx.Client) -> None:
    client.post("/_sandbox/faults", json={"kind": "reset_after_commit", "times": 1})
    with pytest.raises(httpx.ReadError):
        patch(client, "a", {"status": "working"}, key="k1")

    again = patch(client, "a", {"status": "working"}, key="k1")

    assert (again.headers["idempotent-replayed"], len(journal(client))) == ("true", 1)


def test_the_roster_is_replaced_as_a_whole(client: httpx.Client) -> None:
    agents = [{"id": "1", "eligible": True}, {"id": "2", "eligible": False}]
    for number in range(2):
        client.put("/platform/roster", json={"agents": agents}, headers={"Idempotency-Key": f"k{number}"})

    assert client.get("/platform/roster").json() == {"agents": agents}
    assert [entry["object"] for entry in journal(client)] == ["roster"]


def test_leads_are_listed_page_by_page(client: httpx.Client) -> None:
    client.put("/_sandbox/leads", json=[{"id": f"{number:03}"} for number in range(201)])

    pages = [client.get("/platform/leads", params={"page": page}).json() for page in (1, 2)]

    assert [len(page["leads"]) for page in pages] == [200, 1]
    assert [page["next_page"] for page in pages] == [2, None]


REFUSED: list[tuple[str, str, Any, dict[str, str], int]] = [
    ("GET", "/platform/leads/a", None, {"Authorization": "Bearer wrong"}, 401),
    ("GET", "/platform/leads/z", None, {}, 404),
    ("GET", "/platform/leads?page=x", None, {}, 400),
    ("PATCH", "/platform/leads/a", {"status": "won"}, {}, 400),
    ("PATCH", "/platform/leads/a", {"id": "z"}, {"Idempotency-Key": "k"}, 400),
    ("PATCH", "/platform/leads/a", [], {"Idempotency-Key": "k"}, 400),
    ("PATCH", "/platform/leads/z", {"status": "won"}, {"Idempotency-Key": "k"}, 404),
    ("PUT", "/platform/roster", {"agents": [{}]}, {"Idempotency-Key": "k"}, 400),
    ("PUT", "/_sandbox/leads", {"id": "a"}, {}, 400),
    ("PUT", "/_sandbox/webhooks", {"address": "x"}, {}, 400),
    ("POST", "/_sandbox/webhooks/events", [{}], {}, 400),
    ("POST", "/_sandbox/webhooks/events", [{"type": "lead.created", "id": 5}], {}, 400),
    ("PUT", "/_sandbox/webhooks", {"url": 5}, {}, 400),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status"), REFUSED)
def test_a_wrong_request_is_refused_in_one_form(
    client: httpx.Client, method: str, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    answer = client.request(method, path, json=body, headers=headers)

    assert (answer.status_code, answer.json()["error"]["status"], journal(client)) == (status, status, [])


def test_a_refused_change_can_be_mended_under_the_same_key(client: httpx.Client) -> None:
    patch(client, "a", [], key="k1")

    assert patch(client, "a", {"status": "won"}, key="k1").status_code == 200


def test_an_event_carries_a_signature_that_the_secret_proves(client: httpx.Client, subscriber: Subscriber) -> None:
    events = [{"type": "lead.created", "data": {"id": "c"}, "id": "evt_1"}]

    taken = client.post("/_sandbox/webhooks/events", json=events).json()

    [(headers, body)] = subscriber.received
    signed = f"evt_1.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET_KEY, signed, hashlib.sha256).digest()).decode()
    assert (taken, headers["webhook-id"], headers["webhook-signature"]) == ({"taken": 1}, "evt_1", f"v1,{expected}")


def test_a_change_of_a_lead_becomes_an_event_with_its_origin(client: httpx.Client, subscriber: Subscriber) -> None:
    patch(client, "a", {"status": "working"}, key="k1", **{"X-Origin": "salesforce"})
    client.post("/_sandbox/webhooks/due")

    [(_, body)] = subscriber.received
    assert b'"lead.updated"' in body
    assert b'"origin": "salesforce"' in body


def test_an_event_that_nobody_took_is_sent_again_with_the_same_id(client: httpx.Client, subscriber: Subscriber) -> None:
    subscriber.status = 500
    client.post("/_sandbox/webhooks/events", json=[{"type": "lead.created", "id": "evt_1"}])
    too_early = client.post("/_sandbox/webhooks/due").json()
    subscriber.status = 204
    client.put("/_sandbox/clock", json={"advance_seconds": 10})
    in_time = client.post("/_sandbox/webhooks/due").json()

    [delivery] = client.get("/_sandbox/webhooks").json()
    assert (too_early, in_time, delivery["statuses"], delivery["done"]) == (
        {"taken": 0},
        {"taken": 1},
        [500, 204],
        True,
    )
    assert {headers["webhook-id"] for headers, _ in subscriber.received} == {"evt_1"}


def test_an_event_for_a_dead_subscriber_is_given_up_after_the_schedule(client: httpx.Client) -> None:
    client.put("/_sandbox/webhooks", json={"url": "http://127.0.0.1:1/hook", "secret": SECRET})
    client.post("/_sandbox/webhooks/events", json=[{"type": "lead.created"}])
    for _ in range(8):
        client.put("/_sandbox/clock", json={"advance_seconds": 40_000})
        client.post("/_sandbox/webhooks/due")

    [delivery] = client.get("/_sandbox/webhooks").json()
    assert (delivery["statuses"], delivery["done"]) == ([0] * 7, True)


def test_without_a_subscriber_nothing_is_sent(client: httpx.Client, subscriber: Subscriber) -> None:
    client.put("/_sandbox/webhooks", content="null")
    patch(client, "a", {"status": "working"}, key="k1")

    assert (subscriber.received, client.get("/_sandbox/webhooks").json()) == ([], [])

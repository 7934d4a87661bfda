import time

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from lead_pipeline.sandbox.serving import PortInUseError, ServerThread

APP = Starlette(routes=[Route("/", lambda _request: PlainTextResponse("here"))])


def test_a_server_answers_until_it_is_stopped() -> None:
    with ServerThread(APP) as server:
        assert httpx.get(server.base_url).text == "here"

    with pytest.raises(httpx.ConnectError):
        httpx.get(server.base_url)


def test_stopping_is_quick_even_while_a_client_keeps_its_connection_open() -> None:
    with httpx.Client() as client:
        server = ServerThread(APP)
        server.start()
        client.get(server.base_url)
        started = time.monotonic()
        server.stop()

    assert time.monotonic() - started < 1


def test_a_port_in_use_is_named() -> None:
    with ServerThread(APP) as server, pytest.raises(PortInUseError, match=f"^port {server.port} is in use"):
        ServerThread(APP, server.port)


def test_a_freed_port_can_be_taken_again_at_once() -> None:
    with ServerThread(APP) as first:
        httpx.get(first.base_url)
    with ServerThread(APP, first.port) as second:
        assert httpx.get(second.base_url).text == "here"

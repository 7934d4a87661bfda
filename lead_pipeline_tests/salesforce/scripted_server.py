"""A loopback server that answers byte for byte what a test dictates: whole, truncated, late or never."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Script = Callable[[socket.socket, "ReceivedRequest"], None]


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedServer:
    """Answers request by request from a script; the last answer repeats."""

    base_url: str
    requests: list[ReceivedRequest] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [request.line.split(" ")[1].partition("?")[0] for request in self.requests]


def reply(
    status: int, body: object = b"", *, headers: dict[str, str] | None = None, media_type: str = "application/json"
) -> Script:
    """Answer completely."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Type: {media_type}",
        f"Content-Length: {len(payload)}",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return lambda connection, _request: connection.sendall(head + payload)


def send_bytes(raw: bytes) -> Script:
    """Send these bytes and hang up."""
    return lambda connection, _request: connection.sendall(raw)


def reset(connection: socket.socket, _request: ReceivedRequest) -> None:
    """Hang up with a reset, as a crashed proxy does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def drip(stop: threading.Event) -> Script:
    """Send a body that never ends, a byte at a time."""

    def answer(connection: socket.socket, _request: ReceivedRequest) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        while not stop.wait(0.02):
            try:
                connection.sendall(b" ")
            except OSError:
                return

    return answer


def hang(stop: threading.Event) -> Script:
    """Never answer."""

    def wait(_connection: socket.socket, _request: ReceivedRequest) -> None:
        stop.wait(5)

    return wait


@contextmanager
def scripted_server(*scripts: Script) -> Iterator[ScriptedServer]:
    """Serve the scripts in order on a free loopback port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    server = ScriptedServer(f"http://127.0.0.1:{listener.getsockname()[1]}", scripts=list(scripts))
    stopped = threading.Event()
    thread = threading.Thread(target=_serve, args=(listener, server, stopped), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stopped.set()
        thread.join(5)
        listener.close()


def _serve(listener: socket.socket, server: ScriptedServer, stopped: threading.Event) -> None:
    workers: list[threading.Thread] = []
    while not stopped.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        workers.append(threading.Thread(target=_answer, args=(connection, server), daemon=True))
        workers[-1].start()
    for worker in workers:
        worker.join(5)


def _answer(connection: socket.socket, server: ScriptedServer) -> None:
    with connection:
        connection.settimeout(5)
        request = _read_request(connection)
        if request is None:
            return
        server.requests.append(request)
        script = server.scripts[min(len(server.requests), len(server.scripts)) - 1]
        script(connection, request)


def _read_request(connection: socket.socket) -> ReceivedRequest | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rows = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return ReceivedRequest(line, headers, body)

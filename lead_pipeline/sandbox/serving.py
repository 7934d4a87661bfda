"""Runs an emulated system as a real HTTP server on the loopback, in a thread of the present process.

Running it in a process of its own belongs to `processes`.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lead_pipeline.sandbox.errors import SandboxError

LOOPBACK = "127.0.0.1"
START_TIMEOUT_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 5.0
GRACE_SECONDS = 1  # requests still running at a stop get this long, so that a slow fault cannot hold up a test
BACKLOG = 512


class PortInUseError(SandboxError):
    """Somebody else listens on the port that was asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is in use: choose another one or stop the server that holds it")
        self.port = port


class ServerStartError(SandboxError):
    """The server thread ended or did not come up in time."""

    def __init__(self, port: int) -> None:
        super().__init__(f"the sandbox server on port {port} did not start within {START_TIMEOUT_SECONDS:.0f} seconds")


class _TransportProtocol(HttpToolsProtocol):
    """Hands the transport to the application, because only a transport can reset a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself
        """Remember the transport in the state of each request of this connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def open_listener(port: int) -> socket.socket:
    """Bind a loopback port; 0 takes any free one.

    Raises:
        PortInUseError: Somebody else listens there.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(port) from error
        raise
    return listener


class ServerThread:
    """A uvicorn server in a daemon thread; use it as a context manager.

    Args:
        app: The ASGI application.
        port: Loopback port; 0 takes any free one.
        listener: A bound socket to serve instead of `port`, as another process handed it over.
        tls_certificate: Path of a PEM file with certificate and key; when given the server speaks TLS.

    Raises:
        PortInUseError: Somebody else listens on `port`.
    """

    def __init__(
        self,
        app: ASGIApp,
        port: int = 0,
        *,
        listener: socket.socket | None = None,
        tls_certificate: str | None = None,
    ) -> None:
        self._listener = listener or open_listener(port)
        self.port: int = self._listener.getsockname()[1]
        self.base_url = f"{'https' if tls_certificate else 'http'}://{LOOPBACK}:{self.port}"
        options: dict[str, Any] = {"ssl_certfile": tls_certificate} if tls_certificate else {}
        config = uvicorn.Config(
            app,
            http=_TransportProtocol,
            ws="none",
            log_config=None,
            log_level="error",
            access_log=False,
            date_header=False,  # the control plane dates answers by the sandbox's clock
            timeout_graceful_shutdown=GRACE_SECONDS,
            **options,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name=f"sandbox-{self.port}", daemon=True)

    def __enter__(self) -> Self:
        """Start the server and wait until it answers."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ServerStartError: It did not come up.
        """
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(START_TIMEOUT_SECONDS / 0.01)):
            if self._server.started:
                return
            if not self._thread.is_alive():
                break
            waited.wait(0.01)
        self.stop()
        raise ServerStartError(self.port)

    def stop(self) -> None:
        """Stop the server and free the port."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(STOP_TIMEOUT_SECONDS)
        self._listener.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._listener])

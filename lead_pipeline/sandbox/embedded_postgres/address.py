"""Where a server listens, and the addresses of its databases in the forms that drivers take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

SUPERUSER = "postgres"
PORT = 5432  # only names the socket file; nothing listens on the network
SOCKET_NAME = f".s.PGSQL.{PORT}"


@dataclass(frozen=True)
class ServerAddress:
    """The directory that holds the server's Unix socket; whoever may enter it is trusted."""

    socket_directory: Path

    @property
    def socket_path(self) -> Path:
        """The socket itself."""
        return self.socket_directory / SOCKET_NAME

    def dsn(self, database: str) -> str:
        """Return the address of a database for libpq and psycopg."""
        return f"postgresql://{self._rest(database)}"

    def psycopg2_url(self, database: str) -> str:
        """Return the address of a database for SQLAlchemy with psycopg2, which Dagster's storage needs."""
        return f"postgresql+psycopg2://{self._rest(database)}"

    def _rest(self, database: str) -> str:
        # The port is spelled out because PGPORT in the environment would change the name of the socket file otherwise.
        return f"{SUPERUSER}@/{quote(database)}?host={quote(str(self.socket_directory))}&port={PORT}"

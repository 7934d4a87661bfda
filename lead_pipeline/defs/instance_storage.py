"""Dagster's run, event and schedule storage on the same Postgres server as the product, in a database of its own.

`dagster.yaml` names this class. It exists because `{env: NAME}` has no default there: with an address set that server
is used, without one the embedded server is started or attached, so that a bare `dagster dev` works on a fresh machine.
"""

from typing import Any, Self

import dagster as dg
import psycopg
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import URL

from lead_pipeline.errors import DatabaseUnavailableError
from lead_pipeline.local_servers import database_address
from lead_pipeline.settings import load_settings

CONNECT_TIMEOUT_SECONDS = 10


class LeadPipelineStorage(DagsterPostgresStorage):
    """DagsterPostgresStorage that finds its server by the product's settings."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the config schema: the name of Dagster's database on the product's server."""
        return {"database": dg.Field(str, default_value="dagster", is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: dict[str, Any]) -> Self:
        """Build the storage; creates Dagster's database when it is missing and the user may create one."""
        address = database_address(load_settings())
        ensure_database(address, config_value["database"])
        return cls(postgres_url=sqlalchemy_url(address, database=config_value["database"]), inst_data=inst_data)


def sqlalchemy_url(address: str, *, database: str) -> str:
    """Return the address of `database` on the server of `address`, in the form that dagster-postgres needs.

    The driver is named because psycopg 3, which the product's own tables use, cannot write Dagster's events.
    """
    parts = conninfo_to_dict(address)
    host = str(parts.get("host") or "")
    is_socket = host.startswith("/")
    url = URL.create(
        "postgresql+psycopg2",
        username=str(parts["user"]) if parts.get("user") else None,
        password=str(parts["password"]) if parts.get("password") else None,
        host=None if is_socket else host or None,
        port=int(parts["port"]) if parts.get("port") and not is_socket else None,
        database=database,
        query={"host": host, **_port(parts)} if is_socket else {},
    )
    return url.render_as_string(hide_password=False)


def _port(parts: dict[str, Any]) -> dict[str, str]:
    return {"port": str(parts["port"])} if parts.get("port") else {}


def ensure_database(address: str, database: str) -> None:
    """Create `database` on the server of `address` unless it exists.

    Raises:
        DatabaseUnavailableError: The server does not answer or the user may not create the database.
    """
    shown = str(conninfo_to_dict(address).get("host") or "localhost")
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    except psycopg.errors.DuplicateDatabase:
        return  # another process was quicker
    except psycopg.Error as error:
        raise DatabaseUnavailableError(address=shown, cause=type(error).__name__) from None

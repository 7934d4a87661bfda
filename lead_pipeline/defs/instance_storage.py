"""Dagster's run, event and schedule storage on the same Postgres server as the product, in a database of its own.

`dagster.yaml` names this class. It exists because `{env: NAME}` has no default there: with an address set that server
is used, without one the embedded server is started or attached, so that a bare `dagster dev` works on a fresh machine.
It also keeps one connection for each of the three storages, where Dagster opens one for every event.
"""

from collections.abc import Mapping
from typing import Any, Self

import dagster as dg
import psycopg
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from lead_pipeline.errors import ConfigurationError
from lead_pipeline.local_servers import database_address
from lead_pipeline.settings import load_settings
from lead_pipeline.store.database import Database

KEPT_SECONDS = 300  # a connection that is older is opened anew


class LeadPipelineStorage(DagsterPostgresStorage):
    """DagsterPostgresStorage that finds its server by the product's settings."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the config schema: the name of Dagster's database on the product's server."""
        return {"database": dg.Field(str, default_value="dagster", is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Build the storage; creates Dagster's database when it is missing and the user may create one."""
        address = database_address(load_settings())
        ensure_database(address, config_value["database"])
        storage = cls(postgres_url=sqlalchemy_url(address, database=config_value["database"]), inst_data=inst_data)
        storage.keep_connections()
        return storage

    def keep_connections(self) -> None:
        """Use one connection again for each storage; one that the server has closed is found out before it is used."""
        for part in (self.event_log_storage, self.run_storage, self.schedule_storage):
            part._engine = create_engine(  # type: ignore[union-attr]  # noqa: SLF001  # Dagster has no setting
                self.postgres_url,
                isolation_level="AUTOCOMMIT",
                pool_size=1,
                max_overflow=-1,
                pool_pre_ping=True,
                pool_recycle=KEPT_SECONDS,
            )


def sqlalchemy_url(address: str, *, database: str) -> str:
    """Return the address of `database` on the server of `address`, in the form that dagster-postgres needs.

    The driver is named because psycopg 3, which the product's own tables use, cannot write Dagster's events.
    """
    parts = {name: str(value) for name, value in conninfo_to_dict(address).items() if value}
    parts.pop("dbname", None)
    user, password = parts.pop("user", None), parts.pop("password", None)
    host, port = None, None
    if not parts.get("host", "").startswith("/") and "," not in parts.get("host", ""):
        # a socket directory or several hosts fit only behind the question mark, beside sslmode and the like
        host, port = parts.pop("host", None), parts.pop("port", None)
    url = URL.create(
        "postgresql+psycopg2",
        username=user,
        password=password,
        host=host,
        port=int(port) if port else None,
        database=database,
        query=parts,
    )
    return url.render_as_string(hide_password=False)


def ensure_database(address: str, database: str) -> None:
    """Create `database` on the server of `address` unless it exists.

    Raises:
        DatabaseUnavailableError: The server does not answer.
        ConfigurationError: The address is none, or its user may not create the database.
    """
    server = Database(address)
    with server.connect() as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if found is not None:
            return
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            pass  # another process was quicker
        except psycopg.errors.InsufficientPrivilege:
            raise ConfigurationError(
                "LEAD_PIPELINE_DATABASE_URL",
                what=f"its user may not create the database {database}, which Dagster needs on the same server",
                repair=f"Run `CREATE DATABASE {database}` as an administrator and make that user its owner",
            ) from None
    server.close()

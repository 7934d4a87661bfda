"""A Postgres server for a machine that has none: started on first use, attached to afterwards, kept until stopped.

Tables and queries belong to whoever uses the server; this package knows databases only by name.
"""

from lead_pipeline.sandbox.embedded_postgres.address import ServerAddress
from lead_pipeline.sandbox.embedded_postgres.binaries import EmbeddedPostgresError
from lead_pipeline.sandbox.embedded_postgres.child import child_server
from lead_pipeline.sandbox.embedded_postgres.databases import drop_database, ensure_database
from lead_pipeline.sandbox.embedded_postgres.server import ensure_running, running_address, stop

__all__ = [
    "EmbeddedPostgresError",
    "ServerAddress",
    "child_server",
    "drop_database",
    "ensure_database",
    "ensure_running",
    "running_address",
    "stop",
]

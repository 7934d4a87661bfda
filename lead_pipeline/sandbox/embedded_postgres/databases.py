"""Databases of an embedded server, by name. What is in them belongs to whoever uses them."""

from __future__ import annotations

import psycopg
from psycopg import sql

from lead_pipeline.sandbox.embedded_postgres.address import ServerAddress

MAINTENANCE_DATABASE = "postgres"


def ensure_database(address: ServerAddress, name: str, *, template: str | None = None) -> None:
    """Create a database unless it exists; safe from several processes at once.

    Args:
        address: The server.
        name: The database.
        template: A database to copy; nobody may be connected to it.
    """
    # Copying files takes 30 ms, writing them through the log 115; a new database has no readers to disturb.
    statement = sql.SQL("create database {} strategy file_copy").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" template {}").format(sql.Identifier(template))
    with psycopg.connect(address.dsn(MAINTENANCE_DATABASE), autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            return
        try:
            connection.execute(statement)
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return  # another process was quicker; the second error is what its race shows before the name is visible


def drop_database(address: ServerAddress, name: str) -> None:
    """Drop a database if it exists, and end its sessions."""
    statement = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    with psycopg.connect(address.dsn(MAINTENANCE_DATABASE), autocommit=True) as connection:
        connection.execute(statement)

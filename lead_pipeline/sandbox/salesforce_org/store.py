"""The org's state in SQLite: one typed table per object, the journal, tokens and settings.

Belongs here: tables, columns, indexes, raw rows. A row is a dict of stored values by API name: booleans are 0 and 1,
moments are text in the form that answers show (it sorts by time). Rules about values: values.py and saving.py.
"""

import json
import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.collation import compare_text, matches_pattern
from lead_pipeline.sandbox.salesforce_org.ids import ISSUED_POD, make_id
from lead_pipeline.sandbox.salesforce_org.row_numbers import FIRST_NUMBER, RowNumbers
from lead_pipeline.sandbox.salesforce_org.schema import NUMBER_TYPES, Field, ObjectSchema

Row = dict[str, Any]

_CACHE_KIB: Final = 256 * 1024  # keeps the indexes of a million leads in memory
_MAPPED_BYTES: Final = 4 * 1024**3  # long scans read the file in place instead of copying it page by page
_WRITE_TRIES: Final = 30_000  # milliseconds to wait for a file that another process holds
_FIRST_ISSUED: Final = 1_000
"""Serial of the first issued record; lower ones belong to the org's own users and queues."""
_SERIALS_AHEAD: Final = 1_000
"""Serials reserved at a time: a restart skips the rest of them instead of repeating any."""

# The state outlives the process, not a power cut: it is a tool's state, and writes must not wait for the disk.
_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = OFF",
    f"cache_size = -{_CACHE_KIB}",
    f"busy_timeout = {_WRITE_TRIES}",
    f"mmap_size = {_MAPPED_BYTES}",
)
_OUTERMOST: Final = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
_NESTED: Final = ("SAVEPOINT inner", "RELEASE inner", "ROLLBACK TO inner")
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS sandbox_journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, user TEXT NOT NULL, op TEXT NOT NULL,
    object TEXT NOT NULL, record_id TEXT NOT NULL, before TEXT, after TEXT);
CREATE TABLE IF NOT EXISTS sandbox_token (
    token TEXT PRIMARY KEY, kind TEXT NOT NULL, user_id TEXT NOT NULL, expires_at TEXT);
CREATE TABLE IF NOT EXISTS sandbox_setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sandbox_job (id TEXT PRIMARY KEY, kind TEXT NOT NULL, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sandbox_job_part (
    job_id TEXT NOT NULL, part TEXT NOT NULL, place INTEGER NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (job_id, part, place));
"""


@lru_cache(maxsize=4_096)
def _insert_sql(object_name: str, names: tuple[str, ...]) -> str:
    columns = ", ".join(quoted(name) for name in names)
    return f"INSERT INTO {quoted(object_name)} ({columns}) VALUES ({', '.join('?' * len(names))})"


class Store:
    """The SQLite file of one org, behind one lock.

    Args:
        path: The file; None keeps the org in a temporary file that vanishes with the store.
    """

    def __init__(self, path: Path | None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="salesforce-org-") if path is None else None
        target = Path(self._folder.name) / "org.sqlite" if self._folder else path
        assert target is not None  # noqa: S101 - one of the two branches has set it
        target.parent.mkdir(parents=True, exist_ok=True)
        self._path = target
        self.lock = threading.RLock()
        self._connection = self._connect()
        self._readers: list[sqlite3.Connection] = []
        self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="salesforce-org-reader")
        self._depth = 0
        self._serials: dict[str, int] = {}
        self._reserved: dict[str, int] = {}
        self._selects: dict[str, str] = {}
        self._connection.executescript(_TABLES)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, cached_statements=512)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.create_collation("SALESFORCE", compare_text)
        connection.create_function("like", 2, matches_pattern, deterministic=True)
        return connection

    def close(self) -> None:
        """Release the file; a temporary one is removed."""
        self._aside.shutdown(wait=True)
        with self.lock:
            for connection in (self._connection, *self._readers):
                connection.close()
        if self._folder is not None:
            self._folder.cleanup()

    @contextmanager
    def transaction(self, *, undoable: bool = False) -> Iterator[None]:
        """Hold the lock and commit at the end; an exception rolls back.

        Args:
            undoable: whether an exception also rolls back inside another transaction. Without it an inner one only
                joins the outer one, which is what the save of one record among many needs: it checks before it writes.
        """
        with self.lock:
            if self._depth and not undoable:
                yield
                return
            begin, commit, roll_back = _NESTED if self._depth else _OUTERMOST
            self._connection.execute(begin)
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                self._connection.execute(roll_back)
                self._reserved.clear()  # what was reserved inside is not written any more
                raise
            self._depth -= 1
            self._connection.execute(commit)

    def all(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return every row."""
        with self.lock:
            return self._connection.execute(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """Run a statement and return its first row."""
        with self.lock:
            row: tuple[Any, ...] | None = self._connection.execute(sql, parameters).fetchone()
            return row

    def numbers_aside(self, sql: str, parameters: Sequence[Any] = ()) -> Future[RowNumbers]:
        """Read the `_row` column of a long result on a connection of its own.

        The result is that of this moment, whatever is written while it is gathered.
        """
        joined = f"SELECT group_concat(_row + {FIRST_NUMBER}, '') FROM ({sql})"
        if self._depth:
            done: Future[RowNumbers] = Future()
            done.set_result(RowNumbers(*self.all(joined, parameters)[0]))
            return done
        with self.lock:
            reader = self._readers.pop() if self._readers else self._connect()
            reader.execute("BEGIN")
            reader.execute("SELECT 1 FROM sandbox_setting").fetchone()  # the read that fixes the snapshot
        return self._aside.submit(self._gather, reader, joined, parameters=parameters)

    def _gather(self, reader: sqlite3.Connection, sql: str, *, parameters: Sequence[Any]) -> RowNumbers:
        try:
            return RowNumbers(*reader.execute(sql, parameters).fetchone())
        finally:
            reader.execute("ROLLBACK")
            self._readers.append(reader)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a changing statement and return the number of rows it touched."""
        with self.lock:
            return self._connection.execute(sql, parameters).rowcount

    # --- tables ---------------------------------------------------------------------------------------------------

    def install(self, schema: ObjectSchema) -> None:
        """Create or extend an object's table and bring its indexes in line with the schema.

        A removed field keeps its column, unseen, so that restoring the field restores its values.
        """
        table = quoted(schema.name)
        with self.transaction():
            self.run(f"CREATE TABLE IF NOT EXISTS {table} (_row INTEGER PRIMARY KEY)")
            present = {row[1] for row in self.all(f"PRAGMA table_info({table})")}
            for item in schema.fields.values():
                if item.is_stored and item.name not in present:
                    self.run(f"ALTER TABLE {table} ADD COLUMN {quoted(item.name)} {column_type(item)}")
            self._align_indexes(schema)
        names = ", ".join(quoted(name) for name in schema.columns)
        self._selects[schema.name] = f"SELECT {names} FROM {table} WHERE Id = ?"

    def _align_indexes(self, schema: ObjectSchema) -> None:
        wanted = dict(_indexes(schema))
        rows = self.all(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
            [schema.name],
        )
        for name, sql in rows:
            if wanted.get(name) != sql:
                self.run(f"DROP INDEX {quoted(name)}")
            else:
                del wanted[name]
        for sql in wanted.values():
            self.run(sql)

    # --- rows -----------------------------------------------------------------------------------------------------

    def next_id(self, schema: ObjectSchema) -> str:
        """Issue the next record id of an object."""
        return make_id(schema.prefix, self.next_serial(schema.name, schema.prefix), pod=ISSUED_POD)

    def next_serial(self, name: str, prefix: str) -> int:
        """Count up the issued records of an object or job kind; continues after a restart."""
        with self.lock:
            if name not in self._serials:
                self._serials[name] = max(int(self.setting(f"serial.{prefix}") or 0), _FIRST_ISSUED)
            self._serials[name] += 1
            serial = self._serials[name]
            if serial > self._reserved.get(name, 0):
                self._reserved[name] = serial + _SERIALS_AHEAD
                self.keep_setting(f"serial.{prefix}", str(self._reserved[name]))
            return serial

    def get(self, schema: ObjectSchema, record_id: str) -> Row | None:
        """The stored row of an id, deleted or not."""
        row = self.one(self._selects[schema.name], [record_id])
        return None if row is None else dict(zip(schema.columns, row, strict=True))

    def exists(self, name: str, record_id: str) -> bool:
        """Whether a live record of the object has this id."""
        return self.one(f"SELECT 1 FROM {quoted(name)} WHERE Id = ? AND IsDeleted = 0", [record_id]) is not None

    def ids_with(self, schema: ObjectSchema, item: Field, *, value: object, limit: int = 200) -> list[str]:
        """Ids of live records whose field has this value, by the field's own case rule."""
        condition = f"{quoted(item.name)} = ? AND IsDeleted = 0"
        sql = f"SELECT Id FROM {quoted(schema.name)} WHERE {condition} ORDER BY _row LIMIT {limit}"
        return [row[0] for row in self.all(sql, [value])]

    def insert(self, schema: ObjectSchema, row: Mapping[str, Any]) -> None:
        """Add one complete row."""
        self.insert_many(schema, [row])

    def insert_many(self, schema: ObjectSchema, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows; absent fields are empty."""
        # Only filled columns are named: binding None costs SQLite's driver more than binding a value.
        filled = ({name: value for name, value in row.items() if value is not None} for row in rows)
        with self.lock:
            for names, group in groupby(filled, tuple):
                self._connection.executemany(_insert_sql(schema.name, names), (tuple(row.values()) for row in group))

    def update(self, schema: ObjectSchema, record_id: str, *, changes: Mapping[str, Any]) -> None:
        """Change some fields of one row."""
        sets = ", ".join(f"{quoted(name)} = ?" for name in changes)
        self.run(f"UPDATE {quoted(schema.name)} SET {sets} WHERE Id = ?", [*changes.values(), record_id])

    # --- journal and settings -------------------------------------------------------------------------------------

    def record_commit(self, entry: Mapping[str, Any]) -> None:
        """Append one change to the journal; before and after hold the changed fields."""
        before, after = (
            None if entry[key] is None else json.dumps(entry[key], ensure_ascii=False) for key in ("before", "after")
        )
        self.run(
            "INSERT INTO sandbox_journal (at, user, op, object, record_id, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [entry["at"], entry["user"], entry["op"], entry["object"], entry["id"], before, after],
        )

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """The changes after a sequence number, oldest first."""
        keys = ("seq", "at", "user", "op", "object", "id", "before", "after")
        rows = self.all("SELECT * FROM sandbox_journal WHERE seq > ? ORDER BY seq", [since])
        entries = [dict(zip(keys, row, strict=True)) for row in rows]
        for entry in entries:
            entry["before"], entry["after"] = (entry[key] and json.loads(entry[key]) for key in ("before", "after"))
        return entries

    def setting(self, name: str) -> str | None:
        """A kept setting, or None."""
        row = self.one("SELECT value FROM sandbox_setting WHERE name = ?", [name])
        return None if row is None else str(row[0])

    def keep_setting(self, name: str, value: str) -> None:
        """Keep a setting across restarts."""
        self.run(
            "INSERT INTO sandbox_setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [name, value],
        )

    def wipe(self) -> None:
        """Empty the org. Tables are dropped only if a schema was changed: making them again takes longest."""
        with self.transaction():
            is_changed = self.one("SELECT 1 FROM sandbox_setting WHERE name LIKE 'schema.%'") is not None
            if is_changed:
                self.run('DROP VIEW IF EXISTS "Name"')
            for (name,) in self.all(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence'"
            ):
                drop = is_changed and not name.startswith("sandbox_")
                self.run(f"DROP TABLE {quoted(name)}" if drop else f"DELETE FROM {quoted(name)}")
            self.run("DELETE FROM sqlite_sequence")
            self._serials.clear()
            self._reserved.clear()


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def column_type(item: Field) -> str:
    """The column type of a field; its collation carries the platform's case rule."""
    if item.type in {"boolean", "int"}:
        return "INTEGER"
    if item.type in NUMBER_TYPES:
        return "REAL"
    if not item.is_text or (item.is_key and item.case_sensitive):
        return "TEXT"
    # Keys and addresses are ASCII in practice: SQLite's own collation keeps their indexes fast.
    return "TEXT COLLATE NOCASE" if item.is_key or item.unique or item.type == "email" else "TEXT COLLATE SALESFORCE"


def bin_index(object_name: str) -> str:
    """The index of an object's deleted records; objects with a SystemModstamp have one."""
    return f"{object_name}.bin"


def _indexes(schema: ObjectSchema) -> Iterator[tuple[str, str]]:
    table = quoted(schema.name)
    yield f"{schema.name}.Id", f'CREATE UNIQUE INDEX "{schema.name}.Id" ON {table} (Id)'
    if "SystemModstamp" in schema.fields:
        # Polling reads by (SystemModstamp, Id); with IsDeleted inside, counting a poll never touches the table.
        yield f"{schema.name}.poll", f'CREATE INDEX "{schema.name}.poll" ON {table} (SystemModstamp, Id, IsDeleted)'
        # The few deleted apart: getDeleted reads them, and a total is everything without them.
        yield (
            bin_index(schema.name),
            f"CREATE INDEX {quoted(bin_index(schema.name))} ON {table} (SystemModstamp, Id) WHERE IsDeleted = 1",
        )
    for item in schema.fields.values():
        name = f"{schema.name}.{item.name}"
        column = quoted(item.name)
        if item.unique:
            # Deleted records keep their value without blocking it; the value leads, so that lookups use this index too.
            unless_deleted = f"{column}, iif(IsDeleted = 0, '', Id)"
            yield name, f"CREATE UNIQUE INDEX {quoted(name)} ON {table} ({unless_deleted}) WHERE {column} IS NOT NULL"
        elif item.external_id or item.id_lookup or item.type == "email":
            yield name, f"CREATE INDEX {quoted(name)} ON {table} ({column})"

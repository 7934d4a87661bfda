"""What the emulated Dievio holds: the rows on sale, the balance, what was sold, and the switches. Kept in SQLite.

How rows are chosen is in `filters`, how they are shaped in `profiles`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lead_pipeline.sandbox.dievio_api.filters import passes
from lead_pipeline.sandbox.dievio_api.people import PERSON_MARK, Person
from lead_pipeline.sandbox.dievio_api.profiles import PROFILES, render_article
from lead_pipeline.sandbox.dievio_api.switches import Switches

DEFAULT_BALANCE_CREDITS = 100_000
MAX_REMEMBERED_SEARCHES = 32  # a search is asked for page by page, so the last few are enough

_SCHEMA = """
create table if not exists entry (position integer primary key, document text not null);
create table if not exists account (name text primary key, value text not null);
create table if not exists sold (position integer primary key);
"""


class Pool:
    """The rows on sale and the account of the one customer.

    Args:
        state_path: SQLite file; in memory without one.
        seed_rows: What is on sale at first and after a reset.
        balance: Credits at first and after a reset.

    Raises:
        InvalidPersonError: A seed row is a person record that cannot be rendered.
    """

    def __init__(self, state_path: Path | None, *, seed_rows: Sequence[object], balance: int) -> None:
        self._seed_rows = seed_rows
        self._seed_balance = balance
        self._connection = sqlite3.connect(state_path or ":memory:", check_same_thread=False, isolation_level=None)
        # The state has to outlive the process, not the machine.
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = off")
        self._connection.executescript(_SCHEMA)
        self._entries: list[object] = []
        self._searches: dict[str, list[int]] = {}
        self._profiles: dict[str, int] = {}
        if self._read("balance") is None:
            self.reset()
        else:
            stored = self._connection.execute("select document from entry order by position")
            self._entries = [_parse_entry(json.loads(document)) for (document,) in stored]

    def reset(self) -> None:
        """Go back to the first rows, balance and switches."""
        self.put_rows(self._seed_rows)
        self.balance = self._seed_balance
        self.rows_charged = 0
        self.switches = Switches()

    def put_rows(self, rows: Sequence[object]) -> None:
        """Replace everything that is on sale; nothing of it was sold yet.

        Raises:
            InvalidPersonError: A person record cannot be rendered; then nothing changes.
            ValueError: A number is none of JSON's, such as NaN; then nothing changes.
        """
        entries = [_parse_entry(row) for row in rows]
        documents = [json.dumps(row, allow_nan=False) for row in rows]
        self._connection.execute("begin")
        self._connection.execute("delete from entry")
        self._connection.execute("delete from sold")
        self._connection.executemany("insert into entry values (?, ?)", enumerate(documents))
        self._connection.execute("commit")
        self._entries = entries
        self._searches.clear()
        self._profiles.clear()

    def __len__(self) -> int:
        """How many rows are on sale."""
        return len(self._entries)

    @property
    def balance(self) -> int:
        """Credits left."""
        return int(self._read("balance") or 0)

    @balance.setter
    def balance(self, credit_count: int) -> None:
        self._write("balance", str(credit_count))

    @property
    def rows_charged(self) -> int:
        """Rows that were billed since the ledger was cleared."""
        return int(self._read("rows_charged") or 0)

    @rows_charged.setter
    def rows_charged(self, count: int) -> None:
        self._write("rows_charged", str(count))

    @property
    def switches(self) -> Switches:
        """The positions of the switches."""
        return Switches(**json.loads(self._read("switches") or "{}"))

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self._write("switches", json.dumps(switches.to_json()))
        self._searches.clear()

    def find(self, wanted: Mapping[str, tuple[str, ...]], *, email_status: str) -> list[int]:
        """Return the positions of the rows that meet a search, in the order of the pool."""
        question = json.dumps([sorted(wanted.items()), email_status])
        if question not in self._searches:
            if len(self._searches) >= MAX_REMEMBERED_SEARCHES:
                self._searches.clear()
            silent_rows_pass = self.switches.silent_rows == "pass"
            self._searches[question] = [
                position
                for position, row in enumerate(self._filterable_rows())
                if _has_email_status(row, email_status) and passes(row, wanted, silent_rows_pass=silent_rows_pass)
            ]
        return self._searches[question]

    def find_profiles(self, slugs: Iterable[str]) -> list[int]:
        """Return the positions of the first row of each profile, in the order of `slugs`; unknown ones are left out."""
        if not self._profiles:
            for position, row in enumerate(self._filterable_rows()):
                for slug in row_slugs(row):
                    self._profiles.setdefault(slug, position)
        return [self._profiles[slug] for slug in slugs if slug in self._profiles]

    def render(self, position: int, profile: str) -> object:
        """Return a row as it is served: a person in the given profile, anything else verbatim."""
        entry = self._entries[position]
        return PROFILES[profile](entry, position) if isinstance(entry, Person) else entry

    def price(self, positions: Sequence[int]) -> list[int]:
        """Return what each row costs: 1 credit, or nothing for a row sold before when the switch says so."""
        if self.switches.repeated_rows == "billed":
            return [1] * len(positions)
        sold = {position for (position,) in self._connection.execute("select position from sold")}
        return [0 if position in sold else 1 for position in positions]

    def charge(self, positions: Sequence[int], *, credit_count: int) -> None:
        """Sell rows."""
        self._connection.execute("begin")
        self._connection.executemany("insert or ignore into sold values (?)", [(position,) for position in positions])
        self.balance -= credit_count
        self.rows_charged += credit_count
        self._connection.execute("commit")

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def _filterable_rows(self) -> Iterable[object]:
        """Return the rows with everything known about them, whatever profile they will be served in."""
        return (render_article(entry) if isinstance(entry, Person) else entry for entry in self._entries)

    def _read(self, name: str) -> str | None:
        row = self._connection.execute("select value from account where name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _write(self, name: str, value: str) -> None:
        self._connection.execute("insert or replace into account values (?, ?)", (name, value))


def profile_slug(address: object) -> str:
    """Return the name of a profile in an address, or a bare name; lower case, empty when there is none."""
    text = str(address).strip().lower() if isinstance(address, str) else ""
    path = text.partition("?")[0].partition("#")[0].rstrip("/")
    return path.rpartition("/")[2]


def row_slugs(row: object) -> set[str]:
    """Return the profile names that a row carries."""
    if not isinstance(row, Mapping):
        return set()
    raw: Any = row.get("raw")
    documents = [row, raw] if isinstance(raw, Mapping) else [row]
    keys = ("linkedin_url", "linkedinUrl", "linkedin_username")
    return {slug for document in documents for key in keys if (slug := profile_slug(document.get(key)))}


def _parse_entry(row: object) -> object:
    is_person = isinstance(row, Mapping) and set(row) == {PERSON_MARK}
    return Person.from_json(row[PERSON_MARK]) if is_person else row  # type: ignore[index]  # a mapping, as just seen


def _has_email_status(row: object, wanted: str) -> bool:
    """Whether a row meets `email_status`; a row without a status does, because then only the request asserts it."""
    status = str(row.get("email_status") or "") if isinstance(row, Mapping) else ""
    return wanted == "all" or status in ("", "verified") or status == wanted

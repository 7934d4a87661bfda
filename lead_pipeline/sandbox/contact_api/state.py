"""What the emulated contact provider holds: people, balance, charges and the limit. Kept in SQLite.

How an item finds its person is in `matching`.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DEFAULT_BALANCE_CREDITS = 100_000
DEFAULT_CALLS_PER_MINUTE = 6_000
_COUNTS = ("balance", "matches_charged", "calls_per_minute")
_SCHEMA = """
create table if not exists person (position integer primary key, document text not null);
create table if not exists account (name text primary key, value integer not null);
"""

Person = Mapping[str, Any]
NameKey = tuple[str, str, str]


class ContactState:
    """The people on sale and the account of the one customer.

    Args:
        state_path: SQLite file; in memory without one.
        people: Who is on sale at first and after a reset.
        balance: Credits at first and after a reset.
    """

    def __init__(self, state_path: Path | None, *, people: Sequence[Person], balance: int) -> None:
        self._seed_people = people
        self._seed_balance = balance
        self._connection = sqlite3.connect(state_path or ":memory:", check_same_thread=False, isolation_level=None)
        # The state has to outlive the process, not the machine.
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = off")
        self._connection.executescript(_SCHEMA)
        self._by_profile: dict[str, Person] = {}
        self._by_name: dict[NameKey, list[Person]] = {}
        if self._connection.execute("select 1 from account").fetchone() is None:
            self.reset()
        else:
            rows = self._connection.execute("select document from person order by position")
            self._index([json.loads(document) for (document,) in rows])

    def reset(self) -> None:
        """Go back to the first people, balance and limit."""
        self.put_people(self._seed_people)
        for name, value in zip(_COUNTS, (self._seed_balance, 0, DEFAULT_CALLS_PER_MINUTE), strict=True):
            self.set(name, value)

    def put_people(self, people: Sequence[Person]) -> None:
        """Replace everybody on sale."""
        rows = [(position, json.dumps(person)) for position, person in enumerate(people)]
        self._connection.execute("begin")
        self._connection.execute("delete from person")
        self._connection.executemany("insert into person values (?, ?)", rows)
        self._connection.execute("commit")
        self._index(people)

    def get(self, name: str) -> int:
        """Return `balance`, `matches_charged` or `calls_per_minute`."""
        (value,) = self._connection.execute("select value from account where name = ?", (name,)).fetchone()
        return int(value)

    def set(self, name: str, value: int) -> None:
        """Set one of the numbers that `get` returns."""
        self._connection.execute("insert or replace into account values (?, ?)", (name, value))

    def charge(self, match_count: int) -> None:
        """Bill matches."""
        self._connection.execute("begin")
        self.set("balance", self.get("balance") - match_count)
        self.set("matches_charged", self.get("matches_charged") + match_count)
        self._connection.execute("commit")

    def find_profile(self, profile: str) -> Person | None:
        """Return the person with a profile address, however it is written."""
        return self._by_profile.get(profile_name(profile))

    def find_names(self, given_name: str, family_name: str, *, domain: str) -> Sequence[Person]:
        """Return everybody of a name at an employer."""
        return self._by_name.get(_name_key(given_name, family_name, domain), ())

    def _index(self, people: Sequence[Person]) -> None:
        self._by_profile = {}
        by_name: dict[NameKey, list[Person]] = defaultdict(list)
        for person in people:
            if name := profile_name(person.get("profile")):
                self._by_profile.setdefault(name, person)
            employer = person.get("employer") or {}
            by_name[_name_key(person.get("given_name"), person.get("family_name"), employer.get("domain"))].append(
                person
            )
        self._by_name = dict(by_name)


def profile_name(address: object) -> str:
    """Return the name of a profile in its address; lower case, empty when there is none."""
    text = str(address or "").strip().lower()
    return text.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]


def _name_key(given_name: object, family_name: object, domain: object) -> NameKey:
    given, family, host = (str(part or "").strip().casefold() for part in (given_name, family_name, domain))
    return given, family, host.removeprefix("www.")

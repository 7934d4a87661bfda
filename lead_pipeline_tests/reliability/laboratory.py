"""Real servers for experiments with death: a Postgres that can be killed, the sandbox, and processes to kill.

What is killed when is `kills`; what must hold afterwards is `evidence`.
"""

from __future__ import annotations

import itertools
import multiprocessing
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Self

import httpx
import psycopg
from psycopg.rows import dict_row

from lead_pipeline.sandbox import processes
from lead_pipeline.sandbox.embedded_postgres import ServerAddress, child_server, drop_database, ensure_database
from lead_pipeline.sandbox.embedded_postgres.processes import read_pid_file
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations
from lead_pipeline_tests.reliability.crash_points import Moment
from lead_pipeline_tests.reliability.night import NO_CERTIFICATES, NightEnd, NightOrder, run_night
from lead_pipeline_tests.reliability.worlds import SMALL_CALLS, World

BATCH_ID: Final = "2026-11-20"
TEMPLATE: Final = "reliability_template"
NIGHT_TIMEOUT_SECONDS: Final = 1_800.0  # ten thousand leads on a busy machine; nobody waits longer than a night takes
SANDBOX_TIMEOUT_SECONDS: Final = 300.0
RECORDS_PER_EDIT: Final = 200  # Salesforce limit per composite/sobjects call
COLLECTIONS: Final = "/services/data/v66.0/composite/sobjects"
QUERY: Final = "/services/data/v66.0/query"

AS_IN_THE_UI: Final = {"Sforce-Auto-Assign": "FALSE"}  # a rep's edit there does not run the assignment rules

Row = dict[str, Any]


class KillablePostgres:
    """A Postgres in a directory of its own; it can be killed and started again on what is on its disk.

    Only a durable one waits for the disk: the death of its clients needs no more than a running server, its own does.
    """

    def __init__(self, root: Path, *, is_durable: bool) -> None:
        self._root = root
        self.is_durable = is_durable
        self._server = ExitStack()

    def start(self) -> ServerAddress:
        """Start the server, after a kill with the recovery that follows one."""
        return self._server.enter_context(child_server(self._root, durable=self.is_durable))

    def stop(self) -> None:
        """Stop the server, if it still lives."""
        self._server.close()

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        postmaster = read_pid_file(self._root / "data")
        assert postmaster is not None
        return postmaster.pid

    def restart(self) -> ServerAddress:
        """Start again after a kill."""
        self._server.close()
        return self.start()

    @contextmanager
    def durable(self) -> Iterator[None]:
        """Wait for the disk as in production, for a while."""
        before, self.is_durable = self.is_durable, True
        self.restart()
        try:
            yield
        finally:
            self.is_durable = before
            self.restart()


class Laboratory:
    """Postgres, sandbox and a preloaded process to fork nights from; use it as a context manager.

    Args:
        home: Directory of all state.
        is_durable: Whether Postgres waits for the disk, as in production. Killed nights see no difference, killed
            servers need it.
    """

    def __init__(self, home: Path, *, is_durable: bool = False) -> None:
        self._home = home
        self._opened = ExitStack()
        self._numbers = itertools.count(1)
        self.postgres = KillablePostgres(home / "postgres", is_durable=is_durable)
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["lead_pipeline_tests.reliability.warm_process"])

    def __enter__(self) -> Self:
        """Start the servers and put the product's tables into a database to copy from."""
        self._opened.callback(self.postgres.stop)
        self._address = self.postgres.start()
        ensure_database(self._address, TEMPLATE)
        template = Database(self._address.dsn(TEMPLATE))
        apply_migrations(template)
        template.close()
        self.sandbox = processes.ensure_running(self._home / "s", scenario="empty", org="demo")
        self._opened.callback(processes.stop, self._home / "s")
        return self

    def __exit__(self, *_failure: object) -> None:
        """Stop the servers."""
        self._opened.close()

    @contextmanager
    def experiment(self, world: World, *, limits: WriteLimits = SMALL_CALLS) -> Iterator[Experiment]:
        """Fill sandbox and an empty database with a world, and clean up behind it."""
        name = f"night_{next(self._numbers)}"
        ensure_database(self._address, name, template=TEMPLATE)
        try:
            with Experiment(self, world, dsn=self._address.dsn(name), limits=limits) as experiment:
                yield experiment
        finally:
            drop_database(self._address, name)

    def begin(self, order: NightOrder) -> RunningNight:
        """Start a night in a process of its own."""
        return RunningNight(self._processes, order)


@contextmanager
def temporary_laboratory(*, is_durable: bool = False) -> Iterator[Laboratory]:
    """Open a laboratory in a directory of its own, which is removed afterwards."""
    # No directory of pytest: those are closed to other users, and Postgres refuses to run as root.
    with tempfile.TemporaryDirectory(prefix="lead_pipeline_kills_") as home:
        Path(home).chmod(0o755)
        with Laboratory(Path(home), is_durable=is_durable) as laboratory:
            yield laboratory


class RunningNight:
    """A night's process."""

    def __init__(self, context: ForkServerContext, order: NightOrder) -> None:
        receiver, sender = context.Pipe(duplex=False)
        self._receiver: Connection = receiver
        self._process: BaseProcess = context.Process(target=run_night, args=(order, sender), daemon=True)
        self._process.start()
        sender.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def end(self) -> NightEnd | None:
        """Wait until the process is gone and return how the night ended; None when it was killed."""
        try:
            ended: NightEnd | None = self._receiver.recv() if self._receiver.poll(NIGHT_TIMEOUT_SECONDS) else None
        except EOFError:
            ended = None
        self._process.join(NIGHT_TIMEOUT_SECONDS)
        code = self._process.exitcode
        self._receiver.close()
        self._process.close()
        assert ended is not None or code == -signal.SIGKILL, f"the night's process ended with {code} and said nothing"
        return ended


@dataclass(frozen=True, slots=True)
class RepEdit:
    """A value that a rep typed into a record."""

    salesforce_id: str
    field: str
    value: str


@dataclass
class Experiment:
    """One world from the evening to the morning after; use it as a context manager."""

    laboratory: Laboratory
    world: World
    dsn: str
    limits: WriteLimits
    edits: list[RepEdit] = field(default_factory=list)
    night_number: int = 0
    is_patient: bool = False

    def __enter__(self) -> Self:
        """Fill the sandbox."""
        sandbox = self.laboratory.sandbox
        timeout = httpx.Timeout(SANDBOX_TIMEOUT_SECONDS)
        self.salesforce = httpx.Client(
            base_url=sandbox.salesforce_url, trust_env=False, verify=NO_CERTIFICATES, timeout=timeout
        )
        self.dievio = httpx.Client(
            base_url=sandbox.dievio_url, trust_env=False, verify=NO_CERTIFICATES, timeout=timeout
        )
        self.end_faults()
        self._control(self.salesforce, "PUT", "clock", {"now": None})
        self._control(self.salesforce, "POST", "reset", {})
        self._control(self.salesforce, "POST", "load", dict(self.world.records))
        self._control(self.dievio, "POST", "reset", {})
        self._control(self.dievio, "PUT", "rows", list(self.world.rows))
        self.clear_ledgers()
        self._rep = self._sign_in("rep")
        self._admin = self._sign_in("admin")
        self.first_journal_entry = max((entry["seq"] for entry in self._journal(0)), default=0)
        return self

    def __exit__(self, *_failure: object) -> None:
        """Close the connections."""
        for client in (self.salesforce, self.dievio, self._rep, self._admin):
            client.close()

    # --- nights ---------------------------------------------------------------------------------------------------

    def order(self, *, death: Moment | None = None, victim: int | None = None) -> NightOrder:
        """Return what the next night is told."""
        self.night_number += 1
        sandbox = self.laboratory.sandbox
        return NightOrder(
            environment={
                "LEAD_PIPELINE_DATABASE_URL": self.dsn,
                "SALESFORCE_INSTANCE_URL": sandbox.salesforce_url,
                "SALESFORCE_CLIENT_ID": sandbox.salesforce_client_id,
                "SALESFORCE_CLIENT_SECRET": sandbox.salesforce_client_secret,
                "DIEVIO_BASE_URL": sandbox.dievio_url,
                "DIEVIO_API_KEY": sandbox.dievio_api_key,
            },
            batch_id=BATCH_ID,
            run_id=f"night-{self.night_number}",
            segments=self.world.segments,
            limits=self.limits,
            death=death,
            victim=victim,
            is_patient=self.is_patient,
        )

    def run(self, *, death: Moment | None = None, victim: int | None = None) -> NightEnd | None:
        """Run a night; None when it was killed."""
        return self.laboratory.begin(self.order(death=death, victim=victim)).end()

    # --- sandbox --------------------------------------------------------------------------------------------------

    def fault(self, *rules: Mapping[str, object]) -> None:
        """Put faults of the org in force."""
        self._control(self.salesforce, "POST", "faults", list(rules))

    def faults(self) -> list[Row]:
        """The org's faults with how often each has struck."""
        rules: list[Row] = self._control(self.salesforce, "GET", "faults")
        return rules

    def fault_dievio(self, *rules: Mapping[str, object]) -> None:
        """Put faults of Dievio in force."""
        self._control(self.dievio, "POST", "faults", list(rules))

    def end_faults(self) -> None:
        """Have both systems work again."""
        for client in (self.salesforce, self.dievio):
            self._control(client, "DELETE", "faults")

    def advance(self, seconds: float) -> None:
        """Let time pass at the org, so that late commits land."""
        self._control(self.salesforce, "PUT", "clock", {"advance_seconds": seconds})

    def clear_ledgers(self) -> None:
        """Start counting calls and charges anew."""
        for client in (self.salesforce, self.dievio):
            self._control(client, "DELETE", "ledger")

    def salesforce_calls(self) -> dict[str, int]:
        """Requests that the org received since the last clear, by route."""
        calls: dict[str, int] = self._control(self.salesforce, "GET", "ledger")["calls"]
        return calls

    def rows_charged(self) -> int:
        """Rows that Dievio billed since the last clear."""
        return int(self._control(self.dievio, "GET", "ledger")["rows_charged"])

    def journal(self) -> list[Row]:
        """Every change of Leads and Contacts that was committed since the world was made."""
        entries = self._journal(self.first_journal_entry)
        return [entry for entry in entries if entry["object"] in {"Lead", "Contact"}]

    def our_commits(self) -> list[Row]:
        """The changes that the integration user made; only those carry a receipt."""
        edited_by_rep = {"rep", self._user_id("rep")}
        return [entry for entry in self.journal() if entry["user"] not in edited_by_rep]

    def leads(self) -> list[Row]:
        """Every live lead of the org."""
        return self.records("Lead", "Id, Email, Phone, Title, OwnerId, Dievio_Lead_ID__c, IsConverted")

    def records(self, object_name: str, fields: str = "") -> list[Row]:
        """Every live record of an object, with some fields or with all of them."""
        chosen = fields or ", ".join(self._field_names(object_name))
        query = {"q": f"SELECT {chosen} FROM {object_name}"}
        page = self._admin.get(QUERY, params=query).raise_for_status().json()
        records = list(page["records"])
        while not page["done"]:
            page = self._admin.get(page["nextRecordsUrl"]).raise_for_status().json()
            records += page["records"]
        return records

    def limit_calls(self, daily: int) -> None:
        """Set the org's daily allowance."""
        self._control(self.salesforce, "PUT", "limits", {"daily": daily})

    # --- the rep --------------------------------------------------------------------------------------------------

    def edit_as_rep(self, edits: Sequence[RepEdit]) -> None:
        """Have the rep type values, all of them now."""
        records: dict[str, Row] = {}
        for edit in edits:
            blank: Row = {"attributes": {"type": "Lead"}, "id": edit.salesforce_id}
            record = records.setdefault(edit.salesforce_id, blank)
            record[edit.field] = edit.value
        for start in range(0, len(records), RECORDS_PER_EDIT):
            page = list(records.values())[start : start + RECORDS_PER_EDIT]
            document = {"allOrNone": False, "records": page}
            answers = self._rep.patch(COLLECTIONS, json=document, headers=AS_IN_THE_UI).json()
            assert all(answer["success"] for answer in answers), answers
        self.edits.extend(edits)

    # --- database -------------------------------------------------------------------------------------------------

    def ask(self, query: str, *values: object) -> list[Row]:
        """Return rows of the product's database."""
        with psycopg.connect(self.dsn, row_factory=dict_row, autocommit=True) as connection:
            return connection.execute(query, list(values)).fetchall()

    # --- parts ----------------------------------------------------------------------------------------------------

    def _journal(self, since: int) -> list[Row]:
        entries: list[Row] = self._control(self.salesforce, "GET", f"journal?since={since}")
        return entries

    def _field_names(self, object_name: str) -> list[str]:
        described = self._admin.get(f"/services/data/v66.0/sobjects/{object_name}/describe").raise_for_status().json()
        return [field["name"] for field in described["fields"] if field["type"] not in {"address", "location"}]

    def _user_id(self, user: str) -> str:
        return str(self._control(self.salesforce, "POST", "tokens", {"user": user})["user_id"])

    def token(self, user: str) -> str:
        """Return an access token of the org that acts as a user."""
        return str(self._control(self.salesforce, "POST", "tokens", {"user": user})["access_token"])

    def _sign_in(self, user: str) -> httpx.Client:
        token = self.token(user)
        return httpx.Client(
            base_url=self.laboratory.sandbox.salesforce_url,
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            verify=NO_CERTIFICATES,
            timeout=SANDBOX_TIMEOUT_SECONDS,
        )

    @staticmethod
    def _control(client: httpx.Client, method: str, path: str, document: object = None) -> Any:
        answer = client.request(method, f"/_sandbox/{path}", json=document)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

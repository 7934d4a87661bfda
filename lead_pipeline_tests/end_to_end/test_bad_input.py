"""Whatever is wrong outside ends in one clear line, exit code 1 or 4 and no traceback; a repaired repeat finishes."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

import lead_pipeline
from lead_pipeline.sandbox.embedded_postgres import ServerAddress, drop_database, ensure_database
from lead_pipeline.sandbox.worlds import Edition
from lead_pipeline_tests.end_to_end.nights import YESTERDAY
from lead_pipeline_tests.end_to_end.small_worlds import KNOWN_SHARE, Ended, SmallWorld, open_small_world

LEADS = 40
NO_OBJECT = "a row that is no object"
NIGHT = ("run", "--date", YESTERDAY)
NOBODY = "http://127.0.0.1:9"
MAPPING = Path(lead_pipeline.__file__).parent / "config" / "mapping" / "lead.yaml"
DIEVIO, SALESFORCE, DATABASE = "DIEVIO_BASE_URL", "SALESFORCE_INSTANCE_URL", "LEAD_PIPELINE_DATABASE_URL"


@contextmanager
def temporary_world(server: ServerAddress, directory: Path, *, edition: Edition = "demo") -> Iterator[SmallWorld]:
    """A world whose Dievio also delivers a row that is no object."""
    name = f"bad_input_{edition}_{os.getpid()}"
    ensure_database(server, name)
    with open_small_world(
        directory, server.dsn(name), leads=LEADS, edition=edition, further_rows=[NO_OBJECT]
    ) as opened:
        yield opened
    drop_database(server, name)


@contextmanager
def fault(world: SmallWorld, variable: str, **rule: object) -> Iterator[None]:
    """One system misbehaves for a while."""
    world.order_fault(variable, **rule)
    yield
    world.end_faults(variable)


@contextmanager
def mapping(world: SmallWorld, old: str, new: str) -> Iterator[None]:
    """The mapping of leads says something else for a while."""
    file = world.config_directory / "mapping" / MAPPING.name
    file.parent.mkdir(exist_ok=True)
    packaged = MAPPING.read_text("utf-8")
    assert old in packaged
    file.write_text(packaged.replace(old, new, 1), "utf-8")
    yield
    file.unlink()


def with_tls(world: SmallWorld, variable: str) -> str:
    """The address of a server without TLS, written as if it had some."""
    return world.environment[variable].replace("http:", "https:")


@dataclass(frozen=True, kw_only=True)
class Breakage:
    """Something that is wrong outside, and the words that tell what, where and how to mend it."""

    settings: Callable[[SmallWorld], Mapping[str, str]] = lambda _world: {}
    trouble: Callable[[SmallWorld], AbstractContextManager[None]] = lambda _world: nullcontext()
    exit_code: int
    words: tuple[str, ...]
    flaws: int = 1  # lines: one for each thing to mend


#: In the order in which one unlucky day meets them; what a try bought or wrote must not be bought or written again.
BREAKAGES = {
    "no key for Dievio": Breakage(
        settings=lambda _world: {"DIEVIO_API_KEY": ""},
        exit_code=4,
        words=("DIEVIO_API_KEY: is not set", "Set DIEVIO_API_KEY"),
    ),
    "no secret for Salesforce": Breakage(
        settings=lambda _world: {"SALESFORCE_CLIENT_SECRET": ""},
        exit_code=4,
        words=("SALESFORCE_CLIENT_SECRET is not set", "Signing in needs"),
    ),
    "an address that is none": Breakage(
        settings=lambda _world: {SALESFORCE: "my org"},
        exit_code=4,
        words=(f"{SALESFORCE}: is not an address", "https://host"),
    ),
    "a host without https": Breakage(
        settings=lambda _world: {DIEVIO: "http://dievio.example"},
        exit_code=4,
        words=(f"{DIEVIO}: is not https", "https://host"),
    ),
    "a database address that is none": Breakage(
        settings=lambda _world: {DATABASE: "leads"},
        exit_code=4,
        words=(f"{DATABASE}: is not a Postgres address", "postgresql://"),
    ),
    "a database that is down": Breakage(
        settings=lambda _world: {DATABASE: "postgresql://127.0.0.1:9/leads"},
        exit_code=1,
        words=("The database at 127.0.0.1:9/leads does not answer", f"Check {DATABASE}"),
    ),
    "a misspelt key in the mapping": Breakage(
        trouble=lambda world: mapping(world, "    owner: rep\n", "    ownr: rep\n"),
        exit_code=4,
        words=("mapping/lead.yaml:", "ownr: unknown key. Did you mean owner?", "Add owner"),
        flaws=2,
    ),
    "nobody at Dievio's address": Breakage(
        settings=lambda _world: {DIEVIO: NOBODY},
        exit_code=1,
        words=(f"Dievio does not answer at {NOBODY}", f"Check {DIEVIO}"),
    ),
    "https at a plain port of Dievio": Breakage(
        settings=lambda world: {DIEVIO: with_tls(world, DIEVIO)},
        exit_code=4,
        words=(f"{DIEVIO}: the server there does not speak https", "Check its port"),
    ),
    "a wrong key for Dievio": Breakage(
        settings=lambda _world: {"DIEVIO_API_KEY": "wrong"},
        exit_code=4,
        words=("Dievio: credentials refused", "Check DIEVIO_API_KEY"),
    ),
    "a page of Dievio that is not JSON": Breakage(
        trouble=lambda world: fault(world, DIEVIO, kind="html_200", route="search"),
        exit_code=1,
        words=("search answered text of the type text/html instead of JSON", "Check that the address is the API"),
    ),
    "nobody at Salesforce's address": Breakage(
        settings=lambda _world: {SALESFORCE: NOBODY},
        exit_code=1,
        words=(f"Salesforce does not answer at {NOBODY}", f"Check {SALESFORCE}"),
    ),
    "https at a plain port of Salesforce": Breakage(
        settings=lambda world: {SALESFORCE: with_tls(world, SALESFORCE)},
        exit_code=4,
        words=(f"{SALESFORCE}: the server there does not speak https", "Check its port"),
    ),
    "a wrong secret for Salesforce": Breakage(
        settings=lambda _world: {"SALESFORCE_CLIENT_SECRET": "wrong"},
        exit_code=4,
        words=("Salesforce: credentials refused", "Check SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET"),
    ),
    "a page of Salesforce that is not JSON": Breakage(
        trouble=lambda world: fault(world, SALESFORCE, kind="html_200", route="oauth2"),
        exit_code=1,
        words=("sign-in at SALESFORCE_INSTANCE_URL", "Check that the address is the API"),
    ),
    "a field in the mapping that the org does not have": Breakage(
        trouble=lambda world: mapping(world, "- to: Title\n", "- to: Titel\n"),
        exit_code=4,
        words=("Lead.Titel: the field is not there", "Did you mean Title?"),
    ),
}


@dataclass(frozen=True)
class Day:
    """How each try of one day ended, and what stood in the end."""

    tries: Mapping[str, Ended]
    repaired: Ended
    rows_charged: int
    commits_before_repair: int


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, postgres_server: ServerAddress) -> Iterator[Day]:
    with temporary_world(postgres_server, tmp_path_factory.mktemp("bad_input")) as world:
        tries = {}
        for name, breakage in BREAKAGES.items():
            with breakage.trouble(world):
                tries[name] = world.call(*NIGHT, **breakage.settings(world))
        commits = len(world.journal())
        repaired = world.call(*NIGHT, "--json")
        yield Day(tries=tries, repaired=repaired, rows_charged=world.rows_charged(), commits_before_repair=commits)


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_is_wrong_is_said_in_one_line(day: Day, name: str) -> None:
    breakage, ended = BREAKAGES[name], day.tries[name]

    assert ended.exit_code == breakage.exit_code, ended.errors
    assert [word for word in breakage.words if word not in ended.errors] == []
    assert ended.errors.startswith("error: ")
    assert len(ended.errors.splitlines()) == breakage.flaws
    assert "Traceback" not in ended.errors + ended.output


def test_the_repaired_repeat_finishes_and_nothing_was_lost_or_paid_for_twice(day: Day) -> None:
    assert day.repaired.exit_code == 0, day.repaired.errors
    report = json.loads(day.repaired.output)
    known = round(LEADS * KNOWN_SHARE)
    assert (report["delivered"], report["created"], report["updated"]) == (LEADS + 1, LEADS - known, known)
    assert report["quarantined"] == 1  # the row that is no object
    assert day.rows_charged == LEADS + 1
    assert day.commits_before_repair == 0


def test_an_org_without_our_fields_is_told_which_and_served_once_it_has_them(
    tmp_path: Path, postgres_server: ServerAddress
) -> None:
    with temporary_world(postgres_server, tmp_path, edition="stock") as world:
        refused = world.call(*NIGHT)
        world.prepare_org()
        repaired = world.call(*NIGHT, "--json")

        assert refused.exit_code == 4
        assert len(refused.errors.splitlines()) == 1
        assert "Dievio_Lead_ID__c" in refused.errors
        assert "`lead-pipeline doctor` says what is wrong with each, and names the repair" in refused.errors
        assert repaired.exit_code == 0, repaired.errors
        assert json.loads(repaired.output)["delivered"] == LEADS + 1
        assert world.rows_charged() == LEADS + 1


@pytest.mark.parametrize(
    "command", [("sandbox", "up", "--salesforce-port"), ("sandbox", "up", "--dievio-port"), ("ui", "--port")]
)
def test_a_port_in_use_is_named(tmp_path: Path, database_dsn: str, command: tuple[str, ...]) -> None:
    with socket.socket() as holder, open_small_world(tmp_path, database_dsn, leads=0) as world:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]

        ended = world.call(*command, str(port))

    assert ended.exit_code == 1
    assert len(ended.errors.splitlines()) == 1
    assert str(port) in ended.errors
    assert "another one" in ended.errors

"""No person and no secret outside the product's own database: an ugly week, then a search through everything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from psycopg import sql

from lead_pipeline.config.loading import load_document
from lead_pipeline.sandbox import dievio_api, salesforce_org
from lead_pipeline.sandbox.embedded_postgres import ServerAddress, drop_database, ensure_database
from lead_pipeline.sandbox.salesforce_org import ConnectedApp
from lead_pipeline.sandbox.serving import ServerThread
from lead_pipeline_tests.end_to_end.small_worlds import call_command

COMMAND = str(Path(sys.executable).with_name("lead-pipeline"))
DAGSTER_DATABASE = "dagster"
GUESTS = 24

#: Words that stand nowhere but in the persons' data, by what they are. Domains are no secret: masks keep them.
PERSON_WORDS = {
    "given name": "Quibnorvex",
    "family name": "Zythrakopp",
    "mailbox": "qz.vexkopp",
    "phone": "3098712340",
    "title": "Chief Flumdrib Officer",
    "company": "Wopzanquell",
    "profile": "vexkopp-profile",
    "street": "Blarnsprocket Lane",
    "city": "Ottergrundel",
    "colleague of sales": "Snorvigbert",
}
SECRETS = {
    "Dievio key": "dv-key-7f3kq9xw2m",
    "wrong Dievio key": "dv-bad-5m1zt8rr4c",
    "client secret": "sf-secret-91xk4vbb7h",
    "wrong client secret": "sf-wrong-33pl0qzz6y",
}
RUINED_MESSAGE = "data value too large: Quibnorvex Zythrakopp, qz.vexkopp@wz-firm.com, +49 30 98712340"


def day(days_ago: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%d")


def guest(number: int, **changes: object) -> dict[str, object]:
    """A row made of canary words; each number is another person."""
    row = {
        "first_name": f"Quibnorvex{chr(97 + number)}",
        "last_name": f"Zythrakopp{chr(97 + number)}",
        "email": f"qz.vexkopp{number}@wz-firm.com",
        "email_status": "verified",
        "phone": f"+493098712340{number:02d}"[:14],
        "job_title": "Chief Flumdrib Officer",
        "company_name": "Wopzanquell GmbH",
        "company_domain": "wz-firm.com",
        "linkedin_url": f"https://www.linkedin.com/in/vexkopp-profile-{number}",
        "street": f"Blarnsprocket Lane {number}",
        "postal_code": "10115",
        "city": "Ottergrundel",
        "country": "Germany",
        **changes,
    }
    return {name: value for name, value in row.items() if value is not None}


def ugly_rows() -> list[object]:
    """Clean rows and every way a row of this size can go wrong."""
    return [
        *(guest(number) for number in range(GUESTS - 8)),
        guest(0, job_title="Flumdrib again"),  # a copy
        guest(16, last_name=None),  # quarantine
        guest(17, company_name=None),  # quarantine
        guest(18, last_name="Zythrakopp" * 12),  # too long for the org
        guest(19, email="qz.vexkopp@wz-firm.com;qz.vexkopp.two@wz-firm.com", linkedin_url=None),
        guest(20, first_name=None, last_name=None, full_name="Quibnorvex van Zythrakopp zu Ottergrundel"),
        guest(21, email=None, linkedin_url=None),  # weak identity
        "Quibnorvex Zythrakopp, qz.vexkopp@wz-firm.com",  # no object at all
    ]


@dataclass
class Week:
    """Two systems, a home, and everything the commands said."""

    environment: dict[str, str]
    home: Path
    server: ServerAddress
    salesforce: httpx.Client
    dievio: httpx.Client
    org_id: str
    output: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, expect: int, **environment: str) -> str:
        """Call the command line, keep what it says, and insist on how it ends."""
        ended = subprocess.run(
            [COMMAND, *arguments],
            env={**os.environ, **self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        self.output[f"{len(self.output)}: {' '.join(arguments)}"] = ended.stdout + ended.stderr
        assert ended.returncode == expect, ended.stdout + ended.stderr
        return ended.stdout

    def look(self, *arguments: str) -> None:
        """Call a command that only reads, without the cost of a process, and keep what it says."""
        ended = call_command(arguments, environment=self.environment)
        self.output[f"{len(self.output)}: {' '.join(arguments)}"] = ended.output + ended.errors
        assert ended.exit_code == 0, ended.output + ended.errors

    def fault(self, system: httpx.Client, kind: str, **rule: object) -> None:
        system.post("/_sandbox/faults", json={"kind": kind, **rule}).raise_for_status()

    def clear_faults(self) -> None:
        for system in (self.salesforce, self.dievio):
            system.delete("/_sandbox/faults").raise_for_status()

    def configure(self, name: str, document: Mapping[str, Any]) -> None:
        Path(self.environment["LEAD_PIPELINE_CONFIG_DIR"], f"{name}.yaml").write_text(yaml.safe_dump(dict(document)))


def segment() -> dict[str, object]:
    return {
        "description": "people of the test",
        "owner": "revops",
        "filters": {"person_location_country": ["Germany"]},
        "email_status": "all",
        "rows_per_night": 50,
        "credit_budget": 50,
        "include_phones": True,
        "page_size": 5,
    }


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory, postgres_server: ServerAddress) -> Iterator[Week]:
    """A week in which much goes wrong, told through the command line and a Dagster instance on Postgres."""
    root = tmp_path_factory.mktemp("privacy")
    config = root / "config"
    config.mkdir()
    name = f"privacy_{os.getpid()}"
    ensure_database(postgres_server, name)
    app = ConnectedApp(client_id="privacy-app", client_secret=SECRETS["client secret"])
    org = salesforce_org.create_app(connected_app=app)
    org.state.org.load("Lead", known_records())
    dievio = dievio_api.create_app(state_path=None, api_key=SECRETS["Dievio key"], seed_rows=ugly_rows())
    with (
        ServerThread(org) as org_server,
        ServerThread(dievio) as dievio_server,
        httpx.Client(base_url=org_server.base_url) as salesforce,
        httpx.Client(base_url=dievio_server.base_url) as seller,
    ):
        lived = Week(
            environment={
                "SALESFORCE_INSTANCE_URL": org_server.base_url,
                "SALESFORCE_CLIENT_ID": "privacy-app",
                "SALESFORCE_CLIENT_SECRET": SECRETS["client secret"],
                "DIEVIO_BASE_URL": dievio_server.base_url,
                "DIEVIO_API_KEY": SECRETS["Dievio key"],
                "LEAD_PIPELINE_DATABASE_URL": postgres_server.dsn(name),
                "LEAD_PIPELINE_HOME": str(root / "home"),
                "LEAD_PIPELINE_CONFIG_DIR": str(config),
            },
            home=root / "home",
            server=postgres_server,
            salesforce=salesforce,
            dievio=seller,
            org_id=org.state.org.id,
        )
        live_through(lived)
        yield lived
    drop_database(postgres_server, name)


def known_records() -> list[dict[str, object]]:
    """Records that make several candidates, and one that a rep typed."""
    person: dict[str, object] = {
        "FirstName": "Quibnorvexb",
        "LastName": "Zythrakoppb",
        "Company": "Wopzanquell GmbH",
        "Email": "qz.vexkopp1@wz-firm.com",
        "Owner_Notes__c": "Snorvigbert knows her",
    }
    return [person, dict(person), {**person, "Email": "qz.vexkopp2@wz-firm.com", "FirstName": "Quibnorvexc"}]


def live_through(week: Week) -> None:
    """Refused credentials, errors that quote people, an empty balance, a closed gate, a dead letter, and a good end."""
    week.configure("segments", {"segments": {"first": segment(), "second": segment()}})
    night = ("run", "--date", day(1))
    quoting = json.dumps([{"errorCode": "MALFORMED_QUERY", "message": RUINED_MESSAGE}])
    week.fault(week.salesforce, "status", route="composite", status=400, body=quoting)
    week.run(*night, expect=4, DIEVIO_API_KEY=SECRETS["wrong Dievio key"])
    week.clear_faults()
    quoting = json.dumps({"error": "bad_filter", "message": f"no such person: {RUINED_MESSAGE}"})
    week.fault(week.dievio, "status", route="search", status=422, body=quoting, times=1)
    week.dievio.put("/_sandbox/credits", json={"balance": 10}).raise_for_status()
    week.run(*night, "--json", expect=4, SALESFORCE_CLIENT_SECRET=SECRETS["wrong client secret"])
    week.dievio.put("/_sandbox/credits", json={"balance": 10_000}).raise_for_status()
    week.configure("gates", closed_gates())
    week.run(*night, "--json", expect=3)
    week.configure("gates", load_document("gates"))
    week.fault(
        week.salesforce, "partial_failure", route="composite/sobjects", record_index=3, code="STRING_TOO_LONG",
        message=RUINED_MESSAGE,
    )  # fmt: skip
    week.run(*night, "--json", expect=0)
    week.clear_faults()
    week.look("status", "--json")
    week.look("gates", "--json")
    week.look("report", "--json", "--html", str(week.home / "report.html"))


def closed_gates() -> dict[str, Any]:
    """The packaged gates with a risk box that no night fits into."""
    document: Any = load_document("gates")
    return {**document, "risk_box": {**document["risk_box"], "max_creates": 1}}


def places(week: Week) -> Iterator[tuple[str, str]]:
    """Everything that anybody but the product's own tables keeps, as (place, text)."""
    yield from week.output.items()
    for file in week.home.rglob("*"):
        if file.is_file():
            yield str(file.relative_to(week.home)), file.read_bytes().decode("utf-8", "replace")
    with psycopg.connect(week.server.dsn(DAGSTER_DATABASE)) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            rows = connection.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table)))
            yield f"dagster.{table}", "\n".join(row[0] for row in rows)


def find_words(week: Week, words: Mapping[str, str]) -> list[str]:
    return [
        f"{what} in {place}"
        for place, text in places(week)
        for what, word in words.items()
        if word.lower() in text.lower()
    ]


def test_the_week_was_as_ugly_as_intended(week: Week) -> None:
    with psycopg.connect(week.environment["LEAD_PIPELINE_DATABASE_URL"]) as connection:
        outcomes: dict[str, int] = dict(
            connection.execute("SELECT outcome, count(*) FROM lead_outcome GROUP BY 1").fetchall()
        )
        kept = connection.execute("SELECT string_agg(payload::text, '') FROM raw_lead").fetchone()

    assert {"created", "skipped", "review", "quarantine", "dead_letter"} <= set(outcomes)
    assert "bad_filter" in "".join(week.output.values())
    assert kept is not None
    assert all(word in kept[0] for what, word in PERSON_WORDS.items() if what != "colleague of sales")


def test_dagster_kept_runs_and_checks_of_the_week(week: Week) -> None:
    kept = dict(places(week))

    assert "core_leads__sync_plan__risk_box" in kept["dagster.event_logs"]
    assert any("compute_logs" in place for place in kept)
    assert len(kept["dagster.runs"].splitlines()) >= 4


def test_no_person_stands_outside_the_products_own_tables(week: Week) -> None:
    assert find_words(week, PERSON_WORDS) == []


def test_no_secret_and_no_session_stands_anywhere(week: Week) -> None:
    assert find_words(week, {**SECRETS, "session": f"{week.org_id[:15]}!"}) == []


def test_no_secret_reaches_the_products_own_tables_either(week: Week) -> None:
    with psycopg.connect(week.environment["LEAD_PIPELINE_DATABASE_URL"]) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        text = "\n".join(
            row[0]
            for (table,) in tables
            for row in connection.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table)))
        )

    assert [what for what, secret in SECRETS.items() if secret in text] == []

"""Takes the measurements: fills the sandbox, lets a contestant run in its own process, asks the org what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from lead_pipeline.sandbox.embedded_postgres import ServerAddress, ensure_database
from lead_pipeline.sandbox.scenarios.org_draft import salesforce_time
from lead_pipeline.sandbox.scenarios.volume import build_volume_scenario
from lead_pipeline_tests.bench.contestant_process import run_in_process
from lead_pipeline_tests.bench.contestants import Contestant, ContestantTask
from lead_pipeline_tests.bench.measurements import Result, RunMeasurement, SecondRun, count_duplicates
from lead_pipeline_tests.bench.rep_edits import make_edits, read_back_edits
from lead_pipeline_tests.bench.sandbox import BenchSandbox

ONE_DAY = timedelta(days=1)
TIME_BETWEEN_SAVES = timedelta(minutes=10)  # of the leads that were in the org before

# An org in use has some of each.
ACCOUNT = {"Name": "Existing Account"}
CONTACT = {"FirstName": "Existing", "LastName": "Contact", "Email": "existing.contact@account.example"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Laboratory:
    """What every measurement needs.

    Attributes:
        sandbox: The systems measured against.
        postgres: The server of the pipeline's databases.
        read_database_cpu: Returns the CPU seconds that this server has used so far.
        home: Directory for the state of the runs.
        existing_leads: Leads of other people that are in the org before.
        second_run_limit: Largest size at which the same rows are delivered again.
        profiles: Directory for profiles of the first runs; None measures without a profiler.
    """

    sandbox: BenchSandbox
    postgres: ServerAddress
    read_database_cpu: Callable[[], float | None]
    home: Path
    existing_leads: int
    second_run_limit: int
    profiles: Path | None = None


def measure_contestant(laboratory: Laboratory, contestant: Contestant, *, leads: int) -> Result:
    """Measure one contestant at one size: new leads first, then, where the limit allows, the same rows again.

    Raises:
        ContestantFailedError: Its process crashed.
    """
    sandbox = laboratory.sandbox
    second_night = datetime.now(UTC).date() - ONE_DAY  # the newest complete day, as a schedule would take
    first_night = second_night - ONE_DAY
    _fill_sandbox(laboratory, leads, night=first_night)
    first = _measure_run(laboratory, contestant, leads=leads, night=first_night)
    persons = leads + laboratory.existing_leads
    missing = max(0, persons - sandbox.live_leads())
    second = None
    if leads <= laboratory.second_run_limit and not first.problem:
        second = _measure_second_run(laboratory, contestant, leads=leads, night=second_night)
    return Result(contestant=contestant, leads=leads, first=first, missing=missing, second=second)


def _fill_sandbox(laboratory: Laboratory, leads: int, *, night: date) -> None:
    scenario = build_volume_scenario(leads, org_leads=laboratory.existing_leads, partition_on=night)
    for age, lead in enumerate(scenario.org_records["Lead"], start=1):
        # Records of one moment would all be read again with each look back; people save theirs at different times.
        lead["SystemModstamp"] = salesforce_time(datetime.combine(night, time(), tzinfo=UTC) - age * TIME_BETWEEN_SAVES)
    laboratory.sandbox.fill(scenario)
    laboratory.sandbox.load("Account", [ACCOUNT])
    laboratory.sandbox.load("Contact", [CONTACT])


def _measure_second_run(laboratory: Laboratory, contestant: Contestant, *, leads: int, night: date) -> SecondRun:
    """Let a rep correct some records, deliver the same rows once more, and look what is left of the corrections."""
    sandbox = laboratory.sandbox
    with sandbox.sign_in("rep") as rep:
        edits = make_edits(rep)
        run = _measure_run(laboratory, contestant, leads=leads, night=night)
        kept = read_back_edits(rep, edits)
    persons = leads + laboratory.existing_leads
    return SecondRun(
        run=run,
        duplicates=count_duplicates(sandbox.live_leads(), persons=persons),
        edits=len(edits),
        edits_kept=kept,
    )


def _measure_run(laboratory: Laboratory, contestant: Contestant, *, leads: int, night: date) -> RunMeasurement:
    task = _task(laboratory, contestant, leads=leads, night=night)
    profile = laboratory.profiles / f"{contestant}_{leads}_{night}.pstats" if laboratory.profiles else None
    laboratory.sandbox.clear_counts()
    has_database = contestant is Contestant.PIPELINE  # what the server does while others run is none of theirs
    database_cpu = laboratory.read_database_cpu() if has_database else None
    answer = run_in_process(contestant, task, profile=profile)
    return RunMeasurement(
        calls=laboratory.sandbox.salesforce_calls(),
        startup_cpu_seconds=answer.startup_cpu_seconds,
        cpu_seconds=answer.cpu_seconds,
        database_cpu_seconds=_since(database_cpu, laboratory.read_database_cpu()),
        wall_seconds=answer.wall_seconds,
        credits=laboratory.sandbox.credits_charged(),
        written=answer.counts.written,
        refused=answer.counts.refused,
        problem=answer.counts.problem,
    )


def _since(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _task(laboratory: Laboratory, contestant: Contestant, *, leads: int, night: date) -> ContestantTask:
    addresses = laboratory.sandbox.addresses
    name = f"{contestant}_{leads}"
    home = laboratory.home / name
    home.mkdir(parents=True, exist_ok=True)
    ensure_database(laboratory.postgres, name)
    return ContestantTask(
        leads=leads,
        filters=build_volume_scenario(0).segments[0].filters,
        night_on=night.isoformat(),
        salesforce_url=addresses.salesforce_url,
        client_id=addresses.salesforce_client_id,
        client_secret=addresses.salesforce_client_secret,
        dievio_url=addresses.dievio_url,
        dievio_api_key=addresses.dievio_api_key,
        home=str(home),
        database_url=laboratory.postgres.dsn(name),
    )

"""How fast the emulated org itself is: whatever stands on it cannot be measured faster."""

from __future__ import annotations

import csv
import io
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import httpx

from lead_pipeline.sandbox.scenarios.volume import build_volume_scenario
from lead_pipeline_tests.bench.sandbox import BenchSandbox, query

LOAD_STEP = 20_000  # leads made at a time, so that a million never lie in memory at once
INGEST_ROWS = 10_000
SINGLE_CREATES = 500
QUERY_PAGES = 5
POLL_SECONDS = 0.05
MILLISECONDS = 1_000
OBJECT_PATH = "/services/data/v66.0/sobjects/Lead"
JOBS_PATH = "/services/data/v66.0/jobs/ingest"
FIELDS = ("FirstName", "LastName", "Company", "Title", "Email", "Phone", "Website")
POLLING_QUERY = (
    f"SELECT Id, {', '.join(FIELDS)}, Status, OwnerId, SystemModstamp FROM Lead "
    "WHERE SystemModstamp >= 2000-01-01T00:00:00Z ORDER BY SystemModstamp, Id"
)


class IngestFailedError(RuntimeError):
    """The org did not take every row of the Bulk job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgSpeed:
    """The org's figures at one size, each with one client on the same machine.

    Attributes:
        org_leads: Leads in the org while it was measured.
        load_rows_per_second: Seeding through the control plane.
        start_seconds: From the start of the process to the first answer, with all leads in its file.
        query_page_ms: Median of pages of 2,000 rows, in the order that polling uses.
        slowest_query_page_ms: The slowest of them.
        ingest_rows_per_second: One Bulk 2.0 job, upload to completion.
        creates_per_second: Creates one by one.
    """

    org_leads: int
    load_rows_per_second: float
    start_seconds: float
    query_page_ms: float
    slowest_query_page_ms: float
    ingest_rows_per_second: float
    creates_per_second: float


def measure_org_speed(home: Path, *, org_leads: int) -> OrgSpeed:
    """Fill an org, start it anew and measure it.

    Args:
        home: Directory of its state.
        org_leads: Leads it holds.
    """
    with BenchSandbox(home) as sandbox:
        load_seconds = _load(sandbox, org_leads)
    started = time.perf_counter()
    with BenchSandbox(home) as sandbox:
        start_seconds = time.perf_counter() - started
        people = _new_people()
        with sandbox.sign_in("integration") as org:
            pages = _time_query_pages(org)
            ingest = INGEST_ROWS / _time_ingest(org, list(islice(people, INGEST_ROWS)))
            creates = SINGLE_CREATES / _time_creates(org, list(islice(people, SINGLE_CREATES)))
    return OrgSpeed(
        org_leads=org_leads,
        load_rows_per_second=org_leads / load_seconds,
        start_seconds=start_seconds,
        query_page_ms=statistics.median(pages) * MILLISECONDS,
        slowest_query_page_ms=max(pages) * MILLISECONDS,
        ingest_rows_per_second=ingest,
        creates_per_second=creates,
    )


def _load(sandbox: BenchSandbox, org_leads: int) -> float:
    """Fill the org and return the seconds of loading alone, without those of inventing the people."""
    seconds = 0.0
    for step, start in enumerate(range(0, org_leads, LOAD_STEP)):
        scenario = build_volume_scenario(0, seed=step, org_leads=min(LOAD_STEP, org_leads - start))
        if step == 0:
            sandbox.load("User", scenario.org_records["User"])
        # each step counts its people from one, so the org has to give the ids
        records = [
            {name: value for name, value in lead.items() if name != "Id"} for lead in scenario.org_records["Lead"]
        ]
        started = time.perf_counter()
        sandbox.load("Lead", records)
        seconds += time.perf_counter() - started
    return seconds


def _new_people() -> Iterator[dict[str, str]]:
    """Return fields of people who are not in the org: a host name of their own keeps their addresses apart."""
    scenario = build_volume_scenario(0, org_leads=INGEST_ROWS + SINGLE_CREATES)
    for lead in scenario.org_records["Lead"]:
        fields = {name: str(lead[name]) for name in FIELDS}
        yield {**fields, "Email": f"new.{fields['Email']}"}


def _time_query_pages(org: httpx.Client) -> list[float]:
    """Return the seconds of the first pages of a polling query."""
    started = time.perf_counter()
    page = query(org, POLLING_QUERY)
    seconds = [time.perf_counter() - started]
    while not page["done"] and len(seconds) < QUERY_PAGES:
        started = time.perf_counter()
        answer = org.get(page["nextRecordsUrl"])
        page = answer.raise_for_status().json()
        seconds.append(time.perf_counter() - started)
    return seconds


def _time_ingest(org: httpx.Client, people: list[dict[str, str]]) -> float:
    """Return the seconds of one Bulk job, from its upload to its completion."""
    content = _csv(people)
    job = org.post(JOBS_PATH, json={"object": "Lead", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"})
    path = f"{JOBS_PATH}/{job.raise_for_status().json()['id']}"
    started = time.perf_counter()
    org.put(f"{path}/batches", content=content, headers={"Content-Type": "text/csv"}).raise_for_status()
    org.patch(path, json={"state": "UploadComplete"}).raise_for_status()
    state = org.get(path).json()
    while state["state"] in {"UploadComplete", "InProgress"}:
        time.sleep(POLL_SECONDS)
        state = org.get(path).json()
    if state["state"] != "JobComplete" or state["numberRecordsFailed"]:
        raise IngestFailedError(f"the job ended as {state['state']} with {state['numberRecordsFailed']} failed rows")
    return time.perf_counter() - started


def _time_creates(org: httpx.Client, people: list[dict[str, str]]) -> float:
    started = time.perf_counter()
    for person in people:
        org.post(OBJECT_PATH, json=person).raise_for_status()
    return time.perf_counter() - started


def _csv(people: list[dict[str, str]]) -> bytes:
    target = io.StringIO(newline="")
    writer: csv.DictWriter[str] = csv.DictWriter(target, FIELDS, lineterminator="\n")
    writer.writeheader()
    rows: list[Mapping[str, str]] = [*people]
    writer.writerows(rows)
    return target.getvalue().encode()

"""One night in a process of its own: the services of the asset graph in their order, watched, with their gates.

The process is forked from one that has everything imported, so that it starts in milliseconds; it is a process like any
other, with connections of its own, and can be killed at any moment.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from multiprocessing.connection import Connection

import httpx
import psycopg
from pydantic import SecretStr

from lead_pipeline.config.pipeline import PipelineConfig, load_pipeline_config
from lead_pipeline.connections import Connections, salesforce_credentials
from lead_pipeline.dievio.client import DievioClient
from lead_pipeline.dievio.options import DievioOptions
from lead_pipeline.domain.segments import Segment
from lead_pipeline.errors import LeadPipelineError
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.services.enriching.enrich import enrich_batch
from lead_pipeline.services.gates import GATES, evaluate_gate, require_gates
from lead_pipeline.services.hand_over import hand_over_session
from lead_pipeline.services.match import match_batch
from lead_pipeline.services.normalize import normalize_batch
from lead_pipeline.services.plan import plan_batch
from lead_pipeline.services.pull import pull_segments
from lead_pipeline.services.read_back import read_back
from lead_pipeline.services.refresh_directory import refresh_directory
from lead_pipeline.services.write import DirectoryPlans, open_session, write_session
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline.services.writing.org_guard import OrgGuard
from lead_pipeline.services.writing.ports import CrashPoint, WriteSession, WriteTools
from lead_pipeline.settings import load_settings
from lead_pipeline.store.database import Database
from lead_pipeline.transport.retries import BATCH_RETRIES, Retries
from lead_pipeline_tests.reliability.crash_points import Moment, Watch, WatchedAdapter, WatchedDatabase

# The servers speak plain HTTP on the loopback; reading the system's certificates costs a client a tenth of a second.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNHURRIED = DievioOptions(calls_per_second=1_000, burst_calls=1_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class NightOrder:
    """What a night's process is told; `environment` are the product's settings."""

    environment: Mapping[str, str]
    batch_id: str
    run_id: str
    segments: tuple[Segment, ...]
    limits: WriteLimits = field(default_factory=WriteLimits)
    death: Moment | None = None
    victim: int | None = None  # process to kill; the night's own unless given
    is_patient: bool = False  # waits for real, so that the looks at a job are as many as people see


@dataclass(frozen=True, slots=True, kw_only=True)
class NightEnd:
    """How a night ended that lived to tell it.

    Attributes:
        is_complete: Every row has its outcome, no write is open, every gate has passed, nobody waits for an owner.
        error: Class and message of what ended it.
        stage: The stage in which it ended.
        passed: How often each place was passed.
        waited_seconds: What it waited, on the sandbox's clock.
        salesforce_calls: Calls it made to the org.
        calls_by_stage: Stage -> calls it made to the org in it.
        planned_calls: Calls that its plan stated.
        created: Records it created.
        updated: Records it updated.
        failed_gates: Gates that did not pass.
    """

    is_complete: bool = False
    error: str = ""
    stage: str = ""
    passed: Mapping[str, int] = field(default_factory=dict)
    waited_seconds: float = 0.0
    salesforce_calls: int = 0
    calls_by_stage: Mapping[str, int] = field(default_factory=dict)
    planned_calls: int = 0
    created: int = 0
    updated: int = 0
    failed_gates: tuple[str, ...] = ()


class SharedClock:
    """The org's clock: waiting moves it on, so that no test waits for a second to be over."""

    def __init__(self, salesforce_url: str, *, is_patient: bool = False) -> None:
        self._is_patient = is_patient
        self._http = httpx.Client(base_url=salesforce_url, trust_env=False, verify=NO_CERTIFICATES)
        self._offset = self._read_offset(self._http.get("/_sandbox/clock"))
        self.waited_seconds = 0.0

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        return datetime.now(UTC) + self._offset

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass for everybody."""
        self.waited_seconds += seconds
        if self._is_patient:
            time.sleep(seconds)
            return
        self._offset = self._read_offset(self._http.put("/_sandbox/clock", json={"advance_seconds": seconds}))

    @staticmethod
    def _read_offset(answer: httpx.Response) -> timedelta:
        return datetime.fromisoformat(answer.raise_for_status().json()["now"]) - datetime.now(UTC)


class WatchedConnections(Connections):
    """The clients of one night, every one of them watched."""

    def __init__(self, order: NightOrder, watch: Watch) -> None:
        super().__init__(load_settings(order.environment))
        self._order = order
        self._watch = watch
        self.clock = SharedClock(order.environment["SALESFORCE_INSTANCE_URL"], is_patient=order.is_patient)
        self.retries = Retries(BATCH_RETRIES, sleep=self.clock.wait)

    def now(self) -> datetime:
        """Return the present moment of the sandbox."""
        return self.clock.now()

    @cached_property
    def config(self) -> PipelineConfig:
        """The packaged configuration, with the saved searches of this world."""
        return replace(load_packaged_config(), segments=self._order.segments)

    @cached_property
    def database(self) -> Database:
        """The product's database, its tables already there."""
        return WatchedDatabase(self._order.environment["LEAD_PIPELINE_DATABASE_URL"], self._watch)

    @cached_property
    def dievio(self) -> DievioClient:
        """The source of leads, without a pace to keep."""
        settings = self._order.environment
        return DievioClient(settings["DIEVIO_BASE_URL"], SecretStr(settings["DIEVIO_API_KEY"]), options=UNHURRIED)

    @cached_property
    def salesforce(self) -> SalesforceClient:
        """The org."""
        client = connect(salesforce_credentials(self.settings), retries=self.retries, now=self.now)
        client._calls.session.mount("http://", WatchedAdapter(self._watch))
        return client


@cache
def load_packaged_config() -> PipelineConfig:
    """Read the packaged configuration once."""
    return load_pipeline_config(None)


def run_night(order: NightOrder, answer: Connection) -> None:
    """Run a night to its end and tell how it ended: the whole life of a process."""
    watch = Watch(order.death, victim=order.victim)
    with WatchedConnections(order, watch) as connections:
        night = _Night(order, connections, watch)
        try:
            night.run()
        except (LeadPipelineError, psycopg.Error) as error:
            night.end = replace(night.end, error=f"{type(error).__name__}: {error}", is_complete=False)
        answer.send(
            replace(
                night.end,
                stage=watch.stage,
                passed=dict(watch.passed),
                waited_seconds=connections.clock.waited_seconds,
                salesforce_calls=connections.calls().get("salesforce", 0),
                failed_gates=tuple(night.failed_gates),
            )
        )


class _Night:
    """The stages in their order; each ends with its gates, as in the asset graph."""

    def __init__(self, order: NightOrder, connections: WatchedConnections, watch: Watch) -> None:
        self.end = NightEnd()
        self.failed_gates: list[str] = []
        self._order = order
        self._of = connections
        self._watch = watch

    def run(self) -> None:
        """Run every stage; a closed gate ends the night where the product itself asks for it."""
        self._stage("pull", self._pull, gates="raw")
        self._stage("directory", self._mirror, gates="directory")
        self._stage("normalize", self._normalize, gates="stg")
        self._stage("enrich", self._enrich, gates="enrichments")
        self._stage("match", self._match, gates="matches")
        self._stage("plan", self._plan, gates="plan")
        self._stage("write", self._write, gates="writes")
        self._stage("read_back", self._read_back, gates="readback")
        self._stage("hand_over", self._hand_over, gates="handover")
        self.end = replace(self.end, is_complete=self.end.is_complete and not self.failed_gates)

    def _stage(self, name: str, work: Callable[[], None], *, gates: str) -> None:
        self._watch.stage = name
        before = self._of.calls().get("salesforce", 0)
        work()
        made = self._of.calls().get("salesforce", 0) - before
        self.end = replace(self.end, calls_by_stage={**self.end.calls_by_stage, name: made})
        for gate in (gate for gate in GATES.values() if gate.stage == gates):
            result = evaluate_gate(
                self._of.database,
                gate.name,
                batch_id=self._order.batch_id,
                run_id=self._order.run_id,
                now=self._of.now,
                config=self._of.config.gates,
            )
            if not result.passed and gate.is_blocking:
                self.failed_gates.append(gate.name)
            self._watch.reach("in_gates")

    def _pull(self) -> None:
        pull_segments(
            self._of.database,
            self._of.dievio,
            self._of.config.segments,
            batch_id=self._order.batch_id,
            now=self._of.now,
            retries=self._of.retries,
        )

    def _mirror(self) -> None:
        refresh_directory(
            self._of.database, self._of.salesforce, fields_by_object=self._of.config.fields_by_object, now=self._of.now
        )

    def _normalize(self) -> None:
        normalize_batch(
            self._of.database,
            self._of.config.source,
            owners=self._of.config.owners,
            batch_id=self._order.batch_id,
            now=self._of.now,
            org_vocabulary=self._of.org_vocabulary(),
        )

    def _enrich(self) -> None:
        enrich_batch(
            self._of.database,
            self._of.enrichment_providers(),
            self._of.config.enrichment,
            batch_id=self._order.batch_id,
            now=self._of.now,
            retries=self._of.retries,
        )

    def _match(self) -> None:
        match_batch(self._of.database, self._of.config.matching, batch_id=self._order.batch_id, now=self._of.now)

    def _plan(self) -> None:
        summary = plan_batch(
            self._of.database, self._of.config.mappings, batch_id=self._order.batch_id, now=self._of.now
        )
        self.end = replace(self.end, planned_calls=summary.calls.total)

    def _write(self) -> None:
        require_gates(self._of.database, batch_id=self._order.batch_id, stage="writes")
        rules = self._of.write_rules()
        plans = DirectoryPlans(
            self._of.database, self._of.salesforce, rules, batch_id=self._order.batch_id, now=self._of.now
        )
        guard = OrgGuard(self._of.database, self._of.salesforce, rules.mappings)
        with self._session() as session:
            summary = write_session(
                replace(session, guard=guard, fields=plans), plans, holding_queue=rules.holding_queue
            )
        self.end = replace(
            self.end,
            is_complete=summary.is_complete,
            created=summary.created_by_run,
            updated=summary.updated_by_run,
            error=summary.stopped_reason,
        )

    def _read_back(self) -> None:
        read_back(
            self._of.database,
            self._of.salesforce,
            self._of.write_rules(),
            batch_id=self._order.batch_id,
            now=self._of.now,
            wait=self._of.clock.wait,
        )

    def _hand_over(self) -> None:
        require_gates(self._of.database, batch_id=self._order.batch_id, stage="handover")
        with self._session() as session:
            summary = hand_over_session(session, self._of.salesforce, self._of.config.routing)
        is_done = not summary.waiting and not summary.without_owner and not summary.refused
        self.end = replace(self.end, is_complete=self.end.is_complete and is_done)

    def _session(self) -> AbstractContextManager[WriteSession]:
        tools = WriteTools(now=self._of.now, wait=self._of.clock.wait, reach=self._reach)
        return open_session(
            self._of.database,
            self._of.salesforce,
            tools,
            self._order.limits,
            batch_id=self._order.batch_id,
            run_id=self._order.run_id,
            actor="reliability",
        )

    def _reach(self, point: CrashPoint) -> None:
        self._watch.reach(point.value)

"""Use cases: look records of the org up again - the stale ones, single ones on demand, those that wait for a retry.

Each makes a batch whose rows are the records themselves and sends it the way of every other batch: normalized,
enriched, matched, planned, gated, written, read back. Only what a provider answered is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from lead_pipeline.domain.enrichment.policy import RECORD, EnrichmentPolicy
from lead_pipeline.domain.enrichment.records import row_of_record
from lead_pipeline.domain.extraction import SourceMapping
from lead_pipeline.domain.normalize.linkedin import read_linkedin
from lead_pipeline.domain.ownership import OwnerRules
from lead_pipeline.errors import LeaseHeldError, UnknownSubjectError
from lead_pipeline.services.enriching.enrich import ON_DEMAND, EnrichSummary, enrich_batch
from lead_pipeline.services.enriching.ports import EnrichmentProvider
from lead_pipeline.services.gates import GATES, evaluate_gates
from lead_pipeline.services.hand_over import hand_over
from lead_pipeline.services.match import match_batch
from lead_pipeline.services.normalize import normalize_batch
from lead_pipeline.services.plan import plan_batch
from lead_pipeline.services.read_back import read_back
from lead_pipeline.services.refresh_directory import refresh_directory
from lead_pipeline.services.report import build_report
from lead_pipeline.services.reworking import Rework
from lead_pipeline.services.write import WriteSummary, write_batch
from lead_pipeline.services.writing.limits import REALTIME_LIMITS
from lead_pipeline.services.writing.ports import WriteTools
from lead_pipeline.store import refreshes as store
from lead_pipeline.store.pulls import add_batch
from lead_pipeline.store.refreshes import RecordToRefresh
from lead_pipeline.transport.retries import Retries

CRM_REFRESH, RETRY = "crm_refresh", "retry"
ABANDONED_AFTER = timedelta(hours=1)  # a batch of 10,000 records takes minutes
MOST_RETRIES = 1_000  # people a retry takes up at once; it comes again soon


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Who looks records up again, with what.

    Attributes:
        work: Database, org, rules, clock and run, as for every other work on rows.
        providers: Name -> enrichment provider.
        policy: Who is asked about, what it may cost, how sure an answer has to be.
        source: How a record is read as a row: the source `directory`.
        owners: Who looks after rows that cannot go on.
        org_vocabulary: Canonical field -> picklist values of the org; asked after the directory was refreshed.
        retries: How often a paid call is tried; the batch rule unless given.
    """

    work: Rework
    providers: Mapping[str, EnrichmentProvider]
    policy: EnrichmentPolicy
    source: SourceMapping
    owners: OwnerRules
    org_vocabulary: Callable[[], Mapping[str, frozenset[str]]] = dict
    retries: Retries | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSummary:
    """What a refresh did."""

    batch_id: str
    records: int
    enrichment: EnrichSummary | None = None
    write: WriteSummary | None = None
    failed_gates: tuple[str, ...] = field(default_factory=tuple)

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster."""
        return {
            "batch_id": self.batch_id,
            "records": self.records,
            **(self.enrichment.as_metadata() if self.enrichment else {}),
            **(self.write.as_metadata() if self.write else {}),
            "failed_gates": ", ".join(self.failed_gates),
        }


def refresh_stale_records(refresh: Refresh, *, batch_id: str) -> RefreshSummary:
    """Look the stale records of the org up again, the oldest first. Repeating a batch goes on with its records."""
    work, policy = refresh.work, refresh.policy

    def choose() -> list[RecordToRefresh]:
        at = work.now()
        with work.database.connect() as connection:
            return store.list_stale_records(
                connection,
                stale_before=at - policy.max_age[RECORD],
                left_alone_after=at - policy.recheck_age,
                most=policy.refresh_records,
            )

    return _run(refresh, choose, batch_id=batch_id, source=CRM_REFRESH, reason=CRM_REFRESH)


def retry_parked(refresh: Refresh, *, batch_id: str) -> RefreshSummary:
    """Ask again about people whose provider did not answer, as far as they have a record by now."""
    work = refresh.work

    def choose() -> list[RecordToRefresh]:
        with work.database.connect() as connection:
            people = store.list_due_retries(connection, at=work.now(), most=MOST_RETRIES)
            return store.list_records_of(connection, people)

    return _run(refresh, choose, batch_id=batch_id, source=CRM_REFRESH, reason=RETRY)


def look_up_one(
    refresh: Refresh, *, batch_id: str, linkedin_url: str | None = None, dievio_lead_id: str | None = None
) -> RefreshSummary:
    """Look one person of the org up now, whatever audience and age say; a person just answered about costs nothing.

    Somebody waits for it: a locked record is tried again within seconds, then it is a dead letter.

    Raises:
        UnknownSubjectError: The address names no profile, or no record of the org is this person; nothing is asked.
    """
    slug = read_linkedin(linkedin_url).slug if linkedin_url else None

    def choose() -> list[RecordToRefresh]:
        with refresh.work.database.connect() as connection:
            if slug is not None:
                records = store.list_records_by_profile(connection, slug)
            else:
                records = store.list_records_of(connection, [dievio_lead_id] if dievio_lead_id else [])
        if not records:
            raise UnknownSubjectError("LinkedIn profile" if linkedin_url else "lead id")
        return records[:1]

    hurried = replace(refresh, work=refresh.work.within(REALTIME_LIMITS))
    return _run(hurried, choose, batch_id=batch_id, source=ON_DEMAND, reason=ON_DEMAND)


def finish_unfinished(refresh: Refresh) -> tuple[RefreshSummary, ...]:
    """Go on with batches that an outage, a spent share of calls or a death ended before their end, the oldest first.

    What was bought for them would otherwise wait until it is stale again. One that another process works on is left.
    """
    begun_before = refresh.work.now() - ABANDONED_AFTER
    with refresh.work.database.connect() as connection:
        unfinished = store.list_unfinished(connection, {CRM_REFRESH, ON_DEMAND}, begun_before=begun_before)
    finished = []
    for batch_id, source in unfinished.items():
        with suppress(LeaseHeldError):
            finished.append(_run(refresh, list, batch_id=batch_id, source=source, reason=source))
    return tuple(finished)


def _run(
    refresh: Refresh, choose: Callable[[], Sequence[RecordToRefresh]], *, batch_id: str, source: str, reason: str
) -> RefreshSummary:
    """Send a batch of records the whole way; a closed gate ends it with its name."""
    work, started_at = refresh.work, refresh.work.now()
    database, rules = work.database, work.rules.write
    refresh_directory(database, work.salesforce, fields_by_object=rules.fields_by_object, now=work.now)
    records = _deliver(refresh, choose, batch_id=batch_id, source=source)
    if not records:
        return RefreshSummary(batch_id=batch_id, records=0)
    normalize_batch(
        database,
        refresh.source,
        owners=refresh.owners,
        batch_id=batch_id,
        now=work.now,
        org_vocabulary=refresh.org_vocabulary(),
    )
    failed = _look(work, batch_id, "raw", "stg", "directory")
    enrichment = enrich_batch(
        database,
        refresh.providers,
        refresh.policy,
        batch_id=batch_id,
        now=work.now,
        reason=reason,
        retries=refresh.retries,
    )
    match_batch(database, rules.matching, batch_id=batch_id, now=work.now)
    plan_batch(database, rules.mappings, batch_id=batch_id, now=work.now, companies=rules.companies)
    failed += _look(work, batch_id, "enrichments", "matches", "plan")
    written = None
    if not failed:
        written, failed = _write(work, batch_id)
    build_report(database, batch_id=batch_id, run_id=work.run_id, started_at=started_at, now=work.now)
    return RefreshSummary(
        batch_id=batch_id, records=records, enrichment=enrichment, write=written, failed_gates=tuple(failed)
    )


def _deliver(refresh: Refresh, choose: Callable[[], Sequence[RecordToRefresh]], *, batch_id: str, source: str) -> int:
    """Make the batch of its records, once; return how many rows it has."""
    work = refresh.work
    with work.database.connect() as connection:
        if (count := store.count_rows(connection, batch_id)) > 0:
            return count
    records = choose()
    mappings = work.rules.write.mappings
    rows = [
        row_of_record(one.fields, mappings.for_object(one.object_name), salesforce_id=one.salesforce_id)
        for one in records
    ]
    with work.database.transaction() as connection:
        if rows:
            add_batch(connection, batch_id, source=source, at=work.now())
            store.add_rows(connection, rows, batch_id=batch_id, segment=source, at=work.now())
    return len(rows)


def _write(work: Rework, batch_id: str) -> tuple[WriteSummary, list[str]]:
    """Write, read back and end the batch; return what was written and the gates that failed behind it."""
    rules = work.rules.write
    written = write_batch(
        work.database,
        work.salesforce,
        rules,
        batch_id=batch_id,
        run_id=work.run_id,
        actor=work.actor,
        tools=WriteTools(now=work.now, wait=work.wait),
    )
    failed = _look(work, batch_id, "writes")
    if failed:
        return written, failed
    read_back(work.database, work.salesforce, rules, batch_id=batch_id, now=work.now, wait=work.wait)
    failed = _look(work, batch_id, "readback")
    if not failed:
        hand_over(
            work.database,
            work.salesforce,
            work.rules.routing,
            batch_id=batch_id,
            run_id=work.run_id,
            actor=work.actor,
            now=work.now,
        )
        failed = _look(work, batch_id, "handover")
    return written, failed


def _look(work: Rework, batch_id: str, *stages: str) -> list[str]:
    """Evaluate the gates of some stages and return the blocking ones that failed.

    Drift of keys is no question here: the rows are our own.
    """
    names = [name for name, gate in GATES.items() if gate.stage in stages and not name.endswith("__drift")]
    results = evaluate_gates(
        work.database,
        names,
        batch_id=batch_id,
        run_id=work.run_id,
        now=work.now,
        config=replace(work.rules.gates, source=None),
    )
    return [result.gate for result in results if result.is_blocking and not result.passed]

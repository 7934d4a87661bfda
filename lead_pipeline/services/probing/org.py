"""Writes a handful of leads into a test org and tells whether it keeps what the write protocol rests on.

An org in production is refused before anything is written. Whatever happens, the probe's own records are taken away
again; what they are is known by ids that were minted for this probe alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal, Protocol

from lead_pipeline.domain.directory_fields import read_moment
from lead_pipeline.domain.findings import Finding, Severity
from lead_pipeline.domain.record_answers import ConditionalUpdate, RecordAnswer
from lead_pipeline.domain.write_protocol import EXTERNAL_ID_FIELD, RECEIPT_FIELD
from lead_pipeline.errors import ConfigurationError, LeadPipelineError
from lead_pipeline.salesforce.probe_records import PROBE_MARK
from lead_pipeline.salesforce.records import Record
from lead_pipeline.salesforce.soql import allowed_names, soql
from lead_pipeline.services.writing.ports import JobProgress, JobRow

ORGANIZATION = "SELECT Id, IsSandbox FROM Organization"
_STAMP = "SELECT LastModifiedDate FROM Lead WHERE {key} = {external_id}"
EARLIER = timedelta(hours=1)  # before the record was made: no condition may hold
MAX_LOOKS = 30  # at the Bulk job; with a pause of two seconds a minute
PAUSE_SECONDS = 2.0
SUBJECT = "Salesforce probe"


class ProbedOrg(Protocol):
    """The part of the Salesforce client that a probe tries, as the integration user."""

    @property
    def calls(self) -> int:
        """Calls sent so far."""

    def query(self, soql: str) -> Iterator[Record]:
        """Yield the records of a query."""

    def insert_records(self, object_name: str, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        """Create records, one answer each."""

    def update_conditionally(self, object_name: str, updates: Sequence[ConditionalUpdate]) -> list[RecordAnswer]:
        """Update records that nobody changed since they were read."""

    def create_bulk_job(self, object_name: str, operation: Literal["insert", "update"]) -> str:
        """Open a job."""

    def upload_bulk_rows(self, job_id: str, records: Sequence[Mapping[str, object]]) -> None:
        """Upload its rows."""

    def close_bulk_job(self, job_id: str) -> object:
        """Let the org begin."""

    def read_bulk_job(self, job_id: str) -> JobProgress:
        """Return where it stands."""

    def read_bulk_results(self, job_id: str, kind: Literal["successful", "failed"]) -> Iterator[JobRow]:
        """Yield the rows of a result file."""


class Cleaner(Protocol):
    """Somebody who may delete a probe's own records."""

    def remove(self, external_ids: Collection[str]) -> int:
        """Delete the leads with these external ids and return how many."""

    def find(self, external_ids: Collection[str]) -> tuple[str, ...]:
        """Return the ids of those that are still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgProbe:
    """What a probe found, and what it cost."""

    findings: tuple[Finding, ...]
    made: int = 0  # leads
    removed: int = 0
    calls: int = 0  # of the integration user


def require_test_org(*orgs: Callable[[str], Iterator[Record]]) -> None:
    """Refuse a probe of an org in production, or of two orgs at once.

    Args:
        orgs: The query of each client that is to take part.

    Raises:
        ConfigurationError: One of them is not signed in to a sandbox org, or they are signed in to different ones.
    """
    records = [next(query(ORGANIZATION), {}) for query in orgs]
    if not all(record.get("IsSandbox") is True for record in records):
        raise ConfigurationError(
            "SALESFORCE_INSTANCE_URL",
            what="does not lead to a sandbox org, and a probe writes records",
            repair="Point it at a sandbox org; in production `lead-pipeline doctor` without --probe reads only",
        )
    if len({record.get("Id") for record in records}) > 1:
        raise ConfigurationError(
            "SALESFORCE_ADMIN_ACCESS_TOKEN",
            what="belongs to another org than the integration user",
            repair="Set it to the token of an admin of the same sandbox org, who takes the probe's records away again",
        )


def probe_org(salesforce: ProbedOrg, cleaner: Cleaner, *, token: str, wait: Callable[[float], None]) -> OrgProbe:
    """Try what the write protocol rests on, and take away what was made for it.

    Args:
        salesforce: A test org, as the integration user; `require_test_org` has looked at it.
        cleaner: Somebody who may delete there.
        token: Makes the probe's ids its own, e.g. twelve random letters.
        wait: Pauses for so many seconds.
    """
    trial = _Trial(salesforce, cleaner, token=token, wait=wait)
    calls_before = salesforce.calls
    findings: list[Finding] = []
    try:
        findings += trial.run()
    except LeadPipelineError as error:
        findings.append(_broken(str(error)))
    finally:
        left = trial.clean_up()
    if left:
        findings.append(_left_over(left))
    return OrgProbe(
        findings=tuple(findings),
        made=trial.made,
        removed=trial.removed,
        calls=salesforce.calls - calls_before,
    )


class _Trial:
    """The steps of one probe, and the records it has made so far."""

    def __init__(self, salesforce: ProbedOrg, cleaner: Cleaner, *, token: str, wait: Callable[[float], None]) -> None:
        self._salesforce = salesforce
        self._cleaner = cleaner
        self._wait = wait
        self._first, self._second = f"{PROBE_MARK}{token}-1", f"{PROBE_MARK}{token}-2"
        self.external_ids = (self._first, self._second)
        self.made = self.removed = 0

    def run(self) -> Iterator[Finding]:
        """Try everything; without a first record there is nothing to try on."""
        (answer,) = self._insert(self._first)
        yield _inserted(answer)
        if not answer.is_done or answer.salesforce_id is None:
            return
        yield self._update(answer.salesforce_id)
        yield self._load_in_bulk()
        yield self._insert_after_delete()

    def clean_up(self) -> tuple[str, ...]:
        """Take away what was made, and return what could not be: record ids, or our ids when nobody can tell."""
        try:
            self.removed += self._cleaner.remove(self.external_ids)
            return self._cleaner.find(self.external_ids)
        except LeadPipelineError:
            return self.external_ids

    def _insert(self, external_id: str) -> list[RecordAnswer]:
        answers = self._salesforce.insert_records("Lead", [_lead(external_id)])
        self.made += sum(answer.is_done for answer in answers)
        return answers

    def _update(self, record_id: str) -> Finding:
        """Update with a condition that holds, then with one that does not."""
        key = allowed_names((EXTERNAL_ID_FIELD,), allowed=(EXTERNAL_ID_FIELD,))
        record = next(self._salesforce.query(soql(_STAMP, key=key, external_id=self._first)), {})
        read_at = read_moment(record["LastModifiedDate"])
        update = ConditionalUpdate(salesforce_id=record_id, fields={RECEIPT_FIELD: "probe-2"}, unmodified_since=read_at)
        (held,) = self._salesforce.update_conditionally("Lead", [update])
        outdated = replace(update, fields={RECEIPT_FIELD: "probe-3"}, unmodified_since=read_at - EARLIER)
        (refused,) = self._salesforce.update_conditionally("Lead", [outdated])
        return _updated(held, refused)

    def _load_in_bulk(self) -> Finding:
        """Load a new lead and one whose id is taken: one row has to succeed, the other to be refused."""
        job_id = self._salesforce.create_bulk_job("Lead", "insert")
        self._salesforce.upload_bulk_rows(job_id, [_lead(self._second), _lead(self._first)])
        self._salesforce.close_bulk_job(job_id)
        job = self._salesforce.read_bulk_job(job_id)
        for _ in range(MAX_LOOKS):
            if job.is_final:
                break
            self._wait(PAUSE_SECONDS)
            job = self._salesforce.read_bulk_job(job_id)
        done = [row.row.get(EXTERNAL_ID_FIELD) for row in self._salesforce.read_bulk_results(job_id, "successful")]
        failed = [row.answer.error_code for row in self._salesforce.read_bulk_results(job_id, "failed")]
        self.made += len(done)
        return _loaded(is_as_meant=done == [self._second] and failed == ["DUPLICATE_VALUE"], failed=failed)

    def _insert_after_delete(self) -> Finding:
        """Make a lead with the id of a deleted one."""
        self.removed += self._cleaner.remove([self._first])
        (answer,) = self._insert(self._first)
        return _reused(answer)


def _lead(external_id: str) -> dict[str, object]:
    return {
        "LastName": f"Probe {external_id}",
        "Company": f"lead_pipeline {external_id}",
        EXTERNAL_ID_FIELD: external_id,
        RECEIPT_FIELD: "probe-1",
    }


def _note(code: str, what: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.NOTE,
        subject=SUBJECT,
        what=what,
        why="the write protocol rests on it",
        repair="Nothing",
    )


def _fault(code: str, what: str, *, why: str, repair: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, subject=SUBJECT, what=what, why=why, repair=repair)


def _inserted(answer: RecordAnswer) -> Finding:
    if answer.is_done:
        return _note("probe_insert", "a lead with our id was made")
    return _fault(
        "probe_insert_refused",
        f"a lead with a name, a company and our id was refused ({answer.error_code}: {answer.message})",
        why="every new lead would be refused, and nothing else could be tried",
        repair="Mend what the code says, then run `lead-pipeline doctor --probe` again",
    )


def _updated(held: RecordAnswer, refused: RecordAnswer) -> Finding:
    if not held.is_done:
        return _fault(
            "probe_update_refused",
            f"an update of a lead that nobody had changed was refused ({held.error_code}: {held.message})",
            why="every update would be refused",
            repair="Mend what the code says, then run `lead-pipeline doctor --probe` again",
        )
    if refused.is_done:
        return _fault(
            "probe_condition_ignored",
            "an update was carried out although its record had changed since the time of its condition",
            why="what a rep types between our reading and our write would be overwritten",
            repair="Install the guard of `lead-pipeline org package`, and report this org's API version",
        )
    return _note("probe_condition", f"an update whose record had changed was refused ({refused.error_code})")


def _loaded(*, is_as_meant: bool, failed: Sequence[str]) -> Finding:
    if is_as_meant:
        return _note("probe_bulk", "of two Bulk rows the new one was made and the one with a taken id refused")
    return _fault(
        "probe_bulk_differs",
        f"a Bulk job of a new lead and one with a taken id ended otherwise ({', '.join(failed) or 'nothing refused'})",
        why="the outcome of every row is read from such results",
        repair="Allow Bulk API jobs to the integration user and make our id field Unique; else report it",
    )


def _reused(answer: RecordAnswer) -> Finding:
    if answer.is_done:
        return _note("probe_id_free", "the id of a deleted lead can be used again")
    return Finding(
        code="probe_id_held",
        severity=Severity.WARNING,
        subject=SUBJECT,
        what=f"the id of a deleted lead stays taken ({answer.error_code})",
        why="a lead that was deleted and comes again is asked about instead of being made anew",
        repair="Empty the recycle bin, or decide about such leads in the review queue",
    )


def _broken(message: str) -> Finding:
    return _fault(
        "probe_broken",
        f"the probe ended before its last step: {message}",
        why="what was left was not tried",
        repair="Mend it, then run `lead-pipeline doctor --probe` again",
    )


def _left_over(record_ids: Sequence[str]) -> Finding:
    return Finding(
        code="probe_left_records",
        severity=Severity.WARNING,
        subject=SUBJECT,
        what=f"records of the probe could not be deleted: {', '.join(record_ids)}",
        why="they stand among the leads of the test org",
        repair="Delete them by hand",
    )

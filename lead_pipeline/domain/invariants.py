"""What always has to hold between the org and our books, as rules over plain rows.

Belongs here: the rules. The rows they look at are `evidence`; where those come from (Postgres and the org's history, a
test's memory) is the caller's affair, so that tests, gates and the audit command judge by the same rules. What a single
batch must look like after its write is `post_sync`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.evidence import Commit, Evidence, LogRow
from lead_pipeline.domain.mapping import WritePolicy
from lead_pipeline.domain.org_guard import is_guard_field
from lead_pipeline.domain.value_equality import is_blank
from lead_pipeline.domain.write_protocol import (
    EXTERNAL_ID_FIELD,
    OPEN_STATES,
    OWNER_FIELD,
    RECEIPT_FIELD,
    WritePurpose,
    hash_payload,
)


class Invariant(StrEnum):
    """The promises, by the number under which the documents know them."""

    CONSERVATION = "I1"  # every delivered row ends in exactly one outcome
    ONE_RECORD = "I2"  # at most one live record per lead id, and per person among those we made
    POLICY = "I3"  # no field is changed outside its write policy
    NO_BLANKING = "I4"  # nothing never replaces something
    LOG = "I5"  # every commit of ours has exactly one log entry that tells it as it was, and back
    REPEAT = "I6"  # repeating a finished run writes nothing
    LINKS = "I7"  # the record of a lead, and the lead of a record, never change
    WATERMARK = "I9"  # nothing is reported complete while a row of it is unsettled
    DEAD_LETTERS = "I12"  # a dead letter keeps cause, stage, attempts, payload and owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A promise that was broken. `subject` is an id, `what` holds no value of a person."""

    invariant: Invariant
    subject: str
    what: str

    def __str__(self) -> str:
        """Return the line for people."""
        return f"{self.invariant} {self.subject}: {self.what}"


def find_violations(evidence: Evidence) -> tuple[Violation, ...]:
    """Return every broken promise, in the order of the rules."""
    return tuple(violation for rule in _RULES for violation in rule(evidence))


# --- I1, I9: rows and their ends --------------------------------------------------------------------------------------


def _check_conservation(evidence: Evidence) -> Iterator[Violation]:
    ends = Counter((row.batch_id, row.raw_lead_id) for row in evidence.outcomes)
    delivered = {(row.batch_id, row.raw_lead_id) for row in evidence.delivered}
    waiting = {(row.batch_id, row.raw_lead_id) for row in evidence.waiting}
    for row in sorted(delivered | ends.keys()):
        if row in waiting and not ends[row]:
            continue
        if row not in delivered:
            yield _broken(Invariant.CONSERVATION, row, "has an outcome and was never delivered")
        elif ends[row] != 1:
            yield _broken(Invariant.CONSERVATION, row, f"has {ends[row]} outcomes")
    for intent in evidence.intents:
        if intent.state in OPEN_STATES:
            yield _broken(Invariant.CONSERVATION, intent.op_id, f"is still {intent.state}")
    yield from _check_truth_of_outcomes(evidence)


def _check_truth_of_outcomes(evidence: Evidence) -> Iterator[Violation]:
    """Hold outcomes that claim a write against the org's history."""
    commits = {commit.op_id: commit for commit in evidence.commits if commit.op_id is not None}
    for row in evidence.outcomes:
        if row.outcome not in {Outcome.CREATED, Outcome.UPDATED}:
            continue
        commit = commits.get(row.op_id) if row.op_id is not None else None
        if commit is None or commit.is_insert is not (row.outcome is Outcome.CREATED):
            subject = (row.batch_id, row.raw_lead_id)
            yield _broken(Invariant.CONSERVATION, subject, f"is called {row.outcome}, which the org did not commit")


def _check_watermark(evidence: Evidence) -> Iterator[Violation]:
    settled = {(row.batch_id, row.raw_lead_id) for row in evidence.outcomes}
    for row in evidence.delivered:
        if row.batch_id in evidence.complete_batches and (row.batch_id, row.raw_lead_id) not in settled:
            yield _broken(
                Invariant.WATERMARK, (row.batch_id, row.raw_lead_id), "is unsettled in a batch called complete"
            )


# --- I2, I7: records and links ----------------------------------------------------------------------------------------


def _check_one_record(evidence: Evidence) -> Iterator[Violation]:
    carriers = Counter(
        (record.object_name, record.dievio_lead_id) for record in evidence.records if record.dievio_lead_id
    )
    for (object_name, lead_id), count in carriers.items():
        if count > 1:
            yield _broken(Invariant.ONE_RECORD, lead_id, f"is carried by {count} live {object_name} records")
    persons = {intent.op_id: intent.person_key for intent in evidence.intents}
    leads = {intent.op_id: intent.dievio_lead_id for intent in evidence.intents}
    live = {record.salesforce_id for record in evidence.records}
    made: dict[str, set[str]] = defaultdict(set)
    example: dict[str, str] = {}
    for commit in evidence.commits:
        if commit.is_insert and commit.salesforce_id in live and commit.op_id in persons:
            made[persons[commit.op_id]].add(commit.salesforce_id)
            example[persons[commit.op_id]] = leads[commit.op_id]
    for person_key, record_ids in made.items():
        if len(record_ids) > 1:
            yield _broken(
                Invariant.ONE_RECORD, example[person_key], f"is a person for whom we made {len(record_ids)} records"
            )


def _check_links(evidence: Evidence) -> Iterator[Violation]:
    record_of: dict[str, str] = {}
    for link in evidence.links:
        if record_of.setdefault(link.dievio_lead_id, link.salesforce_id) != link.salesforce_id:
            yield _broken(Invariant.LINKS, link.dievio_lead_id, "moved to another record")
    for commit in evidence.commits:
        before, after = commit.before.get(EXTERNAL_ID_FIELD), commit.after.get(EXTERNAL_ID_FIELD)
        if EXTERNAL_ID_FIELD in commit.after and not is_blank(before) and before != after:
            yield _broken(Invariant.LINKS, commit.salesforce_id, "lost its lead to another one")


# --- I3, I4: fields ---------------------------------------------------------------------------------------------------


def _check_policy(evidence: Evidence) -> Iterator[Violation]:
    purposes = {intent.op_id: intent.purpose for intent in evidence.intents}
    written: dict[tuple[str, str], object] = {}
    for commit in evidence.commits:
        purpose = purposes.get(commit.op_id) if commit.op_id is not None else None
        for name, after in commit.after.items():
            place = (commit.salesforce_id, name)
            before = commit.before.get(name)
            ours = written.get(place, None if evidence.is_history_complete else before)
            if before != after and not _may_write(evidence, commit, purpose, name, ours=ours):
                yield _broken(Invariant.POLICY, commit.salesforce_id, f"{name} was changed outside its policy")
            written[place] = after


def _may_write(evidence: Evidence, commit: Commit, purpose: WritePurpose | None, name: str, *, ours: object) -> bool:
    if name == RECEIPT_FIELD or is_guard_field(name):
        return True
    if name == OWNER_FIELD:
        return commit.is_insert or purpose is WritePurpose.HAND_OVER
    policy = evidence.fields.policies.get(name, WritePolicy.NEVER)
    before = commit.before.get(name)
    if policy is WritePolicy.NEVER:
        return False
    if commit.is_insert or policy is WritePolicy.ALWAYS or purpose is WritePurpose.REVIEW:
        return True  # a person's decision outranks every policy but `never`
    if purpose is WritePurpose.REVERT:
        return before == ours
    is_free = policy is not WritePolicy.WRITE_ONCE and is_blank(before, evidence.fields.placeholders)
    return is_free or (policy is WritePolicy.TRACKED and before == ours)


def _check_no_blanking(evidence: Evidence) -> Iterator[Violation]:
    reverts = {intent.op_id for intent in evidence.intents if intent.purpose is WritePurpose.REVERT}
    for commit in evidence.commits:
        if commit.op_id in reverts:
            continue  # a field that was blank before goes back to blank; that it held our value is the policy's affair
        for name, after in commit.after.items():
            if is_blank(after) and not is_blank(commit.before.get(name)):
                yield _broken(Invariant.NO_BLANKING, commit.salesforce_id, f"{name} was cleared")


# --- I5, I6, I12: the books -------------------------------------------------------------------------------------------


def _check_log(evidence: Evidence) -> Iterator[Violation]:
    committed = Counter(commit.op_id for commit in evidence.commits)
    logged = Counter(row.op_id for row in evidence.log)
    for op_id, count in committed.items():
        if op_id is None:
            yield _broken(Invariant.LOG, "commits", f"{count} left no receipt")
        elif count > 1:
            yield _broken(Invariant.LOG, op_id, f"was committed {count} times")
        elif logged[op_id] != 1:
            yield _broken(Invariant.LOG, op_id, f"was committed and is logged {logged[op_id]} times")
    for op_id in logged.keys() - committed.keys():
        yield _broken(Invariant.LOG, op_id, "is logged and was never committed")
    commits = {commit.op_id: commit for commit in evidence.commits}
    for row in evidence.log:
        if row.op_id in commits:
            yield from _compare(row, commits[row.op_id])


def _compare(row: LogRow, commit: Commit) -> Iterator[Violation]:
    """Hold a log entry against the change it tells of; blanks come in several forms."""
    if row.salesforce_id != commit.salesforce_id:
        yield _broken(Invariant.LOG, row.op_id, "is logged for another record")
    for name, after in row.after.items():
        if commit.after.get(name) != after:
            yield _broken(Invariant.LOG, row.op_id, f"{name} is logged with another value than was committed")
        told, was = row.before.get(name), commit.before.get(name)
        if told != was and not (is_blank(told) and is_blank(was)):
            yield _broken(Invariant.LOG, row.op_id, f"{name} is logged with another value before than there was")


def _check_repeat(evidence: Evidence) -> Iterator[Violation]:
    if evidence.repeated_writes:
        yield _broken(Invariant.REPEAT, "repetition", f"sent {evidence.repeated_writes} writes")


def _check_dead_letters(evidence: Evidence) -> Iterator[Violation]:
    for letter in evidence.dead_letters:
        texts = {"stage": letter.stage, "error code": letter.error_code, "cause": letter.cause, "owner": letter.owner}
        lacking = [name for name, text in texts.items() if not text]
        lacking += ["attempts"] if letter.attempts < 1 else []
        lacking += ["payload"] if hash_payload(letter.payload) != letter.payload_sha256 else []
        if lacking:
            yield _broken(Invariant.DEAD_LETTERS, letter.dievio_lead_id, f"lost its {', '.join(lacking)}")
    letters = {letter.dievio_lead_id for letter in evidence.dead_letters}
    for row in evidence.outcomes:
        if row.outcome is Outcome.DEAD_LETTER and row.dievio_lead_id not in letters:
            yield _broken(Invariant.DEAD_LETTERS, (row.batch_id, row.raw_lead_id), "was given up without a letter")


def _broken(invariant: Invariant, subject: object, what: str) -> Violation:
    text = "/".join(map(str, subject)) if isinstance(subject, tuple) else str(subject)
    return Violation(invariant=invariant, subject=text, what=what)


_RULES: tuple[Callable[[Evidence], Iterable[Violation]], ...] = (
    _check_conservation,
    _check_one_record,
    _check_policy,
    _check_no_blanking,
    _check_log,
    _check_repeat,
    _check_links,
    _check_watermark,
    _check_dead_letters,
)

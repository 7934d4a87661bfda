"""What always has to hold between the org and our books, as rules over plain rows.

Belongs here: the rules. The rows they look at are `evidence`; where those come from (Postgres and the org's history, a
test's memory) is the caller's affair, so that tests, gates and the audit command judge by the same rules. What a single
batch must look like after its write is `post_sync`.

I10 and I11 are judged by the writes of batches. Changes in the org do not come to us as events yet, so there is no
event of our own to come back as one; what can come back is our own value, in the next reading of the org.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.evidence import Commit, Evidence, KeptAnswer, LogRow, PaidCall, PastWrite
from lead_pipeline.domain.mapping import WritePolicy
from lead_pipeline.domain.org_guard import is_guard_field
from lead_pipeline.domain.pulling import CallState
from lead_pipeline.domain.value_equality import is_blank
from lead_pipeline.domain.write_protocol import (
    EXTERNAL_ID_FIELD,
    OPEN_STATES,
    OWNER_FIELD,
    RECEIPT_FIELD,
    WriteKind,
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
    CREDITS = "I8"  # the ledger knows what every paid call cost, and no account is above its budget
    WATERMARK = "I9"  # nothing is reported complete while a row of it is unsettled
    ECHO = "I10"  # our own change never comes back as work: an update carries something new
    FRESHNESS = "I11"  # what was fetched earlier never replaces what was fetched later
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
    rules = evidence.rules_of(commit.salesforce_id)
    policy = rules.policies.get(name, WritePolicy.NEVER)
    before = commit.before.get(name)
    if policy is WritePolicy.NEVER:
        return False
    if commit.is_insert or policy is WritePolicy.ALWAYS or purpose is WritePurpose.REVIEW:
        return True  # a person's decision outranks every policy but `never`
    if purpose is WritePurpose.REVERT:
        return before == ours
    is_free = policy is not WritePolicy.WRITE_ONCE and is_blank(before, rules.placeholders)
    return is_free or (policy is WritePolicy.TRACKED and before == ours)


def _check_no_blanking(evidence: Evidence) -> Iterator[Violation]:
    reverts = {intent.op_id for intent in evidence.intents if intent.purpose is WritePurpose.REVERT}
    for commit in evidence.commits:
        if commit.op_id in reverts:
            continue  # a field that was blank before goes back to blank; that it held our value is the policy's affair
        for name, after in commit.after.items():
            if is_blank(after) and not is_blank(commit.before.get(name)) and not is_guard_field(name):
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


# --- I8: money --------------------------------------------------------------------------------------------------------


def _check_credits(evidence: Evidence) -> Iterator[Violation]:
    for call in evidence.paid_calls:
        if call.state is CallState.SETTLED and not (call.settled is not None and 0 <= call.settled <= call.reserved):
            what = f"cost {call.settled} credits where {call.reserved} were booked"
            yield _broken(Invariant.CREDITS, call.call_id, what)
        if call.state is CallState.RESERVED and call.batch_id in evidence.complete_batches:
            yield _broken(Invariant.CREDITS, call.call_id, "has no end in a batch called complete")
    accounts: dict[str, list[PaidCall]] = defaultdict(list)
    for call in evidence.paid_calls:
        accounts[call.account].append(call)
    answers: dict[str, list[KeptAnswer]] = defaultdict(list)
    for answer in evidence.kept_answers:
        answers[answer.account].append(answer)
    for account in sorted(accounts.keys() | answers.keys()):
        yield from _check_budget(account, accounts[account])
        yield from _check_answers(account, accounts[account], answers[account])
    yield from _check_charges(evidence)


def _check_budget(account: str, calls: Sequence[PaidCall]) -> Iterator[Violation]:
    """Hold an account against the highest limit that it was booked under; limits may be changed between two calls."""
    counted = [call for call in calls if call.is_current and call.state is not CallState.RELEASED]
    limits = [call.budget for call in counted if call.budget is not None]
    booked = sum(map(_cost_at_most, counted))
    if len(limits) == len(counted) and booked > max(limits, default=0):
        yield _broken(Invariant.CREDITS, account, f"has booked {booked} credits, with a budget of {max(limits)}")


def _check_answers(account: str, calls: Sequence[PaidCall], answers: Sequence[KeptAnswer]) -> Iterator[Violation]:
    """Hold what was paid for against what is kept: an answer and its price are booked together."""
    settled = [call for call in calls if call.state is CallState.SETTLED]
    if len(settled) != len(answers):
        yield _broken(Invariant.CREDITS, account, f"has paid for {len(settled)} answers and keeps {len(answers)}")
    elif all(answer.credits is not None for answer in answers):
        paid, billed = sum(map(_cost_at_most, settled)), sum(answer.credits or 0 for answer in answers)
        if paid != billed:
            yield _broken(Invariant.CREDITS, account, f"has booked {paid} credits for answers that cost {billed}")


def _check_charges(evidence: Evidence) -> Iterator[Violation]:
    """Hold the ledger against the source's own: calls whose answer was lost may have been billed, or not."""
    if evidence.charged_credits is None:
        return
    known = sum(call.settled or 0 for call in evidence.paid_calls if call.state is CallState.SETTLED)
    most = sum(map(_cost_at_most, evidence.paid_calls))
    if not known <= evidence.charged_credits <= most:
        booked = f"{known} to {most}" if known != most else f"{known}"
        yield _broken(
            Invariant.CREDITS, "ledger", f"knows of {booked} credits, and {evidence.charged_credits} were charged"
        )


def _cost_at_most(call: PaidCall) -> int:
    if call.state is CallState.RELEASED:
        return 0
    return call.reserved if call.settled is None else call.settled


# --- I10, I11: what comes back, and what comes late -------------------------------------------------------------------

#: Writes that carry a delivered row, and nothing else: a person's decision and an undoing follow other rules.
_FROM_DELIVERIES = frozenset({WritePurpose.SYNC, WritePurpose.REPLAY})


def _check_echoes(evidence: Evidence) -> Iterator[Violation]:
    """An update needs something new: neither what it saw there, nor what we sent before and the org changed alone."""
    stored: dict[UUID | None, Commit] = {commit.op_id: commit for commit in evidence.commits}
    sent: dict[tuple[str, str], tuple[object, object]] = {}  # what we sent, and what the org made of it
    for write in evidence.history:
        commit = stored.get(write.op_id)
        fields = [name for name in write.after if _is_content(evidence, write, name)]
        if write.purpose in _FROM_DELIVERIES and write.kind is WriteKind.UPDATE:
            echoes = [
                name
                for name in fields
                if write.before.get(name) == write.after[name]
                or sent.get((write.salesforce_id, name)) == (write.after[name], write.before.get(name))
            ]
            if len(echoes) == len(fields):
                yield _broken(Invariant.ECHO, write.op_id, "sent nothing that was not there already")
        for name in fields:
            made = commit.after.get(name, write.after[name]) if commit is not None else write.after[name]
            sent[write.salesforce_id, name] = (write.after[name], made)


def _check_freshness(evidence: Evidence) -> Iterator[Violation]:
    newest: dict[tuple[str, str], PastWrite] = {}
    for write in evidence.history:
        for name in write.after:
            held = newest.get((write.salesforce_id, name))
            if _is_content(evidence, write, name) and held is not None and _is_overtaken(write, held, name):
                yield _broken(Invariant.FRESHNESS, write.op_id, f"replaced a fresher {name} of ours")
            newest[write.salesforce_id, name] = write


def _is_overtaken(write: PastWrite, held: PastWrite, name: str) -> bool:
    """Whether a write replaced the value of another one that carries a row fetched later."""
    if write.purpose not in _FROM_DELIVERIES or write.is_answered or write.source_at is None or held.source_at is None:
        return False
    is_replacing = write.before.get(name) == held.after[name] != write.after[name]
    return is_replacing and write.source_at < held.source_at


def _is_content(evidence: Evidence, write: PastWrite, name: str) -> bool:
    """Whether a field is more than what goes along with every write."""
    is_mark = name in {RECEIPT_FIELD, OWNER_FIELD} or is_guard_field(name)
    return not is_mark and name not in evidence.rules_of(write.salesforce_id).stamps


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
    _check_credits,
    _check_watermark,
    _check_echoes,
    _check_freshness,
    _check_dead_letters,
)

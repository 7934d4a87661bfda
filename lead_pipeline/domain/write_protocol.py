"""How one write is prepared, what follows its answer, and how a lost answer is settled by reading.

Belongs here: the pure decisions of the write protocol. The order of work (commit the intent, send, record) lives in
`services/writing`, the meaning of single error codes in `refusals`, the answers themselves in `record_answers`.

The rules below each close a hole: an insert carries the unique external id, because a second insert is then refused;
an update is conditional, because a person may have edited in between; every write stamps its operation id on the
record, because only that receipt tells later whether a lost answer was a success.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from lead_pipeline.domain.decisions import Decision, SyncDecision
from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.org_guard import REFUSAL_MARK, guard_values
from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer, Remedy
from lead_pipeline.domain.refusals import (
    GUARD_REFUSAL,
    TRANSIENT_REFUSAL,
    UNCLASSIFIED_REFUSAL,
    Refusal,
    RefusalStep,
    find_refusal,
)

EXTERNAL_ID_FIELD = "Dievio_Lead_ID__c"
RECEIPT_FIELD = "Dievio_Last_Op__c"
OWNER_FIELD = "OwnerId"

# LastModifiedDate has whole seconds: an edit in the second of our read is invisible to the condition of an update. Two
# seconds later it can no longer hide (seeded model: 35 overwritten values in 20,000 runs without this rule, 0 with it).
QUIET_TIME = timedelta(seconds=2)


class WritePurpose(StrEnum):
    """Why a record is written."""

    SYNC = "sync"
    HAND_OVER = "hand_over"
    REVIEW = "review"
    REPLAY = "replay"
    REVERT = "revert"


class WriteKind(StrEnum):
    """How a record is written; there is no upsert, because its second sending would overwrite."""

    INSERT = "insert"
    UPDATE = "update"


class IntentState(StrEnum):
    """Where a write stands. `sent` and `unknown` are open: they fence the lead and the person."""

    PLANNED = "planned"
    SENT = "sent"
    UNKNOWN = "unknown"
    APPLIED = "applied"
    REFUSED = "refused"  # Salesforce said no
    VOID = "void"  # never took place, as far as a reading can tell


#: Purposes that decide where a delivered row ends; the others leave its outcome alone.
SETTLING_PURPOSES = frozenset({WritePurpose.SYNC, WritePurpose.REVIEW, WritePurpose.REPLAY})

OPEN_STATES = frozenset({IntentState.SENT, IntentState.UNKNOWN})


class NextStep(StrEnum):
    """What follows the answer for one record."""

    APPLY = "apply"
    READ = "read"  # only the record itself can tell
    RETRY = "retry"
    REPLAN = "replan"
    REVIEW = "review"
    DEAD_LETTER = "dead_letter"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteIntent:
    """One write, as it is committed before any byte of it leaves."""

    op_id: UUID
    batch_id: str
    run_id: str
    dievio_lead_id: str
    raw_lead_id: int
    person_key: str
    purpose: WritePurpose
    kind: WriteKind
    object_name: str
    salesforce_id: str | None  # None until an insert is answered
    payload: Mapping[str, object]  # Salesforce API name -> value; never None
    before: Mapping[str, object]
    base_last_modified_at: datetime | None  # condition of an update
    mapping_version: str
    reason_code: str
    attempt: int  # 1 plus the writes of this lead that were refused before
    state: IntentState = IntentState.SENT
    bulk_job_id: str | None = None
    error_code: str = ""  # of the last answer
    guard_values: Mapping[str, object] = field(default_factory=dict)  # sent along for the org's guard, not kept

    @property
    def payload_sha256(self) -> str:
        """Hash of the canonical payload."""
        return hash_payload(self.payload)

    def changed_fields(self) -> list[dict[str, object]]:
        """Return what the record's log shows: field, before, after."""
        return [
            {"field": field, "before": self.before.get(field), "after": after}
            for field, after in self.payload.items()
            if field != RECEIPT_FIELD
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecord:
    """What a reading says about the record an open write concerns."""

    salesforce_id: str
    receipt: str | None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBasis:
    """What a plan does not know and a write needs."""

    person_key: str
    refusal_count: int  # refused writes of this lead in this batch
    holding_owner_id: str | None  # owner of new leads until the gates passed; None: the integration user
    record_lead_id: str | None  # external id that the target carries now
    org_fields: frozenset[str] = frozenset()  # fields of the target that our user may change


def hash_payload(payload: Mapping[str, object]) -> str:
    """Return the sha256 of a payload in canonical JSON (sorted keys, no spaces)."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def person_key(keys: MatchKeys, dievio_lead_id: str) -> str:
    """Return the key that two leads of one person share, so that they are never written at the same time.

    The strongest key wins: e-mail, profile, name with domain, at last the lead's own id.
    """
    if keys.em:
        return f"em:{keys.em}"
    if keys.li:
        return f"li:{keys.li}"
    if keys.fn and keys.ln and keys.dm:
        return f"nd:{keys.fn}|{keys.ln}|{keys.dm}"
    return f"id:{dievio_lead_id}"


def is_quiet(last_modified_at: datetime | None, *, read_at: datetime) -> bool:
    """Tell whether no edit can hide in the second of the record's LastModifiedDate.

    Args:
        last_modified_at: LastModifiedDate of the record as read; None for a record that does not exist yet.
        read_at: The server's clock at the reading, or earlier.
    """
    return last_modified_at is None or read_at >= last_modified_at + QUIET_TIME


def build_sync_intent(
    decision: SyncDecision, basis: WriteBasis, *, op_id: UUID, run_id: str, purpose: WritePurpose = WritePurpose.SYNC
) -> WriteIntent:
    """Turn a decision to create or update into the write that carries it out."""
    is_insert = decision.decision is Decision.CREATE
    payload = {field: value for field, value in decision.changes().items() if value is not None}
    if is_insert and basis.holding_owner_id is not None:
        payload[OWNER_FIELD] = basis.holding_owner_id
    if is_insert or not basis.record_lead_id:
        payload[EXTERNAL_ID_FIELD] = decision.dievio_lead_id
    payload[RECEIPT_FIELD] = str(op_id)
    before = {entry.field: entry.before for entry in decision.fields if entry.field in payload}
    decision_id = str(op_id) if purpose is WritePurpose.REVIEW else None
    return WriteIntent(
        op_id=op_id,
        batch_id=decision.batch_id,
        run_id=run_id,
        dievio_lead_id=decision.dievio_lead_id,
        raw_lead_id=decision.raw_lead_id,
        person_key=basis.person_key,
        purpose=purpose,
        kind=WriteKind.INSERT if is_insert else WriteKind.UPDATE,
        object_name=decision.object_name or "Lead",
        salesforce_id=None if is_insert else decision.salesforce_id,
        payload=payload,
        before=before,
        base_last_modified_at=None if is_insert else decision.base_last_modified_at,
        mapping_version=decision.mapping_version,
        reason_code=decision.reason_code,
        attempt=basis.refusal_count + 1,
        guard_values={} if is_insert else guard_values(before, org_fields=basis.org_fields, decision_id=decision_id),
    )


def decide_next_step(intent: WriteIntent, answer: RecordAnswer) -> NextStep:
    """Say what follows an answer; transient refusals that reach this place have used up their tries elsewhere.

    A refusal that a new plan may cure is planned anew as often as its rule allows, then a person decides.
    """
    if answer.kind is AnswerKind.DONE:
        return NextStep.APPLY
    if answer.kind is AnswerKind.UNKNOWN:
        return NextStep.READ
    if answer.is_transient:
        return NextStep.RETRY
    refusal = explain(intent, answer)
    if refusal.step is RefusalStep.READ:
        return NextStep.READ
    if refusal.step is RefusalStep.REPLAN:
        return NextStep.REPLAN if intent.attempt <= refusal.replan_limit else NextStep.REVIEW
    return _STEPS[refusal.step]


_STEPS: Mapping[RefusalStep, NextStep] = {
    RefusalStep.REVIEW: NextStep.REVIEW,
    RefusalStep.DEAD_LETTER: NextStep.DEAD_LETTER,
    RefusalStep.STOP: NextStep.STOP,
}

_REMEDY_STEPS: Mapping[Remedy, RefusalStep] = {
    Remedy.NONE: RefusalStep.DEAD_LETTER,
    Remedy.RETRY: RefusalStep.DEAD_LETTER,
    Remedy.READ: RefusalStep.REPLAN,
    Remedy.REVIEW: RefusalStep.REVIEW,
    Remedy.DEAD_LETTER: RefusalStep.DEAD_LETTER,
    Remedy.STOP: RefusalStep.STOP,
}


def explain(intent: WriteIntent, answer: RecordAnswer) -> Refusal:
    """Return what a refusal means; a code without an entry follows the remedy that the answer itself names."""
    if answer.is_transient:
        return replace(TRANSIENT_REFUSAL, code=answer.error_code)
    if REFUSAL_MARK in answer.message:
        return GUARD_REFUSAL
    refusal = find_refusal(answer.error_code)
    if refusal is None:
        return replace(UNCLASSIFIED_REFUSAL, code=answer.error_code, step=_REMEDY_STEPS[answer.remedy])
    if refusal.step is RefusalStep.READ and intent.kind is WriteKind.UPDATE:
        # An update that meets another record's unique value carried an external id that somebody else got first.
        return replace(refusal, step=RefusalStep.REPLAN)
    return refusal


def settle_by_reading(intent: WriteIntent, found: FoundRecord | None) -> NextStep:
    """Say what an open write came to, judged by the record itself.

    The receipt is the only proof: equal values may have been typed by a person. A write that did not take place is
    planned anew at once; should it land later after all, the unique external id or the condition refuses whichever
    of the two comes second.
    """
    if found is not None and found.receipt == str(intent.op_id):
        return NextStep.APPLY
    refusal = find_refusal(intent.error_code) if intent.error_code else None
    if found is None and refusal is not None and refusal.step is RefusalStep.READ:
        # Salesforce says that the value is taken, yet no record shows it to us: no new plan can see more.
        return NextStep.REVIEW
    if refusal is not None and intent.attempt > refusal.replan_limit:
        return NextStep.REVIEW
    return NextStep.REPLAN

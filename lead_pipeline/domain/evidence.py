"""What the rules about org and books look at: plain rows, and how the fields of a record may be changed.

The rules are `invariants`. Whoever gathers rows does it through here, so that tests, gates and the audit command cannot
judge by different ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.mapping import MappingSet, ObjectMapping, WritePolicy
from lead_pipeline.domain.pulling import CallState
from lead_pipeline.domain.write_protocol import EXTERNAL_ID_FIELD, IntentState, WriteKind, WritePurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRules:
    """How our user may change the fields of one object's records.

    Attributes:
        policies: API name -> when the field may be written; fields without an entry may never be.
        placeholders: Texts that count as blank, in lower case.
        stamps: Fields that only date or explain a write, and so are no reason for one.
    """

    policies: Mapping[str, WritePolicy]
    placeholders: frozenset[str]
    stamps: frozenset[str]


NO_RULES = FieldRules(policies={}, placeholders=frozenset(), stamps=frozenset())  # nothing may be changed

#: First three characters of an id -> object, the same in every org; a history names records by their ids alone.
_OBJECT_BY_PREFIX = {"00Q": "Lead", "003": "Contact"}


def field_rules(mappings: MappingSet) -> dict[str, FieldRules]:
    """Return object name -> the rules that its mapping sets; a field of one name is another one on each object."""
    return {mapping.object_name: _rules_of(mapping) for mapping in (mappings.lead, mappings.contact)}


def _rules_of(mapping: ObjectMapping) -> FieldRules:
    return FieldRules(
        # The external id is stamped where it is blank, whatever a mapping says: the links have a rule of their own.
        policies={row.to: row.write for row in mapping.fields} | {EXTERNAL_ID_FIELD: WritePolicy.FILL_BLANK},
        placeholders=mapping.placeholders,
        stamps=mapping.stamp_fields,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredRow:
    """One row as it was delivered."""

    batch_id: str
    raw_lead_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """Where one delivered row ended."""

    batch_id: str
    raw_lead_id: int
    dievio_lead_id: str | None
    outcome: Outcome
    op_id: UUID | None  # the write that ended it


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRow:
    """One write as our books know it."""

    op_id: UUID
    dievio_lead_id: str
    person_key: str
    purpose: WritePurpose
    kind: WriteKind
    state: IntentState


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One entry of the log that says a write took place."""

    op_id: UUID
    salesforce_id: str | None
    before: Mapping[str, object]
    after: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One change that the org committed for us, as its own history tells it.

    Attributes:
        op_id: The receipt it left on the record; None when it left none.
        salesforce_id: The record.
        is_insert: Whether it made the record.
        before: API name -> value before, for every field the change carried.
        after: API name -> value after, for the same fields.
    """

    op_id: UUID | None
    salesforce_id: str
    is_insert: bool
    before: Mapping[str, object]
    after: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """Which record a lead is written to, as seen at one moment."""

    dievio_lead_id: str
    salesforce_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRecord:
    """A record of the org that is neither deleted nor converted."""

    salesforce_id: str
    object_name: str
    dievio_lead_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterRow:
    """A write that was given up."""

    dievio_lead_id: str
    stage: str
    error_code: str
    cause: str
    owner: str
    attempts: int
    payload: Mapping[str, object]
    payload_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastWrite:
    """One write of ours to a record, from whichever batch, as the log tells it.

    Attributes:
        op_id: The write.
        salesforce_id: The record.
        purpose: Why it was made.
        kind: Whether it made the record.
        source_at: When the row that it carries was fetched; None when nobody knows any more, and for an undoing.
        is_answered: Whether a person has decided about this lead, which outranks what was fetched when.
        before: API name -> value that we knew to stand there.
        after: API name -> value as it was sent.
    """

    op_id: UUID
    salesforce_id: str
    purpose: WritePurpose
    kind: WriteKind
    source_at: datetime | None
    is_answered: bool
    before: Mapping[str, object]
    after: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidCall:
    """One line of our credit ledger.

    Attributes:
        call_id: The call.
        batch_id: The batch that made it.
        account: What shares a budget: a search of a batch, or a day of enrichment.
        state: Where its money is.
        reserved: Credits booked before it left.
        settled: Credits that its answer cost; None without an answer.
        budget: Limit of the account when it was booked; None where that was not kept.
        is_current: Whether it counts against the budget: a search that is bought again begins with a fresh one.
    """

    call_id: UUID
    batch_id: str
    account: str
    state: CallState
    reserved: int
    settled: int | None
    budget: int | None
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """One paid answer that we hold; `credits` is None where it does not say what it cost."""

    account: str
    credits: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that the rules look at.

    Attributes:
        fields: Object name -> how our user may change its fields; an object without an entry may not be changed.
        delivered: Delivered rows.
        waiting: Those that nobody let through yet: planned, and rightly without an end.
        outcomes: Their ends.
        intents: Our writes, whatever became of them.
        log: Entries that say a write took place.
        commits: What the org committed for us, in its order.
        links: Links as seen at one or more moments, oldest first.
        records: Live records of the org.
        dead_letters: Writes given up.
        history: What we wrote to these records, in this batch and in others, oldest first.
        paid_calls: Our credit ledger, whole accounts of it.
        kept_answers: The answers of these accounts.
        charged_credits: What the source says that it charged for these calls; None where it cannot be asked.
        complete_batches: Batches that a run reported as complete.
        repeated_writes: Writes that a repetition of finished runs sent.
        is_history_complete: Whether `commits` holds everything we ever wrote to these records; without it a tracked
            field whose earlier value we do not see in the history cannot be judged.
    """

    fields: Mapping[str, FieldRules]
    delivered: Sequence[DeliveredRow] = ()
    waiting: Collection[DeliveredRow] = ()
    outcomes: Sequence[OutcomeRow] = ()
    intents: Sequence[IntentRow] = ()
    log: Sequence[LogRow] = ()
    commits: Sequence[Commit] = ()
    links: Sequence[LinkRow] = ()
    records: Sequence[LiveRecord] = ()
    dead_letters: Sequence[DeadLetterRow] = ()
    history: Sequence[PastWrite] = ()
    paid_calls: Sequence[PaidCall] = ()
    kept_answers: Sequence[KeptAnswer] = ()
    charged_credits: int | None = None
    complete_batches: Collection[str] = ()
    repeated_writes: int = 0
    is_history_complete: bool = True

    def rules_of(self, salesforce_id: str) -> FieldRules:
        """Return how the fields of a record may be changed."""
        return self.fields.get(_OBJECT_BY_PREFIX.get(salesforce_id[:3], ""), NO_RULES)

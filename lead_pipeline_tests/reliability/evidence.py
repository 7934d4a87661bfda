"""What must hold after an experiment, judged from the org's history and from the tables, never by what a run says.

The rules are the product's own checker; what only an experiment can know is added here: what the rep typed, and who
must have a record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any
from uuid import UUID

from lead_pipeline.domain.decisions import Outcome
from lead_pipeline.domain.evidence import Commit, Evidence, LiveRecord, field_rules
from lead_pipeline.domain.invariants import find_violations
from lead_pipeline.domain.write_protocol import RECEIPT_FIELD
from lead_pipeline.store.audits import read_books
from lead_pipeline.store.database import Database
from lead_pipeline_tests.reliability.laboratory import BATCH_ID, Experiment
from lead_pipeline_tests.reliability.night import load_packaged_config

Row = Mapping[str, Any]

WITHOUT_RECORD = frozenset({Outcome.DEAD_LETTER, Outcome.REVIEW})  # somebody is asked before such a person gets one
_ENDS_BY_PERSON = (
    "SELECT l.em, o.outcome FROM lead AS l JOIN lead_outcome AS o USING (batch_id, raw_lead_id)"
    " WHERE l.duplicate_of_raw_lead_id IS NULL"
)


def find_breaches(experiment: Experiment, *, is_complete: bool = True) -> list[str]:
    """Return every broken promise of an experiment in words; none means that all of them hold.

    Args:
        experiment: The world after its nights.
        is_complete: Whether its last night claims to have settled everything.
    """
    return [
        *map(str, find_violations(read_evidence(experiment, is_complete=is_complete))),
        *_find_people_without_one_record(experiment),
        *_find_lost_edits(experiment),
        *_find_budget_breaches(experiment),
    ]


def read_evidence(experiment: Experiment, *, is_complete: bool) -> Evidence:
    """Gather what the product's checker judges."""
    payloads = {row["op_id"]: row["payload"] for row in experiment.ask("SELECT op_id, payload FROM write_intent")}
    with closing(Database(experiment.dsn)) as database, database.transaction() as connection:
        books = read_books(connection, BATCH_ID)
    return Evidence(
        fields=field_rules(load_packaged_config().mappings),
        delivered=books.delivered,
        outcomes=books.outcomes,
        intents=[write.row for write in books.writes],
        log=books.log,
        commits=[_commit(entry, payloads) for entry in experiment.our_commits()],
        links=books.links,
        records=[
            LiveRecord(salesforce_id=row["Id"], object_name="Lead", dievio_lead_id=row["Dievio_Lead_ID__c"])
            for row in experiment.leads()
            if not row["IsConverted"]
        ],
        dead_letters=books.dead_letters,
        history=books.history,
        paid_calls=books.paid_calls,
        kept_answers=books.kept_answers,
        charged_credits=experiment.rows_charged(),
        complete_batches={BATCH_ID} if is_complete else (),
    )


def count_outcomes(experiment: Experiment) -> dict[str, int]:
    """Return how many rows ended where."""
    rows = experiment.ask("SELECT outcome, count(*) AS rows FROM lead_outcome GROUP BY outcome")
    return {row["outcome"]: row["rows"] for row in rows}


# --- what only an experiment can know ---------------------------------------------------------------------------------


def _find_people_without_one_record(experiment: Experiment) -> Iterator[str]:
    """Nobody is lost and nobody has a second record."""
    carriers = Counter(str(lead["Email"]).lower() for lead in experiment.leads())
    ends = {row["em"]: row["outcome"] for row in experiment.ask(_ENDS_BY_PERSON)}
    for place, email in enumerate(experiment.world.new_emails):
        end = ends.get(email, "no outcome")
        if carriers[email] != (end not in WITHOUT_RECORD):
            yield f"new person {place} has {carriers[email]} records and ended as {end}"
    held = Counter(str(lead.get("Email")).lower() for lead in experiment.world.records.get("Lead", ()))
    for email, count in carriers.items():
        # An org has doubles of its own from before.
        if count > max(1, held[email]) and email not in experiment.world.new_emails and email != "none":
            yield f"somebody has {count} records"


def _find_lost_edits(experiment: Experiment) -> Iterator[str]:
    """What a rep typed last stands."""
    typed = {(edit.salesforce_id, edit.field): edit.value for edit in experiment.edits}
    leads = {lead["Id"]: lead for lead in experiment.leads()}
    for (salesforce_id, field), value in typed.items():
        if leads.get(salesforce_id, {}).get(field) != value:
            yield f"{salesforce_id}: the rep's {field} is lost"


def _find_budget_breaches(experiment: Experiment) -> Iterator[str]:
    """The world gave so many credits, and no more were taken, whatever limits the ledger remembers."""
    charged, budget = experiment.rows_charged(), experiment.world.credit_budget
    if charged > budget:
        yield f"Dievio charged {charged} credits, with a budget of {budget}"


# --- rows as the checker wants them -----------------------------------------------------------------------------------


def _commit(entry: Row, payloads: Mapping[UUID, Row]) -> Commit:
    """Return a change as the checker wants it; the org's journal holds only fields whose value changed."""
    after: Row = entry["after"] or {}
    receipt = after.get(RECEIPT_FIELD)
    op_id = UUID(receipt) if receipt else None
    sent = payloads.get(op_id, after) if op_id else after
    before = {name: (entry["before"] or {}).get(name, None if name in after else sent[name]) for name in sent}
    return Commit(
        op_id=op_id,
        salesforce_id=entry["id"],
        is_insert=entry["op"] == "create",
        before=before,
        after={name: _as_sent(after.get(name, sent[name]), sent[name]) for name in sent},
    )


def _as_sent(stored: object, sent: object) -> object:
    """Return the value in the form it was sent in, where the org only stores it in another form: 120 as 120.0."""
    if isinstance(stored, int | float) and isinstance(sent, int | float) and stored == sent:
        return sent
    return stored

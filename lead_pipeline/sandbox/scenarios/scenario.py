"""The shape of a scenario: records, rows, segments and the outcome each row must get.

How a scenario is filled is told by `demo` and `volume`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class CaseOutcome(StrEnum):
    """Where a row must end."""

    CREATED = "created"
    UPDATED = "updated"
    SKIPPED = "skipped"
    REVIEW = "review"
    QUARANTINE = "quarantine"


class CaseRule(StrEnum):
    """The step of the match ladder that must decide, named as in the matching settings."""

    EXTERNAL_ID = "external_id"
    EMAIL = "email"
    LINKEDIN = "linkedin"
    NAME_AND_DOMAIN = "name_and_domain"
    NAME_AND_COMPANY = "name_and_company"
    NEAR_NAME = "near_name"
    JOB_CHANGE = "job_change"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLabel:
    """What must become of one row.

    Attributes:
        case: name of the situation the row stands for.
        row_index: position of the row in `DemoScenario.dievio_rows`.
        outcome: where the row must end.
        reason: why, where the outcome alone does not tell (missing_last_name, duplicate_in_batch, ...).
        rule: ladder step that decides; None where nothing matches or nothing is matched.
        target_id: the record that must be updated, left as it is, or put before the reviewer; for a review with
            several candidates, one of them.
        group: shared by the rows of one person. The first row of a group is the more complete and the fresher one.
        changed_fields: fields of the target that must change.
        kept_fields: fields of the target that must keep their value though the row brings another one.
        set_fields: field -> value that the record must hold after the sync (None: blank).
        note: for people.
    """

    case: str
    row_index: int
    outcome: CaseOutcome
    reason: str | None = None
    rule: CaseRule | None = None
    target_id: str | None = None
    group: str | None = None
    changed_fields: tuple[str, ...] = ()
    kept_fields: tuple[str, ...] = ()
    set_fields: tuple[tuple[str, object], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierWrite:
    """A value that an earlier sync wrote: what the pipeline must remember to tell its own values from a rep's."""

    object_name: str
    salesforce_id: str
    field: str
    value: object
    written_at: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRows:
    """One saved search and the rows it must return, in the order of the pool."""

    name: str
    description: str
    filters: Mapping[str, object]
    email_status: str
    row_indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoScenario:
    """Everything two sandboxes need, and everything a test needs to judge the pipeline.

    Attributes:
        org_records: object name -> records with Ids and audit fields, as the org stores them.
        dievio_rows: the pool of Dievio, served verbatim; not every entry is an object.
        segments: the saved searches. Each row belongs to exactly one; an entry that is no object answers no filter
            and therefore comes with every search.
        labels: "<segment>:<row index>" -> what must become of that row; every delivered row has a label.
        earlier_writes: values an earlier sync left in the org.
    """

    org_records: dict[str, list[dict[str, object]]]
    dievio_rows: list[object]
    segments: tuple[SegmentRows, ...]
    labels: dict[str, CaseLabel]
    earlier_writes: tuple[EarlierWrite, ...] = ()


def label_key(segment: str, row_index: int) -> str:
    """Name a row for the label table; the row itself carries no marker."""
    return f"{segment}:{row_index}"

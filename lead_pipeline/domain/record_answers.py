"""What a CRM write answered for one record: done, not done or unknown, and what has to follow.

The error codes of Salesforce and their classes live in `salesforce/error_rules`; what the engine then does with a lead
lives in `write_protocol`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AnswerKind(StrEnum):
    """Whether the write of one record took place."""

    DONE = "done"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"  # the request may have been executed, or may still be: only reading the record can tell


class Remedy(StrEnum):
    """What has to follow an answer."""

    NONE = "none"  # done
    RETRY = "retry"  # the same write may succeed later
    READ = "read"  # read the record first, then plan anew: nothing may be sent again as it stands
    REVIEW = "review"  # a person has to look at this record
    DEAD_LETTER = "dead_letter"  # this write can never succeed as it stands
    STOP = "stop"  # every further write would fail the same way: somebody has to mend the set-up


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAnswer:
    """The answer for one record of a write call. `message` holds no value of the record."""

    kind: AnswerKind
    remedy: Remedy
    salesforce_id: str | None = None
    error_code: str = ""
    message: str = ""
    fields: tuple[str, ...] = ()  # API names the error names
    is_transient: bool = False
    is_org_wide: bool = False  # it says nothing about the record: the next one would be turned away just so
    duplicate_candidates: tuple[tuple[str, str], ...] = ()  # (object name, record id)
    request_id: str | None = None
    retry_after_seconds: float | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether the write took place."""
        return self.kind is AnswerKind.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalUpdate:
    """One update that applies only if nobody changed the record after `unmodified_since`."""

    salesforce_id: str
    fields: dict[str, object]  # API name -> value; None clears the field
    unmodified_since: datetime  # LastModifiedDate as read, whole seconds

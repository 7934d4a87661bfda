"""The run in numbers: what terminal, JSON, HTML and Dagster metadata all show, from one value.

Counting is SQL in `store/reports`, drawing is `services/report_page` and the command line; here stand the sums, the
verdict and the sentence at the top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Self

from pydantic import TypeAdapter

from lead_pipeline.domain.sync_comparison import SyncComparison


class Verdict(StrEnum):
    """The one word of the morning."""

    OK = "ok"
    ATTENTION = "attention"  # finished, but people have something to do
    STOPPED = "stopped"  # a gate failed or the run could not finish


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """How many rows or leads share one reason code."""

    code: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentLine:
    """One saved search: how far it came and what it cost in this batch."""

    segment: str
    state: str
    reason: str
    rows: int
    total: int | None  # as the search reports it; advisory
    credits: int
    uncertain_credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLine:
    """One Salesforce field: how many leads got which verdict under its policy."""

    field: str
    policy: str
    set_at_creation: int = 0
    filled_blank: int = 0
    updated: int = 0
    kept_rep_value: int = 0
    kept_equal: int = 0
    kept_by_policy: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchLine:
    """Leads decided by one match rule with one grade."""

    rule: str
    grade: str
    leads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLine:
    """One gate's answer. `count` is the number of failing rows."""

    name: str
    stage: str
    passed: bool
    is_blocking: bool
    checked: int
    count: int
    failed_ids: tuple[str, ...]
    description: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverLine:
    """Leads handed to one owner by one rule."""

    owner_id: str
    owner_kind: str
    rule: str
    state: str
    leads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterLine:
    """Writes given up for one error code."""

    code: str
    cause: str
    repair: str
    owner: str
    leads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignLine:
    """People of the batch who were to become members of a Campaign, by where that stands."""

    campaign_id: str
    state: str  # planned, sent, added, present, refused
    error_code: str
    leads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """Everything people may want to know about one run of one batch; counts are rows unless a name says otherwise."""

    batch_id: str
    run_id: str
    made_at: str  # ISO 8601, UTC
    mapping_version: str
    duration_seconds: float
    delivered: int
    distinct_leads: int
    quarantined: int
    created: int
    updated: int
    skipped: int
    review: int
    dead_letter: int
    unsettled: int  # delivered rows without an outcome yet
    unknown: int  # writes whose result nobody knows yet
    credits: int  # spent by this run
    batch_credits: int  # spent by all runs of this batch
    salesforce_calls: int  # made by this run
    dievio_calls: int
    writes: int  # commits in Salesforce made by this run
    fields_changed: int  # on records that existed before
    segments: tuple[SegmentLine, ...]
    field_lines: tuple[FieldLine, ...]
    matches: tuple[MatchLine, ...]
    skip_reasons: tuple[ReasonCount, ...]
    review_reasons: tuple[ReasonCount, ...]
    quarantine_reasons: tuple[ReasonCount, ...]
    dead_letters: tuple[DeadLetterLine, ...]
    handovers: tuple[HandoverLine, ...]
    gates: tuple[GateLine, ...]
    enrichment_alerts: tuple[str, ...] = ()  # providers that were down, budgets that were spent
    first_sync: SyncComparison | None = None  # source and destination, while a batch is let through step by step
    waiting: int = 0  # rows that nobody let through yet: planned, without an outcome
    campaigns: tuple[CampaignLine, ...] = ()

    @property
    def settled(self) -> int:
        """Rows that ended in one of the six outcomes."""
        return self.quarantined + self.created + self.updated + self.skipped + self.review + self.dead_letter

    @property
    def is_conserved(self) -> bool:
        """Whether every delivered row ended in exactly one outcome, or waits to be let through."""
        return self.delivered == self.settled + self.waiting and self.unsettled == 0

    @property
    def conservation_line(self) -> str:
        """The sum that shows that nothing was lost."""
        sign = "=" if self.is_conserved else "≠"
        return (
            f"{self.delivered:,} delivered {sign} {self.created:,} created + {self.updated:,} updated + "
            f"{self.skipped:,} skipped + {self.review:,} review + {self.quarantined:,} quarantine + "
            f"{self.dead_letter:,} dead letter" + (f" + {self.waiting:,} waiting" if self.waiting else "")
        )

    @property
    def failed_gates(self) -> tuple[GateLine, ...]:
        """Blocking gates that did not pass."""
        return tuple(gate for gate in self.gates if gate.is_blocking and not gate.passed)

    @property
    def _is_unsound(self) -> bool:
        return self.first_sync is not None and not self.first_sync.is_sound

    @property
    def verdict(self) -> Verdict:
        """The one word at the top."""
        if self.failed_gates or self.unknown or not self.is_conserved or self._is_unsound:
            return Verdict.STOPPED
        has_warning = any(not gate.passed for gate in self.gates)
        is_short = any(line.state != "exhausted" for line in self.segments)
        has_work = self.waiting or self.dead_letter or has_warning or is_short or self.enrichment_alerts
        return Verdict.ATTENTION if has_work else Verdict.OK

    @property
    def headline(self) -> str:
        """Why the verdict is what it is, in one sentence."""
        if self.verdict is Verdict.STOPPED:
            return self._why_stopped()
        if self.verdict is Verdict.ATTENTION:
            return self._what_needs_attention()
        if self.review:
            return f"All gates passed; {self.review:,} leads wait for a person's answer."
        return "All gates passed and nobody has anything to do."

    def _why_stopped(self) -> str:
        if self.failed_gates:
            first = self.failed_gates[0]
            return f"Gate {first.name} failed: {first.description}"
        if self.unknown:
            return f"{self.unknown:,} writes have no known result yet; the next run settles them by reading."
        if self.first_sync is not None and not self.first_sync.is_sound:
            return f"{self.first_sync.headline} Find out who changed them before you let more leads through."
        return f"{self.unsettled:,} delivered rows have no outcome yet; run the batch again to finish them."

    def _what_needs_attention(self) -> str:
        if self.waiting:
            return (
                f"{self.settled:,} rows reached their end; {self.waiting:,} leads wait: "
                "`run --limit N` lets so many more through, `run` all of them."
            )
        short = [f"{line.segment} ({line.reason or line.state})" for line in self.segments if line.state != "exhausted"]
        if short:
            return f"Not everything was pulled: {', '.join(short)}."
        if self.dead_letter:
            return f"{self.dead_letter:,} leads could not be written and wait in the dead letters."
        warning = next((gate for gate in self.gates if not gate.passed), None)
        if warning is None:
            return f"Enrichment: {self.enrichment_alerts[0]}."
        return f"Check {warning.name}: {warning.description}"

    def to_summary(self) -> dict[str, object]:
        """Return the report as plain JSON values; the form of `run --json` and of the stored report."""
        summary: dict[str, object] = asdict(self)
        summary["verdict"] = self.verdict.value
        summary["headline"] = self.headline
        summary["conservation"] = self.conservation_line
        summary["is_conserved"] = self.is_conserved
        if self.first_sync is not None:
            told = {"headline": self.first_sync.headline, "is_sound": self.first_sync.is_sound}
            summary["first_sync"] = asdict(self.first_sync) | told
        return summary

    @classmethod
    def from_summary(cls, summary: Mapping[str, object]) -> Self:
        """Return the report that `to_summary` was made from; what it only computed is left out."""
        names = {entry.name for entry in fields(cls)}
        kept = {name: value for name, value in summary.items() if name in names}
        return TypeAdapter(cls).validate_python(kept)

    def as_metadata(self) -> Mapping[str, int | float | str]:
        """Return the numbers that Dagster plots over time."""
        return {
            "verdict": self.verdict.value,
            "headline": self.headline,
            "conservation": self.conservation_line,
            "delivered": self.delivered,
            "created": self.created,
            "updated": self.updated,
            "skipped": self.skipped,
            "review": self.review,
            "quarantined": self.quarantined,
            "dead_letter": self.dead_letter,
            "waiting": self.waiting,
            "unknown": self.unknown,
            "credits": self.credits,
            "salesforce_calls": self.salesforce_calls,
            "fields_changed": self.fields_changed,
            "duration_seconds": self.duration_seconds,
            "mapping_version": self.mapping_version,
        }

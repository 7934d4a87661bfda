"""Use case: make normalized leads out of the delivered rows of a batch, in one transaction.

Rows that have an outcome are left alone, so that a second run changes nothing that is settled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from lead_pipeline.domain.extraction import SourceMapping
from lead_pipeline.domain.identity import IdentityClaim, IdentityResolution, resolve_identities
from lead_pipeline.domain.leads import QuarantinedLead, RawLead
from lead_pipeline.domain.normalize.lead import LeadDraft, normalize_row
from lead_pipeline.domain.ownership import OwnerRules
from lead_pipeline.store import leads as lead_store
from lead_pipeline.store.bulk import STATISTICS_LEADS
from lead_pipeline.store.database import Database

STAGE = "normalize"


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizeSummary:
    """What became of the rows that had no outcome yet. Counts only."""

    rows: int
    leads: int  # persons that go on
    duplicates: int  # further copies of a person, skipped
    quarantined: int
    weak_identities: int
    identity_conflicts: int
    quarantine_reasons: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts under flat names, for plots."""
        return {
            "rows": self.rows,
            "leads": self.leads,
            "duplicates": self.duplicates,
            "quarantined": self.quarantined,
            "weak_identities": self.weak_identities,
            "identity_conflicts": self.identity_conflicts,
            **{f"reason_{code}": count for code, count in sorted(self.quarantine_reasons.items())},
            **{f"flag_{flag}": count for flag, count in sorted(self.flags.items())},
        }


def normalize_batch(
    database: Database,
    sources: SourceMapping,
    *,
    owners: OwnerRules,
    batch_id: str,
    now: Callable[[], datetime],
    org_vocabulary: Mapping[str, frozenset[str]] | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> NormalizeSummary:
    """Normalize every row of a batch that has no outcome, and settle quarantined rows and duplicate copies.

    Args:
        database: The product's database.
        sources: How rows of the batch's source are read.
        owners: Who looks after rows that break the contract.
        batch_id: The batch.
        now: The clock.
        org_vocabulary: Canonical field -> active picklist values of the org.
        on_progress: Told the stage, the rows done and the rows in all after each chunk.
    """
    moment = now()
    reading = _BatchReading(sources, owners=owners, moment=moment, org_vocabulary=org_vocabulary)
    with database.transaction() as connection:
        total = lead_store.begin_normalization(connection, batch_id)
        for rows in lead_store.read_open_rows(connection, batch_id):
            reading.take(connection, rows)
            if on_progress is not None:
                on_progress(STAGE, reading.row_count, total)
        resolution = _resolve(connection, reading.claims, batch_id=batch_id)
        lead_store.insert_identities(connection, resolution.new_aliases, first_seen_at=moment)
        lead_store.insert_leads(connection, resolution.assignments, batch_id=batch_id, normalized_at=moment)
        lead_store.settle_rows(connection, batch_id, settled_at=moment)
        if reading.row_count >= STATISTICS_LEADS:
            lead_store.refresh_statistics(connection)
    return reading.summarize(resolution)


def _resolve(connection: psycopg.Connection, claims: list[IdentityClaim], *, batch_id: str) -> IdentityResolution:
    aliases = (alias for claim in claims for alias in claim.aliases)
    known = lead_store.read_known_persons(connection, aliases)
    return resolve_identities(claims, known, settled=lead_store.read_settled_persons(connection, batch_id))


class _BatchReading:
    """Normalizes chunk after chunk; of each lead only the claim to an id stays in memory."""

    def __init__(
        self,
        mapping: SourceMapping,
        *,
        owners: OwnerRules,
        moment: datetime,
        org_vocabulary: Mapping[str, frozenset[str]] | None,
    ) -> None:
        self.claims: list[IdentityClaim] = []
        self.row_count = 0
        self._mapping = mapping
        self._owners = owners
        self._moment = moment
        self._org_vocabulary = org_vocabulary
        self._reasons: Counter[str] = Counter()
        self._flags: Counter[str] = Counter()

    def take(self, connection: psycopg.Connection, rows: list[RawLead]) -> None:
        """Normalize a chunk and put it into the database."""
        results = [
            normalize_row(row, self._mapping, now=self._moment, org_vocabulary=self._org_vocabulary) for row in rows
        ]
        drafts = [result for result in results if isinstance(result, LeadDraft)]
        quarantined = [result for result in results if isinstance(result, QuarantinedLead)]
        lead_store.stage_leads(connection, drafts)
        lead_store.insert_quarantined(connection, quarantined, owners=self._owners, quarantined_at=self._moment)
        self.claims.extend(draft.claim for draft in drafts)
        self.row_count += len(rows)
        self._flags.update(flag for draft in drafts for flag in draft.flags)
        self._reasons.update(reason.code for lead in quarantined for reason in lead.reasons)

    def summarize(self, resolution: IdentityResolution) -> NormalizeSummary:
        """Return the counts."""
        duplicates = sum(one.duplicate_of_raw_lead_id is not None for one in resolution.assignments)
        return NormalizeSummary(
            rows=self.row_count,
            leads=len(resolution.assignments) - duplicates,
            duplicates=duplicates,
            quarantined=self.row_count - len(resolution.assignments),
            weak_identities=sum(one.is_weak for one in resolution.assignments),
            identity_conflicts=sum(one.has_conflict for one in resolution.assignments),
            quarantine_reasons=dict(self._reasons),
            flags=dict(self._flags),
        )

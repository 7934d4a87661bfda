"""A delivered row as a lead with clean values, or as a quarantined one with every reason at once.

The rules of single values are in the modules beside; which cell holds which value is `extraction`; which person the
lead is gets decided in `identity` for a whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lead_pipeline.domain.confidence import lead_confidence_percent
from lead_pipeline.domain.extraction import SourceMapping, extract_fields
from lead_pipeline.domain.identity import AliasKind, IdentityClaim, explicit_alias, name_domain_alias
from lead_pipeline.domain.leads import (
    Confidence,
    ConfidenceOrigin,
    MatchKeys,
    QuarantinedLead,
    QuarantineReason,
    RawLead,
)
from lead_pipeline.domain.match_keys import lead_keys
from lead_pipeline.domain.normalize.cells import Cells
from lead_pipeline.domain.normalize.companies import clean_company
from lead_pipeline.domain.normalize.contacts import SHARED_PHONE_FLAG, read_contacts
from lead_pipeline.domain.normalize.firmographics import read_firmographics
from lead_pipeline.domain.normalize.names import LOWEST_TRUSTED_SPLIT, NameFlag, PersonName, read_name
from lead_pipeline.domain.normalize.times import NoMomentError, TimeForm, read_time, write_time

#: Younger than any profile network; the epoch itself and older moments stand for "never".
EARLIEST_FRESHNESS = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_TOLERANCE = timedelta(days=1)  # a date without a time may be a day ahead in the source's own zone

SYSTEM_NAME = "lead_pipeline"  # stamped on every record, so that our own changes are recognized when they come back

#: Why a row cannot go on, in words for the person who looks after it.
QUARANTINE_REASONS: Mapping[str, tuple[str, str]] = {
    "row_not_an_object": ("", "The delivered entry is no object with fields"),
    "missing_last_name": ("last_name", "No family name is given and none can be told from the whole name"),
    "missing_company": ("company_name", "No employer is given, and Salesforce requires one"),
    "name_is_not_a_person": ("full_name", "The name is that of an organization, a mailbox or a test entry"),
    "no_usable_identity": ("", "Neither id, profile, personal e-mail nor name with company tells who this is"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadDraft:
    """A normalized lead that still lacks its id, and the claim by which it gets one."""

    raw: RawLead
    values: Mapping[str, object]
    confidences: Mapping[str, Confidence]
    source_paths: Mapping[str, str]
    flags: tuple[str, ...]
    keys: MatchKeys
    claim: IdentityClaim


def normalize_row(
    raw: RawLead,
    mapping: SourceMapping,
    *,
    now: datetime,
    org_vocabulary: Mapping[str, frozenset[str]] | None = None,
) -> LeadDraft | QuarantinedLead:
    """Return what a row says, cleaned, or why it cannot go on.

    Args:
        raw: The delivered row.
        mapping: How rows of this source are read.
        now: The moment written as `synced_at`.
        org_vocabulary: Canonical field -> active picklist values of the org; `industry` is looked up there.
    """
    if not isinstance(raw.payload, Mapping):
        return _quarantine(raw, ["row_not_an_object"])
    cells, name = read_cells(
        raw.payload, mapping, request_email_status=raw.request_email_status, org_vocabulary=org_vocabulary
    )
    _stamp(cells, raw, mapping, now=now)
    keys = lead_keys(
        cells.values, personal_email=cells.personal_email, is_phone_shared=SHARED_PHONE_FLAG in cells.flags
    )
    claim = _claim(raw, cells, keys, record_id=cells.row.record_id)
    if reasons := _find_reasons(cells, name, claim):
        return _quarantine(raw, reasons)
    return LeadDraft(
        raw=raw,
        values=cells.values,
        confidences=cells.confidences,
        source_paths=cells.source_paths,
        flags=tuple(sorted(cells.flags)),
        keys=keys,
        claim=claim,
    )


def read_cells(
    payload: Mapping[str, object],
    mapping: SourceMapping,
    *,
    request_email_status: str | None = None,
    org_vocabulary: Mapping[str, frozenset[str]] | None = None,
) -> tuple[Cells, PersonName]:
    """Return the clean values of a row and how its name was read; whether it can go on is not asked."""
    cells = Cells(
        row=extract_fields(payload, mapping), policy=mapping.confidence, request_email_status=request_email_status
    )
    name = _read_names(cells, mapping)
    cells.put("company_name", clean_company(cells.text("company_name")))
    read_firmographics(cells, industries=(org_vocabulary or {}).get("industry"))
    read_contacts(cells)
    return cells, name


def _read_names(cells: Cells, mapping: SourceMapping) -> PersonName:
    full = cells.text("full_name")
    name = read_name(
        cells.text("first_name"),
        cells.text("last_name"),
        full=full,
        use_full_as_family=mapping.full_name_as_last_name,
    )
    sure = Confidence(share=name.share, origin=ConfidenceOrigin.SPLIT) if name.is_split else None
    for part, value in (("first_name", name.given), ("last_name", name.family)):
        cells.put(part, value, came_from=part if cells.text(part) else "full_name", confidence=sure)
    cells.put("full_name", full)
    if name.is_split:
        cells.remark(NameFlag.SPLIT if name.share >= LOWEST_TRUSTED_SPLIT else NameFlag.SPLIT_LOW_CONFIDENCE)
    return name


def _stamp(cells: Cells, raw: RawLead, mapping: SourceMapping, *, now: datetime) -> None:
    """Add where the row comes from, how fresh it is and how sure it is on the whole."""
    cells.put("source", mapping.label)
    cells.put("search_segment", raw.segment)
    cells.put("enrichment_source", cells.text("provider") or mapping.enrichment_source)
    cells.put("last_enriched_at", write_time(read_freshness(cells, raw.fetched_at) or raw.fetched_at))
    cells.put("synced_at", write_time(now))
    cells.put("lead_confidence_percent", lead_confidence_percent(cells.confidences))
    cells.put("update_reason", f"{mapping.label}, segment {raw.segment}, batch {raw.batch_id}")
    cells.put("updated_by_system", SYSTEM_NAME)


def read_freshness(cells: Cells, fetched_at: datetime) -> datetime | None:
    """Return when the source last looked; a year 1 or 9999, as programs write for "never", says nothing."""
    conversion = cells.row.conversions.get("last_enriched_at")
    try:
        moment = read_time(
            cells.row.values.get("last_enriched_at"), TimeForm(conversion) if conversion else TimeForm.ISO
        )
        if moment is None or EARLIEST_FRESHNESS <= moment <= fetched_at + CLOCK_TOLERANCE:
            return moment
    except NoMomentError:
        pass
    cells.remark("last_enriched_at_unreadable")
    return None


def _claim(raw: RawLead, cells: Cells, keys: MatchKeys, *, record_id: str | None) -> IdentityClaim:
    aliases = [
        explicit_alias(record_id),
        (AliasKind.LINKEDIN, keys.li) if keys.li else None,
        (AliasKind.EMAIL, keys.em) if keys.em else None,
    ]
    found = tuple(alias for alias in aliases if alias is not None)
    weak = name_domain_alias(keys.fn, keys.ln, keys.dm or keys.co)
    if not found and weak is not None:
        found = (weak,)
        cells.remark("identity_weak")
    return IdentityClaim(
        raw_lead_id=raw.raw_lead_id,
        aliases=found,
        given_name=keys.fn,
        family_name=keys.ln,
        completeness=len(cells.values),
        fresh_at=read_time(cells.values["last_enriched_at"]) or raw.fetched_at,
    )


def _find_reasons(cells: Cells, name: PersonName, claim: IdentityClaim) -> list[str]:
    holds = {
        "missing_last_name": name.family is None,
        "missing_company": "company_name" not in cells.values,
        "name_is_not_a_person": not name.is_person,
        "no_usable_identity": not claim.aliases,
    }
    return [code for code, is_so in holds.items() if is_so]


def _quarantine(raw: RawLead, codes: list[str]) -> QuarantinedLead:
    reasons = tuple(
        QuarantineReason(code=code, field=QUARANTINE_REASONS[code][0], message=QUARANTINE_REASONS[code][1])
        for code in codes
    )
    return QuarantinedLead(raw_lead_id=raw.raw_lead_id, batch_id=raw.batch_id, segment=raw.segment, reasons=reasons)

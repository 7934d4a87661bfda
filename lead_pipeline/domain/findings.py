"""What the doctor finds before anything is written: how bad it is, why it matters, and the exact repair.

What is looked at in fields is `field_findings`, in the org as a whole `org_findings`; asking the systems is
`services/examine`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means for the next run."""

    ERROR = "error"  # nothing may be written before it is mended
    WARNING = "warning"  # leads go on, with less than was asked for or with a risk that somebody should know
    NOTE = "note"  # worth knowing, nothing to mend


_RANK = tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing the doctor found. Ids and names of fields only, nothing personal."""

    code: str
    severity: Severity
    subject: str  # e.g. Lead.Title, Salesforce, database
    what: str
    why: str
    repair: str


def sort_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings with the worst first, otherwise in the order in which they were made."""
    return tuple(sorted(findings, key=lambda finding: _RANK.index(finding.severity)))


def may_write(findings: Iterable[Finding]) -> bool:
    """Tell whether a run may write."""
    return not any(finding.severity is Severity.ERROR for finding in findings)

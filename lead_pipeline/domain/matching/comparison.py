"""A lead and a candidate side by side: which keys agree, which contradict.

What follows from a comparison is told by `rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from lead_pipeline.domain.leads import MatchKeys
from lead_pipeline.domain.name_compatibility import family_names_compatible, given_names_compatible


class Fit(StrEnum):
    """How two values of one key stand to each other."""

    EQUAL = "equal"
    COMPATIBLE = "compatible"  # names only: initial, nickname, prefix, one slip
    DIFFERENT = "different"
    UNKNOWN = "unknown"  # one side has no value

    @property
    def agrees(self) -> bool:
        """Whether the two values may belong to one person."""
        return self in {Fit.EQUAL, Fit.COMPATIBLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class PairComparison:
    """What agrees and what contradicts between a lead and a record; holds no values."""

    given: Fit
    family: Fit
    email: Fit
    linkedin: Fit
    domain: Fit
    company: Fit
    title: Fit
    phone: Fit
    personal_email: Fit
    street: Fit
    has_different_work_email: bool  # both have a mailbox at the same company, and not the same one

    def as_evidence(self) -> dict[str, object]:
        """Return the comparison for the evidence row, without keys that are unknown on both sides."""
        fits = {name: str(getattr(self, name)) for name in _FIT_NAMES if getattr(self, name) is not Fit.UNKNOWN}
        return {**fits, "has_different_work_email": self.has_different_work_email}


_FIT_NAMES = (
    "given",
    "family",
    "email",
    "linkedin",
    "domain",
    "company",
    "title",
    "phone",
    "personal_email",
    "street",
)


def compare_keys(lead: MatchKeys, record: MatchKeys) -> PairComparison:
    """Compare the keys of a lead with those of a record; symmetric in its arguments."""
    return PairComparison(
        given=_fit(lead.fn, record.fn, is_compatible=given_names_compatible),
        family=_fit(lead.ln, record.ln, is_compatible=family_names_compatible),
        email=_fit(lead.em, record.em),
        linkedin=_fit(lead.li, record.li),
        domain=_fit(lead.dm, record.dm),
        company=_fit(lead.co, record.co),
        title=_fit(lead.ti, record.ti),
        phone=_fit(lead.ph, record.ph),
        personal_email=_fit(lead.pe, record.pe),
        street=_fit(lead.st, record.st),
        has_different_work_email=_has_different_work_email(lead, record),
    )


def _fit(left: str | None, right: str | None, *, is_compatible: Callable[[str, str], bool] | None = None) -> Fit:
    if not left or not right:
        return Fit.UNKNOWN
    if left == right:
        return Fit.EQUAL
    return Fit.COMPATIBLE if is_compatible is not None and is_compatible(left, right) else Fit.DIFFERENT


def _has_different_work_email(lead: MatchKeys, record: MatchKeys) -> bool:
    if lead.em == record.em or lead.dm is None or lead.dm != record.dm:
        return False
    return _is_at_domain(lead.em, lead.dm) and _is_at_domain(record.em, lead.dm)


def _is_at_domain(email: str | None, domain: str) -> bool:
    if email is None:
        return False
    host = email.rpartition("@")[2]
    return host == domain or host.endswith(f".{domain}")

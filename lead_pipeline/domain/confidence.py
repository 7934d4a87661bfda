"""How sure we are of a value: what the row says, else what the e-mail status says, else what is usual for its kind.

The certainty of a split name comes from `normalize/names`; which value is too unsure to write is decided in
`survivorship` by the threshold given here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lead_pipeline.domain.leads import Confidence, ConfidenceOrigin
from lead_pipeline.domain.normalize.emails import EmailStatus

#: Below this a value is never written as verified ("below 70 %" in the enrichment guide this product follows).
DEFAULT_CONFIDENCE_THRESHOLD = 0.70

#: Dievio's own words for an address: "verified" is what the guide's 95-99 % band promises; "likely", and a status-less
#: row of a search over all addresses, stay below the threshold until somebody verifies them.
STATUS_SHARES: Mapping[str, float] = MappingProxyType(
    {EmailStatus.VERIFIED: 0.98, EmailStatus.LIKELY: 0.65, EmailStatus.UNKNOWN: 0.65}
)

#: Middle of the accuracy band usual for each kind of data; firmographics take the band of company revenue.
PRIOR_SHARES: Mapping[str, float] = MappingProxyType(
    {
        "phone": 0.85,  # 80-90 %
        "title": 0.70,  # 60-80 %
        "seniority": 0.70,  # told by the title
        "department": 0.70,
        "linkedin_url": 0.92,  # 90-95 %
        "first_name": 1.0,  # separate fields as the source gave them
        "last_name": 1.0,
        "company_name": 0.78,  # 70-85 %
        "company_revenue": 0.78,
        "company_domain": 0.78,
        "website": 0.78,
        "industry": 0.78,
        "employee_count": 0.78,
        "employee_band": 0.78,
        "street": 0.78,
        "postal_code": 0.78,
        "city": 0.78,
        "state": 0.78,
        "country": 0.78,
    }
)

#: Values that tell who the person is: the least sure of them is the confidence of the lead.
IDENTIFYING_FIELDS = ("first_name", "last_name", "email", "linkedin_url")

DEFAULT_SCALE = 1  # explicit numbers run from 0 to this


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidencePolicy:
    """The numbers behind the rule; `scale` is what an explicit confidence of certainty is: 1, 10 or 100."""

    scale: int = DEFAULT_SCALE
    status_shares: Mapping[str, float] = field(default_factory=lambda: STATUS_SHARES)
    prior_shares: Mapping[str, float] = field(default_factory=lambda: PRIOR_SHARES)


def parse_confidence_policy(document: Mapping[str, Any]) -> ConfidencePolicy:
    """Return the policy of a source mapping; what the document leaves out keeps its default."""
    return ConfidencePolicy(
        scale=int(document.get("scale", DEFAULT_SCALE)),
        status_shares={**STATUS_SHARES, **document.get("status", {})},
        prior_shares={**PRIOR_SHARES, **document.get("priors", {})},
    )


def judge_confidence(
    name: str, policy: ConfidencePolicy, *, explicit: object = None, email_status: EmailStatus = EmailStatus.UNKNOWN
) -> Confidence | None:
    """Return how sure a value is, or None for a field that has no confidence.

    Args:
        name: Canonical field.
        policy: The numbers.
        explicit: The number that the row itself gives, on the policy's scale; anything else is ignored.
        email_status: Status of the row, else of the request that found it; counts for the e-mail alone.
    """
    share = None if explicit is None else _read_share(explicit, policy.scale)
    if share is not None:
        return Confidence(share=share, origin=ConfidenceOrigin.EXPLICIT)
    if name == "email":
        return Confidence(share=policy.status_shares[email_status], origin=ConfidenceOrigin.STATUS)
    prior = policy.prior_shares.get(name)
    return None if prior is None else Confidence(share=prior, origin=ConfidenceOrigin.PRIOR)


def lead_confidence_percent(confidences: Mapping[str, Confidence]) -> int:
    """Return the least confidence among the values that identify the person, 0 to 100."""
    shares = [confidences[name].share for name in IDENTIFYING_FIELDS if name in confidences]
    return round(min(shares, default=0.0) * 100)


def _read_share(explicit: object, scale: int) -> float | None:
    """Return an explicit number as a share; one outside the scale is no number we understand."""
    if isinstance(explicit, bool) or not isinstance(explicit, int | float | str):
        return None
    try:
        share = float(explicit) / scale
    except (ValueError, OverflowError):
        return None
    return share if 0 <= share <= 1 else None

"""How sure we are of a value."""

import pytest

from lead_pipeline.domain.confidence import (
    DEFAULT_CONFIDENCE_THRESHOLD,
    ConfidencePolicy,
    judge_confidence,
    lead_confidence_percent,
    parse_confidence_policy,
)
from lead_pipeline.domain.leads import Confidence, ConfidenceOrigin
from lead_pipeline.domain.normalize.emails import EmailStatus

EXPLICIT, STATUS, PRIOR, _ = ConfidenceOrigin


@pytest.mark.parametrize(
    ("name", "explicit", "status", "share", "origin"),
    [
        ("email", 0.9, EmailStatus.VERIFIED, 0.9, EXPLICIT),
        ("email", "0.9", EmailStatus.VERIFIED, 0.9, EXPLICIT),
        ("email", None, EmailStatus.VERIFIED, 0.98, STATUS),
        ("email", None, EmailStatus.LIKELY, 0.65, STATUS),
        ("email", None, EmailStatus.UNKNOWN, 0.65, STATUS),
        ("email", 42, EmailStatus.VERIFIED, 0.98, STATUS),
        ("email", "high", EmailStatus.VERIFIED, 0.98, STATUS),
        ("email", True, EmailStatus.VERIFIED, 0.98, STATUS),
        ("phone", None, EmailStatus.VERIFIED, 0.85, PRIOR),
        ("title", None, EmailStatus.UNKNOWN, 0.70, PRIOR),
        ("linkedin_url", None, EmailStatus.UNKNOWN, 0.92, PRIOR),
    ],
)
def test_explicit_beats_status_beats_what_is_usual(
    name: str, explicit: object, status: EmailStatus, share: float, origin: ConfidenceOrigin
) -> None:
    judged = judge_confidence(name, ConfidencePolicy(), explicit=explicit, email_status=status)

    assert judged == Confidence(share=share, origin=origin)


def test_stamps_have_no_confidence() -> None:
    assert judge_confidence("synced_at", ConfidencePolicy()) is None


def test_the_scale_is_configured_and_not_guessed() -> None:
    policy = parse_confidence_policy({"scale": 100, "status": {"likely": 0.5}, "priors": {"title": 0.6}})

    assert judge_confidence("title", policy, explicit=80) == Confidence(share=0.8, origin=EXPLICIT)
    assert judge_confidence("title", policy) == Confidence(share=0.6, origin=PRIOR)
    assert judge_confidence("email", policy, email_status=EmailStatus.LIKELY) == Confidence(share=0.5, origin=STATUS)


def test_a_likely_address_stays_below_the_threshold() -> None:
    judged = judge_confidence("email", ConfidencePolicy(), email_status=EmailStatus.LIKELY)

    assert judged is not None
    assert judged.share < DEFAULT_CONFIDENCE_THRESHOLD


def test_a_lead_is_as_sure_as_its_least_sure_identifying_value() -> None:
    def sure(share: float) -> Confidence:
        return Confidence(share=share, origin=PRIOR)

    assert lead_confidence_percent({"email": sure(0.98), "last_name": sure(0.5), "title": sure(0.1)}) == 50
    assert lead_confidence_percent({}) == 0

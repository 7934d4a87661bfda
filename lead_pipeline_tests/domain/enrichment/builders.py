"""Questions, answers and capabilities for tests: plain by default, each test names what it varies."""

from __future__ import annotations

from typing import Any

from lead_pipeline.domain.enrichment.questions import CallTerms, ProviderCapabilities, Question, QuestionKey


def question(number: int = 1, **changes: Any) -> Question:
    """A person with a profile address, of whom the phone is wanted."""
    facts: dict[str, Any] = {
        "dievio_lead_id": f"li-{number:04}",
        "segment": "saas_us",
        "wanted": frozenset({"phone"}),
        "linkedin_url": f"https://www.linkedin.com/in/person-{number:04}",
        **changes,
    }
    return Question(**facts)


def nameless(number: int = 1, **changes: Any) -> Question:
    """A person without profile address, known by name and domain."""
    facts = {"linkedin_url": None, "first_name": "Jane", "last_name": f"Doe{number}", "company_domain": "acme.com"}
    return question(number, **{**facts, **changes})


def capabilities(**changes: Any) -> ProviderCapabilities:
    """A provider that looks profiles up in twos, and names one by one at two credits."""
    facts: dict[str, Any] = {
        "name": "dievio",
        "label": "Dievio",
        "fields": frozenset({"phone", "email"}),
        "terms": {
            QuestionKey.LINKEDIN_URL: CallTerms(batch_size=2),
            QuestionKey.NAME_AND_DOMAIN: CallTerms(batch_size=1, credits_at_most=2),
        },
        **changes,
    }
    return ProviderCapabilities(**facts)
